"""Looking for episodes without a training: cells that random actions rarely reach, and simple policies bred for a number.

`cells.py` explores, `breeding.py` is the cross-entropy method over `simple_policies.py`.
"""
