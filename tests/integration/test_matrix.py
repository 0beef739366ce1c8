"""Every route, for every role, on a target of one's own, shared, of a colleague, foreign, or not there.

Tables say what must come (tests/support/targets.py), not the code under test:

- no permission: 403, with the same bytes for every target;
- permission, but the target is not seen: the answer to an id that never existed, byte for byte, headers too;
- seen, but not permitted in this case: 403;
- otherwise: anything except 401, 403 and 404.

A refusal changes nothing: the ledger has as many entries as before. Operators belong to the agency that runs the
workspace, so there is one in all, not one in each agency. Commands: test_matrix_commands.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.support.route_forms import ROUTE_FORMS, Answer, form_of_route, masked, send_request, targets
from tests.support.targets import BY_ROLE, NO_IDS, NO_REF, NOT_THERE, PEOPLE, ids_of
from tests.support.two_agencies import Pages, Participant
from tests.support.world import SOURCE

from lineament.model.accounts import Permission
from lineament.web.addresses import slug
from lineament.web.app import declared
from lineament.web.pages import PageRoute

pytestmark = pytest.mark.enable_socket
ROUTES = declared()


def test_every_route_with_a_form_has_its_line() -> None:
    posted = {route.path for route in ROUTES if route.method == "POST" and route.access is not Permission.PUBLIC}
    assert set(ROUTE_FORMS) == posted


FOR_THE_HOST = {
    "/cases/{ref}/blur",
    "/cases/{ref}/close",
    "/cases/{ref}/urgent",
}  # no guest may, whatever their role in the case
PRIVATE = [route for route in ROUTES if route.access is not Permission.PUBLIC]


@pytest.mark.parametrize("route", PRIVATE, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_for_every_role(pages: Pages, route: PageRoute) -> None:
    wrong = []
    for name in PEOPLE:
        wrong += [f"{name}, {fault}" for fault in _faults(pages, pages.world.people[name], route)]
    assert wrong == []


def _faults(pages: Pages, person: Participant, route: PageRoute) -> Iterator[str]:
    """Yield what is wrong with the answers that a person gets on a route."""
    world, permitted = pages.world, route.access.value in BY_ROLE[person.role]
    form = form_of_route(route)
    answers: dict[str, Answer] = {}
    listed = targets(route, world, person)
    for target in listed:
        if form.prepare is not None and permitted and target.ids != NO_IDS:
            form.prepare(world, target.ids)
        before = world.ledger_size()
        answer = answers[target.level] = send_request(pages, person, route, target)
        allowed = permitted and target.allows(route.access.value)
        allowed &= not (route.path in FOR_THE_HOST and target.level == "shared" and "guest" in person.name)
        if allowed:
            fine = answer.status not in {401, 403, 404} or (form.proof and b"roles do not" not in answer.body)
        else:
            expected = 403 if not permitted or target.seen else 404
            fine = answer.status == expected and world.ledger_size() == before
        if not fine:
            yield f"{target.level}: {answer.status}, {world.ledger_size() - before} entries"
        if form.prepare is not None or (route.method == "POST" and allowed):
            world.restore()
    refused = [target.level for target in listed if not permitted or not target.seen]
    if any(answers[level] != answers[refused[0]] for level in refused):
        yield "different answers for " + ", ".join(refused)


# ---------------------------------------------------------------- foreign ids within an address or a form of one's own

SEARCH = {"face": "1", "reason": "why", "source": SOURCE, "mode": "identification", "limit": "20"}
MEMBER = {"role": "reviewer", "until": ""}
ELSEWHERE: list[tuple[str, str, str, dict[str, str] | None]] = [
    ("examiner", "GET", "/cases/{slug}", None),
    ("supervisor", "POST", "/cases/{slug}/close", {}),
    ("examiner", "GET", "/cases?after={ref}", None),
    ("examiner", "GET", "/cases?q={reference}", None),
    ("examiner", "GET", "/search?case={ref}", None),
    ("examiner", "GET", "/search?case={reference}", None),
    ("examiner", "POST", "/search", {"case": "{reference}", "kind": "cctv"}),
    ("examiner", "GET", "/cases/{own_ref}?before={search_id}", None),
    ("examiner", "GET", "/cases/{own_ref}/candidates?before={search_id}", None),
    ("examiner", "GET", "/cases/{own_ref}/files/{paper_id}", None),
    ("examiner", "GET", "/probes/{own_probe_id}?again={search_id}", None),
    ("examiner", "POST", "/probes/{own_probe_id}/search", SEARCH | {"other": "{probe_id}:1"}),
    ("supervisor", "POST", "/cases/{own_ref}/members", MEMBER | {"account": "{account}"}),
    ("supervisor", "POST", "/cases/{own_ref}/members", MEMBER | {"account": "{email}"}),
    ("supervisor", "POST", "/cases/{own_ref}/members/{account}/remove", {}),
    ("supervisor", "POST", "/cases/{own_ref}/invitations/{invitation}/withdraw", {}),
    ("administrator", "GET", "/people/{email}", None),
    ("administrator", "POST", "/people/{email}/suspend", {}),
    ("auditor", "GET", "/cases/{own_ref}/files/{paper_id}", None),
]


@pytest.mark.parametrize(("role", "method", "address", "form"), ELSEWHERE)
def test_a_foreign_id_and_one_that_never_existed_are_answered_alike(
    pages: Pages, role: str, method: str, address: str, form: dict[str, str] | None
) -> None:
    world, person = pages.world, pages.world.people[f"A {role}"]
    other = world.people["B colleague"].account
    foreign = {
        **{name: str(value) for name, value in ids_of(world.cases["B own"]).items()},
        "account": other.id,
        "email": other.email,
    }
    never = {**NO_IDS, "account": NOT_THERE, "email": "x" * len(other.email.split("@")[0]) + "@b.example"}
    assert len(never["reference"]) == len(foreign["reference"]), NO_REF
    own = {f"own_{name}": value for name, value in ids_of(world.cases["A own"]).items()}
    before, answers = world.ledger_size(), []
    for ids in (foreign, never):
        names = {**ids, **own, "slug": slug(ids["reference"])}
        data = None if form is None else {name: value.format(**names) for name, value in form.items()}
        answer = pages.ask(person, method, address.format(**names), data)
        answers.append(masked(answer, {**ids, "slug": names["slug"]}))
        assert form is None or answer.status_code in {404, 422}
    assert answers[0] == answers[1]
    assert form is None or world.ledger_size() - before in {0, 2}  # the page that is shown again is read, twice


def test_an_invitation_does_not_tell_whether_the_address_has_an_account(pages: Pages) -> None:
    world, case = pages.world, pages.world.cases["A own"].key
    supervisor, administrator = world.people["A supervisor"], world.people["A administrator"]
    answers = []
    for email in (world.people["B colleague"].account.email, "nobodyxx@b.example"):
        world.restore()
        form = {"email": email, "role": "observer", "until": str(world.today)}
        answers.append(masked(pages.ask(supervisor, "POST", f"/cases/{case}/invitations", form), {"email": email}))
        shown = masked(pages.ask(supervisor, "GET", f"/cases/{case}/people"), {"email": email})
        lines = sorted(re.sub(rb"invitations/[0-9a-f]{16}", b"", shown.body).splitlines())  # two have one time
        answers.append(Answer(shown.status, b"\n".join(lines), shown.headers))
        invited = pages.ask(administrator, "POST", "/people", {"email": email, "name": "New", "role": "examiner"})
        assert invited.status_code == 303
        answer = masked(pages.ask(administrator, "GET", invited.headers["location"]), {"email": email})
        body = re.sub(
            rb'/join/[\w-]+|/people/[0-9a-f]{16}|<path [^>]*class="qrline"[^>]*>|<path[^>]*>', b"", answer.body
        )
        answers.append(Answer(answer.status, body, answer.headers))
    world.restore()
    assert answers[:3] == answers[3:]
    assert [answer.status for answer in answers[:3]] == [303, 200, 200]
