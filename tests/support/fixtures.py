"""Fixtures that integration tests and tests of attacks share; the conftest of each imports those that its tests use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.once import once
from tests.support.squad import Squad, build_portraits, squad
from tests.support.two_agencies import Pages, TwoAgencies, build_two_agencies
from tests.support.world import Person, World, officials

from lineament.model.cases import Case, CaseRole
from lineament.model.search import SearchResult
from lineament.services.people.factors import Factors

EMAIL = "rufus@agency.example"
"""The address of ``rufus``."""
ORIGIN = "https://lineament.agency.example"
RP = "lineament.agency.example"
"""The relying party of passkeys that are made under ORIGIN."""


@pytest.fixture(scope="session")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the portraits in its gallery, to be copied."""
    return once(tmp_path_factory, "portraits", build_portraits) / "ws"


@pytest.fixture
def team(portraits: Path, tmp_path: Path) -> Iterator[Squad]:
    """An agency at work, with nothing but a gallery yet."""
    with squad(portraits, tmp_path / "ws") as team:
        yield team


@pytest.fixture
def case(team: Squad) -> Case:
    """A case of the examiner, with a reviewer."""
    opened = team.open_case()
    team.fresh_desk(team.supervisor).members.add(opened.key, team.reviewer.id, CaseRole.REVIEWER)
    return opened


@pytest.fixture
def found(team: Squad, case: Case) -> SearchResult:
    """A list of the case that nobody reviewed yet, as the examiner got it."""
    return team.search(case, team.take_probe(case))


@pytest.fixture(scope="session")
def two_agencies(tmp_path_factory: pytest.TempPathFactory) -> TwoAgencies:
    """Two agencies with everybody in them, to be copied."""
    return TwoAgencies.load(once(tmp_path_factory, "two-agencies", build_two_agencies))


@pytest.fixture(scope="module")
def pages(two_agencies: TwoAgencies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages of a copy of the two agencies, which the tests of a module share."""
    with two_agencies.copy(tmp_path_factory.mktemp("pages")) as world, world.pages() as pages:
        yield pages


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A workspace where everybody signs in; a module that needs another world has its own."""
    with officials(tmp_path / "ws") as world:
        yield world


@pytest.fixture
def factors(world: World) -> Factors:
    """The second factors of ``world``."""
    return world.sign_in.factors


@pytest.fixture
def rufus(world: World) -> Person:
    """Somebody with a password and an app, in an open session."""
    return world.sign_up_with_app(EMAIL)
