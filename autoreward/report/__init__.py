"""What is seen: plain lines, a live terminal view, tables of a finished run, and one self-contained page."""
