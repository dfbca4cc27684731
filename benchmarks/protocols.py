"""Published protocols, the card of each, what an outsider measures of it in plain Python, and what others report.

Cards are in `benchmarks/data/protocols` where neither `envs/` nor `benchmarks/data/hard` has them. Rewards and designers never see
what is measured here.
"""

import json
import tomllib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from lines import DATA
from numpy.typing import NDArray
from outside import Array, Measure, Place, Played

ENVS = Path(__file__).parent.parent / "envs"
OWN_SEEDS = tuple(range(50_000, 50_020))
"""Of episodes that no run plays: a run derives its own from large numbers."""
HELD_OUT = tuple(json.loads((DATA / "evopolicygym.json").read_text())["seeds"])
"""EvoPolicyGym's held-out episodes; the file says where from."""


class Anchor(NamedTuple):
    """A number that somebody else reports."""

    who: str
    value: str
    how: str
    """Of what, after how much, and what biases it."""


class Protocol:
    """One task, measured in one way."""

    def __init__(
        self,
        card: Path,
        what: str,
        measure: Measure,
        group: str,
        anchors: tuple[Anchor, ...] = (),
        sees: slice = slice(None),
        seeds: tuple[int, ...] = OWN_SEEDS,
    ) -> None:
        self.card = card / "task.toml"
        self.what = what
        """What is measured, in words with its unit."""
        self.measure = measure
        self.group = group
        self.anchors = anchors
        self.seeds = seeds
        """Of the episodes that are measured."""
        self._sees = sees

    @cached_property
    def _text(self) -> dict[str, object]:
        return tomllib.loads(self.card.read_text(encoding="utf-8"))

    @property
    def steps(self) -> int:
        """Environment steps of one training."""
        train = self._text["train"]
        assert isinstance(train, dict)
        return int(train["steps"])

    @property
    def goal(self) -> str:
        """The sentence that the designer is given."""
        return str(self._text["goal"])

    @property
    def place(self) -> Place:
        """Where its policies play."""
        told, train = self._text, self._text["train"]
        assert isinstance(train, dict)
        kwargs, limit, observe = told.get("kwargs", {}), told.get("max_steps"), told.get("observe")
        assert isinstance(kwargs, dict)
        beside = self.card.parent / "state.py"
        state = self.card.parent / str(observe) if observe else beside if beside.exists() else None
        rescales = bool(train.get("rescale_actions", True))
        return Place(str(told["env"]), kwargs, int(str(limit)) if limit else None, self._sees, state, rescales)


# ------------------------------------------------------------------------------------------------------------- measures


def native_return(played: Played) -> float:
    """The environment's own return, which no reward or designer saw."""
    return float(played.rewards.sum())


def steps_lived(played: Played) -> float:
    """The share of 1,000 steps."""
    return len(played.rewards) / 1000


def forward(played: Played) -> float:
    """Metres from the first step to the last, as the environment tells them."""
    return float(played.infos[-1]["x_position"] - played.infos[0]["x_position"])


def reached(played: Played) -> float:
    """The end's distance from the target, negative (Reacher-v5: the last two numbers but none of the observation)."""
    return -float(np.linalg.norm(played.observations[-1][8:10]))


def speed_error(played: Played) -> float:
    """The mean forward speed's distance from 2 m/s, negative."""
    return -abs(float(np.mean([info["x_velocity"] for info in played.infos])) - 2.0)


def hopping(played: Played) -> float:
    """Spread of the torso's height less the drift, in metres."""
    heights, places = played.observations[:, 1], played.observations[:, 0]
    return float(heights.std() - abs(places[-1] - places[0]))


def ended_well(played: Played) -> float:
    """1 where the environment paid for its end, as MiniGrid does for the goal alone."""
    return float(played.rewards[-1] > 0.0)


Held = Callable[[Array], NDArray[np.bool_]]
"""What must hold, of states (n, d): (n,)."""


def last(steps: int, share: float, held: Held, whole: int = 0) -> Measure:
    """1 where that holds in such a share of the states after the last steps, of an episode of that length at least."""

    def measure(played: Played) -> float:
        states = played.observations[1:]
        return float(len(states) >= whole and held(states[-steps:]).mean() >= share)

    return measure


def ever(held: Held, whole: int = 0) -> Measure:
    """1 where that holds after some step, of an episode of that length at least."""
    return lambda played: float(len(played.rewards) >= whole and bool(held(played.observations[1:]).any()))


def flipped(turn: float) -> Measure:
    """1 where HalfCheetah's pitch is one `turn` further at the end and steady, of an episode of 300 steps."""
    return last(20, 0.9, lambda s: (np.abs(s[:, 2] - turn) < 0.5) & (np.abs(s[:, 11]) < 2.0), 300)


def turned_once(played: Played) -> float:
    """1 where the ant's heading went round once at least, and it stands still and upright near its start for the last 20 steps."""
    quaternions = played.observations[:, 3:7]
    w, x, y, z = quaternions.T
    headings = np.unwrap(np.arctan2(2 * (x * y + w * z), 1 - 2 * (y * y + z * z)))
    late = played.observations[-20:]
    calm = (np.linalg.norm(late[:, 15:18], axis=1) < 0.5) & (np.linalg.norm(late[:, 18:21], axis=1) < 1.0)
    stands = (1 - 2 * (late[:, 4] ** 2 + late[:, 5] ** 2) > 0.8) & (np.linalg.norm(late[:, :2], axis=1) < 1.5)
    return float(np.abs(headings - headings[0]).max() > 2 * np.pi and (calm & stands).mean() >= 0.9)


def _landed_left(s: Array) -> NDArray[np.bool_]:
    at_rest = (np.abs(s[:, 2]) < 0.1) & (np.abs(s[:, 3]) < 0.1)
    on_legs: NDArray[np.bool_] = (s[:, 6] > 0.5) & (s[:, 7] > 0.5) & (s[:, 0] > -0.6) & (s[:, 0] < -0.3)
    return on_legs & at_rest


def success_told(played: Played) -> float:
    """1 where the environment's `info` says success after any step, as Meta-World's does."""
    return float(any(info["success"] for info in played.infos))


# ------------------------------------------------------------------------------------------------------------ protocols

LANDING = "Landing, the native return hidden"
BIRD = "BIRD's Gymnasium tasks"
WALKING = "Walking to the end of the course, the native return hidden"
EVOPOLICYGYM = "EvoPolicyGym's environments, against controllers that agents wrote"
MINIGRID = "MiniGrid"
METAWORLD = "Meta-World v3"
BEHAVIOURS = "Behaviours that the native reward does not ask for"
HARD = "Four hard tasks"
_HOW = "PPO's defaults, 1,001,472 steps"
_CARDS = DATA / "protocols"
_AGAIN = "the same"


def _bird(name: str, what: str, measure: Measure, sees: int, mean: str, seeds: str, random: str) -> Protocol:
    """One of BIRD's tasks, with what native and random policies come to there."""
    anchors = (
        Anchor("native reward (BIRD)", mean, f"{_HOW}: 3 seeds ({seeds}), 30 deterministic episodes each"),
        Anchor("random actions (BIRD)", random, "30 episodes"),
    )
    return Protocol(_CARDS / name, what, measure, BIRD, anchors, slice(sees, None))


def _evopolicygym(card: Path, gpt: str, opus: str, random: str, sees: int = 0) -> Protocol:
    """One of EvoPolicyGym's, by its native return on its held-out seeds."""
    how = "controllers that it wrote and tried on 128 episodes, 64 held-out ones"
    anchors = (Anchor("GPT-5.5", gpt, how), Anchor("Opus 4.7", opus, how), Anchor("random actions", random, ""))
    what = "native return, 64 held-out seeds"
    return Protocol(card, what, native_return, EVOPOLICYGYM, anchors, slice(sees, None), HELD_OUT)


def _metaworld(name: str, scripted: str) -> Protocol:
    anchor = Anchor("scripted policy (BIRD)", scripted, "success at any step, 30 episodes")
    return Protocol(ENVS / name, "share with success at any step", success_told, METAWORLD, (anchor,))


PROTOCOLS = {
    "lunar-lander-100k": Protocol(
        _CARDS / "lunar-lander-100k",
        "native return",
        native_return,
        LANDING,
        (
            Anchor(
                "FDRE-HRDC", "159.8 ± 8.1", "3 seeds, 10 episodes each; written by hand, with the native reward in it"
            ),
            Anchor("native reward (FDRE)", "-4.6 ± 41.1", "PPO with other settings, 3 seeds, 10 episodes each"),
        ),
    ),
    "lunar-lander-1m": Protocol(
        _CARDS / "lunar-lander-1m",
        "native return",
        native_return,
        LANDING,
        (
            Anchor(
                "CREATE", "229.0 ± 16.5", "5 search seeds; biased: the best of its versions on the seeds that chose it"
            ),
        ),
    ),
    "bipedal-walker-2m": Protocol(
        _CARDS / "bipedal-walker-2m", "native return", native_return, WALKING, (), slice(1, None)
    ),
    "bipedal-walker-5m": Protocol(
        _CARDS / "bipedal-walker-5m",
        "native return",
        native_return,
        WALKING,
        (
            Anchor(
                "CREATE", "311.5 ± 5.2", "5 search seeds; biased: the best of its versions on the seeds that chose it"
            ),
            Anchor("native reward (RL Baselines3 Zoo)", "287.9", "PPO with tuned settings, 5,000,000 steps"),
        ),
        slice(1, None),
    ),
    "inverted-pendulum-1m": _bird(
        "inverted-pendulum-1m", "share of 1,000 steps", steps_lived, 0, "1.0", "1.0, 1.0, 1.0", "0.004"
    ),
    "reacher-1m": _bird(
        "reacher-1m", "distance at the end, negative, m", reached, 0, "-0.110", "-0.158, -0.133, -0.040", "-0.203"
    ),
    "swimmer-1m": _bird("swimmer-1m", "forward, m", forward, 2, "1.84", "1.69, 1.70, 2.13", "0.39"),
    "hopper-1m": _bird("hopper-1m", "forward, m", forward, 1, "11.2", "12.3, 13.9, 7.4", "-0.03"),
    "half-cheetah-1m": _bird("half-cheetah-1m", "forward, m", forward, 1, "83.7", "91.6, 85.4, 74.3", "-4.6"),
    "doorkey-8x8": Protocol(
        ENVS / "doorkey-8x8",
        "share at the goal",
        ended_well,
        MINIGRID,
        (Anchor("diagnoses to a designer (2605.28918)", "0.976", "PPO; steps and seeds could not be read"),),
    ),
    "key-corridor-s3r3": Protocol(
        _CARDS / "key-corridor-s3r3",
        "share that pick the ball up",
        ended_well,
        MINIGRID,
        (Anchor("diagnoses to a designer (2605.28918)", "0.867", "PPO; variant, steps and seeds could not be read"),),
    ),
    "evopolicygym-doorkey-16x16": _evopolicygym(_CARDS / "doorkey-16x16", "0.986", "0.983", "0"),
    "evopolicygym-key-corridor-s4r3": _evopolicygym(_CARDS / "key-corridor-s4r3", "0.918", "0.930", "0"),
    "evopolicygym-acrobot": _evopolicygym(ENVS / "acrobot", "-84.7", "-88.6", "-499"),
    "evopolicygym-mountain-car-continuous": _evopolicygym(ENVS / "mountain-car-continuous", "95.2", "98.8", "-33.4"),
    "evopolicygym-reacher": _evopolicygym(ENVS / "reacher", "-3.47", "-3.98", "-43.8"),
    "evopolicygym-pusher": _evopolicygym(ENVS / "pusher", "-37.1", "-38.5", "-147"),
    "evopolicygym-half-cheetah": _evopolicygym(_CARDS / "half-cheetah-1m", "602", "452", "-292", 1),
    "metaworld-drawer-open": _metaworld("metaworld-drawer-open", "1.0"),
    "metaworld-door-open": _metaworld("metaworld-door-open", "0.967"),
    "half-cheetah-target-speed": Protocol(
        _CARDS / "half-cheetah-target-speed",
        "-|mean speed - 2|, m/s",
        speed_error,
        BEHAVIOURS,
        (
            Anchor("a simple reward (BIRD)", "-0.205", "PPO, 200,000 steps, 1 seed"),
            Anchor("random actions (BIRD)", "-2.089", ""),
        ),
        slice(1, None),
    ),
    "hopper-hop-in-place": Protocol(
        _CARDS / "hopper-hop-in-place",
        "spread of height less drift, m",
        hopping,
        BEHAVIOURS,
        (
            Anchor("standing (BIRD)", "0.000", "scripted"),
            Anchor("hopping (BIRD)", "0.071", "scripted"),
            Anchor("one jump and a fall (BIRD)", "0.17", "scripted: an exploit of this measure"),
        ),
    ),
    "half-cheetah-rear": Protocol(
        ENVS / "half-cheetah-rear",
        "share that stand on end for the last 30 steps",
        last(30, 0.9, lambda s: np.abs(s[:, 2] + 1.5708) < 0.4),
        BEHAVIOURS,
    ),
    "hopper-jump": Protocol(
        ENVS / "hopper-jump", "share that jump and do not fall", ever(lambda s: s[:, 1] >= 1.65, 200), BEHAVIOURS
    ),
    "half-cheetah-backflip": Protocol(
        _CARDS / "half-cheetah-backflip", "share that turn over backward and stand", flipped(-2 * np.pi), BEHAVIOURS
    ),
    "half-cheetah-hind-legs": Protocol(
        _CARDS / "half-cheetah-hind-legs",
        "share that stand nose up for the last 50 steps",
        last(50, 0.9, lambda s: (s[:, 2] < -0.7) & (s[:, 2] > -2.0) & (np.abs(s[:, 11]) < 1.5)),
        BEHAVIOURS,
    ),
    "hopper-front-flip": Protocol(
        _CARDS / "hopper-front-flip",
        "share that turn over forward once",
        ever(lambda s: np.abs(s[:, 2] - 2 * np.pi) < 0.6),
        BEHAVIOURS,
    ),
    "ant-spin": Protocol(_CARDS / "ant-spin", "share that turn once and stand still", turned_once, BEHAVIOURS),
    "mountain-car-softstop": Protocol(
        ENVS / "mountain-car-softstop",
        "share slow at the flag",
        last(1, 1.0, lambda s: (s[:, 0] >= 0.5) & (s[:, 1] <= 0.03)),
        BEHAVIOURS,
    ),
    "lunar-lander-hover": Protocol(
        ENVS / "lunar-lander-hover",
        "share that hover for the last 50 steps",
        last(50, 0.9, lambda s: (np.abs(s[:, 0]) < 0.15) & (np.abs(s[:, 1] - 0.8) < 0.2), 300),
        BEHAVIOURS,
    ),
    "cheetah-stop": Protocol(
        DATA / "hard" / "cheetah-stop",
        "share that stand there for the last 50 steps",
        last(50, 1.0, lambda s: (np.abs(s[:, 0] - 3.0) < 0.5) & (np.abs(s[:, 9]) < 0.3), 200),
        HARD,
    ),
    "lander-left": Protocol(DATA / "hard" / "lander-left", "share that land there", last(5, 1.0, _landed_left), HARD),
    "hopper-back": Protocol(
        DATA / "hard" / "hopper-back",
        "share 1.5 m behind the start",
        last(1, 1.0, lambda s: s[:, 0] <= -1.5, 400),
        HARD,
    ),
    "pusher-own": Protocol(
        DATA / "hard" / "pusher-own",
        "share with the object at the goal",
        last(1, 1.0, lambda s: np.linalg.norm(s[:, 17:19] - s[:, 20:22], axis=1) < 0.05),
        HARD,
    ),
}
"""In groups, as docs/evidence.md shows them."""
