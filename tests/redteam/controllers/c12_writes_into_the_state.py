# category: state
def act(state, memory):
    state.x[:] = 0.0
    return state.x
