"""Second factors, on either database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.store_officials import agency, at_once, digest, in_the_tables, joined
from tests.support.store_rows import NOW

from lineament.errors import AlreadyThere, NotFound
from lineament.model.accounts import Factor, FactorKind
from lineament.store.db import Store, Tx
from lineament.testing import VAULT

CREDENTIAL = bytes(range(64))
PUBLIC_KEY = {"public_key": "pQECAyYgASFY"}
CODES = [digest(f"code {number}").hex() for number in range(10)]


def account(tx: Tx) -> str:
    return joined(tx, agency(tx).id).id


def passkey(tx: Tx, owner: str, counter: int = 0, credential: bytes = CREDENTIAL) -> Factor:
    lookup = credential.hex()
    return tx.factors.add(owner, FactorKind.PASSKEY, "blue key", PUBLIC_KEY, NOW, lookup_text=lookup, counter=counter)


def totp(tx: Tx, owner: str, counter: int = 0) -> Factor:
    return tx.factors.add(owner, FactorKind.TOTP, "my phone", {"secret": "JBSWY3DP"}, NOW, counter=counter)


def sheet(tx: Tx, owner: str, codes: list[str] = CODES) -> Factor:
    return tx.factors.add(owner, FactorKind.RECOVERY, "paper", {"codes": codes}, NOW)


def test_factors_come_back_as_they_were_added(store: Store) -> None:
    with store.begin() as tx:
        owner = account(tx)
        added = [totp(tx, owner), passkey(tx, owner), sheet(tx, owner)]
    with store.read() as tx:
        assert sorted(tx.factors.of_account(owner), key=str) == sorted(added, key=str)
        assert tx.factors.secret(added[0].id) == {"secret": "JBSWY3DP"}
    assert [factor.left for factor in added] == [1, 1, 10]
    assert [factor.used_at for factor in added] == [None] * 3
    assert [factor.kind for factor in added] == [FactorKind.TOTP, FactorKind.PASSKEY, FactorKind.RECOVERY]


def test_two_apps_may_have_the_same_name(store: Store) -> None:
    with store.begin() as tx:
        owner = account(tx)
        totp(tx, owner)
        totp(tx, owner)
        assert len(tx.factors.of_account(owner)) == 2


def test_a_passkey_is_found_by_its_credential_and_by_its_owner_alone(store: Store) -> None:
    with store.begin() as tx:
        home = agency(tx).id
        owner, other = joined(tx, home).id, joined(tx, home, "chico@freedonia.example").id
        added = passkey(tx, owner)
        assert tx.factors.by_credential(owner, CREDENTIAL) == (added, PUBLIC_KEY)
        assert tx.factors.by_credential(other, CREDENTIAL) is None
        assert tx.factors.by_credential(owner, CREDENTIAL[:-1]) is None
        with pytest.raises(AlreadyThere):
            passkey(tx, other)
    content = in_the_tables(store)
    assert CREDENTIAL not in content
    assert CREDENTIAL.hex().encode() not in content


def test_the_number_of_a_proof_must_grow(store: Store) -> None:
    with store.begin() as tx:
        owner = account(tx)
        for factor in (totp(tx, owner, counter=7), passkey(tx, owner, counter=7)):
            assert not tx.factors.record_use(factor.id, NOW, 7)
            assert not tx.factors.record_use(factor.id, NOW, 6)
            assert not tx.factors.record_use(factor.id, NOW, 0)
            assert tx.factors.record_use(factor.id, NOW, 9)
            assert not tx.factors.record_use(factor.id, NOW, 9)
            assert not tx.factors.record_use(factor.id, NOW, 8)  # the code before, seen over a shoulder
            assert tx.factors.record_use(factor.id, NOW + timedelta(minutes=1), 10)
        assert {factor.used_at for factor in tx.factors.of_account(owner)} == {NOW + timedelta(minutes=1)}


def test_a_passkey_that_does_not_count_may_be_used_again_and_a_code_may_not(store: Store) -> None:
    with store.begin() as tx:
        owner = account(tx)
        key, app = passkey(tx, owner), totp(tx, owner)
        assert tx.factors.record_use(key.id, NOW, 0)
        assert tx.factors.record_use(key.id, NOW, 0)
        assert not tx.factors.record_use(app.id, NOW, 0)
        assert tx.factors.record_use(key.id, NOW, 1)
        assert not tx.factors.record_use(key.id, NOW, 0)  # it counted before: a copy does not
        assert not tx.factors.record_use("0" * 16, NOW, 99)


def test_a_code_shown_twice_at_once_counts_once(url: str) -> None:
    store = Store.open(url, VAULT)
    with store.begin() as tx:
        factor = totp(tx, account(tx))
    store.close()
    assert sorted(at_once(url, lambda tx: tx.factors.record_use(factor.id, NOW, 7))) == [False, True]


def test_a_recovery_code_is_accepted_once(store: Store) -> None:
    with store.begin() as tx:
        home = agency(tx).id
        owner, other = joined(tx, home).id, joined(tx, home, "chico@freedonia.example").id
        factor = sheet(tx, owner)
        assert not tx.factors.spend(other, digest("code 3"), NOW)
        assert not tx.factors.spend(owner, digest("code 10"), NOW)
        assert tx.factors.spend(owner, digest("code 3"), NOW)
        assert not tx.factors.spend(owner, digest("code 3"), NOW)
        (left,) = tx.factors.of_account(owner)
        assert (left.left, left.used_at) == (9, NOW)
        assert not tx.factors.record_use(factor.id, NOW, 99)  # codes are spent, not counted up
        assert all(tx.factors.spend(owner, bytes.fromhex(code), NOW) for code in CODES if code != CODES[3])
        assert tx.factors.of_account(owner)[0].left == 0
        assert not tx.factors.spend(owner, digest("code 0"), NOW)


def test_a_recovery_code_shown_twice_at_once_is_accepted_once(url: str) -> None:
    store = Store.open(url, VAULT)
    with store.begin() as tx:
        owner = account(tx)
        sheet(tx, owner)
    store.close()
    assert sorted(at_once(url, lambda tx: tx.factors.spend(owner, digest("code 0"), NOW))) == [False, True]


def test_a_new_sheet_of_codes_replaces_the_last_one(store: Store) -> None:
    with store.begin() as tx:
        owner = account(tx)
        totp(tx, owner)
        sheet(tx, owner)
        sheet(tx, owner, [digest("fresh").hex()])
        assert len(tx.factors.of_account(owner)) == 2
        assert not tx.factors.spend(owner, digest("code 0"), NOW)
        assert tx.factors.spend(owner, digest("fresh"), NOW)


def test_factors_are_removed(store: Store) -> None:
    with store.begin() as tx:
        home = agency(tx).id
        owner, other = joined(tx, home).id, joined(tx, home, "chico@freedonia.example").id
        factor = passkey(tx, owner)
        totp(tx, owner)
        totp(tx, other)
        assert tx.factors.remove(factor.id)
        assert not tx.factors.remove(factor.id)
        with pytest.raises(NotFound):
            tx.factors.secret(factor.id)
        assert tx.factors.by_credential(owner, CREDENTIAL) is None
        assert tx.factors.remove_all(owner) == 1
        assert tx.factors.of_account(owner) == []
        assert len(tx.factors.of_account(other)) == 1
