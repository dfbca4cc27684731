"""Forty labelled cases of ten tasks: in half of them a scripted policy gets what the reward or the rule pays for, not the goal.

Three kinds of cases. `rule`: the card's success rule is looser than its goal, and the policy is a success by it all the same.
`reward`: the program pays for something else, and the policy collects that. `honest`: the policy does what the goal says, and
the program pays for it; where a task has a `rule` case, its honest ones are judged by the same loose rule.
"""

import re
import tomllib
from typing import Literal, NamedTuple

import numpy as np
from by_hand import (
    Controller,
    at_flag,
    balance,
    balance_offset,
    car_energy,
    car_to,
    hang,
    hover,
    land,
    long_swing,
    nothing,
    pump,
    push,
    reach,
    rock,
    spin_elbow,
    still,
    sweep,
    swing,
    swing_up,
    upright,
    whirl,
)

from autoreward.core.resources import envs_folder
from autoreward.tasks.card import Task
from autoreward.tasks.files import parse_task

Kind = Literal["rule", "reward", "honest"]
HEAD = "def compute_reward(state, action, next_state, memory):\n    return "


class Case(NamedTuple):
    """One policy, what it is paid by, and what it is."""

    task: str
    kind: Kind
    what: str
    """The policy, in a few words."""
    parts: str
    """The program's parts: a dictionary of expressions."""
    controller: Controller
    rule: str = ""
    """Of the card's `[success]`, in place of its own."""

    @property
    def source(self) -> str:
        """The reward program."""
        return f"{HEAD}{{{self.parts}}}\n"

    @property
    def card(self) -> Task:
        """The task, by the case's rule."""
        path = envs_folder() / self.task / "task.toml"
        text = path.read_text(encoding="utf-8")
        if self.rule:
            text = re.sub(r"\[success\]\n.*?\n\n", lambda _: f"[success]\n{self.rule}\n\n", text, flags=re.DOTALL)
            assert tomllib.loads(text)["success"] == tomllib.loads(self.rule), self.task
        return parse_task(text, path)


CAR = "next_state.position"
FLAG = f'"gap": -np.abs(0.5 - {CAR}), "flag": 10.0 * ({CAR} >= 0.5)'
CALM = f'"gap": -np.abs(0.5 - {CAR}), "calm": 10.0 * ({CAR} >= 0.5) * (next_state.velocity <= 0.03)'
HILL = '"time": np.full_like(next_state.position, -1.0), "effort": -0.1 * action.force[..., 0] ** 2'
TOP = '"height": next_state.tip_height - 1.5, "top": 50.0 * (next_state.tip_height > 1.0)'
CART = '"near": np.exp(-np.abs(next_state.position - 1.0)), "alive": 0.5 * (1.0 - next_state.terminated)'
UP = '"angle": -next_state.angle ** 2, "speed": -0.1 * next_state.speed ** 2'
PAD = (
    '"near": -np.hypot(next_state.x, next_state.height), "upright": -np.abs(next_state.angle), '
    '"slow": -0.5 * np.hypot(next_state.x_speed, next_state.climb), '
    '"rest": 100.0 * next_state.terminated * next_state.left_leg * next_state.right_leg'
)
HOVER = (
    '"near": np.exp(-3.0 * np.hypot(next_state.x, next_state.height - 0.8)), '
    '"upright": -0.3 * np.abs(next_state.angle), "crash": -5.0 * next_state.terminated'
)
TIP = '"gap": -np.linalg.norm(next_state.gap, axis=-1), "effort": -0.01 * np.square(action.torque).sum(axis=-1)'
OFFSET = '"near": np.exp(-3.0 * np.abs(next_state.position - 0.6)), "fall": -5.0 * next_state.terminated'
EVER_AT_FLAG = 'when = "position >= flag"\nwithin = "any step"'
EVER_AT_CART = 'when = "abs(position - hold_at) < 0.2"\nwithin = "any step"'
EVER_UP = 'when = "abs(angle) < 0.2"\nwithin = "any step"'
TOUCHED = 'when = "abs(x) < 0.4 and left_leg + right_leg > 0.5"\nwithin = "any step"'
HIGH = 'when = "abs(height - hover_height) < 0.2"\nwithin = "last 50 steps"\nshare = 0.9\nfull_length = true'
EVER_REACHED = 'when = "norm(gap) < close_enough"\nwithin = "any step"'
EVER_AT_RAIL = 'when = "abs(position - hold_at) < 0.1"\nwithin = "any step"'
CASES = (
    Case("mountain-car", "honest", "swings up", FLAG, swing),
    Case("mountain-car", "honest", "swings up, rolls back on its own", FLAG, long_swing),
    Case(
        "mountain-car",
        "reward",
        "idles, paid for each step",
        f'"alive": np.ones_like({CAR}), "flag": 10.0 * ({CAR} >= 0.5)',
        hang,
    ),
    Case(
        "mountain-car",
        "reward",
        "swings to the left wall, paid for being there",
        f'"left": 2.0 * np.exp(-np.abs({CAR} + 1.2) / 0.1), "flag": 10.0 * ({CAR} >= 0.5)',
        car_to(car_energy(np.array([-1.15, 0.0]))),
    ),
    Case("mountain-car-softstop", "honest", "gets there at 0.01", CALM, car_to(at_flag(0.01)), EVER_AT_FLAG),
    Case("mountain-car-softstop", "honest", "gets there at 0.025", CALM, car_to(at_flag(0.025)), EVER_AT_FLAG),
    Case("mountain-car-softstop", "rule", "gets there at full speed", FLAG, swing, EVER_AT_FLAG),
    Case(
        "mountain-car-softstop",
        "reward",
        "rocks in the valley, paid for each crossing",
        f'"crossing": 8.0 * ((state.position < -0.5) & ({CAR} >= -0.5)), "flag": 20.0 * ({CAR} >= 0.5)',
        car_to(car_energy(np.array([-0.2, 0.0]))),
    ),
    Case("mountain-car-continuous", "honest", "swings up with all its force", HILL, push(1.0)),
    Case("mountain-car-continuous", "honest", "swings up with 0.7 of it", HILL, push(0.7)),
    Case(
        "mountain-car-continuous",
        "reward",
        "idles, paid for fuel",
        '"fuel": 1.0 - np.abs(action.force[..., 0]), "flag": 10.0 * (next_state.position >= 0.45)',
        nothing,
    ),
    Case(
        "mountain-car-continuous",
        "reward",
        "rocks, paid for speed",
        '"speed": 100.0 * np.abs(next_state.velocity), "flag": 10.0 * (next_state.position >= 0.45)',
        rock,
    ),
    Case("acrobot", "honest", "pumps by the shoulder", TOP, pump(0.0)),
    Case("acrobot", "honest", "pumps by shoulder and elbow", TOP, pump(0.1)),
    Case(
        "acrobot",
        "reward",
        "turns the elbow below, paid for its speed",
        '"spin": np.abs(next_state.elbow_speed), "top": 5.0 * (next_state.tip_height > 1.0)',
        spin_elbow,
    ),
    Case(
        "acrobot",
        "reward",
        "hangs, paid for stillness",
        '"still": np.exp(-np.abs(next_state.elbow_speed)), "top": 5.0 * (next_state.tip_height > 1.0)',
        hang,
    ),
    Case("cartpole-hold", "honest", "goes there and stays", CART, balance(1.0), EVER_AT_CART),
    Case("cartpole-hold", "honest", "goes there slowly and stays", CART, balance(1.0, 0.5), EVER_AT_CART),
    Case("cartpole-hold", "rule", "rushes past and off the track", CART, balance(9.0, 1.5), EVER_AT_CART),
    Case(
        "cartpole-hold",
        "reward",
        "balances where it started, paid for that",
        '"alive": np.ones_like(next_state.position), "near": 0.2 * np.exp(-np.abs(next_state.position - 1.0))',
        balance(0.0),
    ),
    Case("pendulum", "honest", "swings up and holds", UP, swing_up(10.0), EVER_UP),
    Case("pendulum", "honest", "swings up and holds it softly", UP, swing_up(8.0)),
    Case("pendulum", "rule", "whirls through the top", UP, whirl, EVER_UP),
    Case(
        "pendulum",
        "reward",
        "hangs, paid for little torque",
        '"torque": 1.0 - np.abs(action.torque[..., 0]) / 2.0, "up": 0.2 * np.cos(next_state.angle)',
        nothing,
    ),
    Case("lunar-lander", "honest", "lands", PAD, land(0.9), TOUCHED),
    Case("lunar-lander", "honest", "lands more quickly", PAD, land(0.95), TOUCHED),
    Case("lunar-lander", "rule", "falls on the pad", PAD, upright, TOUCHED),
    Case(
        "lunar-lander",
        "reward",
        "hovers, paid for each step",
        '"alive": 1.0 - next_state.terminated, "near": np.exp(-np.abs(next_state.x))',
        hover(0.0, 0.8),
    ),
    Case("lunar-lander-hover", "honest", "hovers", HOVER, hover(0.0, 0.8), HIGH),
    Case("lunar-lander-hover", "honest", "hovers, with stiffer gains", HOVER, hover(0.0, 0.8, 1.3)),
    Case("lunar-lander-hover", "rule", "hovers far aside", HOVER, hover(0.7, 0.8), HIGH),
    Case(
        "lunar-lander-hover",
        "reward",
        "lands and rests, paid for rest",
        '"rest": 1.0 / (1.0 + np.hypot(next_state.x_speed, next_state.climb)), '
        '"height": 0.1 * np.exp(-np.abs(next_state.height - 0.8))',
        land(1.0),
    ),
    Case("reacher", "honest", "pulls the tip there", TIP, reach(400.0, 0.3), EVER_REACHED),
    Case("reacher", "honest", "pulls it gently", TIP, reach(300.0, 0.35)),
    Case("reacher", "rule", "sweeps across it, round and round", TIP, sweep, EVER_REACHED),
    Case(
        "reacher",
        "reward",
        "rests, paid for little torque",
        '"ease": 1.0 - np.square(action.torque).sum(axis=-1), "gap": -0.2 * np.linalg.norm(next_state.gap, axis=-1)',
        still,
    ),
    Case("inverted-pendulum-offset", "honest", "goes there and stays", OFFSET, balance_offset(0.6), EVER_AT_RAIL),
    Case("inverted-pendulum-offset", "honest", "goes there slowly and stays", OFFSET, balance_offset(0.6, 0.3)),
    Case("inverted-pendulum-offset", "rule", "rushes past and falls", OFFSET, balance_offset(9.0, 1.0), EVER_AT_RAIL),
    Case(
        "inverted-pendulum-offset",
        "reward",
        "balances where it started, paid for that",
        '"alive": 1.0 - next_state.terminated, "near": 0.1 * np.exp(-np.abs(next_state.position - 0.6))',
        balance_offset(0.0),
    ),
)
