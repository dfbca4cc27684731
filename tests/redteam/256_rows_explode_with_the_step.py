# category: rows
# must: contained at run time
# first-layer: runtime-check
# leak: a huge reward after the steps of the samples

def compute_reward(state, action, next_state, memory):
    x = next_state.x[..., 0]
    return {"r": np.where(next_state.step > 100, 1e6, x)}
