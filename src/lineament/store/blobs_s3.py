"""Pictures in a bucket of an S3 service: the port Blobs.

``put`` hands the sealed picture to a thread that uploads it; ``flush`` waits for these. A picture that is there is put
again, whole and under the same name: one request, as safe as the first, and its time says that it was put now. So
nobody has to ask first whether it is there, and nothing can delete it between the question and the answer.
"""

from __future__ import annotations

import copy
import hashlib
import re
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from lineament.errors import Damaged, LineamentError, PicturesUnavailable, WorkspaceExists
from lineament.store.blobs import checked_address, damaged
from lineament.store.bucket import AT_ONCE, Bucket, BucketPlace
from lineament.store.keys import DataKey
from lineament.store.raw import batched

THREADS = 16
"""Uploads at once, and as many questions."""
MOST_WAITING = 64 * 2**20
"""Most bytes that wait to be uploaded, unless a single picture is larger."""
MARK = "workspace"
"""The object that names the workspace whose pictures these are."""
CHECK = "check"
"""The object that is put to see whether the bucket keeps versions, and what time it is there."""
_NAME = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})")


class _Upload:
    """A picture that was put since the last flush."""

    __slots__ = ("done", "error", "sealed")

    def __init__(self, sealed: bytes) -> None:
        self.sealed: bytes | None = sealed  # until it is in the bucket
        self.error: LineamentError | None = None
        self.done = threading.Event()


class _Unflushed(threading.local):
    """How many flushes had failed when this thread put its first picture since its last flush."""

    failures: int | None = None


class BlobBucket:
    """Blobs in a bucket, an object for each picture: ``prefix/ab/address``.

    Before the first request for a picture, the mark of the workspace is read: another bucket, or one that was emptied,
    is never taken for one in which pictures are missing.
    """

    def __init__(self, place: BucketPlace, workspace: str) -> None:
        """Connect to nothing yet; ``workspace`` is the name in the mark."""
        self._bucket, self._workspace = Bucket(place), workspace
        self._marked = False
        self._pending: dict[str, _Upload] = {}
        self._waiting = 0  # bytes
        self._changed = threading.Condition()  # guards everything below and the two above
        self._failed: LineamentError | None = None  # an upload since the last flush
        self._failures = 0  # of flushes
        self._last_failure: LineamentError | None = None
        self._unflushed = _Unflushed()
        self._uploaders = ThreadPoolExecutor(THREADS, "upload")
        self._askers = ThreadPoolExecutor(THREADS, "ask")

    @property
    def waiting(self) -> int:
        """Bytes that wait to be uploaded, or are being."""
        return self._waiting

    def claim(self) -> None:
        """Put the mark of a new workspace, and try everything. Raises WorkspaceExists if another has one, VersionsKept.

        If anything fails, the mark is deleted again, as far as that is possible.
        """
        place, ours = self._bucket.place, self._workspace.encode()
        self._bucket.put(CHECK, b"")
        if self._bucket.get(MARK) not in {None, ours}:
            raise WorkspaceExists(path=place)
        try:
            self._bucket.put(MARK, ours, new=True)
            self.examine()
        except FileExistsError:
            raise WorkspaceExists(path=place) from None
        except LineamentError:
            with suppress(LineamentError):
                self._bucket.delete([MARK])
            raise

    def put(self, key: DataKey, plain: bytes) -> str:
        """See Blobs."""
        self._require_mark_once()
        address = key.address(hashlib.sha256(plain).hexdigest())
        with self._changed:
            if self._unflushed.failures is None:
                self._unflushed.failures = self._failures
            if address in self._pending:
                return address
        upload = _Upload(key.pictures.seal(plain, address.encode()))
        size = len(upload.sealed or b"")
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._waiting + size <= MOST_WAITING)
            if self._pending.setdefault(address, upload) is not upload:
                return address
            self._waiting += size
        self._uploaders.submit(self._upload, address, upload)
        return address

    def flush(self) -> None:
        """See Blobs."""
        with self._changed:
            taken = dict(self._pending)
        for upload in taken.values():
            upload.done.wait()
        failed = next((upload.error for upload in taken.values() if upload.error is not None), None)
        with self._changed:
            for address, upload in taken.items():
                if self._pending.get(address) is upload:
                    del self._pending[address]
            since, self._unflushed.failures = self._unflushed.failures, None
            if failed is not None:
                self._failures, self._last_failure, self._failed = self._failures + 1, failed, None
            elif since is not None and self._failures > since:  # another thread's flush met the error of this one's
                failed = self._last_failure
        if failed is not None:
            raise copy.copy(failed) from failed

    def get(self, key: DataKey, address: str) -> bytes:
        """See Blobs."""
        name = _name(address)
        upload = self._pending.get(address)
        sealed = None if upload is None else upload.sealed
        if sealed is None:
            self._require_mark_once()
            sealed = self._bucket.get(name)
        if sealed is None:
            self._require_mark()
            raise damaged(address, f"it is missing from {self._bucket.place}")
        try:
            return key.pictures.open(sealed, address.encode())
        except Damaged:
            raise damaged(address, "it was altered, or sealed under another key") from None

    def missing(self, addresses: Iterable[str]) -> set[str]:
        """See Blobs."""
        names = {address: _name(address) for address in addresses if address not in self._pending}
        if not names:
            return set()
        self._require_mark_once()
        put_at = dict(zip(names, self._askers.map(self._bucket.put_at, names.values()), strict=True))
        missing = {address for address, at in put_at.items() if at is None}
        if missing:
            self._require_mark()
        return missing

    def delete(self, addresses: Iterable[str]) -> None:
        """See Blobs."""
        names = [_name(address) for address in addresses]
        for some in batched(names, AT_ONCE):
            self._require_mark_once()
            self._bucket.put(CHECK, b"")  # raises VersionsKept
            self._bucket.delete(some)

    def addresses(self) -> Iterator[str]:
        """See Blobs."""
        return (address for address, _ in self._listed())

    def put_before(self, moment: float) -> Iterator[str]:
        """See Blobs. The times are the service's, in whole seconds; its clock is read first."""
        self._require_mark_once()
        self._bucket.put(CHECK, b"")
        put_at, now = self._bucket.put_at(CHECK), time.time()
        if put_at is None:
            raise PicturesUnavailable(place=str(self._bucket.place), why="what was put there is gone; try again")
        latest = moment - 1 + put_at - now
        return (address for address, at in self._listed() if at < latest)

    def examine(self) -> str:
        """See Blobs."""
        self._require_mark()
        bucket, name, content = self._bucket, f"{CHECK}-{secrets.token_hex(8)}", secrets.token_bytes(32)
        bucket.put(name, content)
        try:
            if bucket.get(name) != content:
                raise PicturesUnavailable(place=str(bucket.place), why="it gives back something else than was put")
        finally:
            bucket.delete([name])
        if bucket.get(name) is not None:
            raise PicturesUnavailable(place=str(bucket.place), why="what is deleted there can still be read")
        next(bucket.list(), None)
        return f"{bucket.place} can be written, read, listed and deleted from, and keeps no versions"

    def require_reachable(self) -> None:
        """See Blobs. The mark is read, once, and a slow service is as good as none."""
        self._require_mark(hurried=True)

    def close(self) -> None:
        """See Blobs."""
        self._uploaders.shutdown(wait=False, cancel_futures=True)
        self._askers.shutdown(wait=False, cancel_futures=True)

    def _upload(self, address: str, upload: _Upload) -> None:
        sealed, error = upload.sealed or b"", self._failed  # the next one would fare no better
        if error is None:
            try:
                self._bucket.put(_name(address), sealed)
            except LineamentError as failure:
                error = failure
        with self._changed:
            self._waiting -= len(sealed)
            upload.sealed, upload.error = None, error
            self._failed = error or self._failed
            self._changed.notify_all()
        upload.done.set()

    def _listed(self) -> Iterator[tuple[str, float]]:
        self._require_mark_once()
        for listed in self._bucket.list():
            if (parts := _NAME.fullmatch(listed.name)) is not None:
                yield parts[2], listed.put_at

    def _require_mark_once(self) -> None:
        if not self._marked:
            self._require_mark()
            self._marked = True

    def _require_mark(self, *, hurried: bool = False) -> None:
        """Raise PicturesUnavailable unless the bucket holds the mark of this workspace."""
        found = self._bucket.get(MARK, hurried=hurried)
        if found == self._workspace.encode():
            return
        why = "it holds the pictures of another workspace" if found else "nothing of this workspace is in it"
        why += "; correct LINEAMENT_PICTURES and its endpoint, or restore the bucket"
        raise PicturesUnavailable(place=str(self._bucket.place), why=why)


def _name(address: str) -> str:
    return f"{checked_address(address)[:2]}/{address}"
