from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from lineament.errors import InvalidValue
from lineament.settings import Precision, Settings


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://lineament.agency.example", "https://lineament.agency.example"),
        ("HTTPS://Lineament.Agency.Example/", "https://lineament.agency.example"),
        ("https://lineament.agency.example:443", "https://lineament.agency.example"),
        ("https://lineament.agency.example:8443", "https://lineament.agency.example:8443"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_the_public_url_is_an_origin_as_browsers_write_it(
    written: str, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEAMENT_PUBLIC_URL", written)
    assert Settings().public_url == origin


@pytest.mark.parametrize(
    "written",
    [
        "lineament.agency.example",
        "ftp://lineament.agency.example",
        "https://",
        "https://lineament.agency.example/pages",
        "https://lineament.agency.example/?q",
        "https://lineament.agency.example/#x",
        "https://user:password@lineament.agency.example",
        "https://lineament.agency.example:port",
        "https://lineament.agency.example:99999",
        "https://line ament.example",
        "https://lineament.example\\@evil.example",
    ],
)
def test_a_public_url_that_is_none_is_refused(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAMENT_PUBLIC_URL", written)
    with pytest.raises(InvalidValue, match="LINEAMENT_PUBLIC_URL"):
        Settings()


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("workers", "256", 256),
        ("workers", " 3", 3),
        ("decode_seconds", "0.5", 0.5),
        ("trace", "1", True),
        ("trace", "No", False),
        ("precision", "bf16", Precision.BF16),
        ("home", "/srv/ws", Path("/srv/ws")),
    ],
)
def test_a_setting_is_read_from_the_environment(
    name: str, written: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"LINEAMENT_{name.upper()}", written)
    assert getattr(Settings(), name) == value


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("workers", "257"),
        ("workers", "-1"),
        ("workers", "²"),
        ("workers", ""),
        ("max_pixels", "999999"),
        ("max_file_bytes", "1e9"),
        ("decode_memory", "1 GiB"),
        ("decode_seconds", "0"),
        ("decode_seconds", "inf"),
        ("precision", "f16"),
        ("runtime", "tensorrt"),
        ("trace", "perhaps"),
    ],
)
def test_a_wrong_setting_is_named(name: str, written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"LINEAMENT_{name.upper()}", written)
    with pytest.raises(InvalidValue, match=f"LINEAMENT_{name.upper()}"):
        Settings()


def test_arguments_take_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAMENT_WORKERS", "a hundred")
    assert Settings(workers=2).workers == 2


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAMENT_OPENID_CLIENT_SECRET", "very-secret")
    monkeypatch.setenv("LINEAMENT_SMTP_URL", "smtp://user:very-secret@mail.example")
    monkeypatch.setenv("LINEAMENT_DATABASE_URL", "postgresql+psycopg://user:very-secret@db.example/lineament")
    settings = Settings()
    assert settings.openid_client_secret is not None
    assert settings.openid_client_secret.reveal() == "very-secret"
    assert settings.smtp_url is not None
    assert settings.smtp_url.reveal().endswith("@mail.example")
    for shown in (repr(settings), str(settings), f"{asdict(settings)}"):
        assert "very-secret" not in shown
