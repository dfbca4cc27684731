"""Controllers written by hand: what a few lines come to where a reward has to be learned from.

Each takes one environment's observation and gives an action as that environment takes it.
"""

from collections.abc import Callable, Mapping
from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Controller = Callable[[NDArray[Any]], Any]
"""One environment's observation -> its action."""


def swing(obs: NDArray[Any]) -> int:
    """Push the car the way it goes."""
    return 2 if obs[1] >= 0.0 else 0


def long_swing(obs: NDArray[Any]) -> int:
    """The same, but let it roll back on its own where it is fast."""
    return 2 if obs[1] >= 0.0 else 1 if obs[1] < -0.04 else 0


def car_energy(obs: NDArray[Any]) -> float:
    """Of a car on MountainCar's track, in its own units; constant while it coasts."""
    return float(0.5 * obs[1] ** 2 + 0.0025 / 3.0 * np.sin(3.0 * obs[0]))


def car_to(energy: float, band: float = 2e-5) -> Controller:
    """Swing until the car has that energy, then keep it."""

    def choose(obs: NDArray[Any]) -> int:
        more = energy - car_energy(obs)
        if abs(more) < band:
            return 1
        forward = 2 if obs[1] >= 0.0 else 0
        return forward if more > 0.0 else 2 - forward

    return choose


def at_flag(speed: float) -> float:
    """Energy of a car that passes the flag at 0.5 with that speed."""
    return car_energy(np.array([0.5, speed]))


def push(force: float) -> Controller:
    """Push the car the way it goes, with that force."""
    return lambda obs: np.array([force if obs[1] >= 0.0 else -force], dtype=np.float32)


def rock(obs: NDArray[Any]) -> NDArray[Any]:
    """Swing the car as fast as it goes without getting to the flag."""
    energy = 0.5 * obs[1] ** 2 + 0.0025 / 3.0 * np.sin(3.0 * obs[0])
    return np.array([np.sign(obs[1] or 1.0) * (1.0 if energy < 0.00045 else -1.0)], dtype=np.float32)


def nothing(obs: NDArray[Any]) -> NDArray[Any]:
    """No force."""
    return np.zeros(1, dtype=np.float32)


def pump(gain: float) -> Controller:
    """Turn Acrobot's elbow against the shoulder's swing, as far as it lags behind."""

    def choose(obs: NDArray[Any]) -> int:
        return 2 if obs[4] + gain * obs[5] < 0.0 else 0

    return choose


def spin_elbow(obs: NDArray[Any]) -> int:
    """Turn Acrobot's elbow on and on, the way it turns, unless the arm gets high."""
    height = -obs[0] - (obs[0] * obs[2] - obs[1] * obs[3])
    forward = 2 if obs[5] >= 0.0 else 0
    return forward if height < -1.0 else 2 - forward


def hang(obs: NDArray[Any]) -> int:
    """No torque."""
    return 1


def balance(at: float, hurry: float = 1.0) -> Controller:
    """Keep CartPole's pole up on the way to that place, and there."""

    def choose(obs: NDArray[Any]) -> int:
        x, v, angle, turning = obs
        return int(8.7 * np.clip(x - at, -hurry, hurry) + 10.0 * v + 62.0 * angle + 16.0 * turning > 0.0)

    return choose


def balance_offset(at: float, hurry: float = 1.0) -> Controller:
    """The same with InvertedPendulum-v5's force."""

    def choose(obs: NDArray[Any]) -> NDArray[Any]:
        x, angle, v, turning = obs
        wanted = 0.74 * np.clip(x - at, -hurry, hurry) + 0.87 * v + 6.0 * angle + 1.0 * turning
        return np.array([np.clip(wanted, -3.0, 3.0)], dtype=np.float32)

    return choose


def swing_up(stiff: float) -> Controller:
    """Pump the pendulum to the energy of its upright rest, and hold it there."""

    def choose(obs: NDArray[Any]) -> NDArray[Any]:
        cosine, sine, speed = obs
        angle = np.arctan2(sine, cosine)
        if abs(angle) < 0.4 and abs(speed) < 2.5:
            torque = -stiff * angle - 0.3 * stiff * speed
        else:
            lacks = 15.0 - (0.5 * speed**2 + 15.0 * cosine)
            torque = 2.0 * np.sign(speed or 1.0) * np.sign(lacks)
        return np.array([np.clip(torque, -2.0, 2.0)], dtype=np.float32)

    return choose


def whirl(obs: NDArray[Any]) -> NDArray[Any]:
    """Turn the pendulum the way it turns, always."""
    return np.array([2.0 if obs[2] >= 0.0 else -2.0], dtype=np.float32)


def land(patience: float) -> Controller:
    """Gymnasium's own controller of LunarLander; `patience` is by how much it takes itself to be
    higher than it is."""

    def choose(obs: NDArray[Any]) -> int:
        # here, since it imports Box2D, which reading the other cases does not need
        from gymnasium.envs.box2d.lunar_lander import heuristic

        asked = SimpleNamespace(unwrapped=SimpleNamespace(continuous=False))
        seen = np.array(obs, dtype=np.float64)
        seen[1] *= patience
        return int(heuristic(asked, seen))  # type: ignore[no-untyped-call]

    return choose


def upright(obs: NDArray[Any]) -> int:
    """Fall, kept upright by the side engines alone."""
    lean = obs[4] + 0.6 * obs[5] + 0.25 * (obs[0] + obs[2])
    return 3 if lean > 0.08 else 1 if lean < -0.08 else 0


def hover(x: float, height: float, gain: float = 1.0) -> Controller:
    """Hold LunarLander there."""

    def choose(obs: NDArray[Any]) -> int:
        lean = np.clip(0.5 * gain * (obs[0] - x) + 1.0 * obs[2], -0.4, 0.4)
        turn = (lean - obs[4]) * 0.5 - obs[5]
        lift = (height - obs[1]) * 0.5 * gain - obs[3] * 0.5
        if lift > abs(turn) and lift > 0.05:
            return 2
        return 3 if turn < -0.05 else 1 if turn > 0.05 else 0

    return choose


def reach(stiff: float, damping: float) -> Controller:
    """Pull Reacher's fingertip to the target along the arm's Jacobian."""

    def choose(obs: NDArray[Any]) -> NDArray[Any]:
        first, second = np.arctan2(obs[2], obs[0]), np.arctan2(obs[3], obs[1])
        both = first + second
        out = 0.11 * np.array([-np.sin(both), np.cos(both)])
        jacobian = np.stack([0.1 * np.array([-np.sin(first), np.cos(first)]) + out, out], axis=1)
        torque = -stiff * jacobian.T @ obs[8:10] - damping * obs[6:8]
        return np.asarray(np.clip(torque, -1.0, 1.0), dtype=np.float32)

    return choose


def sweep(obs: NDArray[Any]) -> NDArray[Any]:
    """Bend Reacher's elbow until the fingertip is as far out as the target, and turn the shoulder on and on."""
    far = float(np.clip(np.hypot(*obs[4:6]), 0.011, 0.209))
    bend = np.arccos(np.clip((far**2 - 0.1**2 - 0.11**2) / (2 * 0.1 * 0.11), -1.0, 1.0))
    second = np.arctan2(obs[3], obs[1])
    torque = np.array([0.3, 2.0 * (bend - second) - 0.1 * obs[7]])
    return np.asarray(np.clip(torque, -1.0, 1.0), dtype=np.float32)


def still(obs: NDArray[Any]) -> NDArray[Any]:
    """No torques."""
    return np.zeros(2, dtype=np.float32)


def walk_bipedal() -> Controller:
    """Gymnasium's own controller of BipedalWalker, of an observation that begins with where the hull is."""
    from gymnasium.envs.box2d.bipedal_walker import BipedalWalkerHeuristics

    walker = BipedalWalkerHeuristics()
    return lambda obs: np.clip(walker.step_heuristic(obs[1:]), -1.0, 1.0)  # type: ignore[no-untyped-call]


def swim(turn: float, lag: float) -> Controller:
    """A wave along Swimmer: `turn` a step, the second joint `lag` behind, both in radians."""
    clock = count()

    def choose(obs: NDArray[Any]) -> NDArray[Any]:
        phase = turn * next(clock)
        return np.array([np.sin(phase), np.sin(phase - lag)], dtype=np.float32)

    return choose


def through_the_door(obs: NDArray[Any]) -> int:
    """DoorKey: to the key, then to the door, then to the goal, along one axis after the other."""
    key, door, goal, (carries, opened), ahead = obs[4:6], obs[6:8], obs[8:10], obs[10:12], obs[12:16]
    if not carries:
        return 3 if ahead[1] else _towards(obs, key)
    if not opened:
        before = door - np.array([1.0, 0.0])
        return _towards(obs, before) if np.any(before != 0.0) else 5 if ahead[2] else _facing(obs, door)
    return (
        _towards(obs, goal)
        if door[0] < 0.0
        else _facing(obs, np.array([1.0, 0.0]))
        if door[0] == 0.0
        else _towards(obs, door)
    )


def _towards(obs: NDArray[Any], offset: NDArray[Any]) -> int:
    """One move there, along the longer axis."""
    along = int(abs(offset[1]) > abs(offset[0]))
    way = np.zeros(2)
    way[along] = np.sign(offset[along])
    return _facing(obs, way)


def _facing(obs: NDArray[Any], way: NDArray[Any]) -> int:
    """Turn that way, or go on where it looks there."""
    heading = obs[2:4]
    if way @ heading > 0.0:
        return 2
    return 1 if heading[0] * way[1] - heading[1] * way[0] >= 0.0 else 0


CONTROLLERS: Mapping[str, Callable[[], Controller]] = {
    "lunar-lander-100k": lambda: land(0.9),
    "lunar-lander-1m": lambda: land(0.9),
    "lunar-lander-hover": lambda: hover(0.0, 0.8),
    "bipedal-walker-2m": walk_bipedal,
    "bipedal-walker-5m": walk_bipedal,
    "inverted-pendulum-1m": lambda: balance_offset(0.0),
    "reacher-1m": lambda: reach(400.0, 0.3),
    "swimmer-1m": lambda: swim(0.1, 1.0),
    "mountain-car-softstop": lambda: car_to(at_flag(0.01)),
    "doorkey-8x8": lambda: through_the_door,
    "evopolicygym-doorkey-16x16": lambda: through_the_door,
    "evopolicygym-acrobot": lambda: pump(0.0),
    "evopolicygym-mountain-car-continuous": lambda: push(0.7),
    "evopolicygym-reacher": lambda: reach(10.0, 0.03),
}
"""Of protocols; what they are called with was found in a few tries."""
