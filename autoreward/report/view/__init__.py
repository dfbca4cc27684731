"""What `autoreward view` shows: the runs of a folder as pages, made anew from their records at each request.

`viewed_runs` keeps what was read, `site` makes the pages, `commands` says what can be done from them, `errands` starts it where the
viewer was told to let pages do so, and `server` hands the pages out, to this machine alone.
"""
