"""Regions of faces in the XMP of pictures and of side-cars."""
