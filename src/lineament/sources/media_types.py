"""Media types of pages and pictures, as headers state them and as the first bytes show them."""

from __future__ import annotations

import re

PAGES = frozenset({"text/html", "application/xhtml+xml"})
UNKNOWN = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/unknown"})
"""What servers state if they do not know the type."""
DRAWINGS = frozenset({"image/svg+xml", "image/x-icon", "image/vnd.microsoft.icon"})
"""Types of images that are no photographs."""
START = 256
"""Bytes from which everything here can be told."""
_PICTURES = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",  # TIFF, and most kinds of camera RAW
    b"MM\0*",
    b"II+\0",  # BigTIFF
    b"MM\0+",
    b"\0\0\0\x0cjP  \r\n\x87\n",  # JPEG 2000
    b"\xff\x4f\xff\x51",
    b"\0\0\0\x0cJXL \r\n\x87\n",  # JPEG XL
    b"\xff\x0a",
    b"FUJIFILMCCD-RAW",
    b"IIRO",  # Olympus
    b"IIRS",
    b"MMOR",
    b"IIU\0",  # Panasonic
    b"FOVb",  # Sigma
    b"\0MRM",  # Minolta
    b"II\x1a\0\0\0HEAPCCDR",  # Canon CRW
)
_NAMED = (
    b"8BPS",
    b"gimp xcf",
    b"v/1\x01",
    b"#?RADIANCE",
    b"DDS ",
    b"BPG\xfb",
    b"II\xbc\x01",
    b"qoif",
    b"icns",
    b"AT&TFORM",
    b"SIMPLE  =",
    b"\x01\xda",  # SGI
    b"\x59\xa6\x6a\x95",  # Sun
    b"SDPX",
    b"XPDS",
    b"\x80\x2a\x5f\xd7",  # Cineon
    b"/* XPM */",
)
"""Pictures that the decoder does not read, but whose format it names when it refuses them."""
_NAMED_LETTERS = re.compile(rb"P[1-7Ff]\s|\n[\0\x02\x03\x05]\x01[\x01\x02\x04\x08]|#define \S{1,80}_width ")
"""As ``_NAMED``, less plainly: PBM to PAM and PFM, PCX, XBM."""
_HEIF = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf MiHE MiHB avif avis avci avcs j2ki j2is jpeg jpgs"
    b" unif".split()
) | {b"crx "}
"""Brands of the ISO base media format that are pictures: HEIF, AVIF and Canon's RAW."""
_SOUND = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "})
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})  # bytes of the second header
_VIDEOS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"\0\0\x01\xba",  # MPEG
    b"\0\0\x01\xb3",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01",  # MXF
    b"DKIF",
    b".RMF",  # RealMedia, which is refused when it is opened
)
_BOXES = frozenset(
    {b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"emsg", b"mdat", b"wide", b"free", b"skip", b"pnot", b"uuid"}
)
_LARGEST_BOX = 2**29
"""Bytes of a box before the pictures; text is never one, because its first four characters are a greater number."""
_OTHERS = (
    (b"\x00\x05\x16\x07", "macOS keeps the attributes of another file in it (AppleDouble)"),
    (b"\x00\x00\x00\x01Bud1", "macOS keeps the view of a folder in it (.DS_Store)"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is an OLE file, as Thumbs.db and old Office documents are"),
    (b"%PDF-", "it is a PDF document; export its pictures and ingest those"),
    (b"SQLite format 3\0", "it is an SQLite database"),
    (b"PK\x03\x04", "it is a zip archive, or a document that is packed as one; name it as .zip to have it read"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive; name it as .7z to have it read"),
    (b"Rar!\x1a\x07", "it is a RAR archive, which is not read; pack it as zip or tar"),
    (b"\x1f\x8b", "it is compressed with gzip; unpack it first"),
    (b"\x7fELF", "it is a program"),
    (b"MZ", "it is a program"),
    (b"<svg", "it is a drawing (SVG), which shows no photograph"),
    (b"\0\0\x01\0", "it is an icon (ICO)"),
)
_MAY_HOLD_PICTURES = (
    *(b"%PDF-", b"PK\x03\x04", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x1f\x8b"),
    *(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"SQLite format 3\0"),
)
NO_PICTURE = "it does not begin as any picture does"


def media_type(content_type: str | None) -> str:
    """Return the media type in a Content-Type without parameters and quotes, in lower case; empty if there is none."""
    return (content_type or "").partition(";")[0].strip("\"' \t\r\n").lower()[:100]


def is_picture(untrusted: bytes) -> bool:
    """Return whether the first bytes are those of a picture that the decoder may know, if only by name."""
    if untrusted.startswith(_PICTURES + _NAMED):
        return True
    if untrusted[4:8] == b"ftyp":
        return untrusted[8:12] in _HEIF
    if untrusted[128:132] == b"DICM" or _NAMED_LETTERS.match(untrusted):
        return True
    if untrusted[:2] == b"BM":
        return int.from_bytes(untrusted[14:18], "little") in _BMP_HEADERS
    return untrusted[:4] == b"RIFF" and untrusted[8:12] == b"WEBP"


def is_video(untrusted: bytes) -> bool:
    """Return whether the first START bytes are those of a video that the connector for videos may know."""
    if untrusted.startswith(_VIDEOS):
        return True
    if untrusted[4:8] in _BOXES and (untrusted[4:8] == b"mdat" or int.from_bytes(untrusted[:4]) < _LARGEST_BOX):
        return untrusted[8:12] not in _HEIF | _SOUND or untrusted[4:8] != b"ftyp"
    if untrusted[:4] == b"RIFF":
        return untrusted[8:12] == b"AVI "
    if untrusted[:4] == b"OggS":
        return b"\x80theora" in untrusted[:START]
    return any(_is_packet(untrusted, at) and _is_packet(untrusted, at + step) for at, step in _TRANSPORT)


def _is_packet(untrusted: bytes, at: int) -> bool:
    """Return whether a packet of a transport stream begins there: not damaged, not encrypted, and not empty."""
    head = untrusted[at : at + 4]
    return len(head) == 4 and head[0] == 0x47 and not head[1] & 0x80 and not head[3] & 0xC0 and bool(head[3] & 0x30)


_TRANSPORT = ((0, 188), (4, 192))
"""Where two packets of an MPEG transport stream begin, and those of a Blu-ray's."""


def not_a_picture(untrusted: bytes) -> str:
    """Return what a file is instead of a picture, as far as its first bytes tell, to complete “not a picture: …”."""
    start = untrusted[:START]
    if not start:
        return "it is empty"
    if is_video(start):
        return "it is a video"
    return next((words for magic, words in _OTHERS if start.startswith(magic)), NO_PICTURE)


def may_hold_pictures(untrusted: bytes) -> bool:
    """Return whether the first bytes are those of a document or an archive, which may hold pictures."""
    return untrusted.startswith(_MAY_HOLD_PICTURES)
