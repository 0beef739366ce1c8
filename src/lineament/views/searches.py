"""Searches as JSON (docs/reference/search-json.md)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lineament.model.blind import HiddenEntry, HiddenFace
from lineament.model.faces import EnrolledFace, Landmarks, Quality
from lineament.model.search import Candidate, ListEntry, SearchEntry, SearchResult
from lineament.model.together import OtherPerson
from lineament.views.probes import edit_json
from lineament.views.quality import iso_json
from lineament.views.values import iso, sides

if TYPE_CHECKING:
    from lineament.store.searches import StoredSearch


def search_json(result: SearchResult, entry: SearchEntry) -> dict[str, Any]:
    """Return a search with its candidates as JSON."""
    return {
        "search_id": result.search_id,
        "case": result.case,
        "model": result.model,
        "gallery_faces": result.gallery_faces,
        "uncompared": result.uncompared,
        "altered": list(result.altered),
        "sources": list(result.sources),
        "mode": result.mode.value,
        "threshold": result.threshold,
        "strangers": result.strangers,
        "signed": None if result.signed is None else {**asdict(result.signed), "on": iso(result.signed.on)},
        "missed": result.missed,
        "outcome": result.outcome.value,
        "probe": {
            "id": result.probe_id,
            "sha256": result.probe_sha256,
            "face": result.face,
            "part": result.probe_part,
            "parts": result.probe_parts,
            "incomplete": result.probe_incomplete,
            "missing": result.probe_missing,
            "edits": [edit_json(edit) for edit in result.probe_edits],
            "kind": result.probe_kind.value,
            "origin": None if result.probe_origin is None else asdict(result.probe_origin),
            "erased": result.probe_erased,
            "box": sides(result.face_box),
            "quality": quality_json(result.quality),
        },
        "others": [{"id": other.probe_id, "face": other.face} for other in result.others],
        "together": None if result.together is None else result.together.value,
        "people": [person_json(person) for person in result.people],
        "newest_face": result.newest_face,
        "after": None if result.after is None else {**asdict(result.after), "at": iso(result.after.at)},
        "watch": result.watch,
        "whole_faces": result.whole_faces,
        "candidates": [entry_json(listed) for listed in result.entries],
        "hidden": [hidden_json(hidden) for hidden in result.hidden],
        "ledger_entry": entry.number,
        "commitment": entry.commitment,
        "warnings": list(entry.warnings),
        "seconds": round(result.seconds, 6),
    }


def stored_search_json(stored: StoredSearch, entry: SearchEntry) -> dict[str, Any]:
    """Return a search as JSON, with when, by whom and why it was made."""
    made = stored.result
    about = {"made_at": iso(made.made_at), "made_by": stored.examiner, "reason": made.reason}
    return {**search_json(made, entry), **about}


def person_json(person: OtherPerson) -> dict[str, Any]:
    """Return a further person of a search as JSON."""
    return {
        "number": person.number,
        "probe": {
            "id": person.probe_id,
            "sha256": person.sha256,
            "face": person.face,
            "box": sides(person.face_box),
            "quality": quality_json(person.quality),
        },
        "threshold": person.threshold,
        "missed": person.missed,
    }


def named_search_json(file: str, result: SearchResult, entry: SearchEntry) -> dict[str, Any]:
    """Return a search as JSON, named by the file of its photograph, as one of several."""
    return {"file": file, **search_json(result, entry)}


def searched_before_json(file: str, search_id: str) -> dict[str, Any]:
    """Return as JSON that a photograph of a batch was left out, because a search had been made of it."""
    return {"file": file, "searched_before": search_id}


def listed_search_json(stored: StoredSearch) -> dict[str, Any]:
    """Return a search as JSON for the list of its case: the number of candidates, but not which they are."""
    search = stored.result
    return {
        "search_id": search.search_id,
        "made_at": iso(search.made_at),
        "reason": search.reason,
        "outcome": stored.outcome.value,
        "candidates": search.listed,
        "erased": len(stored.erased) + stored.gone,
    }


def quality_json(measured: Quality, landmarks: Landmarks | None = None) -> dict[str, Any]:
    """Return the quality of a face as JSON: its measures, the reasons against it, and the names of ISO/IEC 29794-5.

    ``landmarks`` are those that the detector set, if they are at hand.
    """
    return {
        **asdict(measured),
        "reasons": [reason.value for reason in measured.reasons],
        "reliable": measured.reliable,
        "iso_29794_5": iso_json(measured, landmarks),
    }


def enrolled_quality_json(face: EnrolledFace) -> dict[str, Any]:
    """Return the quality of a face of the gallery as JSON; the landmarks in a drawn box may be a guess."""
    return quality_json(face.quality, None if face.drawn else face.landmarks)


def entry_json(listed: ListEntry) -> dict[str, Any]:
    """Return an entry of a list as JSON: its best picture, with further pictures of the same face."""
    further = [candidate_json(candidate) for candidate in listed.further]
    return {**candidate_json(listed.candidate), "further": further, "unlisted": listed.unlisted}


def hidden_json(hidden: HiddenEntry) -> dict[str, Any]:
    """Return an entry whose rank, score and page are hidden from the reader as JSON; its pictures by their names."""
    return {"name": hidden.name, "faces": [hidden_face_json(face) for face in hidden.faces], "more": hidden.more}


def hidden_face_json(face: HiddenFace) -> dict[str, Any]:
    """Return a picture of such an entry as JSON; where it was found is None until the reader decided."""
    return {
        "name": face.name,
        "source": face.source,
        "captured_at": iso(face.captured_at),
        "near_duplicates": face.near_duplicates,
        "part": face.part,
        "parts": face.parts,
        "time_code": face.time_code,
        "incomplete": face.incomplete,
        "found_at": None if face.found_at is None else asdict(face.found_at),
    }


def candidate_json(candidate: Candidate) -> dict[str, Any]:
    """Return one candidate as JSON."""
    return {
        "rank": candidate.rank,
        "score": candidate.score,
        "expected_false": candidate.expected_false,
        "extrapolated": None if candidate.extrapolated is None else list(candidate.extrapolated),
        "group": candidate.group,
        "person": candidate.person,
        "face_id": candidate.face_id,
        "capture_id": candidate.capture_id,
        "source": candidate.source,
        "uri": candidate.uri,
        "page_uri": candidate.page_uri,
        "page_title": candidate.page_title,
        "captured_at": iso(candidate.captured_at),
        "connector": candidate.connector,
        "words": candidate.words,
        "record": None if candidate.record is None else asdict(candidate.record),
        "page_record": None if candidate.page_record is None else asdict(candidate.page_record),
        "time_code": candidate.time_code,
        "part": candidate.part,
        "parts": candidate.parts,
        "incomplete": candidate.incomplete,
        "missing": candidate.missing,
        "sha256": candidate.sha256,
        "box": sides(candidate.box),
        "drawn": candidate.drawn,
        "near_duplicates": list(candidate.near_duplicates),
    }
