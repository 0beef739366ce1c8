"""The transparency log: a Merkle tree of salted commitments, and its verifier."""
