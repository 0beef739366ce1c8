"""Untrusted bytes to pictures, with Pillow. This runs inside the confined process only (``decode_worker``).

Each format is opened by its own Pillow class, chosen by the first bytes: Pillow's other plugins are not imported. A
file may hold several pictures: pages, or the frames of an animation.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
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
    ends_grey,
    from_passes,
    is_cut,
    is_whole,
    padded,
    paint_after_difference,
    rows_read,
)
from lineament.vision.decode_facts import ExifFacts, exif_facts
from lineament.vision.decode_formats import RARE, NotDecodedError, detect_format, is_animated_webp, size_of_webp
from lineament.vision.decode_mpf import embedded_pictures
from lineament.vision.decode_protocol import (
    AVIF,
    BMP,
    EVERY,
    FLICKER,
    GIF,
    HEIC,
    J2C,
    JP2,
    JPEG,
    JPX,
    LARGE,
    LONGEST_SIDE,
    MOST_PARTS,
    PNG,
    SCENE,
    SMALLEST_SIDE,
    TIFF,
    WEBP,
    DecodeReply,
    Status,
    most_pixels,
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
_PADDED = frozenset({WEBP, HEIC, AVIF, JP2, JPX, J2C, TIFF})
"""Formats whose libraries read a file that breaks off only if its missing end is filled in."""
_GREY = 128
_FILLED_MODES = frozenset({"L", "RGB", "RGBA", "RGBX", "LA", "CMYK", "YCbCr"})
_LEAST_DURATION = 10.0
_USUAL_DURATION = 100.0
"""Milliseconds of a frame that states 10 or fewer, as in browsers."""
_REDUCED_PAGE = 1  # NewSubfileType of a TIFF page that is a smaller version of another
_NEW_SUBFILE_TYPE = 254
_BINS = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadPicture:
    """A picture whose pixels are loaded, and still to be converted and turned upright."""

    image: Image.Image
    to_rgb: ToRGB
    orientation: int  # as EXIF has it, 1 to 8
    reply: DecodeReply


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loaded:
    """A picture with its pixels."""

    image: Image.Image
    facts: ExifFacts
    incomplete: bool = False
    missing: float = -1.0  # share, or negative if it is not known
    to_rgb: ToRGB | None = None  # if the pixels are not described by the image itself


class Source(Protocol):
    """The pictures of a file, as a library opens them."""

    count: int
    animated: bool

    def size(self, index: int) -> tuple[int, int]:
        """Return the size of the picture at ``index``, from 0, before it is decoded."""

    def load(self, index: int) -> Loaded:
        """Decode the picture at ``index``."""

    def duration(self, index: int) -> float:
        """Return how long the loaded frame at ``index`` is shown, in milliseconds."""


RareOpener = Callable[[bytes, int, int], Source]
"""Opens a file of a format in RARE, given its bytes, its format and the most pixels."""


def set_up(max_pixels: int) -> None:
    """Set Pillow's own limits, as a second line of defence."""
    Image.MAX_IMAGE_PIXELS = max_pixels
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.AUX_IMAGES = False


class PictureFile:
    """A file of one or several pictures, kept between the requests for them."""

    def __init__(self, untrusted: bytes, max_pixels: int, rare: RareOpener | None = None) -> None:
        """Open it.

        Raises:
            NotDecodedError: It is not read, or not by this process.
        """
        self.media = detect_format(untrusted)
        self._max_pixels = max_pixels
        self._untrusted = untrusted
        self._frames: Iterator[int] | None = None
        self._clock = 0.0  # milliseconds
        with _translated(untrusted, self.media):
            self._source = self._open(untrusted, rare)
        self._is_chosen = _FrameChooser()

    def _open(self, untrusted: bytes, rare: RareOpener | None) -> Source:
        if self.media in RARE:
            if rare is None:
                raise NotDecodedError(Status.ELSEWHERE, self.media)
            return rare(untrusted, self.media, self._max_pixels)
        if self.media == JPEG:
            return _Jpegs(untrusted)
        if self.media == WEBP:
            size = size_of_webp(untrusted)
            if size is not None:  # checked first, because the library reserves memory when it opens the file
                self._check_size(size)
                if size[0] * size[1] > LARGE and not is_animated_webp(untrusted):
                    if rare is None:
                        raise NotDecodedError(Status.ELSEWHERE, self.media)
                    return rare(untrusted, self.media, self._max_pixels)
        return _Pages(untrusted, self.media)

    def read(self, part: int, *, large_too: bool = True) -> ReadPicture:
        """Return one of its pictures, numbered from 1; or, for 0, the next frame of an animation to look at.

        Raises:
            NotDecodedError: It cannot be used; ``Status.NO_MORE`` if there is no such picture.
        """
        if part == 0:
            return self._next_frame()
        if part > self._source.count:
            raise self._refusal(NotDecodedError(Status.NO_MORE), part)
        if self._source.animated:
            return self._frame(part)
        try:
            with _translated(self._untrusted, self.media):
                size = self._source.size(part - 1)
                self._check_size(size)
                if size[0] * size[1] > LARGE and not large_too:
                    raise NotDecodedError(Status.WAITS, self.media, *size)
                loaded = self._source.load(part - 1)
                return self._picture(loaded, part, -1.0)
        except NotDecodedError as refused:
            raise self._refusal(refused, part) from None

    def _frame(self, part: int) -> ReadPicture:
        """Return a frame with its time code, which the durations of those before it add up to."""
        clock = 0.0
        try:
            with _translated(self._untrusted, self.media):
                self._check_size(self._source.size(0))
                for index in range(part - 1):
                    self._source.load(index)
                    clock += self._duration(index)
                return self._picture(self._source.load(part - 1), part, clock / 1000)
        except NotDecodedError as refused:
            raise self._refusal(refused, part) from None

    def _next_frame(self) -> ReadPicture:
        if self._frames is None:
            self._frames = iter(range(self._source.count if self._source.animated else 0))
        for index in self._frames:
            try:
                with _translated(self._untrusted, self.media):
                    self._check_size(self._source.size(index))
                    loaded = self._source.load(index)
                    seconds, self._clock = self._clock / 1000, self._clock + self._duration(index)
                    if self._is_chosen(loaded.image, seconds):
                        return self._picture(loaded, index + 1, seconds)
            except NotDecodedError as refused:
                self._frames = iter(())
                raise self._refusal(refused, index + 1) from None
        raise self._refusal(NotDecodedError(Status.NO_MORE), self._source.count)

    def _duration(self, index: int) -> float:
        stated = self._source.duration(index)
        return stated if stated > _LEAST_DURATION else _USUAL_DURATION

    def _picture(self, loaded: Loaded, part: int, seconds: float) -> ReadPicture:
        size, facts = loaded.image.size, loaded.facts
        self._check_size(size)  # a header may have lied
        convert = loaded.to_rgb or to_srgb(loaded.image)
        upright = size if facts.orientation not in range(5, 9) else (size[1], size[0])
        latitude, longitude = facts.place or (0.0, 0.0)
        reply = DecodeReply(
            Status.DECODED,
            self.media,
            0,
            *upright,
            *upright,
            part,
            self._source.count,
            seconds,
            facts.at,
            facts.place is not None,
            loaded.incomplete,
            loaded.missing,
            latitude,
            longitude,
        )
        return ReadPicture(image=loaded.image, to_rgb=convert, orientation=facts.orientation, reply=reply)

    def _check_size(self, size: tuple[int, int]) -> None:
        width, height = size
        if width * height > most_pixels(self.media, self._max_pixels) or max(size) > LONGEST_SIDE:
            raise NotDecodedError(Status.TOO_LARGE, self.media, width, height)
        if min(size) < SMALLEST_SIDE:
            raise NotDecodedError(Status.TOO_SMALL, self.media, width, height)

    def _refusal(self, refused: NotDecodedError, part: int) -> NotDecodedError:
        """Return the refusal with the number of the picture and of all pictures."""
        refused.reply = refused.reply._replace(
            media=self.media, part=part, parts=self._source.count, seconds=0.0 if self._source.animated else -1.0
        )
        return refused


class _translated:  # noqa: N801 - used as a function
    """Turns whatever a decoder raises over hostile bytes into NotDecodedError or MemoryError."""

    def __init__(self, untrusted: bytes, media: int) -> None:
        self._untrusted, self._media = untrusted, media

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, NotDecodedError | MemoryError) or not isinstance(error, Exception):
            return
        if "memory" in str(error):
            raise MemoryError from None
        cut = isinstance(error, EOFError) or "truncated" in str(error).lower() or is_cut(self._untrusted, self._media)
        raise NotDecodedError(Status.TRUNCATED if cut else Status.DAMAGED, self._media) from None


class _FrameChooser:
    """Chooses the frames of an animation to look at, as those of videos (``sources.video.frames``)."""

    def __init__(self) -> None:
        self._last: list[int] | None = None  # histogram
        self._taken = -1.0  # seconds

    def __call__(self, image: Image.Image, seconds: float) -> bool:
        """Return whether the next frame is to be looked at; ``seconds`` is its time code."""
        counts = image.resize((160, 90), Image.Resampling.NEAREST).convert("RGB").convert("L").histogram()
        step = 256 // _BINS
        histogram = [sum(counts[at : at + step]) for at in range(0, 256, step)]
        last, self._last = self._last, histogram
        if last is None:
            self._taken = seconds
            return True
        changed = sum(abs(now - then) for now, then in zip(histogram, last, strict=True)) / (2 * 160 * 90)
        since = seconds - self._taken + 1e-3
        chosen = since >= EVERY or (changed > SCENE and since >= FLICKER)
        if chosen:
            self._taken = seconds
        return chosen


# ---------------------------------------------------------------- JPEG


class _Jpegs:
    """A JPEG, and the other full pictures of a file in the multi-picture format (CIPA DC-007)."""

    animated = False

    def __init__(self, untrusted: bytes) -> None:
        self._main, self._incomplete = add_end(untrusted)
        opened = JpegImagePlugin.JpegImageFile(io.BytesIO(self._main))
        self._opened: ImageFile.ImageFile | None = opened
        self._others = embedded_pictures(opened, untrusted) if "mp" in opened.info else []
        self.count = 1 + len(self._others)

    def size(self, index: int) -> tuple[int, int]:
        if index:
            return JpegImagePlugin.JpegImageFile(io.BytesIO(self._others[index - 1])).size
        image = self._opened or JpegImagePlugin.JpegImageFile(io.BytesIO(self._main))
        return image.size

    def load(self, index: int) -> Loaded:
        if index:
            return _load_jpeg(*add_end(self._others[index - 1]), None)
        opened, self._opened = self._opened, None
        return _load_jpeg(self._main, self._incomplete, opened)

    def duration(self, index: int) -> float:  # noqa: ARG002 - it is no animation
        return 0.0


def _load_jpeg(data: bytes, incomplete: bool, opened: ImageFile.ImageFile | None) -> Loaded:
    """Decode a JPEG as far as it goes; ``incomplete``: its end marker was missing and is added."""
    image: Image.Image = opened or JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    missing = 0.0 if incomplete and not image.info.get("progressive") else -1.0
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - decoders raise anything over hostile bytes
        if "memory" in str(error):
            raise MemoryError from None
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


class _Pages:
    """A file that one Pillow class opens, and whose further pictures it seeks."""

    def __init__(self, untrusted: bytes, media: int) -> None:
        self._media = media
        self._data, self._cut = bmp_of_os2(untrusted) if media == BMP else untrusted, False
        self._broken_off = b""  # the file before its missing end was filled in
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
        if self._media == TIFF:
            return _pages_of_tiff(image), False
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
        self._seek(index)
        return self._image.size

    def load(self, index: int) -> Loaded:
        if self.count > 1:
            self._seek(index)
        image: Image.Image = self._image
        incomplete, missing = False, -1.0
        try:
            image.load()
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            if "memory" in str(error):
                raise MemoryError from None
            image, missing = self._load_damaged(index)
            incomplete = True
        if self._cut and not incomplete:
            incomplete = True
            missing = self._paint_missing(image, index)
        elif not incomplete and index == self.count - 1:
            incomplete = is_cut(self._data, self._media, only_ends=True)
        facts = exif_facts(image)
        return Loaded(image=self._deepened(image, index), facts=facts, incomplete=incomplete, missing=missing)

    def duration(self, index: int) -> float:  # noqa: ARG002 - of the frame that was loaded last
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
        if self._media in _PADDED - {TIFF}:
            if self._cut or not is_cut(self._data, self._media):
                raise NotDecodedError(Status.DAMAGED)
            self._pad()
            whole = self._again(index)
            whole.load()
            return whole, self._paint_missing(whole, index)
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

    def _paint_missing(self, image: Image.Image, index: int) -> float:
        """Paint grey what the filled-in end of a file made; return the share that is missing, negative if unknown."""
        if self._media in {JP2, JPX, J2C, TIFF}:
            return -1.0
        kept, self._data = self._data, padded(self._broken_off, self._media, noise=True)
        try:
            other = self._again(index)
            other.load()
        except Exception:  # noqa: BLE001 - the other filling may not decode at all; then all that is known is that it ends
            return -1.0
        finally:
            self._data = kept
        read = paint_after_difference(image, other, _GREY)
        if read < SMALLEST_SIDE:
            raise NotDecodedError(Status.TRUNCATED)
        return 1 - read / image.height

    def _deepened(self, image: Image.Image, index: int) -> Image.Image:
        """Return a picture of 16 bits a colour in eight, also if it uses fewer than 16."""
        if self._media not in {PNG, TIFF} or image.mode not in {"RGB", "RGBA", "RGBX"} or not is_dark(image):
            return image
        low = self._again(index)
        if not _read_lower_bytes(low):
            return image
        try:
            low.load()
        except Exception:  # noqa: BLE001 - it is damaged, and dark
            return image
        return deepen(image, low)


def _load_damaged(image: ImageFile.ImageFile) -> Image.Image:
    """Load a picture as far as its data go; the rest keeps the grey that it is filled with first."""
    if image.mode in _FILLED_MODES:
        shade = tuple(255 if band == "A" else _GREY for band in image.getbands())
        image.im = Image.new(image.mode, image.size, shade if len(shade) > 1 else shade[0]).im
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


def _pages_of_tiff(image: ImageFile.ImageFile) -> list[int]:
    """Return the numbers of the pages, without smaller versions of others."""
    pages = []
    for at in range(MOST_PARTS):
        try:
            image.seek(at)
        except EOFError:
            break
        except Exception:
            if at == 0:
                raise
            break
        kind = image.tag_v2.get(_NEW_SUBFILE_TYPE, 0)  # type: ignore[attr-defined]
        if not (isinstance(kind, int) and kind & _REDUCED_PAGE):
            pages.append(at)
    image.seek(pages[0] if pages else 0)
    return pages or [0]


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
