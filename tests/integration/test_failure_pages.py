"""The pages of refusals and of what is not there: with the menu for whoever is signed in, with nothing for others."""

from __future__ import annotations

import pytest
from tests.support.route_forms import age_sessions
from tests.support.two_agencies import Pages

pytestmark = pytest.mark.enable_socket
MENU = '<nav aria-label="Main">'


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/cases/none", 404),
        ("GET", "/searches/none/candidates/x", 404),
        ("GET", "/people", 403),
        ("PUT", "/cases", 405),
    ],
)
def test_who_is_signed_in_keeps_the_menu(pages: Pages, method: str, address: str, status: int) -> None:
    world = pages.world
    examiner = pages.ask(world.people["A examiner"], method, address)
    stranger = pages.ask(None, method, address)
    assert examiner.status_code == status
    assert MENU in examiner.text
    assert 'href="/cases"' in examiner.text
    assert world.texts["A"].agency in examiner.text
    assert MENU not in stranger.text
    assert world.texts["A"].agency not in stranger.text


def test_a_session_that_is_not_open_sees_no_menu(pages: Pages) -> None:
    world = pages.world
    age_sessions(world, world.people["A examiner"], "seen_at", days=1)
    shown = pages.ask(world.people["A examiner"], "GET", "/nothing").text
    world.restore()
    assert MENU not in shown


def test_a_foreign_host_name_is_refused_before_anybody_is_known(pages: Pages) -> None:
    refused = pages.ask(pages.world.people["A examiner"], "GET", "/nothing", headers={"host": "other.example"})
    assert refused.status_code == 403
    assert MENU not in refused.text
