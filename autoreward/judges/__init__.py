"""Who says which finished candidate is better where the task has no rule. Not the rule itself: that is `worker/success.py`."""
