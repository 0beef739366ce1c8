"""Pictures that break off: whether they do, what is there, and filling in the rest.

This runs inside the confined process only (``decode_worker``).
"""

from __future__ import annotations

import io

from PIL import Image, ImageChops, JpegImagePlugin

from lineament.vision.decode_formats import boxes, is_animated_webp
from lineament.vision.decode_protocol import AVIF, BMP, GIF, HEIC, J2C, JP2, JPEG, JPX, PNG, TIFF, WEBP

_END = b"\xff\xd9"
_NOISE = bytes(step * 89 % 251 for step in range(1, 500))  # without the byte FF, which would be a marker
_AVIF_FILLINGS = tuple(bytes((filling,)) for filling in b"\x80\xff\x00\x40\x55\x01\xaa\x7f\x33\x10\xcc\x08\xe7\x02")
"""Its decoder checks the last bits, so that about half of all fillings are refused."""
_BIG = (b"+\0", b"\0+")
_PNG_END = b"IEND\xaeB`\x82"
_GIF_TRAILER, _GIF_EXTENSION, _GIF_IMAGE = 0x3B, 0x21, 0x2C
_MOST_PADDED = 2**28
_ZEROS = bytes(1024)
_STRIP = 2**22  # pixels looked at together
_BMP_HEADER = 40


def add_end(untrusted: bytes) -> tuple[bytes, bool]:
    """Return a JPEG with an end marker, and whether it had to be added."""
    if untrusted.endswith(_END) or untrusted.find(_END, scan_start(untrusted)) >= 0:
        return untrusted, False
    # A download that was interrupted may have been filled with zeros, which would be decoded as data.
    return (untrusted.rstrip(b"\0") if ends_in_zeros(untrusted) else untrusted).rstrip(b"\xff") + _END, True


def jpeg_end(untrusted: bytes) -> int:
    """Return where the first picture of a JPEG ends; -1 if it has no end marker."""
    at = untrusted.find(_END, scan_start(untrusted))
    return at + len(_END) if at >= 0 else -1


def ends_in_zeros(untrusted: bytes) -> bool:
    """Return whether so many zeros end a file that its end may never have been written."""
    return untrusted.endswith(_ZEROS)


def scan_start(untrusted: bytes) -> int:
    """Return where the first scan of a JPEG begins: after its headers, which may hold a thumbnail with its own end."""
    at = 2
    while untrusted[at : at + 1] == b"\xff" and at + 1 < len(untrusted) and untrusted[at + 1] != 0xDA:
        at += 1 if untrusted[at + 1] == 0xFF else 2 + int.from_bytes(untrusted[at + 2 : at + 4], "big")
    return at


def ends_grey(image: Image.Image) -> bool:
    """Return whether the last pixel has the grey that libjpeg fills in for missing data."""
    last = image.getpixel((image.width - 1, image.height - 1))
    return set(last if isinstance(last, tuple) else (last,)) <= {127, 128}


def is_whole(jpeg: bytes, image: Image.Image) -> bool:
    """Return whether a JPEG has the data for all of its pixels.

    Where the end marker comes too early, libjpeg fills in grey and says nothing that Pillow passes on. So noise is put
    before the end marker: a whole picture does not change, one that breaks off takes the noise for its missing part.
    """
    end = jpeg.find(_END, scan_start(jpeg))
    if end < 0:
        return True
    again = JpegImagePlugin.JpegImageFile(io.BytesIO(jpeg[:end] + _NOISE + jpeg[end:]))
    again.load()
    return ImageChops.difference(again, image).getbbox() is None


def rows_read(image: Image.Image, fill: int, *, tolerance: int = 0) -> int:
    """Return how many rows hold more than the value that missing ones are filled with, at the bottom or at the top."""
    width, height = image.size
    step = max(1, _STRIP // width)
    below = height
    while below > 0:
        above = max(0, below - step)
        last = _last_row(image.crop((0, above, width, below)), fill, tolerance)
        if last is not None:
            below = above + last + 1
            break
        below = above
    above = 0
    while below == height and above < height:
        strip = image.crop((0, above, width, min(height, above + step)))
        last = _last_row(strip.transpose(Image.Transpose.FLIP_TOP_BOTTOM), fill, tolerance)
        if last is not None:
            above += strip.height - last - 1
            break
        above += strip.height
    return max(0, below - above)


def from_passes(image: Image.Image, fill: int) -> Image.Image:
    """Return an interlaced picture that breaks off as its complete passes show it: less sharp, but without gaps."""
    for step in (2, 4, 8):
        size = (-(-image.width // step), -(-image.height // step))
        corner = 0.5 - step / 2  # so that the first pixel of each square is taken
        passes = image.transform(size, Image.Transform.AFFINE, (step, 0, corner, 0, step, corner))
        if rows_read(passes, fill) == passes.height:
            coloured = passes.convert("RGB") if passes.mode == "P" else passes
            return coloured.resize(image.size, Image.Resampling.BILINEAR)
    return image


def _last_row(strip: Image.Image, fill: int, tolerance: int) -> int | None:
    """Return the last row of a strip that is not filled; None if all of them are."""
    if strip.mode in {"LA", "RGBA", "RGBX"}:
        strip = strip.convert("L" if strip.mode == "LA" else "RGB")
    if strip.mode in {"L", "RGB", "CMYK", "YCbCr"}:
        # libjpeg's grey is 127 or 128 by rounding, also in CMYK and inverted
        low, high = fill - tolerance, fill + tolerance
        table = [0 if low <= value <= high else 255 for value in range(256)] * len(strip.getbands())
        strip = strip.point(table)
    box = strip.getbbox(alpha_only=False)
    return None if box is None else box[3] - 1


def shade_of(image: Image.Image, grey: int) -> int | tuple[int, ...]:
    """Return an opaque grey in the mode of a picture."""
    shade = tuple(255 if band == "A" else grey for band in image.getbands())
    return shade if len(shade) > 1 else shade[0]


def paint_after_difference(image: Image.Image, other: Image.Image, grey: int) -> int:
    """Paint grey all rows from the first that differs from ``other``; return how many are left.

    The two are one file whose missing end was filled in differently.
    """
    if image.size != other.size or image.mode != other.mode:
        return 0
    width, height = image.size
    step = max(1, _STRIP // width)
    for above in range(0, height, step):
        box = (0, above, width, min(height, above + step))
        found = ImageChops.difference(image.crop(box), other.crop(box)).getbbox(alpha_only=False)
        if found is not None:
            first = above + found[1]
            image.paste(shade_of(image, grey), (0, first, width, height))
            return first
    return height


def paint_colour(image: Image.Image, colour: tuple[int, int, int], grey: int) -> float:
    """Paint grey all pixels of exactly one colour; return their share."""
    if image.mode not in {"RGB", "RGBA"}:
        return 0.0
    found = 0
    step = max(1, _STRIP // image.width)
    for above in range(0, image.height, step):
        strip = image.crop((0, above, image.width, min(image.height, above + step)))
        masks = [
            band.point([255 * (value == wanted) for value in range(256)])
            for band, wanted in zip(strip.split()[:3], colour, strict=True)
        ]
        mask = ImageChops.darker(ImageChops.darker(masks[0], masks[1]), masks[2])
        if (many := mask.histogram()[255]) > 0:
            found += many
            strip.paste((grey, grey, grey), mask=mask)
            image.paste(strip, (0, above))
    return found / (image.width * image.height)


def is_cut(untrusted: bytes, media: int, *, only_ends: bool = False) -> bool:
    """Return whether the bytes end before the end that the format states.

    ``only_ends``: look only at what costs nothing, for pictures that were decoded without complaint.
    """
    if media == JPEG:
        return untrusted.find(_END, scan_start(untrusted)) < 0
    if media == PNG:
        return not untrusted.endswith(_PNG_END) and _PNG_END not in untrusted
    if media == GIF:
        return not _gif_ends(untrusted)
    if media in {JP2, JPX, J2C}:
        return not (untrusted.rstrip(b"\0").endswith(_END) or _tiles_end(untrusted))
    if only_ends and media == BMP:  # programs write any size
        return False
    return len(untrusted) < _declared(untrusted, media)


def _gif_ends(untrusted: bytes) -> bool:
    """Return whether a GIF has its trailer after its last block."""
    at = 13 + _table_bytes(untrusted[10:11])
    while at < len(untrusted) and untrusted[at] != _GIF_TRAILER:
        if untrusted[at] == _GIF_EXTENSION:
            at += 2
        elif untrusted[at] == _GIF_IMAGE:
            at += 11 + _table_bytes(untrusted[at + 9 : at + 10])
        else:
            return True  # something else follows, and readers stop there too
        while at < len(untrusted) and untrusted[at]:
            at += 1 + untrusted[at]
        at += 1
    return at < len(untrusted)


def _table_bytes(flags: bytes) -> int:
    return 3 * 2 ** ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _declared(untrusted: bytes, media: int) -> int:
    """Return the size that the headers of a file state; 0 if they state none."""
    if media == WEBP:
        return 8 + int.from_bytes(untrusted[4:8], "little")
    if media == BMP:
        return int.from_bytes(untrusted[2:6], "little")
    if media == TIFF:  # where its directory begins
        order, at = (
            ("little" if untrusted[:2] == b"II" else "big"),
            slice(8, 16) if untrusted[2:4] in _BIG else slice(4, 8),
        )
        return int.from_bytes(untrusted[at], order) + 2  # type: ignore[arg-type]
    return _boxes_end(untrusted) if media in {HEIC, AVIF} else 0


def fillings(media: int) -> int:
    """Return in how many ways the missing end of a file can be filled in."""
    return len(_AVIF_FILLINGS) if media == AVIF else 2


def padded(untrusted: bytes, media: int, filling: int = 0) -> bytes:
    """Return a file that breaks off with its missing end filled in, in one of several ways.

    Arithmetic decoders read on over whatever follows, so everything before the break is decoded as it was meant.
    """
    if media in {JP2, JPX, J2C}:  # a zero byte is an empty packet: the picture stays as sharp as it was so far
        return _with_open_tile(untrusted)
    if media == WEBP and is_animated_webp(untrusted):
        untrusted = _with_last_frame(untrusted)
    missing = max(0, min(_MOST_PADDED, _declared(untrusted, media)) - len(untrusted))
    if media == AVIF:
        return untrusted + _AVIF_FILLINGS[filling] * missing
    return untrusted + ((_NOISE * (missing // len(_NOISE) + 1))[:missing] if filling else bytes(missing))


def _with_open_tile(untrusted: bytes) -> bytes:
    """Return a JPEG 2000 that breaks off with its last tile-part as long as it is, and an end marker."""
    stream = untrusted.find(b"\xff\x4f\xff\x51")
    at = untrusted.find(b"\xff\x90\x00\x0a", max(0, stream))
    last = -1
    while at >= 0 and at + 12 <= len(untrusted):
        last = at
        length = int.from_bytes(untrusted[at + 6 : at + 10], "big")
        if length < 14:
            break
        at = at + length if untrusted[at + length : at + length + 2] == b"\xff\x90" else -1
    if stream < 0 or last < 0:
        return untrusted
    length = int.from_bytes(untrusted[last + 6 : last + 10], "big")
    end = min(_MOST_PADDED, last + length)
    return untrusted[:end] + bytes(max(0, end - len(untrusted))) + _END


def _with_last_frame(untrusted: bytes) -> bytes:
    """Return an animated WebP that ends with the frame in which it breaks off; all that it states must be there."""
    at = 12
    while at + 8 <= len(untrusted):
        at += 8 + (int.from_bytes(untrusted[at + 4 : at + 8], "little") + 1) // 2 * 2
    if at > len(untrusted) - 8:  # otherwise not even the size of the last frame is there
        untrusted = untrusted[: max(at, 12)]
    return untrusted[:4] + min(2**32 - 1, at - 8).to_bytes(4, "little") + untrusted[8:]


def _tiles_end(untrusted: bytes) -> bool:
    """Return whether the end marker of a JPEG 2000 follows its last tile-part."""
    at = untrusted.find(b"\xff\x90\x00\x0a", max(0, untrusted.find(b"\xff\x4f\xff\x51")))
    while at >= 0 and untrusted[at : at + 2] == b"\xff\x90":
        length = int.from_bytes(untrusted[at + 6 : at + 10], "big")
        if length < 14:  # it goes on to the end of the file
            return False
        at += length
    return at >= 0 and untrusted[at : at + 2] == _END


def _boxes_end(untrusted: bytes) -> int:
    return max((part.end for part in boxes(untrusted, 0, len(untrusted))), default=0)


def is_run_length(bitmap: bytes) -> bool:
    """Return whether the rows of a Windows bitmap are run-length coded."""
    return int.from_bytes(bitmap[14:18], "little") >= _BMP_HEADER and bitmap[30:34] in {b"\1\0\0\0", b"\2\0\0\0"}


def ended_bitmap(untrusted: bytes) -> bytes:
    """Return a run-length coded bitmap with empty rows behind its end, in place of those that are missing."""
    width, height = (abs(int.from_bytes(untrusted[at : at + 4], "little", signed=True)) for at in (18, 22))
    row = b"\xff\0" * (min(width, 2**16) // 255 + 1) + bytes(2)
    start = int.from_bytes(untrusted[10:14], "little")
    return untrusted + bytes(max(0, len(untrusted) - start) % 2) + row * min(height, 2**16) + row * 2


def bmp_of_os2(untrusted: bytes) -> bytes:
    """Return a bitmap of OS/2 2 with the header of Windows, which is its first 40 bytes."""
    size = int.from_bytes(untrusted[14:18], "little")
    if size not in {16, 64}:
        return untrusted
    header = untrusted[18 : 14 + min(size, _BMP_HEADER)].ljust(_BMP_HEADER - 4, b"\0")
    rest = untrusted[14 + size :]
    offset = int.from_bytes(untrusted[10:14], "little") - size + _BMP_HEADER
    return untrusted[:10] + (offset % 2**32).to_bytes(4, "little") + _BMP_HEADER.to_bytes(4, "little") + header + rest
