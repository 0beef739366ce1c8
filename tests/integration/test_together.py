"""Several people searched at once, and what is new since a search: real photographs, and a recount by hand."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import PORTRAITS, Ran, two_people
from tests.support.serving import serving, token_in
from tests.support.world import CASE, MEBI, World, copied, solo

from lineament.errors import InvalidValue, NotFound, RecordAltered
from lineament.model.faces import FaceId
from lineament.model.search import Candidate, Mode, Probe, ProbeFace, SearchRequest, SearchResult
from lineament.model.sources import SourceTerms
from lineament.model.together import Together
from lineament.services.new_since import request_again
from lineament.sources.folder.connector import FolderConnector

MACRON, ARDERN = "macron-2014.jpg", "ardern-2018.jpg"


pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a picture of both, one of each with somebody else, and portraits."""
    folder = tmp_path_factory.mktemp("press")
    two_people(folder / "both.jpg", "macron-2025.jpg", "ardern-2022.jpg")
    two_people(folder / "macron-and-obama.jpg", "macron-2025.jpg", "obama.jpg")
    two_people(folder / "ardern-and-sunak.jpg", "ardern-2022.jpg", "sunak.jpg")
    for name in ("macron-2025.jpg", "ardern-2022.jpg", "obama.jpg"):
        shutil.copy(PORTRAITS / name, folder)
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, press: Path) -> Path:
    home = tmp_path_factory.mktemp("together") / "ws"
    with solo(home) as made:
        terms = SourceTerms(name="press", controller="Press", basis="contract", jurisdiction="FR")
        made.machine.sources.add(terms)
        ingest(made, press)
        made.machine.casework.open(CASE)
    return home


@pytest.fixture
def world(built: Path, tmp_path: Path) -> Iterator[World]:
    with copied(built, tmp_path / "ws") as made:
        yield made


def ingest(world: World, *paths: Path) -> None:
    connector = FolderConnector(list(paths), page_base=None, max_bytes=MEBI)
    world.machine.ingest.run("press", connector, workers=1)


def take(world: World, name: str) -> Probe:
    return world.machine.probes.take(CASE.ref, (PORTRAITS / name).read_bytes())


def search(world: World, together: Together, **changes: object) -> SearchResult:
    request = SearchRequest(
        **{  # type: ignore[arg-type]
            "case": CASE.ref,
            "reason": "to find them together",
            "mode": Mode.MANUAL,
            "min_score": 0.35,
            "people": (ProbeFace(probe_id=take(world, ARDERN).id, face=1),),
            "together": together,
        }
        | changes
    )
    return world.machine.search.run(take(world, MACRON).id, request, 1)


def name_of(candidate: Candidate) -> str:
    return candidate.uri.rpartition("/")[2]


def scores_by_hand(world: World, result: SearchResult) -> dict[int, tuple[int, list[float]]]:
    """Return for each face of the gallery its picture, and its score with each person; from the templates alone."""
    desk = world.machine
    wanted = [desk.probes.get(result.probe_id).faces[result.face - 1]]
    wanted += [desk.probes.get(person.probe_id).faces[person.face - 1] for person in result.people]
    with world.workspace.store.read() as tx:
        from lineament.services.keyholder import source_key

        source = tx.sources.get("press")
        key = source_key(tx, world.workspace.keys, source)
        ids = tx.faces.ids(source.id, result.model)
        found, vectors = tx.faces.vectors(ids, key)
        captures = tx.places.captures_of([FaceId(face) for face in found.tolist()])
    return {
        face: (captures[FaceId(face)], [float(np.dot(vector, one.template.vector)) for one in wanted])
        for face, vector in zip(found.tolist(), vectors, strict=True)
    }


def test_only_a_picture_of_both_shows_all(world: World) -> None:
    result = search(world, Together.ALL)
    assert {name_of(candidate) for candidate in result.candidates} == {"both.jpg"}
    assert [candidate.person for candidate in result.candidates] == [1, 2]
    assert len({candidate.face_id for candidate in result.candidates}) == 2
    assert [candidate.group for candidate in result.candidates] == [1, 1]
    assert len(result.entries) == 1
    assert world.machine.search.get(result.search_id) == result, "it is read as it was made"
    world.machine.audit.verify()


def test_the_list_of_all_can_be_made_again_by_hand(world: World) -> None:
    """What a lawyer of the defence would do: every way of giving faces to people, in every picture."""
    result = search(world, Together.ALL, min_score=0.0)
    pictures: dict[int, list[tuple[int, list[float]]]] = {}
    for face, (capture, scores) in scores_by_hand(world, result).items():
        pictures.setdefault(capture, []).append((face, scores))
    limits = [result.threshold, *(person.threshold for person in result.people)]
    recounted = {}
    for capture, faces in pictures.items():
        ways = [
            (min(one[1][0], other[1][1]), (one[0], other[0]))
            for one, other in permutations(faces, 2)
            if one[1][0] >= limits[0] and other[1][1] >= limits[1]
        ]
        if ways:
            recounted[capture] = max(ways)
    listed: dict[int, list[Candidate]] = {}
    for candidate in result.candidates:
        listed.setdefault(int(candidate.capture_id), []).append(candidate)
    assert listed.keys() == recounted.keys()
    for capture, candidates in listed.items():
        assert tuple(candidate.face_id for candidate in candidates) == recounted[capture][1]
        assert min(candidate.score for candidate in candidates) == pytest.approx(recounted[capture][0], abs=1e-5)
    weakest = [min(face.score for face in (entry.candidate, *entry.further)) for entry in result.entries]
    assert weakest == sorted(weakest, reverse=True)


def test_any_of_them_is_one_list_that_says_who(world: World) -> None:
    result = search(world, Together.ANY)
    by_person = {
        person: {name_of(candidate) for candidate in result.candidates if candidate.person == person}
        for person in (1, 2)
    }
    assert by_person[1] >= {"both.jpg", "macron-and-obama.jpg", "macron-2025.jpg"}
    assert by_person[2] >= {"both.jpg", "ardern-and-sunak.jpg", "ardern-2022.jpg"}
    by_hand = scores_by_hand(world, result)
    for candidate in result.candidates:
        scores = by_hand[int(candidate.face_id)][1]
        assert candidate.person == scores.index(max(scores)) + 1
        assert candidate.score == pytest.approx(max(scores), abs=1e-5)
    above = {face for face, (_, scores) in by_hand.items() if max(scores) >= 0.35}
    assert above == {
        int(face) for candidate in result.candidates for face in (candidate.face_id, *candidate.near_duplicates)
    }
    assert world.machine.search.get(result.search_id) == result


def test_the_thresholds_are_those_of_each_person_alone(world: World) -> None:
    both = search(world, Together.ALL, mode=Mode.IDENTIFICATION, min_score=None)
    alone = [
        world.machine.search.run(take(world, name).id, SearchRequest(case=CASE.ref, reason="alone"), 1)
        for name in (MACRON, ARDERN)
    ]
    assert [both.threshold, both.people[0].threshold] == [one.threshold for one in alone]
    assert [both.missed, both.people[0].missed] == [one.missed for one in alone]


def test_several_faces_of_one_photograph_are_several_people(world: World, tmp_path: Path) -> None:
    two_people(tmp_path / "group.jpg", MACRON, ARDERN)
    probe = world.machine.probes.take(CASE.ref, (tmp_path / "group.jpg").read_bytes())
    request = SearchRequest(
        case=CASE.ref,
        reason="both",
        mode=Mode.MANUAL,
        min_score=0.35,
        people=(ProbeFace(probe_id=probe.id, face=2),),
        together=Together.ALL,
    )
    result = world.machine.search.run(probe.id, request, 1)
    assert {name_of(candidate) for candidate in result.candidates} == {"both.jpg"}
    twice = SearchRequest(
        case=CASE.ref, reason="both", people=(ProbeFace(probe_id=probe.id, face=1),), together=Together.ANY
    )
    with pytest.raises(InvalidValue, match="a face of their own"):
        world.machine.search.run(probe.id, twice, 1)


def test_what_cannot_be_asked_is_refused(world: World) -> None:
    with pytest.raises(InvalidValue, match="need a threshold"):
        search(world, Together.ALL, mode=Mode.INVESTIGATION, min_score=None)
    with pytest.raises(InvalidValue, match="say whether"):
        SearchRequest(case="K", reason="r", together=Together.ANY)
    with pytest.raises(InvalidValue, match="at most"):
        SearchRequest(
            case="K", reason="r", together=Together.ANY, people=tuple(ProbeFace(probe_id="a", face=1) for _ in range(5))
        )


def test_an_erased_face_leaves_the_list_and_the_record_verifies(world: World) -> None:
    result = search(world, Together.ALL)
    world.machine.erase.face(result.candidates[1].face_id, "asked")
    stored = world.machine.search.stored(result.search_id)
    assert [candidate.person for candidate in stored.result.candidates] == [1]
    assert [(erased.rank, erased.score) for erased in stored.erased] == [(2, result.candidates[1].score)]
    world.machine.audit.verify()


# ---------------------------------------------------------------- what is new


def again(world: World, earlier: SearchResult, reason: str = "what is new?") -> SearchResult:
    return world.machine.search.run(earlier.probe_id, request_again(earlier, reason), earlier.face)


def test_only_what_was_enrolled_since_is_compared_at_the_threshold_of_the_whole(world: World, tmp_path: Path) -> None:
    request = SearchRequest(case=CASE.ref, reason="first", mode=Mode.IDENTIFICATION)
    first = world.machine.search.run(take(world, MACRON).id, request, 1)
    nothing = again(world, first)
    assert (nothing.gallery_faces, nothing.candidates) == (0, ())
    (tmp_path / "more").mkdir()
    shutil.copy(PORTRAITS / "macron-2014.jpg", tmp_path / "more" / "new.jpg")
    shutil.copy(PORTRAITS / "sunak.jpg", tmp_path / "more" / "sunak.jpg")
    ingest(world, tmp_path / "more")
    new = again(world, first)
    assert new.gallery_faces == 2
    assert [name_of(candidate) for candidate in new.candidates] == ["new.jpg"]
    assert new.after is not None
    assert (new.after.search_id, new.after.at, new.after.face) == (first.search_id, first.made_at, first.newest_face)
    assert new.after.whole_faces == first.gallery_faces + 2
    whole = world.machine.search.run(first.probe_id, request, 1)
    assert new.threshold == whole.threshold, "strangers are expected in the whole gallery"
    of_whole = {candidate.face_id: candidate for candidate in whole.candidates}
    for candidate in new.candidates:
        assert candidate.expected_false == of_whole[candidate.face_id].expected_false
    faces = {candidate.face_id for candidate in first.candidates}
    assert {candidate.face_id for candidate in whole.candidates} - faces == {
        candidate.face_id for candidate in new.candidates
    }
    assert world.machine.search.get(new.search_id) == new
    assert (again(world, new).gallery_faces, again(world, new).candidates) == (0, ())
    world.machine.audit.verify()


def test_it_is_the_same_search_with_the_same_people_and_days(world: World) -> None:
    first = search(world, Together.ANY)
    request = request_again(first, "again")
    assert (request.people, request.together) == (
        (ProbeFace(probe_id=first.people[0].probe_id, face=1),),
        Together.ANY,
    )
    assert (request.mode, request.min_score, request.sources) == (first.mode, first.threshold, first.sources)
    new = again(world, first)
    assert (new.gallery_faces, new.together, len(new.people)) == (0, Together.ANY, 1)


def test_a_search_that_was_changed_and_one_of_another_case_are_refused(world: World) -> None:
    from dataclasses import replace

    first = search(world, Together.ANY)
    world.machine.casework.open(replace(CASE, ref="K-2"))
    probe = world.machine.probes.take("K-2", (PORTRAITS / MACRON).read_bytes())
    with pytest.raises(NotFound):
        world.machine.search.run(probe.id, SearchRequest(case="K-2", reason="r", after=first.search_id), 1)
    with world.workspace.store.begin() as tx:
        tx.connection.exec_driver_sql("UPDATE searches SET newest_face = NULL")
    with pytest.raises(RecordAltered):
        again(world, first)


# ---------------------------------------------------------------- the pages


def test_the_pages_search_two_people_and_then_what_is_new(world: World, tmp_path: Path) -> None:
    probe, other = take(world, MACRON), take(world, ARDERN)
    with serving(world.workspace) as served, served.client() as browser:
        page = browser.get(f"/probes/{probe.id}").text
        assert f'name="person" value="{other.id}:1"' in page
        form = {
            "csrf": token_in(page),
            "face": "1",
            "reason": "were they together?",
            "source": "press",
            "mode": "identification",
            "limit": "20",
            "person": f"{other.id}:1",
        }
        without = browser.post(f"/probes/{probe.id}/search", data=form)
        assert without.status_code == 422
        made = browser.post(f"/probes/{probe.id}/search", data=form | {"together": "all"})
        assert made.status_code == 303
        listed = browser.get(made.headers["location"]).text
        assert "1 picture that shows all" in listed
        assert "at most 0.2" in listed
        assert "person 2" in listed
        second = browser.get(f"{made.headers['location']}/candidates/2").text
        assert f"/probes/{other.id}/faces/1" in second, "each candidate stands beside its own person"
        new = browser.get(f"{made.headers['location']}/new").text
        assert "0 faces are new" in new
        assert "were they together?" in new, "the reason is filled in"
        two_people(tmp_path / "later.jpg", MACRON, ARDERN)
        ingest(world, tmp_path / "later.jpg")
        assert "2 faces are new" in browser.get(f"{made.headers['location']}/new").text
        case = browser.get(f"/cases/{probe.case_key}").text
        assert "Search what is new since then" in case
        refused = browser.post(f"{made.headers['location']}/new", data={"csrf": token_in(case), "reason": " "})
        assert refused.status_code == 422
        later = browser.post(f"{made.headers['location']}/new", data={"csrf": token_in(case), "reason": "and now?"})
        shown = browser.get(later.headers["location"]).text
        assert "1 picture that shows all" in shown
        assert "Only what is new since" in shown
        assert "and now?" in shown
        report = browser.post(f"{later.headers['location']}/report", data={"csrf": token_in(case), "as": "page"})
        text = browser.get(report.headers["location"]).text if report.status_code == 303 else report.text
        for words in ("pictures that show all 2 people", "person 2: photograph", "faces enrolled since search"):
            assert words in text


def test_the_terminal_searches_several_people(ready: Callable[..., Ran], press: Path, tmp_path: Path) -> None:
    ready("ingest", "press", press)
    two_people(tmp_path / "asked.jpg", MACRON, ARDERN)
    line = ("--case", "K-1", "--reason", "were they together?", "--min-score", "0.35")
    apart = (PORTRAITS / MACRON, PORTRAITS / ARDERN)
    every = ready("search", *apart, *line, "--together", "all", "--json")
    assert every.code == 0, every.err
    assert {candidate["uri"].rpartition("/")[2] for candidate in every.json["candidates"]} == {"both.jpg"}
    assert [candidate["person"] for candidate in every.json["candidates"]] == [1]
    assert [person["number"] for person in every.json["people"]] == [2]
    group = ready("search", tmp_path / "asked.jpg", *line, "--together", "all", "--json").json
    assert [candidate["uri"] for candidate in group["candidates"]] == [
        candidate["uri"] for candidate in every.json["candidates"]
    ]
    either = ready("search", *apart, *line, "--together", "any")
    assert either.code == 0, either.err
    assert "any of 2 people" in either.out
    assert {"person 1", "person 2"} <= set(re.findall(r"person \d", either.out))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--same-person",), "different people"),
        (("--investigate",), "need a threshold"),
        ((), "it shows 1; several people need another photograph"),
    ],
)
def test_the_terminal_says_what_several_people_need(
    ready: Callable[..., Ran], more: tuple[str, ...], words: str
) -> None:
    photographs = [PORTRAITS / MACRON, PORTRAITS / ARDERN][: 2 if more else 1]
    line = ("--case", "K-1", "--reason", "were they together?", "--together", "all", *more)
    refused = ready("search", *photographs, *line)
    assert refused.code == InvalidValue.exit_code
    assert words in " ".join(refused.err.split())


def test_the_terminal_searches_what_is_new(ready: Callable[..., Ran], photos: Path, tmp_path: Path) -> None:
    line = ("--case", "K-1", "--reason", "because", "--json")
    first = ready("search", tmp_path / "probe.jpg", *line).json
    shutil.copy(PORTRAITS / "macron-2014.jpg", tmp_path / "new.jpg")
    ready("ingest", "press", tmp_path / "new.jpg")
    new = ready("search", "--new-since", first["search_id"], *line)
    assert new.code == 0, new.err
    assert new.json["gallery_faces"] == 1
    assert new.json["after"]["search_id"] == first["search_id"]
    assert new.json["after"]["whole_faces"] == first["gallery_faces"] + 1
    assert "enrolled since search" in ready("search", "--new-since", first["search_id"], *line[:-1]).out
