# category: state
# must: contained at run time
# first-layer: runtime-check
# leak: a module list grows with every call, through list.append

KEPT = [0]


def compute_reward(state, action, next_state, memory):
    list.append(KEPT, 1)
    return {"r": state.x[..., 0] * (1.0 if len(KEPT) < 60 else -1.0)}
