"""Having the ledger witnessed from outside: the policy, the submission of checkpoints, and whether they are fresh."""
