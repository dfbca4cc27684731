# category: rows
# must: contained at run time
# first-layer: runtime-check
# leak: a row's reward hangs on others, late in long episodes

def compute_reward(state, action, next_state, memory):
    x = next_state.x[..., 0]
    return {"r": np.where(next_state.step > 900, x[::-1], x)}
