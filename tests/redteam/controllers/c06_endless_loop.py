# category: cpu
def act(state, memory):
    total = 0.0
    while total >= 0.0:
        total = total + 1.0
    return total + 0.0 * state.x
