"""The API of CompreFace (its documentation, docs/Rest-API-description.md of 1.2), at /compat/compreface.

A service of CompreFace is a source: the only one that the key names. Recognition, verification and detection have the
same key.
"""

from __future__ import annotations

import time
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineament.api.admission import Admission, Call, require
from lineament.api.compat.asked import ReadEndpoint, ReadRequest, answering, milliseconds_since, only_key
from lineament.api.compat.compreface_answers import face_answer, share, subject_answers, with_versions
from lineament.api.compat.compreface_errors import (
    DENIED,
    INVALID,
    NO_HEADER,
    NO_IMAGE,
    NO_PART,
    NO_SERVICE,
    NO_SUBJECT,
    SEVERAL_FACES,
    WORDING,
    CompreFaceFault,
)
from lineament.api.compat.compreface_options import (
    FaceOptions,
    face_options,
    image_id,
    list_part,
    new_subject,
    subject_in,
)
from lineament.api.compat.foreign import create_foreign
from lineament.errors import NotFound
from lineament.model.accounts import Permission
from lineament.model.collections import CollectionFace, Dialect, KnownCollection
from lineament.model.faces import Face
from lineament.model.search import MOST_CANDIDATES
from lineament.services.collections.examples import WantedExample
from lineament.services.collections.recognising import WantedFaces, chosen_faces
from lineament.services.collections.searching import ProgramSearch

PREFIX = "/compat/compreface"
_RECOGNITION = f"{PREFIX}/api/v1/recognition"
_MOST_DELETED = 1000
_FEW_CANDIDATES = 20
"""Candidates of a search for one subject, who may have several."""


def create_compreface(admission: Admission) -> Starlette:
    """Make the application that answers below PREFIX."""

    def admit(request: Request) -> Call:
        if "x-api-key" not in request.headers:
            raise CompreFaceFault(NO_HEADER, "Missing header: x-api-key")
        return admission.key(request, only_key(request))

    def at(path: str, method: str, endpoint: ReadEndpoint, *, status: int = 200, most_files: int = 1) -> Route:
        handler = answering(endpoint, admit, status=status, most_files=most_files)
        return Route(path, handler, methods=[method], name=endpoint.__name__)

    subjects, faces = f"{_RECOGNITION}/subjects", f"{_RECOGNITION}/faces"
    routes = [
        at(subjects, "GET", subject_list),
        at(f"{subjects}/", "GET", subject_list),
        at(subjects, "POST", add_subject, status=201),
        at(subjects, "DELETE", delete_subjects),
        at(f"{subjects}/{{subject}}", "PUT", rename_subject),
        at(f"{subjects}/{{subject}}", "DELETE", delete_subject),
        at(faces, "POST", add_example, status=201),
        at(faces, "GET", example_list),
        at(faces, "DELETE", delete_examples),
        at(f"{faces}/delete", "POST", delete_several),
        at(f"{faces}/{{image_id}}", "DELETE", delete_example),
        at(f"{faces}/{{image_id}}/img", "GET", example_picture),
        at(f"{faces}/{{image_id}}/verify", "POST", verify_example),
        at(f"{_RECOGNITION}/recognize", "POST", recognize),
        at(f"{PREFIX}/api/v1/detection/detect", "POST", detect),
        at(f"{PREFIX}/api/v1/verification/verify", "POST", verify, most_files=2),
        Route(f"{PREFIX}/api/v1/static/{{key}}/images/{{image_id}}", key_in_address, methods=["GET"]),
    ]
    return create_foreign(PREFIX, routes, WORDING)


# ---------------------------------------------------------------- subjects


def subject_list(read: ReadRequest) -> Any:
    """Return every subject of the service."""
    return {"subjects": read.call.desk.examples.subjects(_service(read))}


def add_subject(read: ReadRequest) -> Any:
    """Add a subject without an example."""
    subject = read.call.desk.subjects.add(_service(read), new_subject(read.sent.value))
    return {"subject": subject.called}


def rename_subject(read: ReadRequest) -> Any:
    """Give a subject another name; two subjects are never merged."""
    old, new = read.path["subject"], new_subject(read.sent.value)
    collection = _service(read)
    if old == new:
        return {"updated": False}
    try:
        read.call.desk.subjects.rename(collection, old, new)
    except NotFound as error:
        raise _no_subject(old) from error
    return {"updated": True}


def delete_subject(read: ReadRequest) -> Any:
    """Erase a subject with their examples."""
    called = read.path["subject"]
    try:
        read.call.desk.examples.erase_subject(_service(read), called)
    except NotFound as error:
        raise _no_subject(called) from error
    return {"subject": called}


def delete_subjects(read: ReadRequest) -> Any:
    """Erase every subject with their examples."""
    return {"deleted": read.call.desk.examples.erase_subjects(_service(read))}


# ---------------------------------------------------------------- examples


def add_example(read: ReadRequest) -> Any:
    """Enrol the only face of a picture as one of a subject."""
    subject, options = subject_in(read.query), face_options(read.query)
    wanted = WantedExample(untrusted=_picture(read, "file"), subject=subject, least_score=options.least_score)
    face = read.call.desk.examples.add(_service(read), wanted)
    return {"image_id": face.key, "subject": subject}


def example_list(read: ReadRequest) -> Any:
    """Return a part of the list of examples."""
    part = list_part(read.query)
    examples = read.call.desk.examples
    found = examples.part(_service(read), first=part.number * part.size, limit=part.size, subject=part.subject)
    return {
        "faces": [_example(face) for face in found.examples],
        "page_number": part.number,
        "page_size": part.size,
        "total_pages": -(-found.total // part.size),
        "total_elements": found.total,
    }


def delete_examples(read: ReadRequest) -> Any:
    """Erase the examples of a subject and the subject, or of every one."""
    subject = subject_in(read.query) if "subject" in read.query else None
    return {"deleted": read.call.desk.examples.erase_of(_service(read), subject)}


def delete_several(read: ReadRequest) -> Any:
    """Erase examples by their ids; those that are not there are passed over."""
    ids = read.sent.value
    if not isinstance(ids, list) or len(ids) > _MOST_DELETED or not all(isinstance(each, str) for each in ids):
        raise CompreFaceFault(INVALID, f"The body must be a list of at most {_MOST_DELETED:,} ids")
    return [_example(face) for face in _erased(read, list(dict.fromkeys(map(image_id, ids))))]


def delete_example(read: ReadRequest) -> Any:
    """Erase an example by its id."""
    key = image_id(read.path["image_id"])
    for face in _erased(read, [key]):
        return _example(face)
    raise _no_image(key)


def example_picture(read: ReadRequest) -> Any:
    """Return the face of an example as JPEG; nothing if there is no such example."""
    try:
        jpeg = read.call.desk.examples.picture(_service(read), image_id(read.path["image_id"]))
    except NotFound:
        jpeg = b""
    return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})


async def key_in_address(_request: Request) -> Response:
    """Refuse a key in an address, where logs and histories keep it."""
    why = "A key in an address is kept by logs; send it as x-api-key to /api/v1/recognition/faces/<image_id>/img"
    raise CompreFaceFault(DENIED, why, 403)


# ---------------------------------------------------------------- faces of a picture


def recognize(read: ReadRequest) -> Any:
    """Search for each face of a picture."""
    options, began = face_options(read.query), time.perf_counter()
    untrusted = _picture(read, "file")
    seen = read.call.desk.recognise.each_face(_service(read), untrusted, _search(read.call, options), _wanted(options))
    spent, size = milliseconds_since(began), (seen.width, seen.height)
    result = [
        {**face_answer(each.face, size, options, spent), "subjects": subject_answers(each.found, options.subjects)}
        for each in seen.faces
    ]
    return with_versions({"result": result}, options, read.model)


def verify_example(read: ReadRequest) -> Any:
    """Compare each face of a picture with an example."""
    options, began = face_options(read.query), time.perf_counter()
    key, untrusted = image_id(read.path["image_id"]), _picture(read, "file")
    collection, desk = _service(read), read.call.desk
    example = _found(read, collection, key)
    seen = desk.recognise.verify(collection, key, untrusted, _search(read.call, options), _wanted(options))
    spent, size = milliseconds_since(began), (seen.width, seen.height)
    called = "" if example.subject is None else example.subject.called
    result = [
        {**face_answer(face, size, options, spent), "subject": called, "similarity": share(score)}
        for face, score in seen.faces
    ]
    return with_versions({"result": result}, options, read.model)


def detect(read: ReadRequest) -> Any:
    """Find the faces of a picture."""
    options, began = face_options(read.query), time.perf_counter()
    seen = read.call.desk.look_at_pictures.detect(_picture(read, "file"))
    size = seen.width, seen.height
    faces = chosen_faces(seen.faces, _wanted(options), size)
    spent = milliseconds_since(began)
    return with_versions({"result": [face_answer(face, size, options, spent) for face in faces]}, options, read.model)


def verify(read: ReadRequest) -> Any:
    """Compare the only face of one picture with each face of another."""
    options, began = face_options(read.query), time.perf_counter()
    seen = read.call.desk.look_at_pictures.compare(_picture(read, "source_image"), _picture(read, "target_image"))
    first, second = (seen.first.width, seen.first.height), (seen.second.width, seen.second.height)
    faces = chosen_faces(seen.first.faces, WantedFaces(least_score=options.least_score), first)
    if len(faces) > 1 or faces[0] is not seen.face:
        raise CompreFaceFault(SEVERAL_FACES, "More than one face in the source image")
    scores = {id(face): score for face, score in seen.scores}
    spent = milliseconds_since(began)

    def compared(face: Face) -> dict[str, Any]:
        return {**face_answer(face, second, options, spent), "similarity": share(scores[id(face)])}

    result = {
        "source_image_face": face_answer(seen.face, first, options, spent),
        "face_matches": [compared(face) for face in chosen_faces(seen.second.faces, _wanted(options), second)],
    }
    return {"result": [with_versions(result, options, read.model)]}


# ---------------------------------------------------------------- what they have in common


def _service(read: ReadRequest) -> KnownCollection:
    """Return the collection of the key. Raises CompreFaceFault unless it names one source."""
    sources = read.call.admitted.key.sources
    if len(sources) != 1:
        why = f"The key names {len(sources)} sources; a service is one: lineament key add … --source NAME"
        raise CompreFaceFault(NO_SERVICE, why, 404)
    return read.call.desk.collections.get(Dialect.COMPREFACE, sources[0])


def _picture(read: ReadRequest, name: str) -> bytes:
    sent = read.sent.file(name)
    if sent is None:
        raise CompreFaceFault(NO_PART, f"Required part {name} is missing")
    return sent.untrusted


def _search(call: Call, options: FaceOptions) -> ProgramSearch:
    require(call, Permission.SEARCH)
    most = _FEW_CANDIDATES if options.subjects == 1 else MOST_CANDIDATES
    return ProgramSearch(case=call.case, reason=call.reason, min_score=-1.0, most=most)


def _wanted(options: FaceOptions) -> WantedFaces:
    return WantedFaces(most=options.limit, least_score=options.least_score)


def _example(face: CollectionFace) -> dict[str, str]:
    return {"image_id": face.key, "subject": "" if face.subject is None else face.subject.called}


def _erased(read: ReadRequest, keys: list[str]) -> list[CollectionFace]:
    """Erase examples, and return those that were there, as they were."""
    collection, faces = _service(read), read.call.desk.collection_faces
    found = faces.of_keys(collection, keys)
    faces.delete(collection, [face.key for face in found])
    return found


def _found(read: ReadRequest, collection: KnownCollection, key: str) -> CollectionFace:
    try:
        return read.call.desk.collection_faces.get(collection, key)
    except NotFound as error:
        raise _no_image(key) from error


def _no_subject(called: str) -> CompreFaceFault:
    return CompreFaceFault(NO_SUBJECT, f"Subject {called[:80]} not found", 404)


def _no_image(key: str) -> CompreFaceFault:
    return CompreFaceFault(NO_IMAGE, f"Image {key} not found", 404)
