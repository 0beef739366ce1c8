"""What clients of Amazon Rekognition send; what is not known is ignored, as AWS adds to it."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import BaseModel, Field

from lineament.errors import FileTooLarge, InvalidValue
from lineament.services.collections.buckets import MOST_IMAGE
from lineament.sources.buckets import BUCKET, BucketObject

MOST_LISTED = 4096
MOST_USERS = 500

CalledCollection = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9_.\-]+$")]
UserName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_.\-:]+$")]
FaceKey = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Share = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Token = Annotated[str | None, Field(max_length=255)]
MaxListed = Annotated[int, Field(ge=0, le=MOST_LISTED)]
MostFaces = Annotated[int, Field(ge=1, le=MOST_LISTED)]
MostUsers = Annotated[int, Field(ge=1, le=MOST_USERS)]


class ForeignObject(BaseModel):
    """An object in a bucket."""

    Bucket: Annotated[str, Field(pattern=BUCKET)]
    Name: Annotated[str, Field(min_length=1, max_length=1024)]
    Version: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9._-]{1,512}$")] = None


class ForeignImage(BaseModel):
    """An image, in the request or in a bucket."""

    Bytes: str | None = None
    S3Object: ForeignObject | None = None

    @property
    def in_bucket(self) -> BucketObject | None:
        """The object that it is; None if it is in the request."""
        found = self.S3Object
        if found is None or self.Bytes is not None:
            return None
        return BucketObject(bucket=found.Bucket, name=found.Name, version=found.Version)

    def opened(self, limit: int) -> bytes:
        """Return the untrusted bytes that are in the request. Raises InvalidValue or FileTooLarge."""
        if self.Bytes is None or self.S3Object is not None:
            raise InvalidValue(what="The image", value="…", why="send either Bytes or S3Object", field="Image")
        most = min(limit, MOST_IMAGE)
        if len(self.Bytes) > 4 * (most // 3 + 2):
            raise FileTooLarge(size=3 * len(self.Bytes) // 4, limit=most)
        try:
            found = base64.b64decode(self.Bytes, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidValue(what="The image", value="…", why="it is not Base64", field="Image") from None
        if len(found) > most:
            raise FileTooLarge(size=len(found), limit=most)
        return found


class OfCollection(BaseModel):
    """A request about a collection."""

    CollectionId: CalledCollection


class ListCollections(BaseModel):
    """A request for the collections."""

    NextToken: Token = None
    MaxResults: MaxListed = 0


class IndexFaces(OfCollection):
    """Faces to enrol."""

    Image: ForeignImage
    ExternalImageId: Annotated[str | None, Field(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9_.\-:]+$")] = None
    MaxFaces: Annotated[int | None, Field(ge=1, le=MOST_LISTED)] = None


class ListFaces(OfCollection):
    """A request for the faces of a collection."""

    NextToken: Token = None
    MaxResults: MaxListed = 0
    UserId: UserName | None = None
    FaceIds: Annotated[list[FaceKey] | None, Field(min_length=1, max_length=MOST_LISTED)] = None


class DeleteFaces(OfCollection):
    """Faces to erase."""

    FaceIds: Annotated[list[FaceKey], Field(min_length=1, max_length=MOST_LISTED)]


class SearchFaces(OfCollection):
    """A search with a face of the collection."""

    FaceId: FaceKey
    MaxFaces: MostFaces = 80
    FaceMatchThreshold: Share = 80


class SearchFacesByImage(OfCollection):
    """A search with the largest face of an image."""

    Image: ForeignImage
    MaxFaces: MostFaces = 80
    FaceMatchThreshold: Share = 80


class CompareFaces(BaseModel):
    """Two images to compare."""

    SourceImage: ForeignImage
    TargetImage: ForeignImage
    SimilarityThreshold: Share = 80


class DetectFaces(BaseModel):
    """An image to look at."""

    Image: ForeignImage


class OfUser(OfCollection):
    """A request about a user."""

    UserId: UserName


class FacesOfUser(OfUser):
    """Faces to give to a user, or to take from one."""

    FaceIds: Annotated[list[FaceKey], Field(min_length=1, max_length=100)]


class ListUsers(OfCollection):
    """A request for the users of a collection."""

    NextToken: Token = None
    MaxResults: MostUsers = MOST_USERS


class SearchUsers(OfCollection):
    """A search with a user, or with a face of the collection."""

    UserId: UserName | None = None
    FaceId: FaceKey | None = None
    UserMatchThreshold: Share = 80
    MaxUsers: MostUsers = MOST_USERS


class SearchUsersByImage(OfCollection):
    """A search for users with the largest face of an image."""

    Image: ForeignImage
    UserMatchThreshold: Share = 80
    MaxUsers: MostUsers = MOST_USERS
