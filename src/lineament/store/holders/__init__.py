"""Who holds the key-encryption key: a file, a token behind PKCS#11, or a transit service (docs/adr/0025)."""
