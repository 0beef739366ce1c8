"""The API for other people's programs: ``/v1``, and what the clients of other products expect below ``/compat``."""
