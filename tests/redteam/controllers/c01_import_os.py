# category: process
import os


def act(state, memory):
    os.system("true")
    return 0.0 * state.x
