"""Limits of a card: what they come to, who holds them, and what ranks by them."""

import json
from pathlib import Path

import numpy as np
import pytest
from exports import unproven
from fake_steps import FakeSteps, alike
from hypothesis import given
from hypothesis import strategies as st

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.design.grammar.evolve import evolved_candidates
from autoreward.errors import TaskError
from autoreward.evaluation.limits import (
    holds_limits,
    limits_cell,
    of_episodes,
    on_fresh_seeds,
    over_trainings,
    unheld,
    violation,
)
from autoreward.evaluation.prospects import Prospect, prospect
from autoreward.evaluation.ranking import beats, ranked
from autoreward.evaluation.symptoms import breaks_limits
from autoreward.export.best import kept_files
from autoreward.loop import improve
from autoreward.records import (
    CheckpointScore,
    Description,
    Episode,
    FieldStats,
    LimitReading,
    Run,
    Score,
    Trial,
    TrialId,
    TrialJob,
)
from autoreward.report.html import render
from autoreward.report.limits import limit_sentences
from autoreward.report.phrases import result_sentence, score_line
from autoreward.report.reading import read_run
from autoreward.report.scalars import saved_legs
from autoreward.report.tables import show_run
from autoreward.report.terminal import Terminal
from autoreward.roles.brief import brief
from autoreward.roles.designer import design_prompt
from autoreward.roles.history import History
from autoreward.search.contest import contested
from autoreward.search.halving import standings
from autoreward.search.strategy import Variation
from autoreward.search.study import Study
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.tasks.limited import episode_limits

CARD = find_task("mountain-car", (envs_folder(),))


def card(**limits: dict[str, object]) -> Task:
    return Task.model_validate(CARD.model_dump() | {"limits": limits})


def fields(pushes: list[float], speeds: list[float]) -> dict[str, np.ndarray]:
    return {"push": np.array(pushes), "position": np.zeros(len(pushes)), "velocity": np.array(speeds)}


SPEED = {"value": "abs(velocity)", "at_most": 0.05, "over": "every step"}


def test_what_each_kind_comes_to() -> None:
    task = card(
        mean={"value": "abs(velocity)", "at_most": 1, "over": "mean"},
        peak={"value": "velocity", "at_least": 1, "over": "max"},
        often={"value": "abs(push - 1) > 0.5", "at_most": 0.5, "over": "share"},
        worst={"value": "velocity", "at_most": 1},
        lowest={"value": "velocity", "at_least": -1},
        last={"value": "step * terminated", "at_most": 9, "over": "max"},
    )
    came = episode_limits(task, fields([0, 1, 1, 2], [-2.0, 0.0, 1.0, 0.5]), terminated=True)
    assert came == {"mean": 0.875, "peak": 1.0, "often": 0.5, "worst": 1.0, "lowest": -2.0, "last": 4.0}


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=8))
def test_what_is_no_number_breaks_a_limit_on_either_side(speeds: list[float]) -> None:
    task = card(top={**SPEED, "at_most": 1e6}, low={"value": "velocity", "at_least": -1e6})
    came = episode_limits(task, fields([1.0] * len(speeds), speeds), terminated=False)
    assert all(np.isfinite(list(came.values())))
    if not np.isfinite(speeds).all():
        readings = of_episodes(task.limits, [episode(**came)])
        assert any(r.broken for r in readings)


def test_a_vector_is_no_value_of_a_limit() -> None:
    task = card(speed=SPEED)
    with pytest.raises(TaskError, match="gives a vector of 2 a step, and must give one number"):
        episode_limits(task, {"position": np.zeros(3), "velocity": np.zeros((3, 2))}, terminated=False)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"value": "abs(velocty)", "at_most": 1}, "'velocty', which is not a field. Did you mean 'velocity'"),
        ({"value": "velocity"}, "write one of at_most and at_least"),
        ({"value": "velocity", "at_most": 1, "at_least": 0}, "write one of at_most and at_least"),
        ({"value": "velocity > 1", "at_most": 1}, "is a condition; write over = 'share'"),
        ({"value": "velocity", "at_most": 0.5, "over": "share"}, "is not a condition"),
        ({"value": "velocity > 1", "at_most": 5, "over": "share"}, "lies between 0 and 1"),
        ({"value": "flag", "at_most": 1}, "is the same at every step"),
        ({"value": "velocity / 0", "at_most": 1, "over": "often"}, "over: input should be 'mean', 'max', 'share' or"),
        ({"value": "1 / 0 + velocity", "at_most": 1}, "is no number up to"),
    ],
)
def test_a_limit_that_says_nothing_is_refused(limit: dict[str, object], said: str) -> None:
    from autoreward.tasks.files import validated_task

    with pytest.raises(TaskError) as caught:
        validated_task(CARD.model_dump() | {"limits": {"speed": limit}}, "card")
    assert said.lower() in str(caught.value).lower()


def episode(success: bool = True, **limits: float) -> Episode:
    return Episode(success=success, length=5, terminated=True, reached=success, held=1.0, progress=1.0, metric=5.0,
                   movement=0.1, limits=limits)  # fmt: skip


def test_noise_decides_between_held_unclear_and_broken() -> None:
    task = card(speed={"value": "abs(velocity)", "at_most": 1.0, "over": "mean"})
    assert [
        of_episodes(task.limits, [episode(speed=v) for v in values])[0].word
        for values in ((0.2, 0.4), (0.9, 1.2), (0.8, 1.1), (1.5, 1.6), (1.0, 1.0))
    ] == ["held", "unclear", "unclear", "broken", "held"]
    (reading,) = of_episodes(task.limits, [episode(speed=1.0), episode(speed=3.0)])
    assert (reading.value, reading.low, reading.high) == (2.0, 1.0, 3.0)  # one standard error: sqrt(2) / sqrt(2)


def test_one_step_beyond_is_enough_where_every_step_counts() -> None:
    task = card(speed=SPEED)
    readings = of_episodes(task.limits, [episode(speed=0.01)] * 19 + [episode(speed=0.06)])
    assert limits_cell(readings) == "speed 0.06 broken"
    assert violation(readings) == pytest.approx(0.2)


def scored(who: str, success: float, speed: float, seed: int = 0, steps: int = 100, over: str = "mean") -> Score:
    reading = LimitReading(name="speed", over=over, at_most=1.0, value=speed, low=speed, high=speed)  # type: ignore[arg-type]
    point = CheckpointScore(step=steps, success=success, progress=success, metric=None, length=5.0,
                            limits={"speed": speed}, violation=max(speed - 1.0, 0.0))  # fmt: skip
    return Score(trial_id=f"{who}-s{seed}", candidate_id=who, outcome=Outcome.COMPLETED, seed=seed, steps=steps,
                 checkpoints=(point,), kept=steps, success=success, progress=success, mean_success=success,
                 mean_progress=success, limits=(reading,))  # fmt: skip


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(1.01, 9))
def test_who_holds_the_limits_is_never_behind_who_breaks_them(
    ours: float, theirs: float, within: float, beyond: float
) -> None:
    good, bad = scored("good", ours, within), scored("bad", theirs, beyond)
    assert ranked([bad, good], CARD) == ["good", "bad"]
    assert beats([good], [bad], CARD)
    assert not beats([bad], [good], CARD)


def test_the_least_violating_is_first_where_all_break_limits() -> None:
    assert ranked([scored("a", 1.0, 3.0), scored("b", 0.1, 1.5), scored("c", 0.9, 2.0)], CARD) == ["b", "c", "a"]


def test_trainings_are_taken_together_and_every_step_keeps_the_worst() -> None:
    mixed = [scored("a", 1.0, 0.5, seed=0), scored("a", 1.0, 1.4, seed=1)]
    assert over_trainings(mixed)[0].word == "unclear"
    assert holds_limits(mixed)
    worst = [scored("a", 1.0, 0.5, seed=0, over="every step"), scored("a", 1.0, 1.4, seed=1, over="every step")]
    assert over_trainings(worst)[0].value == 1.4
    assert not holds_limits(worst)
    (confirmed,) = on_fresh_seeds([scored("a", 1.0, v, seed=i) for i, v in enumerate((1.2, 1.4, 1.3, 1.5, 1.4))])
    assert confirmed.broken
    assert 1.2 <= confirmed.low < confirmed.value == pytest.approx(1.36)


def test_limits_that_nobody_holds_are_named_with_the_least() -> None:
    assert [r.value for r in unheld([scored("a", 1.0, 3.0), scored("b", 0.1, 1.5)])] == [1.5]
    assert unheld([scored("a", 1.0, 3.0), scored("b", 0.0, 0.5)]) == ()


def test_a_race_counts_the_success_of_checkpoints_that_hold_and_puts_the_others_last() -> None:
    def points(*rows: tuple[float, float]) -> Score:
        made = [
            CheckpointScore(step=i + 1, success=s, progress=s, metric=None, length=5.0, violation=v)
            for i, (s, v) in enumerate(rows)
        ]
        return scored("a", 0.5, 0.5).model_copy(update={"checkpoints": tuple(made)})

    trial = Trial(id="a-s0", candidate_id="a", outcome=Outcome.COMPLETED, seed=0, steps=100)
    mixed, never = prospect(trial, points((0.2, 0.0), (0.9, 0.4))), prospect(trial, points((0.9, 0.4)))
    assert (mixed.success, mixed.holds) == (0.2, True)
    assert (never.success, never.holds) == (0.9, False)

    order = {
        "a": Prospect(1.8, 0.5, 0.9, 0.9, holds=False),
        "b": Prospect(0.1, 0.5, 0.1, 0.0),
        "c": Prospect(0.2, 0.5, 0.2, 0),
    }
    jobs = [TrialJob(id=f"{n}-s0", candidate_id=n, reward="candidate", seed=0, steps=100) for n in order]
    rung = standings(RunConfig(candidates=3), CARD, 0, order, jobs, jobs, places=3)
    assert [(row.candidate_id, row.goes_on, row.holds) for row in rung.rows] == [
        ("c", True, True), ("b", True, True), ("a", False, False)
    ]  # fmt: skip


def test_the_confirmation_hands_over_who_holds_the_limits() -> None:
    winner = {i: scored("w", 1.0, 1.5, seed=i) for i in range(3)}
    rival = {i: scored("r", 0.6, 0.5, seed=i) for i in range(3)}
    contest = contested({"w": winner, "r": rival}, "w", [scored("w", 1, 0.9), scored("r", 0.6, 0.5)], full=100)
    assert contest is not None
    assert contest.by_limits
    assert (contest.best, contest.second) == ("r", "w")
    # who breaks them more does not contest, however good
    better = {i: scored("r", 1.0, 2.5, seed=i) for i in range(3)}
    slow = {i: scored("w", 0.2, 0.5, seed=i) for i in range(3)}
    assert contested({"w": slow, "r": better}, "w", [scored("r", 1.0, 2.5)], full=100) is None


class Limited(FakeSteps):
    """Every policy is as fast as `speeds` says of its reward; others break the limit."""

    def __init__(self, speeds: dict[str, float]) -> None:
        super().__init__(width=2)
        self._speeds = speeds

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        made = alike(super().score(page, trial, purpose), 0.5, 0.5)
        speed = self._speeds.get(TrialId.parse(trial.id).candidate, 2.0)
        like = scored("x", 0.5, speed)
        point = made.record.checkpoints[0].model_copy(
            update={"limits": {"speed": speed}, "violation": max(speed - 1.0, 0.0)}
        )
        return WithFiles(made.record.model_copy(update={"limits": like.limits, "checkpoints": (point,)}), made.files)


TASK = card(speed={"value": "abs(velocity)", "at_most": 1.0, "over": "mean", "unit": "m/s"})


def finished(folder: Path, speeds: dict[str, float]) -> Run:
    config = RunConfig(rounds=1, candidates=2, confirm_seeds=3, finalist_seeds=1)
    with Book.create(folder, RunHeader.of(TASK, config)) as book:
        return improve(Study(TASK, config, Limited(speeds), book, lambda event: None))


def trained(folder: Path) -> list[str]:
    return sorted({s.score.candidate_id for s in read_run(folder).search_scores})


def test_the_winner_holds_the_limits_and_the_verdict_says_so(tmp_path: Path) -> None:
    finished(tmp_path / "probe", {})
    names = trained(tmp_path / "probe")
    run = finished(tmp_path / "run", {names[-1]: 0.5})
    assert run.best == names[-1]
    assert f"{names[-1]} holds speed 0.5" in result_sentence(run)
    assert run.unheld == ()
    folder = tmp_path / "run"
    reading = read_run(folder)
    out = Terminal(width=200)
    with out.capture() as shown:
        out.print(show_run(reading))
    assert "speed" in shown.get()
    assert "0.5 held" in shown.get()
    assert "0.5 [0.5, 0.5] held" in shown.get()
    page = render(reading)
    assert '2 [2, 2] <span class="bad">broken</span>' in page
    legs = dict(saved_legs(folder, set()))
    assert any("held_out/limits/speed" in values for leg in legs.values() for values in leg.rows.values())


def test_a_limit_that_nobody_holds_is_named_and_the_least_violating_kept(tmp_path: Path) -> None:
    finished(tmp_path / "probe", {})
    names = trained(tmp_path / "probe")
    run = finished(tmp_path / "run", {names[-1]: 1.5})
    said = result_sentence(run)
    assert run.best == names[-1]
    assert [r.value for r in run.unheld] == [1.5]
    assert f"{names[-1]} breaks speed 1.5" in said
    assert "No trained policy held speed 1.5" in said
    assert "It is kept as the one that breaks its limits least." in said

    def with_holders(role: str, *holders: str) -> str:
        within = tuple(r.model_copy(update={"value": 0.5, "low": 0.5, "high": 0.5}) for r in run.unheld)
        held = {"limits": within, "role": role}
        rows = tuple(c.model_copy(update=held) if c.who in holders else c for c in run.confirmed)
        return limit_sentences(run.model_copy(update={"unheld": (), "confirmed": rows}))[-1]

    least = "It is kept as the one that breaks its limits least"
    assert with_holders("start") == f"{least}, and nobody who was compared with it held all of them."
    assert with_holders("baseline", "native").startswith(f"{least} of the programs; all of them were held by native (")
    assert with_holders("start", "native").startswith("All of them were held by native (success ")


def test_an_export_names_limits_and_whether_they_were_held(tmp_path: Path) -> None:
    finished(tmp_path / "run", {})
    with Book.open(tmp_path / "run") as book:
        files = kept_files(book, read_run(book.folder), lambda task, weights: {}, unproven).files
    manifest = json.loads(files["manifest.json"])
    assert [(r["name"], r["was"]) for r in manifest["limits"]] == [("speed", "broken")]
    assert manifest["policy"]["limits"][0]["at_most"] == 1.0
    assert "broken" in files["card.md"].decode()
    assert "the mean of abs(velocity) over an episode is at most 1 m/s" in files["card.md"].decode()


def test_models_read_limits_where_they_read_the_rule() -> None:
    shown = design_prompt(brief(TASK, 1_000, 20), History(), 2)
    assert "speed: the mean of abs(velocity) over an episode is at most 1 m/s" in shown
    assert "Limits that a policy must keep" not in design_prompt(brief(TASK, 1_000, 20, rule_shown=False), History(), 2)
    assert "Limits that a policy must keep" not in design_prompt(brief(CARD, 1_000, 20), History(), 2)


def test_a_score_and_a_symptom_say_what_is_broken() -> None:
    score = scored("a", 1.0, 1.5)
    assert score_line(score).endswith("; speed 1.5 broken")
    found = breaks_limits(score.limits)
    assert found is not None
    assert "speed 1.5 (mean, at most 1)" in found.evidence
    assert breaks_limits(scored("a", 1.0, 0.5).limits) is None


def test_the_grammar_costs_what_goes_beyond_a_limit() -> None:
    """Whatever the limit is about: the program that it writes is run on known numbers."""
    task = card(
        speed={"value": "abs(velocity)", "at_most": 0.05},
        place={"value": "position", "at_least": -1.0},
        often={"value": "abs(push - 1) > 0.5 and position < flag", "at_most": 0.5, "over": "share"},
    )
    stats = [FieldStats(name=n, size=0, low=-1, high=1, mean=0, std=0.3) for n in task.state]
    push = FieldStats(name="push", size=0, low=0, high=2, mean=1, std=0.8, discrete=3)
    described = Description(state=tuple(stats), action=(push,), max_steps=200, terminates=True, random_length=200)
    made = evolved_candidates(task, described, (), (Variation("spread"),) * 3, seed=1)
    for candidate in made:
        room: dict[str, object] = {"np": np}
        exec(candidate.source, room)

        class Row:
            position = np.array([0.0, -2.0, 0.0])
            velocity = np.array([0.05, 0.0, 0.15])
            push = np.array([1, 1, 0])
            step = np.array([1, 2, 3])
            terminated = np.array([False, False, False])

        class Memory(dict):  # type: ignore[type-arg]
            pass

        parts = room["compute_reward"](Row, Row, Row, Memory())  # type: ignore[operator]
        weight = -parts["limit_speed"][2] / 2.0  # 0.1 beyond, in units of 0.05
        assert parts["limit_speed"] == pytest.approx([0.0, 0.0, -2.0 * weight])
        assert parts["limit_place"][0] == 0.0 > parts["limit_place"][1]
        assert (parts["limit_often"] < 0.0).tolist() == [False, False, True]


def test_limits_change_nothing_for_a_task_without_any() -> None:
    score = scored("a", 0.5, 0.5).model_copy(update={"limits": ()})
    assert over_trainings([score]) == ()
    assert holds_limits([score])
    assert score_line(score).endswith("progress 0.50")
