"""The harness for prompts (`benchmarks/prompts.py`) on recorded replies: what it counts is what there is."""

import subprocess
import sys
from pathlib import Path

import pytest
from asked import history
from replies import GOOD
from scripted import Scripted, client
from test_architecture import by_path
from test_roles import BRIEF, gated, idea

ROOT = Path(__file__).parent.parent
prompts = by_path("prompts", ROOT / "benchmarks" / "prompts.py")
HEAD = "def compute_reward(state, action, next_state, memory):\n    gap = np.abs(next_state.x)\n"
EXAMPLE = HEAD + '    return {"near": -gap, "arrive": 1.0 * (gap < 0.01)}\n'
COPY = EXAMPLE.replace("gap", "d").replace("0.01", "0.2").replace('"near"', '"close"')


def test_a_round_is_counted(tmp_path: Path) -> None:
    broken, twin = "import os\n" + GOOD, GOOD.replace("Close to zero.", "Near zero.")
    script = {
        "r000-designer": "I'd rather talk.",
        "r000-designer-again-1": {"ideas": [idea(), idea(twin), idea(broken), idea("import sys\n" + GOOD)]},
        "r000-repair-0-r000c2": {"revisions": [{"id": "r000c2", "source": GOOD.replace("0.1", "0.2")}]},
        "r000-critic-0": {"remarks": []},
    }
    model = Scripted(script, lambda prompt: {"revisions": []})
    found = prompts.measured(client(model, tmp_path), BRIEF, 4, gated, None)
    assert (found.read, found.answers) == (3, 4)
    assert (found.programs, found.at_first, found.repaired, found.distinct) == (4, 2, 3, 2)
    assert (found.critic, found.ranks, found.copies) == ("read", (), 0)
    assert found.row("toy").startswith("| toy | 3 of 4 | 4 | 2 | 3 | 2 | 0 |  | read |")
    assert found.row("toy").count("|") == prompts.HEAD.count("|")


@pytest.mark.parametrize(
    ("source", "copied"),
    [
        (EXAMPLE, True),
        (COPY, True),
        (COPY.replace("}\n", ', "calm": -np.abs(next_state.v[:, 0])}\n'), True),
        (EXAMPLE.replace("next_state.x", "next_state.y"), False),
        (GOOD, False),
        ("def compute_reward(:", False),
    ],
    ids=["itself", "other names and numbers", "with a part more", "another field", "another idea", "no python"],
)
def test_a_copy_is_told_from_an_idea(source: str, copied: bool) -> None:
    assert prompts.is_copy(source, prompts.parts(EXAMPLE)) is copied


def test_the_example_of_a_prompt_is_found() -> None:
    from autoreward.roles.designer import design_prompt

    assert prompts.parts(prompts.example_of(design_prompt(BRIEF, history(BRIEF.task), 4)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "row"),
    [("mountain-car", "| 1 of 1 | 3 | 3 | 3 | 3 | 0 |"), ("cartpole-hold", "| 2 of 2 | 3 | 2 | 3 | 3 | 0 |")],
)
def test_recorded_replies_have_their_row(task: str, row: str) -> None:
    command = [sys.executable, ROOT / "benchmarks" / "prompts.py", "--tasks", task]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"| {task} {row}" in done.stdout
