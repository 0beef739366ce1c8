"""What the terms of a source promise is kept by the code: each field of them is tried (R1, R35)."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.conftest import PORTRAITS
from tests.support.clock import TODAY, Clock
from tests.support.refusals import refused
from tests.support.world import CASE, PROBE, World, ingest, solo

from lineament.errors import AlreadyThere, HostRefused, InvalidValue
from lineament.ledger.receipts import verify_receipt
from lineament.model.actions import Action
from lineament.model.faces import CaptureId
from lineament.model.reasons import ReasonCode
from lineament.model.search import Mode, ProbeKind, SearchRequest, SearchResult
from lineament.model.sources import SourceTerms
from lineament.services.cases.retain import SweepReport
from lineament.services.gallery.items import IngestOutcome
from lineament.services.gallery.register import PermissionDocument
from lineament.sources.choose import choose
from lineament.sources.registry import Terms
from lineament.store.captures import CaptureRows

NAMES = ("macron-2025.jpg", "obama.jpg")
NOTHING = SweepReport(cases=0, probes=0, details=0)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with solo(tmp_path / "ws", Clock(tick=timedelta(milliseconds=1))) as world:
        world.machine.casework.open(CASE)
        yield world


def register(world: World, name: str = "press", **terms: Any) -> None:
    values = {"controller": "Press agency", "basis": "LED Art. 8", "jurisdiction": "FR", **terms}
    world.machine.sources.add(SourceTerms(name=name, **values))


def folder(world: World, *names: str, **side_car: object) -> Path:
    """Return a new folder with some of the portraits, each with the same side-car if there is one."""
    made = world.workspace.home.parent / f"photos-{len(list(world.workspace.home.parent.iterdir()))}"
    made.mkdir()
    for name in names or NAMES:
        shutil.copy(PORTRAITS / name, made)
        if side_car:
            (made / f"{name}.json").write_text(json.dumps(side_car))
    return made


def search(world: World) -> SearchResult:
    desk = world.machine
    probe = desk.probes.take(CASE.ref, PROBE.read_bytes(), kind=ProbeKind.CCTV)
    return desk.search.run(probe.id, SearchRequest(case=CASE.ref, reason="why", mode=Mode.INVESTIGATION))


def compared(world: World) -> int:
    """Return how many faces a search compares, which is what it announces."""
    found = search(world)
    assert len(found.candidates) == min(found.gallery_faces, len(NAMES))
    assert world.machine.search.gallery_faces() == found.gallery_faces
    return found.gallery_faces


# ---------------------------------------------------------------- retention


def test_faces_are_not_searched_once_their_retention_has_run_out_and_the_sweep_erases_them(world: World) -> None:
    register(world, retention_days=1)
    photos = folder(world)
    ingest(world.workspace, "press", [photos])
    world.clock.advance(days=1)
    assert compared(world) == 2, "the day of capture and one day more"
    assert world.machine.retain.sweep() == NOTHING
    world.clock.at = world.clock.at.replace(hour=0) + timedelta(days=1)
    assert compared(world) == 0, "at once, without any sweep"
    world.clock.advance(days=20)
    blobs = set(world.workspace.blobs.addresses())

    assert world.machine.retain.sweep() == SweepReport(cases=0, probes=0, details=0, pictures=2, faces=2)
    assert world.machine.retain.sweep().pictures == 0
    assert Action.RETENTION_ENDED in world.actions()
    source = world.machine.sources.get("press")
    assert (source.captures, source.faces) == (0, 0)
    assert len(blobs - set(world.workspace.blobs.addresses())) == 6, "original, thumbnail and crop of both"
    again = ingest(world.workspace, "press", [photos])
    assert again.outcomes == {IngestOutcome.ERASED_BEFORE: 2}, "enrolling it again does not start a new retention"
    assert world.machine.audit.verify().rows


def test_a_picture_without_a_face_is_not_kept_longer_than_others(world: World) -> None:
    register(world, retention_days=30)
    photos = folder(world, "obama.jpg")
    Image.radial_gradient("L").resize((300, 300)).save(photos / "blank.png")
    ingest(world.workspace, "press", [photos])
    world.clock.advance(days=31)
    assert world.machine.retain.sweep() == SweepReport(cases=0, probes=0, details=0, pictures=2, faces=1)


@pytest.mark.parametrize(
    ("captured", "left"), [("2026-04-20", 0), ("2026-05-01", 2), ("2031-01-01", 0)], ids=["old", "new", "in the future"]
)
def test_the_retention_begins_on_the_day_of_capture_and_never_after_that_of_the_enrolment(
    world: World, captured: str, left: int
) -> None:
    register(world, retention_days=20)
    ingest(world.workspace, "press", [folder(world, captured_at=captured)])
    world.clock.advance(days={"2031-01-01": 21}.get(captured, 10))
    assert compared(world) == left
    world.machine.retain.sweep()
    assert world.machine.sources.get("press").captures == left


def test_a_picture_that_is_too_old_already_is_not_taken_and_counted(world: World) -> None:
    register(world, retention_days=20)
    report = ingest(world.workspace, "press", [folder(world, captured_at="2025-01-01")])
    assert report.outcomes == {IngestOutcome.PAST_RETENTION: 2, IngestOutcome.SIDE_CAR: 2}
    assert world.machine.sources.get("press").captures == 0


def test_a_suspended_or_expired_source_is_swept_too(world: World) -> None:
    register(world, retention_days=5)
    register(world, "other", retention_days=5, expires_on=TODAY)
    for name in ("press", "other"):
        ingest(world.workspace, name, [folder(world)])
    world.machine.sources.suspend("press")
    world.clock.advance(days=6)
    assert world.machine.retain.sweep().pictures == 4


def test_a_candidate_of_a_case_on_hold_stays_sealed_and_is_not_searched(world: World) -> None:
    register(world, retention_days=5)
    ingest(world.workspace, "press", [folder(world)])
    listed = search(world)
    held = listed.candidates[0]
    world.machine.casework.hold(CASE.ref, "a court asked for it")
    ingest(world.workspace, "press", [folder(world, "sunak.jpg")])
    world.clock.advance(days=6)
    assert search(world).gallery_faces == 0

    assert world.machine.retain.sweep() == SweepReport(cases=0, probes=0, details=0, pictures=1, faces=1, held=2)
    kept = world.machine.search.get(listed.search_id)
    assert kept.candidates[0].face_id == held.face_id
    assert world.machine.pictures.original(listed.search_id, str(held.rank))[0] == (PORTRAITS / NAMES[0]).read_bytes()
    assert search(world).gallery_faces == 0

    world.machine.casework.release(CASE.ref)
    assert world.machine.retain.sweep() == SweepReport(cases=0, probes=0, details=0, pictures=2, faces=2)
    assert world.machine.search.get(listed.search_id).candidates == ()


def test_a_hold_set_while_the_sweep_runs_is_respected(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    register(world, retention_days=5)
    ingest(world.workspace, "press", [folder(world)])
    search(world)
    world.clock.advance(days=6)
    find = CaptureRows.past_retention

    def find_then_hold(rows: CaptureRows, *given: Any) -> list[CaptureId]:
        found = find(rows, *given)
        monkeypatch.setattr(CaptureRows, "past_retention", find)
        world.machine.casework.hold(CASE.ref, "a court asked for it")
        return found

    monkeypatch.setattr(CaptureRows, "past_retention", find_then_hold)
    assert world.machine.retain.sweep() == SweepReport(cases=0, probes=0, details=0, held=2)


# ---------------------------------------------------------------- every field of the terms


def name(world: World) -> None:
    register(world)
    with pytest.raises(AlreadyThere):
        register(world)


def controller(world: World) -> None:
    assert receipt_of(world, controller="Agence Y")["controller"] == "Agence Y"
    with pytest.raises(InvalidValue):
        register(world, "other", controller=" ")


def basis(world: World) -> None:
    register(world, basis="LED Art. 10")
    assert "LED Art. 10" in world.last_details()
    with pytest.raises(InvalidValue):
        register(world, "other", basis=" ")


def jurisdiction(world: World) -> None:
    assert receipt_of(world, jurisdiction="BE")["jurisdiction"] == "BE"
    with pytest.raises(InvalidValue):
        register(world, "other", jurisdiction="nowhere")


def permission_sha256(world: World) -> None:
    letter = PermissionDocument(name="letter.pdf", untrusted=b"%PDF we permit it")
    terms = SourceTerms(name="press", controller="Press agency", basis="LED Art. 8", jurisdiction="FR")
    made = world.machine.sources.add(terms, letter)
    assert made.terms.permission_sha256 == hashlib.sha256(letter.untrusted).hexdigest()
    assert world.machine.sources.permission("press") == (letter.untrusted, "letter.pdf")


def expires_on(world: World) -> None:
    register(world, expires_on=TODAY)
    ingest(world.workspace, "press", [folder(world)])
    assert compared(world) == 2
    world.clock.advance(days=1)
    with refused(ReasonCode.NO_SOURCE):
        search(world)
    with refused(ReasonCode.SOURCE_EXPIRED):
        ingest(world.workspace, "press", [folder(world)])


def retention_days(world: World) -> None:
    register(world, retention_days=1)
    ingest(world.workspace, "press", [folder(world)])
    world.clock.advance(days=400)
    assert compared(world) == 0


def page_base(world: World) -> None:
    register(world, page_base="https://press.example/")
    photos = folder(world, "obama.jpg")
    world.machine.collect.run(world.machine.collect.choose("press", [str(photos)]))
    assert search(world).candidates[0].page_uri == "https://press.example/obama.jpg"


def hosts(world: World) -> None:
    with pytest.raises(HostRefused):
        register(world, hosts=("facebook.com",))
    terms = Terms(hosts=("press.example",), contact="a@b.example", max_bytes=10)
    with pytest.raises(HostRefused):
        choose(["https://elsewhere.example/"], terms)


def licence(world: World) -> None:
    register(world, licence="editorial use")
    ingest(world.workspace, "press", [folder(world)])
    with world.workspace.store.read() as tx:
        found = [capture.provenance.licence for capture in tx.captures.of_source(tx.sources.get("press").id)]
    assert found == ["editorial use"] * 2


def contact(world: World) -> None:
    register(world, hosts=("press.example",), contact="rights@press.example")
    assert world.machine.sources.get("press").crawl_starts == ("press.example",)
    register(world, "other", hosts=("press.example",))
    assert world.machine.sources.get("other").crawl_starts == (), "nobody is visited without saying who visits"


def receipt_of(world: World, **terms: Any) -> dict[str, object]:
    register(world, **terms)
    world.machine.erase.source("press", "asked")
    return dict(verify_receipt(world.machine.erase.receipt("press"), world.workspace.ledger.public_key))


FIELDS: dict[str, Callable[[World], None]] = {
    act.__name__: act
    for act in (
        *(name, controller, basis, jurisdiction, permission_sha256, expires_on),
        *(retention_days, page_base, hosts, licence, contact),
    )
}


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_of_the_terms_does_something(world: World, field: str) -> None:
    FIELDS[field](world)
    assert field in SourceTerms.__dataclass_fields__


def test_no_field_of_the_terms_is_left_out() -> None:
    assert set(FIELDS) == set(SourceTerms.__dataclass_fields__)
