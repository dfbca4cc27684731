# category: state
# must: contained at run time
# first-layer: runtime-check
# leak: a module list grows with every call, through list[float].append

KEPT = [0]
FLOATS = list[float]


def grow(kind, kept):
    kind.append(kept, 1)


def compute_reward(state, action, next_state, memory):
    grow(FLOATS, KEPT)
    return {"r": state.x[..., 0] * (1.0 if len(KEPT) < 60 else -1.0)}
