"""Rotation of keys: everything is sealed anew, in batches that a kill interrupts at no loss (docs/adr/0025)."""
