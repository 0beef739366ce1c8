"""The interfaces of other face recognition services, for programs that were written for them."""
