"""What the agent would know if it saw the whole map: the environment itself observes an image."""

import numpy as np


def observe(env, observation, info):
    """Named numbers of the grid world, in squares; see task.toml."""
    place = np.array(env.agent_pos, dtype=float)
    carrying = env.carrying is not None
    key, door, goal = (_find(env, kind) for kind in ("key", "door", "goal"))
    ahead = env.grid.get(*env.front_pos)
    return {
        "position": place,
        "heading": np.array(env.dir_vec, dtype=float),
        "key_offset": np.zeros(2) if carrying or key is None else key - place,
        "door_offset": door - place,
        "goal_offset": goal - place,
        "carrying": float(carrying),
        "door_open": float(env.grid.get(*door.astype(int)).is_open),
        "ahead": [float(ahead is not None and ahead.type == kind) for kind in ("wall", "key", "door", "goal")],
    }


def _find(env, kind):
    """(x, y) of the first square of that kind, or None."""
    for x in range(env.width):
        for y in range(env.height):
            square = env.grid.get(x, y)
            if square is not None and square.type == kind:
                return np.array([x, y], dtype=float)
    return None
