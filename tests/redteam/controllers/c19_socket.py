# category: network
import socket


def act(state, memory):
    socket.create_connection(("127.0.0.1", 1))
    return 0.0 * state.x
