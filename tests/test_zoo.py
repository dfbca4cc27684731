"""The zoo: each of its environments ends every stage as the table says, in this process and, a part of them, in real ones."""

import importlib
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gymnasium
import pytest
import zoo_real
from in_process import HERE
from zoo_cases import CASES, ON_EVERY_CHANGE, TRAINED_TWINS, TWINS, WHOLE, WILD, WORKS, Outcome

from autoreward.errors import AutorewardError
from autoreward.records import Description
from autoreward.tasks.card import Task
from autoreward.tasks.draft.guess import draft_task
from autoreward.tasks.draft.write import card_text
from autoreward.tasks.files import parse_task, placeholder_task
from autoreward.worker.jobs.audit import audit
from autoreward.worker.jobs.describe import describe
from autoreward.worker.jobs.records import AuditJob, DescribeJob, SurveyJob
from autoreward.worker.jobs.survey import survey

NOT_YET: dict[str, frozenset[str]] = {}
"""Environments that do not end yet as they should, by the test that shows it. An entry that has come right fails its test."""
QUIET = sorted(env for env in CASES if env not in WILD and CASES[env].init.kind != "fault")
"""Tried in the process of the test."""
REAL = sorted(env for env in CASES if CASES[env].train or CASES[env].init.kind == "fault")
"""Tried in workers."""
CHECKED = [env for env in QUIET if env not in REAL and CASES[env].init == WORKS]


def not_yet(test: str, envs: list[str]) -> list[Any]:
    """Parameters, of which those that are not yet right must fail."""
    mark = pytest.mark.xfail(strict=True, reason="not yet right; if it is now, take it out of NOT_YET")
    late = NOT_YET.get(test, frozenset())
    assert late <= set(envs), sorted(late - set(envs))
    return [pytest.param(env, marks=mark) if env in late else env for env in envs]


def drafted(env: str) -> str:
    """The text of the card that `init` would write."""
    with warnings.catch_warnings(action="ignore"):
        surveyed, _ = survey(SurveyJob(task=placeholder_task(env, {}, "zoo")), {}, HERE)
        return card_text(draft_task(surveyed, "zoo", "Do it.", {}))


def task_of(env: str) -> Task:
    return parse_task(drafted(env), Path("zoo/task.toml"))


def test_the_table_has_all_of_the_zoo_and_nothing_else() -> None:
    for env in CASES:
        importlib.import_module(env.partition(":")[0])
    named = {env.partition(":")[2] for env in CASES}
    modules = sorted({env.partition(":")[0] for env in CASES})
    there = {path.stem for path in (Path(__file__).parent / "zoo").glob("*.py")} - {"__init__", "kit"}
    assert {module.removeprefix("zoo.") for module in modules} == there
    known = {name for name, spec in gymnasium.registry.items() if _of_the_zoo(spec)}
    assert known - named == set()
    assert len(CASES) >= 100
    assert sum(outcome == WORKS for outcome in WHOLE.values()) >= 40
    assert WHOLE.keys() <= CASES.keys()
    assert WHOLE.keys() >= ON_EVERY_CHANGE


def _of_the_zoo(spec: Any) -> bool:
    entry = spec.entry_point or spec.vector_entry_point
    return str(getattr(entry, "__module__", entry)).startswith("zoo.")


def is_as(expected: Outcome, answer: dict[str, Any], env: str) -> None:
    """A stage ended so."""
    if expected.kind == "fault":
        assert answer["kind"] in ("TaskError", "EnvironmentFault"), answer
        assert env.partition(":")[2].partition("-")[0] in answer["said"], "it names the environment"
        assert "reward program" not in answer["said"]
        assert len(answer["said"].splitlines()) == 1
    elif expected.kind == "refused":
        assert answer["kind"] in ("refused", "TaskError"), answer
        assert answer.get("code", 2) == 2
        assert len(answer["said"].splitlines()) == 1
    else:
        assert answer["kind"] == "works", answer
    assert expected.says in answer["said"]


def answered(do: Callable[[], str]) -> dict[str, Any]:
    """What a stage says: its text, or the one sentence by which it is refused."""
    try:
        return {"kind": "works", "said": do()}
    except AutorewardError as error:
        return {"kind": "TaskError", "said": str(error), "code": error.exit_code}


def failures(env: str) -> str:
    """What `--check` finds wrong with the card that `init` writes."""
    with warnings.catch_warnings(action="ignore"):
        report, _ = audit(AuditJob(task=task_of(env)), {}, HERE)
    return "; ".join(f"{item.name}: {item.message}" for item in report.items if not item.ok)


@pytest.mark.parametrize("env", not_yet("init", QUIET))
def test_a_card_is_drafted_or_one_sentence_says_why_not(env: str) -> None:
    answer = answered(lambda: drafted(env))
    is_as(CASES[env].init, answer, env)
    for part in CASES[env].card:
        assert part in answer["said"]


@pytest.mark.parametrize("env", not_yet("check", CHECKED))
def test_the_drafted_card_holds_against_its_environment(env: str) -> None:
    answer = answered(lambda: failures(env))
    is_as(CASES[env].check, answer | ({"kind": "refused"} if answer["said"] else {}), env)


def described(env: str) -> Description:
    """What is recorded of it, where its own place is what counts."""
    task = task_of(env)
    rule = task.success.model_copy(update={"when": f"{next(iter(task.state))} > 0.5", "within": "any step"})
    with warnings.catch_warnings(action="ignore"):
        job = DescribeJob(task=task.model_copy(update={"success": rule}), seed=0, demonstrated=False)
        return describe(job, {}, HERE)[0]


@pytest.mark.parametrize("env", not_yet("twins", list(TWINS)))
def test_what_is_said_in_two_ways_is_recorded_alike(env: str) -> None:
    one, other = described(env), described(TWINS[env])
    for mine, its in zip(one.state, other.state, strict=True):
        assert (mine.low, mine.high, mine.mean, mine.std) == pytest.approx((its.low, its.high, its.mean, its.std))
    assert [e.episode.success for e in one.reference_episodes] == [e.episode.success for e in other.reference_episodes]
    assert [e.episode.length for e in one.reference_episodes] == [e.episode.length for e in other.reference_episodes]


@pytest.mark.parametrize("env", not_yet("names", ["zoo.observations:Colliding-v0"]))
def test_keys_that_look_alike_stay_apart(env: str) -> None:
    fields = described(env).state
    assert len({(field.low, field.high, field.size) for field in fields}) == len(fields) >= 3


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zoo_real.interpreter(tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def found(python: Path, home: Path) -> dict[str, dict[str, Any]]:
    """What workers make of all of them, and commands of some."""
    alone = [{"env": env, "train": CASES[env].train is not None, "id": env} for env in REAL]
    return answers(python, home, [*alone, *whole(sorted(ON_EVERY_CHANGE))])


@pytest.fixture(scope="module")
def found_at_night(python: Path, home: Path) -> dict[str, dict[str, Any]]:
    """What commands make of the others."""
    return answers(python, home, whole(sorted(WHOLE.keys() - ON_EVERY_CHANGE)))


def whole(envs: Sequence[str]) -> list[dict[str, Any]]:
    """Questions for all that commands make of environments."""
    return [{"whole": env, "id": f"whole {env}"} for env in envs]


def answers(python: Path, home: Path, questions: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By two processes side by side."""
    parts = [questions[0::2], questions[1::2]]
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda part, name: zoo_real.asked(python, part, home / name), parts, ("a", "b")))
    return {q["id"]: a for part, told in zip(parts, said, strict=True) for q, a in zip(part, told, strict=True)}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("env", not_yet("workers", REAL))
def test_workers_end_each_stage_as_the_table_says(env: str, found: dict[str, dict[str, Any]]) -> None:
    for stage, expected in (("init", CASES[env].init), ("check", CASES[env].check), ("train", CASES[env].train)):
        if expected is None:
            return
        is_as(expected, found[env].get(stage, {"kind": "not reached", "said": ""}), env)
        if expected.kind == "fault":
            return


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("env", not_yet("trained twins", list(TRAINED_TWINS)))
def test_what_is_said_in_two_ways_is_learnt_alike(env: str, found: dict[str, dict[str, Any]]) -> None:
    one, other = found[env]["train"]["curve"], found[TRAINED_TWINS[env]]["train"]["curve"]
    assert len(one) == len(other) > 1
    for mine, its in zip(one, other, strict=True):
        assert mine["episode_return"] == pytest.approx(its["episode_return"], rel=1e-3)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("env", not_yet("whole", sorted(ON_EVERY_CHANGE)))
def test_a_person_gets_from_the_id_to_what_is_exported(env: str, found: dict[str, dict[str, Any]]) -> None:
    goes_all_the_way(env, found[f"whole {env}"]["commands"])


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("env", not_yet("whole at night", sorted(WHOLE.keys() - ON_EVERY_CHANGE)))
def test_with_every_other_one_too(env: str, found_at_night: dict[str, dict[str, Any]]) -> None:
    goes_all_the_way(env, found_at_night[f"whole {env}"]["commands"])


def goes_all_the_way(env: str, said: list[dict[str, Any]]) -> None:
    """The commands end as the table says."""
    if WHOLE[env] != WORKS:
        assert (len(said), said[0]["code"]) == (1, 2)
        assert WHOLE[env].says in said[0]["said"]
        return
    assert [answer["code"] for answer in said] == [0] * len(zoo_real.commands(env)), said[-1]
    assert "reward.py" in said[-1]["said"]
    assert "Traceback" not in "".join(answer["said"] for answer in said)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_is_left_on_the_host(found: dict[str, dict[str, Any]], home: Path) -> None:
    """No cache of an environment's, nothing in the temporary folder: only what the commands were asked for."""
    assert found
    for part in (home / "a", home / "b"):
        assert {path.name for path in part.iterdir()} <= {"tmp", "envs", "runs", "taken", ".config"}
        assert list((part / "tmp").iterdir()) == []
