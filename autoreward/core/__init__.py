"""What every other room may use, on both sides of every wall. Imports the standard library and NumPy, nothing of ours.

contract.py         what a reward program is
outcomes.py         how a check or a training of one can end
transitions.py      recorded steps of environments, as named arrays
acting.py           from what a policy emits to what the environment takes
stretch_names.py    what the parts of an observation are called, and what type of number holds them
seeds.py            every seed, as a function of the run's
executor.py         work on items, perhaps several at a time
closing.py          context managers that close
resources.py        where prompts and cards are, and small files of others
visible.py          text that others wrote: what can be seen of it, what a name may be
protection.py       what protects the machine from candidate code, as a word
lines.py            lines for scripts: one JSON object each
wording.py          settings and commands in messages, worded for Python or for a shell
process_secrecy.py  what the kernel shows of this process to others
"""
