# category: nondeterminism
# must: flagged
# first-layer: runtime-check
# leak: the names of the parts depend on the hash seed

def compute_reward(state, action, next_state, memory):
    names = [*{"goal", "gate", "effort", "time", "arrive"}]
    return {names[0]: state.x[..., 0], names[1]: state.x[..., 0]}
