# category: process
def act(state, memory):
    walk = (w.gi_frame.f_back.f_globals for w in [0])
    return len(list(walk)) + 0.0 * state.x
