"""Imports from other systems: ANSI/NIST-ITL transactions, folders by person, CompreFace."""
