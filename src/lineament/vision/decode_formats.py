"""Which format a file has, by its first bytes. This runs inside the confined process only (``decode_worker``)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple, cast

from lineament.vision.decode_protocol import (
    AVIF,
    BMP,
    GIF,
    HEIC,
    J2C,
    JP2,
    JPEG,
    JPX,
    JXL,
    NOT_READ,
    PNG,
    RAW,
    TIFF,
    WEBP,
    DecodeReply,
    Status,
)

RARE = frozenset({JXL, RAW})
"""Formats whose libraries are only in the workers for rare formats."""
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_STILL_BRANDS = frozenset({b"mif1", b"msf1", b"jpeg", b"j2ki", b"vvic", b"evbi", b"avci"})
_STARTS = {
    b"\xff\xd8\xff": JPEG,
    b"\x89PNG\r\n\x1a\n": PNG,
    b"GIF87a": GIF,
    b"GIF89a": GIF,
    b"II*\0": TIFF,
    b"MM\0*": TIFF,
    b"II+\0": TIFF,  # BigTIFF
    b"MM\0+": TIFF,
    b"\xff\x4f\xff\x51": J2C,
    b"\xff\x0a": JXL,
    b"\0\0\0\x0cJXL \r\n\x87\n": JXL,
    b"FUJIFILMCCD-RAW": RAW,
    b"IIRO": RAW,  # Olympus
    b"IIRS": RAW,
    b"MMOR": RAW,
    b"IIU\0": RAW,  # Panasonic, Leica
    b"FOVb": RAW,  # Sigma
    b"\0MRM": RAW,  # Minolta
    b"II\x1a\0\0\0HEAPCCDR": RAW,  # Canon CRW
}
_UNREAD = {
    b"8BPS": "PSD (Photoshop)",
    b"%PDF": "PDF",
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"v/1\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"#?RGBE": "Radiance HDR",
    b"DDS ": "DDS",
    b"gimp xcf": "XCF (GIMP)",
    b"\xd7\xcd\xc6\x9a": "WMF or EMF",
    b"\x01\0\0\0": "WMF or EMF",
    b"AT&TFORM": "DjVu",
    b"II\xbc\x01": "JPEG XR",
    b"SIMPLE  =": "FITS",
    b"BPG\xfb": "BPG",
    b"qoif": "QOI",
    b"icns": "ICNS (Apple icon)",
    b"\x1aE\xdf\xa3": "a video (ingest it as one)",
    b"FLV\x01": "a video (ingest it as one)",
    b"\0\0\x01\xba": "a video (ingest it as one)",
    b"0&\xb2u\x8ef\xcf\x11": "a video (ingest it as one)",
    b"OggS": "a video (ingest it as one)",
    b"ID3": "a sound",
    b"fLaC": "a sound",
    b"PK\x03\x04": "a ZIP archive (ingest it as one)",
    b"\x01\xda": "SGI",
    b"\x59\xa6\x6a\x95": "Sun raster",
    b"SDPX": "DPX or Cineon",
    b"XPDS": "DPX or Cineon",
    b"\x80\x2a\x5f\xd7": "DPX or Cineon",
    b"FWS": "Flash",
    b"CWS": "Flash",
}
_TGA = re.compile(
    rb".(?:\0[\x02\x03\x0a\x0b]\0{5}|\x01[\x01\x09]\0\0.[\0\x01][\x0f\x10\x18\x20])"
    rb".{8}[\x08\x0f\x10\x18\x20][\0-\x3f]",
    re.DOTALL,
)
"""The header of a TGA: true colours or grey without a palette, or a palette."""
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_RAW_MAKERS = (b"NIKON", b"SONY", b"PENTAX", b"SAMSUNG", b"EASTMAN KODAK", b"Kodak", b"Hasselblad", b"Phase One")
_RAW_COMPRESSIONS = frozenset({34713, 32767, 65000, 65535})  # of Nikon, Sony, Kodak, Pentax
_MOST_FOLDERS = 16  # IFDs of a TIFF that are looked at
_SHORT = 3
_MOST_BOXES = 20_000
_WITH_PROFILE = frozenset({b"\2", b"\3"})  # methods of a colour specification
_MOST_SEGMENTS = 10_000  # of a JPEG
JPEG_LS = 0xF7
"""The frame header of JPEG-LS."""
_ARITHMETIC_FRAMES = frozenset({0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, JPEG_LS}) | _ARITHMETIC_FRAMES
_SCAN, _FILL = 0xDA, 0xFF
_USUAL_BITS = 8
_COMPRESSION, _COLOURS, _MAKER, _FURTHER_FOLDERS, _DNG_VERSION = 259, 262, 271, 330, 50706
_FILTER_ARRAY, _LINEAR_RAW = 32803, 34892


class NotDecodedError(Exception):
    """The picture cannot be used; ``reply`` says why."""

    def __init__(self, status: Status, media: int = 0, width: int = 0, height: int = 0, not_read: int = 0) -> None:
        self.reply = DecodeReply(status, media, not_read, width=width, height=height)
        super().__init__(status)


def detect_format(untrusted: bytes) -> int:
    """Return the format as an index into MEDIA_TYPES, by the first bytes; the file name is not used.

    Raises:
        NotDecodedError: It is not read; the reply names it if it is recognised.
    """
    if untrusted[4:8] == b"ftyp":
        return _of_brands(untrusted)
    if untrusted[:4] == b"RIFF" and untrusted[8:12] == b"WEBP":
        return WEBP
    if untrusted.startswith(b"\0\0\0\x0cjP  \r\n\x87\n"):
        return JPX if untrusted[20:24] == b"jpx " else JP2
    for start, media in _STARTS.items():
        if untrusted.startswith(start):
            return RAW if media == TIFF and _is_raw(untrusted) else media
    # Two letters prove little, so the size of the header that follows must be a known one.
    if untrusted[:2] == b"BM" and int.from_bytes(untrusted[14:18], "little") in _BMP_HEADERS:
        return BMP
    raise NotDecodedError(Status.UNKNOWN_FORMAT, not_read=NOT_READ.index(_unread_name(untrusted)))


def box_size(untrusted: bytes, at: int) -> int:
    """Return the size of an ISO BMFF box (ISO/IEC 14496-12); 0 if it is not in the usual place."""
    return cast("int", struct.unpack_from(">I", untrusted, at)[0]) if at + 8 <= len(untrusted) else 0


class FileBox(NamedTuple):
    """A box of an ISO BMFF file: its name, and where its content begins and ends."""

    name: bytes
    start: int
    end: int


def boxes(untrusted: bytes, start: int, end: int) -> Iterator[FileBox]:
    """Yield the boxes between two places, up to the first that is none; its content may lie beyond the end."""
    at = start
    for _ in range(_MOST_BOXES):
        size, head = box_size(untrusted, at), 8
        name = untrusted[at + 4 : at + 8]
        if size == 1:
            size, head = int.from_bytes(untrusted[at + 8 : at + 16], "big"), 16
        elif size == 0 and at + 8 <= end:
            size = end - at
        if size < head or at + 8 > end or not all(0x20 <= letter < 0x7F for letter in name):
            return
        yield FileBox(name, at + head, at + size)
        at += size


def profile_of_jp2(untrusted: bytes) -> bytes:
    """Return the ICC profile of a JPEG 2000 file (ISO/IEC 15444-1, I.5.3.3); empty if it has none."""
    header = next((box for box in boxes(untrusted, 0, len(untrusted)) if box.name == b"jp2h"), None)
    for box in boxes(untrusted, header.start, header.end) if header is not None else ():
        if box.name == b"colr" and untrusted[box.start : box.start + 1] in _WITH_PROFILE:
            return untrusted[box.start + 3 : box.end]
    return b""


def size_of_webp(untrusted: bytes) -> tuple[int, int] | None:
    """Return the width and the height that a WebP states; None if its first chunk is not known."""
    chunk, head = untrusted[12:16], untrusted[20:30]
    if chunk == b"VP8X" and len(head) == 10:
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if chunk == b"VP8 " and head[3:6] == b"\x9d\x01*" and len(head) == 10:
        return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF
    if chunk == b"VP8L" and head[:1] == b"/":
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return None


def is_animated_webp(untrusted: bytes) -> bool:
    """Return whether a WebP says that it is an animation."""
    return untrusted[12:16] == b"VP8X" and bool(untrusted[20:21] and untrusted[20] & 2)


class JpegFrame(NamedTuple):
    """What the frame header of a JPEG says."""

    process: int  # the second byte of its marker
    bits: int  # of a value
    width: int
    height: int


def frame_of_jpeg(untrusted: bytes) -> JpegFrame | None:
    """Return the frame header of a JPEG or JPEG-LS; None if there is none before the first scan."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if untrusted[at : at + 1] != b"\xff" or at + 9 > len(untrusted):
            return None
        marker = untrusted[at + 1]
        if marker in _FRAMES:
            bits, height, width = struct.unpack_from(">BHH", untrusted, at + 4)
            return JpegFrame(marker, bits, width, height)
        if marker == _SCAN:
            return None
        at += 1 if marker == _FILL else 2 + int.from_bytes(untrusted[at + 2 : at + 4], "big")
    return None


def is_unusual_jpeg(untrusted: bytes) -> bool:
    """Return whether a JPEG is coded in a way that Pillow does not read: arithmetic, JPEG-LS, more than 8 bits."""
    frame = frame_of_jpeg(untrusted)
    return frame is not None and (frame.bits != _USUAL_BITS or frame.process in _ARITHMETIC_FRAMES | {JPEG_LS})


def _of_brands(untrusted: bytes) -> int:
    major = untrusted[8:12]
    brands = {major} | {untrusted[at : at + 4] for at in range(16, min(box_size(untrusted, 0), 256), 4)}
    if brands & _HEIF_BRANDS:
        return HEIC
    if brands & _AVIF_BRANDS:
        return AVIF
    if major == b"crx ":
        return RAW  # Canon CR3
    name = "a HEIF picture in a coding other than HEVC and AV1"
    if not brands & _STILL_BRANDS:
        name = "a sound" if major in {b"M4A ", b"M4B "} else "a video (ingest it as one)"
    raise NotDecodedError(Status.UNKNOWN_FORMAT, not_read=NOT_READ.index(name))


def _unread_name(untrusted: bytes) -> str:
    """Return the name of a format that is not read, as in NOT_READ; empty if it is not recognised."""
    begins = untrusted[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    signs = {
        "a video (ingest it as one)": untrusted[:4] == b"RIFF" and untrusted[8:12] == b"AVI ",
        "a sound": untrusted[:4] == b"RIFF" and untrusted[8:12] == b"WAVE",
        "PBM, PGM, PPM, PAM or PFM": re.match(rb"P[1-7Ff]\s", untrusted) is not None,
        "XBM or XPM": re.match(rb"/\* XPM \*/|#define \S{1,80}_width ", untrusted) is not None,
        "ICO or CUR (Windows icon)": re.match(rb"\0\0[\x01\x02]\0[^\0]", untrusted) is not None,
        "DICOM": untrusted[128:132] == b"DICM",
        "PCX": re.match(rb"\n[\0\x02\x03\x05]\x01[\x01\x02\x04\x08]", untrusted) is not None,
        "TGA": untrusted.endswith(b"TRUEVISION-XFILE.\0") or _TGA.match(untrusted) is not None,
        "an HTML page": begins.startswith((b"<!doctype html", b"<html")),
        "SVG": begins.startswith(b"<svg") or (begins.startswith(b"<?xml") and b"<svg" in begins),
    }
    by_start = (name for start, name in _UNREAD.items() if untrusted.startswith(start))
    return next(by_start, next((name for name, found in signs.items() if found), ""))


def _is_raw(untrusted: bytes) -> bool:
    """Return whether a TIFF holds what a camera's sensor measured: DNG, CR2, NEF, ARW, PEF, SRW and others."""
    if untrusted[8:10] == b"CR":
        return True  # Canon CR2
    if untrusted[2:4] not in {b"*\0", b"\0*"}:
        return False
    maker = compressed = False
    try:
        for tag, value, content in _tags(untrusted):
            if tag == _DNG_VERSION or (tag == _COLOURS and value in {_FILTER_ARRAY, _LINEAR_RAW}):
                return True
            maker |= tag == _MAKER and content.startswith(_RAW_MAKERS)
            compressed |= tag == _COMPRESSION and value in _RAW_COMPRESSIONS
    except struct.error:
        return False
    return maker and compressed


def _tags(untrusted: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield the tags of a TIFF and of its further directories: number, value, and what lies where the value points."""
    order = "<" if untrusted[:2] == b"II" else ">"
    waiting: list[int] = [struct.unpack_from(f"{order}I", untrusted, 4)[0]]
    for _ in range(_MOST_FOLDERS):
        if not waiting:
            return
        at = waiting.pop()
        (count,) = struct.unpack_from(f"{order}H", untrusted, at)
        for entry in range(at + 2, at + 2 + 12 * min(count, 200), 12):
            tag, kind, many, value = struct.unpack_from(f"{order}HHII", untrusted, entry)
            if tag == _FURTHER_FOLDERS:
                waiting += struct.unpack_from(f"{order}{min(many, 8)}I", untrusted, value) if many > 1 else (value,)
            short = struct.unpack_from(f"{order}H", untrusted, entry + 8)[0] if kind == _SHORT else value
            yield tag, short, untrusted[value : value + 20]
