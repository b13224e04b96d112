"""One run of a notebook, many runs, and their report."""
