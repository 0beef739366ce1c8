"""Every route of the API, with keys of every role, on a target of one's own, shared, foreign, or not there.

Tables say what must come (tests/support/targets.py and api_lines.py), not the code under test. Each person has a key
with every right that they may grant, which for searching is bound to a case in which they search. As for pages:

- no permission: 403, with the same bytes for every target;
- permission, but the target is not seen: the answer to an id that never existed, byte for byte, headers too;
- seen, but not permitted in this case: 403;
- otherwise: anything except 401, 403, 404 and faults of the server.

A key without the one right that a route needs gets 403, which names the right, for every target. A refusal changes
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.support.api_lines import API_LINES, OPEN_TO_ALL, api_targets, line_of, send
from tests.support.programs import key_for
from tests.support.route_forms import Answer
from tests.support.targets import BY_ROLE, NO_IDS, PEOPLE, Target, in_case
from tests.support.two_agencies import Pages, Participant, TwoAgencies

from lineament.api.app import declared
from lineament.api.routes import ApiEndpoint
from lineament.model.accounts import Permission

pytestmark = pytest.mark.enable_socket
ROUTES = declared()
PRIVATE = [route for route in ROUTES if route.access is not Permission.PUBLIC]
GRANTED = {
    "read sources",
    "manage sources",
    "read cases",
    "take part",
    "open cases",
    "search",
    "review",
    "read ledger",
    "read usage",
}
BEYOND_A_CASE = {"read ledger", "read usage"}


def test_every_route_has_its_line() -> None:
    assert {(route.method, route.path) for route in PRIVATE} == set(API_LINES)


def test_only_what_is_of_no_workspace_is_open_to_all() -> None:
    assert {(route.method, route.path) for route in ROUTES if route.access is Permission.PUBLIC} == OPEN_TO_ALL


@dataclass(frozen=True, slots=True)
class Held:
    """A key, and the case to which it is bound."""

    text: str
    case: str | None  # its key


def rights_of(person: Participant) -> set[str]:
    return BY_ROLE[person.role] & GRANTED


def searched_case(world: TwoAgencies, person: Participant) -> str | None:
    """Return the key of a case in which somebody searches."""
    return next((world.cases[name].key for name in person.in_case if "search" in in_case(person, name)), None)


def make(world: TwoAgencies, person: Participant, rights: set[str], case: str | None) -> Held:
    """Make a key with those of the rights that it may have, bound to a case or to none."""
    kept = rights - ({"search"} if case is None else BEYOND_A_CASE)
    return Held(key_for(world, *map(Permission, kept), account=person.account, case=case).text, case)


def widest_key(world: TwoAgencies, person: Participant, route: ApiEndpoint) -> Held:
    """Make the key of a person with which most is possible on a route."""
    searching = route.access is Permission.SEARCH and "search" in rights_of(person)
    return make(world, person, rights_of(person), searched_case(world, person) if searching else None)


@pytest.mark.parametrize("route", PRIVATE, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_for_every_role(pages: Pages, route: ApiEndpoint) -> None:
    wrong = []
    for name in PEOPLE:
        wrong += [f"{name}, {fault}" for fault in faults(pages, pages.world.people[name], route)]
    assert wrong == []


def faults(pages: Pages, person: Participant, route: ApiEndpoint) -> Iterator[str]:
    """Yield what is wrong with the answers that a person's widest key gets on a route."""
    world, line = pages.world, line_of(route)
    access = line.needs or (route.access and route.access.value)
    permitted = access is None or access in rights_of(person)
    held, answers = widest_key(world, person, route), dict[str, Answer]()
    listed = api_targets(route, world, person)
    for target in listed:
        if line.prepare is not None and permitted and target.ids != NO_IDS:
            line.prepare(world, target.ids)
        before = world.ledger_size()
        answer = answers[target.level] = send(pages, held.text, route, target)
        seen, allowed = seen_and_allowed(route, person, target, held)
        allowed &= permitted
        if allowed:
            fine = answer.status in line.fine or (answer.status not in {401, 403, 404} and answer.status < 500)
        else:
            expected = 403 if not permitted or seen else 404
            fine = answer.status == expected and world.ledger_size() == before
        if not fine:
            yield f"{target.level}: {answer.status}, {world.ledger_size() - before} entries, {answer.body[:200]!r}"
        if line.prepare is not None or (route.method != "GET" and allowed):
            world.restore()
            held = widest_key(world, person, route)
    refused = [t.level for t in listed if not permitted or not seen_and_allowed(route, person, t, held)[0]]
    if any(answers[level] != answers[refused[0]] for level in refused):
        yield "different answers for " + ", ".join(refused)


def seen_and_allowed(route: ApiEndpoint, person: Participant, target: Target, held: Held) -> tuple[bool, bool]:
    """Return whether a key sees a target, and whether it allows what the route does there."""
    if target.permissions is not None and held.case is not None and target.ids["ref"] != held.case:
        return False, False
    guest = target.level == "shared" and "guest" in person.name
    allowed = target.seen if route.access is None else target.allows(route.access.value)
    return target.seen, allowed and not (guest and line_of(route).not_for_guests)


@pytest.mark.parametrize("route", [route for route in PRIVATE if route.access], ids=lambda r: f"{r.method} {r.path}")
def test_a_key_without_the_right_is_refused_for_every_target(pages: Pages, route: ApiEndpoint) -> None:
    assert route.access is not None
    world, wrong, asked = pages.world, [], 0
    for person in (world.people[name] for name in PEOPLE):
        rights = rights_of(person) - {route.access.value}
        if route.access.value not in rights_of(person) or not rights:
            continue
        held, answers = make(world, person, rights, searched_case(world, person)), set()
        before = world.ledger_size()
        for target in api_targets(route, world, person):
            answer = send(pages, held.text, route, target)
            answers.add((answer.status, answer.body))
            asked += 1
        (status, body), *others = answers
        problem = json.loads(body)
        named = problem.get("code") == "not-allowed" and route.access.value in problem["detail"]
        if status != 403 or others or not named or world.ledger_size() != before:
            wrong.append((person.name, answers))
    assert wrong == []
    assert asked
