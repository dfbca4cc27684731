"""Spends compute: the host's side of what workers do. No torch here, and no environment: they are in `worker`."""
