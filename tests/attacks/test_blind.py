"""R17 and R19 on the bytes of every page: nothing of a candidate but its face, and nothing of another's decision."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.support.reviewing import decide_all
from tests.support.route_forms import ROUTE_FORMS, build_request, targets
from tests.support.targets import BY_ROLE
from tests.support.two_agencies import Pages, Participant, TwoAgencies

from lineament.model.accounts import Permission
from lineament.model.review import ReviewOutcome
from lineament.model.search import SearchResult
from lineament.web.app import declared
from lineament.web.pages import PageRoute

pytestmark = pytest.mark.enable_socket
ROUTES = [route for route in declared() if route.access is not Permission.PUBLIC]
REVIEWERS = ("A examiner", "A reviewer", "A supervisor")
EXEMPT = {
    "/sources/{name}": "shows a source whatever was searched",
    "/account/passkey": "another challenge each time",
    "/account/app": "another secret each time",
}


def recorded(world: TwoAgencies, case: str) -> SearchResult:
    """Return what a search found, with everything that its readers must not see."""
    with world.workspace.store.read() as tx:
        return tx.searches.get(world.cases[case].search)


def tells(found: SearchResult) -> list[str]:
    """Return what would tell rank, score, name or page of a candidate, in every form in which a page might write it."""
    words: list[str] = []
    for candidate in found.candidates:
        rank, score = candidate.rank, candidate.score
        words += [candidate.uri, candidate.uri.rpartition("/")[2], candidate.sha256, candidate.phash.hex()]
        words += filter(None, (candidate.page_uri, candidate.page_title, candidate.words))
        words += [repr(score), f"{score:.3f}", f"{score:.4g}"]
        words += [f'/candidates/{rank}"', f"/candidates/{rank}/", f'data-rank="{rank}"']
        words += [f"rank {rank}", f'"rank": {rank}', f"Candidate {rank}"]
    return sorted(set(words))


def answers(pages: Pages, person: Participant) -> Iterator[tuple[PageRoute, str, bytes]]:
    """Yield every page that somebody may open, on targets of their own and shared ones, with its bytes."""
    for route in ROUTES:
        if route.method != "GET" or route.access.value not in BY_ROLE[person.role] or route.path in EXEMPT:
            continue
        for target in targets(route, pages.world, person):
            if target.seen:
                request = build_request(pages.world, person, route, target)
                answer = pages.ask(person, "GET", request.address)
                yield route, target.level, answer.content + repr(sorted(answer.headers.items())).encode()


@pytest.mark.parametrize("name", REVIEWERS)
def test_no_page_tells_rank_score_name_or_page_before_the_decision(pages: Pages, name: str) -> None:
    person = pages.world.people[name]
    secret = [word.encode() for case in ("A own", "shared") for word in tells(recorded(pages.world, case))]
    assert len(secret) > 60
    told, opened = [], 0
    for route, level, content in answers(pages, person):
        opened += 1
        told += [(route.path, level, word) for word in secret if word in content]
    assert opened > 40
    assert told == []


@pytest.mark.parametrize("name", REVIEWERS)
def test_no_form_tells_either(pages: Pages, name: str) -> None:
    world, person = pages.world, pages.world.people[name]
    secret = [word.encode() for word in tells(recorded(world, "A own"))]
    told = []
    for route in ROUTES:
        if not route.path.startswith("/searches/") or route.method != "POST" or route.path not in ROUTE_FORMS:
            continue
        if route.access.value not in BY_ROLE[person.role] or route.path.endswith("/decision"):
            continue
        target = next(target for target in targets(route, world, person) if target.level == "own")
        request = build_request(world, person, route, target)
        answer = pages.ask(person, "POST", request.address, request.data or None, files=request.files)
        told += [(route.path, word) for word in secret if word in answer.content]
        world.restore()
    assert told == []


def test_pictures_are_of_one_size_whatever_their_rank(pages: Pages) -> None:
    person, search = pages.world.people["A reviewer"], pages.world.cases["A own"].search
    listed = pages.ask(person, "GET", f"/searches/{search}").text
    crops = re.findall(rf'src="(/searches/{search}/candidates/[0-9a-f]+/crop)"', listed)
    assert len(crops) == 5
    assert len({len(pages.ask(person, "GET", crop).content) for crop in crops}) == 1


@pytest.mark.parametrize("outcome", [ReviewOutcome.LEAD, ReviewOutcome.EXCLUDED])
def test_the_second_cannot_tell_what_the_first_decided_nor_that_one_did(pages: Pages, outcome: ReviewOutcome) -> None:
    """Every page that the second person may open is the same, byte for byte, before and after the first decides."""
    world, second = pages.world, pages.world.people["A reviewer"]
    world.restore()
    before = {(route.path, level): masked(content) for route, level, content in answers(pages, second)}
    world.restore()
    first = world.desk_of("A examiner")
    search = world.cases["A own"].search
    name = first.reviews.of_search(search).entries[0].name
    first.reviews.note(search, name, "the left ear is covered")
    assert len(decide_all(first, search, outcome)) == 4
    after = {(route.path, level): masked(content) for route, level, content in answers(pages, second)}
    world.restore()
    assert before.keys() == after.keys()
    assert {page: difference(before[page], after[page]) for page in before if before[page] != after[page]} == {}


@pytest.mark.parametrize("name", ["A examiner", "A reviewer"])
def test_a_list_that_measures_its_reviewers_looks_like_any_other(pages: Pages, name: str) -> None:
    """R23: whoever may review it gets the same bytes, whether the truth about its candidates is on record or not."""
    world, person = pages.world, pages.world.people[name]
    world.restore()
    before = {(route.path, level): masked(content) for route, level, content in answers(pages, person)}
    world.restore()
    supervisor, search = world.desk_of("A supervisor"), world.cases["A own"].search
    names = [entry.name for entry in supervisor.reviews.of_search(search).entries]
    assert len(supervisor.measuring.know(search, dict.fromkeys(names, True))) == 4
    after = {(route.path, level): masked(content) for route, level, content in answers(pages, person)}
    world.restore()
    assert before.keys() == after.keys()
    assert {page: difference(before[page], after[page]) for page in before if before[page] != after[page]} == {}


def difference(before: bytes, after: bytes) -> list[bytes]:
    """Return the lines of a page that are new."""
    return [line for line in after.splitlines() if line not in before.splitlines()][:3]


def masked(content: bytes) -> bytes:
    """Return a page without what differs between any two: tokens of forms, and digests of what was just recorded."""
    content = re.sub(rb'name="csrf" value="[^"]*"', b"", content)
    return re.sub(rb"'content-length', '\d+'", b"", content)
