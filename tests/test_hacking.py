"""Reward hacking told from honest trainings: five textbook traces of each kind, with known answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.evaluation.diagnose import diagnose
from autoreward.evaluation.hacking import EXPLOIT, Untrained, exploits_the_reward
from autoreward.records import (
    Candidate,
    CheckpointScore,
    CurvePoint,
    Description,
    Episode,
    ReferenceEpisode,
    Score,
    Screen,
    Trial,
)
from autoreward.tasks.files import find_task

PENDULUM = find_task("pendulum", (envs_folder(),))
POINTS, CHECKPOINTS, EACH = 40, 10, 20
"""Of a training's curve, kept weights, and held-out episodes of each."""
CHANCE = 0.3
"""Goodness of untrained episodes, give or take."""
UNTRAINED = Untrained(tuple(CHANCE + d for d in (-0.04, -0.02, 0.0, 0.0, 0.02, 0.04)))
Values = list[float]


def line(*values: float, count: int = CHECKPOINTS) -> Values:
    """Evenly spaced points of a broken line."""
    return [float(v) for v in np.interp(np.linspace(0, len(values) - 1, count), range(len(values)), values)]


def training(returns: Values, noise: float = 1.0) -> Trial:
    jitter = np.random.default_rng(0).normal(0.0, noise, len(returns))
    curve = tuple(
        CurvePoint(step=1000 * (i + 1), episode_return=float(r + j), episode_length=9)
        for i, (r, j) in enumerate(zip(returns, jitter, strict=True))
    )
    return Trial(id="a-s0", candidate_id="a", outcome=Outcome.COMPLETED, seed=0, steps=1000 * len(returns), curve=curve)


def measured(progress: Values, success: Values | None = None, wobble: float = 0.01) -> Score:
    """Checkpoints evenly through the training; graded progress wobbles a little."""
    shaken = np.random.default_rng(1).normal(0.0, wobble, len(progress))
    wins = success or [0.0] * len(progress)
    points = tuple(
        CheckpointScore(
            step=1000 * POINTS * (i + 1) // len(progress), success=w, progress=float(p + s), metric=None, length=9
        )
        for i, (p, s, w) in enumerate(zip(progress, shaken, wins, strict=True))
    )
    episode = Episode(
        success=False, length=9, terminated=False, reached=False, held=0, progress=0, metric=0, movement=1
    )
    return Score(trial_id="a-s0", candidate_id="a", outcome=Outcome.COMPLETED, checkpoints=points, success=wins[-1],
                 steps=1000 * POINTS, episodes=(episode,) * EACH)  # fmt: skip


RISING = line(0, 8, count=POINTS)
HACKS = {
    "the boat goes in circles: return up, progress down": (RISING, measured(line(0.3, 0.1))),
    "the return is learned in the first third and stays": (line(0, 8, 8, 8, 8, count=POINTS), measured(line(0.3, 0.1))),
    "return rises 8 times its noise, progress stays at chance": (RISING, measured(line(0.3, 0.3))),
    "one of 20 held-out episodes succeeds by luck": (RISING, measured(line(0.3, 0.1), [0.0] * 9 + [0.05])),
    "over-optimized: first both, then the return alone": (RISING, measured(line(0.3, 0.8, 0.4, 0.35))),
}
HONEST = {
    "a late learner": (RISING, measured(line(0.3, 0.3, 0.3, 0.3, 0.9), line(0, 0, 0, 0, 0.8))),
    "both rise": (RISING, measured(line(0.3, 0.9), line(0, 1))),
    "nothing is learned": (line(0, 0, count=POINTS), measured(line(0.3, 0.3))),
    "a solution is lost, and the return with it": (line(0, 8, 8, 1, count=POINTS), measured(line(0.3, 0.9, 0.9, 0.35))),
    "the first eighth of a training": (RISING, measured(line(0.3, 0.3, count=4))),
    "solved from the beginning on": (RISING, measured(line(0.95, 0.97), line(0.9, 0.9))),
    "one checkpoint was lucky": (RISING, measured([0.3, 0.4, 0.5, 0.6, 0.9, 0.6, 0.6, 0.62, 0.63, 0.62])),
    "one checkpoint was unlucky, the last": (RISING, measured([*line(0.3, 0.9, count=9), 0.5])),
}


@pytest.mark.parametrize("what", HACKS)
def test_a_hack_is_told(what: str) -> None:
    returns, score = HACKS[what]
    found = exploits_the_reward(training(returns), score, UNTRAINED)
    assert found
    assert (found.name, found.hurts) == (EXPLOIT, True)
    assert "times its noise while goodness" in found.evidence


@pytest.mark.parametrize("what", HONEST)
def test_an_honest_training_is_not(what: str) -> None:
    returns, score = HONEST[what]
    assert exploits_the_reward(training(returns), score, UNTRAINED) is None


def test_without_recorded_episodes_the_first_checkpoint_is_the_reference() -> None:
    assert exploits_the_reward(training(RISING), measured(line(0.3, 0.1)), Untrained())
    assert exploits_the_reward(training(RISING), measured(line(0.3, 0.9)), Untrained()) is None


def test_it_says_how_the_correlation_broke() -> None:
    found = exploits_the_reward(training(RISING), measured(line(0.3, 0.0)), UNTRAINED._replace(correlation=0.62))
    assert found
    assert "goodness +0.62 over the recorded episodes and -" in found.evidence


def test_a_diagnosis_knows_what_is_untrained() -> None:
    """Idle, constant and random episodes are; a script's are not. The ranking screen knows the correlation."""
    episode = measured([0.1]).episodes[0]
    kinds = {"random": 0.3, "constant 0": 0.3, "constant 1": 0.3, "scripted": 0.0, "demo": 0.0}
    reference = tuple(
        ReferenceEpisode(kind=k, episode=episode.model_copy(update={"progress": p})) for k, p in kinds.items()
    )
    described = Description(
        state=(), action=(), max_steps=9, terminates=False, random_length=9, reference_episodes=reference
    )
    screen = Screen(name="ranking", decision="passed", number=0.5, evidence="e")
    candidate = Candidate(id="a", source="", thought="", origin="grammar", how="fresh")
    arguments = (PENDULUM, candidate, [training(RISING)], [measured(line(0.3, 0.1))], described, [screen])
    (found,) = (s for s in diagnose(*arguments).symptoms if s.name == EXPLOIT)
    assert "below the 0.30 of untrained episodes" in found.evidence
    assert "+0.50 over the recorded episodes" in found.evidence


@given(st.lists(st.floats(-1e6, 1e6), max_size=40), st.lists(st.floats(0, 1), max_size=12))
def test_any_training_can_be_asked_about(returns: Values, progress: Values) -> None:
    exploits_the_reward(training(returns), measured(progress) if progress else measured([0.0]), UNTRAINED)
