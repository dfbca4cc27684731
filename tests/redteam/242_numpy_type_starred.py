# category: numpy
# must: contained at run time
# first-layer: runtime-check
# leak: object arrays, through starred arguments

def compute_reward(state, action, next_state, memory):
    a = np.array(*([len, str], "O"))
    return {"r": np.full(len(next_state.step), 1.0 * (a[0]("abc") == 3))}
