"""Sources and their counts, on either database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from tests.support.store_rows import NOW, RawSql, Refuses, Rows

from lineament.errors import AccessAltered, AlreadyThere, Damaged, InvalidValue, NotFound, Refused, StoreUnavailable
from lineament.model.accounts import HOME_AGENCY
from lineament.model.faces import SourceId
from lineament.model.sources import Share, SourceState, SourceTerms
from lineament.store.db import Store


def test_a_source_comes_back_as_it_was_registered(store: Store, rows: Rows) -> None:
    at = datetime(2026, 7, 1, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    with store.begin() as tx:
        added = tx.sources.add(rows.terms(), b"wrapped", at)
    with store.read() as tx:
        assert tx.sources.get("press") == tx.sources.by_id(added.id) == added
        assert tx.sources.wrapped_key(added.id) == b"wrapped"
    assert added.terms == rows.terms()
    assert added.registered_at == at
    assert added.registered_at.tzinfo is UTC
    assert (added.state, added.captures, added.faces, added.last_face_id) == (SourceState.LIVE, 0, 0, 0)


def test_optional_values_come_back_as_none(store: Store) -> None:
    terms = SourceTerms(name="a", controller="c", basis="b", jurisdiction="FR")
    with store.begin() as tx:
        assert tx.sources.add(terms, b"wrapped", datetime.now(UTC)).terms == terms


def test_a_name_is_used_once(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        rows.source(tx)
    with pytest.raises(AlreadyThere, match="press"), store.begin() as tx:
        rows.source(tx)


def test_sources_are_listed_by_name(store: Store, rows: Rows) -> None:
    names = ["press", "a-archive", "a.archive", "a_archive", "0", "registry"]
    with store.begin() as tx:
        for name in names:
            rows.source(tx, name)
        assert [source.name for source in tx.sources.all()] == sorted(names)


def test_unknown_sources(store: Store) -> None:
    with store.read() as tx:
        with pytest.raises(NotFound, match="nobody"):
            tx.sources.get("nobody")
        with pytest.raises(NotFound):
            tx.sources.by_id(SourceId(7))
        assert tx.sources.wrapped_key(SourceId(7)) is None


def test_a_name_that_no_database_can_hold_is_refused(store: Store) -> None:
    with pytest.raises(InvalidValue), store.read() as tx:
        tx.sources.get("press\0")
    with pytest.raises(InvalidValue), store.read() as tx:
        tx.sources.open_to("press\0", HOME_AGENCY, NOW.date())


def test_a_time_without_a_zone_is_refused(store: Store, rows: Rows) -> None:
    with pytest.raises(InvalidValue, match="zone"), store.begin() as tx:
        tx.sources.add(rows.terms(), b"wrapped", datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_counts_follow_what_is_added_and_erased(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed, other = rows.source(tx), rows.source(tx, "other")
        rows.enrolled(tx, other)
        first, _ = rows.enrolled(tx, keyed, faces=3)
        _, ids = rows.enrolled(tx, keyed, faces=2)
        rows.enrolled(tx, keyed, faces=0)
        now = tx.sources.get("press")
        assert (now.captures, now.faces, now.last_face_id) == (3, 5, ids[-1])
        tx.faces.erase(keyed.source.id, [ids[1], 999], keyed.key)
        tx.faces.erase(keyed.source.id, [ids[1]], keyed.key)
        tx.captures.erase(first, keyed.key)
        tx.captures.erase(first, keyed.key)
        now = tx.sources.get("press")
        assert (now.captures, now.faces, now.last_face_id) == (2, 1, ids[-1])
        now = tx.sources.get("other")
        assert (now.captures, now.faces) == (1, 1)


def test_a_withdrawn_source_leaves_a_tombstone_and_nothing_else(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        keyed, other = rows.source(tx), rows.source(tx, "other")
        rows.enrolled(tx, keyed, faces=3)
        rows.enrolled(tx, other)
    with store.begin() as tx:
        tx.sources.destroy(keyed.source.id)
        withdrawn = tx.sources.get("press")
        assert tx.sources.wrapped_key(keyed.source.id) is None
    assert (withdrawn.state, withdrawn.terms) == (SourceState.WITHDRAWN, keyed.source.terms)
    assert (withdrawn.captures, withdrawn.faces) == (0, 0)
    for table in ("captures", "faces", "templates"):
        assert raw(f"SELECT DISTINCT source_id FROM {table}") == [(other.source.id,)]


def test_states(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source = rows.source(tx).source
        for state in (SourceState.SUSPENDED, SourceState.LIVE):
            tx.sources.set_state(source.id, state)
            assert tx.sources.by_id(source.id).state is state


def test_only_a_withdrawn_source_has_no_key(store: Store, rows: Rows, raw: RawSql, refused: Refuses) -> None:
    with store.begin() as tx:
        rows.source(tx)
    refused("UPDATE sources SET wrapped_key = NULL", "keyless_is_withdrawn")
    refused("UPDATE sources SET state = 'asleep'", "state_known")
    refused("UPDATE sources SET basis = '  '", "basis_said")
    refused("UPDATE sources SET faces = -1", "faces_at_least_0")


def test_a_source_that_has_captures_is_not_deleted(store: Store, rows: Rows, refused: Refuses) -> None:
    with store.begin() as tx:
        rows.enrolled(tx, rows.source(tx))
    refused("DELETE FROM sources", "foreign key")


def test_the_store_refuses_what_the_database_refuses(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        capture = rows.capture(rows.source(tx).source)
    with pytest.raises(Refused), store.begin() as tx:
        tx.captures.add_all([capture, capture])


# ---------------------------------------------------------------- drafts, shares, withdrawal


def test_a_draft_goes_live_when_a_second_person_approves_it(store: Store, rows: Rows, refused: Refuses) -> None:
    with store.begin() as tx:
        drafter, approver = rows.account(tx), rows.account(tx)
        source = tx.sources.add(rows.terms(), b"wrapped", NOW, drafted_by=drafter, live=False)
        assert (source.state, source.drafted_by, source.approved_by) == (SourceState.DRAFTED, drafter, None)
    refused("UPDATE sources SET state = 'live'", "approved_is_live")
    refused(f"UPDATE sources SET approved_by = '{drafter}', approved_at = registered_at", "two_persons")
    refused(f"UPDATE sources SET approved_by = '{approver}'", "approved_when")
    with store.begin() as tx:
        tx.sources.approve(source.id, approver, NOW)
        found = tx.sources.get("press")
        assert (found.state, found.approved_by, found.approved_at) == (SourceState.LIVE, approver, NOW)


def test_a_source_is_shared_with_all_until_it_is_shared_with_one(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source, other = rows.source(tx).source, rows.source(tx, "other").source
        agency = rows.agency(tx, "Police of Freedonia")
        assert source.shares is None
        tx.sources.share(source.id, agency, date(2026, 5, 4))
        tx.sources.share(source.id, agency, date(2026, 6, 4))
        tx.sources.share(source.id, HOME_AGENCY, None)
        shares = (Share(agency_id=agency, until=date(2026, 6, 4)), Share(agency_id=HOME_AGENCY))
        assert set(tx.sources.by_id(source.id).shares or ()) == set(shares)
        assert [each.shares for each in tx.sources.all()] == [None, tx.sources.get("press").shares]
        assert tx.sources.unshare(source.id, agency)
        assert not tx.sources.unshare(source.id, agency)
        assert tx.sources.unshare(source.id, HOME_AGENCY)
        assert tx.sources.get("press").shares == (), "shared with nobody, not with everybody"
        tx.sources.share_with_all(source.id)
        assert tx.sources.get("press").shares is None
        assert tx.sources.by_id(other.id).shares is None


def test_shares_need_an_agency(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source = rows.source(tx).source
    with pytest.raises(Refused), store.begin() as tx:
        tx.sources.share(source.id, "nowhere", None)


def test_a_kept_permission_is_a_blob_of_the_source(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source, other = rows.source(tx).source, rows.source(tx, "other").source
        address = rows.sha256()
        tx.sources.keep_permission(source.id, address, "agreement.pdf")
        assert tx.sources.permission(source.id) == address
        assert tx.sources.permission(other.id) is None
        assert tx.sources.get("press").permission_name == "agreement.pdf"
        assert tx.captures.addresses(source.id) == [address]
        assert tx.deletions.add_source(source.id) == 1
        assert tx.deletions.all() == []
        assert tx.sources.destroy(source.id) == {"templates": 0, "faces": 0, "places": 0, "captures": 0}
        assert tx.sources.permission(source.id) is None
        assert tx.deletions.all() == [address]


def test_counts_of_a_destruction_are_kept_for_the_receipt(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        rows.enrolled(tx, keyed, faces=2)
        assert tx.sources.destroyed(keyed.source.id) is None
        assert tx.sources.left(keyed.source.id) == 5
        assert tx.sources.destroy(keyed.source.id) == {"templates": 2, "faces": 2, "places": 0, "captures": 1}
        assert tx.sources.left(keyed.source.id) == 0
        tx.sources.set_destroyed(keyed.source.id, {"destroyed": {"faces": 2}})
        assert tx.sources.destroyed(keyed.source.id) == {"destroyed": {"faces": 2}}


@pytest.mark.parametrize(
    "change",
    [
        "controller = 'Somebody else'",
        "expires_on = NULL",
        "retention_days = 366",
        "faces = 1",
        "wrapped_key = permission_sha256",
        "previous_key = permission_sha256",
        "tally = permission_sha256",
        "mac = permission_sha256",
        "mac = NULL",
    ],
)
def test_a_row_that_was_read_before_is_refused_once_it_is_changed(
    store: Store, rows: Rows, raw: RawSql, change: str
) -> None:
    with store.begin() as tx:
        rows.source(tx)
    [before] = raw("SELECT * FROM sources")
    with store.read() as tx:
        assert tx.sources.all() == [tx.sources.get("press")]
    raw(f"UPDATE sources SET {change}")
    assert raw("SELECT * FROM sources") != [before]
    with store.read() as tx, pytest.raises(AccessAltered):
        tx.sources.all()


def test_what_the_driver_or_a_type_cannot_read_is_an_error_of_ours(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        rows.source(tx)
    unreadable = {"sqlite": "hosts = CAST(x'ff' AS TEXT)", "postgresql": "expires_on = 'infinity'"}
    raw(f"UPDATE sources SET {unreadable[store.dialect]}")
    with pytest.raises(StoreUnavailable), store.read() as tx:
        tx.sources.all()
    foreign = {"sqlite": "hosts = '[]', mac = 'text'", "postgresql": "expires_on = '2031-01-01'"}
    raw(f"UPDATE sources SET {foreign[store.dialect]}")
    with pytest.raises(AccessAltered), store.read() as tx:
        tx.sources.all()


def test_a_day_that_is_none_is_an_error_of_ours(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        tx.sources.share(rows.source(tx).source.id, HOME_AGENCY, date(2030, 1, 1))
    none, error = {"sqlite": ("never", Damaged), "postgresql": ("infinity", StoreUnavailable)}[store.dialect]
    raw(f"UPDATE source_shares SET until = '{none}'")
    with pytest.raises(error), store.read() as tx:
        tx.sources.all()


def test_sources_that_were_read_before_are_given_as_they_are_now(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        rows.source(tx)
        other = rows.source(tx, "other").source
        agency = rows.agency(tx, "Police of Freedonia")

    def now() -> list[SourceState]:
        with store.read() as tx:
            found = tx.sources.as_now(before)
            assert found == tx.sources.of_ids([source.id for source in before])
            return [source.state for source in found]

    with store.read() as tx:
        before = [tx.sources.get(name) for name in ("press", "other")]
    assert now() == [SourceState.LIVE, SourceState.LIVE]
    with store.begin() as tx:
        tx.sources.set_state(other.id, SourceState.SUSPENDED)
        assert tx.sources.as_now(before)[1].state is SourceState.SUSPENDED, "what this transaction wrote"
    assert now() == [SourceState.LIVE, SourceState.SUSPENDED]
    with store.begin() as tx:
        tx.sources.share(other.id, agency, date(2026, 5, 4))
    with store.read() as tx:
        before = [tx.sources.get(name) for name in ("press", "other")]
    with store.begin() as tx:
        tx.sources.share(other.id, agency, date(2027, 5, 4))
    with store.read() as tx:
        assert tx.sources.as_now(before)[1].shares == (Share(agency_id=agency, until=date(2027, 5, 4)),)


@pytest.mark.parametrize("change", ["mac = NULL", "mac = permission_sha256", "id = 99"])
def test_a_source_that_lost_its_mac_since_it_was_read_is_refused(
    store: Store, rows: Rows, raw: RawSql, change: str
) -> None:
    with store.begin() as tx:
        rows.source(tx)
    with store.read() as tx:
        before = tx.sources.all()
        assert tx.sources.as_now(before) == before
    raw(f"UPDATE sources SET {change}")
    with store.read() as tx, pytest.raises((AccessAltered, NotFound)):
        tx.sources.as_now(before)
