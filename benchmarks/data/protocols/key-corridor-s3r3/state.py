"""What the agent would know if it saw the whole map: the environment itself observes an image."""

import numpy as np

THINGS = ("wall", "key", "door", "ball")


def observe(env, observation, info):
    """Named numbers of the grid world, in squares; see task.toml."""
    place, heading = np.array(env.agent_pos, dtype=float), np.array(env.dir_vec, dtype=float)
    held = env.carrying.type if env.carrying is not None else ""
    doors, keys, balls = (_places(env, kind) for kind in ("door", "key", "ball"))
    if env.step_count == 0:
        env.locked_door = next(door for door in doors if env.grid.get(*door.astype(int)).is_locked)
    closed = [door for door in doors if not env.grid.get(*door.astype(int)).is_open and any(door != env.locked_door)]
    nearest = min(closed, key=lambda door: np.abs(door - place).sum(), default=place)
    left = np.array([heading[1], -heading[0]])
    ahead = env.grid.get(*env.front_pos)
    return {
        "position": place,
        "heading": heading,
        "key_offset": keys[0] - place if keys else np.zeros(2),
        "ball_offset": balls[0] - place if balls else np.zeros(2),
        "locked_door_offset": env.locked_door - place,
        "locked_door_open": float(env.grid.get(*env.locked_door.astype(int)).is_open),
        "closed_door_offset": nearest - place,
        "carrying_key": float(held == "key"),
        "free": [_free(env, place + way) for way in (left, heading, -left)],
        "ahead": [float(ahead is not None and ahead.type == kind) for kind in THINGS],
    }


def _places(env, kind):
    """(x, y) of every square of that kind, from left to right."""
    squares = ((x, y, env.grid.get(x, y)) for x in range(env.width) for y in range(env.height))
    return [np.array([x, y], dtype=float) for x, y, square in squares if square is not None and square.type == kind]


def _free(env, place):
    """1 where one can walk."""
    square = env.grid.get(*place.astype(int))
    return float(square is None or square.can_overlap())
