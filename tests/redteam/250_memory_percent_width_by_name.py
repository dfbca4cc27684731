# category: memory
# must: contained at run time
# first-layer: runtime-check
# leak: 400 MB of text in a third of a second

S = "%0*d"


def compute_reward(state, action, next_state, memory):
    return {"r": next_state.x[..., 0] + len(S % (400000000, 1))}
