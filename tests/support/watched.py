"""A case with a probe on watch, and portraits that are enrolled while it is."""

from __future__ import annotations

import shutil
from datetime import timedelta

import cv2
from tests.conftest import PORTRAITS
from tests.support.squad import Squad
from tests.support.world import CASE, MEBI, PROBE, SOURCE, World, ingest

from lineament.model.search import ProbeKind
from lineament.model.sources import SourceTerms
from lineament.model.watches import ProbeWatch, WatchTerms
from lineament.sources.folder.connector import FolderConnector
from lineament.workspace import Desk

OTHERS = ("obama.jpg", "sunak.jpg")
"""Portraits of people who are not the one of PROBE."""
SAME = "macron-2025.jpg"
"""Another portrait of the person of PROBE."""
REASON = "missing since Monday"


def add_source(world: World, name: str = SOURCE) -> None:
    """Register a source."""
    terms = SourceTerms(name=name, controller="Commons", basis="free licences", jurisdiction="FR")
    world.machine.sources.add(terms)


def enrol(world: World, *names: str, source: str = SOURCE, width: int | None = None) -> None:
    """Ingest portraits, as the person at the machine; those of another ``width`` are other pictures."""
    folder = world.workspace.home.parent / f"{source}-{len(list(world.workspace.home.parent.iterdir()))}"
    folder.mkdir()
    for name in names:
        if width is None:
            shutil.copy(PORTRAITS / name, folder)
        else:
            picture = cv2.imread(str(PORTRAITS / name), cv2.IMREAD_COLOR)
            assert picture is not None
            height = round(picture.shape[0] * width / picture.shape[1])
            cv2.imwrite(str(folder / name), cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
    assert ingest(world.workspace, source, [folder]).faces == len(names)


def enrol_more(agency: Squad) -> None:
    """Enrol another picture of the person of PROBE, as the operator."""
    folder = agency.workspace.home.parent / "more"
    folder.mkdir()
    shutil.copy(PROBE, folder)
    agency.operator_desk.ingest.run(SOURCE, FolderConnector([folder], page_base=None, max_bytes=MEBI), workers=1)


def keep_watch(
    world: World, days: int = 10, sources: tuple[str, ...] = (), desk: Desk | None = None, case: str = CASE.ref
) -> ProbeWatch:
    """Put the face of PROBE on watch for so many days."""
    acting = desk or world.machine
    probe = acting.probes.take(case, PROBE.read_bytes(), kind=ProbeKind.CCTV)
    terms = WatchTerms(reason=REASON, ends_on=world.today + timedelta(days=days), sources=sources)
    return acting.watches.begin(probe.id, terms)


def compare(world: World) -> int:
    """Run every job that waits; return how many."""
    return world.workspace.worker.drain()
