"""The store: SQL rows, sealed pictures, and the keys that open them."""
