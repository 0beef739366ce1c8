"""Agencies, their officials, and how they sign in."""
