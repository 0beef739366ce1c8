"""What “data:” addresses hold (RFC 2397, and as browsers read them)."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import unquote_to_bytes

from lineament.errors import FileTooLarge, LineamentError, NotAPicture, NotRead
from lineament.sources.media_types import DRAWINGS, is_picture, is_video, media_type, not_a_picture

LEAST = 200
"""Bytes of an embedded picture that may show a face; what has fewer is a placeholder, often of one pixel."""
_TEXTS = frozenset({"image/svg+xml", "text/html", "application/xhtml+xml", "text/css", "text/xml", "application/xml"})
_DATA = re.compile(
    r"data:[\w.+/-]{0,100}(?:;(?!base64,)[\w.=+-]{1,60}){0,4}"
    r"(?:;base64,\s{0,8}+(?:[\w+/=%-]{40,}+\\?\r?\n[ \t]*+)*+[\w+/=%-]*+|,[^\s\"'()<>\\`]*)",
    re.IGNORECASE | re.ASCII,
)
"""An address; if it is in Base64, over several lines, with backslashes before them in CSS."""
_ESCAPED = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|/|r\\n|n)")
_MENTIONED = re.compile(rb"data(?::|&|\\)", re.IGNORECASE)
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
    untrusted = picture_or_video_in(uri, limit)
    if untrusted is not None and not is_picture(untrusted):
        raise NotRead(why="it is a video in a “data:” address; save it as a file and ingest that")
    return untrusted


def picture_or_video_in(uri: str, limit: int) -> bytes | None:
    """Return the picture or video that a “data:” address holds; None if it holds something else.

    Raises NotAPicture, NotRead or FileTooLarge as ``picture_in`` does.
    """
    kind = data_type(uri)
    may_be = kind.startswith("image/") and kind not in DRAWINGS
    if not may_be and kind.startswith(_NEVER):
        return None
    untrusted = data_of(uri, limit)
    if len(untrusted) < LEAST:
        return None
    if is_picture(untrusted) or is_video(untrusted):
        return untrusted
    if may_be:
        raise NotAPicture(why=not_a_picture(untrusted))
    return None


def addresses_in(text: str) -> Iterator[str]:
    """Yield the “data:” addresses in a text of any kind, as CSS, JSON or a script, as often as they are there."""
    for found in _DATA.finditer(html.unescape(_ESCAPED.sub(_unescaped, text))):
        yield found[0]


def nested_in(uri: str, limit: int) -> Iterator[str]:
    """Yield the “data:” addresses in the text that a “data:” address holds, as a drawing with a photograph in it."""
    if data_type(uri) in _TEXTS:
        with suppress(LineamentError):  # the address itself is refused for that
            yield from addresses_in(data_of(uri, limit).decode("utf-8", "replace"))


def mentions_data(text: bytes) -> bool:
    """Return whether there may be “data:” addresses in a text, however the colon is written."""
    return _MENTIONED.search(text) is not None


def _unescaped(found: re.Match[str]) -> str:
    """Return the character that a script writes as an escape."""
    code = found[1] or found[2]
    return chr(int(code, 16)) if code else "/" if found[0] == "\\/" else "\n"


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
