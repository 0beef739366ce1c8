"""Contract tests. A package, so that the Ray cluster of some ends with the last of them."""
