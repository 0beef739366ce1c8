"""What “data:” addresses hold (RFC 2397, and as browsers read them)."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from lineament.errors import FileTooLarge, NotAPicture, NotRead
from lineament.sources.media_types import DRAWINGS, is_picture, is_video, media_type, not_a_picture

LEAST = 200
"""Bytes of an embedded picture that may show a face; what has fewer is a placeholder, often of one pixel."""
_NEVER = ("font/", "audio/", "application/font", "application/x-font", "image/svg")
_NUMBER = re.compile(r"[#&]data=([0-9]{1,9})$", re.ASCII)
_STANDARD = bytes.maketrans(b"-_", b"+/")
_BLANKS = b" \t\r\n\f\\"


def picture_in(uri: str, limit: int) -> bytes | None:
    """Return the picture that a “data:” address holds; None if it holds something else.

    Raises:
        NotAPicture: It says that it holds a picture, and does not.
        NotRead: It is damaged, or holds a video.
        FileTooLarge: It has more than ``limit`` bytes.
    """
    kind = data_type(uri)
    may_be = kind.startswith("image/") and kind not in DRAWINGS
    if not may_be and kind.startswith(_NEVER):
        return None
    untrusted = data_of(uri, limit)
    if len(untrusted) < LEAST:
        return None
    if is_picture(untrusted):
        return untrusted
    if may_be:
        raise NotAPicture(why=not_a_picture(untrusted))
    if is_video(untrusted):
        raise NotRead(why="it is a video in a “data:” address; save it as a file and ingest that")
    return None


def data_type(uri: str) -> str:
    """Return the media type that a “data:” address states, in lower case; empty if it states none."""
    return media_type(uri[5:300].partition(",")[0])


def data_of(uri: str, limit: int) -> bytes:
    """Return the bytes that a “data:” address holds. Raises FileTooLarge over ``limit`` bytes, or NotRead."""
    head, comma, text = uri[5:].partition(",")
    if not comma:
        raise NotRead(why="its “data:” address has no comma, and so no content")
    encoded = head.rstrip().lower().endswith("base64")
    size = len(text) * 3 // 4 if encoded else len(text) // 3  # at least
    if size > limit + 3:
        raise FileTooLarge(size=size, limit=limit)
    content = unquote_to_bytes(text)
    if encoded:
        packed = content.translate(_STANDARD, _BLANKS).rstrip(b"=")
        try:
            content = base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
        except binascii.Error:
            raise NotRead(why="its “data:” address is damaged: it is not in Base64 as it says") from None
    if len(content) > limit:
        raise FileTooLarge(size=len(content), limit=limit)
    return content


def embedded_range(page: str) -> tuple[str, str]:
    """Return two texts between which, in the order of characters, lie the addresses of what a page holds itself."""
    start = embedded_address(page, 0)[:-1]
    return start, start[:-1] + chr(ord(start[-1]) + 1)


def embedded_number(uri: str) -> int | None:
    """Return the number in an address that embedded_address() made; None if it is another address."""
    found = _NUMBER.search(uri)
    return None if found is None else int(found[1])


def embedded_address(page: str, number: int) -> str:
    """Return the address under which the embedded picture of a page is kept; ``number`` counts from 1."""
    return f"{page}{'&' if '#' in page else '#'}data={number}"
