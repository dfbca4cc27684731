"""What could go wrong with an environment: checkers of others, then ours, each found thing a row.

A check is a function of a `Subject` (subject.py) that yields rows; `check.py` runs them in their order.
"""
