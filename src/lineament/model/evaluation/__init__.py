"""The statistics of an evaluation (ISO/IEC 19795-1, NIST FRTE): pure functions on templates and scores."""
