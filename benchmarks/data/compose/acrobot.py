import numpy as np

CAP = 60.0
LINE = 1.0  # m
ROLES = {"above": "main", "height": "dense", "swing": "dense", "time": "penalty"}


def parts(state, action, next_state):
    return {
        "above": 10.0 * (next_state.tip_height > LINE),
        "height": 0.25 * (next_state.tip_height + 2.0),
        "swing": 0.1 * np.abs(next_state.shoulder_speed),
        "time": -0.5 * np.ones_like(next_state.tip_height),
    }
