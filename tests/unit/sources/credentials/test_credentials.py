"""Content credentials: they are shown, reservations and marks of generated pictures count, nothing is trusted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

import pytest
from tests.conftest import PORTRAITS
from tests.support.signed_pictures import signed

from lineament.errors import Generated, Reserved
from lineament.model.credentials import GENERATED, UNREADABLE, Credentials, against
from lineament.sources.credentials import reader
from lineament.sources.credentials.reader import read_credentials

PLAIN = (PORTRAITS / "obama.jpg").read_bytes()


def test_a_picture_without_credentials_has_none() -> None:
    assert read_credentials(PLAIN) is None
    assert read_credentials(b"") is None


def test_the_fields_of_credentials() -> None:
    credentials = read_credentials(signed(PLAIN))
    assert credentials is not None
    assert (credentials.state, credentials.issuer, credentials.generator) == ("Valid", "Press agency", "camera 1")
    assert (credentials.kinds, credentials.reserved) == (("digitalCapture",), ())
    assert against(credentials) is None


def test_a_changed_picture_says_so() -> None:
    changed = bytearray(signed(PLAIN))
    changed[-200] ^= 1
    credentials = read_credentials(bytes(changed))
    assert credentials is not None
    assert credentials.state == "Invalid"


@pytest.mark.parametrize("kind", ["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"])
def test_generated_pictures_are_refused(kind: str) -> None:
    credentials = read_credentials(signed(PLAIN, kind))
    assert credentials is not None
    assert isinstance(against(credentials), Generated)
    assert kind in GENERATED


@pytest.mark.parametrize(("use", "reserved"), [("notAllowed", True), ("constrained", True), ("allowed", False)])
def test_reserved_uses_are_respected(use: str, reserved: bool) -> None:
    credentials = read_credentials(signed(PLAIN, uses={"cawg.data_mining": use}))
    assert credentials is not None
    assert isinstance(against(credentials), Reserved) is reserved


def test_a_broken_signature_lifts_no_reservation() -> None:
    changed = bytearray(signed(PLAIN, uses={"cawg.ai_inference": "notAllowed"}))
    changed[-200] ^= 1
    credentials = read_credentials(bytes(changed))
    assert credentials is not None
    assert credentials.state == "Invalid"
    assert isinstance(against(credentials), Reserved)


@pytest.mark.parametrize("junk", [b"jumb c2pa", PLAIN + b"jumb c2pa", b"\xff\xd8\xff\xe1jumb\0\0\0\0c2pa" + bytes(999)])
def test_broken_credentials_are_unreadable_and_end_nothing(junk: bytes) -> None:
    assert read_credentials(junk) == Credentials(state=UNREADABLE)


def test_a_worker_that_sends_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    def send_without_end(_module: str, file: int, *_: object) -> Iterator[tuple[bytes, bytes]]:
        os.close(file)
        for number in count(1):
            sent.append(number)
            assert number < 10
            yield b"C", b"{}"

    monkeypatch.setattr(reader, "messages_from", send_without_end)
    assert read_credentials(signed(PLAIN)) == Credentials(state=UNREADABLE)
    assert sent == [1, 2]
