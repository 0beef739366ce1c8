"""What may be asked for: listed hosts, and what their publishers reserve."""
