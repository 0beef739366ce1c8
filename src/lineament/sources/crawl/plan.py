"""What a crawl of registered hosts may do, and who asks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import lineament
from lineament.errors import InvalidValue
from lineament.sources.addresses import uri_key
from lineament.sources.permission.hosts import Hosts, Resolver, resolved

_CONTACT = re.compile(r"(https?://[!-'*-~]{3,200}|[!-'*-?A-~]{1,64}@[!-'*-?A-~]{3,190})", re.ASCII)


def user_agent(contact: str) -> str:
    """Who asks, and where to complain: ``contact`` is an e-mail address or a URL. InvalidValue."""
    if not _CONTACT.fullmatch(contact):
        why = "whoever is visited must be able to complain; give an e-mail address or a URL"
        raise InvalidValue(what="The contact", value=contact[:100], why=why)
    return f"Lineament/{lineament.__version__} (+{contact}; complaints: {contact})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlLimits:
    """How far one run of a crawl goes; what is left then is asked for by the next one."""

    requests: int = 1_000_000
    depth: int = 32  # links from where it began
    alike: int = 20_000  # pages whose addresses differ in numbers only, as those of a calendar
    addresses: int = 50_000_000  # that are remembered at all
    answer: int = 64 * 2**20  # bytes of one answer
    total: int = 2**40  # bytes of all answers
    hours: float = 24 * 7
    seconds: float = 60.0  # for one answer, from connecting to its last byte
    tries: int = 4  # of one address
    redirects: int = 5  # from one address to the next
    file: int = 2**30  # bytes of a WARC file before the next is begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """A crawl: where it begins, which hosts it may ask, and how it behaves."""

    begin: tuple[str, ...]  # http(s) addresses
    hosts: tuple[str, ...]  # as the source lists them
    contact: str  # where to complain
    delay: float = 1.0  # seconds between two requests to a host, at least; a slow host gets more
    hosts_at_once: int = 8  # each of which is asked one thing at a time
    again_after: float = 24 * 3600.0  # seconds after which what was had is asked for again, if it has changed
    limits: CrawlLimits = field(default_factory=CrawlLimits)
    resolve: Mapping[str, str] = field(default_factory=dict)  # addresses of names that are in no DNS, as in /etc/hosts

    def __post_init__(self) -> None:
        user_agent(self.contact)
        allowed = self.allowed()
        for one in self.begin:
            url = uri_key(one)
            if url is None:
                raise InvalidValue(what="The beginning", value=one[:100], why="it is no http or https address")
            allowed.allows(url)
        if not self.begin:
            raise InvalidValue(what="The beginning", value="", why="say at which address to begin")
        if not (0 <= self.delay <= 3600 and 1 <= self.hosts_at_once <= 64):
            why = "it is at most 3600 seconds, and from 1 to 64 hosts are asked at once"
            raise InvalidValue(what="The delay", value=self.delay, why=why)

    def allowed(self) -> Hosts:
        """The hosts that may be asked; InvalidValue or HostRefused where one may never be."""
        return Hosts(self.hosts, self._resolver())

    def _resolver(self) -> Resolver:
        known = dict(self.resolve)
        return lambda host, port: [known[host]] if host in known else resolved(host, port)

    def written(self) -> bytes:
        """As JSON, on one line."""
        return json.dumps(asdict(self)).encode() + b"\n"


def crawl_from_json(written: bytes) -> Crawl:
    """What ``written`` gave."""
    said: dict[str, Any] = json.loads(written)
    limits = CrawlLimits(**said.pop("limits"))
    begin, hosts = tuple(said.pop("begin")), tuple(said.pop("hosts"))
    return Crawl(begin=begin, hosts=hosts, limits=limits, **said)
