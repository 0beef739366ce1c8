"""Finds misuse in what an agency did (R44): facts in, findings out; pure functions without I/O."""
