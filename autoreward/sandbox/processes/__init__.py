"""How child processes are born, watched and killed. Standard library only.

restarting.py   host side: a fork server that is started again when it is lost
fork_client.py  host side: start a fork server, ask it for children, kill and reap them
fork_server.py  child side: the fork server itself
scratch.py      both sides: folders that children write in, and how to be rid of them
frames.py       how the two ends talk: length-prefixed frames over a socket
"""
