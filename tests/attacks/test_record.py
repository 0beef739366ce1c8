"""Somebody who can write to the database, and has no key, changes what a court reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import PORTRAITS, Ran
from tests.support.attacked import SESSION, Victim
from tests.support.database import raw_database
from tests.support.squad import PHOTOGRAPH

from lineament.errors import LedgerBroken, LineamentError, RecordAltered, RowsAltered
from lineament.model.accounts import AccountState
from lineament.model.search import Mode, SearchRequest

OF_THE_SEARCH = {
    "a score": ("UPDATE candidates SET score = 0.91 WHERE rank = 2", "searches/{search}"),
    "an expectation": ("UPDATE candidates SET expected_false = 0 WHERE rank = 1", "searches/{search}"),
    "an address in a snapshot": (
        "UPDATE candidates SET snapshot = replace(snapshot, 'folder', 'elsewhere') WHERE rank = 1",
        "candidates/{search}/1",
    ),
    "another face": ("UPDATE candidates SET face_id = face_id + 1 WHERE rank = 3", "candidates/{search}/3"),
    "the reason": ("UPDATE searches SET reason = 'a hunch'", "searches/{search}"),
    "the threshold": ("UPDATE searches SET threshold = 0.1", "searches/{search}"),
    "the size of the gallery": ("UPDATE searches SET gallery_faces = 1000000", "searches/{search}"),
    "a candidate deleted": (
        "DELETE FROM candidates WHERE rank = (SELECT max(rank) FROM candidates)",
        "searches/{search}",
    ),
    "a candidate more": (
        "INSERT INTO candidates SELECT search_id, 99, 1, 0, face_id, source, snapshot FROM candidates LIMIT 1",
        "searches/{search}",
    ),
    "the probe": ("UPDATE searches SET face_box = '[0.0, 0.0, 1.0, 1.0]'", "searches/{search}"),
}
"""Statements, and the row that is named: what a list shows."""
OF_THE_DATABASE = {
    **OF_THE_SEARCH,
    "a candidate emptied": (
        "UPDATE candidates SET face_id = NULL, source = NULL, snapshot = NULL WHERE rank = 1",
        "candidates/{search}/1",
    ),
    "the purpose": ("UPDATE cases SET purpose = 'curiosity' WHERE id = :case", "cases/{case}"),
    "the end of an authorisation": (
        "UPDATE cases SET authorised_until = '2039-01-01' WHERE id = :other",
        "cases/{other}",
    ),
    "an authorisation taken away": ("UPDATE cases SET authorisation = NULL WHERE id = :other", "cases/{other}"),
    "an authorisation in another case": (
        "UPDATE cases SET authorisation = (SELECT c.authorisation FROM cases c WHERE c.id = :other) WHERE id = :case",
        "cases/{case}",
    ),
    "the state of a source": ("UPDATE sources SET state = 'suspended'", "sources/1"),
    "the basis of a source": ("UPDATE sources SET basis = 'consent of everybody'", "sources/1"),
    "the roles of an account": (
        """UPDATE accounts SET roles = '["examiner", "supervisor"]' WHERE id = :examiner""",
        "accounts/{examiner}",
    ),
    "the kind of a probe": ("UPDATE probes SET kind = 'seized device'", "probes/{probe}"),
    "an approval deleted": ("DELETE FROM approvals", "approvals/{probe}/{reviewer}"),
    "a member deleted": ("DELETE FROM case_members WHERE account_id = :guest", "case_members/{case}/{guest}"),
    "a factor deleted": ("DELETE FROM factors WHERE account_id = :administrator", "factors/"),
    "a stop deleted": ("DELETE FROM stops", "stops/everything"),
}


def named(target: Victim, row: str) -> str:
    """Return the name of a row with the ids of the target."""
    return row.format(
        search=target.search.search_id,
        case=target.case.id,
        other=target.other.id,
        examiner=target.examiner.id,
        reviewer=target.reviewer.id,
        guest=target.guest.id,
        probe=target.probe.id,
    )


def test_the_target_is_sound_before_anybody_attacks_it(target: Victim) -> None:
    with target.world() as world:
        found = world.machine.audit.verify()
    assert found.rows is not None
    assert found.rows > 20
    assert target.search.candidates[2:]


@pytest.mark.parametrize("attack", OF_THE_DATABASE)
def test_verify_names_the_row_that_was_changed(target: Victim, attack: str) -> None:
    statement, row = OF_THE_DATABASE[attack]
    target.write(statement)
    with target.world() as world, pytest.raises(RowsAltered) as caught:
        world.machine.audit.verify()
    assert named(target, row) in str(caught.value)


@pytest.mark.parametrize("attack", OF_THE_SEARCH)
def test_page_and_report_show_nothing_that_differs_from_its_entry(target: Victim, attack: str) -> None:
    statement, row = OF_THE_SEARCH[attack]
    target.write(statement)
    with target.world() as world:
        desk = world.fresh_desk(target.examiner)
        for show in (
            lambda: desk.report.html(target.search.search_id),
            lambda: desk.search.read(target.search.search_id),
            lambda: desk.search.get(target.search.search_id),
            lambda: desk.casework.stored_searches(target.case.key),
        ):
            with pytest.raises(RecordAltered) as caught:
                show()
            assert named(target, row) in str(caught.value)


@pytest.mark.parametrize("swap", ["examiner", "entry"])
def test_two_searches_whose_values_were_exchanged(target: Victim, swap: str) -> None:
    with target.world() as world:
        request = SearchRequest(case=target.case.key, reason="again", mode=Mode.INVESTIGATION)
        world.desk(target.operator).stops.resume_everything()
        world.fresh_desk(target.guest).search.run(target.probe.id, request)
        assert world.machine.audit.verify().rows
    target.write(
        {
            "examiner": "UPDATE searches SET examiner = (SELECT s.examiner FROM searches s WHERE s.id <> :search) "
            "WHERE id = :search",
            "entry": "UPDATE searches SET ledger_entry = CASE WHEN id = :search THEN 0 ELSE ledger_entry END",
        }[swap]
    )
    with target.world() as world:
        with pytest.raises(RowsAltered, match=f"searches/{target.search.search_id}"):
            world.machine.audit.verify()
        with pytest.raises(LineamentError):
            world.fresh_desk(target.examiner).report.html(target.search.search_id)


def test_a_search_that_was_deleted_whole_is_missed(target: Victim) -> None:
    target.write(
        "DELETE FROM near_duplicates", "DELETE FROM candidates", "DELETE FROM search_probes", "DELETE FROM searches"
    )
    counted = "Rows that differ: 0; entries without a row: 1; rows without an entry: 0"
    with target.world() as world, pytest.raises(RowsAltered, match=counted) as caught:
        world.machine.audit.verify()
    assert f"searches/{target.search.search_id} of entry" in str(caught.value)


def test_a_search_that_nobody_made_is_found(target: Victim) -> None:
    with raw_database(target.home) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(searches)")]
    copied = ", ".join({"id": "'forged'", "ledger_entry": "0"}.get(name, name) for name in columns)
    target.write(f"INSERT INTO searches SELECT {copied} FROM searches")
    with target.world() as world:
        with pytest.raises(RowsAltered, match="no entry recorded the row searches/forged"):
            world.machine.audit.verify()
        with pytest.raises(LineamentError, match="forged"):
            world.fresh_desk(target.examiner).report.html("forged")


def test_details_that_were_deleted_are_an_error(target: Victim) -> None:
    target.write(f"DELETE FROM ledger_details WHERE seq = {target.search.ledger_entry}")
    with target.world() as world:
        with pytest.raises(LedgerBroken, match=f"no entry says why .first at entry {target.search.ledger_entry}"):
            world.machine.audit.verify()
        with pytest.raises(RecordAltered):
            world.fresh_desk(target.examiner).report.html(target.search.search_id)


def test_an_older_row_that_is_put_back_is_found(target: Victim) -> None:
    with raw_database(target.home) as database:
        (old,) = database.execute("SELECT roles FROM accounts WHERE id = ?", (target.reviewer.id,)).fetchall()
        (mac,) = database.execute("SELECT mac FROM accounts WHERE id = ?", (target.reviewer.id,)).fetchall()
    with target.world() as world, world.setting_up() as tx:
        tx.accounts.set_training(target.reviewer.id, None)
    with target.world() as world:
        world.machine.audit.verify()
    until = "SELECT trained_until FROM accounts WHERE id = :examiner"
    target.write(
        f"UPDATE accounts SET roles = :roles, mac = :mac, trained_until = ({until}) WHERE id = :reviewer",
        roles=old[0],
        mac=mac[0],
    )
    with target.world() as world, pytest.raises(RowsAltered, match=f"accounts/{target.reviewer.id}"):
        world.machine.audit.verify()


def test_the_command_says_so_and_ends_with_an_exit_code_of_its_own(
    target: Victim, lineament: Callable[..., Ran], tmp_path: Path
) -> None:
    assert lineament("--home", target.home, "verify").code == 0
    target.write("UPDATE candidates SET score = 0.91 WHERE rank = 2")
    ran = lineament("--home", target.home, "verify")
    assert ran.code == RowsAltered.exit_code == 10
    assert f"searches/{target.search.search_id}" in ran.err
    assert ran.err.count("\n") == 1
    assert lineament("--home", target.home, "doctor").code == 9


# ---------------------------------------------------------------- what is lawful


def test_lawful_changes_are_no_forgery(target: Victim) -> None:
    """Erasures, a closed case, a closed account, a withdrawn source: each leaves a ledger that explains the rows."""
    with target.world() as world:
        machine, operator = world.machine, world.desk(target.operator)
        first, second = target.search.candidates[:2]
        operator.erase.face(first.face_id, "she asked for it")
        assert machine.audit.verify().rows
        operator.erase.capture(second.capture_id, "he asked for it")
        assert machine.audit.verify().rows
        world.fresh_desk(target.examiner).casework.close(target.case.key)
        assert machine.audit.verify().rows
        operator.erase.source(target.search.candidates[3].source, "the contract ended")
        assert machine.audit.verify().rows
        with world.setting_up() as tx:
            tx.accounts.set_state(target.guest.id, AccountState.CLOSED)
        assert machine.audit.verify().rows
        shown = world.fresh_desk(target.examiner).search.stored(target.search.search_id)
        assert shown.result.candidates == ()
        world.clock.advance(days=4000)
        machine.retain.sweep()
        swept = machine.audit.verify()
        assert swept.erased > 10
        assert swept.rows


def test_details_that_are_too_old_leave_behind_what_rows_still_need(target: Victim) -> None:
    """The entries that registered the source and invited people are older than the policy keeps; the rows are not."""
    with target.world() as world:
        world.clock.advance(days=1500)
        assert world.machine.retain.sweep().details > 0
        assert world.machine.audit.verify().rows
    target.write("UPDATE sources SET controller = 'somebody else'")
    with target.world() as world, pytest.raises(RowsAltered, match="sources/1"):
        world.machine.audit.verify()


def test_probe_and_session_of_the_target_are_real(target: Victim) -> None:
    """What the other attacks start from."""
    with target.world() as world, world.workspace.store.read() as tx:
        signed_in = tx.sessions.of(SESSION)
    assert signed_in is not None
    assert signed_in.account_id == target.examiner.id
    assert (PORTRAITS / "macron-2014.jpg").read_bytes() == PHOTOGRAPH
