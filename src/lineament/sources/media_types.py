"""Media types of pages and pictures, as headers state them and as the first bytes show them."""

from __future__ import annotations

PAGES = frozenset({"text/html", "application/xhtml+xml"})
UNKNOWN = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/unknown"})
"""What servers state if they do not know the type."""
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*")


def media_type(content_type: str | None) -> str:
    """Return the media type in a Content-Type without its parameters, in lower case; empty if there is none."""
    return (content_type or "").partition(";")[0].strip().lower()[:100]


def is_picture(untrusted: bytes) -> bool:
    """Return whether the first bytes are those of a picture that the decoder may know."""
    if untrusted.startswith(_STARTS):
        return True
    return (untrusted[:4] == b"RIFF" and untrusted[8:12] == b"WEBP") or untrusted[4:8] == b"ftyp"
