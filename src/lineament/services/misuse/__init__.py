"""Finds misuse in what an agency did, and keeps the list of faces that are searched only with a supervisor (R44)."""
