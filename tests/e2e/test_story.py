"""The story of an agency in a real browser, and every page afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.browsers import NEEDS_CHROMIUM, open_chromium
from tests.support.looks import NOT_PAGES, Look, faults, prepare_looks
from tests.support.story import Story, open_story

from lineament.web.app import declared

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
READ = {route.path for route in declared() if route.method == "GET"}
DOORS = {"/transparency", "/transparency/{agency_id}", "/sign-in", "/join/{token}"}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with open_chromium() as browser, open_story(tmp_path_factory.mktemp("story"), browser) as story:
        yield story


@pytest.fixture(scope="module")
def looks(story: Story) -> dict[str, list[Look]]:
    return prepare_looks(story)


def test_the_story_of_an_agency(story: Story) -> None:
    story.run()
    assert story.browsers.messages == []


def test_every_exception_is_a_route() -> None:
    assert set(NOT_PAGES) <= READ


@pytest.mark.parametrize("path", [*sorted(READ - set(NOT_PAGES)), "nothing"])
def test_every_page_passes_the_checks(looks: dict[str, list[Look]], path: str) -> None:
    assert looks.get(path), "the story has no such page: add it to tests/support/looks.py"
    found = {
        look.name: wrong for look in looks[path] if (wrong := faults(look.actor.page, look.address, door=path in DOORS))
    }
    assert found == {}
