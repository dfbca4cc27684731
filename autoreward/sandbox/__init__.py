"""The one room where candidate code runs: a process with one program's source and NumPy, and nothing else.

jail.py       make rooms, and end them
room.py       one of them
ready.py      rooms that are locked before anybody asks for one
client.py     host side, and the train worker's: ask a room, check every answer
wire.py       both sides: batches and answers as bytes
selfcheck.py  host side: what `autoreward doctor` tries
child/        what runs in the room
kernel/       what the kernel holds it with, and the attempts that prove it
processes/    how child processes are born, watched and killed; workers too
"""
