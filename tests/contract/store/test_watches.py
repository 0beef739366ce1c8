"""The rows of watches, of what they found, and of who is told, on either database."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import date, timedelta

import pytest
from tests.support.store_rows import NOW, RawSql, Refuses, Rows

from lineament.errors import AccessAltered, NotFound, Refused
from lineament.model.accounts import HOME_AGENCY, Sight
from lineament.model.cases import Case
from lineament.model.faces import SourceId
from lineament.model.jobs import JobRequest
from lineament.model.watches import (
    NOTICE_DELAYS,
    HookSecrets,
    NoticeKind,
    ProbeWatch,
    WatchProgress,
    WatchTerms,
    WebHook,
    next_attempt,
)
from lineament.store.db import Store, Tx

LAST = date(2026, 3, 14)
SIGHT = Sight(agency_id=HOME_AGENCY, account_id=None, whole_agency=True, today=NOW.date())
HOOK = WebHook(id="ab12", agency_id=HOME_AGENCY, url="https://a.example/", added_by="Anna", added_at=NOW)


def begin(tx: Tx, rows: Rows, ref: str = "2026/17", reason: str = "missing") -> tuple[ProbeWatch, Case]:
    """Return a watch of a new case that has passed face 7 of source 1."""
    case, key = rows.case(tx, ref)
    probe = rows.probe(case)
    tx.probes.add(probe, case.id, rows.sha256(), key)
    watch = ProbeWatch(
        id=secrets.token_hex(8),
        case_id=case.id,
        case=case.ref,
        case_key=case.key,
        agency_id=HOME_AGENCY,
        account_id=None,
        begun_by="Eva Examiner",
        begun_at=NOW,
        probe_id=probe.id,
        face=2,
        terms=WatchTerms(reason=reason, ends_on=LAST, sources=("press",)),
    )
    tx.watches.add(watch)
    tx.watches.put_progress([WatchProgress(watch_id=watch.id, faces={SourceId(1): 7})])
    return watch, case


def find(tx: Tx, rows: Rows, watch: ProbeWatch, case: Case) -> str:
    """Return the id of a finding of a watch, with the search that lists it."""
    wrapped = tx.cases.wrapped_key(case.id)
    assert wrapped
    probe = replace(rows.probe(case), id=watch.probe_id)
    result = rows.result(probe, rows.entry(tx, case=case))
    tx.searches.add(replace(result, watch=watch.id, whole_faces=12), case.id, agency_id=HOME_AGENCY, examiner="Eva")
    return tx.watches.add_finding(watch.id, result.search_id, 3, NOW)


def test_a_watch_comes_back_as_it_was_begun_and_as_it_was_ended(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        watch, case = begin(tx, rows)
    with store.read() as tx:
        assert tx.watches.get(watch.id) == watch
        assert tx.watches.of_case(case.id) == [watch]
        assert tx.watches.on(LAST) == [watch]
        assert tx.watches.any_on(LAST)
        assert tx.watches.on(LAST + timedelta(days=1)) == []
        assert not tx.watches.any_on(LAST + timedelta(days=1))
        assert tx.probes.is_searched([watch.probe_id])
        assert tx.searches.probes_of(case.id) == {watch.probe_id}
        with pytest.raises(NotFound):
            tx.watches.get("0" * 16)
    with store.begin() as tx:
        tx.watches.end(watch.id, "Sven", NOW + timedelta(days=1))
    with store.read() as tx:
        assert tx.watches.get(watch.id) == replace(watch, ended_at=NOW + timedelta(days=1), ended_by="Sven")
        assert tx.watches.on(LAST) == []


def test_how_far_a_watch_is_replaces_what_was_known_before(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        watch, _ = begin(tx, rows)
    further = WatchProgress(
        watch_id=watch.id,
        faces={SourceId(1): 9, SourceId(12): 4},
        compared=6,
        looked_at=NOW,
        against=("all-stopped", "case-locked"),
        refused=2,
        refused_at=NOW,
    )
    with store.begin() as tx:
        tx.watches.put_progress([further])
    with store.read() as tx:
        assert tx.watches.progress([watch.id, "0" * 16]) == {watch.id: further}


def test_the_database_refuses_a_watch_without_a_reason_or_with_the_probe_of_another_case(
    store: Store, rows: Rows
) -> None:
    with store.begin() as tx:
        watch, _ = begin(tx, rows)
        other, _ = begin(tx, rows, "other")
    for wrong in (
        replace(watch, id="aa", terms=replace(watch.terms, reason=" \u200b ")),
        replace(watch, id="aa", probe_id=other.probe_id),
        replace(watch, id="aa", face=0),
    ):
        with pytest.raises(Refused), store.begin() as tx:
            tx.watches.add(wrong)


def test_changed_rows_are_refused(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        watch, case = begin(tx, rows)
        find(tx, rows, watch, case)
        tx.notices.add_hook(HOOK, HookSecrets(current="whsec_x"))
        notice = tx.notices.add(HOME_AGENCY, NoticeKind.TEST, NOW, hook_id=HOOK.id)
    raw("UPDATE watches SET ends_on = '2036-01-01'")
    raw("UPDATE watch_progress SET faces = '{}'")
    raw("UPDATE watch_findings SET listed = 9")
    raw("UPDATE web_hooks SET agency_id = 'home', added_at = '2020-01-01 00:00:00'")
    raw("UPDATE notices SET kind = 'watch.fired'")
    with store.read() as tx:
        for read in (
            lambda: tx.watches.get(watch.id),
            lambda: tx.watches.progress([watch.id]),
            lambda: tx.watches.findings_of_case(case.id),
            lambda: tx.notices.hook(HOOK.id),
            lambda: tx.notices.get(notice),
        ):
            with pytest.raises(AccessAltered):
                read()


def test_findings_are_read_by_case_and_until_somebody_took_note(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        watch, case = begin(tx, rows)
        finding = find(tx, rows, watch, case)
    with store.read() as tx:
        (found,) = tx.watches.findings_of_case(case.id)
        assert (found.id, found.watch_id, found.listed, found.case_key) == (finding, watch.id, 3, case.key)
        assert tx.watches.unseen(SIGHT, 5) == [found]
        assert tx.watches.unseen(replace(SIGHT, agency_id="elsewhere"), 5) == []
        assert tx.searches.get(found.search_id).watch == watch.id
        assert tx.searches.get(found.search_id).whole_faces == 12
    with store.begin() as tx:
        tx.watches.see(finding, "Rita", NOW)
        tx.watches.see(finding, "Carl", NOW + timedelta(days=1))
    with store.read() as tx:
        assert tx.watches.finding(finding) == replace(found, seen_at=NOW, seen_by="Rita")
        assert tx.watches.unseen(SIGHT, 5) == []


def test_new_faces_come_after_the_last_in_order_and_without_those_past_retention(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        ids = [int(rows.enrolled(tx, keyed)[1][0]) for _ in range(3)]
    with store.read() as tx:
        model = tx.faces.get(ids[0]).model  # type: ignore[arg-type]
        found, grades = tx.watches.new_faces(keyed.source.id, model, ids[0], None, 10)
        assert found.tolist() == ids[1:]
        assert grades.tolist() == [0, 0]
        assert tx.watches.new_faces(keyed.source.id, model, 0, None, 1)[0].tolist() == ids[:1]
        assert tx.watches.new_faces(keyed.source.id, model, 0, date(2100, 1, 1), 9)[0].tolist() == []
        assert tx.watches.new_faces(keyed.source.id, "another", 0, None, 9)[0].tolist() == []


def test_a_case_is_destroyed_with_its_watches_findings_and_notices(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        watch, case = begin(tx, rows)
        other, _ = begin(tx, rows, "other")
        finding = find(tx, rows, watch, case)
        tx.notices.add_hook(HOOK, HookSecrets(current="whsec_x"))
        tx.notices.add(HOME_AGENCY, NoticeKind.WATCH_FIRED, NOW, hook_id=HOOK.id, finding_id=finding)
    with store.begin() as tx:
        assert tx.watches.delete_of(case.id) == 1
    assert raw("SELECT id FROM watches") == [(other.id,)]
    assert raw("SELECT watch_id FROM watch_progress") == [(other.id,)]
    assert raw("SELECT count(*) FROM watch_findings") == [(0,)]
    assert raw("SELECT count(*) FROM notices") == [(0,)]


# ---------------------------------------------------------------- notices


def test_a_notice_waits_until_it_is_delivered_or_given_up(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        account = rows.account(tx)
        tx.notices.add_hook(HOOK, HookSecrets(current="whsec_x"))
        first = tx.notices.add(HOME_AGENCY, NoticeKind.TEST, NOW, hook_id=HOOK.id)
        second = tx.notices.add(HOME_AGENCY, NoticeKind.WATCH_FIRED, NOW, account_id=account)
    later = NOW + timedelta(minutes=1)
    with store.begin() as tx:
        assert {notice.id for notice in tx.notices.due(NOW, 9)} == {first, second}
        tx.notices.failed(first, 1, "it answered with 500", later)
        tx.notices.delivered(second, 1, NOW)
    with store.read() as tx:
        assert tx.notices.due(NOW, 9) == []
        assert tx.notices.next_due() == later
        waits, done = tx.notices.get(first), tx.notices.get(second)
        assert (waits.standing, waits.attempts, waits.why) == ("waiting", 1, "it answered with 500")
        assert (done.standing, done.delivered_at) == ("delivered", NOW)
        assert tx.notices.of_hook(HOOK.id, 9) == [waits]
    with store.begin() as tx:
        tx.notices.failed(first, 2, "it answered with 500", None)
        tx.notices.delivered(first, 3, NOW)
    with store.read() as tx:
        assert (tx.notices.get(first).standing, tx.notices.next_due()) == ("given up", None)
    with store.begin() as tx:
        assert tx.notices.delete_over(HOME_AGENCY, NOW) == 0
        assert tx.notices.delete_over(HOME_AGENCY, later) == 2


def test_secrets_are_kept_while_they_sign(store: Store) -> None:
    with store.begin() as tx:
        tx.notices.add_hook(HOOK, HookSecrets(current="first"))
    both = HookSecrets(current="second", before="first", before_until=NOW + timedelta(days=1))
    with store.begin() as tx:
        tx.notices.rotate(HOOK, both, NOW)
    with store.read() as tx:
        kept = tx.notices.secrets(HOOK.id)
        assert kept == both
        assert kept.valid(NOW) == ("second", "first")
        assert kept.valid(NOW + timedelta(days=1)) == ("second",)
        assert tx.notices.hooks_of(HOME_AGENCY) == [replace(HOOK, rotated_at=NOW)]
        assert tx.notices.hooks_of("elsewhere") == []


def test_a_notice_has_one_receiver(refused: Refuses, store: Store) -> None:
    with store.begin() as tx:
        tx.notices.add_hook(HOOK, HookSecrets(current="first"))
    refused(
        "INSERT INTO notices (id, agency_id, kind, at, attempts, why)"
        " VALUES ('n', 'home', 'test', '2026-03-04 05:06:07', 0, '')",
        "one_receiver",
    )


def test_delays_grow_and_end_after_almost_three_days() -> None:
    assert list(NOTICE_DELAYS) == sorted(NOTICE_DELAYS)
    assert timedelta(days=2.5) < sum(NOTICE_DELAYS, timedelta()) < timedelta(days=3.5)
    assert next_attempt(1, NOW) == NOW + NOTICE_DELAYS[0]
    assert next_attempt(len(NOTICE_DELAYS) + 1, NOW) is None


# ---------------------------------------------------------------- jobs that wait


def test_a_job_that_waits_is_claimed_when_it_is_due_and_asked_for_once(store: Store) -> None:
    request = JobRequest(kind="watches", agency_id=HOME_AGENCY, requested_by="Olga")
    due = NOW + timedelta(seconds=60)
    with store.begin() as tx:
        tx.jobs.ensure(request, NOW, due)
        tx.jobs.ensure(request, NOW, due + timedelta(hours=1))
        assert not tx.jobs.waiting(NOW)
        assert tx.jobs.claim("w 1 0", NOW) is None
        assert tx.jobs.waiting(due)
        tx.jobs.ensure(request, NOW)
        job = tx.jobs.claim("w 1 0", NOW)
        assert job is not None
        assert job.not_before is None
        tx.jobs.ensure(request, NOW)
        assert len(tx.jobs.open_of_kinds(["watches"])) == 2, "the running one may have read already"
