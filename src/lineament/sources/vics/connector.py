"""The pictures of a case export in the format of Project VIC: media records, with their files beside them.

Where a file lay on the device and what its record says of it is kept as the record's claim. Names of series, tags and
comments are not read: they say who is shown.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from lineament.errors import LineamentError, NotRead
from lineament.model.faces import Provenance
from lineament.sandbox.files import SourcePath, locate, printable
from lineament.sources.base import Item, Refusal, number_in
from lineament.sources.beside import Entry, inside, read_beside, with_cursors
from lineament.sources.provenance import Unusable, one_line
from lineament.sources.registry import BesideFile
from lineament.sources.vics.records import MOST_PARTS, VicsMedia, media_records

CONNECTOR = "vics 1"
_CHECKED = {
    "md5": partial(hashlib.md5, usedforsecurity=False),
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
    "sha256": partial(hashlib.sha256, usedforsecurity=False),
}
"""How the digests that a record states of its file are computed."""
_DRIVE = re.compile(r"[a-z]:", re.IGNORECASE)
_LONGEST_SHOWN = 100  # characters of a path in a message
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
        """Yield the pictures after a record, each with its record's number. Raises InvalidValue for another cursor."""
        number = number_in(cursor, "the number of a record")
        try:
            with closing(media_records(self._place, number)) as found:
                for number, media in found:
                    yield from with_cursors(number, self._read(number, media))
        except NotRead as error:
            why = NotRead(why=f"{error.details['why']}; nothing after record {number} is read")
            yield Refusal(name=self._place.name, why=why if number else error.with_traceback(None)), str(number)
        except (LineamentError, OSError) as error:
            yield Refusal.from_error(self._place.name, error), str(number)

    def _read(self, number: int, media: VicsMedia | Unusable) -> Entry:
        """Return the picture or the frames of the video of a record, or why it is refused."""
        name = f"{self._place.name} record {number}"
        try:
            if isinstance(media, Unusable):
                raise NotRead(why=f"the record cannot be used: {media}")
            if not media.relative_path:
                raise NotRead(why="it names no file, as in a hash set; load that with: lineament source known-abuse")
            name = f"{name}: {printable(media.relative_path[:_LONGEST_SHOWN])}"
            provenance = _provenance(f"{self._place.uri}#media={number}", media)
            return read_beside(name, provenance, self._file(media), self._max_bytes, partial(_require_fit, media))
        except (LineamentError, OSError) as error:
            return Refusal.from_error(name, error)

    def _file(self, media: VicsMedia) -> SourcePath | BesideFile:
        """Return the file of a record. Raises NotRead or OSError."""
        if self._find is None:
            return beside(self._place.parent, media.relative_path)
        found = next((file for path in paths_beside(media.relative_path) if (file := self._find(path))), None)
        if found is None:
            raise NotRead(why=_NONE_THERE)
        return found


def _require_fit(media: VicsMedia, parts: Iterable[bytes]) -> None:
    """Raise NotRead unless a file, which comes in parts, has each digest that its record states."""
    if malformed := [kind.upper() for kind in media.malformed if kind in _CHECKED]:
        raise NotRead(why=f"its record states a malformed {' and '.join(malformed)}, so the file cannot be checked")
    found = {kind: digest() for kind, digest in _CHECKED.items() if kind in media.digests}
    for part in parts if found else ():
        for digest in found.values():
            digest.update(part)
    for kind, digest in found.items():
        if digest.hexdigest() != media.digests[kind]:
            raise NotRead(why=f"its {kind.upper()} is not the one in its record: it was changed, or is another file")


def beside(folder: SourcePath, stated: str) -> SourcePath:
    """Return a file in a folder or below it, links followed; back-slashes separate as well.

    Raises NotRead if there is none, or if the path leads out of the folder, and OSError.
    """
    for path in _paths(stated):
        if (found := inside(folder, path.lstrip("/").encode("utf-8", "replace"), _LEADS_OUT)) is not None:
            return found
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
        f"and {'at least ' if len(found) == MOST_PARTS else ''}{more} more places" if more > 0 else None,
    ]
    claim = one_line("; ".join(word for word in words if word))
    return Provenance(uri=uri, words=claim, connector=CONNECTOR)


def _place_words(path: str, name: str, *, deleted: bool) -> str | None:
    place = path if not name or path.endswith(name) else f"{path} {name}".strip()
    if not place:
        return None
    return f"deleted file: {place}" if deleted else f"file: {place}"
