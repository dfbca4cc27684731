"""Task cards: what they say, whether it makes sense, drafts of new ones. Never imports environment code.

card.py         what a card says, as one record
tables.py       its tables: fields, constants, the metric, how to train
algorithms.py   the algorithms that it may name
revisable.py    the settings of a training that a search may change, and their bounds
policy_kwargs.py  its table of what policies are made of
success_table.py  its table of the success rule: a condition, or stages
staged.py       the success rule on one episode: which stages it reached
limits.py       its table of limits
native.py       the environment's own reward as a field, where it asks for that
limited.py      the limits on one episode
readings.py     ways to understand a goal, and what is asked about them
process.py      its table of what the environment's processes may do
consistency.py  whether its names and formulas go together
tightened.py    a card whose rule asks for more
files.py        cards, and the programs beside them, read from files
formulas/       the formula language
draft/          cards for environments that have none
"""
