"""Requests that name themselves: sent again, they are answered again and done once, until something is erased."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.programs import program
from tests.support.world import solo

from lineament.model.accounts import Permission
from lineament.model.sources import Source, SourceTerms
from lineament.services.gallery.register import Register

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


def test_an_answer_is_not_kept_if_something_was_erased_while_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Register.add

    def add_while_another_is_erased(register: Register, *terms: Any) -> Source:
        added = add(register, *terms)
        world.machine.erase.source("wire", "it asked for that")
        return added

    with solo(tmp_path / "ws") as world:
        world.machine.sources.add(SourceTerms(name="wire", controller="a wire", basis="consent", jurisdiction="FR"))
        acting = program(world, Permission.MANAGE_SOURCES)
        monkeypatch.setattr(Register, "add", add_while_another_is_erased)
        first = acting.client.post("/v1/sources", json=SOURCE, headers=NAMED)
        again = acting.client.post("/v1/sources", json=SOURCE, headers=NAMED)
        assert (first.status_code, again.status_code) == (201, 409)
        assert "erased since" in again.json()["detail"]
        acting.close()
