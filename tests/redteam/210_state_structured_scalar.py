# category: state
# must: contained at run time
# first-layer: runtime-check
# leak: a NumPy record keeps a number between calls

CELL = np.zeros(1, "i8,i8")[0]


def bump(cell):
    cell[0] = cell[0] + 1
    return cell[0]


def compute_reward(state, action, next_state, memory):
    return {"r": state.x[..., 0] * (1.0 if bump(CELL) < 60 else -1.0)}
