"""Decodes JPEG XL with libjxl itself, as its wheel brings it.

The binding gives neither the colour profile nor the times of frames, and nothing of a file that breaks off. This runs
inside the confined process for rare formats only (``decode_worker``).
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from lineament.vision.decode_formats import NotDecodedError
from lineament.vision.decode_protocol import JXL, MOST_PARTS, Status

_SUCCESS, _NEED_INPUT, _NEED_OUTPUT = 0, 2, 5
_INFO, _COLOURS, _FRAME, _WHOLE = 0x40, 0x100, 0x400, 0x1000
_OF_PIXELS = 1  # JxlColorProfileTarget
_TYPES = {np.float32: 0, np.uint8: 2, np.uint16: 3}  # JxlDataType
_LARGEST_PROFILE = 2**23
_BYTE_BITS = 8


class _PixelFormat(ctypes.Structure):
    _fields_ = (
        ("channels", ctypes.c_uint32),
        ("kind", ctypes.c_int),
        ("endianness", ctypes.c_int),
        ("align", ctypes.c_size_t),
    )


class _BasicInfo(ctypes.Structure):
    _fields_ = (
        ("have_container", ctypes.c_int),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("bits", ctypes.c_uint32),
        ("exponent_bits", ctypes.c_uint32),
        ("tones", ctypes.c_float * 2),
        ("relative", ctypes.c_int),
        ("linear_below", ctypes.c_float),
        ("original_profile", ctypes.c_int),
        ("have_preview", ctypes.c_int),
        ("have_animation", ctypes.c_int),
        ("orientation", ctypes.c_int),
        ("colours", ctypes.c_uint32),
        ("extra", ctypes.c_uint32),
        ("alpha_bits", ctypes.c_uint32),
        ("alpha_exponent_bits", ctypes.c_uint32),
        ("alpha_premultiplied", ctypes.c_int),
        ("preview", ctypes.c_uint32 * 2),
        ("ticks", ctypes.c_uint32),
        ("ticks_in", ctypes.c_uint32),
        ("rest", ctypes.c_uint8 * 512),
    )


class _ColorEncoding(ctypes.Structure):
    _fields_ = (
        ("space", ctypes.c_int),
        ("white", ctypes.c_int),
        ("white_xy", ctypes.c_double * 2),
        ("primaries", ctypes.c_int),
        ("primaries_xy", ctypes.c_double * 6),
        ("transfer", ctypes.c_int),
        ("gamma", ctypes.c_double),
        ("intent", ctypes.c_int),
    )


class _FrameHeader(ctypes.Structure):
    _fields_ = (("duration", ctypes.c_uint32), ("rest", ctypes.c_uint8 * 512))


@dataclass(slots=True)
class JxlPictures:
    """The frames of a JPEG XL as far as they go, upright; values of 8 or 16 bits, or floating-point."""

    frames: list[NDArray[Any]] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)  # for each frame
    profile: bytes = b""  # the ICC profile of the values
    incomplete: bool = False  # the last frame is not whole


def decode_jxl(untrusted: bytes) -> JxlPictures:
    """Decode a file. Raises NotDecodedError if there is nothing to show."""
    library = _library()
    if library is None:  # imagecodecs was not installed from a wheel
        raise NotDecodedError(Status.VARIANT, JXL)
    decoder = library.JxlDecoderCreate(None)
    if not decoder:
        raise MemoryError
    try:
        return _Run(library, decoder, untrusted).decode()
    finally:
        library.JxlDecoderDestroy(decoder)


@cache
def _library() -> ctypes.CDLL | None:
    beside = Path(imagecodecs.__file__).parent
    folders = (beside.parent / "imagecodecs.libs", beside / ".dylibs")
    paths = [path for folder in folders for path in sorted(folder.glob("libjxl[.-]*"))]
    if not paths:
        return None
    library = ctypes.CDLL(str(paths[0]))
    library.JxlDecoderCreate.restype = ctypes.c_void_p
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    for name, arguments in {
        "Create": (pointer,),
        "Destroy": (pointer,),
        "SubscribeEvents": (pointer, ctypes.c_int),
        "SetInput": (pointer, ctypes.c_char_p, size),
        "ProcessInput": (pointer,),
        "GetBasicInfo": (pointer, pointer),
        "SetPreferredColorProfile": (pointer, pointer),
        "GetICCProfileSize": (pointer, ctypes.c_int, pointer),
        "GetColorAsICCProfile": (pointer, ctypes.c_int, pointer, size),
        "GetFrameHeader": (pointer, pointer),
        "ImageOutBufferSize": (pointer, pointer, pointer),
        "SetImageOutBuffer": (pointer, pointer, pointer, size),
        "FlushImage": (pointer,),
    }.items():
        getattr(library, f"JxlDecoder{name}").argtypes = arguments
    return library


class _Run:
    """One run of a decoder over one file."""

    def __init__(self, library: ctypes.CDLL, decoder: int, untrusted: bytes) -> None:
        self._library, self._decoder, self._untrusted = library, decoder, untrusted
        self._info = _BasicInfo()
        self._found = JxlPictures()
        self._pixels: NDArray[Any] | None = None
        self._duration = 0.0

    def decode(self) -> JxlPictures:
        self._call("SubscribeEvents", _INFO | _COLOURS | _FRAME | _WHOLE)
        self._call("SetInput", self._untrusted, len(self._untrusted))
        steps = {
            _INFO: self._read_info,
            _COLOURS: self._read_colours,
            _FRAME: self._read_header,
            _NEED_OUTPUT: self._make_room,
            _WHOLE: self._keep,
        }
        while len(self._found.frames) < MOST_PARTS:
            status = self._library.JxlDecoderProcessInput(self._decoder)
            if status == _SUCCESS:
                break
            if status not in steps:
                self._break_off(cut=status == _NEED_INPUT)
                break
            steps[status]()
        return self._found

    def _call(self, name: str, *arguments: object) -> None:
        if getattr(self._library, f"JxlDecoder{name}")(self._decoder, *arguments) != _SUCCESS:
            raise NotDecodedError(Status.DAMAGED, JXL)

    def _read_info(self) -> None:
        self._call("GetBasicInfo", ctypes.byref(self._info))

    def _read_colours(self) -> None:
        encoding = _ColorEncoding(space=int(self._info.colours == 1), white=1, primaries=1, transfer=13, intent=1)
        # Only lossy pictures can be asked for in sRGB; the values of others have a profile.
        self._library.JxlDecoderSetPreferredColorProfile(self._decoder, ctypes.byref(encoding))
        size = ctypes.c_size_t()
        measured = self._library.JxlDecoderGetICCProfileSize(self._decoder, _OF_PIXELS, ctypes.byref(size))
        if measured == _SUCCESS and 0 < size.value < _LARGEST_PROFILE:
            profile = ctypes.create_string_buffer(size.value)
            self._call("GetColorAsICCProfile", _OF_PIXELS, profile, size.value)
            self._found.profile = profile.raw

    def _read_header(self) -> None:
        header, info = _FrameHeader(), self._info
        self._call("GetFrameHeader", ctypes.byref(header))
        ticks = info.ticks if info.have_animation else 0
        self._duration = 1000 * header.duration * info.ticks_in / ticks if ticks else 0.0

    def _make_room(self) -> None:
        info = self._info
        kind: type[np.uint8 | np.uint16 | np.float32] = np.uint8
        if info.bits > _BYTE_BITS or info.exponent_bits:
            kind = np.float32 if info.exponent_bits else np.uint16
        channels = info.colours + (info.alpha_bits > 0)
        pixels = np.zeros((info.height, info.width, channels), kind)
        form = _PixelFormat(channels=channels, kind=_TYPES[kind])
        size = ctypes.c_size_t()
        self._call("ImageOutBufferSize", ctypes.byref(form), ctypes.byref(size))
        if size.value != pixels.nbytes:
            raise NotDecodedError(Status.DAMAGED, JXL)
        self._pixels = pixels
        self._call("SetImageOutBuffer", ctypes.byref(form), pixels.ctypes.data, pixels.nbytes)

    def _keep(self) -> None:
        if self._pixels is not None:
            self._found.frames.append(self._pixels)
            self._found.milliseconds.append(self._duration)
        self._pixels = None

    def _break_off(self, *, cut: bool) -> None:
        """Keep what there is of the frame in which the file breaks off. Raises NotDecodedError if there is nothing."""
        flushed = self._pixels is not None and self._library.JxlDecoderFlushImage(self._decoder) == _SUCCESS
        if flushed:
            self._keep()
        if not self._found.frames:
            raise NotDecodedError(Status.TRUNCATED if cut else Status.DAMAGED, JXL)
        self._found.incomplete = True
