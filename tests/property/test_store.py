"""Everything stored comes back, and the counts are right after any sequence of changes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from tests.support.store_rows import MODEL, NOW, Rows, at_home

from lineament.model.cases import Authorisation, AuthorisationOutcome
from lineament.model.faces import Box, CaptureId, Face, FaceId, Landmarks, Quality, QualityReason, Template
from lineament.model.folding import says_something
from lineament.model.search import Candidate, Edit, EditKind, Mode, Probe, SearchResult
from lineament.store import values
from lineament.store.db import Store, Tx
from lineament.store.faces import NewFace
from lineament.store.ring import KeyRing
from lineament.testing import VAULT

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30)
words = texts.filter(lambda text: text.strip() != "")
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
times = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as it asks
points = st.tuples(numbers, numbers)
boxes = st.builds(Box, x=numbers, y=numbers, width=numbers, height=numbers)
landmarks = st.builds(Landmarks, left_eye=points, right_eye=points, nose=points, left_mouth=points, right_mouth=points)
qualities = st.builds(
    Quality,
    face_height=numbers,
    detector_score=numbers,
    norm=numbers,
    sharpness=numbers,
    exposure=numbers,
    yaw=numbers,
    cropped=numbers,
    reasons=st.lists(st.sampled_from(QualityReason), unique=True).map(tuple),
)
vectors = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=16).map(lambda row: np.array(row, dtype=np.float32))
faces = st.builds(
    Face, box=boxes, landmarks=landmarks, quality=qualities, template=st.builds(Template, st.just(MODEL), vectors)
)
edits = st.builds(
    Edit, kind=st.sampled_from(EditKind), degrees=st.integers(0, 360), box=st.none() | boxes, stops=numbers
)
candidates = st.builds(
    Candidate,
    rank=st.integers(1, 50),
    score=numbers,
    expected_false=numbers,
    face_id=st.integers(1, 2**53).map(FaceId),
    capture_id=st.integers(1, 2**53).map(CaptureId),
    source=words,
    uri=texts,
    page_uri=st.none() | texts,
    page_title=st.none() | texts,
    captured_at=st.none() | times,
    sha256=digests,
    phash=st.binary(max_size=32),
    box=boxes,
    width=st.integers(1, 2**31),
    height=st.integers(1, 2**31),
    near_duplicates=st.lists(st.integers(1, 2**53).map(FaceId), max_size=4).map(tuple),
    group=st.none() | st.integers(1, 50),
    unlisted=st.integers(0, 1200),
    drawn=st.booleans(),
    extrapolated=st.none() | st.tuples(numbers, numbers),
)
lists = st.lists(candidates, max_size=5, unique_by=lambda candidate: candidate.rank).map(
    lambda drawn: tuple(sorted(drawn, key=lambda candidate: candidate.rank))
)
dates = st.none() | st.dates(date(1000, 1, 1), date(9999, 1, 1))
results = st.builds(
    SearchResult,
    search_id=st.just("named when it is stored"),
    case=st.just("2026/17"),
    reason=words.filter(says_something),
    made_at=times,
    model=words,
    gallery_faces=st.integers(0, 2**53),
    sources=st.lists(texts, max_size=3).map(tuple),
    mode=st.sampled_from(Mode),
    threshold=numbers,
    since=dates,
    until=dates,
    limit=st.integers(1, 50),
    probe_id=st.just("theprobe"),
    probe_sha256=digests,
    face=st.integers(1, 9),
    face_box=boxes,
    quality=qualities,
    candidates=lists,
    seconds=numbers,
    ledger_entry=st.just(0),
)


authorisations = st.builds(
    Authorisation,
    authority=words,
    decided_at=times,
    outcome=st.sampled_from(AuthorisationOutcome),
    document_sha256=st.none() | digests,
    scope=words,
    expires_on=dates,
    recorded_by=texts,
    recorded_at=times,
)


@given(box=boxes, points=landmarks, quality=qualities, edit=edits)
def test_values_come_back_from_json(box: Box, points: Landmarks, quality: Quality, edit: Edit) -> None:
    assert values.box_from(json.loads(values.text(values.box_to(box)))) == box
    assert values.landmarks_from(json.loads(values.text(values.landmarks_to(points)))) == points
    assert values.quality_from(json.loads(values.text(values.quality_to(quality)))) == quality
    assert values.edit_from(json.loads(values.text(values.edit_to(edit)))) == edit


@given(authorisation=authorisations)
def test_authorisations_come_back_from_json(authorisation: Authorisation) -> None:
    assert values.authorisation_from(json.loads(values.text(values.authorisation_to(authorisation)))) == authorisation


@given(face=faces)
def test_faces_come_back_from_json(face: Face) -> None:
    back = values.face_from(json.loads(values.text(values.face_to(face))))
    assert np.array_equal(back.template.vector, face.template.vector)
    assert back.template.model == face.template.model
    assert replace(back, template=face.template) == face


def test_numbers_of_numpy_are_taken() -> None:
    box = Box(x=np.float32(0.1), y=np.float64(0.1), width=np.int64(3), height=4)  # type: ignore[arg-type]
    assert values.box_from(json.loads(values.text(values.box_to(box)))) == box


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return Rows(KeyRing.in_file(tmp_path_factory.mktemp("keys") / "kek"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> Iterator[Store]:
    store = at_home(Store.create(f"sqlite:///{tmp_path_factory.mktemp('store')}/lineament.db", VAULT))
    with store.begin() as tx:
        case, key = rows.case(tx)
        probe = Probe(
            id="theprobe",
            case=case.ref,
            sha256=rows.sha256(),
            media_type="image/png",
            width=1,
            height=1,
            faces=(),
            made_at=NOW,
        )
        tx.probes.add(probe, case.id, rows.sha256(), key)
    yield store
    store.close()


@settings(max_examples=40)
@given(result=results, examiner=words.filter(says_something))
def test_a_search_comes_back_as_it_was_shown(store: Store, rows: Rows, result: SearchResult, examiner: str) -> None:
    with store.begin() as tx:
        case = tx.cases.by_id(1)
        entry = rows.entry(tx, case=case)
        result = replace(result, ledger_entry=entry, search_id=f"search{entry}", case_key=case.key)
        tx.searches.add(result, case.id, agency_id=case.agency_id, examiner=examiner)
    with store.read() as tx:
        stored = tx.searches.stored(result.search_id)
    assert stored.result == result
    assert stored.examiner == examiner
    assert stored.erased == ()


class SecondThoughts(Exception):
    """A transaction that is rolled back."""


class Enrolment(RuleBasedStateMachine):
    """A source, compared with a dictionary."""

    captures: Bundle[CaptureId] = Bundle("captures")

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="lineament-")
        self.rows = Rows(KeyRing.in_file(Path(self.folder.name) / "kek"))
        self.store = Store.create(f"sqlite:///{self.folder.name}/lineament.db", VAULT)
        with self.store.begin() as tx:
            self.made = self.rows.source(tx)
            self.other = self.rows.source(tx, "other")
            self.rows.enrolled(tx, self.other)
        self.was_sent: dict[CaptureId, dict[FaceId, Face]] = {}
        self.last = 0

    @rule(target=captures, many=st.integers(0, 4))
    def enrol(self, many: int) -> CaptureId:
        found = [self.rows.face(dimension=8) for _ in range(many)]
        with self.store.begin() as tx:
            capture_id = tx.captures.add(self.rows.capture(self.made.source))
            new = [NewFace(face=face, crop=self.rows.sha256()) for face in found]
            ids = tx.faces.add(capture_id, self.made.source.id, new, self.made.key, 0)
        assert all(face_id > self.last for face_id in ids)
        self.last = max([self.last, *ids])
        self.was_sent[capture_id] = dict(zip(ids, found, strict=True))
        return capture_id

    @rule(capture_id=consumes(captures))
    def erase_a_capture(self, capture_id: CaptureId) -> None:
        with self.store.begin() as tx:
            tx.captures.erase(capture_id, self.made.key)
        del self.was_sent[capture_id]

    @rule(capture_id=captures, which=st.integers(0, 3))
    def erase_a_face(self, capture_id: CaptureId, which: int) -> None:
        ids = list(self.was_sent[capture_id])
        if which < len(ids):
            with self.store.begin() as tx:
                tx.faces.erase(self.made.source.id, [ids[which]], self.made.key)
            del self.was_sent[capture_id][ids[which]]

    @rule(capture_id=captures)
    def change_ones_mind(self, capture_id: CaptureId) -> None:
        with pytest.raises(SecondThoughts), self.store.begin() as tx:
            self.erase_and_regret(tx, capture_id)

    def erase_and_regret(self, tx: Tx, capture_id: CaptureId) -> None:
        tx.captures.erase(capture_id, self.made.key)
        raise SecondThoughts

    @invariant()
    def the_store_says_the_same(self) -> None:
        expected = {face_id: face for some in self.was_sent.values() for face_id, face in some.items()}
        with self.store.read() as tx:
            source = tx.sources.get("press")
            ids = tx.faces.ids(source.id, MODEL)
            found, vectors = tx.faces.vectors(ids, self.made.key)
            all_after = [
                face_id for batch, _ in tx.faces.after(source.id, MODEL, 0, self.made.key, 3) for face_id in batch
            ]
            counted = len(list(tx.captures.of_source(source.id)))
            assert tx.tallies.agrees(source.id, self.made.key)
        assert (source.captures, source.faces, source.last_face_id) == (len(self.was_sent), len(expected), self.last)
        assert ids.tolist() == sorted(expected) == found.tolist() == all_after
        assert counted == len(self.was_sent)
        if expected:
            assert np.array_equal(vectors, [expected[FaceId(int(face_id))].template.vector for face_id in ids])

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestEnrolment = Enrolment.TestCase
TestEnrolment.settings = settings(max_examples=8, stateful_step_count=15)
