# category: numpy
# must: contained at run time
# first-layer: runtime-check
# leak: a pointer and a number that share their bytes

D = {"names": ["p", "i"], "formats": ["O", "i8"], "offsets": [0, 0]}


def compute_reward(state, action, next_state, memory):
    a = np.zeros(1, dtype=D)
    a["i"] = 4702111
    return {"r": next_state.step * (1.0 if a["p"][0] else 0.0)}
