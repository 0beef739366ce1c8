"""The report of a search: the page and the PDF say the same, it is on the record, and it shows nothing erased."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps
from pypdf import PdfReader
from tests.support.serving import Served, serving, token_in
from tests.support.world import CASE, PROBE, SOURCE, gallery, ingest

from lineament.model.actions import Action
from lineament.model.search import Mode, ProbeKind, SearchRequest, SearchResult
from lineament.model.sources import SourceTerms
from lineament.services.report import CAVEAT, ReportedCandidate, WrittenReport, report_html
from lineament.testing import encoded
from lineament.views.paper import UNWRITTEN
from lineament.views.report_pdf import report_pdf
from lineament.workspace import Workspace

pytestmark = pytest.mark.enable_socket
ABUSE = replace(CASE, ref="OP/ELM 7", offence="Sexual abuse of a child")
REASON = "по словам свидетеля <b>Алисы</b> & 张伟"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with gallery(tmp_path_factory.mktemp("report") / "ws") as workspace:
        desk = workspace.desk_at_the_machine()
        desk.casework.open(ABUSE)
        desk.sources.add(SourceTerms(name="gone", controller="Press", basis="LED 8", jurisdiction="FR"))
        yield workspace


def search(workspace: Workspace, case: str = CASE.ref) -> SearchResult:
    desk = workspace.desk_at_the_machine()
    probe = desk.probes.take(case, PROBE.read_bytes(), kind=ProbeKind.CCTV)
    return desk.search.run(probe.id, SearchRequest(case=case, reason=REASON, mode=Mode.INVESTIGATION), 1)


@pytest.fixture(scope="module")
def found(workspace: Workspace) -> SearchResult:
    return search(workspace)


@pytest.fixture(scope="module")
def report(workspace: Workspace, found: SearchResult) -> WrittenReport:
    return workspace.desk_at_the_machine().report.write(found.search_id)


def text_of(pdf: bytes) -> str:
    """Return the text of a PDF without blanks and line breaks, which depend on where lines end."""
    return squeezed("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)).replace("\u200b", "")


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def mirrored(photograph: Path) -> bytes:
    """Return a photograph as no near-duplicate of itself."""
    with Image.open(photograph) as picture:
        return encoded(ImageOps.mirror(picture), "JPEG")


def detail(jpeg: bytes) -> float:
    """Return how much fine detail a picture has."""
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    return float(cv2.Laplacian(pixels, cv2.CV_64F).var())


def written(workspace: Workspace) -> int:
    """Return how many reports the ledger tells of."""
    with workspace.store.read() as tx:
        actions = [entry.action for entry in tx.ledger.entries(0, tx.ledger.size())]
    return actions.count(Action.REPORT_WRITTEN)


def said(report: WrittenReport) -> list[str]:
    """Return all that a report says."""
    lines = [*report.cautions, report.heading, *(f"{name} {value}" for name, value in report.facts())]
    for shown in report.candidates:
        lines += [f"{shown.candidate.rank} · score {shown.candidate.score:.3f}"]
        lines += [*shown.error_lines(), *shown.place, *shown.facts()]
    return lines


def test_page_and_pdf_say_the_same(report: WrittenReport) -> None:
    page, pdf = report_html(report), text_of(report_pdf(report))
    shown = re.sub("<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    shown = squeezed(shown.replace("&lt;", "<").replace("&gt;", ">").replace("&#39;", "'").replace("&amp;", "&"))
    lines = said(report)
    assert len(lines) > 40
    for line in map(squeezed, lines):
        assert line in shown
        assert line in pdf
    assert "张伟" in pdf
    assert squeezed(UNWRITTEN) not in pdf
    assert "<b>" not in page


def test_it_states_what_a_court_asks(report: WrittenReport, found: SearchResult) -> None:
    pdf = text_of(report_pdf(report))
    best = found.candidates[0]
    for words in (
        "A candidate is a starting point, and no evidence of who somebody is.",
        "Show this picture to no witness",
        CASE.purpose,
        CASE.basis,
        f"Searched {found.made_at:%Y-%m-%d %H:%M:%S} UTC by {report.stored.examiner}",
        "5 faces, every one, of " + ", ".join(found.sources),
        found.probe_sha256,
        found.model,
        f"Lineament {report.version}",
        report.stored.commitment,
        best.sha256,
        str(best.page_uri),
        "strangers expected to score this high",
        "4 candidates in 5 pictures",
        "page 1 of 2",
    ):
        assert squeezed(words) in pdf
    assert re.search(r"finding|match|confidence|percent", pdf, re.IGNORECASE) is None


def alternatives(reader: PdfReader) -> list[str]:
    """Return the words for pictures in the structure of a PDF."""
    found: list[str] = []
    waiting: list[Any] = [reader.root_object["/StructTreeRoot"]]
    while waiting:
        node: Any = waiting.pop().get_object()
        if isinstance(node, list):
            waiting += node
        elif hasattr(node, "get"):
            found += [str(node["/Alt"])] if "/Alt" in node else []
            waiting += [node["/K"]] if "/K" in node else []
    return found


def test_the_pdf_is_for_screen_readers_and_archives(report: WrittenReport) -> None:
    root: Any = PdfReader(io.BytesIO(report_pdf(report))).root_object
    metadata = bytes(root["/Metadata"].get_object().get_data()).decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in metadata
    assert "<pdfaid:part>2</pdfaid:part>" in metadata
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in metadata
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]


def test_pictures_have_words_and_pages_links(report: WrittenReport) -> None:
    pdf = report_pdf(report)
    reader = PdfReader(io.BytesIO(pdf))
    assert sum(len(page.images) for page in reader.pages) == 6
    assert str(reader.root_object["/Lang"]) == "en"
    assert {"Candidate 1", "The face of the probe"} <= set(alternatives(reader))
    links = {note.get_object()["/A"]["/URI"] for page in reader.pages for note in page.get("/Annots", [])}
    assert links == {shown.page for shown in report.candidates}


def test_the_same_search_gives_the_same_bytes_except_for_the_moment(
    workspace: Workspace, report: WrittenReport, found: SearchResult
) -> None:
    again = workspace.desk_at_the_machine().report.write(found.search_id)
    assert again.written_at > report.written_at
    assert report_pdf(replace(again, written_at=report.written_at)) == report_pdf(report)
    assert report_html(replace(again, written_at=report.written_at)) == report_html(report)
    later = replace(report, written_at=report.written_at + timedelta(hours=1))
    assert report_pdf(later) != report_pdf(report)


def test_long_names_and_addresses_break_nothing(report: WrittenReport) -> None:
    first = report.candidates[0]
    long = "https://archive.example/" + "слово/%D0" * 1200
    candidate = replace(first.candidate, page_uri=long, page_title="Ж" * 2000 + "\u202e\n東", source="s" * 200)
    crowded = replace(report, candidates=(replace(first, candidate=candidate), *report.candidates[1:]))
    pdf = report_pdf(crowded)
    assert len(PdfReader(io.BytesIO(pdf)).pages) > 3
    text = re.sub(r"Case\S{9,40}?page\dof\d", "", text_of(pdf))
    assert long in text
    assert "Ж" * 2000 + "東" in text
    assert report.candidates[-1].candidate.sha256 in text


def test_an_empty_list_and_an_erased_picture(report: WrittenReport) -> None:
    empty = replace(report, candidates=())
    first = report.candidates[0]
    without = replace(report, candidates=(ReportedCandidate(candidate=first.candidate, crop=None, first=None),))
    for text in (text_of(report_pdf(empty)), squeezed(report_html(empty))):
        assert "Nocandidate" in text
        assert "Thatisananswer" in text
    for text in (text_of(report_pdf(without)), squeezed(report_html(without))):
        assert "erased" in text
        assert first.candidate.sha256 not in text
        assert squeezed(str(first.candidate.page_title)) not in text


def test_erased_candidates_are_counted_and_not_shown(workspace: Workspace, tmp_path: Path) -> None:
    desk = workspace.desk_at_the_machine()
    loose = tmp_path / "loose"
    loose.mkdir()
    (loose / "secret-name.jpg").write_bytes(mirrored(PROBE))
    ingest(workspace, "gone", [loose])
    listed = search(workspace)
    (erased,) = [candidate for candidate in listed.candidates if candidate.source == "gone"]
    desk.erase.source("gone", "the contract ended")
    after = desk.report.write(listed.search_id)
    for text in (text_of(report_pdf(after)), squeezed(report_html(after))):
        assert "1morewasonthelistanderasedfromthegallerysince." in text
        assert "secret-name" not in text
        assert erased.sha256 not in text
    assert erased.rank not in {shown.candidate.rank for shown in after.candidates}


def test_only_the_pictures_from_a_distressing_source_are_blurred(workspace: Workspace) -> None:
    listed, desk = search(workspace), workspace.desk_at_the_machine()
    desk.sources.set_distressing(SOURCE, True)
    sharp, blurred = (desk.report.write(listed.search_id, sharp=chosen) for chosen in (True, False))
    desk.sources.set_distressing(SOURCE, False)
    assert not sharp.blurred
    assert blurred.probe == sharp.probe
    pairs = list(zip(sharp.candidates, blurred.candidates, strict=True))
    assert pairs
    assert all(detail(hidden.crop or b"") < detail(shown.crop or b"") / 20 for shown, hidden in pairs)
    for text in (text_of(report_pdf(blurred)), squeezed(report_html(blurred))):
        assert f"Thepicturesfrom{SOURCE}areblurred" in text


def test_a_distressing_case_is_blurred_unless_chosen_otherwise(workspace: Workspace) -> None:
    desk, listed = workspace.desk_at_the_machine(), search(workspace, ABUSE.ref)
    sharp, blurred = (desk.report.write(listed.search_id, sharp=chosen) for chosen in (True, False))
    assert (sharp.blurred, blurred.blurred) == (False, True)
    assert detail(blurred.probe or b"") < detail(sharp.probe or b"") / 20
    pairs = list(zip(sharp.candidates, blurred.candidates, strict=True))
    assert pairs
    for clear, dim in pairs:
        assert clear.crop is not None
        assert dim.crop is not None
        assert detail(dim.crop) < detail(clear.crop) / 20
    for text in (text_of(report_pdf(blurred)), squeezed(report_html(blurred))):
        assert "Thepicturesareblurred" in text
    assert "Thepicturesareblurred" not in text_of(report_pdf(sharp))
    assert not desk.report.write(search(workspace).search_id, sharp=False).blurred


def test_each_report_is_recorded_once(workspace: Workspace, found: SearchResult) -> None:
    with serving(workspace) as served, served.client() as client:
        address, before = f"/searches/{found.search_id}/report", written(workspace)
        csrf = token_in(client.get(address).text)
        assert written(workspace) == before
        answer = client.post(address, data={"csrf": csrf, "as": "page"})
        assert answer.status_code == 303
        for _ in range(2):  # read again, as after a reload
            page = client.get(answer.headers["location"])
            assert CAVEAT[:40] in page.text
            assert "style-src 'unsafe-inline'" in page.headers["content-security-policy"]
            assert "script-src" not in page.headers["content-security-policy"]
        assert written(workspace) == before + 1
        saved = client.post(address, data={"csrf": csrf, "as": "pdf"})
        assert saved.content.startswith(b"%PDF-")
        assert f"search-{found.search_id}.pdf" in saved.headers["content-disposition"]
        assert written(workspace) == before + 2
        assert client.post(address, data={"csrf": csrf, "as": "picture"}).status_code == 422
        assert written(workspace) == before + 2


def test_the_page_asks_only_where_there_is_something_to_choose(workspace: Workspace) -> None:
    with serving(workspace) as served:
        assert "Show the pictures sharp" not in choice(served, search(workspace))
        assert "Show the pictures sharp" in choice(served, search(workspace, ABUSE.ref))


def choice(served: Served, result: SearchResult) -> str:
    with served.client() as client:
        return client.get(f"/searches/{result.search_id}/report").text
