"""Workspaces, the ledger and erasures as JSON."""

from __future__ import annotations

from pathlib import Path

from lineament.ledger.verify import Verification
from lineament.model.faces import CaptureId, FaceId
from lineament.services.cases.retain import SweepReport
from lineament.services.doctor import Check, Verdict
from lineament.services.gallery.erase import Erasure
from lineament.views.erasures import erasure_json, sweep_json
from lineament.views.ledger import export_json, key_json, verification_json
from lineament.views.workspaces import health_json, workspace_json


def test_a_new_workspace_names_its_folder_and_its_database() -> None:
    assert workspace_json(Path("/srv/lineament"), "sqlite") == {"home": "/srv/lineament", "database": "sqlite"}


def test_findings_of_the_doctor_are_listed_with_their_verdicts() -> None:
    checks = [Check("clock", Verdict.GOOD, "right"), Check("disk", Verdict.BAD, "full")]
    assert health_json(checks, healthy=False) == {
        "healthy": False,
        "checks": [
            {"name": "clock", "verdict": Verdict.GOOD.value, "detail": "right"},
            {"name": "disk", "verdict": Verdict.BAD.value, "detail": "full"},
        ],
    }


def test_a_sound_ledger_is_json_without_what_an_export_alone_leaves_out() -> None:
    found = Verification(
        origin="o",
        entries=9,
        root=b"\x01" * 32,
        opened=7,
        erased=2,
        withheld=0,
        hidden=0,
        rows=12,
        anchored=8,
    )
    assert verification_json(found) == {
        "sound": True,
        "entries": 9,
        "root": "01" * 32,
        "opened": 7,
        "erased": 2,
        "rows": 12,
        "anchored": 8,
        "witnessed": [],
    }


def test_an_export_names_its_file_and_the_key_that_checks_it() -> None:
    assert export_json(Path("out.jsonl"), 9, "vkey") == {"file": "out.jsonl", "entries": 9, "key": "vkey"}
    assert key_json("vkey") == {"key": "vkey"}


def test_an_erasure_is_counted() -> None:
    erasure = Erasure(source="press", faces=[FaceId(1), FaceId(2)], captures=[CaptureId(1)], ledger_entry=4)
    assert erasure_json(erasure) == {"source": "press", "faces": 2, "captures": 1, "ledger_entry": 4, "scrubbed": True}


def test_a_sweep_is_counted() -> None:
    report = SweepReport(cases=1, probes=2, details=3)
    assert sweep_json(report) == {"cases": 1, "probes": 2, "details": 3, "pictures": 0, "faces": 0, "held": 0} | {
        "drops": 0,
        "scrubbed": True,
    }
