"""Sessions, on either database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.store_officials import agency, at_once, digest, in_the_tables, joined
from tests.support.store_rows import NOW, Refuses

from lineament.errors import NotFound
from lineament.model.accounts import SignedIn
from lineament.store.db import Store, Tx
from lineament.testing import VAULT

HOUR = timedelta(hours=1)


def begun(tx: Tx, account_id: str, key: str = "key", hours: int = 0) -> SignedIn:
    return tx.sessions.begin(account_id, digest(key), NOW + hours * HOUR, "Firefox on Linux", terminal=False)


def account(tx: Tx) -> str:
    return joined(tx, agency(tx).id).id


def test_a_session_is_found_by_the_digest_of_its_key(store: Store) -> None:
    with store.begin() as tx:
        owner = account(tx)
        session = begun(tx, owner)
    with store.read() as tx:
        assert tx.sessions.of(digest("key")) == session
        assert tx.sessions.of(digest("another")) is None
        assert tx.sessions.of_account(owner) == [session]
    assert (session.account_id, session.device, session.terminal) == (owner, "Firefox on Linux", False)
    assert (session.began_at, session.seen_at, session.proved_at) == (NOW, NOW, None)


def test_the_name_of_a_browser_is_shortened_and_printable(store: Store) -> None:
    with store.begin() as tx:
        device = "\ud800A\0B\x1b[31m" + "x" * 1000
        session = tx.sessions.begin(account(tx), digest("key"), NOW, device, terminal=True)
    assert session.device == "A B [31m" + "x" * 111
    assert session.terminal


def test_the_time_last_seen_goes_forward_only(store: Store) -> None:
    with store.begin() as tx:
        session = begun(tx, account(tx))
        tx.sessions.mark_seen(session.id, NOW + HOUR)
        tx.sessions.mark_seen(session.id, NOW)
        tx.sessions.mark_seen("0" * 16, NOW)  # it has ended
        tx.sessions.prove(session.id, NOW + HOUR)
        found = tx.sessions.of(digest("key"))
        assert found is not None
        assert (found.seen_at, found.proved_at) == (NOW + HOUR, NOW + HOUR)


def test_after_another_key_the_first_opens_nothing(store: Store) -> None:
    with store.begin() as tx:
        session = begun(tx, account(tx), "planted")
        tx.sessions.rekey(session.id, digest("fresh"))
    with store.read() as tx:
        assert tx.sessions.of(digest("planted")) is None
        assert tx.sessions.of(digest("fresh")) == session
    assert digest("planted") not in in_the_tables(store)


def test_a_challenge_is_taken_once(store: Store) -> None:
    with store.begin() as tx:
        owner = account(tx)
        session, other = begun(tx, owner), begun(tx, owner, "other")
        tx.sessions.challenge(session.id, b"sign this")
        assert tx.sessions.take_challenge(other.id) is None
        assert tx.sessions.take_challenge(session.id) == b"sign this"
        assert tx.sessions.take_challenge(session.id) is None
        tx.sessions.challenge(session.id, b"and this")
        tx.sessions.challenge(session.id, None)
        assert tx.sessions.take_challenge(session.id) is None


def test_a_challenge_is_taken_once_even_at_once(url: str) -> None:
    store = Store.open(url, VAULT)
    with store.begin() as tx:
        session = begun(tx, account(tx))
        tx.sessions.challenge(session.id, b"sign this")
    store.close()
    taken = at_once(url, lambda tx: tx.sessions.take_challenge(session.id))
    assert taken in ([None, b"sign this"], [b"sign this", None])


def test_sessions_end_one_by_one_or_all_but_this(store: Store) -> None:
    with store.begin() as tx:
        home = agency(tx).id
        owner, foreign = joined(tx, home).id, joined(tx, home, "chico@freedonia.example").id
        first, second, third = (begun(tx, owner, str(number), number) for number in range(3))
        begun(tx, foreign, "foreign")
        assert [session.id for session in tx.sessions.of_account(owner)] == [third.id, second.id, first.id]
        assert tx.sessions.end(first.id)
        assert not tx.sessions.end(first.id)
        assert tx.sessions.end_all(owner, but=second.id) == 1
        assert [session.id for session in tx.sessions.of_account(owner)] == [second.id]
        assert tx.sessions.end_all(owner) == 1
        assert tx.sessions.of(digest("foreign")) is not None


def test_sessions_expire_by_rest_and_by_age(store: Store) -> None:
    with store.begin() as tx:
        owner = account(tx)
        old, idle, fresh = begun(tx, owner, "old", 0), begun(tx, owner, "idle", 8), begun(tx, owner, "fresh", 8)
        for session in (old, fresh):
            tx.sessions.mark_seen(session.id, NOW + 12 * HOUR)
        assert tx.sessions.expire(before_seen=NOW + 11 * HOUR, before_began=NOW + HOUR) == 2
        assert [session.id for session in tx.sessions.of_account(owner)] == [fresh.id]
        assert tx.sessions.of(digest("idle")) is None
        assert idle.began_at == fresh.began_at


@pytest.mark.parametrize("ended", ["", "0" * 16, "a\0b", "\ud800"])
def test_a_session_that_ended_proves_nothing(store: Store, ended: str) -> None:
    with store.begin() as tx:
        begun(tx, account(tx))
        with pytest.raises(NotFound):
            tx.sessions.prove(ended, NOW)
        with pytest.raises(NotFound):
            tx.sessions.rekey(ended, digest("new"))
        assert tx.sessions.take_challenge(ended) is None
        assert not tx.sessions.end(ended)


def test_a_session_belongs_to_an_account_and_is_found_by_a_digest_alone(store: Store, refused: Refuses) -> None:
    with store.begin() as tx:
        begun(tx, account(tx))
    refused("UPDATE sessions SET account_id = 'nobody'", "foreign key")
    refused("UPDATE sessions SET digest = NULL", "null")
