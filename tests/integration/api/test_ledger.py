"""The ledger through ``/v1``: its entries in parts, and proofs that hold without Lineament."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.described import described
from tests.support.programs import program
from tests.support.world import solo

from lineament.ledger.checkpoint import PublicKey
from lineament.ledger.proofs import verify_consistency_file, verify_entry_proof
from lineament.model.accounts import Permission
from lineament.model.sources import SourceTerms

pytestmark = pytest.mark.enable_socket


def test_entries_are_read_in_parts_and_proven(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        made = program(world, Permission.READ_LEDGER)
        client = made.client
        kept = described(client.get("/v1/ledger/checkpoint"))
        world.machine.sources.add(SourceTerms(name="press", controller="x", basis="x", jurisdiction="FR"))
        first = described(client.get("/v1/ledger/entries", params={"limit": 1}))
        assert (first["items"][0]["action"], first["items"][0]["details"]["name"]) == ("source_registered", "press")
        rest = described(client.get("/v1/ledger/entries", params={"after": first["next"]}))
        numbers = [entry["entry"] for entry in first["items"] + rest["items"]]
        assert numbers == list(range(kept["entries"], -1, -1))
        only = client.get("/v1/ledger/entries", params={"kind": "sources"}).json()["items"]
        assert [entry["entry"] for entry in only] == [kept["entries"]]
        key = PublicKey.parse(kept["key"])
        proof = described(client.get(f"/v1/ledger/entries/{kept['entries']}/proof"))
        assert verify_entry_proof(proof["file"], key).action == "source_registered"
        asked = client.post("/v1/ledger/consistency", json={"checkpoint": kept["checkpoint"]})
        assert verify_consistency_file(described(asked)["file"], key).old.size == kept["entries"]
        assert client.post("/v1/ledger/consistency", json={"checkpoint": "x"}).status_code == 422
        assert client.get("/v1/ledger/entries/999999/proof").status_code == 404
        made.close()


def test_who_may_not_read_the_ledger_reads_none_of_it(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        made = program(world, Permission.MANAGE_SOURCES)
        for address in ("checkpoint", "entries", "entries/0/proof"):
            assert made.client.get(f"/v1/ledger/{address}").status_code == 403
        made.close()
