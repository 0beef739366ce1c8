"""Cases: who works on them, what is kept in them, and their end."""
