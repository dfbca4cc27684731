# category: answer
def act(state, memory):
    return np.where(state.x > 0.0, np.nan, 0.0)
