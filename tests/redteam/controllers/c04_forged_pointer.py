# category: process
def act(state, memory):
    return np.ndarray((1,), "O", np.array([64])) + 0.0 * state.x
