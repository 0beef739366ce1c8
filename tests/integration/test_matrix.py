"""Every route and every command, for every role, on what is one's own, shared, a colleague's, foreign, or not there.

What must come is said by the tables here, not by the code under test:

- no permission: 403, the same bytes whatever is named;
- permission, but the object is not seen: what an id that never existed gets, byte for byte, headers too;
- seen, but not for that in this case: 403;
- else: anything but 401, 403 and 404.

A refusal changes nothing: the ledger has as many entries as before. Operators belong to the agency that runs the
workspace, so there is one, and not one in each agency.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.serving import PROBE
from tests.sight import BY_ROLE, KINDS, NO_THINGS, NOT_THERE, PEOPLE, Named, cases, nothing
from tests.world import SOURCE, Pages, Person, World

from lineament.model.accounts import HOME_AGENCY, Permission
from lineament.model.policy import AGENCY, SETTINGS
from lineament.web.app import Declared, declared

pytestmark = pytest.mark.enable_socket
ROUTES = declared()

# ---------------------------------------------------------------- what is sent

Before = Callable[[World, dict[str, str]], None]


@dataclass(frozen=True, slots=True)
class Sending:
    """The form of a route; in its values ``{…}`` stands for what is named."""

    fields: dict[str, str] = field(default_factory=dict)
    file: tuple[str, bytes] | None = None
    about: Callable[[World, Person], Iterator[Named]] | None = None  # where the form names it, not the address
    ids: dict[str, str] = field(default_factory=dict)  # where a part of the address has another meaning
    before: Before | None = None
    proof: bool = False  # a page of one's own that says 403 where what was shown is wrong


def awaiting(world: World, ids: dict[str, str]) -> None:
    """No authorisation came yet."""
    with sqlite3.connect(world.home / "lineament.db") as database:
        database.execute("UPDATE cases SET authorisation = NULL, authorised_until = NULL WHERE key = ?", (ids["ref"],))
    database.close()


def held(world: World, ids: dict[str, str]) -> None:
    with sqlite3.connect(world.home / "lineament.db") as database:
        database.execute("UPDATE cases SET hold_because = 'an order' WHERE key = ?", (ids["ref"],))
    database.close()


def all_stopped(world: World, ids: dict[str, str]) -> None:
    world.desk("home operator").stops.stop_everything("a defect")


def both_stopped(world: World, ids: dict[str, str]) -> None:
    for name in ("A supervisor", "B supervisor", "home administrator"):
        world.desk(name).stops.stop_agency("an inquiry")


def that_stopped(world: World, ids: dict[str, str]) -> None:
    if ids["agency_id"] != NOT_THERE:
        world.desk("home operator").stops.stop_agency("an inquiry", ids["agency_id"])


REGION = {"x": "0", "y": "0", "width": "200", "height": "220"}
TERMS = {"ref": "N-1", "offence": "x", "purpose": "x", "basis": "x", "seeks": "suspect"}
NUMBERS = {
    one.name: str(getattr(AGENCY, one.name)) for one in SETTINGS if not isinstance(getattr(AGENCY, one.name), bool)
}
LATER = "{later}"
SENT = {
    "/cases": Sending(TERMS),
    "/cases/{ref}/close": Sending(),
    "/cases/{ref}/urgent": Sending({"because": "he is in danger"}, before=awaiting),
    "/cases/{ref}/ruling": Sending(
        {"outcome": "granted", "authority": "court", "scope": "all", "decided-at": "2026-01-02T10:00", "until": LATER}
    ),
    "/cases/{ref}/hold": Sending({"because": "an order"}),
    "/cases/{ref}/release": Sending(before=held),
    "/cases/{ref}/members": Sending({"account": "{colleague}", "role": "reviewer", "until": LATER}),
    "/cases/{ref}/members/{account_id}/remove": Sending(ids={"account_id": "member"}),
    "/cases/{ref}/invitations": Sending({"email": "new@nowhere.example", "role": "observer", "until": LATER}),
    "/cases/{ref}/invitations/{invitation_id}/withdraw": Sending(ids={"invitation_id": "invitation"}),
    "/invitations/{invitation_id}/take": Sending(),
    "/cases/{ref}/messages": Sending({"text": "seen at the harbour", "to": ""}),
    "/cases/{ref}/files": Sending(file=("file", b"a file")),
    "/sources/{name}/{event}": Sending(ids={"event": "=suspend"}),
    "/search": Sending({"case": "{ref}", "kind": "cctv"}, file=("photograph", PROBE.read_bytes()), about=cases),
    "/probes/{probe_id}/turn": Sending({"degrees": "90"}),
    "/probes/{probe_id}/crop": Sending(REGION),
    "/probes/{probe_id}/expose": Sending({"stops": "0.5"}),
    "/probes/{probe_id}/replay": Sending(),
    "/probes/{probe_id}/approve": Sending(),
    "/probes/{probe_id}/undo": Sending(),
    "/probes/{probe_id}/draw": Sending(REGION),
    "/probes/{probe_id}/search": Sending(
        {"face": "1", "reason": "why", "source": SOURCE, "mode": "identification", "limit": "20"}
    ),
    "/searches/{search_id}/candidates/{rank}/original": Sending(),
    "/ledger/check": Sending(),
    "/second-factor": Sending({"code": "000000"}, proof=True),
    "/step-up": Sending({"code": "000000"}, proof=True),
    "/locked": Sending({"code": "000000"}, proof=True),
    "/sign-out": Sending(),
    "/account/password": Sending({"old": "wrong", "new": "seven quiet harbours", "again": "seven quiet harbours"}),
    "/account/passkey": Sending({"passkey": "{{}}"}, proof=True),
    "/account/app": Sending({"pending": "00", "code": "000000"}, proof=True),
    "/account/recovery": Sending(),
    "/account/factors/{factor_id}/remove": Sending(),
    "/account/sessions/others/end": Sending(),
    "/account/sessions/{session_id}/end": Sending(),
    "/people": Sending({"email": "new@a.example", "name": "New", "role": "examiner"}),
    "/people/{account_id}/roles": Sending({"role": "reviewer"}),
    "/people/{account_id}/training": Sending({"until": LATER}),
    "/people/{account_id}/reset": Sending(),
    "/people/{account_id}/{event}": Sending(ids={"event": "=unlock"}),
    "/policy": Sending(NUMBERS),
    "/stop/everything": Sending({"reason": "a defect"}),
    "/stop/everything/resume": Sending(before=all_stopped),
    "/stop/agency": Sending({"reason": "an inquiry"}),
    "/stop/agency/resume": Sending(before=both_stopped),
    "/agencies": Sending({"name": "Police of D", "jurisdiction": "FR"}),
    "/agencies/{agency_id}/rename": Sending({"name": "Ministry", "jurisdiction": "CH"}),
    "/agencies/{agency_id}/vet": Sending(
        {"outcome": "open", "legal-restrictions": "x", "human-rights-record": "x", "renew-on": LATER}
    ),
    "/agencies/{agency_id}/license": Sending(
        {"kind": "full", "first-day": LATER, "last-day": LATER, "seats": "5", "searches-a-month": "5"}
    ),
    "/agencies/{agency_id}/invite": Sending({"email": "chief@c.example", "name": "Chief"}),
    "/agencies/{agency_id}/policy": Sending(NUMBERS),
    "/agencies/{agency_id}/stop": Sending({"reason": "an inquiry"}),
    "/agencies/{agency_id}/resume": Sending(before=that_stopped),
}
READ = {"/search": Sending(about=None), "/cases/{ref}/files/{paper_id}": Sending()}
FOR_THE_HOST = {"/cases/{ref}/close", "/cases/{ref}/urgent"}  # whatever role a guest has in it
EVERY_HOME = {"/agencies/{agency_id}/rename"}  # of the agency that runs the workspace alone


def test_every_form_is_one_of_a_route() -> None:
    posted = {route.path for route in ROUTES if route.method == "POST" and route.access is not Permission.PUBLIC}
    assert set(SENT) == posted


# ---------------------------------------------------------------- asking


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser is told, with the names taken out."""

    status: int
    body: bytes
    headers: dict[str, str]


def sending(route: Declared) -> Sending:
    return SENT[route.path] if route.method == "POST" else READ.get(route.path, Sending())


def named(route: Declared, world: World, who: Person) -> list[Named]:
    """What the request may name; KeyError for a route whose address has a part that is not known here."""
    sent = sending(route)
    if sent.about is not None:
        return list(sent.about(world, who))
    parts = [part for part in re.findall(r"{(\w+)}", route.path) if part not in sent.ids]
    about = {KINDS[part] for part in parts} or {nothing}
    (kind,) = about
    found = list(kind(world, who))
    if route.path in EVERY_HOME:
        found = [replace(one, ids={"agency_id": HOME_AGENCY}) if one.level == "any" else one for one in found]
    return found


def asked(pages: Pages, who: Person, route: Declared, what: Named) -> Answer:
    world, sent = pages.world, sending(route)
    letter = what.level if what.level in "AB" else who.name[0]
    colleague = world.people.get(f"{letter} colleague", world.people["A colleague"]).account.email
    later = str((world.at + timedelta(days=9)).date())
    given = {**what.ids, "colleague": colleague, "later": later}
    given |= {part: is_[1:] if is_[0] == "=" else given[is_] for part, is_ in sent.ids.items()}
    more: dict[str, Any] = {}
    if sent.file is not None:
        more["files"] = {sent.file[0]: ("a.jpg", sent.file[1])}
    data = {name: value.format(**given) for name, value in sent.fields.items()}
    return masked(pages.ask(who, route.method, route.path.format(**given), data or None, **more), given)


def masked(answer: httpx.Response, ids: dict[str, str]) -> Answer:
    """Without what was named, which is as long as any other, and without the tokens of forms."""
    body = re.sub(rb'name="csrf" value="[^"]*"', b"", answer.content)
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    for value in ids.values():
        if len(value) > 3:
            body = body.replace(value.encode(), b"...")
            headers = {name: text.replace(value, "...") for name, text in headers.items()}
    return Answer(answer.status_code, body, headers)


def size(world: World) -> int:
    return world.workspace.audit.size()


@pytest.fixture(scope="module")
def pages(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with world.copied(tmp_path_factory.mktemp("matrix")).open() as here, here.pages() as opened:
        yield opened


PRIVATE = [route for route in ROUTES if route.access is not Permission.PUBLIC]


@pytest.mark.parametrize("route", PRIVATE, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_for_every_role(pages: Pages, route: Declared) -> None:
    wrong = []
    for name in PEOPLE:
        wrong += [f"{name}, {said}" for said in _of(pages, pages.world.people[name], route)]
    assert wrong == []


def _of(pages: Pages, who: Person, route: Declared) -> Iterator[str]:
    """What is wrong with the answers that somebody gets on a route."""
    world, permitted = pages.world, route.access.value in BY_ROLE[who.role]
    prepare = sending(route).before
    answers: dict[str, Answer] = {}
    listed = named(route, world, who)
    for what in listed:
        if prepare is not None and permitted and what.ids != NO_THINGS:
            prepare(world, what.ids)
        before = size(world)
        answer = answers[what.level] = asked(pages, who, route, what)
        allowed = permitted and what.seen and (what.may is None or route.access.value in what.may)
        allowed &= not (route.path in FOR_THE_HOST and what.level == "shared" and "guest" in who.name)
        if allowed:
            fine = answer.status not in {401, 403, 404} or (sending(route).proof and b"roles do not" not in answer.body)
        else:
            expected = 403 if not permitted or what.seen else 404
            fine = answer.status == expected and size(world) == before
        if not fine:
            yield f"{what.level}: {answer.status}, {size(world) - before} entries"
        if prepare is not None or (route.method == "POST" and allowed):
            world.restore()
    alike = [answers[one.level] for one in listed if not permitted or not one.seen]
    if any(answer != alike[0] for answer in alike):
        yield "not the same for " + ", ".join(one.level for one in listed if not permitted or not one.seen)
