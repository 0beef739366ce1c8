"""Hostile bytes are read in processes that have given up files, network and other processes."""
