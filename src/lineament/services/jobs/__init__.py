"""Jobs: long work that a worker claims, carries on and ends."""
