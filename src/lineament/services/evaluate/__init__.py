"""Measures error rates on labelled pictures: ``lineament evaluate``. No workspace is needed, and none is changed."""
