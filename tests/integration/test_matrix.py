"""Every route, for every role, on what is one's own, shared, a colleague's, foreign, or not there.

What must come is said by tables (tests/support/sight.py), not by the code under test:

- no permission: 403, the same bytes whatever is named;
- permission, but the object is not seen: what an id that never existed gets, byte for byte, headers too;
- seen, but not for that in this case: 403;
- else: anything but 401, 403 and 404.

A refusal changes nothing: the ledger has as many entries as before. Operators belong to the agency that runs the
workspace, so there is one, and not one in each agency. Commands: test_matrix_commands.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.support.sending import SENT, Answer, asked, masked, named, sending
from tests.support.sight import BY_ROLE, NO_REF, NO_THINGS, NOT_THERE, PEOPLE, things
from tests.support.world import SOURCE, Pages, Person, World

from lineament.model.accounts import Permission
from lineament.web.addresses import slug
from lineament.web.app import declared
from lineament.web.pages import PageRoute

pytestmark = pytest.mark.enable_socket
ROUTES = declared()


def test_every_form_is_one_of_a_route() -> None:
    posted = {route.path for route in ROUTES if route.method == "POST" and route.access is not Permission.PUBLIC}
    assert set(SENT) == posted


def size(world: World) -> int:
    return world.workspace.desk_at_the_machine().audit.size()


@pytest.fixture(scope="module")
def pages(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with world.copied(tmp_path_factory.mktemp("matrix")).open() as here, here.pages() as opened:
        yield opened


FOR_THE_HOST = {"/cases/{ref}/close", "/cases/{ref}/urgent"}  # whatever role a guest has in it
PRIVATE = [route for route in ROUTES if route.access is not Permission.PUBLIC]


@pytest.mark.parametrize("route", PRIVATE, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_for_every_role(pages: Pages, route: PageRoute) -> None:
    wrong = []
    for name in PEOPLE:
        wrong += [f"{name}, {said}" for said in _of(pages, pages.world.people[name], route)]
    assert wrong == []


def _of(pages: Pages, who: Person, route: PageRoute) -> Iterator[str]:
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


# ---------------------------------------------------------------- named within an address or a form of one's own

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
def test_what_a_form_names_is_foreign_or_never_was_alike(
    pages: Pages, role: str, method: str, address: str, form: dict[str, str] | None
) -> None:
    world, who = pages.world, pages.world.people[f"A {role}"]
    other = world.people["B colleague"].account
    foreign = {
        **{name: str(value) for name, value in things(world.cases["B own"]).items()},
        "account": other.id,
        "email": other.email,
    }
    never = {**NO_THINGS, "account": NOT_THERE, "email": "x" * len(other.email.split("@")[0]) + "@b.example"}
    assert len(never["reference"]) == len(foreign["reference"]), NO_REF
    own = {f"own_{name}": value for name, value in things(world.cases["A own"]).items()}
    before, answers = size(world), []
    for ids in (foreign, never):
        given = {**ids, **own, "slug": slug(ids["reference"])}
        data = None if form is None else {name: value.format(**given) for name, value in form.items()}
        answer = pages.ask(who, method, address.format(**given), data)
        answers.append(masked(answer, {**ids, "slug": given["slug"]}))
        assert form is None or answer.status_code in {404, 422}
    assert answers[0] == answers[1]
    assert form is None or size(world) - before in {0, 2}  # the page that is shown again is read, twice


def test_an_invitation_does_not_tell_whether_the_address_has_an_account(pages: Pages) -> None:
    world, case = pages.world, pages.world.cases["A own"].key
    chief, administrator = world.people["A supervisor"], world.people["A administrator"]
    answers = []
    for email in (world.people["B colleague"].account.email, "nobodyxx@b.example"):
        world.restore()
        form = {"email": email, "role": "observer", "until": str(world.at.date())}
        answers.append(masked(pages.ask(chief, "POST", f"/cases/{case}/invitations", form), {"email": email}))
        shown = masked(pages.ask(chief, "GET", f"/cases/{case}/people"), {"email": email})
        lines = sorted(re.sub(rb"invitations/[0-9a-f]{16}", b"", shown.body).splitlines())  # two of one moment
        answers.append(Answer(shown.status, b"\n".join(lines), shown.headers))
        joined = pages.ask(administrator, "POST", "/people", {"email": email, "name": "New", "role": "examiner"})
        told = masked(joined, {"email": email})
        body = re.sub(rb"/join/[\w-]+|/people/[0-9a-f]{16}", b"", told.body)
        answers.append(Answer(told.status, body, told.headers))
    world.restore()
    assert answers[:3] == answers[3:]
    assert [one.status for one in answers[:3]] == [303, 200, 200]
