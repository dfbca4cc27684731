# category: nondeterminism
# must: contained at run time
# first-layer: runtime-check
# leak: where= without a real out returns stale process memory, None in a variable

def compute_reward(state, action, next_state, memory):
    nothing = (None,)
    return {"r": np.sqrt(np.abs(state.x[..., 0]), out=nothing, where=state.x[..., 0] > 0)}
