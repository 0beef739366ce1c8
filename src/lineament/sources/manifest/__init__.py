"""Pictures that a manifest lists."""
