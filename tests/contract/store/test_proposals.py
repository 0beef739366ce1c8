"""Changes of the threshold, as proposed and decided, on either database."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support import samples
from tests.support.store_rows import NOW, RawSql, Refuses

from lineament.errors import Damaged, NotFound
from lineament.ledger.log import Ledger
from lineament.model.events.jobs import JobStopped
from lineament.model.events.proposals import ChangeMade
from lineament.model.proposals import Decision, Proposal, ProposalState, Signatory
from lineament.store.db import Store, Tx

LEDGER = Ledger(origin="lineament/test", signing_seed=bytes(32))


def proposal(number: int) -> Proposal:
    return samples.proposal(
        number=number,
        by=Signatory(name="Olga Opérator", account_id="a1", at=NOW),
        evidence={"set": "\udc80 named so", "before": {"fnir": {"value": 0.1 + 0.2}}, "groups": []},
        note="a note",
    )


def made(tx: Tx, first: Proposal) -> Proposal:
    """Return the proposal once it took effect, with an entry of its own in the ledger."""
    event = ChangeMade(
        change=first.number,
        kind="threshold",
        strangers=0.5,
        pack="sface-yunet",
        model="sface-yunet/0011aabb",
        note_sha256="00",
        alone=False,
    )
    entry = LEDGER.record(tx.ledger, event.action, event.details(), actor="Otto", at=NOW)
    by = Signatory(name="Otto Operator", account_id="a2", at=NOW + timedelta(hours=1))
    decision = Decision(state=ProposalState.APPROVED, by=by, reason="seen")
    return replace(first, state=ProposalState.MADE, decision=decision, entry=entry, made="made", made_at=by.at)


def test_proposals_come_back_as_they_were_the_newest_first(store: Store) -> None:
    with store.begin() as tx:
        assert tx.proposals.next_number() == 1
        tx.proposals.add(proposal(1))
        assert tx.proposals.next_number() == 2
        tx.proposals.add(proposal(2))
    with store.begin() as tx:
        done = made(tx, proposal(1))
        tx.proposals.put(done)
    with store.read() as tx:
        assert tx.proposals.all() == [proposal(2), done]
        assert tx.proposals.get(1) == done
        assert tx.proposals.newest_made() == done
        for number in (0, -1, 3, 2**70):
            with pytest.raises(NotFound):
                tx.proposals.get(number)


def test_the_newest_is_the_one_that_took_effect_last(store: Store) -> None:
    with store.begin() as tx:
        assert tx.proposals.newest_made() is None
        assert tx.ledger.newest_change() is None
        for number in (1, 2):
            tx.proposals.add(proposal(number))
        for number in (2, 1):
            tx.proposals.put(made(tx, proposal(number)))
        other = JobStopped(job="j", kind="ingest", source=None)
        LEDGER.record(tx.ledger, other.action, other.details(), actor="Otto", at=NOW)
    with store.read() as tx:
        newest = tx.proposals.newest_made()
        assert newest is not None
        assert newest.number == 1
        assert newest.entry == tx.ledger.newest_change() == tx.ledger.size() - 2


def test_a_row_names_nobody_and_opens_under_its_own_number_only(store: Store, raw: RawSql) -> None:
    with store.begin() as tx:
        tx.proposals.add(proposal(1))
        tx.proposals.add(proposal(2))
    ((sealed,),) = raw("SELECT sealed FROM proposals WHERE id = 1")
    assert b"Olga" not in bytes(sealed)
    raw("UPDATE proposals SET sealed = (SELECT sealed FROM proposals WHERE id = 1) WHERE id = 2")
    with store.read() as tx:
        assert tx.proposals.get(1) == proposal(1)
        with pytest.raises(Damaged):
            tx.proposals.get(2)


def test_the_entry_of_a_change_exists_and_is_its_own(store: Store, refused: Refuses) -> None:
    with store.begin() as tx:
        tx.proposals.add(proposal(1))
        tx.proposals.add(proposal(2))
        tx.proposals.put(made(tx, proposal(1)))
    refused("UPDATE proposals SET entry = 0 WHERE id = 2", "unique")
    refused("UPDATE proposals SET entry = 7 WHERE id = 2", "foreign")
    refused("INSERT INTO proposals (id, sealed) VALUES (0, 'x')", "id_at_least_1")


def test_finding_the_newest_change_uses_an_index(store: Store, raw: RawSql) -> None:
    query = "SELECT max(seq) FROM ledger_entries WHERE action = 'change_made'"
    if store.dialect == "sqlite":
        plan = raw(f"EXPLAIN QUERY PLAN {query}")
    else:
        raw("SET enable_seqscan = off")
        plan = raw(f"EXPLAIN {query}")
    assert re.search("ix_ledger_entries_(change_made|of_action)", str(plan))
