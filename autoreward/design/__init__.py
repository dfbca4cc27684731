"""Writes candidates. `author` asks a model; `grammar` is the embedded designer, a seeded search that needs none.

author.py       what a designer model is told, and its answers
formulas.py     the success rule, read as distances
quantities.py   what a task's fields, constants and rule give to build rewards from
terms.py        the parts a reward can have, as records and as source
kit.py          all that one task gives, and the makers of each kind of part
grammar.py      fresh designs, mutations guided by symptoms, crossovers
weights.py      a program's weights, tuned on recorded episodes
"""
