"""Writes candidates. `grammar` is the embedded designer, a seeded search that needs no model.

quantities.py   what a task's fields, constants and rule give to build rewards from
terms.py        the parts a reward can have, as records and as source
grammar.py      fresh designs, mutations guided by symptoms, crossovers
prompt.py       what a designer model would be told
"""
