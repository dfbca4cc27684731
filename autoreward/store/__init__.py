"""What is kept. No step of the search, nothing that is drawn.

book.py     the run folder: `once` and `each` return a saved record, or make and save it
keys.py     what is saved: the name and the record of each
header.py   run.json: what a run was started with
folder.py   the one way to a run's files: from its folder, step by step, no link followed
played.py   recorded episodes of scored trainings, one by one
files.py    folders that can be made, names that stay in theirs, locks
damage.py   what is wrong with a file, in words
shared.py   what the runs of one folder share, so that it is trained once
installed.py  versions and files that decide how a training comes out
persons.py  the person's own folder, outside of every folder of runs
trust.py    what a person has let in, and what was made here: by content, outside of every run
"""
