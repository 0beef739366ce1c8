"""Opens pictures with Pillow, and loads them as far as they go.

This runs inside the confined process only (``decode_worker``). Each format is opened by its own Pillow class: Pillow's
other plugins are not imported.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pillow_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from lineament.vision.decode_colour import ToRGB, deepen, is_dark, to_srgb
from lineament.vision.decode_damage import (
    add_end,
    bmp_of_os2,
    ended_bitmap,
    ends_grey,
    ends_in_zeros,
    fillings,
    from_passes,
    is_cut,
    is_run_length,
    is_whole,
    padded,
    paint_after_difference,
    paint_colour,
    rows_read,
    shade_of,
)
from lineament.vision.decode_facts import ExifFacts, exif_facts
from lineament.vision.decode_formats import NotDecodedError, profile_of_jp2
from lineament.vision.decode_mpf import embedded_pictures, following_pictures
from lineament.vision.decode_protocol import (
    AVIF,
    BMP,
    GIF,
    HEIC,
    J2C,
    JP2,
    JPEG,
    JPX,
    MOST_PARTS,
    PNG,
    SMALLEST_SIDE,
    TIFF,
    WEBP,
    Status,
)

Opener = Callable[[io.BytesIO], ImageFile.ImageFile]
OPENERS: dict[int, Opener] = {
    JPEG: JpegImagePlugin.JpegImageFile,  # not the factory; the other pictures of a file are opened one by one
    PNG: PngImagePlugin.PngImageFile,
    WEBP: WebPImagePlugin.WebPImageFile,
    HEIC: pillow_heif.HeifImageFile,
    TIFF: TiffImagePlugin.TiffImageFile,
    BMP: BmpImagePlugin.BmpImageFile,
    GIF: GifImagePlugin.GifImageFile,
    JP2: Jpeg2KImagePlugin.Jpeg2KImageFile,
    JPX: Jpeg2KImagePlugin.Jpeg2KImageFile,
    J2C: Jpeg2KImagePlugin.Jpeg2KImageFile,
    AVIF: AvifImagePlugin.AvifImageFile,
}
_PADDED = frozenset({WEBP, HEIC, AVIF, JP2, JPX, J2C})
"""Formats whose libraries read a file that breaks off only if its missing end is filled in."""
_ARITHMETIC = frozenset({WEBP, HEIC, AVIF})
"""Formats whose decoders make up a picture from any bytes, also from zeros."""
_NO_TILE = (0, 136, 0)
"""The colour that libheif leaves where a tile is missing: no light and no colours in YCbCr."""
_GREY = 128
_FILLED_MODES = frozenset({"L", "RGB", "RGBA", "RGBX", "LA", "CMYK", "YCbCr"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loaded:
    """A picture with its pixels."""

    image: Image.Image
    facts: ExifFacts
    incomplete: bool = False
    missing: float = -1.0  # share, or negative if it is not known
    to_rgb: ToRGB | None = None  # if the pixels are not described by the image itself


class OpenedFile(Protocol):
    """The pictures of a file, as a library opens them."""

    count: int
    animated: bool

    def size(self, index: int) -> tuple[int, int]:
        """Return the size of the picture at ``index``, from 0, before it is decoded."""

    def load(self, index: int) -> Loaded:
        """Decode the picture at ``index``."""

    def duration(self, index: int) -> float:
        """Return how long the loaded frame at ``index`` is shown, in milliseconds; 0 if that is not stated."""


def set_up(max_pixels: int) -> None:
    """Set Pillow's own limits, as a second line of defence."""
    Image.MAX_IMAGE_PIXELS = max_pixels
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.AUX_IMAGES = False


# ---------------------------------------------------------------- JPEG


class JpegFile:
    """A JPEG, and the other full pictures of a file in the multi-picture format (CIPA DC-007)."""

    animated = False

    def __init__(self, untrusted: bytes) -> None:
        self._main, self._incomplete = add_end(untrusted)
        opened = JpegImagePlugin.JpegImageFile(io.BytesIO(self._main))
        self._opened: ImageFile.ImageFile | None = opened
        if "mp" in opened.info:
            self._others = embedded_pictures(opened, untrusted)
        else:
            self._others = [] if self._incomplete else following_pictures(opened, untrusted)
        self.count = 1 + len(self._others)

    def size(self, index: int) -> tuple[int, int]:
        """Return the size of the picture at ``index`` as its header states it."""
        if index:
            return JpegImagePlugin.JpegImageFile(io.BytesIO(self._others[index - 1])).size
        image = self._opened or JpegImagePlugin.JpegImageFile(io.BytesIO(self._main))
        return image.size

    def load(self, index: int) -> Loaded:
        """Decode the picture at ``index`` as far as it goes."""
        if index:
            return _load_jpeg(*add_end(self._others[index - 1]), None)
        opened, self._opened = self._opened, None
        return _load_jpeg(self._main, self._incomplete, opened)

    def duration(self, index: int) -> float:  # noqa: ARG002 - it is no animation
        """Return how long a frame is shown, in milliseconds; 0 if that is not stated."""
        return 0.0


def _load_jpeg(data: bytes, incomplete: bool, opened: ImageFile.ImageFile | None) -> Loaded:
    """Decode a JPEG as far as it goes; ``incomplete``: its end marker was missing and is added."""
    image: Image.Image = opened or JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    missing = 0.0 if incomplete and not image.info.get("progressive") else -1.0
    if _loaded(lambda: image) is None:
        image = _load_damaged(JpegImagePlugin.JpegImageFile(io.BytesIO(data)))
        incomplete, missing = True, -1.0
    if incomplete or (ends_grey(image) and not is_whole(data, image)):
        incomplete = True
        read = rows_read(image, _GREY, tolerance=1)
        if read < SMALLEST_SIDE:
            raise NotDecodedError(Status.TRUNCATED)
        missing = 1 - read / image.height if read < image.height else missing
    facts = exif_facts(image)
    convert = None
    if image.mode == "CMYK" and "adobe" not in image.info:
        convert = to_srgb(image, inks_inverted=True)
    return Loaded(image=image, facts=facts, incomplete=incomplete, missing=missing, to_rgb=convert)


# ---------------------------------------------------------------- the other formats


class PagedFile:
    """A file that one Pillow class opens, and whose further pictures it seeks."""

    def __init__(self, untrusted: bytes, media: int) -> None:
        self._media = media
        self._data, self._cut = bmp_of_os2(untrusted) if media == BMP else untrusted, False
        self._broken_off = b""  # the file before its missing end was filled in
        self._filling = 0  # how that was done
        try:
            self._image = self._opened()
        except MemoryError:
            raise
        except Exception as error:
            if media not in _PADDED or not is_cut(untrusted, media) or "memory" in str(error):
                raise
            self._pad()
            self._image = self._opened()
        self._indices, self.animated = self._survey()
        self.count = len(self._indices)

    def _pad(self) -> None:
        self._broken_off, self._cut = self._data, True
        self._data = padded(self._data, self._media)

    def _opened(self) -> ImageFile.ImageFile:
        return OPENERS[self._media](io.BytesIO(self._data))

    def _survey(self) -> tuple[list[int], bool]:
        """Return where the pictures of the file are, the first as older versions read it, and if it is an animation."""
        image = self._image
        if self._media == HEIC:
            first = image.tell()
            return [first, *(at for at in range(min(_frames(image), MOST_PARTS)) if at != first)], False
        many = 1
        if self._media == GIF:
            many = _frames_of_gif(image, self._data)
        elif self._media in {PNG, WEBP, AVIF}:
            many = _frames(image)
        return list(range(min(many, MOST_PARTS))), many > 1

    def size(self, index: int) -> tuple[int, int]:
        """Return the size of the picture at ``index`` as its header states it."""
        self._seek(index)
        return self._image.size

    def load(self, index: int) -> Loaded:
        """Decode the picture at ``index`` as far as it goes."""
        if self.count > 1:
            self._seek(index)
        image: Image.Image = self._image
        incomplete, missing = False, -1.0
        if _loaded(lambda: self._image) is None:
            image, missing = self._load_damaged(index)
            incomplete = True
        if self._cut and not incomplete:
            incomplete = True
            missing = self._paint_missing(image, index)
        elif not incomplete and self._media in _ARITHMETIC and ends_in_zeros(self._data):
            # The end may never have been written. If other bytes in its place change nothing, it is as it should be.
            self._broken_off = self._data.rstrip(b"\0")
            missing = self._paint_missing(image, index)
            incomplete, missing = (
                (True, missing) if missing else (False, -1.0)
            )  # negative: one decodes, the other does not
        elif not incomplete and index == self.count - 1 and is_cut(self._data, self._media, only_ends=True):
            incomplete = True
            if self._media in _ARITHMETIC:  # a grid of tiles is no error if some of them are missing
                image, missing = self._load_damaged(index)
        facts = exif_facts(image)
        if self._media in {JP2, JPX} and (profile := profile_of_jp2(self._data)):
            image.info["icc_profile"] = profile
        return Loaded(image=self._deepened(image, index), facts=facts, incomplete=incomplete, missing=missing)

    def duration(self, index: int) -> float:  # noqa: ARG002 - of the frame that was loaded last
        """Return how long a frame is shown, in milliseconds; 0 if that is not stated."""
        stated = self._image.info.get("duration", 0)
        return float(stated) if isinstance(stated, int | float) else 0.0

    def _seek(self, index: int) -> None:
        if self.count > 1 and self._indices[index] != self._image.tell():
            self._image.seek(self._indices[index])

    def _again(self, index: int) -> ImageFile.ImageFile:
        image = self._opened()
        if self.count > 1:
            image.seek(self._indices[index])
        return image

    def _load_damaged(self, index: int) -> tuple[Image.Image, float]:
        """Decode a picture as far as it goes; return it with the share that is missing, negative if unknown."""
        if self._media in _PADDED:
            if not self._cut:
                if not is_cut(self._data, self._media):
                    raise NotDecodedError(Status.DAMAGED)
                self._pad()
            whole = self._filled_in(index)
            return whole, self._paint_missing(whole, index)
        if self._media == BMP and is_run_length(self._data):
            self._data = ended_bitmap(self._data)
            rows = self._again(index)
            rows.load()
            return rows, -1.0
        again = self._again(index)
        interlaced = _is_interlaced(again)
        image = _load_damaged(again)
        if self.animated:
            return image, -1.0
        fill = _GREY if image.mode in _FILLED_MODES else 0
        if interlaced:
            image = from_passes(image, fill)
        read = rows_read(image, fill)
        if read < SMALLEST_SIDE:
            raise NotDecodedError(Status.TRUNCATED if is_cut(self._data, self._media) else Status.DAMAGED)
        return image, 1 - read / image.height if read < image.height else -1.0

    def _filled_in(self, index: int) -> Image.Image:
        """Decode a picture of a file that breaks off, with the first filling that its library takes."""
        for filling in range(fillings(self._media)):
            self._data = padded(self._broken_off, self._media, filling)
            if (whole := _loaded(lambda: self._again(index))) is not None:
                self._filling = filling
                return whole
        raise NotDecodedError(Status.TRUNCATED)

    def _paint_missing(self, image: Image.Image, index: int) -> float:
        """Paint grey what the filled-in end of a file made; return the share that is missing, negative if unknown."""
        if self._media in {JP2, JPX, J2C}:
            return -1.0
        kept, other = self._data, None
        for filling in range(fillings(self._media) - 1, -1, -1):
            if other is None and filling != self._filling:
                self._data = padded(self._broken_off, self._media, filling)
                other = _loaded(lambda: self._again(index))
        self._data = kept
        if other is None:  # all that is known is that it ends
            return -1.0
        read = paint_after_difference(image, other, _GREY)
        if read < SMALLEST_SIDE:
            raise NotDecodedError(Status.TRUNCATED)
        without_data = paint_colour(image, _NO_TILE, _GREY) if self._media == HEIC else 0.0
        return max(1 - read / image.height, without_data)

    def _deepened(self, image: Image.Image, index: int) -> Image.Image:
        """Return a picture of 16 bits a colour in eight, also if it uses fewer than 16."""
        if self._media not in {PNG, TIFF} or image.mode not in {"RGB", "RGBA", "RGBX", "LA"} or not is_dark(image):
            return image
        low = self._again(index)
        if not _read_lower_bytes(low):
            return image
        try:
            low.load()
        except Exception:  # noqa: BLE001 - it is damaged, and dark
            return image
        return deepen(image, low)


def _loaded(opened: Callable[[], Image.Image]) -> Image.Image | None:
    """Return an image that is decoded whole, None if it cannot be. Raises MemoryError."""
    try:
        image = opened()
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - decoders raise anything over hostile bytes
        if "memory" in str(error):
            raise MemoryError from None
        return None
    return image


def _load_damaged(image: ImageFile.ImageFile) -> Image.Image:
    """Load a picture as far as its data go; the rest keeps the grey that it is filled with first."""
    if image.mode in _FILLED_MODES:
        image.im = Image.new(image.mode, image.size, shade_of(image, _GREY)).im
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        image.load()
    except OSError:
        if image.tile:  # nothing was decoded
            raise
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    image.load()
    return image


def _is_interlaced(image: ImageFile.ImageFile) -> bool:
    if image.info.get("interlace"):  # PNG
        return True
    return any(tile.codec_name == "gif" and isinstance(tile.args, tuple) and tile.args[1] for tile in image.tile)


def _frames(image: ImageFile.ImageFile) -> int:
    return int(getattr(image, "n_frames", 1))


def _frames_of_gif(image: ImageFile.ImageFile, untrusted: bytes) -> int:
    stated = untrusted.count(b"\x21\xf9\x04")
    if stated > MOST_PARTS:
        return stated
    try:
        return _frames(image)
    except Exception:  # noqa: BLE001 - it breaks off within a frame
        image.seek(0)
        return max(1, stated)


def _read_lower_bytes(image: ImageFile.ImageFile) -> bool:
    """Make a picture of 16 bits a colour load the lower bytes instead of the upper; return whether it is one."""
    swapped = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B"}
    tiles = []
    for tile in image.tile:
        args = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        mode = args[0] if args and isinstance(args[0], str) else ""
        if mode[-4:] not in swapped:
            return False
        lower = (mode[:-4] + swapped[mode[-4:]], *args[1:])
        tiles.append(tile._replace(args=lower if isinstance(tile.args, tuple) else lower[0]))
    image.tile = tiles
    return bool(tiles)
