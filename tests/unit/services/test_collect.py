"""Collecting: the connectors for the locations, one report of them all, and what the job stores of it."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.support.samples import source

from lineament.errors import InvalidValue, NoSuchFile, NothingTaken
from lineament.model.accounts import Official
from lineament.model.jobs import JobProgress
from lineament.services.collect import Collect, Collection, CollectLimits, merge, progress, require_usable, result
from lineament.services.gallery.items import IngestOutcome, IngestReport

ENROLLED, REFUSED = IngestOutcome.ENROLLED, IngestOutcome.REFUSED


def report(*, total: int | None = None, enrolled: int = 0, refused: int = 0, **rest: Any) -> IngestReport:
    """Return the report of an ingest into press."""
    outcomes = Counter({ENROLLED: enrolled, REFUSED: refused})
    return IngestReport("press", total=total, outcomes=outcomes, faces=enrolled, **rest)


class Taken:
    """Stands in for ingest and erasure: records what it was asked for, and answers each task with the next report."""

    def __init__(self, *reports: IngestReport) -> None:
        self.reports = list(reports)
        self.tasks: list[Any] = []
        self.reserved_later: list[dict[str, str]] = []

    def run(self, _source: str, task: Any, *, workers: int, on_progress: Any) -> IngestReport:
        self.tasks.append((task.kind, task.what, workers))
        done = self.reports.pop(0)
        on_progress(done)
        return done

    def erase_reserved(self, _source: str, later: dict[str, str]) -> None:
        self.reserved_later.append(dict(later))


def collecting(taken: Taken) -> Collect:
    """Return the service for a source without hosts, with four workers."""
    tx = SimpleNamespace(sources=SimpleNamespace(get=lambda _name: source()))
    record = SimpleNamespace(
        require=lambda *_: None, official=Official(name="Eve", solo=True), read=lambda: nullcontext(tx)
    )
    limits = CollectLimits(max_bytes=1000, workers=4)
    return Collect(
        cast("Any", record),
        cast("Any", SimpleNamespace(crawls=SimpleNamespace(crawl=lambda *_: None))),
        lambda: cast("Any", taken),
        lambda: cast("Any", taken),
        limits,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two pictures and two archives, which are never read."""
    for name in ("a.jpg", "b.jpg", "c.zip", "d.zip"):
        (tmp_path / name).touch()
    return tmp_path


def test_neighbours_that_combine_are_one_connector_and_archives_one_each(folder: Path) -> None:
    names = [str(folder / name) for name in ("b.jpg", "a.jpg", "c.zip", "d.zip")]
    chosen = collecting(Taken()).choose("press", names)
    assert [(connector.kind, connector.locations.splitlines()) for connector in chosen.connectors] == [
        ("folder", [names[1], names[0]]),
        ("archive", [names[2]]),
        ("archive", [names[3]]),
    ]
    assert (chosen.source, chosen.names, chosen.workers) == ("press", tuple(names), 4)


def test_a_given_kind_applies_to_every_location(folder: Path) -> None:
    chosen = collecting(Taken()).choose("press", [str(folder / "c.zip")], kind="folder", workers=9)
    assert [connector.kind for connector in chosen.connectors] == ["folder"]
    assert chosen.workers == 9


@pytest.mark.parametrize(
    ("name", "kind", "error"),
    [
        ("missing.jpg", None, NoSuchFile),
        ("", None, InvalidValue),
        ("rtsp://camera.example/1", None, InvalidValue),
        ("a.jpg", "carrier pigeon", InvalidValue),
    ],
)
def test_unreadable_locations_are_refused_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str | None, error: type[Exception]
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(error):
        collecting(Taken()).choose("press", ["a.jpg", name], kind=kind)


def test_several_connectors_give_one_report(folder: Path) -> None:
    taken = Taken(report(total=3, enrolled=2, refused=1), report(total=5, enrolled=4, resumed=True))
    collect = collecting(taken)
    reported: list[tuple[int | None, int]] = []
    names = [str(folder / name) for name in ("a.jpg", "c.zip")]
    whole = collect.run(collect.choose("press", names), lambda now: reported.append((now.total, now.seen)))
    assert taken.tasks == [("folder", names[0], 4), ("archive", names[1], 4)]
    assert reported == [(3, 3), (8, 7)]
    assert (whole.seen, whole.faces, whole.outcomes[REFUSED], whole.resumed) == (7, 6, 1, True)


def test_pictures_reserved_meanwhile_are_erased_at_the_end(folder: Path) -> None:
    taken = Taken(report(enrolled=1))
    collect = collecting(taken)
    collection = collect.choose("press", [str(folder / "a.jpg")])
    collection.reserved_later["https://a.example/1.jpg"] = "robots.txt"
    done = collect.run(collection)
    assert taken.reserved_later == [{"https://a.example/1.jpg": "robots.txt"}]
    assert result(done, collection)["reserved_later"] == 1


def test_a_job_keeps_counts_and_reports_its_progress(folder: Path) -> None:
    collect = collecting(Taken(report(total=1, enrolled=2)))
    reported: list[JobProgress] = []
    arguments = {"source": "press", "what": [str(folder / "a.jpg")], "kind": None, "workers": None}
    kept = collect.job(arguments, reported.append)
    assert reported == [JobProgress(done=2, total=2, words="2 new faces so far")]
    assert (kept["seen"], kept["enrolled"], kept["refused"], kept["faces"]) == (2, 2, 0, 2)


def test_a_job_that_took_nothing_in_has_failed(folder: Path) -> None:
    arguments = {"source": "press", "what": [str(folder / "a.jpg")]}
    with pytest.raises(NothingTaken):
        collecting(Taken(report(refused=1))).job(arguments, lambda _: None)


@pytest.mark.parametrize(
    ("first", "second", "total"),
    [
        (report(), report(total=5), 5),
        (report(enrolled=2), report(total=5), 7),
        (report(total=2, enrolled=2), report(), None),
    ],
    ids=["nothing before", "something before", "unknown"],
)
def test_the_total_counts_what_was_done_before(first: IngestReport, second: IngestReport, total: int | None) -> None:
    assert merge(first, second).total == total


def test_refusals_stay_in_their_order_and_times_add_up() -> None:
    whole = merge(
        report(refused=1, refusals=[("a", "empty")], seconds=1.5, batches=1),
        report(refused=1, refusals=[("b", "empty")], seconds=2.0, batches=2),
    )
    assert whole.refusals == [("a", "empty"), ("b", "empty")]
    assert (whole.seconds, whole.batches, whole.outcomes[REFUSED]) == (3.5, 3, 2)


def test_nothing_and_nothing_but_refusals_are_errors() -> None:
    with pytest.raises(NothingTaken, match="there is no picture in /a, /b"):
        require_usable(report(), ["/a", "/b"])
    with pytest.raises(NothingTaken, match="everything was refused"):
        require_usable(report(refused=2), ["/a"])
    require_usable(report(enrolled=1, refused=2), ["/a"])
    require_usable(report(resumed=True), ["/a"])  # an earlier run ingested everything


def test_progress_never_exceeds_its_total() -> None:
    assert progress(report(total=1, enrolled=3)) == JobProgress(done=3, total=3, words="3 new faces so far")
    assert progress(report(enrolled=1200)) == JobProgress(done=1200, total=None, words="1,200 new faces so far")


def test_the_result_of_a_job_names_no_picture() -> None:
    collection = Collection(source="press", names=("/a",), connectors=(), workers=1)
    kept = result(report(refused=1, refusals=[("name-of-somebody.jpg", "empty")]), collection)
    assert "name-of-somebody" not in str(kept)
    assert set(kept) == {"seen", "faces", "reserved_later", *(outcome.name.lower() for outcome in IngestOutcome)}
