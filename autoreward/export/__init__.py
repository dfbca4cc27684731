"""What people take away: a folder that needs no autoreward, with the reward, the policy, and how both were made."""

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
"""The files that best/ may hold, by name. `policy.onnx` is made when it is asked for."""
