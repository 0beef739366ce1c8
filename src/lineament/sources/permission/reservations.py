"""Reservations in the headers of a response or in the head of a page: pure functions (R3).

X-Robots-Tag and <meta name="robots">, TDMRep's header and meta element, Content-Usage and Content-Signal are read. The
reservation is returned as the publisher wrote it, so that a refusal can quote it. In doubt, it is reserved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

AGENTS = ("*", "robots", "lineament")
"""Addressees of the directives that we obey, in lower case."""
META = frozenset({*AGENTS, "tdm-reservation"})
"""Names of the meta elements that may hold a reservation, in lower case."""
RESERVING = frozenset({"noindex", "none", "noai", "noimageai", "noimageindex"})
"""Directives for robots that forbid taking a picture, in lower case."""
USES = frozenset({"bots", "ai", "search", "tdm", "train-ai", "train-genai", "ai-train", "ai-input", "ai-output"})
"""Uses in Content-Usage and Content-Signal whose refusal (“=n”, “=no”) forbids taking a picture."""
LONGEST = 4096
"""Characters of a header or meta element that are read; a longer one counts as a reservation."""
_SHOWN = 80

_WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
_AGENT = re.compile(r"\s*([\w*.-]{1,64})\s*:")
_REFUSED = re.compile(r"([\w-]{1,32})\s*=\s*\"?no?\b", re.IGNORECASE)


def in_headers(headers: Iterable[tuple[str, str]], *, now: datetime) -> str | None:
    """Return the first reservation in the headers of a response, as “X-Robots-Tag: noai”, or None."""
    for name, value in headers:
        lower = name.lower()
        if lower in _HEADERS:
            reserved = len(value) > LONGEST or _HEADERS[lower](value, now)
            if reserved:
                return _describe(name, value)
    return None


def in_meta(elements: Iterable[tuple[str, str]], *, now: datetime) -> str | None:
    """Return the first reservation in meta elements (name, content), as “meta robots: noai”, or None."""
    for name, content in elements:
        lower = name.strip().lower()
        if lower in META:
            check = tdm if lower == "tdm-reservation" else robots
            if len(content) > LONGEST or check(content, now):
                return _describe(f"meta {lower}", content)
    return None


def robots(value: str, now: datetime) -> bool:
    """Return whether an X-Robots-Tag, or a meta element for robots, reserves something from us at ``now``."""
    is_ours = True  # until an agent is named, it addresses all
    rest = value
    while rest:
        part, _, behind = rest.partition(",")
        named = _AGENT.match(part)
        if named and named[1].lower() not in _WITH_VALUE:
            is_ours = named[1].lower() in AGENTS
            part = part[named.end() :]
        name, _, given = part.strip().lower().partition(":")
        if name.strip() == "unavailable_after":
            given = rest.partition(":")[2]  # a date may contain a comma
            if is_ours and _is_over(given, now):
                return True
        elif is_ours and name in RESERVING:
            return True
        rest = behind
    return False


def tdm(value: str, now: datetime) -> bool:  # noqa: ARG001 - called like the others
    """Return whether a tdm-reservation (TDMRep) reserves; only “0” does not."""
    return value.strip() != "0"


def usage(value: str, now: datetime) -> bool:  # noqa: ARG001 - called like the others
    """Return whether a Content-Usage (aipref) or Content-Signal refuses a use that includes ours."""
    return any(use.lower() in USES for use in _REFUSED.findall(value))


_HEADERS: Mapping[str, Callable[[str, datetime], bool]] = {
    "x-robots-tag": robots,
    "tdm-reservation": tdm,
    "content-usage": usage,
    "content-signal": usage,
}


def _is_over(date: str, now: datetime) -> bool:
    """Return whether a date has passed; one that cannot be read counts as passed."""
    text = date.strip()
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        for end in (text, text.partition(",")[0].strip()):
            try:
                moment = read(end)
            except (ValueError, TypeError, IndexError, OverflowError):
                continue
            return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment) <= now
    return True


def _describe(name: str, value: str) -> str:
    text = " ".join("".join(char if char.isprintable() else " " for char in value[:LONGEST]).split())
    return f"{name}: {text}" if len(text) <= _SHOWN else f"{name}: {text[:_SHOWN]}…"
