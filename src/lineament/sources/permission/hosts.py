"""Which hosts may be contacted (R2): those that a source lists, at addresses outside private networks.

A name is resolved once for each connection, its addresses are checked, and the connection goes to a checked address,
so that the name cannot point elsewhere in between. A host that passes on other hosts' pages is judged by those, too.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import idna

from lineament.errors import HostRefused, InvalidValue
from lineament.model.sources import MOST_HOSTS
from lineament.sources.addresses import PORTS, uri_key
from lineament.sources.permission.relays import (
    addresses_within,
    encoder,
    host_in_name,
    is_open,
    relay,
    words_within,
)
from lineament.sources.permission.social import social_network
from lineament.sources.permission.special import Address, special

if TYPE_CHECKING:
    import tldextract

Resolver = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host. Raises OSError if it has none."""

_PASSES_ON = "it passes on pages of other hosts"
_LONGEST = 253
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")  # in last place, some resolvers take it for an address
_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?(?=[/?#]|$)", re.ASCII)
_MOST_WITHIN = 5  # addresses that are named one within the other


def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses that this machine's resolver knows for a host. Raises OSError if there are none."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))


@dataclass(frozen=True, slots=True)
class ListedHost:
    """A host that may be contacted."""

    name: str  # in lower case, ASCII; an address without brackets
    below: bool = False  # the hosts below it, not itself
    port: int | None = None  # None: the default ports


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of an address."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" if self.port == PORTS[self.scheme] else f"{self.scheme}://{host}:{self.port}"


class Hosts:
    """The hosts that a source lists."""

    def __init__(self, listed: Sequence[str], resolver: Resolver = resolve_host) -> None:
        """``listed`` are names or addresses, “HOST[:PORT]”; “*.HOST” stands for all below HOST.

        Raises InvalidValue if one of them is neither, HostRefused if it is a social network or one that hides whose
        pages it passes on, or an address that no server can have.
        """
        if len(listed) > MOST_HOSTS:
            raise InvalidValue(what="The list of hosts", value="…", why=f"it has more than {MOST_HOSTS} entries")
        self._listed = frozenset(map(listed_host, listed))
        self._resolver = resolver

    def allows(self, url: str) -> Origin:
        """Return the origin of ``url``. Raises HostRefused if it may not be requested. Nothing is resolved.

        If it tells the address of another page, as that of an archived one does, that must be permitted as well.
        """
        return self._allows(url, _MOST_WITHIN)

    def _allows(self, url: str, depth: int) -> Origin:
        origin = origin_of(url)
        _refuse_relays(origin.host)
        labels = origin.host.split(".")
        names = [(origin.host, False), *((".".join(labels[at:]), True) for at in range(1, len(labels)))]
        if not self._lists_any(names, origin.port, {PORTS[origin.scheme]}):
            shown = str(origin).partition("://")[2]
            raise HostRefused(host=shown, why="the source does not list it")
        for within in _passed_on(origin, url):
            if depth == 0:
                raise HostRefused(host=origin.host, why="its address names too many others, one within the other")
            self._allows(within, depth - 1)
        return origin

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host.

        Raises HostRefused if one of them is private and not listed itself, because a name with private and public
        addresses is not trusted, or if no server of the web can have it. Raises OSError if the name cannot be resolved.
        """
        found = [
            _address(text.partition("%")[0]) for text in ([host] if _literal(host) else self._resolver(host, port))
        ]
        if not found:
            raise OSError(f"{host} has no address")
        for address in found:
            why = special(address)
            if why is None:
                continue
            if not why.may_be_listed:
                raise HostRefused(host=host, why=f"{address} is {why.why}; none of those is ever connected to")
            if not self._lists_any([(str(address), False)], port, PORTS.values()):
                raise HostRefused(host=host, why=f"{address} is {why.why}; the source would have to list that address")
        return [str(address) for address in found]

    def _lists_any(self, names: Iterable[tuple[str, bool]], port: int, usual: Collection[int]) -> bool:
        """Return whether one of the names (or what is below it) is listed for the port; ``usual`` are default ports.

        The time does not depend on how many hosts are listed, because a page may link to thousands.
        """
        ports = (port, None) if port in usual else (port,)
        return any(ListedHost(name, below, listed) in self._listed for name, below in names for listed in ports)


def listed_host(untrusted: str) -> ListedHost:
    """Parse “HOST[:PORT]” in the list of a source.

    Raises InvalidValue, or HostRefused for a social network, a host that hides whose pages it passes on, and an address
    that no server of the web can have.
    """
    text = untrusted.strip().lower()
    if "/" in text:
        raise _invalid(untrusted, "it is written as HOST or HOST:PORT, without a scheme or a path")
    below = text.startswith("*.")
    name, port = _split(text[2:] if below else text, untrusted)
    if _literal(name):
        if below:
            raise _invalid(untrusted, "there is nothing below an address")
        return ListedHost(_listed_address(name), port=port)
    ascii_name = _name(name, untrusted)
    _refuse_relays(ascii_name)
    if below and encoder(ascii_name) is not None:
        raise HostRefused(host=ascii_name, why=f"{_PASSES_ON}; list the names of those that it may pass on")
    if below and not _is_registrable(ascii_name):
        raise _invalid(untrusted, "“*.” may stand before a domain of one owner only")
    return ListedHost(ascii_name, below, port)


def _listed_address(literal: str) -> str:
    address = ipaddress.ip_address(literal)
    why = special(address)
    if why is not None and not why.may_be_listed:
        raise HostRefused(host=str(address), why=f"it is {why.why}; none of those is ever connected to")
    return str(address)


def origin_of(url: str) -> Origin:
    """Return the origin of an http(s) address spelled as ``uri_key`` does. Raises HostRefused for any other text."""
    found = _ORIGIN.match(url)
    if found is None or "\\" in url or not url.isascii() or not url.isprintable():
        raise HostRefused(host=_printable(url), why="it is not a plain http or https address")
    scheme, host, port = found[1], found[2].strip("[]"), found[3]
    number = PORTS[scheme] if port is None else int(port)
    try:
        parts = urlsplit(url)
        agreed = (parts.scheme, parts.hostname, parts.port or PORTS[scheme]) == (scheme, host, number)
    except ValueError:
        agreed = False
    if not agreed or not 0 < number < 65536 or (not _literal(host) and not _is_name(host.removesuffix("."))):
        raise HostRefused(host=_printable(url), why="it is not a plain http or https address")
    return Origin(scheme, str(_address(host)) if _literal(host) else host.removesuffix("."), number)


def _refuse_relays(host: str) -> None:
    """Raise HostRefused for a social network, and for a host that hides whose pages it passes on."""
    network = social_network(host)
    if network is not None:
        raise HostRefused(host=host, why=_social(network))
    domain = relay(host)
    if domain is not None:
        why = f"{domain} passes on pages of others and hides whose; nothing is ever collected through it"
        raise HostRefused(host=host, why=why)
    if encoder(host) is not None:
        inner = host_in_name(host)
        if inner is None:
            raise HostRefused(host=host, why=f"{_PASSES_ON}, and its name does not tell which")
        _refuse_relays(inner)


def _passed_on(origin: Origin, url: str) -> Iterator[str]:
    """Yield the addresses that ``url`` passes on, which must be permitted themselves.

    Raises HostRefused if it names one of a social network or the like in any way, whatever its host is.
    """
    inner = host_in_name(origin.host)
    if inner is not None:
        yield f"https://{inner}/"
    opens = is_open(origin.host) or inner is not None
    for text in addresses_within(url):
        within = uri_key(f"http://{text}")
        host = _host_of(within)
        if host is not None:
            _refuse_relays(host)
        if opens:
            yield within or "an address that cannot be read"
    for word in words_within(url) if opens else ():
        within = uri_key(f"http://{word}/")
        host = _host_of(within)
        if within is not None and host is not None and (_literal(host) or _suffixes()(host).suffix):
            yield within


def _host_of(url: str | None) -> str | None:
    """Return the host of an address; None if it has none that can be one."""
    try:
        return None if url is None else origin_of(url).host
    except HostRefused:
        return None


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _address(text: str) -> Address:
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def _split(text: str, untrusted: str) -> tuple[str, int | None]:
    if text.count(":") > 1 and not text.startswith("["):
        return text, None  # an IPv6 address without brackets
    name, bracket, rest = text.rpartition("]") if text.startswith("[") else ("", "", text)
    host, colon, port = rest.partition(":")
    if bracket and host:
        raise _invalid(untrusted, "it is written as HOST or HOST:PORT")
    if colon and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise _invalid(untrusted, "its port is not between 1 and 65535")
    name = name[1:] if bracket else host
    if bracket and not _literal(name):
        raise _invalid(untrusted, "there is no address in its brackets")
    return name, int(port) if colon else None


def _name(name: str, untrusted: str) -> str:
    name = name.removesuffix(".")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode().lower()
        except (idna.IDNAError, UnicodeError):
            raise _invalid(untrusted, "it is not a host name") from None
    if not _is_name(name):
        raise _invalid(untrusted, "it is written as HOST or HOST:PORT, without a scheme, a path or a “*” within it")
    return name


def _is_name(name: str) -> bool:
    labels = name.split(".")
    return len(name) <= _LONGEST and all(map(_LABEL.fullmatch, labels)) and not _NUMBER.fullmatch(labels[-1])


@cache
def _suffixes() -> tldextract.TLDExtract:
    """Return the public suffixes that come with the library; nothing is fetched."""
    import tldextract

    return tldextract.TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)


def _is_registrable(name: str) -> bool:
    found = _suffixes()(name)
    return bool(found.domain) and (bool(found.suffix) or "." in name)


def _social(network: str) -> str:
    return f"{network} is a social network or the like, of which nothing is ever collected"


def _printable(url: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in url[:100]) or "an empty address"


def _invalid(untrusted: str, why: str) -> InvalidValue:
    return InvalidValue(what="A host", value=_printable(untrusted), why=why)
