import numpy as np

CAP = 60.0
ROLES = {"held": "main", "near": "dense", "still": "dense"}


def parts(state, action, next_state):
    away = np.abs(next_state.angle)
    return {
        "held": 1.0 * ((away < 0.2) & (np.abs(next_state.speed) < 0.5)),
        "near": 0.5 * (np.cos(next_state.angle) + 1.0),
        "still": -0.01 * np.square(next_state.speed),
    }
