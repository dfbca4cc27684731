"""What every other room may use, on both sides of every wall. Imports the standard library and NumPy, nothing of ours."""
