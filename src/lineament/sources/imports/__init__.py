"""Pictures that other systems give up: ANSI/NIST-ITL transactions, folders by person, CompreFace."""
