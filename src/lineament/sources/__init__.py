"""Where pictures come from: connectors that yield untrusted bytes with provenance."""
