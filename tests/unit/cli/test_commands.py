"""How single commands read their options, and how they print their answers."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer
from tests.support.samples import (
    AT,
    ENTRY,
    LICENCE,
    QUALITY,
    STOP,
    VETTING,
    WARNING,
    agency,
    candidate,
    result,
    run,
    usage,
)

from lineament.cli import agencies, api_keys, ingest, runs, search, signing, stops
from lineament.errors import InvalidValue, NoSuchFile, NotFound, SignInRefused
from lineament.model.accounts import FactorKind, Permission
from lineament.model.faces import FaceId, QualityReason
from lineament.model.policy import AGENCY, stricter
from lineament.model.search import Mode, ProbeFace
from lineament.model.sources import read_share
from lineament.services.collect import Collection
from lineament.services.gallery.items import IngestOutcome, IngestReport
from lineament.services.people.agencies import Rules
from lineament.services.people.sessions import SessionState
from lineament.services.photographs import FailedPhotograph

Capture = pytest.CaptureFixture[str]
CONTEXT = cast("Any", None)


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("given", "wishes"),
    [
        ([], {}),
        (["further_approvals=2"], {"further_approvals": 2}),
        (["passkey_only=yes", " idle_minutes = 20 "], {"passkey_only": True, "idle_minutes": 20}),
        (["passkey_only=NO"], {"passkey_only": False}),
        (["idle_minutes=20", "idle_minutes=10"], {"idle_minutes": 10}),
    ],
)
def test_settings_are_yes_no_or_a_number(given: list[str], wishes: dict[str, object]) -> None:
    assert agencies._wishes(given) == wishes


@pytest.mark.parametrize("given", ["idle", "idle_minutes=", "idle_minutes=-1", "idle_minutes=1.5", "a=b=c"])
def test_another_setting_is_refused_with_an_example(given: str) -> None:
    with pytest.raises(InvalidValue, match="write it as idle_minutes=20 or passkey_only=yes"):
        agencies._wishes([given])


@pytest.mark.parametrize(
    ("given", "shared"),
    [
        ("Freedonia", ("Freedonia", None)),
        ("Freedonia:2027-06-30", ("Freedonia", date(2027, 6, 30))),
        ("Freedonia: North", ("Freedonia: North", None)),
        (":2027-06-30", (":2027-06-30", None)),
        ("a:b:2027-06-30", ("a:b", date(2027, 6, 30))),
    ],
)
def test_an_agency_may_be_given_with_its_last_day(given: str, shared: tuple[str, date | None]) -> None:
    assert read_share(given) == shared


@pytest.mark.parametrize("text", ["read-cases", "read_cases", "Read cases"])
def test_a_right_is_known_as_the_terminal_json_and_pages_write_it(text: str) -> None:
    assert api_keys._right(text) is Permission.READ_CASES


def test_the_mode_of_a_search_follows_from_its_options() -> None:
    assert search._mode(None, False) is Mode.IDENTIFICATION
    assert search._mode(0.5, False) is Mode.MANUAL
    assert search._mode(None, True) is Mode.INVESTIGATION
    with pytest.raises(InvalidValue, match="--investigate"):
        search._mode(0.5, True)


def test_an_error_names_its_photograph_once() -> None:
    missing = FailedPhotograph(name="a.jpg", error=NoSuchFile(path="a.jpg"))
    other = FailedPhotograph(name="b.jpg", error=NoSuchFile(path="a.jpg"))
    assert search._failure(missing) == str(missing.error)
    assert search._failure(other) == f"b.jpg: {other.error}"


# ---------------------------------------------------------------- answers


def test_a_candidate_list_says_how_it_was_cut_and_that_it_is_a_starting_point(capsys: Capture) -> None:
    first = candidate(captured_at=AT, page_title="A page", near_duplicates=(FaceId(10), FaceId(11)))
    search.show(result(candidates=(first, candidate(rank=2, score=0.51, expected_false=12.3))), ENTRY)
    heading, _, *rows, warning, ending = capsys.readouterr().out.splitlines()
    cut = "list shows score 0.500 and above, where 0.1 strangers are expected in the gallery searched"
    cut += " (the default of Lineament)"
    assert heading == f"1,200 faces compared in 0.012 s, every one; {cut}"
    assert [row.split()[:4] for row in rows] == [["1", "0.600", "0.010", "9"], ["2", "0.510", "12", "9"]]
    assert rows[0].split("press")[1].split() == ["2026-03-01", "12:00", "A", "page", "(+2", "near-identical)"]
    assert rows[1].split("press")[1].split() == ["file:///a.jpg"]
    assert warning == WARNING
    assert ending == "Search s1, ledger entry 12. A candidate is a starting point, never a finding."


def test_no_candidate_is_an_answer(capsys: Capture) -> None:
    poor = replace(QUALITY, reasons=(QualityReason.SMALL,))
    others = (ProbeFace(probe_id="p2", face=1),)
    search.show(result(candidates=(), gallery_faces=1, quality=poor, others=others, mode=Mode.INVESTIGATION), ENTRY)
    assert capsys.readouterr().out.splitlines() == [
        "1 face compared in 0.012 s, every one; list shows investigation: the best 20, whatever their score",
        "2 photographs of one person were fused.",
        "The probe is not reliable: the face is small",
        "No candidate. That is an answer: the person may not be in these sources.",
        WARNING,
        "Search s1, ledger entry 12. A candidate is a starting point, never a finding.",
    ]


def opened(**services: object) -> Any:
    """Return a stand-in for ``workspace``, which opens a desk with only these services."""

    @contextmanager
    def workspace(_context: object, **_: object) -> Iterator[object]:
        yield SimpleNamespace(**services)

    return workspace


class Register:
    """The register of sources, with two runs of one."""

    def __init__(self, *listed: Any) -> None:
        self.listed = list(listed)

    def runs(self, _name: str) -> Sequence[Any]:
        return self.listed

    def run(self, _name: str, id_: int) -> tuple[Any, list[tuple[str, str]]]:
        (found,) = [run for run in self.listed if run.id == id_]
        return found, [("a.jpg", "it is empty")]


RUNS = (run(id=70, number=1, counts={"enrolled": 2}, faces=2), run(id=71, number=2, ended_at=AT + timedelta(hours=1)))


def test_runs_are_listed_with_how_they_ended(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(runs, "workspace", opened(sources=Register(*RUNS)))
    runs.runs(CONTEXT, "press")
    header, first, second = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert header == ["run", "connector", "started", "ended", "seen", "faces", "outcomes"]
    assert first == ["1", "folder", "2026-03-01", "12:00", "not", "yet", "2", "2", "2", "enrolled"]
    assert second == ["2", "folder", "2026-03-01", "12:00", "2026-03-01", "13:00", "0", "0"]


def test_a_run_is_found_by_its_number_within_the_source(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(runs, "workspace", opened(sources=Register(*RUNS)))
    runs.runs(CONTEXT, "press", run=1, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert (shown["run"], shown["refused_first"]) == (1, [{"name": "a.jpg", "why": "it is empty"}])
    runs.runs(CONTEXT, "press", run=1)
    assert capsys.readouterr().out.splitlines()[-1] == "  refused a.jpg: it is empty"
    for number in (0, 3, 70):
        with pytest.raises(NotFound, match="lineament source runs press"):
            runs.runs(CONTEXT, "press", run=number)


def test_a_source_without_runs_says_how_to_begin(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(runs, "workspace", opened(sources=Register()))
    runs.runs(CONTEXT, "press")
    assert capsys.readouterr().out == "Nothing was ingested yet. Begin with: lineament ingest press PATH\n"
    runs.runs(CONTEXT, "press", as_json=True)
    assert json.loads(capsys.readouterr().out) == {"runs": []}


@pytest.mark.parametrize("as_json", [False, True])
def test_an_ingest_that_took_nothing_in_reports_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, *, as_json: bool
) -> None:
    report = IngestReport("press", outcomes=Counter({IngestOutcome.REFUSED: 1}), refusals=[("a.jpg", "it is empty")])
    collection = Collection(source="press", names=("a.jpg",), connectors=(), workers=1)
    service = SimpleNamespace(choose=lambda *_, **__: collection)
    monkeypatch.setattr(ingest, "workspace", opened(collect=service))
    monkeypatch.setattr(ingest, "_run", lambda *_: report)
    with pytest.raises(typer.Exit) as left:
        ingest.ingest(CONTEXT, "press", ["a.jpg"], as_json=as_json)
    out, err = capsys.readouterr()
    assert left.value.exit_code == 5
    assert len(err.splitlines()) == 1
    assert (json.loads(out)["refused_in_all"] if as_json else out.count("refused a.jpg: it is empty")) == 1


@pytest.mark.parametrize("as_json", [False, True])
def test_a_photograph_that_stops_the_search_of_several_is_named(capsys: Capture, *, as_json: bool) -> None:
    failed = FailedPhotograph(name="b.jpg", error=NoSuchFile(path="b.jpg"))
    with pytest.raises(typer.Exit) as left:
        search._succeeded(failed, as_json)
    out, err = capsys.readouterr()
    assert (left.value.exit_code, err) == (3, f"lineament: {failed.error}\n")
    assert (json.loads(out)["file"] if as_json else out) == ("b.jpg" if as_json else "")
    assert search._succeeded(result(), as_json) == result()


def test_agencies_are_listed_with_what_they_use(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    listed = [usage(agency(vetting=VETTING, licence=LICENCE)), usage(agency(id="home", home=True))]
    service = SimpleNamespace(usage=lambda: listed)
    monkeypatch.setattr(agencies, "workspace", opened(agencies=service, clock=lambda: AT))
    agencies.list_agencies(CONTEXT)
    _, licensed, home = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert licensed == "Police of Freedonia FR open trial 30 2 of 5 12 of 4,000 a1"
    assert home == "Police of Freedonia FR runs this workspace 2 12 home"


def test_a_policy_names_its_preset_if_it_is_stricter(capsys: Capture) -> None:
    wishes = {"passkey_only": True}
    agencies._print_rules(Rules(policy=stricter(AGENCY, wishes), base=AGENCY, wishes=wishes), False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Preset: agency"
    rows = {words[0]: words[1:4] for words in map(str.split, lines[2:]) if words}
    assert rows["passkey_only"] == ["yes", "no", "R49"]
    assert rows["idle_minutes"][:2] == ["30", "R49"]


def test_stops_say_whom_they_stop(capsys: Capture) -> None:
    stops._print([STOP], False)
    stops._print([], False)
    assert capsys.readouterr().out.splitlines() == [
        "All searching is stopped since 2026-03-01 12:00 UTC, by Ada: a fault",
        "Nothing is stopped.",
    ]


# ---------------------------------------------------------------- signing in


def test_a_secret_is_the_next_line_of_piped_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse \r\n123456\n"))
    assert [signing._ask("Password"), signing._ask("Code"), signing._ask("Code")] == [
        "correct horse ",
        "123456",
        "",
    ]


@pytest.mark.parametrize(
    ("standing", "kinds", "passkey_only", "why"),
    [
        (SessionState.UNENROLLED, set(), False, "has no second factor yet"),
        (SessionState.UNPROVED, {FactorKind.PASSKEY}, True, "passkeys only"),
        (SessionState.UNPROVED, {FactorKind.PASSKEY}, False, "add an app that shows codes"),
    ],
)
def test_a_terminal_takes_only_codes(
    standing: SessionState, kinds: set[FactorKind], why: str, *, passkey_only: bool
) -> None:
    session = SimpleNamespace(standing=standing, kinds=kinds, policy=SimpleNamespace(passkey_only=passkey_only))
    with pytest.raises(SignInRefused, match=why):
        signing._prove(CONTEXT, cast("Any", session))
