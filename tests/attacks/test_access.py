"""Somebody who can write to the database, and has no key, tries to become somebody else or to be allowed more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.support.attacked import SESSION, Victim
from tests.support.database import raw_database
from tests.support.world import World

from lineament.errors import AccessAltered, RowsAltered
from lineament.model.jobs import JobRequest
from lineament.model.search import Mode, SearchRequest


def use_the_session(target: Victim, world: World) -> object:
    with world.workspace.store.read() as tx:
        return tx.sessions.of(SESSION)


def use_the_account(target: Victim, world: World) -> object:
    return world.fresh_desk(target.examiner).casework.page()


def search(target: Victim, world: World) -> object:
    request = SearchRequest(case=target.case.key, reason="he was seen again", mode=Mode.INVESTIGATION)
    return world.fresh_desk(target.examiner).search.run(target.probe.id, request)


def read_the_other_case(target: Victim, world: World) -> object:
    return world.fresh_desk(target.guest).casework.page()


def count_approvals(target: Victim, world: World) -> object:
    return world.fresh_desk(target.examiner).probes.approvers(target.probe.id)


def use_a_factor(target: Victim, world: World) -> object:
    with world.workspace.store.read() as tx:
        return tx.factors.of_account(target.administrator.id)


def agency(target: Victim, world: World) -> object:
    return world.desk(target.operator).agencies.list()


def sources(target: Victim, world: World) -> object:
    return world.fresh_desk(target.examiner).sources.list()


Use = Callable[[Victim, World], object]
ATTACKS: dict[str, tuple[str, Use]] = {
    "the session becomes the administrator's": (
        "UPDATE sessions SET account_id = :administrator WHERE id = :session",
        use_the_session,
    ),
    "a second factor is shown by writing so": (
        "UPDATE sessions SET proved_at = '2039-01-01 00:00:00.000000' WHERE id = :session",
        use_the_session,
    ),
    "a session never ends": (
        "UPDATE sessions SET seen_at = '2039-01-01 00:00:00.000000' WHERE id = :session",
        use_the_session,
    ),
    "more roles": (
        """UPDATE accounts SET roles = '["administrator", "supervisor"]' WHERE id = :examiner""",
        use_the_account,
    ),
    "a training that never lapses": ("UPDATE accounts SET trained_until = '2099-01-01' WHERE id = :examiner", search),
    "another agency": (
        "UPDATE accounts SET agency_id = (SELECT agency_id FROM accounts WHERE id = :guest) WHERE id = :examiner",
        use_the_account,
    ),
    "a suspended account comes back": ("UPDATE accounts SET state = 'suspended' WHERE id = :examiner", use_the_account),
    "the password of somebody else": (
        "UPDATE accounts SET password = x'00' WHERE id = :examiner",
        use_the_account,
    ),
    "the factor moves to the administrator": (
        "UPDATE factors SET account_id = :administrator WHERE account_id = :examiner",
        use_a_factor,
    ),
    "a code counts again": ("UPDATE factors SET counter = counter + 5", use_a_factor),
    "a member of a case": (
        (
            "INSERT INTO case_members (case_id, account_id, role, since) "
            "VALUES (:other, :guest, 'examiner', '2026-01-01 00:00:00.000000')"
        ),
        read_the_other_case,
    ),
    "a membership for ever": ("UPDATE case_members SET until = NULL WHERE account_id = :guest", read_the_other_case),
    "an approval by somebody else": (
        "INSERT INTO approvals (probe_id, account_id, at) VALUES (:probe, :guest, '2026-01-01 00:00:00.000000')",
        count_approvals,
    ),
    "an agency of another age": (
        "UPDATE agencies SET registered_at = '2020-01-01 00:00:00.000000'",
        agency,
    ),
    "the stop is deleted": ("DELETE FROM stops", search),
    "the stop becomes another agency's": (
        "UPDATE stops SET (id, agency_id) = (SELECT agency_id, agency_id FROM accounts WHERE id = :guest)",
        search,
    ),
    "the case gets more time": (
        "UPDATE cases SET authorised_until = '2099-01-01' WHERE id = :other",
        use_the_account,
    ),
    "the case becomes an urgent one": (
        "UPDATE cases SET urgent_since = '2026-01-01 00:00:00.000000', urgent_because = 'x' WHERE id = :case",
        search,
    ),
    "a source changes its state": ("UPDATE sources SET state = 'suspended'", sources),
    "a source without end": ("UPDATE sources SET expires_on = '2099-01-01', retention_days = 9999", sources),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_row_was_made_to_say_is_refused(target: Victim, attack: str) -> None:
    statement, use = ATTACKS[attack]
    with raw_database(target.home) as database:  # nothing is refused to begin with
        assert database.execute("SELECT count(*) FROM sessions WHERE mac IS NULL").fetchone() == (0,)
    target.write(statement)
    with pytest.raises(AccessAltered), target.world() as world:
        use(target, world)
    with target.world(suspect=True) as world, pytest.raises(RowsAltered):
        world.machine.audit.verify()


@pytest.mark.parametrize("use", [use_the_session, use_the_account, read_the_other_case, count_approvals, use_a_factor])
def test_what_nobody_changed_is_accepted(target: Victim, use: Use) -> None:
    with target.world() as world:
        assert use(target, world)


def test_a_session_of_ones_own_making_is_refused(target: Victim) -> None:
    with raw_database(target.home) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(sessions)")]
    changed = {"id": "'0123456789abcdef'", "digest": ":digest", "account_id": ":administrator"}
    copied = ", ".join(changed.get(name, name) for name in columns)
    target.write(f"INSERT INTO sessions SELECT {copied} FROM sessions WHERE id = :session", digest=bytes(32))
    with target.world() as world, world.workspace.store.read() as tx, pytest.raises(AccessAltered):
        tx.sessions.of(bytes(32))


def test_a_row_that_was_changed_is_not_signed_by_the_next_write(target: Victim) -> None:
    target.write("""UPDATE accounts SET roles = '["administrator"]' WHERE id = :examiner""")
    with target.world() as world, pytest.raises(AccessAltered), world.workspace.store.begin() as tx:
        tx.accounts.mark_seen(target.examiner.id, world.clock())


def test_a_job_that_was_changed_is_not_run(target: Victim) -> None:
    with target.world() as world, world.workspace.store.begin() as tx:
        request = JobRequest(
            kind="ingest",
            arguments={"source": "portraits", "what": ["/data"]},
            agency_id=target.examiner.agency_id,
            account_id=None,
            requested_by="the machine",
        )
        job = tx.jobs.add(request, world.clock()).id
    target.write("""UPDATE jobs SET arguments = '{"source":"portraits","what":["/etc"]}'""")
    with target.world() as world, world.workspace.store.read() as tx, pytest.raises(AccessAltered):
        tx.jobs.get(job)
