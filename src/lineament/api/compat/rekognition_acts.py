"""What each operation of Amazon Rekognition does here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel

from lineament.api.admission import Call, require
from lineament.api.compat import rekognition_shapes as shapes
from lineament.api.lists import first_part, place_of
from lineament.errors import BadPicture, InvalidValue
from lineament.model.accounts import Permission
from lineament.model.collections import Dialect, KnownCollection
from lineament.model.search import MOST_CANDIDATES
from lineament.model.similarity import score_of, similarity
from lineament.services.collections.faces import PictureToIndex
from lineament.services.collections.searching import FoundInCollection, ProgramSearch
from lineament.services.collections.subjects import NotAssigned
from lineament.services.gallery.items import IngestOutcome
from lineament.sources.buckets import BucketObject
from lineament.views import rekognition as view

USUAL_LISTED = 1000
_REASONS = {
    NotAssigned.NOT_THERE: "FACE_NOT_FOUND",
    NotAssigned.OF_ANOTHER: "ASSOCIATED_TO_A_DIFFERENT_USER",
}
_TAKEN = {IngestOutcome.ENROLLED, IngestOutcome.TOO_WEAK, IngestOutcome.NO_FACE}
_TAKEN_BEFORE = {IngestOutcome.ALREADY_THERE, IngestOutcome.ANOTHER_PLACE}


@dataclass(frozen=True, slots=True, kw_only=True)
class RekognitionCall:
    """A checked call: who asks, and the limits and the model of the workspace."""

    call: Call
    limit: int  # bytes of an image
    model: str

    def collection(self, called: str) -> KnownCollection:
        """Return a collection by its name. Raises NotFound."""
        return self.call.desk.collections.get(Dialect.REKOGNITION, called)

    def wanted(self, threshold: float, most: int = MOST_CANDIDATES) -> ProgramSearch:
        """Return how the program searches: in the case and for the reason of its key."""
        return ProgramSearch(
            case=self.call.case,
            reason=self.call.reason,
            min_score=score_of(threshold),
            most=min(most, MOST_CANDIDATES),
        )

    def to_search(self, collection: KnownCollection, image: shapes.ForeignImage, wanted: ProgramSearch) -> bytes:
        """Return an image to search a collection with, untrusted."""
        return self.untrusted(image, lambda found: self.call.desk.bucket_pictures.to_search(collection, found, wanted))

    def to_look_at(self, image: shapes.ForeignImage) -> bytes:
        """Return an image to look at, untrusted."""
        return self.untrusted(image, self.call.desk.bucket_pictures.to_look_at)

    def untrusted(self, image: shapes.ForeignImage, fetch: Callable[[BucketObject], bytes]) -> bytes:
        """Return an image: as it was sent, or as ``fetch`` returns it from its bucket."""
        found = image.in_bucket
        return image.opened(self.limit) if found is None else fetch(found)


def _arn(called: str) -> str:
    return f"aws:rekognition:::collection/{called}"


def create_collection(asked: RekognitionCall, said: shapes.OfCollection) -> dict[str, Any]:
    """Make a collection."""
    made = asked.call.desk.collections.make(Dialect.REKOGNITION, said.CollectionId)
    return {"StatusCode": 200, "CollectionArn": _arn(made.called), "FaceModelVersion": asked.model}


def list_collections(asked: RekognitionCall, said: shapes.ListCollections) -> dict[str, Any]:
    """List the collections, by name."""
    after = place_of(said.NextToken, str)
    every = [found.called for found in asked.call.desk.collections.list(Dialect.REKOGNITION)]
    left = [called for called in every if after is None or called > after]
    shown, following = first_part(left, said.MaxResults or USUAL_LISTED, str)
    return {"CollectionIds": shown, "FaceModelVersions": [asked.model] * len(shown), **_next(following)}


def describe_collection(asked: RekognitionCall, said: shapes.OfCollection) -> dict[str, Any]:
    """Say how many faces and users a collection has."""
    found = asked.collection(said.CollectionId)
    return {
        "FaceCount": found.faces,
        "FaceModelVersion": asked.model,
        "CollectionARN": _arn(found.called),
        "CreationTimestamp": found.made_at.timestamp(),
        "UserCount": asked.call.desk.subjects.count(found),
    }


def delete_collection(asked: RekognitionCall, said: shapes.OfCollection) -> dict[str, Any]:
    """Withdraw the source of a collection."""
    asked.call.desk.collections.delete(Dialect.REKOGNITION, said.CollectionId)
    return {"StatusCode": 200}


def index_faces(asked: RekognitionCall, said: shapes.IndexFaces) -> dict[str, Any]:
    """Enrol the faces of an image."""
    collection, found = asked.collection(said.CollectionId), said.Image.in_bucket
    picture = PictureToIndex(
        untrusted=asked.untrusted(said.Image, partial(asked.call.desk.bucket_pictures.to_enrol, collection)),
        called=said.ExternalImageId,
        most_faces=said.MaxFaces,
        uri=None if found is None else found.uri,
    )
    indexed = asked.call.desk.collection_faces.index(collection, picture)
    if indexed.refused:
        raise BadPicture(why=indexed.refused.rstrip("."))
    if IngestOutcome(indexed.outcome) not in _TAKEN | _TAKEN_BEFORE:
        raise InvalidValue(what="The image", value="…", why=indexed.outcome, field="Image")
    weak = [face for face in indexed.faces if not face.comparable]
    sizes = next(((face.width, face.height) for face in indexed.faces), (1, 1))
    records = [
        {"Face": view.face_json(face, asked.model), "FaceDetail": view.detail_json(face, face.width, face.height)}
        for face in indexed.faces
        if face.comparable
    ]
    reasons = [("LOW_FACE_QUALITY", face) for face in weak] + [("EXCEEDS_MAX_FACES", face) for face in indexed.left_out]
    left_out = [{"Reasons": [why], "FaceDetail": view.detail_json(face, *sizes)} for why, face in reasons]
    return {"FaceRecords": records, "UnindexedFaces": left_out, "FaceModelVersion": asked.model}


def list_faces(asked: RekognitionCall, said: shapes.ListFaces) -> dict[str, Any]:
    """List the faces of a collection, or of a user of it."""
    desk, collection = asked.call.desk, asked.collection(said.CollectionId)
    after, most = place_of(said.NextToken, str) or "", said.MaxResults or USUAL_LISTED
    subject = None if said.UserId is None else desk.subjects.get(collection, said.UserId)
    found = desk.collection_faces.page(collection, after=after, limit=most + 1, subject=subject, keys=said.FaceIds)
    shown, following = first_part(found, most, lambda face: face.key)
    faces = [view.face_json(face, asked.model) for face in shown]
    return {"Faces": faces, "FaceModelVersion": asked.model, **_next(following)}


def delete_faces(asked: RekognitionCall, said: shapes.DeleteFaces) -> dict[str, Any]:
    """Erase faces, and every picture that shows them."""
    collection = asked.collection(said.CollectionId)
    deleted, missing = asked.call.desk.collection_faces.delete(collection, said.FaceIds)
    not_done = [{"FaceId": key, "Reasons": ["FACE_NOT_FOUND"]} for key in missing]
    return {"DeletedFaces": deleted, "UnsuccessfulFaceDeletions": not_done}


def search_faces(asked: RekognitionCall, said: shapes.SearchFaces) -> dict[str, Any]:
    """Search with a face of the collection."""
    desk, collection = asked.call.desk, asked.collection(said.CollectionId)
    face = desk.collection_faces.get(collection, said.FaceId)
    found = desk.collection_search.by_face(collection, face, asked.wanted(said.FaceMatchThreshold, said.MaxFaces))
    return {"SearchedFaceId": said.FaceId, "FaceMatches": _matches(asked, found), "FaceModelVersion": asked.model}


def search_faces_by_image(asked: RekognitionCall, said: shapes.SearchFacesByImage) -> dict[str, Any]:
    """Search with the largest face of an image."""
    desk, collection = asked.call.desk, asked.collection(said.CollectionId)
    wanted = asked.wanted(said.FaceMatchThreshold, said.MaxFaces)
    found = desk.collection_search.by_picture(collection, asked.to_search(collection, said.Image, wanted), wanted)
    return {
        "SearchedFaceBoundingBox": view.box_json(found.box, found.width, found.height),
        "SearchedFaceConfidence": view.detected(found.quality),
        "FaceMatches": _matches(asked, found),
        "FaceModelVersion": asked.model,
    }


def compare_faces(asked: RekognitionCall, said: shapes.CompareFaces) -> dict[str, Any]:
    """Compare the largest face of one image with each face of another."""
    require(asked.call, Permission.SEARCH)
    first, second = asked.to_look_at(said.SourceImage), asked.to_look_at(said.TargetImage)
    compared = asked.call.desk.look_at_pictures.compare(first, second)
    seen, other = compared.first, compared.second
    least = score_of(said.SimilarityThreshold)
    shown = [(view.detail_json(face, other.width, other.height), score) for face, score in compared.scores]
    box = view.box_json(compared.face.box, seen.width, seen.height)
    return {
        "SourceImageFace": {"BoundingBox": box, "Confidence": view.detected(compared.face.quality)},
        "FaceMatches": [{"Similarity": similarity(score), "Face": face} for face, score in shown if score >= least],
        "UnmatchedFaces": [face for face, score in shown if score < least],
    }


def detect_faces(asked: RekognitionCall, said: shapes.DetectFaces) -> dict[str, Any]:
    """Find the faces of an image, and keep nothing."""
    seen = asked.call.desk.look_at_pictures.detect(asked.to_look_at(said.Image))
    return {"FaceDetails": [view.detail_json(face, seen.width, seen.height) for face in seen.faces]}


def create_user(asked: RekognitionCall, said: shapes.OfUser) -> dict[str, Any]:
    """Add a subject."""
    asked.call.desk.subjects.add(asked.collection(said.CollectionId), said.UserId)
    return {}


def delete_user(asked: RekognitionCall, said: shapes.OfUser) -> dict[str, Any]:
    """Delete a subject; its faces stay."""
    asked.call.desk.subjects.remove(asked.collection(said.CollectionId), said.UserId)
    return {}


def list_users(asked: RekognitionCall, said: shapes.ListUsers) -> dict[str, Any]:
    """List the subjects of a collection."""
    after = place_of(said.NextToken, str) or ""
    collection = asked.collection(said.CollectionId)
    found = asked.call.desk.subjects.page(collection, after=after, limit=said.MaxResults + 1)
    shown, following = first_part(found, said.MaxResults, lambda subject: subject.id)
    users = [{"UserId": subject.called, "UserStatus": "ACTIVE"} for subject in shown]
    return {"Users": users, **_next(following)}


def associate_faces(asked: RekognitionCall, said: shapes.FacesOfUser) -> dict[str, Any]:
    """Give faces to a subject."""
    assigned = asked.call.desk.subjects.assign(asked.collection(said.CollectionId), said.UserId, said.FaceIds)
    return {
        "AssociatedFaces": [{"FaceId": key} for key in assigned.done],
        "UnsuccessfulFaceAssociations": [{"FaceId": key, "Reasons": [_REASONS[why]]} for key, why in assigned.not_done],
        "UserStatus": "ACTIVE",
    }


def disassociate_faces(asked: RekognitionCall, said: shapes.FacesOfUser) -> dict[str, Any]:
    """Take faces from a subject."""
    released = asked.call.desk.subjects.release(asked.collection(said.CollectionId), said.UserId, said.FaceIds)
    return {
        "DisassociatedFaces": [{"FaceId": key} for key in released.done],
        "UnsuccessfulFaceDisassociations": [
            {"FaceId": key, "Reasons": [_REASONS[why]]} for key, why in released.not_done
        ],
        "UserStatus": "ACTIVE",
    }


def search_users(asked: RekognitionCall, said: shapes.SearchUsers) -> dict[str, Any]:
    """Search with a subject, or with a face of the collection; the answer has subjects."""
    desk, collection = asked.call.desk, asked.collection(said.CollectionId)
    wanted = asked.wanted(said.UserMatchThreshold)
    if (said.UserId is None) is (said.FaceId is None):
        raise InvalidValue(what="The search", value="…", why="send either UserId or FaceId", field="UserId")
    if said.FaceId is not None:
        face = desk.collection_faces.get(collection, said.FaceId)
        found = desk.collection_search.by_face(collection, face, wanted)
        whom: dict[str, Any] = {"SearchedFace": {"FaceId": said.FaceId}}
    else:
        subject = desk.subjects.get(collection, said.UserId or "")
        found = desk.collection_search.by_subject(collection, subject, wanted)
        whom = {"SearchedUser": {"UserId": subject.called}}
    return {**whom, "UserMatches": _users(found, said.MaxUsers), "FaceModelVersion": asked.model}


def search_users_by_image(asked: RekognitionCall, said: shapes.SearchUsersByImage) -> dict[str, Any]:
    """Search with the largest face of an image; the answer has subjects."""
    desk, collection = asked.call.desk, asked.collection(said.CollectionId)
    wanted = asked.wanted(said.UserMatchThreshold)
    found = desk.collection_search.by_picture(collection, asked.to_search(collection, said.Image, wanted), wanted)
    box = view.box_json(found.box, found.width, found.height)
    return {
        "SearchedFace": {"FaceDetail": {"BoundingBox": box, "Confidence": view.detected(found.quality)}},
        "UserMatches": _users(found, said.MaxUsers),
        "UnsearchedFaces": [],
        "FaceModelVersion": asked.model,
    }


def _matches(asked: RekognitionCall, found: FoundInCollection) -> list[dict[str, Any]]:
    return [view.match_json(each.face, each.score, asked.model) for each in found.found]


def _users(found: FoundInCollection, most: int) -> list[dict[str, Any]]:
    return [view.user_json(subject.called, best.score) for subject, best in found.by_subject()[:most]]


def _next(following: str | None) -> dict[str, str]:
    return {} if following is None else {"NextToken": following}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation, what it is sent, and whether the same signed request may come twice."""

    run: Callable[[RekognitionCall, Any], dict[str, Any]]
    said: type[BaseModel]
    again: bool = False  # it only reads


OPERATIONS: Mapping[str, Operation] = {
    "CreateCollection": Operation(run=create_collection, said=shapes.OfCollection),
    "ListCollections": Operation(run=list_collections, said=shapes.ListCollections, again=True),
    "DescribeCollection": Operation(run=describe_collection, said=shapes.OfCollection, again=True),
    "DeleteCollection": Operation(run=delete_collection, said=shapes.OfCollection),
    "IndexFaces": Operation(run=index_faces, said=shapes.IndexFaces),
    "ListFaces": Operation(run=list_faces, said=shapes.ListFaces, again=True),
    "DeleteFaces": Operation(run=delete_faces, said=shapes.DeleteFaces),
    "SearchFaces": Operation(run=search_faces, said=shapes.SearchFaces),
    "SearchFacesByImage": Operation(run=search_faces_by_image, said=shapes.SearchFacesByImage),
    "CompareFaces": Operation(run=compare_faces, said=shapes.CompareFaces),
    "DetectFaces": Operation(run=detect_faces, said=shapes.DetectFaces),
    "CreateUser": Operation(run=create_user, said=shapes.OfUser),
    "DeleteUser": Operation(run=delete_user, said=shapes.OfUser),
    "ListUsers": Operation(run=list_users, said=shapes.ListUsers, again=True),
    "AssociateFaces": Operation(run=associate_faces, said=shapes.FacesOfUser),
    "DisassociateFaces": Operation(run=disassociate_faces, said=shapes.FacesOfUser),
    "SearchUsers": Operation(run=search_users, said=shapes.SearchUsers),
    "SearchUsersByImage": Operation(run=search_users_by_image, said=shapes.SearchUsersByImage),
}
"""By their names in the header X-Amz-Target."""
