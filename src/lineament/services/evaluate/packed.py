"""The labelled pictures of an evaluation in a ZIP archive, unpacked in memory."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import PurePosixPath

from lineament.errors import NotEvaluable
from lineament.sandbox.files import SourcePath, printable
from lineament.services.evaluate.labelled import LabelledPicture, LabelledSet
from lineament.sources.folder.connector import PICTURES

MOST_MEMBERS = 50_000
MOST_UNPACKED = 2**30
"""Bytes of all pictures together."""
_REMEDY = "give a ZIP archive with one folder for each person"
_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


def labelled_in(untrusted: bytes, most: int) -> LabelledSet:
    """Return the pictures of an archive; the folder in which a picture lies is its person.

    ``most`` are the bytes of the largest picture. Raises NotEvaluable if it cannot be read, holds too much, or shows
    fewer than two people.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(untrusted)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > MOST_MEMBERS:
                raise _not(f"it has more than {MOST_MEMBERS:,} files")
            pictures, skipped = _pictures(archive, members, most)
    except _FAULTS as error:
        raise _not(f"it cannot be read ({type(error).__name__})") from error
    if len({picture.person for picture in pictures}) < 2:
        raise _not("it has no pictures of at least two people")
    pictures.sort(key=lambda picture: (picture.person, picture.name))
    return LabelledSet(name="archive", pictures=tuple(pictures), skipped=skipped)


def _pictures(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], most: int) -> tuple[list[LabelledPicture], int]:
    found: list[LabelledPicture] = []
    skipped = unpacked = 0
    for member in members:
        place = PurePosixPath(member.filename)
        if len(place.parts) < 2 or place.suffix.lower().encode() not in PICTURES or place.name.startswith("."):
            skipped += 1
            continue
        with archive.open(member) as file:
            content = file.read(most + 1)
        unpacked += len(content)
        if unpacked > MOST_UNPACKED:
            raise _not(f"its pictures have more than {MOST_UNPACKED:,} bytes")
        if len(content) > most:
            skipped += 1
            continue
        name = member.filename.encode(errors="surrogateescape")
        found.append(
            LabelledPicture(
                name=printable(member.filename),
                place=SourcePath(path=name, shown=name, below=name, root=b""),
                person=printable(place.parent.name),
                untrusted=content,
            )
        )
    return found, skipped


def _not(why: str) -> NotEvaluable:
    return NotEvaluable(path="The archive", why=why, remedy=_REMEDY)
