"""Where a workspace keeps its pictures: in its folder, or in a bucket. It remembers which, and never has both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineament.errors import InvalidValue, PicturesElsewhere

if TYPE_CHECKING:
    from lineament.settings import Settings
    from lineament.store.blobs import Blobs
    from lineament.store.blobs_s3 import BlobBucket
    from lineament.store.db import Tx

PICTURES = "pictures"
"""The fact in ``meta``: the bucket and prefix of the pictures; without it they are in the folder."""
_KEY_FILE = 2  # lines


def new_pictures(settings: Settings, tx: Tx, workspace: str) -> None:
    """Choose where a new workspace keeps its pictures; a bucket is tried, and marked as this workspace's.

    Raises WorkspaceExists if another workspace has it, PicturesUnavailable, VersionsKept or InvalidValue.
    """
    if settings.pictures is None:
        return
    blobs = _bucket(settings, workspace)
    try:
        blobs.claim()
    finally:
        blobs.close()
    tx.meta.set(PICTURES, _normal(settings.pictures))


def check_place(settings: Settings, tx: Tx) -> None:
    """Raise PicturesElsewhere unless the settings name the place that the workspace remembers."""
    kept = tx.meta.get(PICTURES)
    given = None if settings.pictures is None else _normal(settings.pictures)
    if kept == given:
        return
    folder = "the folder blobs of the workspace"
    remedy = f"set LINEAMENT_PICTURES={kept}" if kept else "unset LINEAMENT_PICTURES"
    raise PicturesElsewhere(kept=kept or folder, given=given or folder, remedy=remedy)


def kept_pictures(settings: Settings, tx: Tx) -> Blobs:
    """Return the pictures of a workspace. Raises InvalidValue if the settings for its bucket are wrong."""
    if settings.pictures is not None:
        return _bucket(settings, str(tx.meta.get("workspace")))
    from lineament.store.blobs import BlobFolder

    return BlobFolder(settings.home / "blobs")


def _normal(url: str) -> str:
    return url.rstrip("/")


def _bucket(settings: Settings, workspace: str) -> BlobBucket:
    from lineament.store.blobs_s3 import BlobBucket
    from lineament.store.bucket import BucketPlace, parse_place

    bucket, prefix, endpoint = parse_place(
        settings.pictures or "", settings.pictures_endpoint, settings.pictures_region
    )
    access_key, secret, token = _key(settings)
    authority = None if settings.pictures_authority is None else _authority(settings)
    place = BucketPlace(
        bucket=bucket,
        prefix=prefix,
        endpoint=endpoint,
        region=settings.pictures_region,
        access_key=access_key,
        secret=secret,
        token=token,
        authority=authority,
    )
    return BlobBucket(place, workspace)


def _key(settings: Settings) -> tuple[str, str, str | None]:
    """Return the access key, its secret, and its session token if it is temporary."""
    if settings.pictures_secret is not None:
        from lineament.store.holders.base import secret_in

        lines = secret_in(settings.pictures_secret).split()
        if len(lines) != _KEY_FILE:
            why = "it holds two lines, the access key and its secret"
            raise InvalidValue(what="LINEAMENT_PICTURES_SECRET", value=settings.pictures_secret, why=why)
        return lines[0], lines[1], None
    if not settings.aws_access_key_id or not settings.aws_secret_access_key:
        why = "name the file with the access key and its secret"
        raise InvalidValue(what="LINEAMENT_PICTURES_SECRET", value="", why=why)
    token = settings.aws_session_token
    secret = settings.aws_secret_access_key
    return settings.aws_access_key_id, secret.reveal(), token.reveal() if token else None


def _authority(settings: Settings) -> bytes:
    path = settings.pictures_authority
    try:
        return path.read_bytes() if path is not None else b""
    except OSError as error:
        why = f"it cannot be read ({error.strerror})"
        raise InvalidValue(what="LINEAMENT_PICTURES_AUTHORITY", value=path, why=why) from None
