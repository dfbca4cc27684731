"""Environments as the trainings see them: made, flattened, viewed as named fields, brought back to a step."""
