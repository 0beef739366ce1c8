"""Signing in: passwords, second factors, the agency's own provider, and the e-mail that invites."""
