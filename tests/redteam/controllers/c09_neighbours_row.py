# category: contract
def act(state, memory):
    return state.x - state.x.mean()
