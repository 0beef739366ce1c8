"""A file of a pack is fetched whole and as it was pinned, or not at all."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.local_web import CannedReply, Certificate, LocalWeb

from lineament.errors import DownloadFailed
from lineament.sources.download import download

CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
HOST = "files.test"


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalWeb]:
    certificate = Certificate(HOST)
    (tmp_path / "trusted.pem").write_bytes(certificate.public)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    resolve = socket.getaddrinfo
    with LocalWeb() as web:
        pages = {
            "/whole": CannedReply(CONTENT),
            "/other": CannedReply(CONTENT[:-1] + b"x"),
            "/longer": CannedReply(CONTENT + b"x"),
            "/gone": CannedReply(status=404),
            "/plain": CannedReply(status=302, headers={"location": f"http://{HOST}/whole"}),
            "/round": CannedReply(status=302, headers={"location": "/round"}),
            "/moved": CannedReply(status=302, headers={"location": "/whole"}),
        }
        web.host(HOST, pages, tls=certificate)

        def to_loopback(host: Any, *rest: Any, **named: Any) -> Any:
            return resolve(web.addresses.get(host, host), *rest, **named)

        monkeypatch.setattr(socket, "getaddrinfo", to_loopback)
        yield web


def fetch(web: LocalWeb, path: str, into: Path) -> list[int]:
    seen: list[int] = []
    address = f"https://{HOST}:{web.port}{path}"
    download(address, into, sha256=DIGEST, most=len(CONTENT), on_progress=lambda here, _whole: seen.append(here))
    return seen


@pytest.mark.parametrize("path", ["/whole", "/moved"])
def test_a_file_comes_whole_and_its_progress_is_told(web: LocalWeb, tmp_path: Path, path: str) -> None:
    seen = fetch(web, path, tmp_path / "net.onnx")
    assert (tmp_path / "net.onnx").read_bytes() == CONTENT
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/other", "SHA-256 differs"),
        ("/longer", "more than"),
        ("/gone", "404"),
        ("/plain", "without encryption"),
        ("/round", "from one address to the next"),
    ],
)
def test_another_content_leaves_nothing(web: LocalWeb, tmp_path: Path, path: str, why: str) -> None:
    (tmp_path / "packs").mkdir()
    with pytest.raises(DownloadFailed, match=why):
        fetch(web, path, tmp_path / "packs" / "net.onnx")
    assert list((tmp_path / "packs").iterdir()) == []


def test_without_a_network_the_address_and_the_way_out_are_named(
    web: LocalWeb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with pytest.raises(DownloadFailed, match=r"files.test.*no connection.*--from"):
        fetch(web, "/whole", tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()


def test_a_server_that_nobody_vouches_for_is_refused(
    web: LocalWeb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(DownloadFailed, match="no connection"):
        fetch(web, "/whole", tmp_path / "net.onnx")
