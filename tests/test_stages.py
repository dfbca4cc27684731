"""Stages of a success rule on hand-made episodes, against known answers and an oracle that tries every way."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fake_steps import FakeSteps
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.design.grammar.next_stage import StageLadder
from autoreward.evaluation.stages import stages_cell, stages_of_episodes, stages_over_trainings, where_they_stop
from autoreward.evaluation.symptoms import breaks_what_must_hold, stops_at_a_stage
from autoreward.loop import improve
from autoreward.records import Episode, Score, Trial
from autoreward.report.html import render
from autoreward.report.reading import read_run
from autoreward.report.tables import show_candidate, show_run
from autoreward.report.terminal import Terminal
from autoreward.search.study import Study
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.tasks.success_table import Success
from autoreward.worker.success import ALMOST, SuccessRule

A = {"name": "right", "when": "position > 0.5"}
B = {"name": "left", "when": "position < -0.5"}


def card(*stages: dict[str, Any], **rule: Any) -> Task:
    task = find_task("mountain-car", (envs_folder(),))
    return Task.model_validate(task.model_dump() | {"success": {"stages": stages, **rule}})


def judged(task: Task, *positions: float, terminated: bool = False) -> Episode:
    states = {"position": np.array(positions), "velocity": np.zeros(len(positions))}
    return SuccessRule(task, max_steps=10).episode(states, terminated, movement=0.1)


def test_what_comes_before_its_turn_does_not_count() -> None:
    wrong, right = judged(card(A, B), -0.6, 0.6, 0.0), judged(card(A, B), 0.6, -0.6, 0.0)
    assert (wrong.success, wrong.stage, wrong.stage_steps) == (False, 1, (2, 0))
    assert (right.success, right.stage, right.stage_steps, right.progress) == (True, 2, (1, 2), 1.0)


def test_in_any_order_it_does() -> None:
    assert judged(card(A, B, any_order=True), -0.6, 0.6).stage_steps == (2, 1)
    assert judged(card(A, B, any_order=True), -0.6, 0.6).success


def test_a_stage_can_be_too_late() -> None:
    task = card(A | {"by": 3}, B | {"by": 4})
    assert judged(task, 0.0, 0.0, 0.6, -0.6).success
    assert judged(task, 0.0, 0.0, 0.6, 0.0, -0.6).stage_steps == (3, 0)
    assert judged(task, 0.0, 0.0, 0.0, 0.6, -0.6).stage_steps == (0, 0)


def test_a_stage_is_held_in_a_row_and_durations_may_be_seconds() -> None:
    for task in (card(A | {"hold": 2}), card(A | {"hold": "0.1 s"}, dt=0.05)):
        assert not judged(task, 0.6, 0.0, 0.6).success
        assert judged(task, 0.6, 0.0, 0.6, 0.6, 0.0).stage_steps == (4,)


def test_what_must_always_hold_fails_the_episode_and_takes_its_share_of_progress() -> None:
    task = card(A, B, always="position < 0.9")
    assert judged(task, 0.6, -0.6, 0.0, 0.0).success
    broken = judged(task, 0.6, -0.6, 0.0, 1.0)
    assert (broken.success, broken.stage, broken.always) == (False, 2, 0.75)
    assert broken.progress == pytest.approx(0.75)


def test_progress_counts_stages_and_how_near_the_next_one_came() -> None:
    # from the first stage, at 0.6, the second is missed by 1.1; at 0.05 by half of that
    assert judged(card(A, B), 0.6, 0.05).progress == pytest.approx((1 + 0.5) / 2)
    assert judged(card(A, B), 0.6, 0.05, 0.6).progress == pytest.approx((1 + 0.5) / 2)
    assert judged(card(A, B), 0.6, 0.6).progress == pytest.approx(1 / 2)


@given(
    st.lists(st.floats(-1.2, 0.6), min_size=1, max_size=9), st.sampled_from(["last step", "any step", "last 3 steps"])
)
def test_one_stage_succeeds_as_a_rule_without_stages(positions: list[float], within: str) -> None:
    plain = find_task("mountain-car", (envs_folder(),)).model_dump() | {
        "success": {"when": A["when"], "within": within}
    }
    one, other = judged(Task.model_validate(plain), *positions), judged(card(A | {"within": within}), *positions)
    assert (one.success, one.reached, one.held, one.stage_steps) == (
        other.success,
        other.reached,
        other.held,
        other.stage_steps,
    )


@given(
    st.lists(st.sampled_from([-0.6, 0.0, 0.6]), min_size=1, max_size=9),
    st.lists(st.tuples(st.booleans(), st.integers(1, 3), st.integers(0, 9)), min_size=1, max_size=3),
    st.booleans(),
)
def test_stages_are_met_if_any_choice_of_steps_meets_them(
    positions: list[float], plan: list[tuple[bool, int, int]], any_order: bool
) -> None:
    stages = [
        (A if right else B) | {"name": f"s{n}", "hold": hold, "by": by} for n, (right, hold, by) in enumerate(plan)
    ]
    episode = judged(card(*stages, any_order=any_order), *positions)
    assert episode.success == _some_choice(positions, plan, any_order)
    assert episode.success or episode.progress <= ALMOST
    assert any_order or episode.progress >= min(ALMOST, episode.stage / len(plan)) - 1e-9


def _some_choice(positions: Sequence[float], plan: Sequence[tuple[bool, int, int]], any_order: bool) -> bool:
    """Whether steps, the last of each stage's hold, can be chosen that meet all stages; tries all of them."""
    for ends in itertools.product(range(len(positions)), repeat=len(plan)):
        earliest, met = 0, True
        for end, (right, hold, by) in zip(ends, plan, strict=True):
            held = range(end - hold + 1, end + 1)
            met &= held[0] >= earliest and (by == 0 or end < by)
            met &= all(k >= 0 and (positions[k] > 0.5 if right else positions[k] < -0.5) for k in held)
            earliest = 0 if any_order else end
        if met:
            return True
    return False


@given(st.lists(st.floats(-1.2, 0.6), min_size=1, max_size=9), st.floats(-1.2, 0.6))
def test_a_longer_episode_has_come_no_less_far(positions: list[float], more: float) -> None:
    before, after = judged(card(A, B), *positions), judged(card(A, B), *positions, more)
    assert after.stage >= before.stage
    assert after.progress >= before.progress - 1e-9


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"stages": [A], "when": "position > 0"}, "either when"),
        ({}, "either when"),
        ({"stages": [A, A]}, "same name"),
        ({"stages": [A | {"hold": 0}]}, "one step at least"),
        ({"stages": [A | {"within": "last step"}, B]}, "only the last stage"),
        ({"stages": [A | {"hold": "0.5 s"}]}, "how long a step is"),
        ({"stages": [A | {"by": "soon"}]}, "write a number of steps, or seconds"),
        ({"when": "position > 0", "any_order": True}, "there are none"),
    ],
)
def test_rules_that_make_no_sense_say_so(rule: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Success.model_validate(rule)


def test_symptoms_name_the_stage_and_what_was_broken() -> None:
    task = card(A, B, always="position < 0.9")
    stopped = stops_at_a_stage(task, [judged(task, 0.6, 0.0)] * 4)
    broken = breaks_what_must_hold(task, [judged(task, 1.0, 0.0)] * 4)
    assert stopped
    assert "4 of 4 episodes stop at stage 2/2, left: `position < -0.5`" in stopped.evidence
    assert broken
    assert "in 4 of 4 episodes `position < 0.9` did not hold at every step" in broken.evidence
    assert stops_at_a_stage(task, [judged(task, 0.6, -0.6)] * 4) is None


def test_a_stage_that_says_yes_or_no_is_ungraded_unless_its_distance_grades_it() -> None:
    end = {"name": "end", "when": "terminated"}
    assert SuccessRule(card(A, end), 10).ungraded() == ("end",)
    assert SuccessRule(card(A, end), 10).ungraded(["position"]) == ("right", "end"), "a field that is 0 or 1"
    assert SuccessRule(card(A, end | {"distance": "0.5 - position"}), 10).ungraded() == ()
    assert SuccessRule(card(A, end, any_order=True), 10).ungraded() == ("end",)


def test_where_episodes_stop_is_counted_over_trainings() -> None:
    task = card(A, B, A | {"name": "again"})
    halves = [[judged(task, 0.6, 0.0)] * 8 + [judged(task, 0.0, 0.0)] * 2, [judged(task, 0.6, 0.0)] * 9]
    halves[1].append(judged(task, 0.6, -0.6, 0.6))
    scores = [scored(task, f"c-s{i}", episodes) for i, episodes in enumerate(halves)]
    readings = stages_over_trainings(scores)
    assert [(r.name, r.reached, r.stopped, r.episodes) for r in readings] == [
        ("right", 18, 2, 20), ("left", 1, 17, 20), ("again", 1, 0, 20)
    ]  # fmt: skip
    assert sum(r.stopped for r in readings) == 20 - sum(e.success for half in halves for e in half)
    assert where_they_stop(readings) == "17 of 20 episodes stop at 2/3: left (2 at right)"
    assert stages_cell(readings) == "1.0/3"
    loose = card(A, B, any_order=True)
    lacking = stages_of_episodes(loose, [judged(loose, -0.6, 0.0), judged(loose, 0.0), judged(loose, -0.6, 0.6)])
    assert [(r.reached, r.stopped) for r in lacking] == [(1, 2), (2, 1)]
    assert where_they_stop(lacking) == "2 of 3 episodes lack 1/2: right"
    assert stages_of_episodes(find_task("mountain-car", (envs_folder(),)), halves[0]) == ()
    assert where_they_stop(()) == ""


def scored(task: Task, name: str, episodes: Sequence[Episode]) -> Score:
    stages = stages_of_episodes(task, episodes)
    return Score(trial_id=name, candidate_id="c", outcome=Outcome.COMPLETED, episodes=tuple(episodes), stages=stages)


class Stops(FakeSteps):
    """Every policy reaches the first stage, and no other."""

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        made = super().score(page, trial, purpose)
        readings = stages_of_episodes(STAGED, [judged(STAGED, 0.6, 0.0)] * 20)
        return made._replace(record=made.record.model_copy(update={"stages": readings}))


STAGED = card(A, B)


def test_a_run_shows_where_the_episodes_of_each_candidate_stop(tmp_path: Path) -> None:
    config = RunConfig(rounds=1, candidates=2, confirm_seeds=2, steps=400)
    with Book.create(tmp_path / "run", RunHeader.of(STAGED, config)) as book:
        run = improve(Study(STAGED, config, Stops(width=2), book, lambda event: None))
    reading = read_run(tmp_path / "run")
    best = next(view for view in reading.candidates if view.candidate.id == run.best)
    out = Terminal(width=200)
    with out.capture() as shown:
        out.print(show_run(reading), show_candidate(best))
    said = shown.get()
    assert f"Of {run.best} 40 of 40 episodes stop at 2/2: left" in said
    assert said.count("1.0/2") >= 2, "in the standings and in the confirmation"
    assert "20 of 20" in said, "a bar for each stage"
    (fresh,) = [c for c in run.confirmed if c.who == run.best]
    assert [(r.name, r.reached, r.stopped) for r in fresh.stages] == [("right", 40, 0), ("left", 0, 40)]
    page = render(reading)
    assert "40 of 40 episodes stop at 2/2: left" in page
    assert "<th>stage</th>" in page
    assert '<td class="n">1.0/2</td>' in page


def test_going_back_and_forth_earns_nothing() -> None:
    conditions = ("(next_state.position > 0.5)", "(next_state.position < -0.5)")
    left = ("np.maximum(0.5 - next_state.position, 0.0)", "np.maximum(next_state.position + 0.5, 0.0)")
    ladder = StageLadder("ladder:stages", "stages", "", 1.0, None, conditions=conditions, left=left)
    lines = ["def paid(next_state, memory):", *ladder.lines(), "    return np.maximum(came - furthest, 0.0)"]
    space: dict[str, Any] = {"np": np}
    exec("\n".join(lines), space)

    def earned(*positions: float) -> float:
        memory: dict[str, Any] = {}
        return sum(
            float(space["paid"](SimpleNamespace(position=np.array([p]), step=np.array([1])), memory)[0])
            for p in positions
        )

    straight = earned(0.0, 0.3, 0.6, 0.0, -0.6)
    assert earned(0.0, 0.3, 0.0, 0.3, 0.0, 0.3, 0.6, 0.0, 0.6, 0.0, 0.6, 0.0, -0.6, 0.6, -0.6) == pytest.approx(
        straight
    )
    assert earned(0.0, 0.3) > 0.0
    assert earned(0.0, 0.3, 0.0, 0.3) == pytest.approx(earned(0.0, 0.3))
