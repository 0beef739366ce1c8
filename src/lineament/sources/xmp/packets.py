"""Finds the XMP packet of a picture (ISO 16684-1, and part 3 of Adobe's XMP specification on where files keep it).

Only the packet of the file's first picture is looked for. What is found is not parsed here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

LARGEST_PACKET = 2**20
"""Most bytes of a packet, or of a side-car."""
MOST_CHUNKS = 10_000
"""Most segments or chunks of a file that are looked at."""

_JPEG, _PNG, _RIFF = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF"
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_STANDARD, _EXTENDED = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_EXTENSION = struct.Struct(">32sII")  # digest of all parts, bytes of all parts, where this part begins
_KEYWORD = b"XML:com.adobe.xmp\0"
_TAG = 700
_ENTRY = {"<": struct.Struct("<HHII"), ">": struct.Struct(">HHII")}
_BEGIN, _END = b"<x:xmpmeta", b"</x:xmpmeta>"


def packets_in(untrusted: bytes) -> list[bytes]:
    """Return the XMP packets of a picture's metadata: none, one, or in a JPEG also its extension."""
    if untrusted.startswith(_JPEG):
        found = _of_jpeg(untrusted)
    elif untrusted.startswith(_PNG):
        found = _of_png(untrusted)
    elif untrusted.startswith(_RIFF) and untrusted[8:12] == b"WEBP":
        found = _of_webp(untrusted)
    elif (order := _TIFF.get(untrusted[:4])) is not None:
        found = _of_tiff(untrusted, order)
    else:
        found = _scanned(untrusted)
    return [packet for packet in found if packet]


def _of_jpeg(untrusted: bytes) -> list[bytes]:
    standard = b""
    extension: dict[bytes, dict[int, bytes]] = {}
    for body in _app1(untrusted):
        if body.startswith(_STANDARD):
            standard = standard or body[len(_STANDARD) :]
        elif body.startswith(_EXTENDED) and len(body) >= len(_EXTENDED) + _EXTENSION.size:
            digest, _, at = _EXTENSION.unpack_from(body, len(_EXTENDED))
            extension.setdefault(digest, {})[at] = body[len(_EXTENDED) + _EXTENSION.size :]
    of_standard = next((parts for digest, parts in extension.items() if digest in standard), {})
    return [standard, b"".join(part for _, part in sorted(of_standard.items()))]


def _app1(untrusted: bytes) -> Iterator[bytes]:
    """Yield the bodies of the APP1 segments before the first scan."""
    at = 2
    for _ in range(MOST_CHUNKS):
        if untrusted[at : at + 1] != b"\xff":
            return
        marker = untrusted[at + 1 : at + 2]
        if marker == b"\xff":  # a fill byte
            at += 1
            continue
        length = int.from_bytes(untrusted[at + 2 : at + 4], "big")
        if marker in {b"\xda", b"\xd9", b""} or length < 2:
            return
        if marker == b"\xe1":
            yield untrusted[at + 4 : at + 2 + length]
        at += 2 + length


def _of_png(untrusted: bytes) -> list[bytes]:
    at = len(_PNG)
    for _ in range(MOST_CHUNKS):
        length = int.from_bytes(untrusted[at : at + 4], "big")
        kind, body = untrusted[at + 4 : at + 8], at + 8
        if len(kind) < 4 or kind == b"IEND":
            break
        if kind == b"iTXt" and untrusted.startswith(_KEYWORD, body):
            return [_of_text_chunk(untrusted[body + len(_KEYWORD) : body + length])]
        at = body + length + 4
    return []


def _of_text_chunk(untrusted: bytes) -> bytes:
    """Return the text of an iTXt chunk, after its keyword; empty if it is damaged."""
    _, _, rest = untrusted[2:].partition(b"\0")  # the language
    _, _, text = rest.partition(b"\0")  # the keyword in it
    if untrusted[:1] != b"\1":
        return text
    try:
        return zlib.decompressobj().decompress(text, LARGEST_PACKET + 1)
    except zlib.error:
        return b""


def _of_webp(untrusted: bytes) -> list[bytes]:
    at = 12
    for _ in range(MOST_CHUNKS):
        kind, length = untrusted[at : at + 4], int.from_bytes(untrusted[at + 4 : at + 8], "little")
        if len(kind) < 4:
            break
        if kind == b"XMP ":
            return [untrusted[at + 8 : at + 8 + length]]
        at += 8 + length + length % 2
    return []


def _of_tiff(untrusted: bytes, order: str) -> list[bytes]:
    """Return the packet that the first directory names."""
    entry = _ENTRY[order]
    number = "big" if order == ">" else "little"
    at = int.from_bytes(untrusted[4:8], number)  # type: ignore[arg-type]  # one of two
    many = int.from_bytes(untrusted[at : at + 2], number)  # type: ignore[arg-type]  # as above
    for place in range(at + 2, at + 2 + entry.size * many, entry.size):
        if place + entry.size > len(untrusted):
            break
        tag, _, length, offset = entry.unpack_from(untrusted, place)
        if tag == _TAG:
            return [untrusted[offset : offset + length]]
    return []


def _scanned(untrusted: bytes) -> list[bytes]:
    """Return the first packet that stands in a file as it is, as in HEIC, AVIF and JPEG 2000."""
    begin = untrusted.find(_BEGIN)
    if begin < 0:
        return []
    end = untrusted.find(_END, begin)
    return [untrusted[begin : end + len(_END)] if end >= 0 else untrusted[begin : begin + LARGEST_PACKET + 1]]
