"""The harness for prompts (`benchmarks/prompts.py`) on recorded replies: what it counts is what there is."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asked import history
from replies import GOOD
from scripted import Scripted, client
from test_architecture import by_path
from test_roles import BRIEF, gated, idea

from autoreward.llm.conversation import Tools
from autoreward.llm.replay import ReplayModel
from autoreward.llm.types import Prompt, Reply, Tool, ToolCall

ROOT = Path(__file__).parent.parent
by_path("shapes", ROOT / "benchmarks" / "shapes.py")
prompts = by_path("prompts", ROOT / "benchmarks" / "prompts.py")
SHAPES = ROOT / "benchmarks" / "data" / "shapes"
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
    found = prompts.measured(client(model, tmp_path), BRIEF, prompts.Asked(4), gated, None)
    assert (found.read, found.answers) == (3, 4)
    assert (found.programs, found.at_first, found.repaired, found.distinct) == (4, 2, 3, 2)
    assert (found.critic, found.ranks, found.copies) == ("read", (), 0)
    assert found.row("toy").startswith("| toy | 3 of 4 | 4 | 2 | 3 | 2 | 0 |  | read |")
    assert found.row("toy").count("|") == prompts.HEAD.count("|")


def test_programs_can_be_asked_for_one_by_one_up_to_their_number(tmp_path: Path) -> None:
    fence = f"An idea.\n\n```python\n{GOOD}```\n"
    script: dict[str, Any] = {"r000-ideas": {"ideas": ["come near", "slow down", "stay"]}, "r000-program-0": fence}
    script |= {f"r000-program-1{again}": "I can't." for again in ("", "-again-1", "-again-2")}
    script |= {"r000-program-2": fence.replace("0.1", "0.3"), "r000-program-3": fence.replace("0.1", "0.4")}
    model = Scripted(script)
    asked = prompts.Asked(3, "each", drafts_alone=True)
    found = prompts.measured(client(model, tmp_path), BRIEF, asked, gated, None)
    assert (found.programs, found.at_first, found.distinct) == (3, 3, 3)
    assert (found.read, found.answers, found.critic) == (4, 7, "not asked")
    first, second = model.asked["r000-ideas"], model.asked["r000-program-0"]
    assert first.partition("# Answer")[0] == second.partition("# The idea")[0], "kept by providers"
    assert '"come near"' in second
    assert "differs from all of these: come near; slow down; stay" in model.asked["r000-program-3"]


@pytest.mark.parametrize(("shape", "answers"), [("one", 1), ("each", 5)])
@pytest.mark.parametrize("task", sorted(path.name for path in SHAPES.iterdir() if path.is_dir()))
def test_the_recorded_answers_of_both_shapes_hold_their_programs(
    task: str, shape: str, answers: int, tmp_path: Path
) -> None:
    """Read by the toy's prompts and judged by the gate alone: no environment is needed."""
    asked = prompts.Asked(4, shape, drafts_alone=True)
    found = prompts.measured(client(ReplayModel(SHAPES / task), tmp_path), BRIEF, asked, gated, None)
    assert (found.read, found.answers) == (answers, answers)
    assert (found.programs, found.at_first, found.distinct) == (4, 4, 4)


class Caller(Scripted):
    """Calls a tool before its first answer, where there is one."""

    def ask(self, prompt: Prompt) -> Reply:
        if not prompt.tools or prompt.exchanges:
            return super().ask(prompt)
        self.asked[prompt.key] = prompt.text
        call = ToolCall(id="c0", name="check", arguments=json.dumps({"program": GOOD}))
        return Reply(text="", model="script", calls=(call,))


def test_the_same_question_is_answered_with_tools_and_without(tmp_path: Path) -> None:
    """The control differs in the tools alone; turns in which something is called are no answers."""
    script = {key: {"ideas": [idea()]} for key in ("r000-designer", "r000-designer-turn-1")}
    tools = Tools((Tool("check", "Whether it may train.", {"type": "object"}),), lambda name, arguments: "It may.", 3)
    rows, questions = [], []
    for number, offered in enumerate((None, tools)):
        model = Caller(script)
        asked = prompts.Asked(1, drafts_alone=True, tools=offered)
        rows.append(prompts.measured(client(model, tmp_path / str(number)), BRIEF, asked, gated, None))
        questions.append(model.asked["r000-designer"])
    without, with_tools = rows
    assert questions[0] == questions[1]
    assert (without.called, with_tools.called) == (0, 1)
    assert (without.read, without.answers) == (with_tools.read, with_tools.answers) == (1, 1)
    assert with_tools.input_tokens > without.input_tokens
    assert with_tools.output_tokens > without.output_tokens


def test_the_first_question_may_be_another_version_s(tmp_path: Path) -> None:
    (tmp_path / f"{BRIEF.task.name}.md").write_text("As it was.")
    model = Scripted({"r000-designer": {"ideas": [idea()]}})
    asked = prompts.Asked(1, prompts=tmp_path, drafts_alone=True)
    assert prompts.measured(client(model, tmp_path), BRIEF, asked, gated, None).at_first == 1
    assert model.asked == {"r000-designer": "As it was."}


@pytest.mark.parametrize(
    ("source", "copied"),
    [
        (EXAMPLE, True),
        (COPY, True),
        (COPY.replace("}\n", ', "calm": -np.abs(next_state.v[:, 0])}\n'), True),
        ("FLAG = 0.5\n" + COPY.replace("(d < 0.2)", "(d < FLAG)"), True),
        (EXAMPLE.replace("next_state.x", "next_state.y"), False),
        (GOOD, False),
        ("def compute_reward(:", False),
    ],
    ids=[
        "itself",
        "other names and numbers",
        "with a part more",
        "a named number",
        "another field",
        "another idea",
        "no python",
    ],
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
