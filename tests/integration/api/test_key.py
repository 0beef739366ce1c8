"""The key itself: what ``/v1/key`` says about it, and what it opens in whose name."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.programs import program
from tests.support.world import solo

from lineament.model.accounts import Permission

pytestmark = pytest.mark.enable_socket


def test_a_key_says_what_it_may_do(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        made = program(world, Permission.READ_SOURCES, Permission.MANAGE_SOURCES)
        answer = made.client.get("/v1/key")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        told = answer.json()
        assert told["id"] == made.key.key.id
        assert told["rights"] == ["manage_sources", "read_sources"]
        assert (told["case"], told["sources"], told["per_minute"]) == (None, [], 6000)
        made.close()
