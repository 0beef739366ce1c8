"""What is sent to each route: a form that is right, what it names, what comes before. A new route needs its line."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
from tests.support.serving import PROBE
from tests.support.sight import BY_ROLE, KINDS, NOT_THERE, PEOPLE, Named, cases, nothing, runs, sources
from tests.support.world import SOURCE, Pages, Person, World

from lineament.model.accounts import HOME_AGENCY
from lineament.model.policy import AGENCY, SETTINGS
from lineament.web.pages import PageRoute

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


def crawlable(world: World, ids: dict[str, str]) -> None:
    hosts, contact = '["press.example", "*.news.example"]', "who@press.example"
    with sqlite3.connect(world.home / "lineament.db") as database:
        database.execute("UPDATE sources SET hosts = ?, contact = ? WHERE name = ?", (hosts, contact, ids["name"]))
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
    "/sources/{name}/receipt": Sending(),
    "/sources/{name}/crawl": Sending({"host": "press.example"}, before=crawlable),
    "/jobs/{job_id}/stop": Sending(),
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
    "/searches/{search_id}/candidates/{rank}/page": Sending(),
    "/ledger/check": Sending(),
    "/second-factor": Sending({"code": "000000"}, proof=True),
    "/step-up": Sending({"code": "000000"}, proof=True),
    "/locked": Sending({"code": "000000"}, proof=True),
    "/sign-out": Sending(),
    "/account/password": Sending(
        {"old": "wrong", "password": "seven quiet harbours", "again": "seven quiet harbours"}, proof=True
    ),
    "/account/passkey": Sending({"passkey": "{{}}"}, proof=True),
    "/account/app": Sending({"pending": "00", "code": "000000"}, proof=True),
    "/account/recovery": Sending(),
    "/account/factors/{factor_id}/remove": Sending(proof=True),
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
EVERY_HOME = {"/agencies/{agency_id}/rename"}  # of the agency that runs the workspace alone


# ---------------------------------------------------------------- asking


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser is told, with the names taken out."""

    status: int
    body: bytes
    headers: dict[str, str]


def sending(route: PageRoute) -> Sending:
    return SENT[route.path] if route.method == "POST" else Sending()


def named(route: PageRoute, world: World, who: Person) -> list[Named]:
    """What the request may name; KeyError for a route whose address has a part that is not known here."""
    sent = sending(route)
    if sent.about is not None:
        return list(sent.about(world, who))
    parts = [part for part in re.findall(r"{(\w+)}", route.path) if part not in sent.ids]
    about = {KINDS[part] for part in parts} or {nothing}
    if runs in about:  # named within its source
        about.remove(sources)
    (kind,) = about
    found = list(kind(world, who))
    if route.path in EVERY_HOME:
        found = [replace(one, ids={"agency_id": HOME_AGENCY}) if one.level == "any" else one for one in found]
    return found


@dataclass(frozen=True, slots=True)
class Asking:
    """A request that is right."""

    address: str
    data: dict[str, str]
    more: dict[str, Any]  # its file
    names: dict[str, str]


def asking(world: World, who: Person, route: PageRoute, what: Named) -> Asking:
    sent = sending(route)
    letter = what.level if what.level in "AB" else who.name[0]
    colleague = world.people.get(f"{letter} colleague", world.people["A colleague"]).account.email
    later = str((world.at + timedelta(days=9)).date())
    given = {**what.ids, "colleague": colleague, "later": later}
    given |= {part: is_[1:] if is_[0] == "=" else given[is_] for part, is_ in sent.ids.items()}
    more: dict[str, Any] = {}
    if sent.file is not None:
        more["files"] = {sent.file[0]: ("a.jpg", sent.file[1])}
    data = {name: value.format(**given) for name, value in sent.fields.items()}
    return Asking(route.path.format(**given), data, more, given)


def right(world: World, route: PageRoute) -> tuple[Person, Asking]:
    """Somebody who may do it, and a request that is right."""
    for name in PEOPLE:
        who = world.people[name]
        if route.access.value not in BY_ROLE[who.role]:
            continue
        for what in named(route, world, who):
            if what.seen and (what.may is None or route.access.value in what.may):
                return who, asking(world, who, route, what)
    raise AssertionError(route)


def prepared(world: World, route: PageRoute, made: Asking) -> None:
    before = sending(route).before
    if before is not None:
        before(world, made.names)


def asked(pages: Pages, who: Person, route: PageRoute, what: Named) -> Answer:
    made = asking(pages.world, who, route, what)
    return masked(pages.ask(who, route.method, made.address, made.data or None, **made.more), made.names)


def masked(answer: httpx.Response, ids: dict[str, str]) -> Answer:
    """Without what was named, which is as long as any other, and without the tokens of forms."""
    body = re.sub(rb'name="csrf" value="[^"]*"', b"", answer.content)
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    for value in ids.values():
        if len(value) > 3:
            body = body.replace(value.encode(), b"...")
            headers = {name: text.replace(value, "...") for name, text in headers.items()}
    return Answer(answer.status_code, body, headers)
