"""Collections, as the programs of others know sources: what they hold, and what an erasure leaves of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from tests.conftest import PORTRAITS
from tests.support.programs import FACELESS, RIGHTS, desk_of_key, key_for
from tests.support.squad import REASON, Squad
from tests.support.world import CASE, World, copied_gallery

from lineament.errors import AlreadyThere, InvalidValue, NoFace, NotAllowed, NotFound, Refused, ReviewedBlind
from lineament.model.accounts import HOME_AGENCY, Account, Permission, Role
from lineament.model.collections import CollectionFace, Dialect, KnownCollection
from lineament.model.similarity import score_of
from lineament.model.sources import SourceTerms
from lineament.services.collections.examples import WantedExample
from lineament.services.collections.faces import PictureToIndex
from lineament.services.collections.searching import ProgramSearch
from lineament.testing import encoded
from lineament.workspace import Desk

MODEL = "watchlist"
CALLED = "Team Ardern"
NAME = "Jacinda Kate Laurell"
EXTERNAL = "file of somebody-77"
ARDERN = (PORTRAITS / "ardern-2018.jpg").read_bytes()
LATER = (PORTRAITS / "ardern-2022.jpg").read_bytes()
OBAMA = (PORTRAITS / "obama.jpg").read_bytes()


def together(*portraits: bytes) -> bytes:
    """Return one picture of several portraits, side by side, the first the largest."""
    whole, across = Image.new("RGB", (450 * len(portraits), 500)), 0
    for number, portrait in enumerate(portraits):
        side = 450 - 50 * number
        whole.paste(Image.open(io.BytesIO(portrait)).convert("RGB").resize((side, side * 10 // 9)), (across, 0))
        across += side
    return encoded(whole, "JPEG", quality=92)


def wanted(least: float = 80) -> ProgramSearch:
    return ProgramSearch(case=CASE.ref, reason="to find where it was published", min_score=score_of(least))


@dataclass(slots=True)
class Asked:
    """A workspace with a program that has a key for everything."""

    world: World
    desk: Desk

    def collection(self) -> KnownCollection:
        """Make the collection of these tests."""
        return self.desk.collections.make(Dialect.REKOGNITION, CALLED)


def desk_of(world: World, *rights: Permission, sources: tuple[str, ...] = (MODEL,)) -> Desk:
    """Return the desk of a program with a new key."""
    case = CASE.ref if Permission.SEARCH in rights else None
    return desk_of_key(world.workspace, key_for(world, *rights, case=case, sources=sources))


@pytest.fixture
def asked(portraits: Path, tmp_path: Path) -> Iterator[Asked]:
    with copied_gallery(portraits, tmp_path / "ws") as world:
        terms = SourceTerms(name=MODEL, controller="Ministry", basis="Act 7", jurisdiction="NZ", retention_days=90)
        world.machine.sources.add(terms)
        yield Asked(world, desk_of(world, *RIGHTS))


def again(asked: Asked) -> Desk:
    """Return the desk of another key with the same bounds, as a later request has it."""
    return desk_of(asked.world, *RIGHTS)


def enrolled(
    desk: Desk, collection: KnownCollection, portrait: bytes, subject: str, called: str | None = None
) -> CollectionFace:
    """Enrol the face of a portrait, and give it to a subject."""
    (face,) = desk.collection_faces.index(collection, PictureToIndex(untrusted=portrait, called=called)).faces
    desk.subjects.assign(collection, subject, [face.key], add=True)
    return desk.collection_faces.get(collection, face.key)


def test_a_collection_is_a_source_with_the_terms_of_the_one_that_the_key_names(asked: Asked) -> None:
    collection = asked.collection()
    source = asked.world.machine.sources.get(collection.source)
    assert (source.terms.controller, source.terms.basis, source.terms.retention_days) == ("Ministry", "Act 7", 90)
    assert CALLED.lower() not in collection.source
    later = again(asked)
    assert later.official.may_use(collection.source)
    assert later.collections.get(Dialect.REKOGNITION, CALLED).source == collection.source
    assert [found.called for found in later.collections.list(Dialect.REKOGNITION)] == [CALLED, MODEL]
    with pytest.raises(AlreadyThere):
        later.collections.make(Dialect.REKOGNITION, CALLED)
    assert later.collections.make(Dialect.COMPREFACE, CALLED).source != collection.source


def test_a_key_that_names_no_source_makes_no_collection_and_none_deletes_what_a_person_registered(asked: Asked) -> None:
    with pytest.raises(InvalidValue, match="exactly one source"):
        desk_of(asked.world, *RIGHTS, sources=()).collections.make(Dialect.REKOGNITION, CALLED)
    with pytest.raises(NotAllowed):
        asked.desk.collections.delete(Dialect.REKOGNITION, MODEL)
    with pytest.raises(NotFound):
        asked.desk.collections.get(Dialect.REKOGNITION, "portraits")


def test_faces_are_enrolled_named_listed_and_found(asked: Asked) -> None:
    collection = asked.collection()
    desk = again(asked)
    face = enrolled(desk, collection, ARDERN, NAME, EXTERNAL)
    assert desk.collection_faces.index(collection, PictureToIndex(untrusted=ARDERN)).faces == (face,)
    desk.collection_faces.index(collection, PictureToIndex(untrusted=OBAMA))
    assert (face.called, face.subject.called if face.subject else None) == (EXTERNAL, NAME)
    assert desk.collection_faces.get(collection, face.key) == face
    assert [found.called for found in desk.collection_faces.page(collection)] == [EXTERNAL, None]
    found = desk.collection_search.by_picture(collection, LATER, wanted())
    assert [each.face.key for each in found.found] == [face.key]
    assert "search" in asked.world.actions()
    with pytest.raises(NoFace):
        desk.collection_search.by_picture(collection, FACELESS, wanted())
    assert len(asked.world.machine.casework.probes(CASE.ref)) == 1


def test_a_face_and_a_subject_are_searched_with_and_not_found_again(asked: Asked) -> None:
    collection = asked.collection()
    desk = again(asked)
    face = enrolled(desk, collection, ARDERN, NAME)
    (later,) = desk.collection_faces.index(collection, PictureToIndex(untrusted=LATER)).faces
    found = desk.collection_search.by_face(collection, face, wanted())
    assert [each.face.key for each in found.found] == [later.key]
    subject = desk.subjects.get(collection, NAME)
    found = desk.collection_search.by_subject(collection, subject, wanted())
    assert [each.face.key for each in found.found] == [later.key]
    probe = asked.world.machine.search.get(found.search_id).probe_origin
    assert probe is not None
    assert (probe.search_id, probe.source) == (None, collection.source)


def test_faces_are_given_to_a_subject_and_taken_from_it(asked: Asked) -> None:
    collection = asked.collection()
    desk = again(asked)
    (first,) = desk.collection_faces.index(collection, PictureToIndex(untrusted=ARDERN)).faces
    second = enrolled(desk, collection, OBAMA, "Barack")
    desk.subjects.add(collection, NAME)
    assigned = desk.subjects.assign(collection, NAME, [first.key, second.key, "00000000-0000-0000-0000-000000000000"])
    assert assigned.done == (first.key,)
    assert [why.value for _, why in assigned.not_done] == ["of another subject", "not there"]
    desk.subjects.rename(collection, NAME, "J.")
    assert [subject.called for subject in desk.subjects.page(collection)].count("J.") == 1
    assert desk.subjects.release(collection, "J.", [first.key]).done == (first.key,)
    assert desk.collection_faces.get(collection, first.key).subject is None
    assert list(desk.subjects.remove(collection, "Barack")) == [second.id]
    assert desk.collection_faces.get(collection, second.key).subject is None


def test_an_example_gives_its_subject_the_face_that_it_shows_and_no_other(asked: Asked) -> None:
    collection = asked.collection()
    desk = again(asked)
    group = WantedExample(untrusted=together(ARDERN, OBAMA), subject=NAME, alone=False)
    largest, other = desk.collection_faces.index(collection, PictureToIndex(untrusted=group.untrusted)).faces
    assert desk.examples.add(collection, group).key == largest.key
    assert desk.collection_faces.get(collection, other.key).subject is None
    desk.collection_faces.delete(collection, [largest.key])
    with pytest.raises(InvalidValue, match="without this face"):
        desk.examples.add(collection, group)
    assert desk.collection_faces.get(collection, other.key).subject is None


def test_a_face_of_a_subject_that_was_removed_is_one_of_another_then(asked: Asked) -> None:
    collection = asked.collection()
    desk = again(asked)
    face = enrolled(desk, collection, ARDERN, NAME)
    desk.subjects.remove(collection, NAME)
    example = desk.examples.add(collection, WantedExample(untrusted=ARDERN, subject="Kate"))
    assert (example.key, example.subject.called if example.subject else None) == (face.key, "Kate")
    assert {"subject_added", "subject_removed"} <= set(asked.world.actions())


def test_nothing_is_left_of_names_once_they_are_erased(asked: Asked) -> None:
    collection = asked.collection()
    desk = again(asked)
    face = enrolled(desk, collection, ARDERN, NAME, EXTERNAL)
    rows = [said(asked.world, table) for table in ("collection_faces", "subjects", "api_collections")]
    assert [len(sealed) for sealed in rows] == [1, 1, 1]
    stored = asked.world.stored_bytes()
    for text in (NAME, EXTERNAL, CALLED):
        assert text.encode() not in stored
    assert NAME not in asked.world.all_details()
    assert EXTERNAL not in asked.world.all_details()
    assert desk.collection_faces.delete(collection, [face.key]) == ([face.key], [])
    assert rows[0][0] not in asked.world.stored_bytes()
    desk.collections.delete(Dialect.REKOGNITION, CALLED)
    left = asked.world.stored_bytes()
    assert [sealed for kind in rows for sealed in kind if sealed in left] == []
    receipt = asked.world.machine.erase.receipt(collection.source)
    assert '"rows":0' in receipt.replace(" ", "")
    assert desk.collections.make(Dialect.REKOGNITION, CALLED).source != collection.source


def said(world: World, table: str) -> list[bytes]:
    with world.workspace.store.read() as tx:
        return [bytes(row[0]) for row in tx.connection.exec_driver_sql(f"SELECT sealed FROM {table}").all()]


# ---------------------------------------------------------------- in an agency


def test_in_an_agency_a_second_person_approves_it_and_lists_are_reviewed_blind(team: Squad) -> None:
    second = team.join(HOME_AGENCY, Role.OPERATOR, name="Omar Operator")
    terms = SourceTerms(name=MODEL, controller="Ministry", basis="Act 7", jurisdiction="NZ")
    team.fresh_desk(team.operator).sources.add(terms)
    team.fresh_desk(second).sources.approve(MODEL)
    operating = (Permission.READ_SOURCES, Permission.MANAGE_SOURCES)
    collection = agency_desk(team, team.operator, *operating).collections.make(Dialect.REKOGNITION, CALLED)
    operator = agency_desk(team, team.operator, *operating)
    with pytest.raises(Refused, match="second"):
        operator.collection_faces.index(collection, PictureToIndex(untrusted=ARDERN))
    team.fresh_desk(second).sources.approve(collection.source)
    operator.collection_faces.index(collection, PictureToIndex(untrusted=ARDERN))

    case = team.open_case()
    searching = (Permission.READ_SOURCES, Permission.READ_CASES, Permission.OPEN_CASES, Permission.SEARCH)
    examiner = agency_desk(team, team.examiner, *searching, case=case.key)
    seen = examiner.collections.get(Dialect.REKOGNITION, collection.source)
    request = ProgramSearch(case=case.key, reason=REASON, min_score=score_of(80))
    with pytest.raises(ReviewedBlind) as hidden:
        examiner.collection_search.by_picture(seen, LATER, request)
    assert team.fresh_desk(team.examiner).search.get(str(hidden.value.details["search"])).listed == 1
    with pytest.raises(NotAllowed):
        examiner.collection_faces.index(seen, PictureToIndex(untrusted=OBAMA))
    with pytest.raises(NotAllowed):
        operator.collection_search.by_picture(collection, LATER, request)


def agency_desk(team: Squad, account: Account, *rights: Permission, case: str | None = None) -> Desk:
    """Return the desk of a program of somebody in an agency, with a new key."""
    return desk_of_key(team.workspace, key_for(team, *rights, account=account, case=case, sources=(MODEL,)))
