"""The formula language of task cards. No task in it, and nothing evaluated but with NumPy."""
