"""The hosts of addresses."""

from __future__ import annotations

import ipaddress


def is_this_machine(host: str | None) -> bool:
    """Return whether ``host``, as ``urlsplit`` gives it, is localhost or a loopback address; nothing is resolved."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
