# category: nondeterminism
# must: flagged
# first-layer: runtime-check
# leak: the order of the parts, and so the first one, depends on the hash seed

def compute_reward(state, action, next_state, memory):
    return {name: state.x[..., 0] for name in {"goal", "gate", "effort"}}
