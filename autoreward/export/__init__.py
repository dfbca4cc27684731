"""What people take away: a folder that needs no autoreward, with the reward, the policy, and how both were made."""

EXPORTED_FOLDERS = ("best", "second")
"""Folders of a finished run: what it hands over, and beside it the other program where the confirmation contests the search."""
EXPORTED_FILES = (
    "card.md",
    "manifest.json",
    "policy.zip",
    "program.py",
    "pyproject.toml",
    "reward.py",
    "state.py",
    "train.py",
    "vecnormalize.pkl",
)
"""The files that each may hold, by name. `policy.onnx` is made when it is asked for."""
