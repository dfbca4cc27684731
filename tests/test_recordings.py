"""Whole designer-critic-analyzer runs from recorded conversations, with real training; and no key anywhere in them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from fake_provider import Answer, provider
from replies import GOOD

from autoreward.records import Analyses, Candidates, Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
RECORDINGS = Path(__file__).parent / "recordings"
MADE_WITH = {
    "mountain-car": "--candidates 3 --rounds 2 --steps 10000",
    "cartpole-hold": "--candidates 3 --rounds 2 --steps 30000",
    "reacher": "--candidates 2 --rounds 2 --steps 20000",
}
"""The settings under which the conversations were recorded."""


def autoreward(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "autoreward", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | variables,
    )


def replay(task: str, source: Path, runs: Path, name: str) -> Path:
    done = autoreward(
        "run", task, "--model", f"replay:{source}", "--runs", str(runs), "--name", name, "--finalist-seeds", "0",
        "--confirm-seeds", "0", "--target", "0.99", *MADE_WITH[task].split(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return runs / name


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The whole run of a task's recorded conversation, made once."""
    return cache(lambda task: replay(task, RECORDINGS / task, tmp_path_factory.mktemp(task), "first"))


def candidates(folder: Path, number: int) -> Candidates:
    return Candidates.model_validate_json((folder / f"rounds/{number:03d}/candidates.json").read_bytes())


def evidence_is_checked(folder: Path, analyses: Analyses) -> None:
    """What the model pointed at is kept where its prompt showed it, and a finding where it didn't.

    Which is which depends on the processor: a training's last bits decide whether an episode was the best or a success.
    """
    reply = json.loads((folder / "replies/r000-analyzer.json").read_text())["reply"]["text"]
    prompt = (folder / "replies/r000-analyzer.prompt.md").read_text()
    shown: dict[tuple[str, str], int] = {}
    for section in re.split(r"^# (?=r000c)", prompt, flags=re.MULTILINE)[1:]:
        for name, length in re.findall(r"^Episode `(\w+)`, (\d+) steps", section, re.MULTILINE):
            shown[section.partition(":")[0], name] = int(length)
    assert shown
    cited = [(cause["id"], cause["episode"], cause["steps"]) for cause in json.loads(reply)["causes"]]
    there = [(c, e, [s for s in steps if s <= shown[c, e]]) for c, e, steps in cited if (c, e) in shown]
    kept = [(a.candidate_id, why.episode, list(why.steps)) for a in analyses.items for why in a.causes]
    assert sorted(kept) == sorted(there)
    wrong = sum((c, e) not in shown or max(steps) > shown[c, e] for c, e, steps in cited)
    assert len(analyses.findings) == wrong


@pytest.mark.parametrize(
    "task",
    ["mountain-car", *(pytest.param(task, marks=pytest.mark.nightly) for task in ("cartpole-hold", "reacher"))],
)
def test_a_recorded_conversation_is_a_whole_run(task: str, replayed: Callable[[str], Path]) -> None:
    folder = replayed(task)
    run = Run.model_validate_json((folder / "result.json").read_bytes())
    assert run.best
    assert (folder / "best" / "reward.py").exists()
    explained = folder / "rounds/000/analyses.json"
    if run.rounds == 1 and "reached the target" in run.stop:
        assert not explained.exists(), "nobody would read it"
    else:
        analyses = Analyses.model_validate_json(explained.read_bytes())
        assert analyses.items
        evidence_is_checked(folder, analyses)
    if task == "mountain-car":
        (reworked,) = [c for c in candidates(folder, 0).items if c.parents == ("r000c2",)]
        assert '"time"' in reworked.source, "the critic's objection was met, beside the original"
    if task == "cartpole-hold":
        (repaired,) = [c for c in candidates(folder, 0).items if c.id == "r000c1"]
        assert "np.where" in repaired.source, "the dry run's finding was met"
    if task == "reacher":
        assert run.rounds == 2
        assert candidates(folder, 1).items[0].parents == ("r000c0",)


def test_a_run_is_its_own_replay(replayed: Callable[[str], Path]) -> None:
    """The same candidates without a call, from the run's folder."""
    first = replayed("mountain-car")
    again = replay("mountain-car", first, first.parent, "again")
    assert candidates(again, 0) == candidates(first, 0)
    one, other = (Run.model_validate_json((folder / "result.json").read_bytes()) for folder in (first, again))
    for run in (one, other):  # whoever replays was never asked what the rule forgot, and each says so by its own name
        assert [f.partition(" ends here: ")[2] for f in run.audit.findings] == [
            "it has no reply to r000-auditor-winner"
        ]
    unheard = {"audit": one.audit.model_copy(update={"findings": ()})}
    assert other.model_copy(update=unheard) == one.model_copy(update=unheard)
    assert other.audit.model_copy(update={"findings": ()}) == unheard["audit"]


def test_a_key_is_nowhere(tmp_path: Path) -> None:
    """A run with a real SDK and a key: no file of the run, no output and no child process has it."""
    secret, another = "sk-" + "very-secret-" * 4, "sk-" + "for-another-" * 4
    idea = {"thought": "x", "parent": "", "composition": "sum", "source": GOOD.replace("next_state.x", "next_state.position")
            .replace("next_state.v).sum(axis=-1)", "next_state.velocity)")}  # fmt: skip
    answers = [
        Answer(json.dumps({"ideas": [idea]})),
        Answer(json.dumps({"remarks": []})),
    ]
    with provider(*answers) as server:
        done = autoreward(
            "run", "mountain-car", "--model", f"openai+{server.url}/v1:some-model", "--runs", str(tmp_path), "--name", "r",
            "--candidates", "1", "--rounds", "1", "--steps", "4096", "--finalist-seeds", "0", "--confirm-seeds", "0",
            AUTOREWARD_SERVER_KEY=secret, OPENAI_API_KEY=another,
        )  # fmt: skip
        assert any(secret in str(headers) for headers in server.headers), "the server was given its key"
        assert not any(another in str(headers) for headers in server.headers), "and no other provider's"
    assert done.returncode == 0, done.stderr
    assert "price not known" in done.stdout
    assert not {key for key in (secret, another) if key in done.stdout + done.stderr}
    files = [path for path in (tmp_path / "r").rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files for key in (secret, another) if key.encode() in path.read_bytes()]
