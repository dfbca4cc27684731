# category: numpy
# must: contained at run time
# first-layer: runtime-check
# leak: object arrays, through a type that stands in a name

T = "O"


def compute_reward(state, action, next_state, memory):
    a = np.array([1, 2, 3], dtype=T)
    return {"r": np.full(len(next_state.step), 1.0) * len(a)}
