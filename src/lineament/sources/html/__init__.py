"""Parses the pictures and links of pages."""
