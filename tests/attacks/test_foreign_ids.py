"""Attacks by time: an id that belongs to others must cost exactly what an id costs that never existed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.support.route_forms import send_request, targets
from tests.support.statements import statements
from tests.support.targets import Target
from tests.support.two_agencies import Pages, TwoAgencies

from lineament.model.accounts import Permission
from lineament.web.app import declared
from lineament.web.pages import PageRoute

pytestmark = pytest.mark.enable_socket

ROUTES = [route for route in declared() if route.access is not Permission.PUBLIC and "{" in route.path]
PEOPLE = ("A examiner", "A reviewer", "A supervisor", "A administrator", "A auditor", "B guest observer")


@pytest.fixture(scope="module")
def run(pages: Pages) -> Iterator[list[str]]:
    """The statements that the store runs."""
    with statements(pages.world.workspace) as run:
        yield run


def unseen(route: PageRoute, world: TwoAgencies, name: str) -> list[Target]:
    """Return the targets that somebody may not see, and the one that is not there."""
    return [target for target in targets(route, world, world.people[name]) if not target.seen]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_what_is_not_seen_costs_what_is_not_there_costs(pages: Pages, run: list[str], route: PageRoute) -> None:
    compared, wrong = 0, []
    for name in PEOPLE:
        person, costs = pages.world.people[name], {}
        for target in unseen(route, pages.world, name):
            runs = []
            for _ in range(3):  # the first one of a minute also writes when it was
                run.clear()
                send_request(pages, person, route, target)
                runs.append(list(run))
            costs[target.level] = min(runs, key=len)
        compared += len(costs)
        if any(cost != costs["not there"] for cost in costs.values()):
            wrong.append(
                (
                    name,
                    {level: [re.sub(r" .* FROM", " … FROM", line) for line in cost] for level, cost in costs.items()},
                )
            )
    assert compared >= len(PEOPLE) or not unseen(route, pages.world, PEOPLE[0])
    assert wrong == []
