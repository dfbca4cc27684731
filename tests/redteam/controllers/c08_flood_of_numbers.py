# category: answer
def act(state, memory):
    return np.zeros((len(state.x), 33))
