"""The witness: a service that another body runs, and that cosigns only what continues from what it saw (R42)."""
