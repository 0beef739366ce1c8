"""The pictures of a file: pages, or the frames of an animation. This runs inside the confined process only.

The first bytes choose the format, and with it the library that opens the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image

from lineament.vision.decode_avif import AvifFile
from lineament.vision.decode_colour import ToRGB, to_srgb
from lineament.vision.decode_damage import is_cut
from lineament.vision.decode_formats import (
    RARE,
    NotDecodedError,
    detect_format,
    is_animated_webp,
    is_unusual_jpeg,
    size_of_webp,
)
from lineament.vision.decode_pillow import JpegFile, Loaded, OpenedFile, PagedFile
from lineament.vision.decode_protocol import (
    AVIF,
    EVERY,
    FLICKER,
    HEIC,
    JPEG,
    LARGE,
    LONGEST_SIDE,
    SCENE,
    SMALLEST_SIDE,
    TIFF,
    WEBP,
    DecodeReply,
    Status,
    most_pixels,
)
from lineament.vision.decode_tiff import TiffFile

_LEAST_DURATION = 10.0
_USUAL_DURATION = 100.0
"""Milliseconds of a frame that states 10 or fewer, as in browsers."""
_BINS = 32
_NOT_SUPPORTED = ("unsupported", "not supported", "unknown pixel mode", "unknown data organization", "cannot handle")
"""What the libraries say about a variant of a format that they do not read."""
_CUT = ("truncated", "need_more_input")
"""What the libraries say about a file that breaks off."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadPicture:
    """A picture whose pixels are loaded, and still to be converted and turned upright."""

    image: Image.Image
    to_rgb: ToRGB
    orientation: int  # as EXIF has it, 1 to 8
    reply: DecodeReply


SizeCheck = Callable[[tuple[int, int]], None]
"""Raises NotDecodedError if a picture of that width and height is not read."""
RareOpener = Callable[[bytes, int, SizeCheck], OpenedFile]
"""Opens a file of which Pillow reads nothing, or not all, given its bytes, its format and the check of its size."""


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

    def _open(self, untrusted: bytes, rare: RareOpener | None) -> OpenedFile:
        in_part = self.media == TIFF and rare is not None  # the other worker could not read a page of it
        unusual = self.media == JPEG and is_unusual_jpeg(untrusted)
        if self.media in RARE or in_part or unusual or self._is_large_webp(untrusted):
            if rare is None:
                raise NotDecodedError(Status.ELSEWHERE, self.media)
            return rare(untrusted, self.media, self._check_size)
        if self.media == JPEG:
            return JpegFile(untrusted)
        if self.media == TIFF:
            return TiffFile(untrusted, None)
        if self.media == AVIF:
            return AvifFile(untrusted)
        return PagedFile(untrusted, self.media)

    def _is_large_webp(self, untrusted: bytes) -> bool:
        """Return whether it is a large still WebP. Its size is checked here: Pillow reserves memory when opening it."""
        size = size_of_webp(untrusted) if self.media == WEBP else None
        if size is None:
            return False
        self._check_size(size)
        return size[0] * size[1] > LARGE and not is_animated_webp(untrusted)

    def read(self, part: int, *, large_too: bool = True) -> ReadPicture:
        """Return one of its pictures, numbered from 1; or, for 0, the next frame of an animation to look at.

        Raises:
            NotDecodedError: It cannot be used; ``Status.NO_MORE`` if there is no such picture.
        """
        if part == 0:
            return self._next_frame()
        if part > self._source.count:
            raise self._refusal(NotDecodedError(Status.NO_MORE), part)
        try:
            with _translated(self._untrusted, self.media):
                return self._frame(part) if self._source.animated else self._page(part, large_too=large_too)
        except NotDecodedError as refused:
            raise self._refusal(refused, part) from None

    def _page(self, part: int, *, large_too: bool) -> ReadPicture:
        size = self._source.size(part - 1)
        self._check_size(size)
        if size[0] * size[1] > LARGE and not large_too:
            raise NotDecodedError(Status.WAITS, self.media, *size)
        return self._picture(self._source.load(part - 1), part, -1.0)

    def _frame(self, part: int) -> ReadPicture:
        """Return a frame with its time code, which the durations of those before it add up to."""
        clock = 0.0
        self._check_size(self._source.size(0))
        for index in range(part - 1):
            self._source.load(index)
            clock += self._duration(index)
        return self._picture(self._source.load(part - 1), part, clock / 1000)

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
        width, height = size if facts.orientation not in range(5, 9) else (size[1], size[0])
        latitude, longitude = facts.place or (0.0, 0.0)
        reply = DecodeReply(
            Status.DECODED,
            self.media,
            orientation=self._stored_orientation(loaded),
            width=width,
            height=height,
            across=width,
            down=height,
            part=part,
            parts=self._source.count,
            seconds=seconds,
            taken_at=facts.at,
            has_place=facts.place is not None,
            incomplete=loaded.incomplete,
            missing=loaded.missing,
            latitude=latitude,
            longitude=longitude,
        )
        return ReadPicture(image=loaded.image, to_rgb=convert, orientation=facts.orientation, reply=reply)

    def _stored_orientation(self, loaded: Loaded) -> int:
        """Return the orientation of the stored picture; the library of HEIC turns it itself, and says how it was."""
        stated = loaded.image.info.get("original_orientation") if self.media == HEIC else loaded.facts.orientation
        return stated if isinstance(stated, int) and stated in range(1, 9) else 1

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
        raise NotDecodedError(self._why(error), self._media) from None

    def _why(self, error: Exception) -> Status:
        said = str(error).lower()
        if any(words in said for words in _NOT_SUPPORTED):
            return Status.VARIANT
        cut = (
            isinstance(error, EOFError) or any(words in said for words in _CUT) or is_cut(self._untrusted, self._media)
        )
        return Status.TRUNCATED if cut else Status.DAMAGED


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
