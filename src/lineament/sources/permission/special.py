"""The addresses that lead to no host of the web: IANA's special-purpose registries, and a few more.

The two tables beside this module are IANA's, as published on 18 July 2026 under
https://www.iana.org/assignments/iana-ipv4-special-registry/ and …/iana-ipv6-special-registry/. To renew them, replace
both files with the CSV of those pages; tests/attacks/test_addresses.py checks that each row is obeyed.
"""

from __future__ import annotations

import csv
import ipaddress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

TABLES = ("iana-ipv4-special-registry.csv", "iana-ipv6-special-registry.csv")
_OWN = frozenset({"Private-Use", "Unique-Local", "Shared Address Space", "Loopback", "Loopback Address"})
"""Names in the tables of the networks that an agency may run servers of its own in."""
_WORDS = {
    **dict.fromkeys(("Private-Use", "Unique-Local"), "a private address"),
    **dict.fromkeys(("Loopback", "Loopback Address"), "a loopback address"),
    **dict.fromkeys(("Link Local", "Link-Local Unicast"), "a link-local address"),
}
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        *("169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
        *("fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe"),
    )
)
_MULTICAST = (ipaddress.ip_network("224.0.0.0/4"), ipaddress.ip_network("ff00::/8"))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")  # all that IANA has allocated to the public
_COMPATIBLE = ipaddress.ip_network("::/96")


@dataclass(frozen=True, slots=True)
class Special:
    """Why an address is not one of the public web."""

    why: str  # as “a private address”
    may_be_listed: bool  # by itself, for a server of the agency


def special(address: Address) -> Special | None:
    """Return why an address is not public; None if it is. One that leads to another is judged by both."""
    if address in _METADATA:
        return Special("an address that a cloud keeps for itself", may_be_listed=False)
    if any(address in network for network in _MULTICAST if network.version == address.version):
        return Special("a multicast address", may_be_listed=False)
    row = _row_of(address)
    if row is not None:
        return row
    inner = embedded(address)
    if inner is not None and (found := special(inner)) is not None:
        return Special(f"a way to {inner}, {found.why}", may_be_listed=False)
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST and address not in _NAT64:
        return Special("in no network that IANA has given out", may_be_listed=False)
    return None


def embedded(address: Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for or reaches through a gateway, if any."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _row_of(address: Address) -> Special | None:
    """Return what the smallest block of the registries that holds the address says; None if it is public or in none."""
    rows = [row for row in _registry() if row.block.version == address.version and address in row.block]
    if not rows:
        return None
    row = max(rows, key=lambda row: row.block.prefixlen)
    if row.public:
        return None
    why = _WORDS.get(row.name, f"an address for special use ({row.name})")
    return Special(why, may_be_listed=row.name in _OWN)


@dataclass(frozen=True, slots=True)
class _Row:
    block: Network
    name: str
    public: bool


@cache
def _registry() -> tuple[_Row, ...]:
    rows = []
    for table in TABLES:
        with Path(__file__).with_name(table).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                blocks = [block.split("[")[0].strip() for block in row["Address Block"].split(",")]
                public = row["Globally Reachable"] == "True"  # “N/A” and nothing are no
                rows += [_Row(ipaddress.ip_network(block), row["Name"].strip('"'), public) for block in blocks]
    return tuple(rows)
