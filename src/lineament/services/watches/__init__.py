"""Watches: probes that are compared with what is enrolled, and whoever is told when one fires."""
