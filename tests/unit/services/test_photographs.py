"""Photographs that are not in a case yet: admitted first, then added, then searched."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.support.samples import result

from lineament.errors import BadPicture, LineamentError, NoSuchFile, Refused, SeveralFaces
from lineament.model.accounts import Official
from lineament.model.reasons import ReasonCode
from lineament.model.search import ProbeFace, ProbeKind, SearchRequest, SearchResult
from lineament.services.photographs import FailedPhotograph, Photograph, Photographs

REQUEST = SearchRequest(case="K-1", reason="a sighting")
REFUSED = Refused(ReasonCode.NO_SOURCE.reason())


def photograph(name: str, error: LineamentError | None = None) -> Photograph:
    """Return a photograph whose bytes are its name, or which cannot be read."""

    def read() -> bytes:
        if error is not None:
            raise error
        return name.encode()

    return Photograph(name=name, read=read)


class Searching:
    """Stands in for probes and search, and records what is done, in order."""

    def __init__(self, *, gate: LineamentError | None = None, faces: int = 1) -> None:
        self.gate, self.faces = gate, faces
        self.done: list[tuple[object, ...]] = []

    def admit(self, request: SearchRequest) -> None:
        self.done.append(("admit", request.case))
        if self.gate is not None:
            raise self.gate

    def take(self, case: str, untrusted: bytes, *, kind: ProbeKind | None = None, part: int | None = None) -> object:
        assert part is None
        self.done.append(("take", case, untrusted.decode(), kind))
        if untrusted.startswith(b"bad"):
            raise BadPicture(why="it is torn")
        faces = [SimpleNamespace(box=number) for number in range(self.faces)]
        return SimpleNamespace(id=f"probe of {untrusted.decode()}", faces=faces, width=4, height=3, erased_at=None)

    def run(self, probe_id: str, request: SearchRequest, face: int | None = None) -> SearchResult:
        self.done.append(("run", probe_id, request.others, face))
        return result(probe_id=probe_id)


Make = Callable[[Searching], Photographs]


@pytest.fixture
def make() -> Make:
    """Return a function that builds the service on a stand-in for probes and search."""
    record = SimpleNamespace(require=lambda *_: None, official=Official(name="Eve", solo=True))
    return lambda searching: Photographs(cast("Any", record), cast("Any", searching), cast("Any", searching))


def test_a_photograph_is_added_once_the_gate_admits_the_search(make: Make) -> None:
    searching = Searching()
    answer = make(searching).search(photograph("a"), REQUEST, kind=ProbeKind.CCTV, face=2)
    assert answer == result(probe_id="probe of a")
    assert searching.done == [
        ("admit", "K-1"),
        ("take", "K-1", "a", ProbeKind.CCTV),
        ("run", "probe of a", (), 2),
    ]


@pytest.mark.parametrize("together", [False, True], ids=["one", "together"])
def test_nothing_is_stored_of_what_the_gate_refuses(make: Make, *, together: bool) -> None:
    searching = Searching(gate=REFUSED)
    service = make(searching)
    with pytest.raises(Refused):
        _ = service.search_fused([photograph("a")], REQUEST) if together else service.search(photograph("a"), REQUEST)
    assert searching.done == [("admit", "K-1")]


def test_the_gate_is_not_asked_about_an_unreadable_photograph(make: Make) -> None:
    searching = Searching()
    with pytest.raises(NoSuchFile):
        make(searching).search(photograph("a", NoSuchFile(path="a")), REQUEST)
    assert searching.done == []


def test_of_several_each_has_an_answer_of_its_own(make: Make) -> None:
    photographs = [photograph("a"), photograph("bad"), photograph("c", NoSuchFile(path="c")), photograph("d")]
    answers = list(make(Searching()).search_each(photographs, REQUEST))
    failed = [answer for answer in answers if isinstance(answer, FailedPhotograph)]
    assert [answers[0], answers[3]] == [result(probe_id="probe of a"), result(probe_id="probe of d")]
    assert [(failure.name, failure.error.code) for failure in failed] == [("bad", "bad-picture"), ("c", "no-such-file")]


def test_several_are_refused_together_before_any_is_read(make: Make) -> None:
    searching = Searching(gate=REFUSED)
    with pytest.raises(Refused):
        next(make(searching).search_each([photograph("a", NoSuchFile(path="a"))], REQUEST))
    assert searching.done == [("admit", "K-1")]


def test_the_next_photograph_is_searched_when_its_answer_is_asked_for(make: Make) -> None:
    searching = Searching()
    answers = make(searching).search_each([photograph("a"), photograph("b")], REQUEST)
    next(answers)
    assert [step[2] for step in searching.done if step[0] == "take"] == ["a"]
    next(answers)
    assert [step[2] for step in searching.done if step[0] == "take"] == ["a", "b"]


def test_photographs_of_one_person_are_fused_in_one_search(make: Make) -> None:
    searching = Searching()
    answer = make(searching).search_fused([photograph("a"), photograph("b"), photograph("c")], REQUEST, face=1)
    assert answer == result(probe_id="probe of a")
    others = tuple(ProbeFace(probe_id=f"probe of {name}", face=1) for name in "bc")
    assert searching.done[-1] == ("run", "probe of a", others, 1)


@pytest.mark.parametrize(
    ("second", "taken"), [(photograph("bad"), ["a", "bad"]), (photograph("c", NoSuchFile(path="c")), [])]
)
def test_an_unusable_photograph_stops_the_search_for_all(make: Make, second: Photograph, taken: list[str]) -> None:
    searching = Searching()
    answer = make(searching).search_fused([photograph("a"), second, photograph("d")], REQUEST)
    assert isinstance(answer, FailedPhotograph)
    assert answer.name == second.name
    assert [step[2] for step in searching.done if step[0] == "take"] == taken
    assert "run" not in [step[0] for step in searching.done]


def test_a_further_photograph_shows_one_face_alone(make: Make) -> None:
    answer = make(Searching(faces=2)).search_fused([photograph("a"), photograph("b")], REQUEST, face=2)
    assert isinstance(answer, FailedPhotograph)
    assert (answer.name, type(answer.error)) == ("b", SeveralFaces)
