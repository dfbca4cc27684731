# category: memory
def act(state, memory):
    return np.zeros((len(state.x), 200_000_000)).sum(axis=-1)
