"""The use cases, in packages by noun."""
