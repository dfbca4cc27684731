"""The other child process: describe, train, score, package. The only room that imports torch, SB3 and environments.

It never holds a candidate's source: training asks the candidate's own room over a socket.
"""
