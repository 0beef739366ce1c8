"""A candidate beside the probe as JSON, as far as its reader may know it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lineament.views.photographs import landmarks_json
from lineament.views.searches import enrolled_quality_json
from lineament.views.values import iso, sides

if TYPE_CHECKING:
    from lineament.model.faces import PhotoFacts, Provenance
    from lineament.model.search import Candidate
    from lineament.services.pictures import BesideProbe, Elsewhere, FoundPicture


def beside_json(name: str, shown: BesideProbe, *, hidden: bool) -> dict[str, Any]:
    """Return a candidate as JSON; ``hidden``: ranks and scores of its list are hidden from the reader.

    Where the face is in its picture, its measures and the numbers of both tell which picture it is: they are None, as
    is where it was found, until the reader decided.
    """
    found, quality = shown.found, enrolled_quality_json(shown.face)
    return {
        "name": name,
        "person": shown.person,
        "source": shown.source,
        "reliable": quality["reliable"],
        "reasons": quality["reasons"],
        "quality": None if found is None else quality,
        "drawn": shown.face.drawn,
        "box": None if found is None else sides(shown.face.box),
        "landmarks": None if found is None else landmarks_json(shown.face.landmarks),
        "found": None if found is None else _found_json(shown, found),
        "listed": None if found is None or hidden else _listed_json(found.candidate),
    }


def _listed_json(candidate: Candidate) -> dict[str, Any]:
    return {
        "rank": candidate.rank,
        "score": candidate.score,
        "expected_false": candidate.expected_false,
        "extrapolated": None if candidate.extrapolated is None else list(candidate.extrapolated),
        "group": candidate.group,
        "near_duplicates": list(candidate.near_duplicates),
    }


def _found_json(shown: BesideProbe, found: FoundPicture) -> dict[str, Any]:
    capture = found.capture
    return {
        "face_id": shown.face.id,
        "capture_id": capture.id,
        "sha256": capture.sha256,
        "media_type": capture.media_type,
        "bytes": capture.size,
        "width": capture.width,
        "height": capture.height,
        "part": capture.provenance.part,
        "parts": capture.provenance.parts,
        "incomplete": capture.incomplete,
        "missing": capture.missing,
        "barred": capture.barred,
        "enrolled_at": iso(capture.enrolled_at),
        "archived_page": capture.page is not None,
        **_place_json(capture.provenance),
        "facts": _facts_json(found.facts),
        **_elsewhere_json(found.elsewhere),
        "no_copy_because": None if found.why_no_copy is None else found.why_no_copy.words,
    }


def _place_json(place: Provenance) -> dict[str, Any]:
    return {
        "uri": place.uri,
        "page_uri": place.page_uri,
        "page_title": place.page_title,
        "captured_at": iso(place.captured_at),
        "licence": place.licence,
        "connector": place.connector,
        "words": place.words,
        "time_code": place.time_code,
        "record": None if place.record is None else asdict(place.record),
        "page_record": None if place.page_record is None else asdict(place.page_record),
    }


def _facts_json(facts: PhotoFacts) -> dict[str, Any]:
    credentials = None if facts.credentials is None else asdict(facts.credentials)
    if credentials is not None:
        credentials |= {name: list(credentials[name]) for name in ("kinds", "reserved")}
    return {
        "taken_at": iso(facts.taken_at),
        "place": None if facts.place is None else asdict(facts.place),
        "credentials": credentials,
    }


def _elsewhere_json(elsewhere: Elsewhere) -> dict[str, Any]:
    return {
        "same_file": [_place_json(place) for place in elsewhere.places],
        "alike": [
            {"source": alike.source, "capture_id": alike.capture.id, **_place_json(alike.capture.provenance)}
            for alike in elsewhere.alike
        ],
    }
