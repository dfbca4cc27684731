"""How child processes are born, watched and killed. Standard library only.

keeper.py    host side: a fork server that is started again when it is lost
nursery.py   host side: start a fork server, ask it for children, kill and reap them
zygote.py    child side: the fork server itself
scratch.py   both sides: folders that children write in, and how to be rid of them
frames.py    how the two ends talk: length-prefixed frames over a socket
"""
