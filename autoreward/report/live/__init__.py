"""Views of a run that goes on: in a terminal, in a notebook, as lines and as JSON."""
