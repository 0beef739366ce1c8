"""Pictures that programs of other products send, as forms and as base64 in JSON."""

from __future__ import annotations

import asyncio
import base64

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from lineament.api.bodies import CappedBodies
from lineament.api.compat.uploads import SentBody, from_base64, read_body
from lineament.errors import FileTooLarge, InvalidValue

LARGEST = 1000


def read(body: bytes, kind: str, *, most_files: int = 2) -> SentBody:
    """Return what is read of a request."""
    found: list[SentBody] = []

    async def app(scope: Scope, receive: Receive, _send: Send) -> None:
        found.append(await read_body(Request(scope, receive), largest=LARGEST, most_files=most_files))

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_message: Message) -> None:
        raise AssertionError

    headers = [(b"content-type", kind.encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    asyncio.run(CappedBodies(app)(scope, receive, send))
    return found[0]


def form(*parts: tuple[str, bytes]) -> tuple[bytes, str]:
    """Return a form and its type; a name with a slash is that of a field and of its file."""
    body = b""
    for name, content in parts:
        field, _, file = name.partition("/")
        named = f'; filename="{file}"' if file else ""
        body += f'--b\r\nContent-Disposition: form-data; name="{field}"{named}\r\n\r\n'.encode() + content + b"\r\n"
    return body + b"--b--\r\n", "multipart/form-data; boundary=b"


def test_a_form_has_files_and_texts() -> None:
    sent = read(*form(("images/a.jpg", b"one"), ("images/b.jpg", b"two"), ("id", b"alice"), ("id", b"bob")))

    assert [(file.name, file.untrusted) for file in sent.files["images"]] == [("a.jpg", b"one"), ("b.jpg", b"two")]
    assert sent.texts == {"id": "alice"}, "the first counts"
    found = sent.file("images")
    assert found is not None
    assert found.untrusted == b"one"
    assert sent.file("file") is None


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(FileTooLarge):
        read(*form(("file/a.jpg", b"x" * (LARGEST + 1))))


def test_more_files_than_an_address_takes_are_refused() -> None:
    with pytest.raises(InvalidValue, match="cannot be read"):
        read(*form(("a/a", b""), ("b/b", b""), ("c/c", b"")))


def test_a_request_that_is_too_large_is_refused_while_it_is_read() -> None:
    with pytest.raises(HTTPException) as refused:
        read(*form(("file/a.jpg", b"x" * (2 * LARGEST + 2**20))))

    assert refused.value.status_code == 413


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidValue, match="too long"):
        read(*form(("metadata", b"x" * (2**16 + 1))))


def test_json_has_pictures_as_base64() -> None:
    text = base64.encodebytes(b"a picture").decode().replace("\n", "\\n")
    sent = read(b'{"file": "' + text.encode() + b'"}', "application/json; charset=utf-8")

    found = sent.file("file")
    assert found is not None
    assert found.untrusted == b"a picture"
    assert sent.file("source_image") is None


def test_a_picture_in_base64_that_is_too_large_is_refused() -> None:
    most, more = (base64.b64encode(b"x" * size) for size in (LARGEST, LARGEST + 1))
    assert read(b'{"file": "' + most + b'"}', "application/json").file("file") is not None
    sent = read(b'{"file": "' + more + b'"}', "application/json")
    with pytest.raises(FileTooLarge):
        sent.file("file")


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'{"a": 1e'], ids=["open", "bytes", "deep", "number"])
def test_json_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidValue, match="RFC 8259"):
        read(body, "application/json")


def test_a_form_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InvalidValue, match="cannot be read"):
        read(b"--b\r\nno header\r\n", "multipart/form-data; boundary=b")
    with pytest.raises(InvalidValue, match="cannot be read"):
        read(b"", "multipart/form-data")


@pytest.mark.parametrize("charset", ["idna", "punycode", "undefined", "unicode_escape", "utf-7", "utf-16", "rot13"])
def test_a_form_in_an_encoding_that_makes_no_text_is_refused(charset: str) -> None:
    body, kind = form(("name", b"\\ud800 +2AA- xn--\xff"))
    with pytest.raises(InvalidValue, match="charset is not UTF-8"):
        read(body, f"{kind}; charset={charset}")


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", "us-ascii", "ISO-8859-1", "windows-1252", "unknown"])
def test_a_form_in_a_usual_encoding_is_read(charset: str) -> None:
    body, kind = form(("name", b"Zo\xc3\xab"))
    assert read(body, f"{kind}; charset={charset}").texts["name"] in {"Zoë", "ZoÃ«"}


def test_any_other_body_is_left_unread() -> None:
    assert read(b"x" * 2**21, "application/octet-stream") == SentBody()


@pytest.mark.parametrize("text", ["?", "YQ", "data:image/jpeg;base64,YQ==", "YQ==é", 1, ["YQ=="]], ids=repr)
def test_what_is_no_base64_is_refused(text: object) -> None:
    with pytest.raises(InvalidValue, match="base64"):
        from_base64("file", text)
