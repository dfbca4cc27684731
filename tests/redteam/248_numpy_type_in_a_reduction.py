# category: numpy
# must: contained at run time
# first-layer: runtime-check
# leak: object arithmetic, through the third argument of a sum

KIND = ["O"]


def compute_reward(state, action, next_state, memory):
    total = list(map(np.sum, [next_state.x], [0], KIND))
    return {"r": next_state.step * 1.0 + 0.0 * len(total)}
