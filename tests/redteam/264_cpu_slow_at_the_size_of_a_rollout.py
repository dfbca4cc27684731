# category: cpu
# must: contained at run time
# first-layer: runtime-check
# leak: the time of the whole training

def compute_reward(state, action, next_state, memory):
    x = next_state.x[..., 0]
    n = 0
    while len(x) == 256 and n < 10**10:
        n += 1
    return {"r": x}
