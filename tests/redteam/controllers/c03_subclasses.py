# category: process
def act(state, memory):
    kinds = ().__class__.__base__.__subclasses__()
    return len(kinds) + 0.0 * state.x
