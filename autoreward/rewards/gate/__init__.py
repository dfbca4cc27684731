"""Which source may be loaded: a filter and a source of feedback, not the wall. The reward process imports it too.

gate.py      the tree as a whole
rules.py     single nodes of it
text.py      limits on the text itself
writes.py    what a program may write into
roles.py     what a program says that its parts are for
slips.py     what will fail when an honest program is asked, by what its task gives to it
together.py  all that was found, in few words
allowed.py   the functions of NumPy, math and the builtins that a program may use
"""
