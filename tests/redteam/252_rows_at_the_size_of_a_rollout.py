# category: rows
# must: contained at run time
# first-layer: runtime-check
# leak: a row's reward hangs on others, at the size that training has

def compute_reward(state, action, next_state, memory):
    x = next_state.x[..., 0]
    return {"r": x - (x.mean() if len(x) == 256 else 0.0)}
