"""What a command or a notebook does: builds the real parts and calls the loop. No algorithm of the search, no drawing."""
