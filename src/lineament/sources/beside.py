"""The pictures and videos that a list names beside itself: in its folder, or in what was dropped with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from lineament.errors import FileTooLarge, NotRead
from lineament.model.faces import Provenance
from lineament.sandbox.files import SourcePath, open_regular, read_opened
from lineament.sources.base import Item, Refusal
from lineament.sources.media_types import START, is_video
from lineament.sources.registry import BesideFile

Entry: TypeAlias = Item | Refusal | Iterator[Item | Refusal]
"""What one entry of a list gives: a picture, why there is none, or the frames of a video."""
Check: TypeAlias = Callable[[Iterable[bytes]], None]
"""Raises NotRead unless a file, which comes in parts, is the one that the list means."""

_AT_ONCE = 2**20


def with_cursors(number: int, entry: Entry) -> Iterator[tuple[Item | Refusal, str]]:
    """Yield what the entry with that number gives, each with the cursor to resume from after it.

    The frames of a video come with the number of the entry before: a run that is interrupted reads the video again.
    """
    if isinstance(entry, Item | Refusal):
        yield entry, str(number)
    else:
        for frame in entry:
            yield frame, str(number - 1)


def inside(folder: SourcePath, path: bytes, outside: str) -> SourcePath | None:
    """Return a file in a folder or below it, links followed; None if there is none.

    Raises OSError, or NotRead with the reason ``outside`` if the path leads out of the folder.
    """
    try:
        real = os.path.realpath(os.path.join(folder.path, path), strict=True)  # noqa: PTH118 - pathlib has no bytes
    except (FileNotFoundError, NotADirectoryError):
        return None
    if os.path.commonpath([real, folder.path]) != folder.path:
        raise NotRead(why=outside)
    below = os.path.relpath(real, folder.path)
    return SourcePath(path=real, shown=folder.child(below).shown, below=below, root=folder.path)


def read_beside(
    name: str, provenance: Provenance, file: SourcePath | BesideFile, max_bytes: int, check: Check = lambda _: None
) -> Item | Iterator[Item | Refusal]:
    """Return the picture in a file, or the frames of the video; ``name`` is for messages.

    Raises NotRead, FileTooLarge for a picture over ``max_bytes``, or OSError.
    """
    if isinstance(file, SourcePath):
        return _on_disk(name, provenance, open_regular(file), max_bytes, check)
    if is_video(next(file.parts(), b"")[:START]):
        from lineament.sources.video.sampled import frames_of

        check(file.parts())
        return frames_of(name, file.parts(), provenance, max_bytes)
    if file.size > max_bytes:
        raise FileTooLarge(size=file.size, limit=max_bytes)
    untrusted = b"".join(file.parts())
    check([untrusted])
    return Item(name=name, untrusted=untrusted, provenance=provenance)


def _on_disk(
    name: str, provenance: Provenance, descriptor: int, max_bytes: int, check: Check
) -> Item | Iterator[Item | Refusal]:
    """Return what an open file holds; its descriptor is closed, or belongs to the frames."""
    try:
        has_frames = is_video(os.pread(descriptor, START, 0))
        if has_frames:
            check(_parts(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    if has_frames:
        from lineament.sources.video.sampled import frame_items

        return frame_items(name, provenance, descriptor, max_bytes)
    untrusted = read_opened(descriptor, max_bytes)
    check([untrusted])
    return Item(name=name, untrusted=untrusted, provenance=provenance)


def _parts(descriptor: int) -> Iterator[bytes]:
    """Yield the bytes of an open file, and leave its position as it is."""
    at = 0
    while part := os.pread(descriptor, _AT_ONCE, at):
        yield part
        at += len(part)
