"""Task cards for environments that have none: what the docstring and the statistics say, marked where it is a guess."""
