"""Policies written as code: their contract, what is refused, and how they stand beside trained ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batches import batch, practice
from fake_steps import FakeSteps
from kept import kept
from replies import GOOD
from scripted import Scripted, client
from test_roles import BRIEF

from autoreward import events
from autoreward.checks.controllers import fault_sentence, review_controller, seen_practice
from autoreward.checks.samples import Practice
from autoreward.config import RunConfig
from autoreward.core.contract import CONTROLLER_SIGNATURE
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.errors import TaskError
from autoreward.loop import improve
from autoreward.records import (
    CONTROLLER_EPISODES,
    REFERENCE_EPISODES,
    Controllers,
    Description,
    Episode,
    Finding,
    PlayedController,
    ReferenceEpisode,
    Run,
)
from autoreward.records import SAMPLES as SAMPLES_FILE
from autoreward.report.controllers import controller_sentences
from autoreward.report.phrases import describe_event, result_sentence
from autoreward.rewards.gate.gate import examine
from autoreward.roles.controller import controller_prompt, propose_controller
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.search.recorded import recorded
from autoreward.search.study import Study
from autoreward.session.controllers import ControllerTrials
from autoreward.session.real_steps import open_steps
from autoreward.store.book import Book, RunHeader, WithFiles
from autoreward.store.keys import CONTROLLERS, DESCRIPTION
from autoreward.store.trust import of_card
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, parse_task
from autoreward.training.workers import Workers
from autoreward.worker.jobs.records import DescribeJob
from autoreward.worker.jobs.script_record import ScriptJob

TASK = find_task("mountain-car", (envs_folder(),))
CARD = (envs_folder() / "mountain-car" / "task.toml").read_text()
SWING = '"""Push."""\n\n\ndef act(state, memory):\n    # 2 pushes right\n    return 2.0 * (state.velocity >= 0.0)\n'
COUNTS = "def act(state, memory):\n    n = memory.get('n', 0.0) + 1.0\n    memory['n'] = n\n    return n\n"
SAMPLES = batch()
EPISODE = Episode(
    success=True, length=10, terminated=True, reached=True, held=1.0, progress=1.0, metric=0.0, movement=1.0
)


def asked(jail: Jail, source: str, samples: Transitions = SAMPLES, stepped: bool = True) -> dict[str, Any]:
    with jail.open(source, signature=CONTROLLER_SIGNATURE) as room:
        return dict(room.client.evaluate(samples, stepped))


def test_an_answer_comes_back_number_by_number(jail: Jail) -> None:
    given = asked(jail, "def act(state, memory):\n    return state.v * 2.0\n", stepped=False)
    assert list(given) == ["action_0", "action_1"]
    assert np.array_equal(given["action_1"], 2.0 * SAMPLES.state["v"][..., 1])


def test_memory_begins_anew_with_each_episode(jail: Jail) -> None:
    assert np.array_equal(asked(jail, COUNTS)["action_0"], SAMPLES.step)


def test_a_room_for_a_controller_takes_no_reward_and_the_other_way_round(jail: Jail) -> None:
    with pytest.raises(RewardFailed, match=r"define one function act\(state, memory\)"):
        jail.open(GOOD, signature=CONTROLLER_SIGNATURE)
    with pytest.raises(RewardFailed, match="define one function compute_reward"):
        jail.open(COUNTS)


def test_action_is_a_name_like_any_other_in_a_controller() -> None:
    source = "def act(state, memory):\n    action = np.clip(state.x, -1.0, 1.0)\n    return action\n"
    assert not examine(source, signature=CONTROLLER_SIGNATURE).problems
    (problem,) = examine(source.replace("action", "state"), signature=CONTROLLER_SIGNATURE).problems
    assert "'state' already means something here" in problem.message


def seen(jail: Jail, source: str, unseen: Sequence[str] = ()) -> tuple[Outcome, str]:
    tried = seen_practice(practice(SAMPLES, limit=40), unseen)
    outcome, findings = review_controller(source, jail, tried)
    return outcome, fault_sentence(findings, outcome)


@pytest.mark.parametrize(
    "source",
    [
        COUNTS,
        "def act(state, memory):\n    return np.full_like(state.x, 3)\n",
        "def act(state, memory):\n    return np.stack([state.x, state.x, 2.0 * state.x], axis=-1)\n",
    ],
)
def test_what_keeps_the_contract_may_play(source: str, jail: Jail) -> None:
    """Also where one number of the action is the sum of the others, or grows: it is not paid."""
    assert seen(jail, source)[0] is Outcome.COMPLETED


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "def act(state, memory):\n    return state.x - state.x.mean()\n",
            "depends on the order of the rows|number of rows",
        ),
        (
            "def act(state, memory):\n    return 1\n",
            "must return an array with a row for each of the 4 states, not int|160 states",
        ),
        ("def act(state, memory):\n    return state.v[:2]\n", "returned shape"),
        ("def act(state):\n    return state.x\n", r"line 1: the signature must be act\(state, memory\)"),
        ("def act(state, memory):\n    return state.y\n", "line 2: AttributeError: state has no field 'y'"),
    ],
)
def test_what_does_not_is_told_why(source: str, words: str, jail: Jail) -> None:
    outcome, said = seen(jail, source)
    assert not outcome.ok
    with pytest.raises(TaskError, match=words):
        raise TaskError(said)


def test_what_the_policy_does_not_see_no_controller_reads(jail: Jail) -> None:
    source = "def act(state, memory):\n    return state.x\n"
    assert seen(jail, source)[0] is Outcome.COMPLETED
    assert "state has no field 'x'" in seen(jail, source, unseen=("x",))[1]


def with_program(folder: Path, source: str = SWING, named: str = "controller.py") -> Task:
    (folder / "mountain-car").mkdir(exist_ok=True)
    (folder / "mountain-car" / "controller.py").write_text(source)
    return parse_task(f'script = "{named}"\n{CARD}', folder / "mountain-car" / "task.toml")


def test_a_card_names_the_file_of_its_script(tmp_path: Path) -> None:
    task = with_program(tmp_path)
    assert (task.script, task.script_program, task.script_formula) == ("controller.py", SWING, None)
    assert "runs its controller.py" in of_card(task)[0].what, "a person lets it in, as other code of a card"


@pytest.mark.parametrize("named", ["gone.py", "../../controller.py", "/etc/passwd.py"])
def test_a_file_that_is_not_there_or_elsewhere_is_one_sentence(named: str, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"script = .* can't be read"):
        with_program(tmp_path, named=named)


def test_no_card_holds_the_text_itself(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="unknown key 'script_program'"):
        parse_task(f'script_program = "x"\n{CARD}', tmp_path / "task.toml")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_card_s_program_plays_like_its_formula_and_fails_in_one_sentence(tmp_path: Path, jail: Jail) -> None:
    formula = TASK.model_copy(update={"script": "2 * (velocity >= 0)"})
    with Workers(jail) as workers:
        program = with_program(tmp_path)
        (one, files), (other, same) = (workers.describe(task, 5) for task in (program, formula))
        assert one.reference_episodes == other.reference_episodes
        assert files[REFERENCE_EPISODES] == same[REFERENCE_EPISODES]
        assert [p.episode.success for p in one.reference_episodes if p.kind == "scripted"] == [True] * 10
        scores = [
            workers.look(ScriptJob(task=task, scoring=(1, 2, 3), recording=(4, 5)), {}) for task in (program, formula)
        ]
        assert scores[0] == scores[1]
        assert (scores[0][0].success, len(scores[0][0].recorded)) == (1.0, 2)
        assert list(scores[0][1]) == [CONTROLLER_EPISODES]
        for source, words in (
            ("def act(state, memory):\n    return 9.0 + state.velocity\n", "gives 9, which is no action of"),
            ("def act(state, memory):\n    return state.speed\n", r"controller.py line 2: .*no field 'speed'"),
            ("import os\n" + SWING, "script controller.py line 1: 'os' can't be imported"),
        ):
            with pytest.raises(TaskError, match=words):
                workers.describe(with_program(tmp_path, source), 5)


def test_a_search_plays_them_once_and_says_what_they_reach(tmp_path: Path) -> None:
    task = with_program(tmp_path)
    steps, heard = FakeSteps(), list[events.Event]()
    config = RunConfig(rounds=1, candidates=3, target=0.9, confirm_seeds=2)
    with Book.create(tmp_path / "run", RunHeader.of(task, config)) as book:
        run = improve(Study(task, config, steps, book, heard.append))
        assert improve(Study(task, config, steps, book, heard.append)) == run
    assert steps.done["controllers"] == 1
    (one,) = run.controllers
    (won,) = [c for c in run.confirmed if c.who == run.best]
    assert one.trained == won.estimate.value
    said = result_sentence(run)
    assert said.endswith(
        f"The card's controller of 1 line reaches 0.98 on held-out episodes (the best trained policy {one.trained:.2f}): you may "
        "not need training."
    )
    told = [describe_event(e) for e in heard if isinstance(e, events.ControllersPlayed)]
    assert told == ["  The card's controller of 1 line reaches 0.98 on held-out episodes: you may not need training."]


def test_without_a_script_nobody_plays(tmp_path: Path) -> None:
    steps, config = FakeSteps(), RunConfig(rounds=1, candidates=3, confirm_seeds=0)
    with Book.create(tmp_path / "run", RunHeader.of(TASK, config)) as book:
        run: Run = improve(Study(TASK, config, steps, book, lambda event: None))
        assert (run.controllers, book.has(CONTROLLERS)) == ((), False)


def test_what_is_said_of_one() -> None:
    weak = PlayedController(by="designer", text=SWING, success=0.4, trained=0.7)
    broken = PlayedController(by="designer", text=SWING, outcome=Outcome.BROKE_CONTRACT, message="it gives 9.")
    assert controller_sentences([weak, broken]) == [
        "The designer's controller of 3 lines reaches 0.40 on held-out episodes (the best trained policy 0.70).",
        "The designer's controller of 3 lines could not be played: it gives 9.",
    ]


def test_episodes_of_a_proposed_one_join_the_recorded(tmp_path: Path) -> None:
    config = RunConfig(propose_controller=True)
    shown = Controllers(episodes=(ReferenceEpisode(kind="scripted", episode=EPISODE),))
    with Book.create(tmp_path / "run", RunHeader.of(TASK, config)) as book:
        described = Description(state=(), action=(), max_steps=10, terminates=True, random_length=10)
        book.once(DESCRIPTION, lambda: described)
        assert recorded(book, ()) is None
        one = SAMPLES.cut(slice(0, 10), slice(0, 1))
        book.once(CONTROLLERS, lambda: WithFiles(shown, {CONTROLLER_EPISODES: one.to_bytes()}))
        dataset = recorded(book, ())
    assert dataset is not None
    assert [known.kind for known in dataset.episodes] == ["scripted"]


def passed(source: str) -> tuple[Outcome, tuple[Finding, ...]]:
    problems = examine(source, signature=CONTROLLER_SIGNATURE).problems
    found = tuple(Finding(rule=p.rule, message=p.message, line=p.line) for p in problems)
    return (Outcome.BROKE_CONTRACT if found else Outcome.COMPLETED), found


def test_a_designer_is_told_what_was_wrong_with_its_controller(tmp_path: Path) -> None:
    model = Scripted({
        "r000-controller": {"plan": "Look.", "source": "import os\n\n\n" + COUNTS},
        "r000-controller-mended": {"plan": "Count.", "source": COUNTS},
    })  # fmt: skip
    source, findings = propose_controller(client(model, tmp_path), "r000-controller", BRIEF, passed)
    assert source == COUNTS
    assert findings == (
        "r000-controller: line 1: 'os' can't be imported: np and math are there, nothing else is needed",
    )
    assert "'os' can't be imported" in model.asked["r000-controller-mended"]


def test_a_designer_that_gives_none_costs_two_questions(tmp_path: Path) -> None:
    model = Scripted({}, lambda prompt: {"plan": "No.", "source": "import os\n\n\n" + COUNTS})
    source, findings = propose_controller(client(model, tmp_path), "r000-controller", BRIEF, passed)
    assert (source, len(findings), len(model.asked)) == ("", 2, 2)


def test_golden_prompt() -> None:
    text = controller_prompt(BRIEF)
    assert text == kept(Path(__file__).parent / "golden" / "controller.md", text)


def test_no_worker_holds_the_text(tmp_path: Path) -> None:
    """A request has room for little, and a state.py may be long already."""
    task = with_program(tmp_path, f"{SWING}# {'x' * 70_000}\n")
    job = DescribeJob(task=task, seed=0, demonstrated=False)
    assert job.program == task.script_program
    assert len(job.request()) < 10_000


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_card_s_and_the_designer_s_play_in_a_run(tmp_path: Path) -> None:
    task, config = with_program(tmp_path), RunConfig(episodes=3)
    model = Scripted({}, lambda prompt: {"plan": "The other way.", "source": SWING.replace(">=", "<")})
    folder = tmp_path / "run"
    with (
        Book.create(folder, RunHeader.of(task, config)) as book,
        open_steps(task, config, book, lambda event: None) as (steps, workers),
    ):
        described = book.once(DESCRIPTION, steps.describe)
        card = book.once(CONTROLLERS, steps.controllers)
        tried = Practice.of(task, described, book.transitions(DESCRIPTION, SAMPLES_FILE))
        trials = ControllerTrials(task, config, workers, tried, described.grading)
        both = trials.all(client(model, tmp_path), lambda: BRIEF)
        broken = task.model_copy(
            update={"script_program": "def act(state, memory):\n    return state.velocity.mean()\n"}
        )
        with pytest.raises(TaskError, match=r"script controller\.py: line 2|script controller\.py: act must return"):
            ControllerTrials(broken, config, workers, tried, described.grading).all(None, lambda: BRIEF)
    assert [(c.by, c.success, c.enough, c.lines) for c in card.items] == [("card", 1.0, True, 3)]
    assert [(c.by, c.success, c.enough) for c in both.record.items] == [("card", 1.0, True), ("designer", 0.0, False)]
    assert (len(both.record.episodes), list(both.files)) == (10, [CONTROLLER_EPISODES])
