"""The other pictures of a JPEG: in the multi-picture format (CIPA DC-007), or simply behind its end.

This runs inside the confined process only (``decode_worker``).
"""

from __future__ import annotations

import io

from PIL import ImageFile, JpegImagePlugin

from lineament.vision.decode_damage import jpeg_end

_MOST = 100
_JPEG = b"\xff\xd8\xff"
_ENTRIES = 0xB002
_THUMBNAILS = ("Large Thumbnail (VGA Equivalent)", "Large Thumbnail (Full HD Equivalent)")
_MAPS = (
    b"hdrgm",
    b"HDRGainMap",
    b"GainMap",
    b"urn:iso:std:iso:ts:21496",
    b"GDepth",
    b"DepthMap",
    b"depthmap",
    b"semanticsegment",
)
"""What the headers of gain maps, depth maps and masks hold."""
_HEADERS = 64 * 1024
_LEAST_SHARE = 4
"""A full picture has at least this part of the pixels of the first: one in so many."""


def embedded_pictures(first: ImageFile.ImageFile, untrusted: bytes) -> list[bytes]:
    """Return the further full pictures of a file, in colour; no thumbnails, no maps of depth or of brightness."""
    try:
        info = first._getmp()  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way to it
        base = first.info.get("mpoffset", 0)
        entries = [] if info is None else info[_ENTRIES][1:_MOST]
    except Exception:  # noqa: BLE001 - this directory is a format of its own, and must not cost the picture
        return []
    found = []
    for entry in entries:
        start, size = entry["DataOffset"] + base, entry["Size"]
        data = untrusted[start : start + size] if size else untrusted[start:]
        if entry["Attribute"]["MPType"] not in _THUMBNAILS and _is_full(first, data):
            found.append(data)
    return found


def following_pictures(first: ImageFile.ImageFile, untrusted: bytes) -> list[bytes]:
    """Return the full pictures that follow a JPEG: telephones with two cameras append the second picture."""
    found: list[bytes] = []
    at = jpeg_end(untrusted)
    for _ in range(_MOST):
        at = untrusted.find(_JPEG, at) if at >= 0 else -1
        if at < 0:
            break
        data = untrusted[at:]
        end = jpeg_end(data)
        if end > 0 and _is_full(first, data[:end]):
            found.append(data[:end])
        at += max(end, len(_JPEG))
    return found


def _is_full(first: ImageFile.ImageFile, data: bytes) -> bool:
    try:
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    except Exception:  # noqa: BLE001 - what is no JPEG is no picture
        return False
    if image.mode not in {"RGB", "CMYK"} or any(name in data[:_HEADERS] for name in _MAPS):
        return False
    return image.width * image.height * _LEAST_SHARE >= first.width * first.height
