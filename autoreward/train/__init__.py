"""Spends compute: the host's side of describing, training, scoring and packaging."""
