# category: numpy
# must: contained at run time
# first-layer: runtime-check
# leak: bytes read as objects

D = "V8"
E = "O"


def compute_reward(state, action, next_state, memory):
    a = np.zeros(2, dtype=D)
    return {"r": next_state.step * 1.0 * len(a.astype(E))}
