"""Files that an official sends through the browser."""
