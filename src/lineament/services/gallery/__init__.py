"""The gallery: sources, ingest, indexes and erasure."""
