"""Collections of faces, as the programs of others know them (docs/reference/collections.md)."""
