# category: nondeterminism
# must: rejected statically
# first-layer: gate
# leak: where= without a real out returns stale process memory, under the name of a reduction

def compute_reward(state, action, next_state, memory):
    mean = np.sqrt
    return {"r": mean(np.abs(state.x[..., 0]), where=state.x[..., 0] > 0)}
