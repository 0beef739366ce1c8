"""Model values to JSON text and back, exactly: a float comes back as the same float."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from lineament.model.cases import Allowance, Authorisation, AuthorisationOutcome
from lineament.model.faces import (
    ArchiveRecord,
    Box,
    Face,
    Landmarks,
    Provenance,
    Quality,
    QualityReason,
    Template,
)
from lineament.model.search import Candidate, Edit, EditKind

JsonObject = Mapping[str, Any]

_POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
_MEASURES = ("face_height", "detector_score", "norm", "sharpness", "exposure", "yaw", "cropped", "roll")


def text(value: object) -> str:
    """Return compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def box_to(box: Box) -> list[float]:
    """Return [x, y, width, height]."""
    return [float(box.x), float(box.y), float(box.width), float(box.height)]


def box_columns(box: Box) -> dict[str, float]:
    """Return a box as columns; −0 becomes 0, as it is stored, because the MAC of the row is of these values."""
    return {name: float(getattr(box, name)) + 0.0 for name in ("x", "y", "width", "height")}


def box_from(sides: Sequence[float]) -> Box:
    """Return the value that the JSON holds."""
    return Box(x=sides[0], y=sides[1], width=sides[2], height=sides[3])


def landmarks_to(landmarks: Landmarks) -> list[list[float]]:
    """Return five [x, y] in the order of the class's fields."""
    return [[float(along) for along in getattr(landmarks, name)] for name in _POINTS]


def landmarks_from(points: Sequence[Sequence[float]]) -> Landmarks:
    """Return the value that the JSON holds."""
    return Landmarks(**{name: (x, y) for name, (x, y) in zip(_POINTS, points, strict=True)})


def quality_to(quality: Quality) -> dict[str, Any]:
    """Return measures by name, and reasons by member name (their wording may change)."""
    measures: dict[str, Any] = {name: float(getattr(quality, name)) for name in _MEASURES}
    return measures | {"grade": quality.grade, "reasons": [reason.name for reason in quality.reasons]}


def quality_from(value: JsonObject) -> Quality:
    """Return the value that the JSON holds."""
    reasons = tuple(QualityReason[name] for name in value["reasons"])
    measures = {name: value[name] for name in _MEASURES if name in value}  # versions up to 0.2 told no roll
    return Quality(**measures, grade=value.get("grade", 0), reasons=reasons)


def face_to(face: Face) -> dict[str, Any]:
    """Return a face with its template, to be sealed before it is stored."""
    import numpy as np

    vector = np.ascontiguousarray(face.template.vector, dtype="<f4")
    return {
        "box": box_to(face.box),
        "landmarks": landmarks_to(face.landmarks),
        "quality": quality_to(face.quality),
        "model": face.template.model,
        "vector": b64encode(vector.tobytes()).decode(),
    }


def face_from(value: JsonObject) -> Face:
    """Return the value that the JSON holds."""
    import numpy as np

    vector = np.frombuffer(b64decode(value["vector"]), dtype="<f4").astype(np.float32)
    return Face(
        box=box_from(value["box"]),
        landmarks=landmarks_from(value["landmarks"]),
        quality=quality_from(value["quality"]),
        template=Template(value["model"], vector),
    )


def edit_to(edit: Edit) -> dict[str, Any]:
    """Return an edit."""
    box = None if edit.box is None else box_to(edit.box)
    facts = {"kind": edit.kind.value, "degrees": edit.degrees, "box": box, "stops": float(edit.stops)}
    return {**facts, "automatic": True} if edit.automatic else facts


def edit_from(value: JsonObject) -> Edit:
    """Return the value that the JSON holds."""
    box = None if value["box"] is None else box_from(value["box"])
    return Edit(
        kind=EditKind(value["kind"]),
        degrees=value["degrees"],
        box=box,
        stops=value["stops"],
        automatic=value.get("automatic", False),
    )


def authorisation_to(authorisation: Authorisation) -> dict[str, Any]:
    """Return an authority's decision, to be sealed before it is stored."""
    ends = authorisation.expires_on
    return {
        "authority": authorisation.authority,
        "decided_at": authorisation.decided_at.isoformat(),
        "outcome": authorisation.outcome.value,
        "document_sha256": authorisation.document_sha256,
        "scope": authorisation.scope,
        "expires_on": None if ends is None else ends.isoformat(),
        "recorded_by": authorisation.recorded_by,
        "recorded_at": authorisation.recorded_at.isoformat(),
    }


def authorisation_from(value: JsonObject) -> Authorisation:
    """Return the value that the JSON holds."""
    ends = value["expires_on"]
    return Authorisation(
        authority=value["authority"],
        decided_at=datetime.fromisoformat(value["decided_at"]),
        outcome=AuthorisationOutcome(value["outcome"]),
        document_sha256=value["document_sha256"],
        scope=value["scope"],
        expires_on=None if ends is None else date.fromisoformat(ends),
        recorded_by=value["recorded_by"],
        recorded_at=datetime.fromisoformat(value["recorded_at"]),
    )


def allowance_to(allowance: Allowance) -> dict[str, Any]:
    """Return a supervisor's statement on words in doubt, to be sealed before it is stored."""
    return {
        "words": list(allowance.words),
        "because": allowance.because,
        "by": allowance.by,
        "at": allowance.at.isoformat(),
        "alone": allowance.alone,
    }


def allowance_from(value: JsonObject) -> Allowance:
    """Return the value that the JSON holds."""
    return Allowance(
        words=tuple(value["words"]),
        because=value["because"],
        by=value["by"],
        at=datetime.fromisoformat(value["at"]),
        alone=value["alone"],
    )


_RECORD = tuple(ArchiveRecord.__dataclass_fields__)
_EVIDENCE = ("connector", "words", "time_code", "part", "parts")


def evidence_to(found: Provenance | Candidate) -> dict[str, Any]:
    """Return the known parts of a provenance that have no column of their own."""
    shown: dict[str, Any] = {name: getattr(found, name) for name in _EVIDENCE}
    for name in ("record", "page_record"):
        record: ArchiveRecord | None = getattr(found, name)
        shown[name] = None if record is None else {part: getattr(record, part) for part in _RECORD}
    return {name: value for name, value in shown.items() if value is not None}


def evidence_from(value: JsonObject) -> dict[str, Any]:
    """Return keyword arguments for a Provenance or a Candidate."""
    records = {name: ArchiveRecord(**value[name]) for name in ("record", "page_record") if name in value}
    return {name: value[name] for name in _EVIDENCE if name in value} | records


_SHOWN = ("capture_id", "uri", "page_uri", "page_title", "sha256", "width", "height")
_SINCE_0_3 = ("incomplete", "missing", "group", "unlisted", "extrapolated", "drawn", "person")
"""What was also shown of a candidate in searches since version 0.3."""


def snapshot_to(candidate: Candidate) -> dict[str, Any]:
    """Return what was shown of a candidate, without rank, scores, ids and source, which have columns."""
    shown: dict[str, Any] = {name: getattr(candidate, name) for name in _SHOWN}
    at = candidate.captured_at
    shown["captured_at"] = None if at is None else at.isoformat()
    shown |= {name: getattr(candidate, name) for name in _SINCE_0_3}
    return shown | {"phash": candidate.phash.hex(), "box": box_to(candidate.box), "evidence": evidence_to(candidate)}


def snapshot_from(value: JsonObject) -> dict[str, Any]:
    """Return keyword arguments for a Candidate."""
    shown: dict[str, Any] = {name: value[name] for name in _SHOWN}
    at = value["captured_at"]
    shown["captured_at"] = None if at is None else datetime.fromisoformat(at)
    shown |= evidence_from(value["evidence"])
    shown |= {name: value[name] for name in _SINCE_0_3 if name in value}
    if shown.get("extrapolated") is not None:
        shown["extrapolated"] = tuple(shown["extrapolated"])
    return shown | {"phash": bytes.fromhex(value["phash"]), "box": box_from(value["box"])}
