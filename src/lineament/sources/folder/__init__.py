"""Pictures in folders, with their side-cars."""
