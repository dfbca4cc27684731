# category: nondeterminism
# must: rejected statically
# first-layer: gate
# leak: where= without a real out returns stale process memory, as a parameter called mean

def run(mean, x, rows):
    return mean(x, where=rows)


def compute_reward(state, action, next_state, memory):
    return {"r": run(np.sqrt, np.abs(state.x[..., 0]), state.x[..., 0] > 0)}
