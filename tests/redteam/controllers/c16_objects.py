# category: answer
def act(state, memory):
    return np.array([{"x": 1.0}] * len(state.x), dtype="O")
