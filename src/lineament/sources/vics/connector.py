"""The pictures of a case export in the format of Project VIC: media records, with their files beside them.

Where a file lay on the device and what its record says of it is kept as the record's claim. Names of series, tags and
comments are not read: they say who is shown.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from lineament.errors import FileTooLarge, LineamentError, NotRead
from lineament.model.faces import Provenance
from lineament.sandbox.files import SourcePath, locate, open_regular, printable, read_opened
from lineament.sources.base import Item, Refusal, number_in
from lineament.sources.media_types import START, is_video
from lineament.sources.provenance import Unusable, one_line
from lineament.sources.registry import BesideFile
from lineament.sources.vics.records import VicsMedia, media_records

CONNECTOR = "vics 1"
_CHECKED = ("md5", "sha1", "sha256")
_DRIVE = re.compile(r"[a-z]:", re.IGNORECASE)
_LONGEST_SHOWN = 100  # characters of a path in a message
_AT_ONCE = 2**20
_LEADS_OUT = "its path leads out of the folder of the JSON file; copy the media beside it"
_NONE_THERE = "there is no such file beside the JSON file"


class VicsConnector:
    """Yields the pictures of an export, record by record; a record without a file that fits it is refused."""

    def __init__(self, path: Path, max_bytes: int, find: Callable[[str], BesideFile | None] | None = None) -> None:
        """``path`` is the JSON file; ``find`` finds the media by their paths beside it if they are not on disk.

        Pictures over ``max_bytes`` are refused. Raises NoSuchFile.
        """
        self._place = locate(path)[0]
        self._max_bytes = max_bytes
        self._find = find

    def count(self) -> None:
        """Return None: what an export says of its own length is often wrong."""

    def items(self) -> Iterator[Item | Refusal]:
        """Yield every picture, in the order of the records."""
        for found, _ in self.items_from(None):
            yield found

    def items_from(self, cursor: str | None) -> Generator[tuple[Item | Refusal, str], None, None]:
        """Yield the pictures after a record, each with its record's number. Raises InvalidValue for another cursor.

        The frames of a video come with the number of the record before it: a run that is interrupted reads it again.
        """
        number = number_in(cursor, "the number of a record")
        try:
            with closing(media_records(self._place, number)) as found:
                for number, media in found:
                    read = self._read(number, media)
                    if isinstance(read, Item | Refusal):
                        yield read, str(number)
                    else:
                        for frame in read:
                            yield frame, str(number - 1)
        except NotRead as error:
            why = NotRead(why=f"{error.details['why']}; nothing after record {number} is read")
            yield Refusal(name=self._place.name, why=why if number else error.with_traceback(None)), str(number)
        except (LineamentError, OSError) as error:
            yield Refusal.from_error(self._place.name, error), str(number)

    def _read(self, number: int, media: VicsMedia | Unusable) -> Item | Refusal | Iterator[Item | Refusal]:
        """Return the picture or the frames of the video of a record, or why it is refused."""
        name = f"{self._place.name} record {number}"
        try:
            if isinstance(media, Unusable):
                raise NotRead(why=f"the record cannot be used: {media}")
            if not media.relative_path:
                raise NotRead(why="it names no file, as in a hash set; load that with: lineament source known-abuse")
            name = f"{name}: {printable(media.relative_path[:_LONGEST_SHOWN])}"
            provenance = _provenance(f"{self._place.uri}#media={number}", media)
            if self._find is not None:
                return self._found(name, provenance, self._find, media)
            file = open_regular(beside(self._place.parent, media.relative_path))
            if _is_video(file):
                return self._frames(name, provenance, file, media)
            untrusted = read_opened(file, self._max_bytes)
            _require_fit(media, [untrusted])
        except (LineamentError, OSError) as error:
            return Refusal.from_error(name, error)
        return Item(name=name, untrusted=untrusted, provenance=provenance)

    def _found(
        self, name: str, provenance: Provenance, find: Callable[[str], BesideFile | None], media: VicsMedia
    ) -> Item | Iterator[Item | Refusal]:
        """Return the picture, or the frames of the video, of a record whose file ``find`` finds. Raises NotRead."""
        file = next((file for path in paths_beside(media.relative_path) if (file := find(path)) is not None), None)
        if file is None:
            raise NotRead(why=_NONE_THERE)
        if is_video(next(file.parts(), b"")[:START]):
            from lineament.sources.video.sampled import frames_of

            _require_fit(media, file.parts())
            return frames_of(name, file.parts(), provenance, self._max_bytes)
        if file.size > self._max_bytes:
            raise FileTooLarge(size=file.size, limit=self._max_bytes)
        untrusted = b"".join(file.parts())
        _require_fit(media, [untrusted])
        return Item(name=name, untrusted=untrusted, provenance=provenance)

    def _frames(self, name: str, whole: Provenance, file: int, media: VicsMedia) -> Iterator[Item | Refusal]:
        from lineament.sources.video.sampled import frame_items

        try:
            _require_fit(media, _parts(file))
        except (LineamentError, OSError):
            os.close(file)
            raise
        return frame_items(name, whole, file, self._max_bytes)


def _is_video(file: int) -> bool:
    """Return whether an open file begins as a video. Raises OSError, and then closes it."""
    try:
        return is_video(os.pread(file, START, 0))
    except OSError:
        os.close(file)
        raise


def _parts(file: int) -> Iterator[bytes]:
    at = 0
    while part := os.pread(file, _AT_ONCE, at):
        yield part
        at += len(part)


def _require_fit(media: VicsMedia, parts: Iterable[bytes]) -> None:
    """Raise NotRead unless a file, which comes in parts, has each digest that its record states."""
    if media.malformed:
        kinds = " and ".join(kind.upper() for kind in media.malformed)
        raise NotRead(why=f"its record states a {kinds} that is none, so that the file cannot be checked")
    found = {kind: hashlib.new(kind, usedforsecurity=False) for kind in _CHECKED}
    for part in parts:
        for digest in found.values():
            digest.update(part)
    for kind, stated in media.digests.items():
        if kind in found and found[kind].hexdigest() != stated:
            raise NotRead(why=f"its {kind.upper()} is not the one in its record: it was changed, or is another file")


def beside(folder: SourcePath, stated: str) -> SourcePath:
    """Return a file in a folder or below it, links followed; back-slashes separate as well.

    Raises NotRead if there is none, or if the path leads out of the folder, and OSError.
    """
    for path in _paths(stated):
        below = path.lstrip("/").encode("utf-8", "replace")
        try:
            real = os.path.realpath(os.path.join(folder.path, below), strict=True)  # noqa: PTH118 - pathlib has no bytes
        except (FileNotFoundError, NotADirectoryError):
            continue
        if os.path.commonpath([real, folder.path]) != folder.path:
            raise NotRead(why=_LEADS_OUT)
        inner = os.path.relpath(real, folder.path)
        return SourcePath(path=real, shown=folder.child(inner).shown, below=inner, root=folder.path)
    raise NotRead(why=_NONE_THERE)


def paths_beside(stated: str) -> list[str]:
    """Return the paths below the folder of the JSON file that a record's path may mean. Raises NotRead if none."""
    from lineament.sources.archive.connector import normal

    paths = [normal(path.lstrip("/").encode("utf-8", "replace")) for path in _paths(stated)]
    found = [path.decode() for path in paths if path is not None]
    if not found:
        raise NotRead(why=_LEADS_OUT)
    return found


def _paths(stated: str) -> Iterable[str]:
    """Return the paths that a record's path may mean, the likeliest first. Raises NotRead if it is none."""
    if "\0" in stated or _DRIVE.match(stated) or "://" in stated:
        raise NotRead(why="its path is not one from the folder of the JSON file; copy the media beside it")
    return dict.fromkeys((stated, stated.replace("\\", "/")))


def _provenance(uri: str, media: VicsMedia) -> Provenance:
    """Return where a record's file comes from; what the record says of it is kept as its claim."""
    found = [_place_words(place.path, place.name, deleted=place.deleted) for place in media.places]
    where = next((words for words in found if words), None)
    more = sum(bool(words) for words in found) - 1
    country = f" of {media.country}" if media.country else ""
    words = [
        f"case: {media.case}" if media.case else None,
        f"media: {media.media_id}" if media.media_id else None,
        f"category: {media.category}{country}" if media.category is not None else None,
        f"MD5: {media.digests['md5']}" if "md5" in media.digests else None,
        f"SHA-1: {media.digests['sha1']}" if "sha1" in media.digests else None,
        None if media.digests else "no digest was stated",
        where,
        f"and {more} more places" if more > 0 else None,
    ]
    claim = one_line("; ".join(word for word in words if word))
    return Provenance(uri=uri, words=claim, connector=CONNECTOR)


def _place_words(path: str, name: str, *, deleted: bool) -> str | None:
    place = path if not name or path.endswith(name) else f"{path} {name}".strip()
    if not place:
        return None
    return f"deleted file: {place}" if deleted else f"file: {place}"
