"""What a spin is said in: how far the torso has turned, over whole turns, beside what the environment observes."""

import numpy as np


def observe(env, observation, info):
    """Named numbers of the ant; see task.toml."""
    w, x, y, z = observation[3:7]
    front = np.array([1 - 2 * (y * y + z * z), 2 * (x * y + w * z)])
    heading = front / max(np.hypot(*front), 1e-6)
    env.turned = _turned(env, heading)
    return {
        "place": observation[0:2],
        "height": observation[2],
        "upright": 1 - 2 * (x * x + y * y),
        "heading": heading,
        "turned": env.turned,
        "joint_angles": observation[7:15],
        "velocity": observation[15:18],
        "spin": observation[18:21],
        "joint_speeds": observation[21:29],
    }


def _turned(env, heading):
    """The angle since the reset, by the shortest way from the last step's heading."""
    before = getattr(env, "last_heading", None)
    env.last_heading = heading
    if env.data.time == 0.0 or before is None:
        return 0.0
    return env.turned + np.arctan2(before[0] * heading[1] - before[1] * heading[0], before @ heading)
