"""JPEG XL, camera RAW, and large WebP: Pillow needs 16 bytes for each pixel of a WebP.

This runs inside the confined process for rare formats only (``decode_worker``). Its libraries need NumPy, and are
large: the workers that read ordinary pictures do without them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import imagecodecs
import numpy as np
import rawpy
from numpy.typing import NDArray
from PIL import Image, ImageFile, JpegImagePlugin

from lineament.vision.decode_colour import white_of
from lineament.vision.decode_damage import add_end
from lineament.vision.decode_facts import ExifFacts, exif_facts
from lineament.vision.decode_formats import JPEG_LS, NotDecodedError, box_size, frame_of_jpeg, size_of_webp
from lineament.vision.decode_jxl import JxlPictures, decode_jxl
from lineament.vision.decode_libtiff import read_page
from lineament.vision.decode_pillow import Loaded, OpenedFile
from lineament.vision.decode_protocol import JPEG, JXL, RAW, SMALLEST_SIDE, TIFF, WEBP, Status
from lineament.vision.decode_read import SizeCheck
from lineament.vision.decode_tiff import TiffFile

_PREVIEW_SHARE = 0.9
"""A preview is taken instead of the sensor's values if it is at least so long as the picture, as a share."""
_CONTAINER = b"\0\0\0\x0cJXL "
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_WHITE_RAW = 0.01  # share of the brightest pixels that may become white


def warm() -> None:
    """Load now what the libraries would load later, when no file can be opened."""
    tiny = imagecodecs.jpegxl_encode(np.zeros((8, 8, 3), np.uint8))
    with suppress(NotDecodedError):
        decode_jxl(bytes(tiny))
    imagecodecs.webp_decode(imagecodecs.webp_encode(np.zeros((8, 8, 3), np.uint8)))
    scan = io.BytesIO()
    Image.new("L", (8, 8)).save(scan, "TIFF")
    imagecodecs.tiff_decode(bytearray(scan.getvalue()))
    imagecodecs.tiff_decode(scan.getvalue(), asrgb=True)
    imagecodecs.jpeg_decode(imagecodecs.jpeg_encode(np.zeros((8, 8, 3), np.uint8)))
    imagecodecs.jpegls_decode(imagecodecs.jpegls_encode(np.zeros((8, 8), np.uint8)))
    rawpy.RawPy().close()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8))


def open_rare(untrusted: bytes, media: int, check_size: SizeCheck) -> OpenedFile:
    """Open a file of a format in ``RARE``, or a large WebP. Raises NotDecodedError, or whatever its library raises.

    ``check_size`` is called with the size of an animation before it is decoded.
    """
    if media == JXL:
        return _JpegXl(untrusted, check_size)
    if media == TIFF:
        return TiffFile(untrusted, read_page)
    kinds: dict[int, type[_Raw | _LargeWebP | _UnusualJpeg]] = {RAW: _Raw, WEBP: _LargeWebP, JPEG: _UnusualJpeg}
    return kinds[media](untrusted)


class _JpegXl:
    """A JPEG XL; the frames of an animation are decoded together."""

    def __init__(self, untrusted: bytes, check_size: SizeCheck) -> None:
        self._untrusted = untrusted
        self._size, self.animated = _header(_codestream(untrusted))
        self._pictures: JxlPictures | None = None
        self.count = 1
        if self.animated:
            check_size(self._size)  # how many frames there are is known only once all are decoded
            self.count = len(self._decoded().frames)
            self.animated = self.count > 1

    def size(self, index: int) -> tuple[int, int]:  # noqa: ARG002 - all frames have the same
        return self._size

    def load(self, index: int) -> Loaded:
        decoded = self._decoded()
        image = Image.fromarray(_without_axis(_in_eight_bits(decoded.frames[index])))
        if decoded.profile:
            image.info["icc_profile"] = decoded.profile
        # The decoder has turned the picture, whatever the EXIF says.
        facts = _exif_of_jxl(self._untrusted)._replace(orientation=1)
        return Loaded(image=image, facts=facts, incomplete=decoded.incomplete and index == self.count - 1)

    def duration(self, index: int) -> float:
        return self._decoded().milliseconds[index]

    def _decoded(self) -> JxlPictures:
        if self._pictures is None:
            self._pictures = decode_jxl(self._untrusted)
        return self._pictures


def _without_axis(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey values without the axis of their only colour."""
    return values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values


def _in_eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    if values.dtype.kind == "f":
        shares: NDArray[np.float64] = np.clip(np.nan_to_num(values.astype(np.float64)), 0, 1)
        return np.rint(shares * 255).astype(np.uint8)
    highest = int(values.max()) if values.size else 0
    return (values.astype(np.float32) * (255 / white_of(highest, 16)) + 0.5).astype(np.uint8)


def _boxes(untrusted: bytes) -> list[tuple[bytes, bytes]]:
    """Return the boxes of a JPEG XL container (ISO/IEC 18181-2)."""
    found: list[tuple[bytes, bytes]] = []
    at = 0
    while at + 8 <= len(untrusted) and len(found) < 1000:
        size = box_size(untrusted, at)
        head = 8
        if size == 1:
            size, head = int.from_bytes(untrusted[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = len(untrusted) - at
        if size < head:
            break
        found.append((untrusted[at + 4 : at + 8], untrusted[at + head : at + size]))
        at += size
    return found


def _codestream(untrusted: bytes) -> bytes:
    """Return the beginning of the codestream."""
    if not untrusted.startswith(_CONTAINER):
        return untrusted[:64]
    for name, content in _boxes(untrusted):
        if name == b"jxlc":
            return content[:64]
        if name == b"jxlp":
            return content[4:68]
    raise NotDecodedError(Status.TRUNCATED, JXL)


class _Bits:
    """Reads bits, the least significant first."""

    def __init__(self, content: bytes) -> None:
        self._value, self._left = int.from_bytes(content, "little"), 8 * len(content)

    def take(self, count: int) -> int:
        if count > self._left:
            raise NotDecodedError(Status.TRUNCATED, JXL)
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return taken

    def chosen(self, *choices: tuple[int, int]) -> int:
        """Return a number of which two bits choose offset and bits."""
        offset, count = choices[self.take(2)]
        return offset + self.take(count)


def _header(codestream: bytes) -> tuple[tuple[int, int], bool]:
    """Return the size that a codestream states, and whether it may be an animation (ISO/IEC 18181-1, D.2 and D.3)."""
    if codestream[:2] != b"\xff\x0a":
        raise NotDecodedError(Status.DAMAGED, JXL)
    bits = _Bits(codestream[2:])
    size = _size(bits)
    animated = False
    if not bits.take(1) and bits.take(1):  # not all defaults, and extra fields
        bits.take(3)  # orientation
        if bits.take(1):  # intrinsic size
            _size(bits)
        if bits.take(1):  # preview
            _preview(bits)
        animated = bool(bits.take(1))
    return size, animated


def _size(bits: _Bits) -> tuple[int, int]:
    wide = ((1, 9), (1, 13), (1, 18), (1, 30))
    small = bits.take(1)
    height = 8 * (1 + bits.take(5)) if small else bits.chosen(*wide)
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        return height * across // down, height
    return (8 * (1 + bits.take(5)) if small else bits.chosen(*wide)), height


def _preview(bits: _Bits) -> None:
    by_eight = bits.take(1)
    sizes = ((16, 0), (32, 0), (1, 5), (33, 9)) if by_eight else ((1, 6), (65, 8), (321, 10), (1345, 12))
    bits.chosen(*sizes)
    if not bits.take(3):
        bits.chosen(*sizes)


def _exif_of_jxl(untrusted: bytes) -> ExifFacts:
    for name, content in _boxes(untrusted) if untrusted.startswith(_CONTAINER) else ():
        if name == b"Exif":
            holder = Image.new("L", (1, 1))
            holder.info["exif"] = b"Exif\0\0" + content[4 + int.from_bytes(content[:4], "big") :]
            return exif_facts(holder)
    return ExifFacts()


class _LargeWebP:
    """A large WebP; it is no animation."""

    count = 1
    animated = False

    def __init__(self, untrusted: bytes) -> None:
        self._untrusted = untrusted

    def size(self, index: int) -> tuple[int, int]:  # noqa: ARG002 - there is one
        return size_of_webp(self._untrusted) or (0, 0)

    def load(self, index: int) -> Loaded:  # noqa: ARG002 - there is one
        image = Image.fromarray(imagecodecs.webp_decode(self._untrusted))
        for name, content in _chunks(self._untrusted):
            if name == b"ICCP":
                image.info["icc_profile"] = content
            elif name == b"EXIF":
                image.info["exif"] = content
        return Loaded(image=image, facts=exif_facts(image))

    def duration(self, index: int) -> float:  # noqa: ARG002 - it is no animation
        return 0.0


class _UnusualJpeg:
    """A JPEG in arithmetic coding, of more than eight bits, or JPEG-LS."""

    count = 1
    animated = False

    def __init__(self, untrusted: bytes) -> None:
        frame = frame_of_jpeg(untrusted)
        if frame is None:
            raise NotDecodedError(Status.DAMAGED, JPEG)
        self._untrusted, self._frame = untrusted, frame

    def size(self, index: int) -> tuple[int, int]:  # noqa: ARG002 - there is one
        return self._frame.width, self._frame.height

    def load(self, index: int) -> Loaded:  # noqa: ARG002 - there is one
        if self._frame.process == JPEG_LS:
            return Loaded(
                image=Image.fromarray(_in_eight_bits(imagecodecs.jpegls_decode(self._untrusted))), facts=ExifFacts()
            )
        whole, incomplete = add_end(self._untrusted)
        opened = self._opened()
        image = Image.fromarray(_in_eight_bits(imagecodecs.jpeg_decode(whole)))
        if opened is None:
            return Loaded(image=image, facts=ExifFacts(), incomplete=incomplete)
        if "icc_profile" in opened.info:
            image.info["icc_profile"] = opened.info["icc_profile"]
        return Loaded(image=image, facts=exif_facts(opened), incomplete=incomplete)

    def duration(self, index: int) -> float:  # noqa: ARG002 - it is no animation
        return 0.0

    def _opened(self) -> ImageFile.ImageFile | None:
        """Return the file with what its headers say; Pillow does not open all kinds."""
        try:
            return JpegImagePlugin.JpegImageFile(io.BytesIO(self._untrusted))
        except Exception:  # noqa: BLE001 - its pixels are read without it
            return None


def _chunks(untrusted: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of a RIFF file."""
    at = 12
    while at + 8 <= len(untrusted):
        size = int.from_bytes(untrusted[at + 4 : at + 8], "little")
        yield untrusted[at : at + 4], untrusted[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


class _Raw:
    """What a camera's sensor measured: its full-size preview, or else the values themselves, developed plainly."""

    count = 1
    animated = False

    def __init__(self, untrusted: bytes) -> None:
        self._raw = rawpy.imread(io.BytesIO(untrusted))
        self._untrusted = untrusted

    def size(self, index: int) -> tuple[int, int]:  # noqa: ARG002 - there is one
        sizes = self._raw.sizes
        return sizes.iwidth, sizes.iheight

    def load(self, index: int) -> Loaded:
        turn = {3: 3, 5: 8, 6: 6}.get(self._raw.sizes.flip, 1)  # developing changes what it says
        preview = self._preview()
        developed = None
        if preview is None or max(preview.size) < _PREVIEW_SHARE * max(self.size(index)):
            developed = self._developed()
        facts = self._facts(preview)
        if developed is not None:
            return Loaded(image=developed, facts=facts._replace(orientation=turn))
        if preview is None:
            raise NotDecodedError(Status.VARIANT, RAW)
        stated = facts.orientation if facts.orientation != 1 else turn
        return Loaded(image=preview, facts=facts._replace(orientation=stated))

    def _developed(self) -> Image.Image | None:
        """Return the sensor's values as a picture; None if they are stored in a way that LibRaw does not read."""
        try:
            values = self._raw.postprocess(
                use_camera_wb=True, output_bps=8, user_flip=0, demosaic_algorithm=rawpy.DemosaicAlgorithm.LINEAR
            )
        except rawpy.LibRawError:
            return None
        return Image.fromarray(values)

    def duration(self, index: int) -> float:  # noqa: ARG002 - it is no animation
        return 0.0

    def _preview(self) -> ImageFile.ImageFile | None:
        """Return the JPEG embedded in the file."""
        try:
            thumbnail = self._raw.extract_thumb()
            if thumbnail.format != rawpy.ThumbFormat.JPEG:
                return None
            image = JpegImagePlugin.JpegImageFile(io.BytesIO(bytes(thumbnail.data)))
            if min(image.size) < SMALLEST_SIDE:
                return None
            image.load()
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - without a preview there are still the sensor's values
            return None
        return image

    def _facts(self, preview: ImageFile.ImageFile | None) -> ExifFacts:
        if preview is not None and (facts := exif_facts(preview)).at:
            return facts
        if self._untrusted[:2] not in {b"II", b"MM"}:
            return ExifFacts()
        holder = Image.new("L", (1, 1))
        order = b"II*\0" if self._untrusted[:2] == b"II" else b"MM\0*"
        holder.info["exif"] = b"Exif\0\0" + order + self._untrusted[4:]
        return exif_facts(holder)._replace(orientation=1)
