"""What the agent would know if it saw the whole map: the environment itself observes an image."""

import numpy as np

THINGS = ("wall", "key", "door", "ball")


def observe(env, observation, info):
    """Named numbers of the grid world, in squares; see task.toml."""
    place = np.array(env.agent_pos, dtype=float)
    held = env.carrying.type if env.carrying is not None else ""
    doors, keys, balls = (_places(env, kind) for kind in ("door", "key", "ball"))
    left, right = doors[0], doors[-1]
    ahead = env.grid.get(*env.front_pos)
    return {
        "position": place,
        "heading": np.array(env.dir_vec, dtype=float),
        "key_offset": keys[0] - place if keys else np.zeros(2),
        "ball_offset": balls[0] - place if balls else np.zeros(2),
        "left_door_offset": left - place,
        "left_door_open": float(env.grid.get(*left.astype(int)).is_open),
        "right_door_offset": right - place,
        "right_door_open": float(env.grid.get(*right.astype(int)).is_open),
        "carrying_key": float(held == "key"),
        "ahead": [float(ahead is not None and ahead.type == kind) for kind in THINGS],
    }


def _places(env, kind):
    """(x, y) of every square of that kind, from left to right."""
    squares = ((x, y, env.grid.get(x, y)) for x in range(env.width) for y in range(env.height))
    return [np.array([x, y], dtype=float) for x, y, square in squares if square is not None and square.type == kind]
