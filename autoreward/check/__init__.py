"""Decides what may train: the gate, then a dry run in the jail, each refusal with advice."""
