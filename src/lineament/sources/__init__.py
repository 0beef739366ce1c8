"""Where pictures come from: untrusted bytes with provenance."""
