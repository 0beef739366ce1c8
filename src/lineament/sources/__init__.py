"""Connectors, which yield untrusted pictures with their provenance."""
