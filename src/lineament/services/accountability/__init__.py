"""Accounts of the processing for those who ask: regulators, authorities, and everybody (R37)."""
