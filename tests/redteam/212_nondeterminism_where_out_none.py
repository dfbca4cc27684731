# category: nondeterminism
# must: rejected statically
# first-layer: gate
# leak: where= without a real out returns stale process memory

def compute_reward(state, action, next_state, memory):
    return {"r": np.sqrt(np.abs(state.x[..., 0]), out=None, where=state.x[..., 0] > 0)}
