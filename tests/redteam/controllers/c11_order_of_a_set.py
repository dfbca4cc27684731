# category: state
CODES = {"left": 1.0, "right": 2.0, "up": 3.0, "down": 4.0, "in": 5.0, "out": 6.0}


def act(state, memory):
    total = 0.0
    for place, word in enumerate({"left", "right", "up", "down", "in", "out"}):
        total = 7.0 * total + CODES[word] + 0.0 * place
    return total / 1e5 + 0.0 * state.x
