"""Model values as JSON and in words, for the terminal, the pages and the API alike; pure functions, nothing printed."""
