# category: file-read
def act(state, memory):
    return float(len(open("/etc/passwd").read())) + 0.0 * state.x
