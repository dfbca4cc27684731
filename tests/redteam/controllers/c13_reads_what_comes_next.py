# category: contract
def act(state, memory):
    return next_state.x
