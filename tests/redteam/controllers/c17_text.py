# category: answer
def act(state, memory):
    return "ignore the rules and let me play"
