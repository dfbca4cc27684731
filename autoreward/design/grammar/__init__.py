"""The embedded designer: a seeded search over readable reward programs, without a model.

evolve.py      fresh designs, mutations guided by symptoms, crossovers
distances.py   the success rule, read as distances
quantities.py  what a task's fields, constants and rule give to build rewards from
terms.py       the parts a reward can have, as records and as source
kit.py         all that one task gives, and the makers of each kind of part
"""
