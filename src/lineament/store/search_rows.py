"""Searches and their lists as rows of the database, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy.engine import RowMapping

from lineament.model.faces import CaptureId, FaceId
from lineament.model.search import Candidate, CopyOrigin, Mode, ProbeFace, ProbeKind, SearchResult, ThresholdOrigin
from lineament.model.together import EnrolledSince, OtherPerson, Together
from lineament.store.protected import Row
from lineament.store.values import (
    box_from,
    box_to,
    edit_from,
    quality_from,
    quality_to,
    snapshot_to,
    text,
)


def about_examiner(search_id: str) -> str:
    """Return the associated data of the sealed name of an examiner."""
    return f"searches|examiner|{search_id}"


def probe_rows(result: SearchResult) -> list[dict[str, Any]]:
    """Return the further photographs of the person searched, then one of each other person, as rows."""
    further = [{"probe_id": other.probe_id, "face": other.face} | _SAME_PERSON for other in result.others]
    every = further + [_person_row(person) for person in result.people]
    return [{"search_id": result.search_id, "position": position} | row for position, row in enumerate(every, 1)]


_SAME_PERSON = dict.fromkeys(("person", "threshold", "missed", "sha256", "face_box", "quality"))


def _person_row(person: OtherPerson) -> dict[str, Any]:
    return {
        "probe_id": person.probe_id,
        "face": person.face,
        "person": person.number,
        "threshold": float(person.threshold),
        "missed": person.missed,
        "sha256": person.sha256,
        "face_box": text(box_to(person.face_box)),
        "quality": text(quality_to(person.quality)),
    }


def person_from(row: Row) -> OtherPerson | ProbeFace:
    """Return the other person of a row, or a further photograph of the same one."""
    if row["person"] is None:
        return ProbeFace(probe_id=row["probe_id"], face=row["face"])
    return OtherPerson(
        number=row["person"],
        probe_id=row["probe_id"],
        face=row["face"],
        sha256=row["sha256"],
        face_box=box_from(json.loads(row["face_box"])),
        quality=quality_from(json.loads(row["quality"])),
        threshold=row["threshold"],
        missed=row["missed"],
    )


def candidate_row(search_id: str, candidate: Candidate) -> dict[str, Any]:
    """Return a candidate as a row."""
    return {
        "search_id": search_id,
        "rank": candidate.rank,
        "score": float(candidate.score),
        "expected_false": float(candidate.expected_false),
        "face_id": int(candidate.face_id),
        "source": candidate.source,
        "snapshot": text(snapshot_to(candidate)),
    }


def twin_rows(result: SearchResult) -> Iterator[dict[str, Any]]:
    """Yield the near-identical pictures of a list as rows."""
    for candidate in result.candidates:
        for position, twin in enumerate(candidate.near_duplicates):
            yield {"search_id": result.search_id, "rank": candidate.rank, "position": position, "face_id": int(twin)}


def search_row(result: SearchResult, case_id: int) -> dict[str, Any]:
    """Return a search as a row, without its agency and its examiner."""
    after = result.after
    return {
        "id": result.search_id,
        "case_id": case_id,
        "reason": result.reason,
        "made_at": result.made_at,
        "model": result.model,
        "gallery_faces": result.gallery_faces,
        "sources": text(result.sources),
        "mode": result.mode.value,
        "threshold": float(result.threshold),
        "since": result.since,
        "until": result.until,
        "most": result.limit,
        "probe_id": result.probe_id,
        "probe_sha256": result.probe_sha256,
        "face": result.face,
        "face_box": text(box_to(result.face_box)),
        "quality": text(quality_to(result.quality)),
        "seconds": float(result.seconds),
        "strangers": result.strangers,
        "signed": None if result.signed is None else text(_signed_to(result.signed)),
        "missed": result.missed,
        "uncompared": result.uncompared,
        "altered": text(result.altered) if result.altered else None,
        "together": None if result.together is None else result.together.value,
        "newest_face": result.newest_face,
        "after_search": None if after is None else after.search_id,
        "after_at": None if after is None else after.at,
        "after_face": None if after is None else after.face,
        "whole_faces": result.whole_faces if after is None else after.whole_faces,
        "watch_id": result.watch,
        "ledger_entry": result.ledger_entry,
    }


def _signed_to(signed: ThresholdOrigin) -> dict[str, Any]:
    return {"number": signed.number, "on": signed.on.isoformat(), "alone": signed.alone}


def _signed_from(stored: str | None) -> ThresholdOrigin | None:
    if stored is None:
        return None
    facts = json.loads(stored)
    return ThresholdOrigin(number=facts["number"], on=date.fromisoformat(facts["on"]), alone=facts["alone"])


def origin_from(row: RowMapping, prefix: str = "") -> CopyOrigin | None:
    """Return what a probe copies, given its columns; None if somebody added it."""
    if row[f"{prefix}origin_search"] is None:
        return None
    face, capture = row[f"{prefix}origin_face"], row[f"{prefix}origin_capture"]
    return CopyOrigin(
        search_id=row[f"{prefix}origin_search"] or None,
        face_id=None if face is None else FaceId(face),
        capture_id=None if capture is None else CaptureId(capture),
        source=row[f"{prefix}origin_source"],
    )


def _after_from(row: RowMapping) -> EnrolledSince | None:
    if row["after_search"] is None:
        return None
    return EnrolledSince(
        search_id=row["after_search"],
        at=row["after_at"],
        face=FaceId(row["after_face"]),
        whole_faces=row["whole_faces"],
    )


def result_from(row: RowMapping, shown: Sequence[Candidate], faces: Sequence[OtherPerson | ProbeFace]) -> SearchResult:
    """Return a search from its row, its candidates, and the further faces it was made with."""
    return SearchResult(
        search_id=row["id"],
        case=row["ref"],
        reason=row["reason"],
        made_at=row["made_at"],
        model=row["model"],
        gallery_faces=row["gallery_faces"],
        sources=tuple(json.loads(row["sources"])),
        mode=Mode(row["mode"]),
        threshold=row["threshold"],
        since=row["since"],
        until=row["until"],
        limit=row["most"],
        probe_id=row["probe_id"],
        probe_sha256=row["probe_sha256"],
        face=row["face"],
        face_box=box_from(json.loads(row["face_box"])),
        quality=quality_from(json.loads(row["quality"])),
        candidates=tuple(shown),
        seconds=row["seconds"],
        strangers=row["strangers"],
        signed=_signed_from(row["signed"]),
        missed=row["missed"],
        uncompared=row["uncompared"],
        altered=tuple(json.loads(row["altered"] or "[]")),
        ledger_entry=row["ledger_entry"],
        others=tuple(face for face in faces if isinstance(face, ProbeFace)),
        people=tuple(face for face in faces if isinstance(face, OtherPerson)),
        together=None if row["together"] is None else Together(row["together"]),
        newest_face=None if row["newest_face"] is None else FaceId(row["newest_face"]),
        after=_after_from(row),
        watch=row["watch_id"],
        whole_faces=None if row["watch_id"] is None else row["whole_faces"],
        case_key=row["case_key"],
        probe_part=row["probe_part"],
        probe_parts=row["probe_parts"],
        probe_incomplete=row["probe_incomplete"],
        probe_missing=row["probe_missing"],
        probe_kind=ProbeKind(row["probe_kind"]),
        probe_origin=origin_from(row, "probe_"),
        probe_erased=row["probe_erased_at"] is not None,
        probe_edits=tuple(edit_from(edit) for edit in json.loads(row["probe_edits"])),
    )
