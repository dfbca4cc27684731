# category: return
# must: contained at run time
# first-layer: runtime-check
# leak: NaN in the advantages, once episodes are long

def compute_reward(state, action, next_state, memory):
    return {"r": np.where(next_state.step > 900, np.nan, 1.0)}
