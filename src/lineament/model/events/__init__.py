"""Everything that the ledger records, as values: one frozen class for each action, in modules by noun."""
