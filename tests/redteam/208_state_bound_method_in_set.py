# category: state
# must: contained at run time
# first-layer: runtime-check
# leak: a bound method in a module set holds a list that grows

KEPT = {[].append}


def compute_reward(state, action, next_state, memory):
    for add in KEPT:
        add(1)
    return {"r": state.x[..., 0]}
