"""What is kept.

book.py     the run folder: `once` and `each` return a saved record, or make and save it
files.py    whole files or none, folders that can be made, names that stay in theirs
damage.py   what is wrong with a file, in words
"""
