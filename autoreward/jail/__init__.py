"""The one room where candidate code runs: a process with one program's source and NumPy, and nothing else.

gate.py  text.py  rules.py  writes.py    both sides: what source may be loaded (a filter and a source of feedback, not the wall)
kernel/       child side: system call filter, Landlock, and the attempts that prove them
server.py     child side: the fork server's `main`, answering batches
lock.py       child side: what the process gives up before candidate code is loaded
namespace.py  program.py  fixed.py  memory.py  fields.py    child side: names, calls, constants, memory, views
exported.py   child side: the files of an export, to be held against the program that they are made of
names.py      the functions of NumPy, math and the builtins that a program may use
wire.py       both sides: batches and answers as bytes
agree.py      host side: whether two answers about the same rows are alike
rooms.py      host side: make rooms, and end them
client.py     host side, and the train worker's: ask a room, check every answer
selfcheck.py  host side: what `autoreward doctor` tries
"""
