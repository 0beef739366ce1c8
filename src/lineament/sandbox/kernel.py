"""Calls of the C library that Python has no function for."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any


@cache
def _library() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: int | bytes | None) -> int:
    """Call a function of the C library and return its result. Raises OSError if that is -1, or it has none such."""
    words = [ctypes.c_ulong(word) if isinstance(word, int) else ctypes.c_char_p(word) for word in arguments]
    try:
        function = getattr(_library(), name)
    except AttributeError:
        raise OSError(38, "no such function", name) from None
    result: int = function(*words)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


def succeeds(name: str, *arguments: int | bytes | None) -> bool:
    """Call a function of the C library and return whether it succeeded."""
    try:
        call(name, *arguments)
    except OSError:
        return False
    return True


def buffer_address(content: bytes) -> tuple[object, int]:
    """Return a copy of ``content`` and its address, which is good as long as the copy is."""
    kept = ctypes.create_string_buffer(content, len(content))
    return kept, ctypes.addressof(kept)
