"""Searches at once, beside an ingest, answer what each answers alone."""

from __future__ import annotations

from pathlib import Path

from bench.at_once import differ, measure
from bench.whole import build

from lineament.model.sources import SourceTerms
from lineament.settings import Settings
from lineament.workspace import Workspace


def test_searches_at_once_beside_an_ingest_answer_what_each_answers_alone(tmp_path: Path) -> None:
    build(tmp_path / "ws", 400)
    with Workspace.open(Settings(home=tmp_path / "ws")) as workspace:
        desk = workspace.desk_at_the_machine()
        desk.sources.add(SourceTerms(name="growing", controller="bench", basis="made up", jurisdiction="FR"))
        _, beside, wrong, ingested = measure(workspace, tmp_path / "photographs", 6)
        assert desk.audit.verify().entries > 12
    assert wrong == 0
    assert len(beside) == 6
    assert ingested > 0


def test_a_list_that_lacks_a_face_or_has_another_order_differs() -> None:
    alone = [(1, 0.9), (2, 0.8), (3, 0.7)]
    assert not differ(alone, alone)
    assert not differ(alone, alone[:2])
    for beside in ([], [(2, 0.8), (3, 0.7)], [(1, 0.9), (3, 0.7)], [(2, 0.8), (1, 0.9)], [(1, 0.91)]):
        assert differ(alone, beside)
