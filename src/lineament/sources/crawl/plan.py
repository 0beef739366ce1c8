"""What a crawl and its worker agree on: the plan (start addresses, limits, contact), and the exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import lineament
from lineament.errors import InvalidValue
from lineament.sources.addresses import uri_key
from lineament.sources.permission.hosts import Hosts, Resolver, resolve_host

TAKEN, FULL, BROKEN = 75, 74, 70
"""Exit codes of the worker: another process crawls into the folder; the disk is full; a record could not be kept."""
UNGUARDED = 128
"""An exit code from this on says that guards are missing: their bits (``confine.GUARDS``) are added to it."""
_CONTACT = re.compile(r"(https?://[!-'*-~]{3,200}|[!-'*-?A-~]{1,64}@[!-'*-?A-~]{3,190})", re.ASCII)


def user_agent(contact: str) -> str:
    """Return the User-Agent with the contact. Raises InvalidValue if ``contact`` is not an e-mail address or a URL."""
    if not _CONTACT.fullmatch(contact):
        why = "visited sites must be able to complain; give an e-mail address or a URL"
        raise InvalidValue(what="The contact", value=contact[:100], why=why)
    return f"Lineament/{lineament.__version__} (+{contact}; complaints: {contact})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlLimits:
    """The limits of one run of a crawl; the next run requests the rest."""

    requests: int = 1_000_000
    depth: int = 32  # links from a start address
    alike: int = 20_000  # pages whose addresses differ only in numbers, like those of a calendar
    addresses: int = 50_000_000  # remembered
    answer: int = 24 * 2**20  # bytes of one response, and of all that are being received; it decides the memory
    page: int = 8 * 2**20  # bytes of one page, unpacked
    total: int = 2**40  # bytes of all responses
    hours: float = 24 * 7
    seconds: float = 60.0  # for one response, from connecting to the last byte
    tries: int = 4  # of one address
    redirects: int = 5  # from one address to the next
    file: int = 2**30  # bytes of a WARC file before the next is started


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """A crawl: its start addresses, its hosts, and its pace."""

    start: tuple[str, ...]  # http(s) addresses
    hosts: tuple[str, ...]  # as the source lists them
    contact: str  # where to complain
    delay: float = 1.0  # seconds between two requests to a host, at least; slow hosts get more
    hosts_at_once: int = 8  # each of which gets one request at a time
    again_after: float = 24 * 3600.0  # seconds after which an address is requested again, if changed
    limits: CrawlLimits = field(default_factory=CrawlLimits)
    resolve: Mapping[str, str] = field(default_factory=dict)  # addresses of names that are not in the DNS

    def __post_init__(self) -> None:
        user_agent(self.contact)
        allowed = self.allowed()
        for address in self.start:
            url = uri_key(address)
            if url is None:
                raise InvalidValue(what="The start", value=address[:100], why="it is not an http or https address")
            allowed.allows(url)
        if not self.start:
            raise InvalidValue(what="The start", value="", why="name the address to start at")
        if not (0 <= self.delay <= 3600 and 1 <= self.hosts_at_once <= 64):
            why = "it must be at most 3600 seconds, for 1 to 64 hosts at once"
            raise InvalidValue(what="The delay", value=self.delay, why=why)

    def allowed(self) -> Hosts:
        """Return the permitted hosts. Raises InvalidValue or HostRefused if one can never be permitted."""
        return Hosts(self.hosts, self._resolver())

    def _resolver(self) -> Resolver:
        known = dict(self.resolve)
        return lambda host, port: [known[host]] if host in known else resolve_host(host, port)

    def to_json(self) -> bytes:
        """Return the plan as one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"


def crawl_from_json(line: bytes) -> Crawl:
    """Parse what ``Crawl.to_json`` wrote."""
    fields: dict[str, Any] = json.loads(line)
    limits = CrawlLimits(**fields.pop("limits"))
    start, hosts = tuple(fields.pop("start")), tuple(fields.pop("hosts"))
    return Crawl(start=start, hosts=hosts, limits=limits, **fields)
