"""Whether success does what the goal says: known answers on episodes made by hand, and on recorded ones."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.evaluation.success_audit import Successes, audit_successes
from autoreward.records import Departure, Episode, MissingCondition, ReferenceEpisode, SuccessAudit
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

Array = NDArray[np.float64]
ROOT = Path(__file__).parents[1]
CHEETAH = find_task("cheetah-stop", (ROOT / "benchmarks/data/hard",))
STEPS, RANDOM = 60, 12


def task(
    when: str = "abs(x - 3) < 0.5", within: str = "last 20 steps", fields: tuple[str, ...] = ("x", "v", "tilt", "legs")
) -> Task:
    state = {
        name: {"source": "obs[0:2]" if name == "legs" else f"obs[{i}]", "about": name} for i, name in enumerate(fields)
    }
    action = {"push": {"about": "push"}}
    return Task.model_validate({"name": "made", "env": "Made-v0", "goal": "Go there.", "state": state, "action": action,
                                "success": {"when": when, "within": within},
                                "train": {"algorithm": "PPO", "steps": 10}})  # fmt: skip


def episodes(x: Array, tilt: Array, legs: Array) -> Transitions:
    """Columns of episodes; `v` is what `x` changes by. Shapes (STEPS + 1, n), legs (STEPS + 1, n, 2)."""
    v = np.diff(x, axis=0, prepend=x[:1])
    fields = {"x": x, "v": v, "tilt": tilt, "legs": legs}
    count = x.shape[1]
    return Transitions(
        state={n: a[:-1] for n, a in fields.items()},
        action={"push": np.zeros((STEPS, count))},
        next_state={n: a[1:] for n, a in fields.items()},
        step=np.tile(np.arange(1, STEPS + 1)[:, None], (1, count)),
        terminated=np.zeros((STEPS, count), dtype=np.bool_),
    )


def untrained(seed: int = 0) -> Transitions:
    """They drift around 0; the tilt wobbles a little, the legs thrash."""
    random = np.random.default_rng(seed)
    x = np.cumsum(random.normal(0.0, 0.05, (STEPS + 1, RANDOM)), axis=0)
    return episodes(x, random.normal(0.0, 0.1, x.shape), random.uniform(-1.0, 1.0, (*x.shape, 2)))


def kinds(kind: str = "random", success: bool = False, count: int = RANDOM) -> list[ReferenceEpisode]:
    episode = Episode(success=success, length=STEPS, terminated=False, reached=success, held=float(success), progress=0.0,
                      metric=0.0, movement=1.0)  # fmt: skip
    return [ReferenceEpisode(kind=kind, episode=episode)] * count


def winners(tilt: float = 0.0, legs: float = 0.0, count: int = 10, swing: float = 0.0) -> Successes:
    """They go to x = 3 and stay there, with that tilt and that pose of the legs."""
    there = np.minimum(np.arange(STEPS + 1) / 20.0, 1.0)[:, None] * np.ones((1, count))
    wobble = swing * np.sin(np.arange(STEPS + 1))[:, None] * np.ones((1, count))
    return Successes(
        episodes(3.0 * there, tilt * there + wobble, np.stack([legs * there, 0.0 * there], axis=2)), (True,) * count
    )


def found(*policies: Successes, card: Task | None = None) -> SuccessAudit:
    return audit_successes(card or task(), untrained(), kinds(), policies)


def test_lying_at_the_goal_is_found() -> None:
    audit = found(winners(tilt=1.5))
    (tilted,) = audit.departures
    assert (tilted.quantity, tilted.above, tilted.below, tilted.successes) == ("tilt", 10, 0, 10)
    assert 0.2 < tilted.high < 0.5
    assert tilted.typical == pytest.approx(1.5)
    assert abs(tilted.usual) < 0.1
    assert audit.proposal == tilted.condition
    assert tilted.condition.startswith("abs(tilt) < 0.")
    assert "in 10 of 10 successes `tilt` ends above 0." in audit.sentences[0]


def test_standing_at_the_goal_is_not() -> None:
    assert found(winners()) == SuccessAudit(successes=10)


def test_what_any_motion_passes_through_is_nothing_unusual() -> None:
    """Thrashing legs were everywhere: where they rest says nothing."""
    assert not found(winners(legs=0.95)).departures
    assert [d.quantity for d in found(winners(legs=1.3)).departures] == ["legs[0]"]


def test_a_swing_is_no_end() -> None:
    """Beyond the bound at most steps, and back within it at each turn."""
    assert not found(winners(swing=2.0)).departures
    assert found(winners(tilt=2.0, swing=0.2)).departures


def test_the_speed_of_what_the_rule_names_is_not_said() -> None:
    """Running past a line means to run; only its place is named."""
    runs = np.arange(STEPS + 1)[:, None] * np.ones((1, 10))
    policy = Successes(episodes(runs, 0.0 * runs, np.zeros((STEPS + 1, 10, 2))), (True,) * 10)
    assert not audit_successes(task("x > 5", "any step"), untrained(), kinds(), [policy]).departures


def test_what_is_named_under_another_name_is_not_said() -> None:
    """The rule names a height, which follows from the tilt."""
    reference = untrained()
    for fields in (reference.state, reference.next_state):
        fields["x"] = np.cos(fields["tilt"])
    policy = winners(tilt=1.5)
    policy.episodes.next_state["x"] = np.cos(policy.episodes.next_state["tilt"])
    assert not audit_successes(task("x < 0.2"), reference, kinds(), [policy]).departures


@pytest.mark.parametrize(("kind", "silent"), [("scripted", True), ("demo", True), ("random", False)])
def test_what_a_person_showed_to_be_a_success_is_one(kind: str, silent: bool) -> None:
    shown = winners(tilt=1.5, count=1).episodes
    pieces = (untrained(), shown)
    joined = Transitions(
        state={n: np.concatenate([p.state[n] for p in pieces], axis=1) for n in shown.state},
        action={n: np.concatenate([p.action[n] for p in pieces], axis=1) for n in shown.action},
        next_state={n: np.concatenate([p.next_state[n] for p in pieces], axis=1) for n in shown.next_state},
        step=np.concatenate([p.step for p in pieces], axis=1),
        terminated=np.concatenate([p.terminated for p in pieces], axis=1),
    )
    audit = audit_successes(task(), joined, [*kinds(), *kinds(kind, success=True, count=1)], [winners(tilt=1.5)])
    assert (audit.departures == ()) == silent


def test_a_few_odd_ones_among_many_are_no_finding() -> None:
    assert not found(winners(tilt=1.5, count=4), winners(count=6)).departures
    (tilted,) = found(winners(tilt=1.5, count=6), winners(count=4)).departures
    assert (tilted.above, tilted.successes) == (6, 10)


def test_any_step_is_met_at_the_first() -> None:
    """What comes after the rule was met is not looked at."""
    there = np.minimum(np.arange(STEPS + 1) / 20.0, 1.0)[:, None] * np.ones((1, 10))
    falls = np.where(np.arange(STEPS + 1) > 30, 1.5, 0.0)[:, None] * np.ones((1, 10))
    policy = Successes(episodes(3.0 * there, falls, np.zeros((STEPS + 1, 10, 2))), (True,) * 10)
    assert not audit_successes(task(within="any step"), untrained(), kinds(), [policy]).departures
    assert audit_successes(task(within="last step"), untrained(), kinds(), [policy]).departures


@pytest.mark.parametrize(
    ("card", "policy", "count", "why"),
    [
        (task("terminated"), winners(tilt=1.5), RANDOM, "names no field"),
        (task(), winners(tilt=1.5, count=1), RANDOM, "too few to compare"),
        (task(), winners(tilt=1.5), 4, "too few to compare with"),
    ],
)
def test_it_says_why_it_is_silent(card: Task, policy: Successes, count: int, why: str) -> None:
    audit = audit_successes(card, untrained(), kinds(count=count), [policy])
    assert why in audit.silent
    assert not audit.sentences
    assert not audit.proposal


def departure(**change: object) -> Departure:
    plain = {"field": "pitch", "low": -0.18, "high": 0.551, "below": 0, "above": 19, "successes": 20, "typical": 0.75, "start": 0.0,
             "usual": 0.073, "spread": 0.076}  # fmt: skip
    return Departure.model_validate(plain | change)


@pytest.mark.parametrize(
    ("change", "condition"),
    [
        ({}, "abs(pitch) < 0.56"),
        ({"low": -1.234, "usual": -0.1}, "abs(pitch) < 1.3"),
        ({"low": -0.281, "high": 0.11, "usual": -0.1, "below": 20, "above": 0}, "pitch > -0.29"),
        ({"low": 123.0, "high": 456.0, "usual": 200.0}, "pitch < 460"),
        ({"low": 0.2, "high": 0.8, "usual": 0.5, "below": 3}, "pitch > 0.2 and pitch < 0.8"),
        ({"field": "legs", "index": 1}, "abs(legs[1]) < 0.56"),
    ],
)
def test_the_condition_is_the_bound_loosened_to_two_digits(change: dict[str, object], condition: str) -> None:
    assert departure(**change).condition == condition


def test_a_models_conditions_are_proposed_before_the_numbers() -> None:
    said = MissingCondition(condition="abs(pitch) < 0.5", why="It lies on its nose.", fails=19, successes=20)
    audit = SuccessAudit(successes=20, departures=(departure(),), missing=(said,))
    assert audit.proposal == "abs(pitch) < 0.5"
    assert audit.sentences[0] == "19 of 20 successes do not meet `abs(pitch) < 0.5`: It lies on its nose"
    assert audit.sentences[1] == departure().sentence


@pytest.fixture(scope="module")
def recorded() -> dict[str, NDArray[np.generic]]:
    with np.load(Path(__file__).parent / "data/cheetah_stop.npz") as archive:
        return dict(archive)


def audit_of(recorded: dict[str, NDArray[np.generic]], *poses: str) -> SuccessAudit:
    """The cheetah's successes in these poses; fields that were not recorded are left out of the card."""
    fields = ("x", "height", "pitch", "joint_angle", "x_speed")
    card = CHEETAH.model_copy(update={"state": {n: CHEETAH.state[n] for n in fields}})

    def batch(after: dict[str, Array], before: dict[str, Array]) -> Transitions:
        steps, count = after["x"].shape
        clock = np.tile(np.arange(201 - steps, 201)[:, None], (1, count))
        return Transitions(
            state=before, action={}, next_state=after, step=clock, terminated=np.zeros((steps, count), dtype=np.bool_)
        )

    after = {n: recorded[f"reference.after.{n}"] / 1000.0 for n in fields}
    before = {n: np.concatenate([recorded[f"reference.start.{n}"] / 1000.0, a[:-1]]) for n, a in after.items()}
    names = [str(kind) for kind in recorded["reference.kinds"]]
    reference = [ReferenceEpisode(kind=name, episode=kinds()[0].episode) for name in names]
    policies = []
    for pose in poses:
        own = {n: recorded[f"{pose}.{n}"] / 1000.0 for n in fields}
        policies.append(Successes(batch(own, own), (True,) * own["x"].shape[1]))
    return audit_successes(card, batch(after, before), reference, policies)


@pytest.mark.parametrize(("pose", "typical"), [("nose", 0.745), ("back", 3.302)])
def test_the_cheetah_on_its_nose_and_on_its_back_is_found(
    recorded: dict[str, NDArray[np.generic]], pose: str, typical: float
) -> None:
    pitch, height = audit_of(recorded, pose).departures
    assert (pitch.quantity, height.quantity) == ("pitch", "height")
    assert pitch.typical == pytest.approx(typical, abs=0.01)
    assert pitch.above == pitch.successes
    assert (pitch.condition, height.condition) == ("abs(pitch) < 0.56", "height > -0.28")


def test_the_cheetah_on_its_feet_is_not(recorded: dict[str, NDArray[np.generic]]) -> None:
    assert audit_of(recorded, "upright") == SuccessAudit(successes=5)
    assert len(audit_of(recorded, "upright", "nose").departures) == 2


def turned(episodes: Transitions) -> Transitions:
    """The same upside down: its tilt half a turn further, between minus half a turn and half a turn."""
    for fields in (episodes.state, episodes.next_state):
        fields["tilt"] = (fields["tilt"] + 2 * np.pi) % (2 * np.pi) - np.pi
    return episodes


@pytest.mark.parametrize("tilt", [1.5, -1.5, 0.0])
def test_an_angle_that_starts_where_its_numbers_come_round(tilt: float) -> None:
    card = task()
    angle = card.state["tilt"].model_copy(update={"wrap": True, "range": (-np.pi, np.pi)})
    card = card.model_copy(update={"state": {**card.state, "tilt": angle}})
    won = winners(tilt=tilt)
    audit = audit_successes(card, turned(untrained()), kinds(), [Successes(turned(won.episodes), won.won)])
    said = [re.fullmatch(r"abs\(tilt - (.*)\) < (.*)", departure.condition) for departure in audit.departures]
    assert len(said) == (tilt != 0.0)
    for match in said:
        assert match
        assert float(match[1]) == pytest.approx(np.pi, abs=0.02)
        assert 0.2 < float(match[2]) < 0.5


def in_passing(holds_from: int, holds_to: int) -> tuple[Task, list[Successes]]:
    """Twelve episodes that are at 3 from one step to another, by a rule of any step and a goal that speaks of staying."""
    x = np.zeros((STEPS + 1, RANDOM))
    x[holds_from:holds_to] = 3.0
    shown = task(within="any step").model_copy(update={"goal": "Go there and hold it."})
    return shown, [Successes(episodes(x, np.zeros_like(x), np.zeros((*x.shape, 2))), (True,) * RANDOM)]


@pytest.mark.parametrize(
    ("held", "passing"), [((20, 30), RANDOM), ((20, STEPS + 1), 0), ((STEPS, STEPS + 1), 0), ((20, 57), 0)]
)
def test_successes_that_only_pass_through_are_counted_where_the_goal_speaks_of_staying(
    held: tuple[int, int], passing: int
) -> None:
    """Left again; stayed; there when the episode ended; in its last steps now and then."""
    shown, policies = in_passing(*held)
    audit = audit_successes(shown, untrained(), kinds(), policies)
    assert audit.passing == passing
    assert any("in passing" in sentence for sentence in audit.sentences) == bool(passing)
    assert not audit.proposal, "no formula asks for it"


def test_passing_through_is_no_fault_where_the_goal_or_the_rule_asks_for_nothing_else() -> None:
    shown, policies = in_passing(20, 30)
    leaps = shown.model_copy(update={"goal": "Touch it once."})
    assert audit_successes(leaps, untrained(), kinds(), policies).passing == 0
    lasts = task(within="last 20 steps").model_copy(update={"goal": "Go there and hold it."})
    assert audit_successes(lasts, untrained(), kinds(), policies).passing == 0


def test_few_references_do_not_keep_it_from_being_said() -> None:
    shown, policies = in_passing(20, 30)
    assert audit_successes(shown, untrained(), kinds(count=2), policies).passing == RANDOM
