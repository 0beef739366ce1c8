"""The events that the ledger records: one frozen class for each action, in modules by noun."""
