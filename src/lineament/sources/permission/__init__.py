"""What may be fetched, and when: listed hosts, their reservations, and politeness."""
