"""Addresses written in one way, so that the page, the record and the host that name a picture agree."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from lineament.sources.provenance import LONGEST_URI, Unusable, checked_uri

_PATH = r"/(?:[A-Za-z0-9_~:@!$&'()*+,;=%-][A-Za-z0-9._~:/?@!$&'()*+,;=%-]*)?"
_PLAIN = re.compile(rf"(https?://[a-z0-9.-]+){_PATH}", re.ASCII)
_PLAIN_PATH = re.compile(_PATH, re.ASCII)
_NO_HOST = re.compile(r"[\x00-\x20#/<>?@\\^|\x7f\[\]]")
PORTS = {"http": 80, "https": 443}
"""Default ports by scheme."""


def absolute(base: str, uri: str) -> str | None:
    """Return the http(s) address of ``uri`` on a page at ``base``, as uri_key() writes it; None if it has none."""
    text = uri.strip(" \t\r\n\f")
    if not text or len(text) > LONGEST_URI or text[:5].lower() == "data:":
        return None
    if "/." not in text:  # nothing to resolve, the usual case
        if _PLAIN.fullmatch(text):
            return text
        origin = _PLAIN.match(base)
        if origin and _PLAIN_PATH.fullmatch(text):
            return origin[1] + text
    try:
        return uri_key(urljoin(base, text))
    except ValueError:
        return None


def is_plain(uri: str) -> bool:
    """Return whether it is an http(s) address of ordinary characters and length, which needs no rewriting."""
    return len(uri) <= LONGEST_URI and _PLAIN.fullmatch(uri) is not None


_VIEWS = frozenset({"screenshot", "thumbnail"})
"""What the addresses of pictures of whole pages begin with; newer crawlers write “urn:view:” or “urn:thumbnail:”."""


def archived_address(untrusted: str) -> str | None:
    """Return the address of an archived record as it can be kept; None if it is none.

    What may not stand in an address, as blanks, is percent-encoded. The screenshots and thumbnails that some crawlers
    take of pages (“screenshot:https://…”) become URNs.
    """
    text = untrusted.strip("<> \t\r\n")
    if is_plain(text):
        return text
    scheme = text.partition(":")[0].lower()
    if scheme in _VIEWS:
        text = f"urn:{text}"
    with suppress(Unusable):
        return checked_uri("address", text)
    key = uri_key(text)
    if key is None and scheme in {"urn", "file", *_VIEWS}:
        key = quote(text, safe="!#$%&'()*+,/:;=?@[]~", errors="replace")
    try:
        return None if key is None else checked_uri("address", key)
    except Unusable:
        return None


_VIEW = re.compile(
    r"urn:(?:screenshot|thumbnail|view|fullPage|fullPageFinal)(?:-[a-z]{1,20})?:(https?://.*)", re.IGNORECASE
)


def page_viewed(uri: str) -> str | None:
    """Return the address of the page of which the record at ``uri`` is a picture; None if it is of no page."""
    found = _VIEW.fullmatch(uri)
    return None if found is None else uri_key(found[1])


def uri_key(uri: str) -> str | None:
    """Return an http(s) address in its one spelling; None if it is not such an address.

    Scheme and host are in lower case; the default port, the user and the fragment are dropped; everything beyond ASCII
    is percent-encoded.
    """
    if is_plain(uri):
        return uri
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
        if parts.scheme not in PORTS or not host or _NO_HOST.search(host):
            return None
        if not host.isascii():
            host = host.encode("idna").decode()
        host = f"[{ipaddress.IPv6Address(host)}]" if ":" in host else host
    except ValueError:
        return None
    netloc = host if port in {None, PORTS[parts.scheme]} else f"{host}:{port}"
    safe = "!#$%&'()*+,/:;=?@[]~"
    path = quote(parts.path or "/", safe=safe, errors="replace")
    key = urlunsplit((parts.scheme, netloc, path, quote(parts.query, safe=safe, errors="replace"), ""))
    return key if len(key) <= LONGEST_URI else None
