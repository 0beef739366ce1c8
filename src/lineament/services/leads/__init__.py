"""Leads: what two people decided, the evidence that is independent of the search, and the reports."""
