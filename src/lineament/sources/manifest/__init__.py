"""Pictures that a table lists."""
