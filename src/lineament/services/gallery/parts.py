"""The pictures of one file in an ingest: pages, or the frames of an animation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lineament.model.faces import Provenance
from lineament.services.gallery.items import IngestItem
from lineament.store.places import StoredPart
from lineament.vision.decode import DecodedPicture


def of_part(provenance: Provenance, picture: DecodedPicture) -> Provenance:
    """Return where one of several pictures of a file was found, with its number, and its time code if it has one."""
    return replace(
        provenance,
        uri=_joined(provenance.uri, _fragment(picture)),
        part=picture.part,
        parts=picture.parts,
        time_code=picture.seconds,
    )


def name_of_part(name: str, number: int, seconds: float | None = None) -> str:
    """Return the name of one of several pictures of a file, for messages."""
    return f"{name}, page {number}" if seconds is None else f"{name}, frame {number}"


def as_one_file(items: Sequence[IngestItem], whole: IngestItem) -> list[IngestItem]:
    """Return the pictures of the file ``whole`` so that they are committed together, and the file is known again.

    Its first capture keeps the address of the file. None keeps its time code in the pipeline, where it would be taken
    for a frame of a video.
    """
    named, first = [], True
    for number, item in enumerate(items, 1):
        provenance = whole.collected.provenance
        capture = item.capture
        if capture is not None:
            uri = provenance.uri if first else capture.provenance.uri
            provenance, first = replace(provenance, uri=uri), False
            capture = replace(capture, provenance=replace(capture.provenance, uri=uri))
        collected = replace(item.collected, untrusted=b"", provenance=provenance)
        named.append(replace(item, collected=collected, capture=capture, more=number < len(items)))
    return named


def places_of(item: IngestItem, stored: Sequence[StoredPart]) -> Iterator[tuple[StoredPart, str]]:
    """Yield the stored pictures that were found again with an item, each with its address there.

    An item that was analysed is one of them; one that was not stands for its whole file.
    """
    uri = item.collected.provenance.uri
    if item.capture is not None:
        yield from ((part, uri) for part in stored if part.number == item.part)
        return
    known = stored[0].uri
    for part in stored:
        added = part.uri.removeprefix(known)
        yield part, uri if part is stored[0] or added == part.uri else _joined(uri, added[1:])


def _fragment(picture: DecodedPicture) -> str:
    if picture.seconds is None:
        return f"page={picture.part}"
    return "t=" + (f"{picture.seconds:.3f}".rstrip("0").rstrip(".") or "0")


def _joined(uri: str, fragment: str) -> str:
    return f"{uri}{'&' if '#' in uri else '#'}{fragment}"
