"""Builds a workspace of the largest expected size: agencies, their people, cases, and a ledger of their actions.

Cases, entries, probes, searches and papers are inserted in bulk, sealed and hashed as the services do it; the whole
ledger is verified at the end. What ``casework.py`` opens is created by the services.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path

import numpy as np
import pyotp
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPICursor
from tests.support.reviewing import decide_all

from lineament.ledger.checkpoint import Checkpoint, SigningKey
from lineament.ledger.entries import SALT_BYTES, canonical, commitment_to, leaf_bytes
from lineament.ledger.merkle import Frontier, leaf_hash
from lineament.model.accounts import HOME_AGENCY, Account, AccountState, Role
from lineament.model.actions import Action
from lineament.model.agencies import AgencyTerms, Licence, LicenceKind, Stop, StopScope, Vetting, VettingOutcome
from lineament.model.cases import Authorisation, AuthorisationOutcome, CaseRole, Paper, PaperKind
from lineament.model.events.base import JSON
from lineament.model.events.ledger import RowsBound
from lineament.model.faces import Box, CaptureId, Face, FaceId, Landmarks, Quality, Template
from lineament.model.jobs import JobRequest
from lineament.model.policy import Preset
from lineament.model.search import Candidate, Edit, EditKind, Mode, Probe, ProbeKind, SearchRequest, SearchResult
from lineament.model.sources import SourceTerms
from lineament.services.keyholder import about_case
from lineament.services.people.sessions import digest_of
from lineament.services.stored_rows import older_rows
from lineament.settings import Settings
from lineament.sources.folder.connector import FolderConnector
from lineament.store.db import Tx
from lineament.store.meta import new_ids
from lineament.store.sealed import SealedColumn
from lineament.store.tables import case_members, cases
from lineament.store.values import authorisation_to
from lineament.workspace import Desk, Workspace

YEARS = 3
PROBE = "macron-2014.jpg"
SOURCE = "heads-of-government"
PASSWORD = "lantern otter plinth"
MODEL = "sface-yunet"
SHARE = 5
"""Every fifth case belongs to the largest agency."""
SEARCHED = 10
"""Every tenth case keeps the lists of its searches."""
MINE = 10
"""The examiner who signs in is a member of every tenth case of the largest agency."""
BUSY = 2_000
"""Entries of the busy case that the bench opens, if the ledger is long enough."""
BUSY_SEARCHES = 20
MESSAGES = 200

_OFFENCES = (
    *("fraud", "robbery", "theft from a shop", "burglary", "assault", "arson", "a person is missing", "murder"),
    *("extortion", "trafficking in arms", "kidnapping", "forgery of documents", "computer fraud", "affray"),
)
_PURPOSES = (
    "to find where the photograph of the buyer was published",
    "to find a name for the man at the till",
    "to find the witness who was seen on the bridge",
    "to learn who opened the account at the counter",
)
_SYLLABLES = ("bel", "mont", "ville", "ham", "stad", "rok", "lin", "dor", "vik", "tal", "mar", "ost")
_FIRST = ("Ada", "Bruno", "Chloé", "Dragan", "Elif", "Femke", "Goran", "Hanna", "Ivo", "Jonas", "Katya", "Luc")
_LAST = ("Archer", "Bianchi", "Costa", "Dvořák", "Eriksen", "Fischer", "García", "Hughes", "Ivanov", "Jansen")
_STAFF = (Role.SUPERVISOR, Role.EXAMINER, Role.EXAMINER, Role.REVIEWER, Role.ADMINISTRATOR, Role.AUDITOR)
_DONE = (
    (Action.CASE_READ, 34),
    (Action.CANDIDATE_READ, 16),
    (Action.LIST_READ, 12),
    (Action.SEARCH, 10),
    (Action.PROBE_ADDED, 9),
    (Action.PAPER_ADDED, 8),
    (Action.MEMBER_ADDED, 5),
    (Action.ORIGINAL_VIEWED, 4),
    (Action.REPORT_WRITTEN, 2),
)
_BOX = Box(x=100, y=100, width=150, height=200)
_POINTS = Landmarks(
    left_eye=(150, 180), right_eye=(200, 180), nose=(175, 210), left_mouth=(155, 250), right_mouth=(195, 250)
)
_QUALITY = Quality(
    face_height=200, detector_score=0.9, norm=10, sharpness=100, exposure=0.5, yaw=0, cropped=0, reasons=()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The size of the workspace."""

    cases: int
    agencies: int
    entries: int


@dataclass(slots=True, kw_only=True)
class Person:
    """A person who signs in with a password and an app."""

    email: str
    account_id: str
    secret: str = ""
    job: str = ""  # their own job, stopped before it began


@dataclass(slots=True, kw_only=True)
class Targets:
    """What the bench opens, by id or key."""

    people: dict[str, Person] = field(default_factory=dict)
    agency_id: str = ""  # of the largest agency
    case: str = ""  # key of the busy case
    old: str = ""  # the key of a case from the middle of the list
    entry: int = 0  # number of an entry in the middle of the ledger
    line: str = ""  # commitment of an old entry of the busy case
    probe: str = ""
    search: str = ""  # with candidates of the gallery
    long_search: str = ""  # with a full list
    paper: str = ""
    invitation: str = ""  # the token of a link


@dataclass(slots=True)
class Agencies:
    """The ids of the agencies, largest first, and the accounts of each."""

    ids: list[str]
    people: list[list[Account]]


@dataclass(slots=True)
class Caseload:
    """All cases, in columns."""

    ids: range
    keys: list[str]
    refs: list[str]
    agency: np.ndarray  # index in Agencies
    opened: np.ndarray  # seconds since the workspace began
    state: np.ndarray  # 0 open, 1 closed, 2 refused, 3 destroyed
    wrapped: list[bytes | None]
    busy: int  # index of the case that the bench opens

    def searched(self, number: int) -> bool:
        return number == self.busy or (number % SEARCHED == 0 and self.state[number] < 2)


def build(home: Path, sizes: Sizes) -> Targets:
    """Build the workspace in ``home``; return what the bench opens."""
    random = np.random.default_rng(7)
    begin = datetime.now(UTC) - timedelta(days=365 * YEARS)
    targets = Targets()
    with Workspace.create(Settings(home=home, examiner="bench"), clock=lambda: begin) as workspace:
        _gallery(workspace)
        with workspace.store.begin() as tx:
            agencies = _agencies(tx, sizes.agencies, begin, targets)
        with workspace.store.begin() as tx:
            load = _cases(tx, workspace, sizes.cases, agencies, begin, random)
            _members(tx, load, agencies, targets, random)
        with workspace.store.begin() as tx:
            searches = _ledger(tx, workspace, sizes.entries, load, agencies, begin, random)
        for start in range(0, len(searches), 2_000):
            with workspace.store.begin() as tx:
                _searches(tx, workspace, searches[start : start + 2_000], load, agencies, random)
        with workspace.store.begin() as tx:
            _papers(tx, workspace, load, agencies, begin, random)
            _close(tx, load, begin)
        targets.agency_id, targets.case = agencies.ids[0], load.keys[load.busy]
        targets.entry = sizes.entries // 2
        with workspace.store.read() as tx:
            note = tx.ledger.checkpoint()
            targets.long_search = tx.searches.of_case(load.ids[load.busy])[0].search_id
            targets.line = tx.ledger.of_case(load.ids[load.busy], None, 1_000)[-1].commitment.hex()
        assert note is not None
        workspace.desk_at_the_machine().record.ledger.anchor(workspace.desk_at_the_machine().record.anchor, note)
    with Workspace.open(Settings(home=home, examiner="bench")) as workspace:
        _use_services(workspace, targets)
        with workspace.desk_at_the_machine().record.change() as change:  # as an upgrade binds what it finds
            for rows, lists in older_rows(change.tx):
                change.record(RowsBound(lists=lists), rows)
        workspace.desk_at_the_machine().audit.verify()
    return targets


def _gallery(workspace: Workspace) -> None:
    terms = SourceTerms(name=SOURCE, controller="Commons", basis="free licences", jurisdiction="US")
    workspace.desk_at_the_machine().sources.add(terms)
    for number in range(11):
        workspace.desk_at_the_machine().sources.add(
            SourceTerms(name=f"source-{number}", controller="bench", basis="none", jurisdiction="FR")
        )
    with resources.as_file(resources.files("lineament") / "demo") as portraits:
        shown = sorted(path for path in portraits.glob("*.jpg") if path.name != PROBE)
        connector = FolderConnector(shown, page_base=None, max_bytes=workspace.settings.max_file_bytes)
        workspace.desk_at_the_machine().ingest.run(SOURCE, connector, workers=2)


# ---------------------------------------------------------------- agencies and their people


def _agencies(tx: Tx, count: int, begin: datetime, targets: Targets) -> Agencies:
    """Add the agencies. The first has fifty times as many people as each other one."""
    found = Agencies([], [])
    tx.agencies.set_preset(HOME_AGENCY, Preset.AGENCY)
    for role in (Role.OPERATOR, Role.ADMINISTRATOR):
        targets.people[f"{role.value} of the house"] = _add_person(tx, HOME_AGENCY, role, begin)
    today = datetime.now(UTC).date()
    for number in range(count - 1):
        name = f"Police of {_town(number)}"
        agency = tx.agencies.add(AgencyTerms(name=f"{name} {number}", jurisdiction="FR"), begin)
        tx.agencies.set_vetting(agency.id, _vetting(begin, today + timedelta(days=20 + number % 300)))
        tx.agencies.set_licence(agency.id, _licence(begin.date(), today + timedelta(days=10 + number % 500)))
        found.ids.append(agency.id)
        found.people.append(_people(tx, agency.id, begin, 50 if number == 0 else 1))
        if number % 300 == 299:
            tx.stops.put(Stop(scope=StopScope.AGENCY, agency_id=agency.id, reason="a test", by="bench", at=begin))
    for role in (Role.EXAMINER, Role.REVIEWER, Role.SUPERVISOR, Role.AUDITOR, Role.ADMINISTRATOR):
        targets.people[role.value] = _add_person(tx, found.ids[0], role, begin)
    targets.people["guest"] = _add_person(tx, found.ids[1], Role.EXAMINER, begin, "guest")
    return found


def _people(tx: Tx, agency_id: str, begin: datetime, times: int) -> list[Account]:
    people = []
    for number, role in enumerate(_STAFF * times):
        name = f"{_FIRST[number % len(_FIRST)]} {_LAST[number // len(_FIRST) % len(_LAST)]} {number}"
        new = tx.accounts.add(agency_id, f"p{number}@{agency_id}.example", name, {role}, begin)
        tx.accounts.set_training(new.id, datetime.now(UTC).date() + timedelta(days=200))
        people.append(tx.accounts.join(new.id, name, None))
    return people


def _add_person(tx: Tx, agency_id: str, role: Role, begin: datetime, name: str = "") -> Person:
    shown = name or role.value
    account = tx.accounts.add(agency_id, f"{shown}@{agency_id}.example", f"The {shown}", {role}, begin)
    tx.accounts.set_training(account.id, datetime.now(UTC).date() + timedelta(days=200))
    request = JobRequest(kind="sweep", agency_id=agency_id, account_id=account.id, requested_by=account.name)
    job = tx.jobs.add(request, begin)
    tx.jobs.request_stop(job.id, begin)
    return Person(email=account.email, account_id=account.id, job=job.id)


def _vetting(at: datetime, renew_on: date) -> Vetting:
    restrictions = "no search for misdemeanours, and none without an order of the court " * 4
    record = "nothing known against it; the reports of the last five years were read " * 4
    return Vetting(
        by="Olga Operator",
        at=at,
        outcome=VettingOutcome.OPEN,
        legal_restrictions=restrictions,
        human_rights_record=record,
        renew_on=renew_on,
    )


def _licence(first: date, last: date) -> Licence:
    return Licence(
        kind=LicenceKind.FULL,
        first_day=first,
        last_day=last,
        seats=500,
        searches_a_month=100_000,
        price="12,000 EUR a year",
        reference="C-2026/117",
    )


def _town(number: int) -> str:
    parts = [_SYLLABLES[number // len(_SYLLABLES) ** place % len(_SYLLABLES)] for place in (2, 1, 0)]
    return "".join(parts).capitalize()


# ---------------------------------------------------------------- cases


def _cases(
    tx: Tx, workspace: Workspace, count: int, agencies: Agencies, begin: datetime, random: np.random.Generator
) -> Caseload:
    """Add cases in the order of their opening, among them those of the largest agency."""
    span = (datetime.now(UTC) - begin - timedelta(days=2)).total_seconds()
    others = 1 + np.sqrt(random.random(count)) * (len(agencies.ids) - 1)
    load = Caseload(
        ids=new_ids(tx.connection, "case", count),
        keys=[os.urandom(8).hex() for _ in range(count)],
        refs=[],
        agency=np.where(np.arange(count) % SHARE == 0, 0, np.minimum(others.astype(int), len(agencies.ids) - 1)),
        opened=np.sort(random.random(count)) * span,
        state=random.choice(4, size=count, p=(0.42, 0.5, 0.03, 0.05)),
        wrapped=[],
        busy=int(count * 0.85) // SHARE * SHARE,
    )
    load.state[load.busy] = 0
    sealing = SealedColumn(workspace.keys.vault, "cases", "authorisation")
    rows = []
    for number in range(count):
        rows.append(_case(load, number, workspace, agencies, begin, sealing, random))
        if len(rows) == 5_000 or number == count - 1:
            tx.connection.execute(sa.insert(cases), rows)
            rows = []
    return load


def _case(
    load: Caseload,
    number: int,
    workspace: Workspace,
    agencies: Agencies,
    begin: datetime,
    sealing: SealedColumn,
    random: np.random.Generator,
) -> dict[str, object]:
    opened = begin + timedelta(seconds=float(load.opened[number]))
    ref = f"{opened.year}-{number:06}"
    destroyed = load.state[number] >= 2
    wrapped = None if destroyed else workspace.keys.new_data_key(about_case(load.keys[number]))
    load.refs.append(ref)
    load.wrapped.append(wrapped)
    offence = "deleted" if destroyed else _OFFENCES[int(random.integers(len(_OFFENCES)))]
    purpose = (
        "deleted" if destroyed else f"{_PURPOSES[number % len(_PURPOSES)]} in {_town(int(random.integers(1_700)))}"
    )
    urgent = random.random() < 0.01 and not destroyed
    until = None
    sealed = None
    if destroyed or (not urgent and random.random() < 0.7) or number == load.busy:
        until = opened.date() + timedelta(days=int(random.integers(60, 540)))
        until = datetime.now(UTC).date() + timedelta(days=90) if number == load.busy else until
        sealed = sealing.seal(
            str(load.ids[number]), authorisation_to(_authorisation(opened, until, destroyed=destroyed))
        )
    # Cases with stored searches are closed later, because the database accepts searches only for an open case.
    state = ("open", "open" if load.searched(number) else "closed", "refused", "destroyed")[load.state[number]]
    return {
        "id": load.ids[number],
        "key": load.keys[number],
        "agency_id": agencies.ids[load.agency[number]],
        "ref": ref,
        "offence": offence,
        "purpose": purpose,
        "basis": "deleted" if destroyed else "Code of criminal procedure, article 77",
        "authorised_by": None,
        "jurisdiction": "FR",
        "seeks": "suspect",
        "exempt_because": None,
        "state": state,
        "opened_at": opened,
        "closed_at": None if state == "open" else opened + timedelta(days=1),
        "urgent_since": opened if urgent else None,
        "urgent_because": "a life is in danger" if urgent else None,
        "authorisation": sealed,
        "authorised_until": until,
        "hold_because": None,
        "wrapped_key": wrapped,
        "words": (ref if destroyed else f"{ref} {offence} {purpose}").casefold(),
    }


def _authorisation(opened: datetime, until: date, *, destroyed: bool) -> Authorisation:
    return Authorisation(
        authority="Court of first instance, Judge Martin",
        decided_at=opened,
        outcome=AuthorisationOutcome.REFUSED if destroyed else AuthorisationOutcome.GRANTED,
        document_sha256=None,
        scope="one search for the person at the counter",
        expires_on=until,
        recorded_by="A supervisor",
        recorded_at=opened,
    )


def _members(tx: Tx, load: Caseload, agencies: Agencies, targets: Targets, random: np.random.Generator) -> None:
    """Add one to three people of the agency to each case, and to every twentieth a guest until some day."""
    mine = {targets.people["examiner"].account_id, targets.people["reviewer"].account_id}
    guest = targets.people["guest"].account_id
    seen_by_all = []
    today = datetime.now(UTC).date()
    rows = []
    own = 0
    for number, (case, agency) in enumerate(zip(load.ids, load.agency, strict=True)):
        people = [account.id for account in agencies.people[agency] if Role.EXAMINER in account.roles]
        chosen = {people[at] for at in random.integers(len(people), size=random.integers(1, 4))}
        own += agency == 0
        if agency == 0 and (own % MINE == 0 or number == load.busy):
            chosen |= mine
        guests = set()
        if number % 20 == 0:
            others = agencies.people[int(random.integers(len(agencies.ids)))]
            guests.add(others[1].id)
        if agency == 0 and (own % 100 == 0 or number == load.busy):
            guests.add(guest)
            seen_by_all.append(load.keys[number])
        since = datetime.now(UTC) - timedelta(days=300)
        ends = today + timedelta(days=int(random.integers(-200, 200)) if guest not in guests else 60)
        ending = dict.fromkeys(guests, ends) | dict.fromkeys(chosen, None)
        rows += [
            {"case_id": case, "account_id": account_id, "role": "examiner", "since": since, "until": until}
            for account_id, until in ending.items()
        ]
    targets.old = seen_by_all[len(seen_by_all) // 2]
    tx.connection.execute(sa.insert(case_members), rows)


def _close(tx: Tx, load: Caseload, begin: datetime) -> None:
    """Close the cases that were left open for their searches."""
    late = [number for number in range(len(load.keys)) if load.state[number] == 1 and load.searched(number)]
    change = sa.update(cases).where(cases.c.id == sa.bindparam("case"))
    rows = [
        {"case": load.ids[number], "at": begin + timedelta(seconds=float(load.opened[number]), days=1)}
        for number in late
    ]
    if rows:
        tx.connection.execute(
            change.values(state="closed", closed_at=sa.bindparam("at", type_=cases.c.closed_at.type)), rows
        )


# ---------------------------------------------------------------- the ledger

Entry = tuple[int, datetime, str, str, str, int | None, str]
"""Number, time, action, details, agency id, case id and account id of an entry."""
Searched = tuple[int, int, datetime, str]
"""Entry number, index of the case, time and examiner of a search."""


def _ledger(
    tx: Tx,
    workspace: Workspace,
    entries: int,
    load: Caseload,
    agencies: Agencies,
    begin: datetime,
    random: np.random.Generator,
) -> list[Searched]:
    """Append the entries in order of time, those of a case scattered among the others; return the searches."""
    rows = tx.ledger
    frontier = Frontier.read(rows.size(), rows.node)
    connection = tx.connection.connection.cursor()
    origin = workspace.desk_at_the_machine().record.ledger.origin
    searches: list[Searched] = []
    batch: list[Entry] = []
    for number, at, action in _events(entries - frontier.size, load, begin, random):
        batch.append(_entry(frontier.size + len(batch), number, at, action, load, agencies, searches))
        if len(batch) == 20_000:
            _append(connection, workspace, frontier, batch)
            batch = []
    _append(connection, workspace, frontier, batch)
    connection.close()
    head = Checkpoint(origin=origin, size=frontier.size, root=frontier.root())
    key = SigningKey(name=origin, seed=workspace.keys.derive("ledger"))
    rows.set_checkpoint(head.size, head.root, head.sign(key))
    return searches


def _events(
    count: int, load: Caseload, begin: datetime, random: np.random.Generator
) -> Iterator[tuple[int, datetime, Action]]:
    """Yield the index of the case (-1: none), the time and the action of each entry, in order of time."""
    opening = len(load.keys)
    if count < opening:
        raise SystemExit("every case needs an entry for its opening")
    busy = min(BUSY, (count - opening) // 10)
    free = int(0.15 * (count - opening))
    later = random.integers(opening, size=count - opening - busy - free)
    case_of = np.concatenate([np.arange(opening), later, np.full(busy, load.busy), np.full(free, -1)])
    end = (datetime.now(UTC) - begin - timedelta(hours=1)).total_seconds()
    after = np.concatenate([np.zeros(opening), random.exponential(20 * 86400, size=count - opening)])
    times = np.where(case_of >= 0, load.opened[case_of] + after, random.random(count) * end)
    times = np.minimum(times, end)
    order = np.argsort(times, kind="stable")
    weights = np.array([weight for _, weight in _DONE])
    done = random.choice(len(_DONE), size=count, p=weights / weights.sum())
    busy_searches = 0
    for at in order:
        number, action = int(case_of[at]), _DONE[done[at]][0]
        if number < 0:
            action = Action.SIGNED_IN
        elif at < opening:
            action = Action.CASE_OPENED
        elif action is Action.SEARCH:
            busy_searches += number == load.busy
            if not load.searched(number) or (number == load.busy and busy_searches > BUSY_SEARCHES):
                action = Action.CASE_READ
        yield number, begin + timedelta(seconds=float(times[at])), action


def _entry(
    seq: int,
    number: int,
    at: datetime,
    action: Action,
    load: Caseload,
    agencies: Agencies,
    searches: list[Searched],
) -> Entry:
    """Return the entry to append."""
    agency = int(load.agency[number]) if number >= 0 else (0 if seq % SHARE == 0 else seq % len(agencies.ids))
    people = agencies.people[agency]
    who = people[seq % len(people)]
    details: dict[str, JSON] = {"actor": who.name, "account": who.id}
    if number >= 0:
        details["case"] = load.refs[number]
    match action:
        case Action.CASE_READ:
            details["part"] = "searches"
        case Action.CASE_OPENED:
            details |= {"key": load.keys[number], "ref": load.refs[number], "offence": "fraud", "purpose": "to find"}
        case Action.SEARCH:
            searches.append((seq, number, at, who.name))
            faces = [[rank, seq * 20 + rank, 0.7 - rank / 100] for rank in range(1, 51)]
            details |= {"search": f"{seq:016x}", "reason": "to find a name", "candidates": faces, "model": MODEL}
            details |= {"kind": ProbeKind.CCTV.value, "sources": [SOURCE]}
        case Action.SIGNED_IN:
            details |= {"how": "password", "terminal": False}
        case _:
            details |= {"search": f"{seq:016x}", "rank": 1}
    case = load.ids[number] if number >= 0 else None
    return seq, at, action.value, canonical(details), agencies.ids[agency], case, who.id


def _append(connection: DBAPICursor, workspace: Workspace, frontier: Frontier, batch: Sequence[Entry]) -> None:
    """Insert rows as ``Ledger.record`` and ``LedgerRows.append`` do, but many at once."""
    vault = workspace.keys.vault
    entries, details, nodes = [], [], []
    for seq, at, action, text, agency, case, account in batch:
        salt = os.urandom(SALT_BYTES)
        commitment = commitment_to(salt, text)
        leaf = leaf_hash(leaf_bytes(seq, at, action, commitment))
        entries.append((seq, at.isoformat(), action, commitment, leaf))
        sealed = vault.seal(text.encode(), f"ledger|{seq}")
        details.append((seq, salt, sealed, agency, case, None, account, action))
        nodes += frontier.append(leaf)
    insert = "INSERT INTO {} VALUES ({})"
    columns = "(seq, at, action, commitment, leaf)"
    connection.executemany(insert.format(f"ledger_entries {columns}", "?, ?, ?, ?, ?"), entries)
    columns = "(seq, salt, sealed, agency_id, case_id, host_id, account_id, entry_action)"
    connection.executemany(insert.format(f"ledger_details {columns}", "?, ?, ?, ?, ?, ?, ?, ?"), details)
    connection.executemany(insert.format("ledger_nodes (level, position, hash)", "?, ?, ?"), nodes)


# ---------------------------------------------------------------- searches and papers


def _searches(
    tx: Tx,
    workspace: Workspace,
    batch: Sequence[Searched],
    load: Caseload,
    agencies: Agencies,
    random: np.random.Generator,
) -> None:
    """Store the candidate lists, each with its own probe."""
    for seq, number, at, who in batch:
        wrapped = load.wrapped[number]
        assert wrapped is not None
        key = workspace.keys.unwrap(wrapped, about_case(load.keys[number]))
        probe_id, sha256 = f"{seq:016x}", hashlib.sha256(str(seq).encode()).hexdigest()
        vector = random.standard_normal(128).astype(np.float32)
        face = Face(box=_BOX, landmarks=_POINTS, quality=_QUALITY, template=Template(MODEL, vector))
        probe = Probe(
            id=probe_id,
            case=load.refs[number],
            sha256=sha256,
            media_type="image/jpeg",
            width=640,
            height=480,
            faces=(face,),
            made_at=at,
            digests=(sha256,),
            kind=ProbeKind.CCTV,
        )
        tx.probes.add(probe, load.ids[number], sha256, key)
        length = 20 if number == load.busy else 10
        result = SearchResult(
            search_id=f"{seq:016x}",
            case=load.refs[number],
            reason="to find a name for the person on the photograph",
            made_at=at,
            model=MODEL,
            gallery_faces=1_000_000,
            sources=(SOURCE,),
            mode=Mode.INVESTIGATION,
            threshold=-1.0,
            since=None,
            until=None,
            limit=20,
            probe_id=probe_id,
            probe_sha256=sha256,
            face=1,
            face_box=_BOX,
            quality=_QUALITY,
            candidates=tuple(_candidate(rank, seq) for rank in range(1, length + 1)),
            seconds=0.02,
            ledger_entry=seq,
        )
        tx.searches.add(result, load.ids[number], agency_id=agencies.ids[load.agency[number]], examiner=who)


def _candidate(rank: int, seq: int) -> Candidate:
    face = seq * 20 + rank
    return Candidate(
        rank=rank,
        score=0.7 - rank / 100,
        expected_false=0.01 * rank,
        face_id=FaceId(face),
        capture_id=CaptureId(face),
        source=SOURCE,
        uri=f"https://example.org/pictures/{face}.jpg",
        page_uri=f"https://example.org/pages/{face}.html",
        page_title="What was published there that day",
        captured_at=datetime(2025, 3, 4, 12, tzinfo=UTC),
        sha256=f"{face:064x}",
        phash=face.to_bytes(32, "big"),
        box=_BOX,
        width=640,
        height=480,
    )


def _papers(
    tx: Tx, workspace: Workspace, load: Caseload, agencies: Agencies, begin: datetime, random: np.random.Generator
) -> None:
    """Add three messages to every tenth case, and many to the busy one."""
    for number in range(len(load.keys)):
        wrapped = load.wrapped[number]
        if wrapped is None or (number % 10 != 5 and number != load.busy):
            continue
        key = workspace.keys.unwrap(wrapped, about_case(load.keys[number]))
        people = agencies.people[load.agency[number]]
        for at in range(MESSAGES if number == load.busy else 3):
            author = people[int(random.integers(len(people)))]
            paper = Paper(
                id=os.urandom(8).hex(),
                kind=PaperKind.NOTE if at % 7 == 0 else PaperKind.MESSAGE,
                author=author.name,
                agency_id=author.agency_id,
                agency_name="Police",
                at=begin + timedelta(seconds=float(load.opened[number]), hours=at),
                text="The shop has the recording of that day; the manager sends it on Thursday. " * 3,
            )
            tx.papers.add(load.ids[number], paper, key)


# ---------------------------------------------------------------- created by the services


def _use_services(workspace: Workspace, targets: Targets) -> None:
    """Let everybody join, and add a photograph, searches, files and invitations to the busy case."""
    keys = {}
    for who, person in targets.people.items():
        keys[who] = _join(workspace, person)
    examiner = _desk(workspace, keys["examiner"])
    with resources.as_file(resources.files("lineament") / "demo") as portraits:
        probe = examiner.probes.take(targets.case, (portraits / PROBE).read_bytes(), kind=ProbeKind.CCTV)
    targets.probe = probe.id
    request = SearchRequest(case=targets.case, reason="to find a name", sources=(SOURCE,), mode=Mode.INVESTIGATION)
    targets.search = examiner.search.run(probe.id, request, face=1).search_id
    for stops in (0.5, 1.0, 1.5):
        examiner.probes.edit(probe.id, [Edit(kind=EditKind.EXPOSURE, stops=stops)])
    for number in range(3):
        paper = examiner.room.file(targets.case, f"statement-{number}.pdf", os.urandom(200_000))
        targets.paper = paper.id
    supervisor = _desk(workspace, keys["supervisor"])
    for desk in (examiner, supervisor):
        decide_all(desk, targets.search)
    until = supervisor.clock().date() + timedelta(days=30)
    for number in range(3):
        supervisor.members.invite(targets.case, f"guest-{number}@elsewhere.example", CaseRole.OBSERVER, until)
    with workspace.store.begin() as tx:
        waiting = tx.accounts.add(targets.agency_id, "late@example.org", "Late", {Role.EXAMINER}, workspace.clock())
        targets.invitation = "the link of the bench"
        tx.accounts.invite(waiting.id, digest_of(targets.invitation), workspace.clock() + timedelta(days=7))


def _join(workspace: Workspace, person: Person) -> str:
    """Let a person join and set up an app; return the key of the session."""
    token = os.urandom(8).hex()
    with workspace.store.begin() as tx:
        account = tx.accounts.get(person.account_id)
        assert account.state is AccountState.INVITED
        tx.accounts.invite(account.id, digest_of(token), workspace.clock() + timedelta(days=1))
    sign_in = workspace.sign_in
    session = sign_in.session(sign_in.join(token, account.name, PASSWORD, "the bench").key)
    assert session is not None
    new = sign_in.factors.begin_totp(session)
    person.secret = new.secret
    code = pyotp.TOTP(new.secret).at(workspace.clock())
    return sign_in.factors.enrol_totp(session, new.pending, code, "phone").key


def _desk(workspace: Workspace, key: str) -> Desk:
    session = workspace.sign_in.session(key)
    assert session is not None
    return workspace.desk(session.official)


def save(path: Path, targets: Targets) -> None:
    """Write the targets as JSON."""
    path.write_text(json.dumps(asdict(targets)), encoding="utf-8")


def load(path: Path) -> Targets:
    """Read the targets that ``save`` wrote."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    people = {who: Person(**person) for who, person in fields.pop("people").items()}
    return Targets(people=people, **fields)
