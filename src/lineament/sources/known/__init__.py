"""Lists of known-abuse material, as those who keep them distribute them."""
