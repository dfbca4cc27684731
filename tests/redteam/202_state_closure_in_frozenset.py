# category: state
# must: contained at run time
# first-layer: runtime-check
# leak: the same through frozenset([...])

def make():
    cell = []

    def count():
        cell.append(1)
        return len(cell)

    return count


KEPT = frozenset([make()])


def compute_reward(state, action, next_state, memory):
    calls = 0
    for count in KEPT:
        calls = count()
    return {"r": state.x[..., 0] * (1.0 if calls < 60 else -1.0)}
