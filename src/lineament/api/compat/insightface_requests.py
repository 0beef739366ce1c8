"""What programs send to InsightFace Server: bodies in JSON, fields of forms, and parts of lists."""

from __future__ import annotations

import json
import re
import uuid
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams

from lineament.api.compat.insightface_errors import InsightFaceFault
from lineament.api.compat.uploads import SentBody
from lineament.api.compat.values import share_in, truth_in, whole_in
from lineament.api.multipart import SentFile

MOST_IMAGES = 20
"""Most pictures that are enrolled in one request, as InsightFace Server has it unless told otherwise."""
MOST_FACES = 100
MOST_METADATA = 8 * 2**10
"""Most bytes of what a program keeps with a person or a collection, as JSON."""
DEEPEST_METADATA = 20
"""Most objects and lists in it, one within the other: what can be read is not yet what can be written again."""
THRESHOLD = 0.4
"""The threshold of a collection whose program names none, as InsightFace Server has it unless told otherwise."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Kind = TypeVar("Kind", bound=BaseModel)
Share = Annotated[float, Field(ge=0, le=1)]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class DetectionWish(_Sent):
    """How faces are found; only what Lineament does anyway can be wished for."""

    single_face_selection: Literal["largest"] | None = None


class SearchWish(_Sent):
    """How a collection is searched; only what Lineament does anyway can be wished for."""

    profile: Literal["fp32_v1"] | None = None
    load_policy: Literal["eager", "lazy"] | None = None


class CollectionWish(_Sent):
    """A collection that a program wants to make."""

    id: str
    name: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=2000)
    threshold: Share | None = None
    save_face_crops: bool | None = None
    metadata: dict[str, Any] = {}
    detection: DetectionWish = DetectionWish()
    search: SearchWish = SearchWish()


class CollectionChange(_Sent):
    """What a program changes about a collection; what it leaves out stays."""

    name: str = Field(default="", min_length=1, max_length=200)
    description: str = Field(default="", max_length=2000)
    threshold: Share = THRESHOLD
    metadata: dict[str, Any] = {}


class PersonChange(_Sent):
    """What a program changes about a person; what it leaves out stays."""

    name: str | None = Field(default=None, max_length=200)
    external_id: str | None = Field(default=None, max_length=200)
    metadata: dict[str, Any] = {}


def read_wish(value: object) -> CollectionWish:
    """Return the collection in a body. Raises InsightFaceFault."""
    wish = _validated(CollectionWish, value)
    require_id(wish.id, "id", alone="_default")
    checked_metadata(wish.metadata)
    return wish


def read_change(kind: type[CollectionChange | PersonChange], value: object) -> dict[str, Any]:
    """Return what a body changes. Raises InsightFaceFault."""
    change = _validated(kind, value)
    checked_metadata(change.metadata)
    return change.model_dump(exclude_unset=True)


def require_id(untrusted: str, field: str, alone: str = "") -> str:
    """Return an id that a program chose. Raises InsightFaceFault unless it is one, or equal to ``alone``."""
    if untrusted != alone and not _ID.fullmatch(untrusted):
        why = "use 1 to 64 letters, digits, dots, underscores or dashes, beginning with a letter or a digit"
        raise InsightFaceFault("invalid_request", f"{field}: {why}")
    return untrusted


def person_id(sent: SentBody) -> str:
    """Return the id of a person in a form, or a new one. Raises InsightFaceFault."""
    return require_id(sent.texts["id"], "id") if sent.texts.get("id") else str(uuid.uuid4())


def person_facts(sent: SentBody) -> dict[str, Any]:
    """Return what a form says of a person besides their id. Raises InsightFaceFault."""
    texts = {name: sent.texts.get(name) for name in ("name", "external_id")}
    for name, text in texts.items():
        if text is not None and len(text) > 200:
            raise InsightFaceFault("invalid_request", f"{name}: use at most 200 characters")
    try:
        metadata = json.loads(sent.texts.get("metadata", "{}"))
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise InsightFaceFault("invalid_metadata", "metadata: it is no JSON object")
    return {**texts, "metadata": checked_metadata(metadata)}


def images(sent: SentBody) -> tuple[SentFile, ...]:
    """Return the pictures to enrol. Raises InsightFaceFault for none, or for what Lineament does not do with them."""
    found = sent.files.get("images", ())
    if not found:
        raise InsightFaceFault("invalid_request", "images: send at least one")
    if sent.texts.get("embedding_mode", "server") != "server" or "external_embeddings" in sent.texts:
        why = "a template is made by Lineament, from the picture that it stands for"
        raise InsightFaceFault("unexpected_external_embedding", f"embedding_mode: leave it out; {why}")
    if sent.texts.get("review_mode", "off") not in {"off", "standard"}:
        raise InsightFaceFault("invalid_request", "review_mode: choose off or standard")
    return found


def image(sent: SentBody, name: str = "image") -> SentFile:
    """Return the picture of a form. Raises InsightFaceFault if it has none."""
    if name not in sent.files:
        raise InsightFaceFault("invalid_request", f"{name}: send a picture as a file of a form")
    return sent.files[name][0]


def whole(found: str | None, name: str, usual: int, most: int) -> int:
    """Return a whole number from 1 to ``most``, or the usual one. Raises InsightFaceFault."""
    number = whole_in(found, 1, most) if found else usual
    if number is None:
        raise InsightFaceFault("invalid_request", f"{name}: use a whole number from 1 to {most}")
    return number


def threshold(sent: SentBody) -> float | None:
    """Return the threshold that a form names; None if it names none. Raises InsightFaceFault."""
    text = sent.texts.get("threshold", "")
    if not text:
        return None
    share = share_in(text)
    if share is None:
        raise InsightFaceFault("invalid_request", "threshold: use a number from 0 to 1")
    return share


def refuse_wishes(sent: SentBody, *names: str) -> None:
    """Raise InsightFaceFault for fields with which a request would change how faces are found."""
    if found := sorted(set(names) & set(sent.texts)):
        code = "request_detection_override_not_supported"
        raise InsightFaceFault(code, f"{found[0]}: leave it out; every face is found, and the largest chosen")


def forced(query: QueryParams) -> bool:
    """Return whether a collection is deleted with all that it holds. Raises InsightFaceFault."""
    force = truth_in(query.get("force", "false"))
    if force is None:
        raise InsightFaceFault("invalid_request", "force: use true or false")
    return force


def checked_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what a program keeps with a person or a collection. Raises InsightFaceFault if it is too long or deep."""
    try:
        size = len(json.dumps(metadata, ensure_ascii=False, allow_nan=False).encode())
        fits = size <= MOST_METADATA and _depth(metadata) <= DEEPEST_METADATA
    except (ValueError, RecursionError):  # a number that JSON does not have, or half a character
        fits = False
    if not fits:
        why = f"use at most {MOST_METADATA:,} bytes of JSON (RFC 8259), {DEEPEST_METADATA} levels deep"
        raise InsightFaceFault("invalid_metadata", f"metadata: {why}")
    return metadata


def _depth(value: object) -> int:
    """Return how many objects and lists are one within the other."""
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max(map(_depth, value.values() if isinstance(value, dict) else value), default=0)


def _validated(kind: type[Kind], value: object) -> Kind:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))[:100].encode(errors="backslashreplace").decode()
        raise InsightFaceFault("invalid_request", f"{place or 'The body'}: {first['msg']}") from None
