"""Decides what may train: the gate, a dry run in the room, screens on recorded episodes. Nothing here trains or asks a model."""
