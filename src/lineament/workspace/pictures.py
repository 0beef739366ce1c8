"""Where a workspace keeps its pictures: in its folder, or in a bucket. It remembers which, and never has both."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lineament.errors import FilesElsewhere, InvalidValue, PicturesElsewhere

if TYPE_CHECKING:
    from lineament.settings import Settings
    from lineament.store.blobs import Blobs
    from lineament.store.blobs_s3 import BlobBucket
    from lineament.store.db import Store, Tx

PICTURES = "pictures"
"""The fact in ``meta``: the bucket and prefix of the pictures; without it they are in the folder."""
PLACE = "place"
"""The fact in ``meta``, and the file in the folder, that name it."""
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


def check_folder(home: Path, store: Store) -> None:
    """Raise FilesElsewhere if a workspace in PostgreSQL keeps its files in another folder; the first one is that.

    Several machines may share the database. Were pictures, records of crawls and what is sent through the browser in
    one folder on one machine and in another on the next, an erasure at the second would leave those at the first.
    """
    if store.dialect == "sqlite":
        return
    place = _place_of(home)
    with store.read() as tx:
        kept = tx.meta.get(PLACE)
    if kept is None:
        with store.begin() as tx:
            kept = tx.meta.get(PLACE)  # another process may have set it meanwhile
            if kept is None:
                tx.meta.set(PLACE, place)
                return
    if kept != place:
        raise FilesElsewhere(path=home, place=kept, mark=home / PLACE)


def kept_pictures(settings: Settings, tx: Tx) -> Blobs:
    """Return the pictures of a workspace. Raises InvalidValue if the settings for its bucket are wrong."""
    if settings.pictures is not None:
        return _bucket(settings, str(tx.meta.get("workspace")))
    from lineament.store.blobs import BlobFolder

    return BlobFolder(settings.home / "blobs")


def _normal(url: str) -> str:
    return url.rstrip("/")


def _place_of(home: Path) -> str:
    """Return the name of a folder, which it gets if it has none; other processes may give it one meanwhile."""
    mark = home / PLACE
    if not mark.exists():
        beside = home / f"{PLACE}.{secrets.token_hex(8)}"
        beside.write_text(f"{secrets.token_hex(8)}\n", "utf-8")
        with suppress(FileExistsError):
            os.link(beside, mark)
        beside.unlink()
    return mark.read_text("utf-8").strip()


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
        return (*key_in("LINEAMENT_PICTURES_SECRET", settings.pictures_secret), None)
    if not settings.aws_access_key_id or not settings.aws_secret_access_key:
        why = "name the file with the access key and its secret"
        raise InvalidValue(what="LINEAMENT_PICTURES_SECRET", value="", why=why)
    token = settings.aws_session_token
    secret = settings.aws_secret_access_key
    return settings.aws_access_key_id, secret.reveal(), token.reveal() if token else None


def key_in(setting: str, path: Path) -> tuple[str, str]:
    """Return the access key and the secret in a file of mode 0600. Raises InvalidValue, NoSuchFile or KeyExposed."""
    from lineament.store.holders.base import secret_in

    lines = secret_in(path).split()
    if len(lines) != _KEY_FILE:
        raise InvalidValue(what=setting, value=path, why="it holds two lines, the access key and its secret")
    return lines[0], lines[1]


def _authority(settings: Settings) -> bytes:
    path = settings.pictures_authority
    try:
        return path.read_bytes() if path is not None else b""
    except OSError as error:
        why = f"it cannot be read ({error.strerror})"
        raise InvalidValue(what="LINEAMENT_PICTURES_AUTHORITY", value=path, why=why) from None
