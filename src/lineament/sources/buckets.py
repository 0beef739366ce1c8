"""Single objects of buckets (any S3 service), fetched for a source that names the bucket.

A source names a bucket as one of its hosts: BUCKET.SERVICE[:PORT], which is the address that the bucket has at services
that give each its own. It is asked for at the address of the service. A bucket is opened with a key of the operator; it
is no page of the web, so that no robots.txt is read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import httpx

from lineament.errors import FileTooLarge, HostRefused, NotRead
from lineament.model.signed_requests import ALGORITHM, ENDS_WITH, STAMP, SignedRequest, canonical, signature_for
from lineament.sandbox.limited_http import LimitedNetwork, limited_client
from lineament.sources.addresses import PORTS, uri_key
from lineament.sources.permission.hosts import Hosts

BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
"""What the name of a bucket is like."""
SECONDS = 20.0
"""Most seconds for a whole answer."""
_CHUNK = 1 << 16
_NOTHING = hashlib.sha256(b"").hexdigest()
_NAMES = ("host", "x-amz-content-sha256", "x-amz-date")
_WHY = {
    301: "the bucket is in another region",
    307: "the bucket is in another region",
    403: "the access key of the operator may not read it",
    404: "there is no such bucket, object or version",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketService:
    """An S3 service, and the access key with which its buckets are read."""

    endpoint: str  # https://HOST[:PORT], http for this machine only
    region: str
    access_key: str = field(repr=False)
    secret: str = field(repr=False)

    def listed_as(self, bucket: str) -> tuple[str, ...]:
        """Return how a source lists a bucket: as HOST:PORT, and without the port if that is the usual one."""
        parts = urlsplit(self.endpoint)
        usual = PORTS[parts.scheme]
        named = f"{bucket}.{parts.hostname}"
        port = parts.port or usual
        return (f"{named}:{port}", named) if port == usual else (f"{named}:{port}",)

    def is_listed(self, bucket: str, hosts: Iterable[str]) -> bool:
        """Return whether a source with these hosts names a bucket; “*.HOST” names none."""
        return not {host.strip().lower() for host in hosts}.isdisjoint(self.listed_as(bucket))


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketObject:
    """An object of a bucket, as a program names it."""

    bucket: str
    name: str
    version: str | None = None

    @property
    def below(self) -> str:
        """The path and the query below the bucket, percent-encoded."""
        path = "/" + quote(self.name, safe="/")
        return path if self.version is None else f"{path}?versionId={quote(self.version, safe='')}"

    @property
    def uri(self) -> str:
        """Where it is, for the record."""
        return f"s3://{self.bucket}{self.below}"


def fetch_object(service: BucketService, found: BucketObject, listed: Sequence[str], limit: int) -> bytes:
    """Return the untrusted bytes of an object.

    Args:
        service: Where the buckets are.
        found: The object.
        listed: The hosts of a source.
        limit: Most bytes.

    Raises:
        HostRefused: The source does not name the bucket, or the service is at an address that may not be reached.
        FileTooLarge: It has too many bytes.
        NotRead: It cannot be fetched.
    """
    hosts = Hosts(listed)
    _check(service, found, listed, hosts)
    network = LimitedNetwork(hosts.addresses)  # which connects only to addresses that were checked
    network.allow(seconds=SECONDS, size=limit)
    try:
        with limited_client(network, timeout=SECONDS) as client:
            request = client.build_request("GET", f"{service.endpoint}/{found.bucket}{found.below}")
            request.headers.update(_signed(service, request, datetime.now(UTC).strftime(STAMP)))
            response = client.send(request, stream=True)
            try:
                return _body(response, limit)
            finally:
                response.close()
    except httpx.TimeoutException as error:
        raise NotRead(why="the service of the bucket does not answer, or takes too long") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise NotRead(why="there is no connection to the service of the bucket that can be trusted") from error


def _check(service: BucketService, found: BucketObject, listed: Sequence[str], hosts: Hosts) -> None:
    """Raise HostRefused unless the bucket is listed, and nothing in the object's name is refused; NotRead for “..”."""
    names = service.listed_as(found.bucket)
    if not re.fullmatch(BUCKET, found.bucket) or not service.is_listed(found.bucket, listed):
        raise HostRefused(
            host=f"the bucket “{found.bucket[:63]}”", why=f"the source does not list the host {names[-1]}"
        )
    if {".", ".."} & set(found.name.split("/")):
        raise NotRead(why="the name of the object has “.” or “..” in its path")
    scheme = service.endpoint.partition(":")[0]
    hosts.allows(uri_key(f"{scheme}://{names[0]}{found.below}") or "")


def _signed(service: BucketService, request: httpx.Request, stamp: str) -> dict[str, str]:
    """Return the headers of a request, with its signature."""
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    ours = {"x-amz-content-sha256": _NOTHING, "x-amz-date": stamp}
    headers = {"host": [request.headers["host"]], **{name: [value] for name, value in ours.items()}}
    parts = SignedRequest(method="GET", path=path, query=query, headers=headers, body=b"")
    scope = f"{stamp[:8]}/{service.region}/s3/{ENDS_WITH}"
    signature = signature_for(canonical(parts, path, _NAMES, _NOTHING), service.secret, scope=scope, stamp=stamp)
    credential = f"Credential={service.access_key}/{scope}, SignedHeaders={';'.join(_NAMES)}, Signature={signature}"
    usual = {"accept-encoding": "identity", "user-agent": "lineament"}
    return {**usual, **ours, "authorization": f"{ALGORITHM} {credential}"}


def _body(response: httpx.Response, limit: int) -> bytes:
    if response.status_code != httpx.codes.OK:
        raise NotRead(why=_WHY.get(response.status_code, f"the service answered with {response.status_code}"))
    stated = response.headers.get("content-length", "")
    if stated.isascii() and stated.isdigit() and int(stated[:18]) > limit:
        raise FileTooLarge(size=stated[:18], limit=limit)
    body = bytearray()
    for chunk in response.iter_raw(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise FileTooLarge(size=f"more than {limit}", limit=limit)
    return bytes(body)
