"""What runs inside the reward process. Imports NumPy and nothing heavier; no file of a run, no record.

server.py     the fork server's `main`, answering batches
program.py  namespace.py  constants.py  memory.py  fields.py    calls, names, module constants, memory, views
controller.py  a policy written as code, instead of a reward
exported.py   the files of an export, to be held against the program that they are made of
"""
