"""`autoreward score`: what is decided from paired seeds, what is kept by content, and what a budget holds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from autoreward.cli import app
from autoreward.evaluation.keep_or_revert import FEWEST, LEVEL, keep_or_revert
from autoreward.evaluation.pairs import better_by_chance
from autoreward.records import Paired

RATES = st.floats(0.0, 1.0)


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict", "more"),
    [
        ([0.9] * 5, [0.5] * 5, "keep", 0),
        ([0.5] * 5, [0.9] * 5, "revert", 0),
        ([0.9] * 4, [0.5] * 4, "not enough seeds", 1),  # the chance of four that agree is 1 / 16
        ([0.9], [0.5], "not enough seeds", 4),
        ([0.5] * 5, [0.5] * 5, "revert", 0),  # nothing tells them apart: what is there stays
        ([0.5] * 3, [0.5] * 3, "not enough seeds", 2),
        ([0.9, 0.1, 0.9, 0.1, 0.9], [0.5] * 5, "not enough seeds", 77),  # (1.645 s / m)^2 with m 0.08, s 0.438
        ([0.501, 0.1, 0.9, 0.1, 0.9], [0.5] * 5, "revert", 0),  # beyond a hundred seeds
    ],
)
def test_known_answers(ours: list[float], theirs: list[float], verdict: str, more: int) -> None:
    ruling = keep_or_revert(ours, theirs)
    assert (ruling.verdict, ruling.more) == (verdict, more), ruling


@settings(max_examples=60)
@given(st.lists(st.tuples(RATES, RATES), min_size=1, max_size=9))
def test_nobody_is_kept_within_chance_and_turning_the_pair_turns_the_ruling(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    ruling, turned = keep_or_revert(ours, theirs), keep_or_revert(theirs, ours)
    assert (ruling.verdict == "keep") == (better_by_chance(ours, theirs) <= LEVEL)
    assert not (ruling.verdict == turned.verdict == "keep")
    assert turned.verdict != "keep" or ruling.verdict == "revert"
    assert (ruling.more > 0) == (ruling.verdict == "not enough seeds")
    assert ruling.verdict == "not enough seeds" or len(pairs) >= FEWEST


FILE = """\
def compute_reward(state, action, next_state, memory):
    return {"far": next_state.position}
"""


def score(*words: str, cwd: Path) -> tuple[int, dict[str, object]]:
    command = [sys.executable, "-m", "autoreward", "score", *words, "--task", "mountain-car", "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
    )
    (line,) = done.stdout.splitlines()
    return done.returncode, json.loads(line)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("native", "--against", "native"), "same program"),
        (("mine.py", "--against", "copy.py"), "same program"),
        (("mine.py", "--against", "native", "--seeds", "0"), "--seeds 0: write a number from 1 to 100."),
        (("mine.py", "--against", "native", "--budget", "0"), "--budget 0: write a number"),
        (("nowhere.py", "--against", "native"), "can't be read"),
    ],
)
def test_what_can_not_be_compared_is_said_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    from autoreward.core.wording import in_shell
    from autoreward.errors import UsageError

    monkeypatch.chdir(tmp_path)
    for name in ("mine.py", "copy.py"):
        (tmp_path / name).write_text(FILE)
    error = CliRunner().invoke(app, ["score", *words, "--task", "mountain-car"]).exception
    assert isinstance(error, UsageError), error
    assert says in error.worded(in_shell)
    assert not (tmp_path / "runs").exists()


@pytest.mark.nightly
def test_nothing_is_trained_twice_and_nothing_beyond_the_budget(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FILE)
    plain = ("--against", "native", "--steps", "600", "--episodes", "2")
    code, first = score("mine.py", *plain, "--seeds", "1", cwd=tmp_path)
    assert (code, first["kind"], first["verdict"], first["more_seeds"]) == (1, "Paired", "not enough seeds", 4)
    assert (first["trainings"], first["env_steps"]) == (2, 1200)
    (tmp_path / "mine.py").rename(tmp_path / "renamed.py")
    _, again = score("renamed.py", *plain, "--seeds", "1", cwd=tmp_path)
    assert (again["trainings"], again["taken"], again["env_steps"]) == (0, 2, 0)
    same = {k: v for k, v in again.items() if k not in ("trainings", "taken", "env_steps", "reward")}
    assert same == {k: v for k, v in first.items() if k in same}
    _, more = score("renamed.py", *plain, "--seeds", "3", "--budget", "1300", cwd=tmp_path)
    assert (more["seeds"], more["asked_seeds"], more["trainings"], more["taken"]) == (2, 3, 2, 2)
    assert Paired.model_validate({k: v for k, v in more.items() if k not in ("form", "kind")})
    code, error = score("renamed.py", *plain, "--seeds", "1", "--budget", "100", "--seed", "7", cwd=tmp_path)
    assert (code, error["kind"], error["code"], error["way_out"]) == (2, "Error", "UsageError", ["--budget 1200"])
    (tmp_path / "renamed.py").write_text("import os\n" + FILE)
    code, error = score("renamed.py", *plain, "--seeds", "1", cwd=tmp_path)
    assert (code, "may not train" in str(error["message"])) == (2, True)
    assert error["way_out"] == ["autoreward check FILE --task mountain-car"]
