# category: contract
# must: contained at run time
# first-layer: runtime-check
# leak: other parts, late in long episodes

def compute_reward(state, action, next_state, memory):
    late = max(next_state.step) > 900
    return {"late" if late else "r": next_state.x[..., 0]}
