"""Where and when a picture was found, as an untrusted side-car states it (docs/reference/side-cars.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from lineament.model.faces import Provenance

FIELDS = ("uri", "page_uri", "page_title", "captured_at", "licence")
"""The fields of a side-car; everything else in it is ignored."""
LONGEST_URI = 4096
"""Most characters of a URI."""
LONGEST_TEXT = 500
"""Most characters of a title or licence; the rest is cut off."""

_SCHEME = re.compile(r"(https?|file)://|urn:[a-z0-9][a-z0-9-]{0,31}:", re.IGNORECASE)


class Unusable(ValueError):
    """A side-car cannot be used; the text completes “it cannot be used: …”."""


def parse_side_car(untrusted: bytes, fallback: Provenance) -> Provenance:
    """Parse a JSON side-car; what it leaves out is taken from ``fallback``. Raises Unusable if it is invalid."""
    try:
        fields = json.loads(untrusted.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unusable("it is not in UTF-8") from None
    except (ValueError, RecursionError):
        raise Unusable("it is not JSON") from None
    if not isinstance(fields, dict):
        raise Unusable("it is not a JSON object")
    return provenance_from(fields, fallback)


def provenance_from(untrusted: Mapping[str, object], fallback: Provenance) -> Provenance:
    """Return the provenance in the fields of a side-car, completed from ``fallback``. Raises Unusable."""
    stated = {name: text for name in FIELDS if (text := _text(untrusted, name)) is not None}
    at = stated.get("captured_at")
    return Provenance(
        uri=checked_uri("uri", stated["uri"]) if "uri" in stated else fallback.uri,
        page_uri=checked_uri("page_uri", stated["page_uri"]) if "page_uri" in stated else fallback.page_uri,
        page_title=one_line(stated.get("page_title")) or fallback.page_title,
        captured_at=fallback.captured_at if at is None else _moment(at),
        licence=one_line(stated.get("licence")) or fallback.licence,
    )


def _text(untrusted: Mapping[str, object], name: str) -> str | None:
    """Return a field without surrounding blanks; None if it is missing, null or blank."""
    value = untrusted.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Unusable(f"its {name} is not text")
    return value.strip() or None


def checked_uri(name: str, untrusted: str) -> str:
    """Return an absolute http, https, file or urn URI without blanks and control characters, or raise Unusable."""
    if len(untrusted) > LONGEST_URI:
        raise Unusable(f"its {name} is longer than {LONGEST_URI} characters")
    if not untrusted.isprintable() or " " in untrusted or "\\" in untrusted:
        raise Unusable(f"its {name} has blanks, backslashes or control characters")
    if not _SCHEME.match(untrusted):
        raise Unusable(f"its {name} does not begin with http://, https://, file:// or urn:")
    try:
        parts = urlsplit(untrusted)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Unusable(f"its {name} is not a URI") from None
    if parts.scheme in {"http", "https"} and not host:
        raise Unusable(f"its {name} names no host")
    if parts.scheme in {"http", "https"} and "@" in parts.netloc:
        raise Unusable(f"its {name} holds a user name")
    return untrusted


def one_line(untrusted: str | None) -> str | None:
    """Return one line of printable text, at most LONGEST_TEXT characters; None if nothing is left."""
    if untrusted is None:
        return None
    text = " ".join(untrusted[: 8 * LONGEST_TEXT].split())
    if not text.isprintable():
        text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text[:LONGEST_TEXT].rstrip() or None


def _moment(untrusted: str) -> datetime:
    """Parse an ISO 8601 date or time; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(untrusted)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        why = "its captured_at is not an ISO 8601 date, as 2024-05-31 or 2024-05-31T12:00:00Z"
        raise Unusable(why) from None
