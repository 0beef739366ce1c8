"""The policies of who witnesses the ledger, on either database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.store_rows import NOW

from lineament.errors import Damaged
from lineament.ledger.log import Ledger
from lineament.model.events.ledger import WitnessesChanged
from lineament.model.proposals import Signatory
from lineament.model.witnessing import StampAuthority, WitnessAddress, WitnessChange, WitnessPolicy
from lineament.store.db import Store

LEDGER = Ledger(origin="lineament/test", signing_seed=bytes(32))
POLICY = WitnessPolicy(
    witnesses=(WitnessAddress(key="w.example/1+00000000+AAAA", url="https://w.example"),),
    witnesses_needed=1,
    authorities=(StampAuthority(name="tsa", url="http://tsa.example", roots="PEM"),),
    stamps_needed=1,
    stale_after_hours=2,
)
CHANGE = WitnessChange(
    number=1, policy=POLICY, reason="R42", by=Signatory(name="Olga Opérator", account_id="a1", at=NOW)
)


def test_a_policy_comes_back_as_it_was(store: Store) -> None:
    with store.begin() as tx:
        assert tx.witness_policies.newest() is None
        assert tx.witness_policies.in_force() is None
        assert tx.ledger.newest_witnesses() is None
        tx.witness_policies.put(CHANGE)
        assert tx.witness_policies.newest() == CHANGE
        assert tx.witness_policies.in_force() is None
    with store.begin() as tx:
        event = WitnessesChanged(change=1, policy=POLICY.to_json(), alone=False)
        entry = LEDGER.record(tx.ledger, event.action, event.details(), actor="Otto", at=NOW)
        by = Signatory(name="Otto Operator", account_id="a2", at=NOW)
        made = replace(CHANGE, approved=by, made_at=NOW, entry=entry)
        tx.witness_policies.put(made)
        tx.witness_policies.put(replace(CHANGE, number=2))
    with store.read() as tx:
        assert tx.witness_policies.in_force() == made
        assert tx.witness_policies.newest() == replace(CHANGE, number=2)
        assert tx.ledger.newest_witnesses() == entry


def test_a_row_does_not_open_under_another_number(store: Store) -> None:
    with store.begin() as tx:
        tx.witness_policies.put(CHANGE)
        tx.connection.exec_driver_sql("UPDATE witness_policies SET id = 2")
        with pytest.raises(Damaged):
            tx.witness_policies.newest()
