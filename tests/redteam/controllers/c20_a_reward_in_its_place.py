# category: contract
def compute_reward(state, action, next_state, memory):
    return {"all": np.full_like(state.x, 1e6)}
