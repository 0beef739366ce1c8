"""Attacks by kind; docs/reference/security.md names the promise that each test keeps."""
