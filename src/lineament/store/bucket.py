"""Objects in a bucket of an S3 service, below a prefix, and its errors as one line that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lineament.errors import InvalidValue, LineamentError, PicturesUnavailable, StorageFull, VersionsKept
from lineament.model.hosts import is_this_machine

if TYPE_CHECKING:
    from obstore.store import BackoffConfig, ClientConfig, S3Credential, S3Store

_PLACE = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>(/[A-Za-z0-9._-]{1,64}){0,8})/?")
_CODE = re.compile(r"<Code>\s*([A-Za-z0-9]{1,64})\s*</Code>|\(code: ([A-Za-z0-9]{1,64})\)")
_STATUS = re.compile(r"status code: ([0-9]{3})")
AT_ONCE = 1_000
"""Most objects that one request lists or deletes (S3 allows no more)."""
CONNECT = timedelta(seconds=5)
WHOLE = timedelta(minutes=5)
"""Most time for one request with its body: 256 MiB at 1 MB/s."""
PATIENT = timedelta(seconds=30)
"""How long writing is tried again; an answer may take as long."""
BRISK = timedelta(seconds=6)
"""How long everything else is tried again, because a person or a transaction waits; an answer may take as long."""
HURRIED = timedelta(seconds=1.5)
"""The same, for whoever asks only whether the service is there."""

# By the codes of S3 (its API reference, “Error responses”) and of what speaks its language.
_WHY = {
    "NoSuchBucket": "there is no such bucket; make it, or correct LINEAMENT_PICTURES",
    "AccessDenied": "the access key may not do this there; let it list, get, put and delete objects of the bucket",
    "AllAccessDisabled": "the service has closed the bucket; ask whoever runs it",
    "InvalidAccessKeyId": "the service does not know the access key; correct LINEAMENT_PICTURES_SECRET",
    "SignatureDoesNotMatch": "the secret does not belong to the access key; correct LINEAMENT_PICTURES_SECRET",
    "ExpiredToken": "the session of the access key has ended; give a new one",
    "InvalidToken": "the session token does not belong to the access key; give a new one",
    "RequestTimeTooSkewed": "the clocks of this machine and of the service differ; set them both by NTP",
    "RequestExpired": "the clocks of this machine and of the service differ; set them both by NTP",
    "AuthorizationHeaderMalformed": "the bucket is in another region; correct LINEAMENT_PICTURES_REGION",
    "PermanentRedirect": "the bucket is in another region; correct LINEAMENT_PICTURES_REGION",
    "IllegalLocationConstraintException": "the bucket is in another region; correct LINEAMENT_PICTURES_REGION",
}
_WHY_OF_STATUS = {
    301: _WHY["PermanentRedirect"],
    307: _WHY["PermanentRedirect"],
    401: _WHY["AccessDenied"],
    403: _WHY["AccessDenied"],
}
"""What is said of an answer without a code, such as one to HEAD."""
_NO_ANSWER = {
    "ertificate": "its certificate is not trusted; name the file of its authority in LINEAMENT_PICTURES_AUTHORITY",
    "UnknownIssuer": "its certificate is not trusted; name the file of its authority in LINEAMENT_PICTURES_AUTHORITY",
    "dns error": "its name is not known; correct LINEAMENT_PICTURES_ENDPOINT",
    "kind: Timeout": "it did not answer in time; try again when it does",
    "TimedOut": "it did not answer in time; try again when it does",
    "kind: Connect": "no connection; check that it runs, and LINEAMENT_PICTURES_ENDPOINT",
}
"""What is said if there was no answer, by what obstore's error says of the cause."""
_OUT_OF_ORDER = 500
_FULL = frozenset({"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "XMinioStorageQuotaExceeded"})
_NO_ROOM = 507


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketPlace:
    """Where a bucket is, and the access key for it."""

    bucket: str
    prefix: str  # without slashes at its ends; may be empty
    endpoint: str  # https://host[:port], http for this machine only
    region: str
    access_key: str = field(repr=False)
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    authority: bytes | None = field(default=None, repr=False)  # PEM certificates that are trusted besides the system's

    @property
    def url(self) -> str:
        """The bucket and the prefix, as the setting names them."""
        return "/".join(filter(None, (f"s3://{self.bucket}", self.prefix)))

    def __str__(self) -> str:
        return f"{self.url} at {urlsplit(self.endpoint).netloc}"


def parse_place(url: str, endpoint: str | None, region: str) -> tuple[str, str, str]:
    """Return bucket, prefix and endpoint; without one, Amazon's in that region. Raises InvalidValue."""
    parts = _PLACE.fullmatch(url)
    if parts is None:
        raise InvalidValue(what="LINEAMENT_PICTURES", value=url[:100], why="write s3://bucket or s3://bucket/prefix")
    endpoint = checked_endpoint("LINEAMENT_PICTURES_ENDPOINT", endpoint, region)
    return parts["bucket"], parts["prefix"].strip("/"), endpoint


def checked_endpoint(setting: str, endpoint: str | None, region: str) -> str:
    """Return the address of an S3 service; without one, Amazon's in that region. Raises InvalidValue."""
    endpoint = (endpoint or f"https://s3.{region}.amazonaws.com").rstrip("/")
    found = urlsplit(endpoint)
    plain = found.scheme == "http" and is_this_machine(found.hostname)
    if not (plain or found.scheme == "https") or not found.hostname or found.path or found.username or found.query:
        why = "write https://host:port, without a path; http is for this machine only"
        raise InvalidValue(what=setting, value=f"{found.scheme}://…", why=why)
    return endpoint


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as a listing shows it."""

    name: str  # below the prefix
    put_at: float  # seconds since 1970 by the clock of the service, cut to whole seconds


class Bucket:
    """Objects below a prefix. Thread-safe; nothing is connected before the first request.

    Every method raises PicturesUnavailable, or StorageFull if the service has no room; ``put`` also VersionsKept.
    """

    def __init__(self, place: BucketPlace) -> None:
        self.place = place

    @cached_property
    def _patient(self) -> S3Store:
        return _store(self.place, PATIENT)

    @cached_property
    def _brisk(self) -> S3Store:
        return _store(self.place, BRISK)

    @cached_property
    def _hurried(self) -> S3Store:
        return _store(self.place, HURRIED)

    def put(self, name: str, content: bytes, *, new: bool = False) -> None:
        """Write an object whole, in place of the one of that name; with ``new`` only if there is none.

        Raises FileExistsError if there is one, VersionsKept if the bucket would keep the one before.
        """
        from obstore.exceptions import AlreadyExistsError

        try:
            put = self._patient.put(name, content, mode="create" if new else "overwrite", use_multipart=False)
        except AlreadyExistsError:
            raise FileExistsError(name) from None
        except Exception as error:
            raise self._fault(error) from error
        if put["version"] not in {None, "null"}:
            why = "the bucket keeps every version of an object; take a bucket without versioning and object lock"
            raise VersionsKept(place=str(self.place), why=why)

    def get(self, name: str, *, hurried: bool = False) -> bytes | None:
        """Return an object, None if there is none of that name; ``hurried``: within twice HURRIED."""
        try:
            return bytes((self._hurried if hurried else self._brisk).get(name).bytes())
        except FileNotFoundError as error:
            self._require_bucket(error)
            return None
        except Exception as error:
            raise self._fault(error) from error

    def put_at(self, name: str) -> float | None:
        """Return when an object was put, by the clock of the service, cut to seconds; None if there is none."""
        try:
            return self._brisk.head(name)["last_modified"].timestamp()
        except FileNotFoundError as error:
            self._require_bucket(error)
            return None
        except Exception as error:
            raise self._fault(error) from error

    def delete(self, names: Sequence[str]) -> None:
        """Delete objects if they are there, at most AT_ONCE."""
        try:
            self._brisk.delete(names)
        except FileNotFoundError as error:
            self._require_bucket(error)
        except Exception as error:
            raise self._fault(error) from error

    def list(self) -> Iterator[ListedObject]:
        """Yield every object, ascending by name (as S3 lists them), a page of AT_ONCE at a time."""
        pages = self._brisk.list(chunk_size=AT_ONCE)
        while True:
            try:
                page = next(pages)
            except StopIteration:
                return
            except Exception as error:
                raise self._fault(error) from error
            for listed in page:
                yield ListedObject(listed["path"], listed["last_modified"].timestamp())

    def _require_bucket(self, error: FileNotFoundError) -> None:
        """Raise PicturesUnavailable if it is the bucket that is missing: then nothing is known of the object."""
        if _code(error) == "NoSuchBucket":
            raise self._fault(error) from error

    def _fault(self, error: Exception) -> LineamentError:
        if _code(error) in _FULL or _status(error) == _NO_ROOM:
            return StorageFull(path=self.place)
        return PicturesUnavailable(place=str(self.place), why=_why(error))


def _store(place: BucketPlace, patience: timedelta) -> S3Store:
    """Return obstore's store; what its library would read from the environment is given, so that it reads nothing."""
    from obstore.store import S3Store

    key: S3Credential = {
        "access_key_id": place.access_key,
        "secret_access_key": place.secret,
        "token": place.token,
        "expires_at": None,
    }
    options: ClientConfig = {
        "allow_http": place.endpoint.startswith("http://"),
        "connect_timeout": min(CONNECT, patience),
        "read_timeout": patience,
        "timeout": WHOLE,
        "user_agent": "lineament",
    }
    if place.authority is not None:
        options["root_certificate"] = place.authority
    backoff: BackoffConfig = {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=5),
        "base": 2,
    }
    return S3Store(
        place.bucket,
        prefix=place.prefix or None,
        config={
            "aws_endpoint_url_s3": place.endpoint,
            "endpoint": place.endpoint,
            "region": place.region,
            "skip_signature": False,
            "unsigned_payload": False,
            "virtual_hosted_style_request": False,
            "s3_express": False,
        },
        client_options=options,
        retry_config={"max_retries": 20, "retry_timeout": patience, "backoff": backoff},
        credential_provider=lambda: key,
    )


def _code(error: Exception) -> str | None:
    found = _CODE.search(str(error))
    return found and (found[1] or found[2])


def _status(error: Exception) -> int | None:
    found = _STATUS.search(str(error))
    return found and int(found[1])


def _why(error: Exception) -> str:
    """Return in words what a request failed of; nothing of the answer's text but its code is repeated."""
    code, status, said = _code(error), _status(error), str(error)
    if status is None and code is None:
        broken = f"the connection broke ({type(error).__name__}); try again"
        return next((why for sign, why in _NO_ANSWER.items() if sign in said), broken)
    named = _WHY.get(code or "") or _WHY_OF_STATUS.get(status or 0)
    if named is not None:
        return named
    busy = "; it is busy or out of order, so try again later" if (status or 0) >= _OUT_OF_ORDER else ""
    return f"the service answered {' '.join(str(part) for part in (status, code) if part)}{busy}"
