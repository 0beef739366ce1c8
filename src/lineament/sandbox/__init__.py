"""Reading hostile bytes in worker processes without files, network or other processes."""
