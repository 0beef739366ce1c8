"""Objects of buckets, from a service that does whatever it likes; a real one is in tests/integration/api."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from lineament.errors import FileTooLarge, HostRefused, LineamentError, NotRead
from lineament.sources import buckets
from lineament.sources.buckets import BucketObject, BucketService, fetch_object

LIMIT = 1000
PICTURE = BucketObject(bucket="door", name="a.jpg")


def service(port: int) -> BucketService:
    return BucketService(endpoint=f"http://localhost:{port}", region="us-east-1", access_key="key", secret="a secret")


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Listen, answer each request so and close; yield the port and the requests so far."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    stream, _ = listener.accept()
                except OSError:
                    return
                with stream:
                    asked.append(stream.recv(65536))
                    stream.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], asked
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def listed(port: int, *more: str) -> tuple[str, ...]:
    return (f"door.localhost:{port}", *more)


def reachable(port: int) -> tuple[str, ...]:
    return listed(port, f"127.0.0.1:{port}", f"[::1]:{port}")


def test_an_object_is_fetched_with_a_signature_and_without_the_secret() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc") as (port, asked):
        assert fetch_object(service(port), PICTURE, reachable(port), LIMIT) == b"abc"
    (request,) = asked
    assert request.startswith(b"GET /door/a.jpg HTTP/1.1\r\n")
    assert b"AWS4-HMAC-SHA256 Credential=key/" in request
    assert b"a secret" not in request


@pytest.mark.parametrize(
    ("hosts", "why"),
    [
        ((), "does not list the host door.localhost"),
        (("door.localhost",), "does not list"),
        (("*.agency.example:{port}",), "does not list"),
        (("other.localhost:{port}", "localhost:{port}", "127.0.0.1:{port}"), "does not list"),
        (("door.localhost:{port}",), "is a loopback address"),
    ],
    ids=["nothing", "another port", "all of a service", "others", "no private address"],
)
def test_nothing_is_connected_to_unless_bucket_and_address_are_listed(hosts: tuple[str, ...], why: str) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
    with answering(answer) as (port, asked), pytest.raises(HostRefused, match=why):
        fetch_object(service(port), PICTURE, [host.format(port=port) for host in hosts], LIMIT)
    assert asked == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", FileTooLarge),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001, FileTooLarge),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", NotRead),
        (b"HTTP/1.1 307 Elsewhere\r\nLocation: http://localhost/\r\nContent-Length: 0\r\n\r\n", NotRead),
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", NotRead),
        (b"HTTP/1.1 206 Part\r\nContent-Length: 3\r\n\r\nabc", NotRead),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, NotRead),
        (b"?", NotRead),
        (b"", NotRead),
    ],
    ids=["says", "sends", "short", "redirect", "forbidden", "part", "headers", "nonsense", "nothing"],
)
def test_an_answer_that_is_no_object_is_refused(answer: bytes, error: type[LineamentError]) -> None:
    with answering(answer) as (port, asked), pytest.raises(error):
        fetch_object(service(port), PICTURE, reachable(port), LIMIT)
    assert len(asked) == 1, "nothing is asked again, and no redirect followed"


def test_a_service_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(NotRead, match="does not answer"):
            fetch_object(service(port), PICTURE, reachable(port), LIMIT)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40), st.sampled_from([None, "null", "a.B_c-1"]))
def test_signatures_are_those_of_awss_library(name: str, version: str | None) -> None:
    found = BucketObject(bucket="door", name=name, version=version)
    request = httpx.Request("GET", f"http://localhost:8333/door{found.below}")
    theirs = AWSRequest(method="GET", url=str(request.url), headers={"X-Amz-Content-SHA256": buckets._NOTHING})
    signer = S3SigV4Auth(Credentials("key", "a secret"), "s3", "us-east-1")
    signer.add_auth(theirs)
    ours = buckets._signed(service(8333), request, theirs.context["timestamp"])
    assert ours["authorization"] == theirs.headers["Authorization"]


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_no_name_leads_out_of_its_bucket(name: str) -> None:
    below = BucketObject(bucket="door", name=name).below
    sent = httpx.Request("GET", f"http://localhost:8333/door{below}").url
    if {".", ".."} & set(name.split("/")):
        with pytest.raises(NotRead):
            fetch_object(service(8333), BucketObject(bucket="door", name=name), reachable(8333), LIMIT)
    else:
        assert (sent.host, sent.raw_path.decode()) == ("localhost", f"/door{below}")
    assert urlsplit(str(sent)).netloc == "localhost:8333"


def test_the_usual_port_may_be_left_out() -> None:
    amazon = BucketService(endpoint="https://s3.eu-west-1.amazonaws.com", region="eu-west-1", access_key="", secret="")
    names = amazon.listed_as("door")
    assert names == ("door.s3.eu-west-1.amazonaws.com:443", "door.s3.eu-west-1.amazonaws.com")
