"""The threshold in force, and how it and the model are changed: by two people, who see the error rates (R28)."""
