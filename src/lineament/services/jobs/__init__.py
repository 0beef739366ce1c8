"""Jobs: long work that a worker claims and runs."""
