"""Requests that name themselves: sent again, they are answered again and done once, until something is erased."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.programs import program
from tests.support.world import solo

from lineament.model.accounts import Permission

pytestmark = pytest.mark.enable_socket

SOURCE = {"name": "press", "controller": "a newspaper", "basis": "consent", "jurisdiction": "FR"}
NAMED = {"idempotency-key": "one-name"}


def test_an_answer_is_given_again_until_something_was_erased_and_nothing_is_done_twice(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        acting = program(world, Permission.READ_SOURCES, Permission.MANAGE_SOURCES)
        first = acting.client.post("/v1/sources", json=SOURCE, headers=NAMED)
        again = acting.client.post("/v1/sources", json=SOURCE, headers=NAMED)
        assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        other = acting.client.post("/v1/sources", json=SOURCE | {"name": "wire"}, headers=NAMED)
        assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "idempotency-key")
        world.machine.erase.source("press", "it asked for that")
        after = acting.client.post("/v1/sources", json=SOURCE, headers=NAMED)
        assert (after.status_code, after.json()["code"]) == (409, "wrong-state")
        assert "erased since" in after.json()["detail"]
        assert [source.name for source in world.machine.sources.list()] == ["press"]
        acting.close()
