# category: state
# must: contained at run time
# first-layer: runtime-check
# leak: a module list is sorted in place by a helper

KEPT = [2.0, 1.0]


def order(kept):
    kept.sort()


def compute_reward(state, action, next_state, memory):
    first = KEPT[0]
    order(KEPT)
    return {"r": state.x[..., 0] * first}
