"""A valid form for each route, with its targets and its preparation. A new route needs its line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx
import sqlalchemy as sa
from tests.support.reviewing import store_leads
from tests.support.samples import evidence_of
from tests.support.targets import (
    BY_ROLE,
    KINDS,
    NOT_THERE,
    PEOPLE,
    Target,
    Targets,
    accounts,
    cases,
    colleague_of,
    drops,
    entries,
    nothing,
    runs,
    sources,
    unsearched,
)
from tests.support.two_agencies import Pages, Participant, TwoAgencies
from tests.support.world import PROBE, SOURCE

from lineament.model.accounts import HOME_AGENCY, Permission, Role
from lineament.model.api_keys import ApiKey
from lineament.model.policy import AGENCY, SETTINGS
from lineament.model.review import Feature, field_of
from lineament.model.watches import HookSecrets, ProbeWatch, WatchTerms, WebHook
from lineament.services.watches.sending import new_secret
from lineament.store import people_tables, search_tables, source_tables, tables, watch_tables
from lineament.web.pages import PageRoute

# ---------------------------------------------------------------- forms

Prepare = Callable[[TwoAgencies, dict[str, str]], None]


@dataclass(frozen=True, slots=True)
class RouteForm:
    """A valid form of a route; in its values ``{…}`` stands for an id of the target."""

    fields: dict[str, str] = field(default_factory=dict)
    file: tuple[str, bytes] | None = None
    targets: Targets | None = None  # if the form names them, not the address
    ids: dict[str, str] = field(default_factory=dict)  # another name of a part, or = and a constant
    prepare: Prepare | None = None
    proof: bool = False  # its page says 403 if what was entered is wrong


def change_rows(world: TwoAgencies, change: sa.Update) -> None:
    """Change rows as the store would, whatever rule forbids it."""
    with world.workspace.store.begin() as tx:
        tx.connection.execute(change)


def age_sessions(world: TwoAgencies, person: Participant, moment: str, **by: float) -> None:
    """Set a moment of somebody's sessions so long before the clock of the workspace; ``by`` is as for timedelta."""
    own = people_tables.sessions.c.account_id == person.account.id
    change_rows(world, sa.update(people_tables.sessions).where(own).values({moment: world.clock() - timedelta(**by)}))


def withdraw_authorisation(world: TwoAgencies, ids: dict[str, str]) -> None:
    """Take the authorisation of a case away."""
    change_rows(
        world,
        sa.update(tables.cases)
        .where(tables.cases.c.key == ids["ref"])
        .values(authorisation=None, authorised_until=None),
    )


def decide_lead(world: TwoAgencies, ids: dict[str, str]) -> None:
    """Let two people have decided that every candidate of a search is a lead, with evidence for each."""
    store_leads(world.workspace, ids["search_id"], world.clock(), evidence=True)


def put_on_hold(world: TwoAgencies, ids: dict[str, str]) -> None:
    change_rows(world, sa.update(tables.cases).where(tables.cases.c.key == ids["ref"]).values(hold_because="an order"))


def free_probe(world: TwoAgencies, ids: dict[str, str]) -> None:
    """Let the searches of a photograph name another one, as if none had used it."""
    probes, searches = search_tables.probes, search_tables.searches
    with world.workspace.store.begin() as tx:
        row = tx.connection.execute(sa.select(probes).where(probes.c.id == ids["probe_id"])).mappings().one_or_none()
        if row is not None:
            other = {"id": "feed" * 4, "sha256": "0" * 64}
            tx.connection.execute(sa.insert(probes).values({**row, **other}))
            used = sa.update(searches).where(searches.c.probe_id == ids["probe_id"])
            tx.connection.execute(used.values(probe_id=other["id"]))


def list_hosts(world: TwoAgencies, ids: dict[str, str]) -> None:
    hosts, contact = '["archive.example", "press.example", "*.news.example"]', "who@press.example"
    change_rows(
        world,
        sa.update(tables.sources).where(tables.sources.c.name == ids["name"]).values(hosts=hosts, contact=contact),
    )


def draft_again(world: TwoAgencies, ids: dict[str, str]) -> None:
    """Let a source be a draft of somebody else."""
    drafted = {"state": "drafted", "drafted_by": world.people["home administrator"].account.id}
    change_rows(world, sa.update(tables.sources).where(tables.sources.c.name == ids["name"]).values(drafted))


def cut_off(world: TwoAgencies, ids: dict[str, str]) -> None:
    """Let a run look as if it was cut off an hour ago."""
    cut = {"ended_at": None, "seen_at": world.clock.at - timedelta(hours=1)}
    change_rows(world, sa.update(source_tables.runs).where(source_tables.runs.c.id == int(ids["run_id"])).values(cut))


def stop_everything(world: TwoAgencies, ids: dict[str, str]) -> None:
    world.desk_of("home operator").stops.stop_everything("a defect")


def stop_every_agency(world: TwoAgencies, ids: dict[str, str]) -> None:
    for name in ("A supervisor", "B supervisor", "home administrator"):
        world.desk_of(name).stops.stop_agency("an inquiry")


def stop_named_agency(world: TwoAgencies, ids: dict[str, str]) -> None:
    if ids["agency_id"] != NOT_THERE:
        world.desk_of("home operator").stops.stop_agency("an inquiry", ids["agency_id"])


def propose_threshold(world: TwoAgencies, ids: dict[str, str], *, by: str = "") -> None:
    """Propose a change of the threshold, as another operator than the one who is asked about."""
    account = world.people[by].account if by else world.join(HOME_AGENCY, Role.OPERATOR, name="Otto Operator")
    proposals = world.fresh_desk(account).proposals
    proposals.propose_threshold(0.5, "people are missed", evidence_of(world.workspace.pack.model, 0.1, 0.5))


def propose_own_threshold(world: TwoAgencies, ids: dict[str, str]) -> None:
    propose_threshold(world, ids, by="home operator")


def begin_held_watch(world: TwoAgencies, ids: dict[str, str]) -> None:
    """Put a face on watch as ``begin_watch``, by a program whose key was revoked then."""
    key = ApiKey(
        id="0123456789abcdef",
        agency_id=HOME_AGENCY,
        account_id=None,
        made_by="somebody",
        name="a program",
        rights=frozenset({Permission.SEARCH}),
        case_id=None,
        reason="missing",
        sources=(),
        per_minute=1,
        made_at=world.clock(),
        ends_at=world.clock() + timedelta(days=1),
    )
    with world.setting_up() as tx:
        tx.api_keys.add(key, bytes(32))
        tx.api_keys.revoke(key, world.clock())
    begin_watch(world, ids, key.id)


def begin_watch(world: TwoAgencies, ids: dict[str, str], key_id: str | None = None) -> None:
    """Put the first face of a case's photograph on watch; the watch has the id of the photograph."""
    with world.workspace.store.begin() as tx:
        case = tx.cases.by_key(ids["ref"])
        watch = ProbeWatch(
            id=ids["probe_id"],
            case_id=case.id,
            case=case.ref,
            case_key=case.key,
            agency_id=case.agency_id,
            account_id=None,
            begun_by="somebody",
            begun_at=world.clock(),
            probe_id=ids["probe_id"],
            face=1,
            terms=WatchTerms(reason="missing", ends_on=world.today),
            key_id=key_id,
        )
        tx.watches.add(watch)


def find_watched(world: TwoAgencies, ids: dict[str, str]) -> None:
    """Let a search of a case be what its watch found; the finding has the id of the search."""
    begin_watch(world, ids)
    finding = {"id": ids["search_id"], "watch_id": ids["probe_id"], "search_id": ids["search_id"]}
    with world.workspace.store.begin() as tx:
        tx.connection.execute(sa.insert(watch_tables.watch_findings), finding | {"at": world.clock(), "listed": 1})


def add_web_hook(world: TwoAgencies, ids: dict[str, str]) -> None:
    """Add a web hook of the agency of an account, with the id of the account."""
    with world.workspace.store.begin() as tx:
        agency = next((p.account.agency_id for p in world.people.values() if p.account.id == ids["account_id"]), None)
        if agency is not None:
            url, at = "https://hooks.agency.example/", world.clock()
            hook = WebHook(id=ids["account_id"], agency_id=agency, url=url, added_by="somebody", added_at=at)
            tx.notices.add_hook(hook, HookSecrets(current=new_secret()))


REGION = {"x": "0", "y": "0", "width": "200", "height": "220"}
TERMS = {"ref": "N-1", "offence": "x", "purpose": "x", "basis": "x", "seeks": "suspect"}
NUMBERS = {
    setting.name: str(getattr(AGENCY, setting.name))
    for setting in SETTINGS
    if not isinstance(getattr(AGENCY, setting.name), bool)
}
DECISION = {field_of(feature): "different" for feature in Feature} | {"outcome": "excluded", "grounds": "the ears"}
LATER = "{later}"
ROUTE_FORMS = {
    "/cases": RouteForm(TERMS),
    "/cases/words": RouteForm({"offence": "rape", "purpose": "x", "basis": "x"}),
    "/cases/{ref}/blur": RouteForm({"distressing": "yes"}),
    "/cases/{ref}/close": RouteForm(),
    "/cases/{ref}/urgent": RouteForm({"because": "he is in danger"}, prepare=withdraw_authorisation),
    "/cases/{ref}/ruling": RouteForm(
        {"outcome": "granted", "authority": "court", "scope": "all", "decided-at": "2026-01-02T10:00", "until": LATER}
    ),
    "/cases/{ref}/allow": RouteForm({"words": "asylum", "because": "she is missing"}),
    "/cases/{ref}/hold": RouteForm({"because": "an order"}),
    "/cases/{ref}/release": RouteForm(prepare=put_on_hold),
    "/cases/{ref}/members": RouteForm({"account": "{colleague}", "role": "reviewer", "until": LATER}),
    "/cases/{ref}/members/{account_id}/remove": RouteForm(ids={"account_id": "member"}),
    "/cases/{ref}/invitations": RouteForm({"email": "new@nowhere.example", "role": "observer", "until": LATER}),
    "/cases/{ref}/invitations/{invitation_id}/withdraw": RouteForm(ids={"invitation_id": "invitation"}),
    "/invitations/{invitation_id}/take": RouteForm(),
    "/cases/{ref}/disclosure": RouteForm({"sharp": "yes", "regions": "yes"}),
    "/cases/{ref}/disclosure/vics": RouteForm({"version": "1.3"}),
    "/cases/{ref}/disclosure/itl": RouteForm({"search": "{search_id}", "to": "DEBKA0000", "sender": "FRPOL0001"}),
    "/cases/{ref}/messages": RouteForm({"text": "seen at the harbour", "to": ""}),
    "/cases/{ref}/files": RouteForm(file=("file", b"a file")),
    "/sources/{name}/receipt": RouteForm(),
    "/sources/{name}/take-in": RouteForm(),
    "/sources/{name}/take-in/{drop_id}/list": RouteForm({"last": "yes"}, file=("list", b'[["a.jpg", 5, 0]]')),
    "/sources/{name}/take-in/{drop_id}/parts": RouteForm({"parts": "[]"}),
    "/sources/{name}/take-in/{drop_id}/stop": RouteForm(),
    "/sources/{name}/crawl": RouteForm({"host": "press.example", "path": "/photos/"}, prepare=list_hosts),
    "/sources/{name}/runs/{run_id}/go-on": RouteForm(prepare=cut_off),
    "/jobs/{job_id}/stop": RouteForm(),
    "/sources/{name}/look-again": RouteForm(),
    "/register-source": RouteForm({"name": "archive", "controller": "x", "basis": "x", "jurisdiction": "FR"}),
    "/sources/{name}/approve": RouteForm(prepare=draft_again),
    "/sources/{name}/decline": RouteForm({"reason": "the law does not cover it"}, prepare=draft_again),
    "/sources/{name}/withdraw": RouteForm({"reason": "asked", "confirm": "{name}"}),
    "/sources/{name}/erase": RouteForm({"of": "face", "number": "1", "reason": "asked", "confirm": "{name}"}),
    "/sources/{name}/blur": RouteForm({"distressing": "yes"}),
    "/sources/{name}/{event}": RouteForm(ids={"event": "=suspend"}),
    "/search": RouteForm({"case": "{ref}", "kind": "cctv"}, file=("photograph", PROBE.read_bytes()), targets=cases),
    "/batches": RouteForm({"case": "{ref}", "kind": "cctv"}, file=("photograph", PROBE.read_bytes()), targets=cases),
    "/batches/{batch_id}/photographs": RouteForm(file=("photograph", PROBE.read_bytes())),
    "/batches/{batch_id}/search": RouteForm(
        {"reason": "why", "source": SOURCE, "mode": "identification", "limit": "20"}
    ),
    "/probes/{probe_id}/page": RouteForm({"part": "1"}),
    "/probes/{probe_id}/turn": RouteForm({"degrees": "90"}),
    "/probes/{probe_id}/crop": RouteForm(REGION),
    "/probes/{probe_id}/expose": RouteForm({"stops": "0.5"}),
    "/probes/{probe_id}/replay": RouteForm(),
    "/probes/{probe_id}/approve": RouteForm(),
    "/probes/{probe_id}/remove": RouteForm(prepare=free_probe),
    "/probes/{probe_id}/undo": RouteForm(),
    "/probes/{probe_id}/draw": RouteForm(REGION),
    "/sources/{name}/pictures/{capture_id}/add-face": RouteForm(REGION),
    "/probes/{probe_id}/search": RouteForm(
        {"face": "1", "reason": "why", "source": SOURCE, "mode": "identification", "limit": "20"}
    ),
    "/probes/{probe_id}/watch": RouteForm({"face": "1", "reason": "missing", "until": LATER, "source": SOURCE}),
    "/cases/{ref}/watches/{watch_id}/go-on": RouteForm(ids={"watch_id": "probe_id"}, prepare=begin_held_watch),
    "/cases/{ref}/watches/{watch_id}/end": RouteForm(ids={"watch_id": "probe_id"}, prepare=begin_watch),
    "/cases/{ref}/findings/{finding_id}/open": RouteForm(ids={"finding_id": "search_id"}, prepare=find_watched),
    "/account/keys/new": RouteForm({"name": "x", "right": "read sources", "days": "30", "per_minute": "60"}),
    "/account/keys/{key_id}/revoke": RouteForm(),
    "/keys/{key_id}/revoke": RouteForm(),
    "/web-hooks": RouteForm({"url": "https://hooks.agency.example/lineament"}),
    "/web-hooks/{hook_id}/test": RouteForm(targets=accounts, ids={"hook_id": "account_id"}, prepare=add_web_hook),
    "/web-hooks/{hook_id}/rotate": RouteForm(targets=accounts, ids={"hook_id": "account_id"}, prepare=add_web_hook),
    "/web-hooks/{hook_id}/remove": RouteForm(targets=accounts, ids={"hook_id": "account_id"}, prepare=add_web_hook),
    "/searches/{search_id}/candidates/{picture}/probe": RouteForm(prepare=decide_lead),
    "/searches/{search_id}/candidates/{picture}/original": RouteForm(),
    "/searches/{search_id}/candidates/{picture}/page": RouteForm(),
    "/searches/{search_id}/candidates/{picture}/decision": RouteForm(DECISION),
    "/searches/{search_id}/candidates/{picture}/notes": RouteForm({"text": "the ear is covered"}),
    "/searches/{search_id}/candidates/{picture}/evidence": RouteForm(
        {"kind": "document", "text": "a hotel bill", "reference": "K-1/17", "independent": "yes"}, prepare=decide_lead
    ),
    "/searches/{search_id}/candidates/{picture}/lead-report": RouteForm({"as": "page"}, prepare=decide_lead),
    "/searches/{search_id}/known-pairs": RouteForm({"truth": "{picture}=same"}),
    "/cases/{ref}/defence-notices": RouteForm(
        {"given_to": "the public defender", "given_on": "2026-01-05", "way": "by letter", "text": "the report"}
    ),
    "/searches/{search_id}/ask": RouteForm({"of": "{asked}"}),
    "/searches/{search_id}/report": RouteForm({"as": "page"}, prepare=decide_lead),
    "/searches/{search_id}/new": RouteForm({"reason": "is he somewhere else by now?"}),
    "/ledger/check": RouteForm(),
    "/ledger/entry": RouteForm({"entry": "{entry}"}, targets=entries),
    "/ledger/proof": RouteForm({"entry": "{entry}"}, targets=entries),
    "/ledger/consistency": RouteForm({"checkpoint": "none"}),
    "/second-factor": RouteForm({"code": "000000"}, proof=True),
    "/step-up": RouteForm({"code": "000000"}, proof=True),
    "/locked": RouteForm({"code": "000000"}, proof=True),
    "/sign-out": RouteForm(),
    "/account/password": RouteForm(
        {"old": "wrong", "password": "seven quiet harbours", "again": "seven quiet harbours"}, proof=True
    ),
    "/account/passkey": RouteForm({"passkey": "{{}}"}, proof=True),
    "/account/app": RouteForm({"pending": "00", "code": "000000"}, proof=True),
    "/account/recovery": RouteForm(),
    "/account/factors/{factor_id}/remove": RouteForm(proof=True),
    "/account/sessions/others/end": RouteForm(),
    "/account/sessions/{session_id}/end": RouteForm(),
    "/people": RouteForm({"email": "new@a.example", "name": "New", "role": "examiner"}),
    "/people/{account_id}/roles": RouteForm({"role": "reviewer"}),
    "/people/{account_id}/training": RouteForm({"until": LATER}),
    "/people/{account_id}/reset": RouteForm(),
    "/people/{account_id}/{event}": RouteForm(ids={"event": "=unlock"}),
    "/policy": RouteForm(NUMBERS),
    "/stop/everything": RouteForm({"reason": "a defect"}),
    "/stop/everything/resume": RouteForm(prepare=stop_everything),
    "/stop/agency": RouteForm({"reason": "an inquiry"}),
    "/stop/agency/resume": RouteForm(prepare=stop_every_agency),
    "/threshold/{number}/approve": RouteForm({"reason": "seen", "change": "{number}"}, prepare=propose_threshold),
    "/threshold/{number}/decline": RouteForm({"reason": "not now", "change": "{number}"}, prepare=propose_threshold),
    "/threshold/{number}/withdraw": RouteForm(prepare=propose_own_threshold),
    "/misuse/findings/{finding_id}/answer": RouteForm({"answer": "explained", "reason": "a big case"}),
    "/misuse/faces": RouteForm(
        {"name": "Eva", "kind": "colleague", "reason": "she agreed"}, file=("photograph", PROBE.read_bytes())
    ),
    "/publication/workspace": RouteForm({"publish": "yes", "reason": "the council asked"}),
    "/publication/agency": RouteForm({"publish": "yes", "reason": "the council asked"}),
    "/misuse/faces/{guarded_id}/remove": RouteForm({"reason": "she left"}),
    "/agencies": RouteForm({"name": "Police of D", "jurisdiction": "FR"}),
    "/agencies/{agency_id}/rename": RouteForm({"name": "Ministry", "jurisdiction": "CH"}),
    "/agencies/{agency_id}/vet": RouteForm(
        {"outcome": "open", "legal-restrictions": "x", "human-rights-record": "x", "renew-on": LATER}
    ),
    "/agencies/{agency_id}/license": RouteForm(
        {"kind": "full", "first-day": LATER, "last-day": LATER, "seats": "5", "searches-a-month": "5"}
    ),
    "/agencies/{agency_id}/invite": RouteForm({"email": "chief@c.example", "name": "Chief"}),
    "/agencies/{agency_id}/policy": RouteForm(NUMBERS),
    "/agencies/{agency_id}/stop": RouteForm({"reason": "an inquiry"}),
    "/agencies/{agency_id}/resume": RouteForm(prepare=stop_named_agency),
}
ONLY_HOME = {"/agencies/{agency_id}/rename"}  # only the agency that runs the workspace is renamed


# ---------------------------------------------------------------- requests


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer without the names of the request."""

    status: int
    body: bytes
    headers: dict[str, str]


def form_of_route(route: PageRoute) -> RouteForm:
    return ROUTE_FORMS[route.path] if route.method == "POST" else RouteForm()


def targets(route: PageRoute, world: TwoAgencies, person: Participant) -> list[Target]:
    """Return what a request may name; KeyError if a part of the route's address is not known here."""
    form = form_of_route(route)
    if form.targets is not None:
        return list(form.targets(world, person))
    parts = [part for part in re.findall(r"{(\w+)}", route.path) if part not in form.ids]
    kinds = {KINDS[part] for part in parts} or {nothing}
    if kinds & {runs, unsearched, drops}:  # named within its source
        kinds.remove(sources)
    (kind,) = kinds
    found = list(kind(world, person))
    if route.path in ONLY_HOME:
        found = [replace(t, ids={"agency_id": HOME_AGENCY}) if t.level == "any" else t for t in found]
    return found


@dataclass(frozen=True, slots=True)
class ValidRequest:
    """A request with a valid form."""

    address: str
    data: dict[str, str]
    files: dict[str, tuple[str, bytes]] | None
    names: dict[str, str]


def build_request(world: TwoAgencies, person: Participant, route: PageRoute, target: Target) -> ValidRequest:
    form = form_of_route(route)
    colleague = world.people.get(f"{person.name[0]} colleague", world.people["A colleague"]).account.email
    later = str(world.today + timedelta(days=9))
    names = {**target.ids, "colleague": colleague, "later": later}
    names["asked"] = colleague_of(person, target.ids)
    names |= {part: name[1:] if name[0] == "=" else names[name] for part, name in form.ids.items()}
    files = None if form.file is None else {form.file[0]: ("a.jpg", form.file[1])}
    data = {name: value.format(**names) for name, value in form.fields.items()}
    return ValidRequest(route.path.format(**names), data, files, names)


def valid_request(world: TwoAgencies, route: PageRoute) -> tuple[Participant, ValidRequest]:
    """Return somebody who may use a route, and a request that is valid."""
    access = route.access.value
    for person in (world.people[name] for name in PEOPLE):
        if access not in BY_ROLE[person.role]:
            continue
        for target in targets(route, world, person):
            if target.allows(access):
                return person, build_request(world, person, route, target)
    for person in (world.people[name] for name in PEOPLE):
        if access in BY_ROLE[person.role]:  # the world has nothing of the kind: ask for what is not there
            return person, build_request(world, person, route, targets(route, world, person)[0])
    raise AssertionError(route)


def prepare(world: TwoAgencies, route: PageRoute, request: ValidRequest) -> None:
    """Bring the workspace into the state that the form of a route needs."""
    form = form_of_route(route)
    if form.prepare is not None:
        form.prepare(world, request.names)


def send_request(pages: Pages, person: Participant, route: PageRoute, target: Target) -> Answer:
    request = build_request(pages.world, person, route, target)
    response = pages.ask(person, route.method, request.address, request.data or None, files=request.files)
    return masked(response, request.names)


def masked(answer: httpx.Response, ids: dict[str, str]) -> Answer:
    """Return an answer without the ids of the request, which are all of one length, and without tokens of forms."""
    body = re.sub(rb'name="csrf" value="[^"]*"', b"", answer.content)
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    for value in ids.values():
        if len(value) > 3:
            body = body.replace(value.encode(), b"...")
            headers = {name: text.replace(value, "...") for name, text in headers.items()}
    return Answer(answer.status_code, body, headers)
