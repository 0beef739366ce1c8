"""Review: blind decisions by two people about each candidate."""
