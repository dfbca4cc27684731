# category: state
# must: contained at run time
# first-layer: runtime-check
# leak: an iterator in a module set moves on at each call

KEPT = {map(abs, range(10**6))}


def compute_reward(state, action, next_state, memory):
    calls = 0
    for numbers in KEPT:
        for calls in numbers:
            break
    return {"r": state.x[..., 0] * (1.0 if calls < 60 else -1.0)}
