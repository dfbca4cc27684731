"""What a reward program may be (`gate`), and how its parts make one reward (`compose`). Nothing here runs a program."""
