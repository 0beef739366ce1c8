"""Every form that is not accepted comes back in the same way.

Its page is shown again with a 4xx status and the error on top. The field that is wrong has the focus and the error
beside it, also for a screen reader, and everything that was typed or chosen is still there.
"""

from __future__ import annotations

from typing import Any

import lxml.html
import pytest
from tests.support.route_forms import form_of_route, prepare, valid_request
from tests.support.targets import BY_ROLE
from tests.support.two_agencies import Pages, Participant

from lineament.model.accounts import Permission
from lineament.web.app import declared
from lineament.web.ledger import not_proven
from lineament.web.pages import PageRoute

pytestmark = pytest.mark.enable_socket
FORMS = [route for route in declared() if route.method == "POST"]

ELSEWHERE = {
    "/cases/words": "sent by a script",
    "/sources/{name}/take-in": "sent by a script",
    "/sources/{name}/take-in/{drop_id}/list": "sent by a script",
    "/sources/{name}/take-in/{drop_id}/parts": "sent by a script",
    "/sign-out": "nothing in it can be wrong",
    "/ledger/proof": "its answer is a file to save",
    "/searches/{search_id}/candidates/{picture}/original": "opens in a new tab",
    "/searches/{search_id}/candidates/{picture}/page": "opens in a new tab",
}
BUTTONS = {
    "/cases/{ref}/blur",
    "/cases/{ref}/close",
    "/cases/{ref}/disclosure",
    "/cases/{ref}/release",
    "/cases/{ref}/members/{account_id}/remove",
    "/cases/{ref}/invitations/{invitation_id}/withdraw",
    "/invitations/{invitation_id}/take",
    "/sources/{name}/receipt",
    "/sources/{name}/look-again",
    "/sources/{name}/blur",
    "/sources/{name}/runs/{run_id}/go-on",
    "/sources/{name}/{event}",
    "/sources/{name}/approve",
    "/sources/{name}/take-in/{drop_id}/stop",
    "/probes/{probe_id}/turn",
    "/probes/{probe_id}/expose",
    "/probes/{probe_id}/replay",
    "/probes/{probe_id}/approve",
    "/probes/{probe_id}/remove",
    "/probes/{probe_id}/undo",
    "/searches/{search_id}/candidates/{picture}/probe",
    "/searches/{search_id}/report",
    "/cases/{ref}/watches/{watch_id}/go-on",
    "/cases/{ref}/watches/{watch_id}/end",
    "/cases/{ref}/findings/{finding_id}/open",
    "/account/keys/{key_id}/revoke",
    "/keys/{key_id}/revoke",
    "/web-hooks/{hook_id}/test",
    "/web-hooks/{hook_id}/rotate",
    "/web-hooks/{hook_id}/remove",
    "/searches/{search_id}/candidates/{picture}/lead-report",
    "/searches/{search_id}/ask",
    "/ledger/check",
    "/ledger/entry",
    "/account/recovery",
    "/account/factors/{factor_id}/remove",
    "/account/sessions/others/end",
    "/account/sessions/{session_id}/end",
    "/people/{account_id}/reset",
    "/threshold/{number}/withdraw",
    "/stop/everything/resume",
    "/stop/agency/resume",
    "/agencies/{agency_id}/resume",
    "/jobs/{job_id}/stop",
}
"""Forms in which nothing is typed or chosen."""
PROOFS = {
    "/batches/{batch_id}/photographs": "only a file is sent; test_batch_pages tries it",
    "/sign-in": "does not say which of its two fields is wrong",
    "/second-factor": "what is entered there is never shown again",
    "/step-up": "what is entered there is never shown again",
    "/locked": "what is entered there is never shown again",
    "/join/{token}": "has no session; test_sign_in_pages.py",
    "/account/passkey": "its answer comes from the browser",
    "/probes/{probe_id}/page": "only files of several pictures have it; test_several_pictures tries it",
    "/threshold/{number}/approve": "only a proposal has it; test_threshold tries it",
    "/threshold/{number}/decline": "only a proposal has it; test_threshold tries it",
    "/threshold/{number}/withdraw": "only a proposal has it; test_threshold tries it",
    "/sources/{name}/pictures/{capture_id}/add-face": "only a source with a picture has it; test_drawn_faces tries it",
}
_REGION = {"x": "far", "y": "", "width": "0", "height": "0"}
WRONG: dict[str, dict[str, str]] = {
    "/cases": {"ref": " ", "offence": " ", "purpose": " ", "basis": "", "seeks": "anybody", "jurisdiction": "XYZ"},
    "/cases/{ref}/urgent": {"because": " "},
    "/ledger/consistency": {"checkpoint": "none"},
    "/cases/{ref}/ruling": {"authority": " ", "scope": " ", "decided-at": "soon", "until": "soon"},
    "/cases/{ref}/allow": {"words": "robbery", "because": " "},
    "/cases/{ref}/hold": {"because": " "},
    "/cases/{ref}/members": {"account": "nobody@a.example", "role": "king", "until": "soon"},
    "/cases/{ref}/invitations": {"email": "nobody", "role": "king", "until": ""},
    "/cases/{ref}/disclosure/vics": {"version": "3.0"},
    "/cases/{ref}/disclosure/itl": {"to": "?", "sender": " "},
    "/cases/{ref}/messages": {"text": " "},
    "/cases/{ref}/files": {"file": ""},
    "/register-source": {
        "name": "Press Archive",
        "controller": " ",
        "basis": " ",
        "jurisdiction": "France",
        "expires": "2001-01-01",
        "retention-days": "0",
        "hosts": "facebook.com",
        "contact": "nobody",
        "page-base": "press.example",
        "shares": "Police of Nowhere: 2099-01-01",
    },
    "/sources/{name}/decline": {"reason": " "},
    "/sources/{name}/withdraw": {"reason": " ", "confirm": "portrait"},
    "/sources/{name}/erase": {"of": "everything", "number": "99999", "reason": " ", "confirm": "Portraits"},
    "/sources/{name}/crawl": {"host": "elsewhere.example"},
    "/search": {"kind": "engraving"},
    "/batches": {"kind": "engraving"},
    "/batches/{batch_id}/search": {"reason": " ", "source": "", "mode": "everything", "limit": "0"},
    "/probes/{probe_id}/crop": _REGION,
    "/probes/{probe_id}/draw": _REGION,
    "/probes/{probe_id}/search": {
        "face": "",
        "reason": " ",
        "source": "",
        "mode": "everything",
        "limit": "0",
        "since": "soon",
        "until": "2026-99-99",
    },
    "/searches/{search_id}/new": {"reason": " "},
    "/probes/{probe_id}/watch": {"face": "9", "reason": " ", "until": "2001-01-01", "source": ""},
    "/account/keys/new": {
        "name": "x" * 101,
        "right": "everything",
        "days": "9999",
        "per_minute": "0",
    },
    "/web-hooks": {"url": "http://hooks.agency.example/"},
    "/searches/{search_id}/candidates/{picture}/decision": {
        "feature-skin": "",
        "outcome": "somebody else",
        "grounds": "x" * 5000,
    },
    "/searches/{search_id}/candidates/{picture}/notes": {"text": " "},
    "/searches/{search_id}/candidates/{picture}/evidence": {
        "kind": "rumour",
        "text": " ",
        "reference": "r" * 301,
        "independent": "no",
    },
    "/cases/{ref}/defence-notices": {"given_to": " ", "given_on": "soon", "way": "by pigeon", "text": " "},
    "/account/password": {"old": "wrong", "again": "another one"},
    "/account/app": {"code": "000000"},
    "/people": {"name": "N" * 201, "email": "nobody", "role": ""},
    "/people/{account_id}/roles": {"role": ""},
    "/people/{account_id}/training": {"until": "soon"},
    "/people/{account_id}/{event}": {"sure": ""},
    "/policy": {"password_length": "1", "idle_minutes": "soon"},
    "/stop/everything": {"reason": " "},
    "/stop/agency": {"reason": " "},
    "/threshold/{number}/approve": {"reason": "x" * 501},
    "/threshold/{number}/decline": {"reason": " "},
    "/misuse/findings/{finding_id}/answer": {"answer": "perhaps", "reason": " "},
    "/searches/{search_id}/known-pairs": {"truth": "perhaps"},
    "/misuse/faces": {"name": " ", "kind": "anybody", "reason": " "},
    "/misuse/faces/{guarded_id}/remove": {"reason": " "},
    "/publication/workspace": {"reason": " "},
    "/publication/agency": {"reason": " "},
    "/agencies": {"name": " ", "jurisdiction": "France"},
    "/agencies/{agency_id}/rename": {"name": " ", "jurisdiction": "France"},
    "/agencies/{agency_id}/vet": {
        "outcome": "perhaps",
        "legal-restrictions": " ",
        "human-rights-record": " ",
        "renew-on": "2001-01-01",
    },
    "/agencies/{agency_id}/license": {
        "kind": "gift",
        "first-day": "soon",
        "last-day": "2001-01-01",
        "seats": "0",
        "searches-a-month": "many",
    },
    "/agencies/{agency_id}/invite": {"name": "N" * 201, "email": "nobody"},
    "/agencies/{agency_id}/policy": {"password_length": "1"},
    "/agencies/{agency_id}/stop": {"reason": " "},
}
"""A wrong value for each field of each form; each is tried alone."""


def test_every_form_is_in_one_of_the_tables() -> None:
    assert {route.path for route in FORMS if route.page is None} == set(ELSEWHERE)
    with_page = {route.path for route in FORMS if route.page is not None}
    assert with_page == BUTTONS | set(PROOFS) | set(WRONG)


def test_who_may_send_a_form_may_open_its_page() -> None:
    """The page is shown again without another check."""
    access = {route.endpoint: route.access for route in declared() if route.method == "GET"}
    shown = [route for route in FORMS if route.page is not None and route.page is not not_proven]  # it shows nothing
    needed = {(route.access, access[route.page]) for route in shown if route.page is not None}
    shut = [
        (form, page)
        for form, page in needed
        for may in BY_ROLE.values()
        if form.value in may and page is not Permission.PUBLIC and page.value not in may
    ]
    assert needed
    assert shut == []


# ---------------------------------------------------------------- reading a page

SECRET = {"csrf", "old", "password", "again", "code", "file"}
"""Fields whose value no page shows: secrets, and files, which a browser lets nobody fill in."""


def form_of(page: Any, address: str, data: dict[str, str]) -> Any:
    """Return the form that is sent to an address; of two, the one with the hidden fields that were sent."""
    found = page.xpath("//form[@method='post'][@action=$to or .//@formaction=$to]", to=address)
    if address.endswith("/ruling"):
        found = [form for form in found if form.fields["outcome"] == data["outcome"]]
    (form,) = found
    return form


def shown(page: Any, form: Any) -> set[tuple[str, str]]:
    """Return the fields that a browser would send if the form were sent as it is shown."""
    outside = page.xpath("//input[@form=$id][@checked]", id=form.get("id", ""))
    return {*form.form_values(), *((control.get("name"), control.get("value")) for control in outside)}


def text_of(page: Any, element: str) -> str:
    (found,) = page.xpath("//*[@id=$id]", id=element)
    return str(found.text_content()).strip()


# ---------------------------------------------------------------- what comes back

CASES = [(route, field) for route in FORMS for field in WRONG.get(route.path, {})]


@pytest.mark.parametrize(("route", "field"), CASES, ids=[f"{route.path} {field}" for route, field in CASES])
def test_an_error_stands_beside_its_field_and_nothing_is_lost(pages: Pages, route: PageRoute, field: str) -> None:
    person, request = valid_request(pages.world, route)
    prepare(pages.world, route, request)
    address = request.address.replace("/unlock", "/close")  # the only event of an account whose form has a box to tick
    data = with_error(pages, person, route, request.data, field)
    files = {"file": ("empty.txt", b"")} if field == "file" else request.files
    answer = pages.ask(person, "POST", address, data, files=files)
    if form_of_route(route).prepare is not None:
        pages.world.restore()
    assert 400 <= answer.status_code < 500
    page = lxml.html.fromstring(answer.text)
    assert text_of(page, "problem").startswith("Not done.")

    focused = page.xpath("//*[@autofocus]")[0]
    assert focused.get("name") == field
    assert focused.get("aria-invalid") == "true"
    descriptions = [text_of(page, element) for element in focused.get("aria-describedby").split()]
    assert all(descriptions)
    assert any(description[:-1].lower() in text_of(page, "problem").lower() for description in descriptions)

    form = form_of(page, address, data)
    names = {name for name in data if name in form.inputs or page.xpath("//input[@form][@name=$n]", n=name)}
    assert names >= data.keys() - SECRET - {"pending", "case"}
    offered = {(name, value) for name, value in data.items() if not refused_by_choice(page, name, value)}
    assert {(name, value) for name, value in offered if name not in SECRET} <= shown(page, form)


def with_error(pages: Pages, person: Participant, route: PageRoute, data: dict[str, str], field: str) -> dict[str, str]:
    """Return a form that is valid except for one field."""
    if route.path == "/account/app":
        page = lxml.html.fromstring(pages.ask(person, "GET", "/account/app").text)
        data = data | {"pending": page.forms[0].fields["pending"]}
    wrong = WRONG[route.path][field]
    data = data | {field: wrong}
    return {name: value for name, value in data.items() if value or name not in {"face", "source", "role", "sure"}}


def refused_by_choice(page: Any, name: str, value: str) -> bool:
    """Return whether a field is chosen from a list without this value, so that no browser sends it."""
    controls = page.xpath("//input[@name=$n][@type='radio' or @type='checkbox'] | //select[@name=$n]/option", n=name)
    return bool(controls) and value not in {control.get("value") or control.text_content() for control in controls}


def test_an_error_about_no_field_has_the_focus_itself(pages: Pages) -> None:
    operator = pages.world.people["home operator"]
    answer = pages.ask(operator, "POST", "/agencies/home/resume")
    assert 400 <= answer.status_code < 500
    (focused,) = lxml.html.fromstring(answer.text).xpath("//*[@autofocus]")
    assert focused.get("id") == "problem"
    assert focused.get("role") == "alert"
    assert focused.get("tabindex") == "-1"
