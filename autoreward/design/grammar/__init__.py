"""The embedded designer: a seeded search over readable reward programs, without a model.

evolve.py           fresh designs, mutations guided by symptoms, crossovers
kit.py              all that one task gives, and the makers of each kind of part
distances.py        the success rule, read as distances and as bounds of fields
quantities.py       what a task's fields, constants and rule give to build rewards from
courses.py          how fast to go at which distance from a place
next_stage.py       the stages of a card's rule: coming further than before
standing_points.py  where to stand to push an object
limits.py           what the card's limits cost
wishes.py           what people may wish in words, and what it does to a program
terms.py            the parts a reward can have, as records
program.py          a genome as readable source
"""
