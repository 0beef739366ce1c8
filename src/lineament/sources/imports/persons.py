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
from dataclasses import replace
from pathlib import Path

from lineament.errors import LineamentError, NotRead
from lineament.model.faces import Provenance
from lineament.sandbox.files import EntryType, SourcePath, list_names, locate, os_reason, read_regular
from lineament.sources.base import Item, Refusal
from lineament.sources.folder.connector import PICTURES, FolderConnector
from lineament.sources.provenance import one_line

CONNECTOR = "persons 1"
LARGEST_PAGE = 2**25
"""Most bytes of one page of a list."""
LARGEST_LISTS = 2**28
"""Most bytes of all lists, which are held in memory while they are read."""

_IMAGE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class PersonsConnector:
    """Yields the pictures in the subfolders of a folder, each with the name of its subfolder as subject.

    Side-cars and captures.csv count as elsewhere. Folders in the folder of a person belong to that person.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        """Pictures over ``max_bytes`` are refused. Raises NoSuchFile if ``path`` does not exist."""
        self._place, self._is_folder = locate(path)
        self._max_bytes = max_bytes

    def count(self) -> int:
        """Return how many items and refusals there will be."""
        return sum(1 if isinstance(person, NotRead) else self._of(person).count() for person in self._persons())

    def items(self) -> Iterator[Item | Refusal]:
        """Yield the pictures person by person, in the byte order of their names."""
        for person in self._persons():
            if isinstance(person, NotRead):
                yield Refusal(name=self._place.name, why=person)
                return
            subject = label_of(person.base.decode("utf-8", "replace"))
            for found in self._of(person).items():
                yield _with(found, subject) if isinstance(found, Item) else found

    def _of(self, person: SourcePath) -> FolderConnector:
        return FolderConnector([Path(os.fsdecode(person.path))], None, self._max_bytes)

    def _persons(self) -> Iterator[SourcePath | NotRead]:
        """Yield the folder of each person; last why there are none, or not all of them."""
        is_empty = True
        try:
            for name, _ in list_names(self._place, folders=True) if self._is_folder else ():
                if not name.startswith(b"."):
                    is_empty = False
                    yield self._place.child(name)
        except OSError as error:
            yield NotRead(why=os_reason(error))
            return
        if is_empty:
            yield NotRead(why="it is not a folder with one folder for each person")


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

    def items(self) -> Iterator[Item | Refusal]:
        """Yield every example, list by list in the byte order of their names; then refuse what no list names."""
        try:
            pictures = dict(self._pictures())
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

    def _pages(self) -> Iterator[SourcePath]:
        is_empty = True
        for name, _ in list_names(self._place, folders=False):
            if name.lower().endswith(b".json") and not name.startswith(b"."):
                is_empty = False
                yield self._place.child(name)
        if is_empty:
            raise NotRead(why="there is no list of examples (.json) in it")

    def _pictures(self) -> Iterator[tuple[bytes, SourcePath]]:
        """Yield image_id, in lower case, and path of each picture."""
        for name, kind in list_names(self._place, folders=False):
            stem, suffix = os.path.splitext(name)  # noqa: PTH122 - pathlib has no bytes
            if kind is not EntryType.OTHER and suffix.lower() in PICTURES | {b""} and not name.startswith(b"."):
                yield stem.lower(), self._place.child(name)

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
