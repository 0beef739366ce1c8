"""The API of InsightFace Server (its documentation, server/docs/api.md), at /compat/insightface."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineament import __version__
from lineament.api.admission import Admission, Call
from lineament.api.compat import insightface_collections as collections
from lineament.api.compat.asked import ReadEndpoint, ReadRequest, answering, milliseconds_since, only_key
from lineament.api.compat.foreign import create_foreign
from lineament.api.compat.insightface_answers import face_answer
from lineament.api.compat.insightface_collections import MOST_LISTED, collection_of
from lineament.api.compat.insightface_errors import WORDING, InsightFaceFault, enveloped
from lineament.api.compat.insightface_requests import (
    MOST_FACES,
    MOST_IMAGES,
    THRESHOLD,
    image,
    refuse_wishes,
    threshold,
    whole,
)
from lineament.api.compat.uploads import LARGEST, MOST
from lineament.model.accounts import Permission
from lineament.model.collections import Dialect

PREFIX = "/compat/insightface"
_BEARER = "bearer "


def create_insightface(admission: Admission) -> Starlette:
    """Make the application that answers below PREFIX."""

    def admit(request: Request) -> Call:
        if request.headers.get("authorization", "").lower().startswith(_BEARER):
            return admission.bearer(request)
        return admission.key(request, only_key(request))

    def at(path: str, method: str, endpoint: ReadEndpoint, *, most_files: int = 1) -> Route:
        return Route(f"{PREFIX}/v1{path}", answering(endpoint, admit, most_files=most_files), methods=[method])

    several = partial(at, most_files=MOST_IMAGES)
    one = "/collections/{collection_id}"
    person = f"{one}/persons/{{person_id}}"
    routes = [
        Route(f"{PREFIX}/v1/health", health, methods=["GET"]),
        at("/system", "GET", system),
        at("/models", "GET", models),
        at("/detect", "POST", detect),
        at("/compare", "POST", compare, most_files=2),
        at("/embeddings", "POST", embeddings),
        at("/collections", "POST", collections.make_collection),
        at("/collections", "GET", collections.collection_list),
        at(one, "GET", collections.one_collection),
        at(one, "PATCH", collections.change_collection),
        at(one, "DELETE", collections.delete_collection),
        several(f"{one}/persons", "POST", collections.make_person),
        at(f"{one}/persons", "GET", collections.person_list),
        at(person, "GET", collections.one_person),
        at(person, "PATCH", collections.change_person),
        at(person, "DELETE", collections.delete_person),
        several(f"{person}/faces", "POST", collections.add_faces),
        at(f"{person}/faces", "GET", collections.face_list),
        at(f"{person}/faces/{{face_id}}/image", "GET", collections.face_image),
        at(f"{person}/faces/{{face_id}}", "DELETE", collections.delete_face),
        at(f"{one}/search", "POST", collections.search),
    ]
    return create_foreign(PREFIX, routes, WORDING)


async def health(_request: Request) -> Response:
    """Say that the server answers, and that it wants a key."""
    return enveloped({"status": "ready", "version": __version__, "auth_enabled": True})


def system(read: ReadRequest) -> Response:
    """Say what a program may know of the server: nothing of its machine."""
    desk = read.call.desk
    stats: dict[str, int] = {}
    if desk.official.may(Permission.READ_SOURCES):
        found = desk.collections.list(Dialect.INSIGHTFACE)
        stats = {"collections": len(found), "faces": sum(each.faces for each in found)}
    content = {
        "server_version": __version__,
        "model": {"model_id": read.model},
        "stats": stats,
        "api_key": {"authentication_enabled": True, "configured": True},
        "safe_config": {
            "max_image_bytes": min(LARGEST, desk.settings.max_file_bytes),
            "max_request_bytes": MOST,
            "max_registration_images": MOST_IMAGES,
            "default_similarity_threshold": THRESHOLD,
            "save_face_crops": True,
        },
        "recent_errors": [],
    }
    return enveloped(content)


def models(read: ReadRequest) -> Response:
    """Name the models in use."""
    pack = read.call.desk.workspace.pack
    found = {"model_id": pack.name, "task": "detection, recognition", "embedding_dimension": pack.dimension}
    provider = read.call.desk.settings.runtime
    return enveloped({"models": [found], "execution_provider": provider, "license": {"words": pack.licence}})


def detect(read: ReadRequest) -> Response:
    """Find the faces of a picture, largest first; there may be none."""
    began = time.perf_counter()
    refuse_wishes(read.sent, "min_score")
    sent, most = image(read.sent), whole(read.sent.texts.get("max_faces"), "max_faces", MOST_FACES, MOST_LISTED)
    _require_collection(read)
    seen = read.call.desk.look_at_pictures.detect(sent.untrusted)
    faces = [face_answer(face, seen.width, seen.height) for face in seen.faces[:most]]
    return enveloped({"faces": faces, "processing_ms": round(milliseconds_since(began), 3)})


def compare(read: ReadRequest) -> Response:
    """Compare the largest faces of two pictures."""
    began = time.perf_counter()
    source, target = image(read.sent, "source"), image(read.sent, "target")
    named = threshold(read.sent)
    least = THRESHOLD if named is None else named
    _require_collection(read)
    seen = read.call.desk.look_at_pictures.compare(source.untrusted, target.untrusted)
    first, second = seen.first, seen.second
    other = second.faces[0]
    score = next(score for face, score in seen.scores if face is other)
    content: dict[str, Any] = {
        "matched": score >= least,
        "similarity": round(score, 6),
        "threshold": least,
        "source_face": face_answer(seen.face, first.width, first.height),
        "target_face": face_answer(other, second.width, second.height),
        "processing_ms": round(milliseconds_since(began), 3),
    }
    return enveloped(content)


def embeddings(_read: ReadRequest) -> Response:
    """Refuse to give a template out."""
    why = "A template never leaves Lineament: whoever has it can look for the person anywhere. Use search or compare."
    raise InsightFaceFault("embeddings_not_released", why, 403)


def _require_collection(read: ReadRequest) -> None:
    """Raise InsightFaceFault if the form names a collection that is not there."""
    if called := read.sent.texts.get("collection_id"):
        collection_of(read, called)
