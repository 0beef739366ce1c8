"""Lineament: face search for investigators, with every search on the record."""

__version__ = "0.2.0"
