import numpy as np

CAP = 60.0
HOLD_AT = 0.6  # m
ROLES = {"held": "main", "near": "dense", "upright": "dense", "alive": "dense"}


def parts(state, action, next_state):
    gap = np.abs(next_state.position - HOLD_AT)
    return {
        "held": 1.0 * (gap < 0.1),
        "near": np.exp(-gap / 0.3),
        "upright": 0.5 * np.exp(-np.square(next_state.angle / 0.05)),
        "alive": 0.5 * (1.0 - next_state.terminated),
    }
