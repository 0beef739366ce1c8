"""Collections, persons and their faces, and searches, as InsightFace Server has them."""

from __future__ import annotations

import time
from typing import Any

from starlette.responses import Response

from lineament.api import lists
from lineament.api.admission import require
from lineament.api.compat.asked import ReadRequest, milliseconds_since
from lineament.api.compat.insightface_answers import (
    collection_answer,
    face_answer,
    person_answer,
    sample_answer,
    threshold_of,
)
from lineament.api.compat.insightface_errors import InsightFaceFault, code_of, enveloped
from lineament.api.compat.insightface_requests import (
    CollectionChange,
    PersonChange,
    forced,
    image,
    images,
    person_facts,
    person_id,
    read_change,
    read_wish,
    refuse_wishes,
    threshold,
    whole,
)
from lineament.api.multipart import SentFile
from lineament.errors import AlreadyThere, InvalidValue, LineamentError, NotFound
from lineament.model.accounts import Permission
from lineament.model.collections import CollectionFace, Dialect, FaceSubject, KnownCollection
from lineament.model.search import MOST_CANDIDATES
from lineament.sandbox.files import printable
from lineament.services.collections.examples import FACE, SUBJECT, WantedExample
from lineament.services.collections.recognising import WantedFaces
from lineament.services.collections.searching import ProgramSearch
from lineament.views.values import iso

MOST_LISTED = 100
_USUAL = 50
_AT_ONCE = 500
_REASONS = {FACE: "low_quality", SUBJECT: "enrolled_as_another_person"}
"""The words for why a picture was not enrolled, by the field of what is wrong."""

# ---------------------------------------------------------------- collections


def make_collection(read: ReadRequest) -> Response:
    """Make a collection with the terms of the only source that the key names."""
    wish = read_wish(read.sent.value)
    if wish.save_face_crops is False:
        why = "Lineament keeps the crop of each face, sealed, so that a person can look at a candidate"
        raise InsightFaceFault("invalid_request", f"save_face_crops: leave it out; {why}")
    facts: dict[str, Any] = {"name": wish.name, "description": wish.description, "metadata": wish.metadata}
    if wish.threshold is not None:
        facts["threshold"] = wish.threshold
    try:
        made = read.call.desk.collections.make(Dialect.INSIGHTFACE, wish.id, facts)
    except AlreadyThere as error:
        raise InsightFaceFault("collection_exists", str(error), 409) from error
    return enveloped({"collection": _collection_answer(read, made)}, 201)


def collection_list(read: ReadRequest) -> Response:
    """Return a part of the list of collections."""
    limit, after = whole(read.query.get("limit"), "limit", _USUAL, MOST_LISTED), _after(read, str)
    found = [each for each in read.call.desk.collections.list(Dialect.INSIGHTFACE) if each.called > after]
    shown, following = lists.first_part(found, limit, lambda each: each.called)
    return enveloped({"collections": [_collection_answer(read, each) for each in shown], "next_cursor": following})


def one_collection(read: ReadRequest) -> Response:
    """Return a collection."""
    return enveloped({"collection": _collection_answer(read, collection_of(read))})


def change_collection(read: ReadRequest) -> Response:
    """Change what a program says of a collection."""
    collection, change = collection_of(read), read_change(CollectionChange, read.sent.value)
    facts = {**collection.facts, **change, "updated_at": _now(read)}
    changed = read.call.desk.collections.describe(Dialect.INSIGHTFACE, collection.called, facts)
    return enveloped({"collection": _collection_answer(read, changed)})


def delete_collection(read: ReadRequest) -> Response:
    """Delete a collection that a program made; with what it holds only if the program insists."""
    collection = collection_of(read)
    empty = not collection.faces and not read.call.desk.subjects.count(collection)
    if not empty and not forced(read.query):
        raise InsightFaceFault("collection_not_empty", "The collection is not empty; repeat it with force=true.", 409)
    read.call.desk.collections.delete(Dialect.INSIGHTFACE, collection.called)
    return Response(status_code=204)


# ---------------------------------------------------------------- persons


def make_person(read: ReadRequest) -> Response:
    """Add a person with the faces of pictures; nobody if none of them can be enrolled."""
    collection, sent, subjects = collection_of(read), images(read.sent), read.call.desk.subjects
    called, facts = person_id(read.sent), person_facts(read.sent)
    try:
        person = subjects.add(collection, called, facts)
    except AlreadyThere as error:
        raise InsightFaceFault("person_exists", str(error), 409) from error
    try:
        faces, rejected = _enrolled(read, collection, called, sent)
    finally:
        if not subjects.faces(person):
            subjects.remove(collection, called)
    answer = _person_answer(read, person)
    return enveloped({"person": answer, "faces": _samples(read, faces), "rejected_images": rejected}, 201)


def person_list(read: ReadRequest) -> Response:
    """Return a part of the list of persons, or of those that a text is part of."""
    collection = collection_of(read)
    limit, after = whole(read.query.get("limit"), "limit", _USUAL, MOST_LISTED), _after(read, str)
    text = read.query.get("search", "")[:200].casefold()
    found: list[FaceSubject] = []
    at_once = _AT_ONCE if text else limit + 1
    while len(found) <= limit:
        part = read.call.desk.subjects.page(collection, after=after, limit=at_once)
        found += [subject for subject in part if _says(subject, text)]
        if len(part) < at_once:
            break
        after = part[-1].id
    shown, following = lists.first_part(found, limit, lambda subject: subject.id)
    persons = [_person_answer(read, subject) for subject in shown]
    return enveloped({"persons": persons, "next_cursor": following})


def one_person(read: ReadRequest) -> Response:
    """Return a person."""
    collection = collection_of(read)
    return enveloped({"person": _person_answer(read, _person(read, collection))})


def change_person(read: ReadRequest) -> Response:
    """Change what a program says of a person."""
    collection, change = collection_of(read), read_change(PersonChange, read.sent.value)
    person = _person(read, collection)
    facts = {**person.facts, **change, "updated_at": _now(read)}
    changed = read.call.desk.subjects.describe(collection, person.called, facts)
    return enveloped({"person": _person_answer(read, changed)})


def delete_person(read: ReadRequest) -> Response:
    """Erase a person with their faces."""
    collection = collection_of(read)
    read.call.desk.examples.erase_subject(collection, _person(read, collection).called)
    return Response(status_code=204)


# ---------------------------------------------------------------- their faces


def add_faces(read: ReadRequest) -> Response:
    """Enrol faces of pictures as those of a person."""
    collection, sent = collection_of(read), images(read.sent)
    person = _person(read, collection)
    faces, rejected = _enrolled(read, collection, person.called, sent)
    return enveloped({"faces": _samples(read, faces), "rejected_images": rejected}, 201)


def face_list(read: ReadRequest) -> Response:
    """Return a part of the list of a person's faces."""
    collection = collection_of(read)
    person = _person(read, collection)
    limit, first = whole(read.query.get("limit"), "limit", _USUAL, MOST_LISTED), _after(read, int)
    part = read.call.desk.examples.part(collection, first=first, limit=limit, subject=person.called)
    following = lists.cursor(first + limit) if first + limit < part.total else None
    return enveloped({"faces": _samples(read, part.examples), "next_cursor": following})


def face_image(read: ReadRequest) -> Response:
    """Return the crop of a face as JPEG."""
    collection = collection_of(read)
    face = _face(read, collection)
    jpeg = read.call.desk.examples.picture(collection, face.key)
    return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})


def delete_face(read: ReadRequest) -> Response:
    """Erase a face."""
    collection = collection_of(read)
    read.call.desk.collection_faces.delete(collection, [_face(read, collection).key])
    return Response(status_code=204)


# ---------------------------------------------------------------- search


def search(read: ReadRequest) -> Response:
    """Search for the largest face of a picture, in the case of the key."""
    began, desk = time.perf_counter(), read.call.desk
    require(read.call, Permission.SEARCH)
    refuse_wishes(read.sent, "face_selection")
    collection, sent = collection_of(read), image(read.sent)
    limit = whole(read.sent.texts.get("limit"), "limit", 5, MOST_LISTED)
    named = threshold(read.sent)
    least = threshold_of(collection) if named is None else named
    wanted = ProgramSearch(case=read.call.case, reason=read.call.reason, min_score=least, most=MOST_CANDIDATES)
    seen = desk.recognise.each_face(collection, sent.untrusted, wanted, WantedFaces(most=1))
    (asked,) = seen.faces
    content = {
        "searched_face": face_answer(asked.face, seen.width, seen.height),
        "matches": [
            {
                "person": _person_answer(read, subject),
                "similarity": round(best.score, 6),
                "matched_face_id": best.face.key,
            }
            for subject, best in asked.found.by_subject()[:limit]
        ],
        "threshold": least,
        "processing_ms": round(milliseconds_since(began), 3),
    }
    return enveloped(content)


# ---------------------------------------------------------------- what they have in common


def collection_of(read: ReadRequest, called: str | None = None) -> KnownCollection:
    """Return the collection that the address names, or that of this name. Raises InsightFaceFault."""
    name = read.path["collection_id"] if called is None else called
    try:
        return read.call.desk.collections.get(Dialect.INSIGHTFACE, name)
    except NotFound as error:
        raise _missing("collection", name) from error


def _person(read: ReadRequest, collection: KnownCollection) -> FaceSubject:
    name = read.path["person_id"]
    try:
        return read.call.desk.subjects.get(collection, name)
    except NotFound as error:
        raise _missing("person", name) from error


def _face(read: ReadRequest, collection: KnownCollection) -> CollectionFace:
    """Return the face that the address names, if it is one of the person whom the address names."""
    person, key = _person(read, collection), read.path["face_id"]
    for face in read.call.desk.collection_faces.of_keys(collection, [key]):
        if face.subject is not None and face.subject.id == person.id:
            return face
    raise _missing("face", key)


def _enrolled(
    read: ReadRequest, collection: KnownCollection, called: str, sent: tuple[SentFile, ...]
) -> tuple[list[CollectionFace], list[dict[str, Any]]]:
    """Enrol a face of each picture; return the faces, and what is said of the pictures that have none.

    Raises InsightFaceFault if no picture has one.
    """
    careful = read.sent.texts.get("review_mode", "off") == "standard"
    faces: list[CollectionFace] = []
    rejected: list[dict[str, Any]] = []
    for index, file in enumerate(sent):
        wanted = WantedExample(untrusted=file.untrusted, subject=called, alone=careful, good=careful)
        try:
            faces.append(read.call.desk.examples.add(collection, wanted))
        except LineamentError as error:
            if (reason := _reason(error)) is None:
                raise
            rejected.append({"index": index, "filename": printable((file.name or file.field)[:200]), "reason": reason})
    if not faces:
        why = "No picture has a face that can be enrolled."
        raise InsightFaceFault("registration_failed", why, 422, rejected_images=rejected)
    return faces, rejected


def _reason(error: LineamentError) -> str | None:
    """Return the word for why a picture was not enrolled; None if that is no matter of the picture."""
    if isinstance(error, InvalidValue):
        return _REASONS.get(str(error.details.get("field")), "invalid_image")
    code = code_of(error)
    return code if code in {"face_not_found", "multiple_faces", "invalid_image", "wrong_state"} else None


def _says(subject: FaceSubject, text: str) -> bool:
    told = (subject.called, subject.facts.get("name"), subject.facts.get("external_id"))
    return any(text in str(each or "").casefold() for each in told)


def _collection_answer(read: ReadRequest, collection: KnownCollection) -> dict[str, Any]:
    return collection_answer(collection, read.call.desk.subjects.count(collection), read.model)


def _person_answer(read: ReadRequest, subject: FaceSubject) -> dict[str, Any]:
    return person_answer(subject, len(read.call.desk.subjects.faces(subject)))


def _samples(read: ReadRequest, faces: list[CollectionFace] | tuple[CollectionFace, ...]) -> list[dict[str, Any]]:
    return [sample_answer(face, read.model) for face in faces]


def _after(read: ReadRequest, kind: type[Any]) -> Any:
    """Return the place in the cursor of a request, or that before the first. Raises InsightFaceFault."""
    try:
        place = lists.place_of(read.query.get("cursor") or None, kind)
    except InvalidValue as error:
        raise InsightFaceFault("invalid_cursor", str(error)) from error
    if isinstance(place, int) and not 0 <= place < 2**62:
        raise InsightFaceFault("invalid_cursor", "cursor: it is none of this list")
    return kind() if place is None else place


def _missing(what: str, name: str) -> InsightFaceFault:
    return InsightFaceFault(f"{what}_not_found", f"There is no {what} “{printable(name[:80])}”.", 404)


def _now(read: ReadRequest) -> str | None:
    return iso(read.call.desk.clock())
