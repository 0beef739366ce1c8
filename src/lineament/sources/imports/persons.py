"""Pictures sorted by person, from a system that is being retired: a folder for each person, or CompreFace's answers.

A name is a label of that system. It is stored as its claim (“subject: …”), never as an identity.

CompreFace has no export, so the answers of its REST API are read: the list of examples (``GET /recognition/faces``),
one page per file, and beside it the pictures (``GET /recognition/faces/{image_id}/img``), each named by its image_id.
Its database dump and embeddings are not read: templates of other models cannot be compared with ours.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from lineament.errors import LineamentError, NotRead
from lineament.model.faces import Provenance
from lineament.sandbox.files import EntryType, SourcePath, list_names, locate, read_regular
from lineament.sources.base import Found, Item, LeftOut, LeftOutKind, Refusal
from lineament.sources.folder.connector import (
    PICTURES,
    FolderConnector,
    is_counted,
    is_hidden,
    is_side_car,
    why_not_regular,
)
from lineament.sources.provenance import one_line

CONNECTOR = "persons 1"
LARGEST_PAGE = 2**25
"""Most bytes of one page of a list."""
LARGEST_LISTS = 2**28
"""Most bytes of all lists, which are held in memory while they are read."""

_IMAGE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class PersonsConnector:
    """Yields the pictures in the subfolders of a folder, each with the name of its subfolder as subject.

    Side-cars and captures.csv count as elsewhere. Folders in the folder of a person belong to that person. Files beside
    the folders of the persons are refused.
    """

    def __init__(self, path: Path, max_bytes: int, *, skip_hidden: bool = False) -> None:
        """Pictures over ``max_bytes`` are refused. ``skip_hidden`` leaves out what is hidden, and counts it.

        Raises NoSuchFile if ``path`` does not exist.
        """
        self._place, self._is_folder = locate(path)
        self._max_bytes = max_bytes
        self._skip_hidden = skip_hidden

    def count(self) -> int:
        """Return how many pictures and refusals there will be."""
        beside = sum(map(is_counted, self._beside()))
        return beside + sum(
            1 if isinstance(person, Refusal) else self._of(person).count() for person in self._persons()
        )

    def items(self) -> Iterator[Found]:
        """Yield the files beside the persons, then the pictures person by person, in the byte order of their names."""
        yield from self._beside()
        for person in self._persons():
            if isinstance(person, Refusal):
                yield person
                return
            subject = label_of(person.base.decode("utf-8", "replace"))
            for found in self._of(person).items():
                yield _with(found, subject) if isinstance(found, Item) else found

    def _of(self, person: SourcePath) -> FolderConnector:
        left_out = self._skip_hidden and is_hidden(person.base)
        path = Path(os.fsdecode(person.path))
        return FolderConnector([path], None, self._max_bytes, skip_hidden=self._skip_hidden, left_out=left_out)

    def _beside(self) -> Iterator[Refusal | LeftOut]:
        """Yield the files that are in no person's folder."""
        if not self._is_folder:
            return
        with suppress(OSError):  # reported with the persons
            for name, kind in list_names(self._place, folders=False):
                if self._skip_hidden and is_hidden(name):
                    yield LeftOut(kind=LeftOutKind.HIDDEN)
                elif is_side_car(name):
                    yield LeftOut(kind=LeftOutKind.SIDE_CAR)
                else:
                    place = self._place.child(name)
                    why = None if kind is EntryType.FILE else why_not_regular(place)
                    why = why or NotRead(why="it is in no person's folder; put it into one")
                    yield Refusal(name=place.name, why=why)

    def _persons(self) -> Iterator[SourcePath | Refusal]:
        """Yield the folder of each person; last why there are none, or not all of them."""
        is_empty = True
        try:
            for name, _ in list_names(self._place, folders=True) if self._is_folder else ():
                is_empty = False
                yield self._place.child(name)
        except OSError as error:
            yield Refusal.from_error(self._place.name, error)
            return
        if is_empty:
            why = NotRead(why="it is not a folder with one folder for each person; ingest it without --as persons")
            yield Refusal(name=self._place.name, why=why)


class CompreFaceConnector:
    """Yields the pictures that lists of CompreFace name."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        """``path`` is the folder with the lists (.json) and the pictures.

        Pictures over ``max_bytes`` are refused. Raises NoSuchFile if ``path`` does not exist.
        """
        self._place = locate(path)[0]
        self._max_bytes = max_bytes

    def count(self) -> None:
        """Return None: the number is unknown before reading the lists."""

    def items(self) -> Iterator[Found]:
        """Yield every example, list by list in the byte order of their names; then refuse what no list names."""
        try:
            pictures, doubles = self._pictures()
            yield from self._others()
            left = LARGEST_LISTS
            named: set[bytes] = set()
            for page in self._pages():
                listing = read_regular(page, min(left, LARGEST_PAGE))
                left -= len(listing)
                yield from self._examples(page, listing, pictures, named)
        except (LineamentError, OSError) as error:
            yield Refusal.from_error(self._place.name, error)
        else:
            for image_id in sorted(pictures.keys() - named):
                why = NotRead(why="no list says whom it shows")
                yield Refusal(name=pictures[image_id].name, why=why)
            for double in doubles:
                why = NotRead(why="another picture has its image_id; keep the right one")
                yield Refusal(name=double.name, why=why)

    def _pages(self) -> Iterator[SourcePath]:
        is_empty = True
        for name, _ in list_names(self._place, folders=False):
            if _is_list(name):
                is_empty = False
                yield self._place.child(name)
        if is_empty:
            raise NotRead(why="there is no list of examples (.json) in it")

    def _pictures(self) -> tuple[dict[bytes, SourcePath], list[SourcePath]]:
        """Return the pictures by image_id, in lower case, and the further pictures of the same image_id."""
        pictures: dict[bytes, SourcePath] = {}
        doubles: list[SourcePath] = []
        for name, kind in list_names(self._place, folders=False):
            if _is_list(name) or kind is EntryType.OTHER or not _is_picture(name):
                continue
            place, image_id = self._place.child(name), _stem(name).lower()
            if image_id in pictures:
                doubles.append(place)
            else:
                pictures[image_id] = place
        return pictures, doubles

    def _others(self) -> Iterator[Refusal | LeftOut]:
        """Count the lists; refuse the files that are neither list nor picture, and the folders."""
        for name, kind in list_names(self._place, folders=False):
            if _is_list(name):
                yield LeftOut(kind=LeftOutKind.SIDE_CAR)
            elif kind is EntryType.OTHER or not _is_picture(name):
                why = NotRead(why="it is neither a list (.json) nor a picture that is named by its image_id")
                yield Refusal(name=self._place.child(name).name, why=why)
        for name, _ in list_names(self._place, folders=True):
            why = NotRead(why="it is a folder; the pictures belong beside the lists")
            yield Refusal(name=self._place.child(name).name, why=why)

    def _examples(
        self, page: SourcePath, listing: bytes, pictures: dict[bytes, SourcePath], named: set[bytes]
    ) -> Iterator[Item | Refusal]:
        for number, example in enumerate(examples(listing), 1):
            name = f"{page.name} face {number}"
            if isinstance(example, NotRead):
                yield Refusal(name=name, why=example)
                continue
            image_id, subject = example
            place = pictures.get(image_id.encode())
            if image_id.encode() in named:
                yield Refusal(name=name, why=NotRead(why="its picture has been named before"))
                continue
            named.add(image_id.encode())
            if place is None:
                yield Refusal(name=name, why=NotRead(why=f"there is no picture {image_id} beside the list"))
                continue
            yield self._item(place, subject)

    def _item(self, place: SourcePath, subject: str | None) -> Item | Refusal:
        try:
            untrusted = read_regular(place, self._max_bytes)
        except (LineamentError, OSError) as error:
            return Refusal.from_error(place.name, error)
        return _with(Item(name=place.name, untrusted=untrusted, provenance=Provenance(uri=place.uri)), subject)


def _is_list(name: bytes) -> bool:
    return name.lower().endswith(b".json") and not is_hidden(name)


def _is_picture(name: bytes) -> bool:
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - pathlib has no bytes
    return suffix in PICTURES | {b""} and not is_hidden(name)


def _stem(name: bytes) -> bytes:
    return os.path.splitext(name)[0]  # noqa: PTH122 - pathlib has no bytes


def examples(untrusted: bytes) -> Iterator[tuple[str, str | None] | NotRead]:
    """Yield image_id and subject of each example in a list, or why it cannot be used."""
    try:
        page = json.loads(untrusted.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        yield NotRead(why="it is not JSON")
        return
    faces = page.get("faces") if isinstance(page, dict) else None
    if not isinstance(faces, list):
        yield NotRead(why="it is not a list of examples as CompreFace returns it")
        return
    for face in faces:
        image_id = face.get("image_id") if isinstance(face, dict) else None
        subject = face.get("subject") if isinstance(face, dict) else None
        if not isinstance(image_id, str) or _IMAGE_ID.fullmatch(image_id) is None:
            yield NotRead(why="it has no image_id")
        elif not isinstance(subject, str):
            yield NotRead(why="it has no subject")
        else:
            yield image_id.lower(), label_of(subject)


def label_of(subject: str) -> str | None:
    """Return the other system's label as its claim; None if it is blank."""
    name = one_line(subject)
    return None if name is None else f"subject: {name}"


def _with(item: Item, subject: str | None) -> Item:
    return replace(item, provenance=replace(item.provenance, words=subject, connector=CONNECTOR))
