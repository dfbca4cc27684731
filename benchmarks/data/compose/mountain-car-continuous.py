import numpy as np

CAP = 60.0
ROLES = {"there": "main", "height": "dense", "swing": "dense", "time": "penalty"}


def parts(state, action, next_state):
    return {
        "there": 10.0 * next_state.terminated,
        "height": 0.5 * (np.sin(3.0 * next_state.position) + 1.0),
        "swing": np.abs(next_state.velocity) / 0.07,
        "time": -0.5 * np.ones_like(next_state.position),
    }
