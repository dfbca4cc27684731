# category: rows
# must: contained at run time
# first-layer: runtime-check
# leak: a leak below any fixed tolerance, which normalisation scales up

def compute_reward(state, action, next_state, memory):
    x = next_state.x[..., 0]
    return {"r": 1e-8 * (x - x.mean())}
