# category: state
SEEN = []


def act(state, memory):
    SEEN.append(1.0)
    return len(SEEN) + 0.0 * state.x
