"""autoreward: an LLM writes the reward function, and you get a policy that does what you meant.

Importing this package does nothing: no printing, no folders, no torch.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
