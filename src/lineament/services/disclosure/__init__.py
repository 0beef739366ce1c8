"""Disclosure packs: everything about a case in one signed ZIP, which anyone can verify."""
