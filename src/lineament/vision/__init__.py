"""From untrusted bytes to faces with templates."""
