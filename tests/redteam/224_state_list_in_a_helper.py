# category: state
# must: contained at run time
# first-layer: runtime-check
# leak: a module list grows with every call, in a helper

KEPT = [0]


def grow(kept):
    kept += [1]
    return kept


def compute_reward(state, action, next_state, memory):
    grow(KEPT)
    return {"r": state.x[..., 0] * (1.0 if len(KEPT) < 60 else -1.0)}
