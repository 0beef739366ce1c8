from __future__ import annotations

import pytest
from pydantic import ValidationError

from lineament.settings import Settings


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
def test_the_public_url_is_an_origin_as_browsers_write_it(written: str, origin: str) -> None:
    assert Settings(public_url=written).public_url == origin


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
def test_a_public_url_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        Settings(public_url=written)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAMENT_OPENID_CLIENT_SECRET", "very-secret")
    monkeypatch.setenv("LINEAMENT_SMTP_URL", "smtp://user:very-secret@mail.example")
    settings = Settings()
    assert settings.openid_client_secret is not None
    assert settings.openid_client_secret.get_secret_value() == "very-secret"
    assert settings.smtp_url is not None
    assert settings.smtp_url.get_secret_value().endswith("@mail.example")
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "very-secret" not in shown
