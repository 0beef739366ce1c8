"""What is searched: sources, what they bring in, and what is erased again."""
