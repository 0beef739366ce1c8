"""The truth: SQL rows, sealed pictures, and the keys that open them."""
