"""The media records of a VICS file, as values. Everything in them is what somebody else's program wrote."""

from __future__ import annotations

import codecs
import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

from lineament.errors import NotRead
from lineament.sandbox.files import SourcePath
from lineament.sandbox.process import INVALID_REPLY, WorkerLimits, messages_about
from lineament.sources.provenance import Unusable

RECORDS = b"R"
"""The kind of a message with records: one JSON value on each line."""
LARGEST_RECORD = 2**20
"""Most bytes of what is kept of one record, as JSON."""
MOST_PARTS = 64
"""Most entries of a list in a record (its files, its further digests) that are kept."""
TOO_LARGE = f"more than {LARGEST_RECORD:,} bytes of it would have to be kept"

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_WORKER = "lineament.sources.vics.worker"
_LIMITS = WorkerLimits(message=2 * LARGEST_RECORD, patience=300, seconds=24 * 3600)
_HEX = frozenset("0123456789abcdef")
_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "pdq": 64}
_TRUE = frozenset({"true", "1", "yes", "y", "t"})
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaPlace:
    """Where a file lay on the device that was examined."""

    name: str  # without its folder; "" if it is not said
    path: str
    deleted: bool  # it was deleted there, or recovered from what is not allocated


@dataclass(frozen=True, slots=True, kw_only=True)
class VicsMedia:
    """A media record."""

    model: str  # the version of the data model, “1.3” or “2.0”
    country: str  # whose categories it uses, as “US”; "" if that is not said
    case: str  # number or id of its case; "" in a hash set
    media_id: str
    category: int | None  # as somebody else's program wrote it; what it means differs by country
    digests: Mapping[str, str]  # md5, sha1, sha256 and pdq, as far as they are there, in lower case
    malformed: tuple[str, ...]  # the kinds of digests that are stated, but not as one
    relative_path: str  # of the file beside the JSON file; "" in a hash set
    places: tuple[MediaPlace, ...]


def without_mark(untrusted: bytes) -> tuple[bytes, str]:
    """Return the beginning of a VICS file without its byte order mark, and the encoding that the mark tells."""
    mark, encoding = next((each for each in _MARKS if untrusted.startswith(each[0])), (b"", "utf-8"))
    return untrusted[len(mark) :], encoding


def media_records(place: SourcePath, after: int) -> Generator[tuple[int, VicsMedia | Unusable], None, None]:
    """Yield the records after the record ``after``, each with its number, from 1; Unusable for one that is none.

    Raises NotRead, after those before it, if the file cannot be read to its end.
    """
    number = after
    for kind, lines in messages_about(_WORKER, place, _LIMITS, after):
        if kind != RECORDS:
            raise NotRead(why=INVALID_REPLY)
        for line in lines.split(b"\n"):
            number += 1
            yield number, media_of(line)


def media_of(line: bytes) -> VicsMedia | Unusable:
    """Return the record in a line of the worker, which is not trusted. Raises NotRead if it is no such line."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise NotRead(why=INVALID_REPLY) from None
    if isinstance(fields, str):
        return Unusable(fields[:200])
    if not isinstance(fields, dict):
        raise NotRead(why=INVALID_REPLY)
    if fields.get("relativefilepath") is False:
        return Unusable("its RelativeFilePath is too long, or is there twice")
    stated = _stated_digests(fields)
    digests = {kind: text for kind, text in stated.items() if len(text) == _LENGTHS[kind] and _HEX.issuperset(text)}
    return VicsMedia(
        model=_text(fields.get("model")),
        country=_text(fields.get("country")),
        case=_text(fields.get("casenumber")) or _text(fields.get("caseid")),
        media_id=_text(fields.get("mediaid")),
        category=_number(fields.get("category")),
        digests=digests,
        malformed=tuple(sorted(stated.keys() - digests.keys())),
        relative_path=_text(fields.get("relativefilepath")),
        places=tuple(_places(fields.get("mediafiles"))),
    )


def _stated_digests(fields: Mapping[str, object]) -> dict[str, str]:
    """Return the digests that a record states, in lower case, well-formed or not; what is blank is not stated."""
    stated = {kind: _digest_text(fields.get(kind)) for kind in ("md5", "sha1", "sha256")}
    others = fields.get("alternativehashes")
    for other in others if isinstance(others, list) else ():
        if not isinstance(other, dict):
            continue
        kind = _text(other.get("hashname")).lower().replace("-", "").replace("_", "")
        if kind in _LENGTHS and not stated.get(kind):
            stated[kind] = _digest_text(other.get("hashvalue"))
    return {kind: text for kind, text in stated.items() if text}


def _digest_text(value: object) -> str:
    return "?" if value is False else _text(value).lower()


def _places(files: object) -> Iterator[MediaPlace]:
    for file in files if isinstance(files, list) else ():
        if isinstance(file, dict):
            deleted = _flag(file.get("deleted")) or _flag(file.get("unallocated"))
            yield MediaPlace(name=_text(file.get("filename")), path=_text(file.get("filepath")), deleted=deleted)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _flag(value: object) -> bool:
    """Return a flag, which may be written as a word."""
    return value is True or _text(value).lower() in _TRUE


def _number(value: object) -> int | None:
    """Return a whole number, which may be written as text or with a fraction of zero; None if it is none."""
    text = _text(value)
    whole = text.partition(".")[0] if text.rstrip("0").endswith(".") else text
    plain = whole.isascii() and whole.isdigit() and len(whole) <= _MOST_DIGITS
    return int(whole) if plain else None
