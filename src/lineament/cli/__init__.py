"""The terminal: parse, call one service, print."""
