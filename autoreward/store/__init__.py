"""What is kept.

book.py     the run folder: `once` and `each` return a saved record, or make and save it
files.py    whole files or none
"""
