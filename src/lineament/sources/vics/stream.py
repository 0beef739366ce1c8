"""Reads the media records of a VICS file one by one, so that memory does not grow with the file.

A file is an object with the version of the data model (``odata.metadata`` in 1.3, ``@odata.context`` in 2.0) and
``value``: a list of cases, each with its list ``Media``, or, in a hash set, a list of media records. Of a record only
what ``KEPT`` names is kept, and of that no more than the limits here. What a file says of its own length is not used.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import IO, Any, TypeAlias

import ijson

from lineament.sources.provenance import Unusable
from lineament.sources.vics.records import MOST_PARTS, without_mark

KEPT = frozenset(
    {"alternativehashes", "category", "mediafiles", "mediaid", "md5", "relativefilepath", "sha1", "sha256"}
)
"""The fields of a media record that are kept, in lower case."""
CASE_FIELDS = frozenset({"casenumber", "caseid"})
"""The fields of a case that are kept, in lower case."""
VERSIONS = ("1.3", "2.0")
"""The versions of the data model that are read."""
LONGEST = 4096
"""Most characters of a text; one that is longer is kept as False, and makes its record unusable if it matters."""
MOST_FIELDS = 1000
"""Most fields of an object inside a record."""
DEEPEST = 32
"""Most levels of lists and objects, one in the other."""

Event: TypeAlias = tuple[str, Any]
Fields: TypeAlias = dict[str, Any]
"""Field names in lower case, with plain values; a list has at most MOST_PARTS of its entries."""

_CONTEXTS = frozenset({"odata.metadata", "@odata.context"})
_MODEL = re.compile(r"/DataModels/(\d{1,3}\.\d{1,3})\.xml(?:/([A-Za-z0-9-]{1,20}))?", re.IGNORECASE)
_OPENS, _CLOSES = frozenset({"start_map", "start_array"}), frozenset({"end_map", "end_array"})


def read_media(file: IO[bytes]) -> Iterator[Fields | str]:
    """Yield the fields of each media record with those of its case and of the head, or why it is none.

    The fields ``model`` (its version) and ``country`` (the variant of its categories; empty if none is named) come
    from the head. Raises Unusable if the rest of the file cannot be read.
    """
    events = _bounded(ijson.basic_parse(_Utf8(file)))
    try:
        yield from _document(events)
        if next(events, None) is not None:
            raise Unusable("something follows its end")
    except Unusable:
        raise
    except (ijson.JSONError, ValueError, ArithmeticError, SystemError) as error:  # the last: numbers of many digits
        cut = "premature EOF" in str(error)
        raise Unusable("it is cut off" if cut else "it is not JSON, or damaged") from None


def _document(events: Iterator[Event]) -> Iterator[Fields | str]:
    kind, _ = next(events, ("", None))
    if kind != "start_map":
        raise Unusable("it is no VICS file: it is not an object that names its data model")
    head: Fields | None = None
    for key in _keys(events):
        event = next(events)
        if key in _CONTEXTS:
            head = _head(_value(events, event))
        elif key != "value":
            _skip(events, event)
        elif head is None:
            raise Unusable("it does not name its data model before its records; VICS 1.3 and 2.0 are read")
        else:
            yield from _cases(events, event, head)


def _head(value: object) -> Fields:
    """Return version and country of a data model. Raises Unusable unless the version is one that is read."""
    found = _MODEL.search(value) if isinstance(value, str) else None
    if found is None:
        raise Unusable("it names no data model of Project VIC; VICS 1.3 and 2.0 are read")
    if found[1] not in VERSIONS:
        raise Unusable(f"it is of version {found[1]} of VICS; {' and '.join(VERSIONS)} are read")
    country = found[2] or ""
    return {"model": found[1], "country": "" if country.lower() in {"default", "custom"} else country}


def _cases(events: Iterator[Event], event: Event, head: Fields) -> Iterator[Fields | str]:
    """Yield the media of ``value``: a list of cases or of media records, or only one of them."""
    if event[0] == "start_map":
        yield from _case(events, head)
        return
    for element in _elements(events, event):
        if element[0] == "start_map":
            yield from _case(events, head)
        else:
            _skip(events, element)
            yield "it is not an object"


def _case(events: Iterator[Event], head: Fields) -> Iterator[Fields | str]:
    """Yield the media of a case, or the object itself if it has no list of media."""
    own: Fields = {}
    is_case = False
    for key in _keys(events):
        event = next(events)
        if key == "media":
            is_case = True
            case = head | {name: value for name, value in own.items() if name in CASE_FIELDS}
            for element in _elements(events, event):
                yield _record(events, element, case)
        else:
            _keep(own, key, events, event, KEPT | CASE_FIELDS)
    if not is_case:
        yield {name: value for name, value in own.items() if name in KEPT} | head


def _record(events: Iterator[Event], event: Event, case: Fields) -> Fields | str:
    if event[0] != "start_map":
        _skip(events, event)
        return "it is not an object"
    own: Fields = {}
    for key in _keys(events):
        _keep(own, key, events, next(events), KEPT)
    return own | case


def _keep(own: Fields, key: str, events: Iterator[Event], event: Event, wanted: frozenset[str]) -> None:
    if key not in wanted:
        _skip(events, event)
        return
    value = _value(events, event)
    if key in own and own[key] != value:
        value = False  # it contradicts itself
    own[key] = value


# ---------------------------------------------------------------- values


def _value(events: Iterator[Event], event: Event) -> Any:
    """Return a value: of a list its first entries, of an object its first fields; False for a text that is too long."""
    kind, value = event
    if kind == "start_map":
        fields: Fields = {}
        for key in _keys(events):
            inner = next(events)
            if len(fields) < MOST_FIELDS:
                fields[key] = _value(events, inner)
            else:
                _skip(events, inner)
        return fields
    if kind == "start_array":
        entries: list[Any] = []
        for element in _elements(events, event):
            if len(entries) < MOST_PARTS:
                entries.append(_value(events, element))
            else:
                _skip(events, element)
        return entries
    if kind == "string":
        return value if len(value) <= LONGEST else False
    return value if kind in {"boolean", "null"} else str(value)[:LONGEST]


def _elements(events: Iterator[Event], event: Event) -> Iterator[Event]:
    """Yield the first event of each element of a list; nothing for null. Raises Unusable if it is no list."""
    if event[0] == "null":
        return
    if event[0] != "start_array":
        raise Unusable("what should be a list in it is none")
    while (element := next(events))[0] != "end_array":
        yield element


def _keys(events: Iterator[Event]) -> Iterator[str]:
    """Yield the keys of an object, in lower case; the caller reads the value of each."""
    while (event := next(events))[0] != "end_map":
        yield str(event[1])[:LONGEST].lower()


def _skip(events: Iterator[Event], event: Event) -> None:
    """Read a value and forget it."""
    depth = int(event[0] in _OPENS)
    while depth:
        kind = next(events)[0]
        depth += (kind in _OPENS) - (kind in _CLOSES)


def _bounded(events: Iterator[Event]) -> Iterator[Event]:
    """Yield events. Raises Unusable if lists and objects lie too deep in one another, or the document breaks off."""
    depth = 0
    for event in events:
        kind = event[0]
        if kind in _OPENS:
            depth += 1
            if depth > DEEPEST:
                raise Unusable(f"its lists and objects lie more than {DEEPEST} levels deep in one another")
        elif kind in _CLOSES:
            depth -= 1
        yield event
    if depth:
        raise Unusable("it is cut off")


class _Utf8:
    """The bytes of a file in UTF-8 without a byte order mark; what is no text in its encoding is replaced by U+FFFD."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder: codecs.IncrementalDecoder | None = None

    def read(self, size: int) -> bytes:
        """Return some of it, about ``size`` bytes; b"" at the end."""
        while size and (untrusted := self._file.read(size)):
            if text := self._decoded(untrusted):
                return text
        rest = "" if self._decoder is None or not size else self._decoder.decode(b"", final=True)
        return rest.encode()

    def _decoded(self, untrusted: bytes) -> bytes:
        if self._decoder is None:
            untrusted, encoding = without_mark(untrusted)
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        return self._decoder.decode(untrusted).encode("utf-8", "replace")
