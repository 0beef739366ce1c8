"""The queue of jobs, on either database."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.support.store_rows import NOW, RawSql, Refuses, Rows

from lineament.errors import Damaged, InvalidValue, NotFound, WrongState
from lineament.model.accounts import HOME_AGENCY, Role
from lineament.model.agencies import AgencyTerms
from lineament.model.jobs import (
    LEASE,
    LONGEST_ARGUMENTS,
    LONGEST_ERROR,
    MOST_ATTEMPTS,
    JobError,
    JobProgress,
    JobRequest,
    JobState,
)
from lineament.store.db import Store, Tx
from lineament.store.job_table import jobs

LATER = NOW + timedelta(seconds=30)
LAPSED = NOW + LEASE


def request(number: int = 0, account: str | None = None, agency: str = HOME_AGENCY) -> JobRequest:
    arguments = {"source": "press", "what": [f"/data/{number}"]}
    return JobRequest(
        kind="ingest", arguments=arguments, agency_id=agency, account_id=account, requested_by="Ada Quibble"
    )


def held(tx: Tx, worker: str = "w") -> str:
    """Return the id of a job that ``worker`` claimed."""
    job = tx.jobs.add(request(), NOW)
    claimed = tx.jobs.claim_this(job.id, worker, NOW)
    assert claimed is not None
    return claimed.id


def test_a_job_comes_back_as_it_was_asked_for(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source = rows.source(tx).source
        wanted = JobRequest(
            kind="ingest",
            arguments={"what": ["/data/é.jpg"], "workers": None, "deep": {"a": [1, 2.5, True]}},
            source_id=source.id,
            agency_id=HOME_AGENCY,
            requested_by="Ada Quibble",
        )
        job = tx.jobs.add(wanted, NOW)
    with store.read() as tx:
        found = tx.jobs.get(job.id)
    assert found == job
    assert (found.request, found.state, found.requested_at, found.attempts) == (wanted, JobState.QUEUED, NOW, 0)
    assert (found.progress, found.result, found.error) == (JobProgress(), None, None)


def test_the_name_of_the_requester_is_sealed(store: Store, raw: RawSql) -> None:
    with store.begin() as tx:
        tx.jobs.add(request(), NOW)
    ((sealed,),) = raw("SELECT requested_by FROM jobs")
    assert b"Quibble" not in bytes(sealed)


def test_jobs_are_claimed_in_the_order_in_which_they_were_asked_for(store: Store) -> None:
    with store.begin() as tx:
        later = tx.jobs.add(request(1), LATER)
        sooner = tx.jobs.add(request(2), NOW)
        assert tx.jobs.waiting(LATER)
        first, second = tx.jobs.claim("w", LATER), tx.jobs.claim("v", LATER)
        assert first is not None
        assert second is not None
        assert [first.id, second.id] == [sooner.id, later.id]
        assert tx.jobs.claim("u", LATER) is None
        assert not tx.jobs.waiting(LATER)
        assert (first.state, first.worker, first.attempts) == (JobState.RUNNING, "w", 1)
        assert (first.started_at, first.claimed_at, first.lease_until) == (LATER, LATER, LATER + LEASE)
        assert sorted(tx.jobs.workers()) == ["v", "w"]


def test_threads_never_claim_the_same_job(store: Store) -> None:
    with store.begin() as tx:
        ids = {tx.jobs.add(request(number), NOW).id for number in range(20)}
    claimed: list[str] = []

    def work(name: str) -> None:
        while True:
            with store.begin() as tx:
                job = tx.jobs.claim(name, NOW)
            if job is None:
                return
            claimed.append(job.id)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(ids)


CLAIMER = """
import sys
from datetime import datetime, timezone
from lineament.store.db import Store
from lineament.testing import VAULT
store = Store.open(sys.argv[1], VAULT)
while True:
    with store.begin() as tx:
        job = tx.jobs.claim(sys.argv[2], datetime.now(timezone.utc))
    if job is None:
        break
    print(job.id)
store.close()
"""


def test_processes_never_claim_the_same_job(store: Store, url: str) -> None:
    with store.begin() as tx:
        ids = {tx.jobs.add(request(number), NOW).id for number in range(20)}
    command = [sys.executable, "-W", "error", "-c", CLAIMER, url]
    both = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in ("a", "b")]
    claimed = [line for process in both for line in process.communicate(timeout=120)[0].split()]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(claimed) == sorted(ids)


def test_a_claim_holds_as_long_as_it_is_renewed(store: Store) -> None:
    with store.begin() as tx:
        id_ = held(tx)
        assert tx.jobs.renew(id_, "w", JobProgress(done=3, total=9, words="reading  a\nb"), LATER)
        assert tx.jobs.claim("v", LAPSED) is None  # half a minute of the lease is left
        job = tx.jobs.get(id_)
        assert job.progress == JobProgress(done=3, total=9, words="reading a b")
        assert (job.seen_at, job.lease_until) == (LATER, LATER + LEASE)


def test_an_abandoned_job_is_taken_over(store: Store) -> None:
    with store.begin() as tx:
        id_ = held(tx)
        tx.jobs.renew(id_, "w", JobProgress(done=3, total=9), NOW)
        assert tx.jobs.waiting(LAPSED)
        job = tx.jobs.claim("v", LAPSED)
        assert job is not None
        assert (job.id, job.worker, job.attempts, job.started_at) == (id_, "v", 2, NOW)
        assert job.progress == JobProgress()  # it counts anew
        # whoever was thought to be dead has lost it
        assert not tx.jobs.renew(id_, "w", JobProgress(), LAPSED)
        assert tx.jobs.stop_requested(id_, "w") is None
        assert not tx.jobs.finish(id_, "w", {}, LAPSED)
        assert not tx.jobs.fail(id_, "w", JobError(code="X", message="x"), LAPSED)
        assert not tx.jobs.stop(id_, "w", LAPSED)
        assert not tx.jobs.hand_back(id_, "w")
        assert tx.jobs.get(id_).state is JobState.RUNNING


def test_the_job_of_a_dead_worker_is_taken_over_at_once(store: Store) -> None:
    with store.begin() as tx:
        id_ = held(tx)
        assert not tx.jobs.waiting(NOW, dead=["u"])
        assert tx.jobs.claim("v", NOW, dead=["u"]) is None
        job = tx.jobs.claim("v", NOW, dead=["u", "w"])
        assert job is not None
        assert job.id == id_


def test_a_job_that_kills_its_workers_fails_in_the_end(store: Store) -> None:
    at = NOW
    with store.begin() as tx:
        id_ = tx.jobs.add(request(), NOW).id
        for attempt in range(MOST_ATTEMPTS):
            job = tx.jobs.claim(f"w{attempt}", at)
            assert job is not None
            assert job.attempts == attempt + 1
            at += LEASE
        assert tx.jobs.claim("v", at) is None
        job = tx.jobs.get(id_)
        assert (job.state, job.ended_at, job.worker) == (JobState.FAILED, at, None)
        assert job.error is not None
        assert job.error.code == "interrupted"


def test_whoever_ends_abandoned_jobs_is_told_which(store: Store) -> None:
    with store.begin() as tx:
        stopped, failed, taken_over = (tx.jobs.get(held(tx)) for _ in range(3))
        tx.jobs.request_stop(stopped.id, NOW)
        for _ in range(MOST_ATTEMPTS - 1):  # others died while running it
            tx.connection.execute(sa.update(jobs).where(jobs.c.id == failed.id).values(attempts=jobs.c.attempts + 1))
        assert tx.jobs.end_abandoned(LATER) == []
        assert set(tx.jobs.end_abandoned(LAPSED)) == {stopped.id, failed.id}
        states = [tx.jobs.get(each.id).state for each in (stopped, failed, taken_over)]
        assert states == [JobState.STOPPED, JobState.FAILED, JobState.RUNNING]


def test_the_secrets_of_a_job_are_sealed_and_destroyed(store: Store) -> None:
    with store.begin() as tx:
        job = tx.jobs.add(request(), NOW, secrets_of_job={"keys": {"archive": "ab" * 32}})
        other = tx.jobs.add(request(1), NOW)
        assert tx.jobs.secrets(job.id) == {"keys": {"archive": "ab" * 32}}
        assert tx.jobs.secrets(other.id) == {}
        assert "ab" * 32 not in repr(tx.jobs.get(job.id))
        assert (tx.jobs.get(job.id), tx.jobs.ended_with_secrets("ingest")) == (job, [])
        sealed: bytes = tx.connection.execute(sa.select(jobs.c.secrets).where(jobs.c.id == job.id)).scalar_one()
        assert b"abab" not in sealed
        tx.connection.execute(sa.update(jobs).where(jobs.c.id == other.id).values(secrets=sealed))
        with pytest.raises(Damaged):
            tx.jobs.secrets(other.id)
        tx.jobs.request_stop(job.id, NOW)
        assert [each.id for each in tx.jobs.ended_with_secrets("ingest")] == [job.id]
        tx.jobs.keep_secrets(job.id, None)
        assert (tx.jobs.secrets(job.id), tx.jobs.ended_with_secrets("ingest")) == ({}, [])


def test_handing_back_is_no_attempt(store: Store) -> None:
    with store.begin() as tx:
        id_ = held(tx)
        assert tx.jobs.hand_back(id_, "w")
        job = tx.jobs.get(id_)
        assert (job.state, job.attempts, job.worker, job.started_at) == (JobState.QUEUED, 0, None, NOW)
        assert tx.jobs.claim("v", LATER) is not None


# ---------------------------------------------------------------- how it ends


def test_a_result_is_kept(store: Store) -> None:
    with store.begin() as tx:
        id_ = held(tx)
        assert tx.jobs.finish(id_, "w", {"faces": 5}, LATER)
        job = tx.jobs.get(id_)
        assert (job.state, job.result, job.ended_at, job.worker, job.ended) == (
            JobState.DONE,
            {"faces": 5},
            LATER,
            None,
            True,
        )
        assert not tx.jobs.finish(id_, "w", {}, LATER)
        assert tx.jobs.claim("v", LAPSED) is None


def test_an_error_is_kept_in_one_line(store: Store) -> None:
    with store.begin() as tx:
        id_ = held(tx)
        assert tx.jobs.fail(id_, "w", JobError(code="refused", message="a\n b\0\ud800" + "c" * 900), LATER)
        job = tx.jobs.get(id_)
        assert job.state is JobState.FAILED
        assert job.error is not None
        assert job.error.code == "refused"
        assert job.error.message.startswith("a b\\0\\ud800ccc")
        assert len(job.error.message) < LONGEST_ERROR + 20
        assert "\n" not in job.error.message


def test_a_queued_job_is_stopped_at_once(store: Store) -> None:
    with store.begin() as tx:
        id_ = tx.jobs.add(request(), NOW).id
        job = tx.jobs.request_stop(id_, LATER)
        assert (job.state, job.ended_at) == (JobState.STOPPED, LATER)
        assert tx.jobs.claim("w", LATER) is None
        with pytest.raises(WrongState):
            tx.jobs.request_stop(id_, LATER)


def test_a_running_job_is_asked_to_stop(store: Store) -> None:
    with store.begin() as tx:
        id_ = held(tx)
        assert tx.jobs.stop_requested(id_, "w") is False
        assert tx.jobs.request_stop(id_, NOW).stopping
        assert tx.jobs.request_stop(id_, LATER).stop_requested_at == NOW
        assert tx.jobs.stop_requested(id_, "w") is True
        assert tx.jobs.stop(id_, "w", LATER)
        assert tx.jobs.get(id_).state is JobState.STOPPED


def test_an_abandoned_job_that_was_to_stop_is_not_taken_over(store: Store) -> None:
    with store.begin() as tx:
        id_ = held(tx)
        tx.jobs.request_stop(id_, NOW)
        assert tx.jobs.claim("v", LAPSED) is None
        assert tx.jobs.get(id_).state is JobState.STOPPED


# ---------------------------------------------------------------- taking up the same


def test_an_equal_request_resumes_an_abandoned_job(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        account = tx.accounts.add(HOME_AGENCY, "a@home.example", "Ada", [Role.OPERATOR], NOW).id
        id_ = tx.jobs.add(request(1), NOW).id
        assert tx.jobs.take_up(request(2), "w", NOW) is None
        assert tx.jobs.take_up(request(1, account), "w", NOW) is None
        job = tx.jobs.take_up(request(1), "w", NOW)
        assert job is not None
        assert (job.id, job.attempts) == (id_, 1)
        assert tx.jobs.take_up(request(1), "v", LATER) is None  # somebody works on it
        again = tx.jobs.take_up(request(1), "v", LATER, dead=["w"])
        assert again is not None
        assert (again.id, again.attempts) == (id_, 1)
        assert tx.jobs.take_up(request(1), "u", LATER + LEASE) is not None


# ---------------------------------------------------------------- who sees which


def test_a_job_is_seen_by_its_agency_alone(store: Store) -> None:
    with store.begin() as tx:
        other = tx.agencies.add(AgencyTerms(name="Police of B", jurisdiction="FR"), NOW).id
        account = tx.accounts.add(other, "b@b.example", "Bo", [Role.EXAMINER], NOW).id
        colleague = tx.accounts.add(other, "c@b.example", "Cy", [Role.EXAMINER], NOW).id
        ours, theirs = tx.jobs.add(request(1), NOW).id, tx.jobs.add(request(2, account, other), LATER).id
        newest = tx.jobs.add(request(3), LATER).id

        def ids(agency: str, who: str | None, *, whole: bool) -> list[str]:
            return [job.id for job in tx.jobs.visible(agency, who, whole_agency=whole, most=9)]

        assert ids(HOME_AGENCY, None, whole=True) == [newest, ours]
        assert ids(other, None, whole=True) == [theirs]
        assert ids(other, account, whole=False) == [theirs]
        assert ids(other, colleague, whole=False) == []
        assert ids(HOME_AGENCY, account, whole=False) == []
        assert len(tx.jobs.visible(HOME_AGENCY, None, whole_agency=True, most=1)) == 1
        assert tx.jobs.of_agency(theirs, other, account, whole_agency=False).id == theirs
        for id_, agency, who, whole in (
            (theirs, HOME_AGENCY, None, True),
            (theirs, other, colleague, False),
            ("0123456789abcdef", other, account, True),
            ("' OR 1 --", other, account, True),
        ):
            with pytest.raises(NotFound):
                tx.jobs.of_agency(id_, agency, who, whole_agency=whole)


# ---------------------------------------------------------------- forgetting


def test_jobs_go_with_their_source(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source, other = rows.source(tx).source, rows.source(tx, "other").source
        ids = [
            tx.jobs.add(JobRequest(kind="ingest", source_id=some.id, agency_id=HOME_AGENCY, requested_by="Ada"), NOW).id
            for some in (source, other)
        ]
        assert tx.sources.left(source.id) == 1
        assert [job.id for job in tx.jobs.open_of_source(source.id)] == ids[:1]
        tx.jobs.claim_this(ids[0], "w", NOW)
        assert tx.jobs.delete_of(source.id) == 1
        assert tx.sources.left(source.id) == 0
        assert not tx.jobs.renew(ids[0], "w", JobProgress(), NOW)
        assert tx.jobs.open_of_source(source.id) == []
        assert tx.jobs.get(ids[1]).state is JobState.QUEUED


def test_jobs_that_ended_long_ago_are_deleted(store: Store) -> None:
    with store.begin() as tx:
        ended, running, queued = held(tx), held(tx), tx.jobs.add(request(), NOW).id
        tx.jobs.finish(ended, "w", {}, NOW)
        assert tx.jobs.delete_ended(HOME_AGENCY, NOW) == 0
        assert tx.jobs.delete_ended("another", LATER) == 0
        assert tx.jobs.delete_ended(HOME_AGENCY, LATER) == 1
        with pytest.raises(NotFound):
            tx.jobs.get(ended)
        assert {job.id for job in tx.jobs.visible(HOME_AGENCY, None, whole_agency=True, most=9)} == {running, queued}


def test_the_open_job_of_a_kind_is_found(store: Store) -> None:
    with store.begin() as tx:
        assert tx.jobs.open_of_kind("ingest") is None
        id_ = held(tx)
        found = tx.jobs.open_of_kind("ingest")
        assert found is not None
        assert found.id == id_
        assert tx.jobs.open_of_kind("sweep") is None
        tx.jobs.finish(id_, "w", {}, NOW)
        assert tx.jobs.open_of_kind("ingest") is None


# ---------------------------------------------------------------- what is refused


def test_arguments_are_json_of_a_bounded_length(store: Store) -> None:
    for wrong in ({"a": object()}, {"a": float("nan")}, {"a": "x" * LONGEST_ARGUMENTS}):
        with pytest.raises(InvalidValue), store.begin() as tx:
            tx.jobs.add(JobRequest(kind="k", arguments=wrong, agency_id=HOME_AGENCY, requested_by="Ada"), NOW)


def test_the_database_keeps_the_states_apart(store: Store, refused: Refuses) -> None:
    with store.begin() as tx:
        held(tx)
    refused("UPDATE jobs SET state = 'queued'", "running_has_worker")
    refused("UPDATE jobs SET state = 'done', worker = NULL, lease_until = NULL", "ended_when")
    refused("UPDATE jobs SET state = 'lost'", "ck_jobs")
    refused("UPDATE jobs SET result = '{}'", "result_of_done")
    refused("UPDATE jobs SET lease_until = NULL", "worker_has_lease")
    refused("UPDATE jobs SET error = 'x', error_code = 'y'", "failed_says_why")
