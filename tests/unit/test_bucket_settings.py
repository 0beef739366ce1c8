"""What the settings say of the buckets from which programs have pictures fetched."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from tests.support.world import settings

from lineament.errors import NotRead
from lineament.workspace.buckets import bucket_service


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("a-key\na-secret\n")
    path.chmod(0o600)
    return path


def test_without_an_endpoint_the_buckets_are_amazons(tmp_path: Path, secret: Path) -> None:
    service = bucket_service(settings(tmp_path, buckets_secret=secret, buckets_region="eu-west-3"))
    assert (service.endpoint, service.region) == ("https://s3.eu-west-3.amazonaws.com", "eu-west-3")
    assert (service.access_key, service.secret) == ("a-key", "a-secret")
    assert "a-secret" not in repr(service)


def test_without_a_key_nothing_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(NotRead, match="set LINEAMENT_BUCKETS_SECRET"):
        bucket_service(settings(tmp_path, aws_access_key_id="that of the pictures"))


@pytest.mark.parametrize(
    ("changes", "mode", "content"),
    [
        ({"buckets_endpoint": "http://s3.agency.example"}, 0o600, "a-key a-secret"),
        ({"buckets_endpoint": "https://s3.agency.example/path"}, 0o600, "a-key a-secret"),
        ({}, 0o644, "a-key a-secret"),
        ({}, 0o600, "a-secret"),
    ],
    ids=["not encrypted", "a path", "others may read it", "one line"],
)
def test_what_is_wrong_is_logged_and_kept_from_programs(
    tmp_path: Path, secret: Path, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], mode: int, content: str
) -> None:
    secret.write_text(content)
    secret.chmod(mode)
    with caplog.at_level(logging.ERROR), pytest.raises(NotRead) as refused:
        bucket_service(settings(tmp_path, buckets_secret=secret, **changes))
    assert "no picture can be fetched from a bucket" in caplog.text
    assert "a-secret" not in caplog.text
    assert str(tmp_path) not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(NotRead, match="log of the server"):
        bucket_service(settings(tmp_path, buckets_secret=tmp_path / "absent"))
    assert "absent" in caplog.text
