"""Values of the model without a store, for tests of services, of views and of what is printed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from lineament.model.accounts import Account, AccountState, Role
from lineament.model.agencies import (
    Agency,
    AgencyTerms,
    Licence,
    LicenceKind,
    Stop,
    StopScope,
    Usage,
    Vetting,
    VettingOutcome,
)
from lineament.model.cases import Case, CaseState, CaseTerms
from lineament.model.faces import Box, CaptureId, FaceId, Quality, SourceId
from lineament.model.jobs import Job, JobId, JobRequest, JobState
from lineament.model.proposals import Proposal, ProposalKind, Signatory
from lineament.model.runs import Run, RunId
from lineament.model.search import Candidate, Mode, SearchEntry, SearchResult
from lineament.model.sources import Source, SourceState, SourceTerms

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISO = "2026-03-01T12:00:00+00:00"
"""``AT`` as it stands in JSON."""
TODAY = AT.date()

VETTING = Vetting(
    by="Ada",
    at=AT,
    outcome=VettingOutcome.OPEN,
    legal_restrictions="none",
    human_rights_record="good",
    renew_on=date(2027, 3, 1),
)
LICENCE = Licence(
    kind=LicenceKind.TRIAL,
    first_day=TODAY,
    last_day=date(2026, 3, 31),
    seats=5,
    searches_a_month=4000,
    price="100 EUR",
    reference="C-1",
)
STOP = Stop(scope=StopScope.EVERYTHING, agency_id=None, reason="a fault", by="Ada", at=AT)
WARNING = "It is not the sole basis for an arrest."
ENTRY = SearchEntry(number=12, commitment="ab" * 32, warnings=(WARNING,))
"""The entry of a search, with the number that only auditors see."""
QUALITY = Quality(face_height=120.0, detector_score=0.9, norm=12.0, sharpness=300.0, exposure=0.5, yaw=2.0, cropped=0.0)
BOX = Box(x=1.0, y=2.0, width=30.0, height=40.0)


def agency(**changes: Any) -> Agency:
    """Return an agency that is neither vetted nor licensed."""
    made = Agency(
        id="a1",
        terms=AgencyTerms(name="Police of Freedonia", jurisdiction="FR"),
        registered_at=AT,
        home=False,
        vetting=None,
        licence=None,
        seats_taken=2,
    )
    return replace(made, **changes)


def usage(of: Agency, *, searches: int = 12) -> Usage:
    """Return what an agency uses in the month of ``AT``."""
    return Usage(agency=of, month=date(2026, 3, 1), searches=searches, seats=of.seats_taken)


def account(**changes: Any) -> Account:
    """Return an account at work that was never trained and never seen."""
    made = Account(
        id="u1",
        agency_id="a1",
        email="eve@freedonia.example",
        name="Eve",
        roles=frozenset({Role.REVIEWER, Role.EXAMINER}),
        state=AccountState.ACTIVE,
        created_at=AT,
    )
    return replace(made, **changes)


def case(**changes: Any) -> Case:
    """Return an open case that seeks a suspect."""
    made = Case(
        id=7,
        key="k7",
        terms=CaseTerms(ref="K-1", offence="theft", purpose="to find a suspect", basis="a law"),
        state=CaseState.OPEN,
        opened_at=AT,
        closed_at=None,
        searches=3,
    )
    return replace(made, **changes)


def source(**changes: Any) -> Source:
    """Return a live source without faces that never expires."""
    made = Source(
        id=SourceId(1),
        terms=SourceTerms(name="press", controller="C", basis="B", jurisdiction="FR"),
        state=SourceState.LIVE,
        registered_at=AT,
        captures=0,
        faces=0,
        last_face_id=0,
    )
    return replace(made, **changes)


def job(**changes: Any) -> Job:
    """Return a queued ingest into press."""
    request = JobRequest(
        kind="ingest", arguments={"source": "press", "what": ["/a", "/b"]}, agency_id="home", requested_by="Eve"
    )
    return replace(Job(id=JobId("j1"), request=request, state=JobState.QUEUED, requested_at=AT), **changes)


def run(**changes: Any) -> Run:
    """Return the third run of a source, under way, which has counted nothing yet."""
    made = Run(id=RunId(70), source_id=SourceId(1), number=3, connector="folder", what="a\nb", begun_at=AT, seen_at=AT)
    return replace(made, **changes)


def candidate(**changes: Any) -> Candidate:
    """Return the best candidate of a list."""
    made = Candidate(
        rank=1,
        score=0.6,
        expected_false=0.01,
        face_id=FaceId(9),
        capture_id=CaptureId(4),
        source="press",
        uri="file:///a.jpg",
        page_uri=None,
        page_title=None,
        captured_at=None,
        sha256="c" * 64,
        phash=b"",
        box=BOX,
        width=400,
        height=300,
    )
    return replace(made, **changes)


def result(**changes: Any) -> SearchResult:
    """Return a search with one candidate."""
    made = SearchResult(
        search_id="s1",
        case="K-1",
        reason="a sighting",
        made_at=AT,
        model="sface-yunet",
        gallery_faces=1200,
        sources=("press",),
        mode=Mode.IDENTIFICATION,
        threshold=0.5,
        since=None,
        until=None,
        limit=20,
        probe_id="p1",
        probe_sha256="d" * 64,
        face=1,
        face_box=BOX,
        quality=QUALITY,
        candidates=(candidate(),),
        seconds=0.0123456789,
        ledger_entry=12,
    )
    return replace(made, **changes)


def proposal(**changes: Any) -> Proposal:
    """Return a change of the threshold that waits, and was neither measured nor signed."""
    made = Proposal(
        number=1,
        kind=ProposalKind.THRESHOLD,
        strangers=0.5,
        pack="sface-yunet",
        model="sface-yunet/0011aabb",
        against="sface-yunet/0011aabb",
        based_on=None,
        reason="too many people are missed",
        by=Signatory(name="Olga Operator", account_id="a1", at=AT),
        evidence=None,
        note="",
    )
    return replace(made, **changes)


def evidence_of(model: str, before: float, after: float) -> dict[str, Any]:
    """Return the evidence of a change of the threshold as it is stored, with two groups."""

    def rate(value: float, people: int = 200) -> dict[str, Any]:
        return {"value": value, "low": value / 2, "high": value * 2, "trials": people, "people": people}

    def side(strangers: float, fnir: float, fpir: float) -> dict[str, Any]:
        return {
            "strangers": strangers,
            "pack": "sface-yunet",
            "model": model,
            "precision": "f32",
            "weights_sha256": ["ab" * 32, "cd" * 32],
            "without_a_template": 1,
            "threshold": 0.5 - strangers / 10,
            "fnir": rate(fnir),
            "fpir": rate(fpir),
            "groups": [
                {"group": "women under 30", "fnir": rate(1.5 * fnir, 90), "fpir": rate(2 * fpir, 80)},
                {
                    "group": "men over 60",
                    "fnir": {"insufficient": "insufficient data: 12 people who are enrolled, 30 needed"},
                    "fpir": rate(fpir, 40),
                },
            ],
        }

    return {
        "set": "people.csv",
        "pictures": 501,
        "people": 280,
        "gallery_people": 200,
        "mated_searches": 221,
        "non_mated_searches": 80,
        "before": side(before, 0.04, 0.05),
        "after": side(after, 0.02, 0.2),
        "depends_on": {"lineament": "0.2.0", "data_sha256": "12" * 32, "settings_sha256": "34" * 32, "seed": 1},
    }
