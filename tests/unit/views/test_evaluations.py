"""An evaluation as JSON, tables, page and PDF."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from dataclasses import replace
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest
from lxml import html

from lineament.model.evaluation.measure import Protocol
from lineament.model.evaluation.resampling import Estimate, Insufficient
from lineament.services.evaluate.evaluate import Evaluation, EvaluationOptions, WorstErrors, evaluate_templates
from lineament.services.evaluate.templates import FaceChoice
from lineament.views.evaluation_charts import HEIGHT, WIDTH, Chart, ChartDot, ChartText, charts, svg
from lineament.views.evaluation_page import evaluation_html
from lineament.views.evaluation_pdf import evaluation_pdf, latin
from lineament.views.evaluation_shown import facts, failures, shown_errors
from lineament.views.evaluation_tables import false_match_words, rate_words, set_words, tables
from lineament.views.evaluations import evaluation_json, histograms, json_file

HOSTILE = "<script>alert(1)</script> & \x1b[31m\u202e Ж"


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Templates of 400 people with one picture and 100 with two, in two groups; named as if they came from a folder."""
    random = np.random.default_rng(1)
    people = np.r_[np.arange(400), np.repeat(np.arange(400, 500), 2)]
    middles = random.normal(size=(500, 16))
    vectors = (middles[people] + 0.9 * random.normal(size=(600, 16))).astype(np.float32)
    path = tmp_path_factory.mktemp("templates") / "t.npz"
    np.savez(path, vectors=vectors, people=people, groups=people % 2)
    found = evaluate_templates(path, EvaluationOptions(protocol=Protocol(thresholds=(0.5,)), date="2026-11-26"))
    crop = cv2.imencode(".jpg", np.full((256, 256, 3), 90, np.uint8))[1].tobytes()
    worst = found.worst
    rows = {row for each in (*worst.missed, *worst.false, *worst.alike) for row in (each.probe, each.other, each.mate)}
    return replace(
        found,
        name=HOSTILE,
        choice=FaceChoice.MIDDLE,
        files=tuple(f"{person}/{HOSTILE} {row}.jpg" for row, person in enumerate(people)),
        joined=(("a", "b"),),
        failures=((HOSTILE, "no face was found"),),
        crops=dict.fromkeys(sorted(rows - {-1, worst.false[0].probe}), crop),
    )


# ---------------------------------------------------------------- JSON


def test_the_json_holds_every_figure_with_its_numbers(evaluation: Evaluation) -> None:
    answer = evaluation_json(evaluation)
    assert len(answer["investigation"]["fnir_by_rank"]) == 50
    assert [rate["target"] for rate in answer["identification"]["at_fpir"]] == [0.003, 0.01, 0.03, 0.1]
    assert answer["identification"]["at_fpir"][0] == {
        "target": 0.003,
        "insufficient": "insufficient data: 400 non-mated searches, 1,000 needed",
    }
    rate = answer["identification"]["at_fpir"][1]["fnir"]
    assert rate["low"] <= rate["value"] <= rate["high"]
    assert (rate["trials"], rate["people"]) == (100, 100)
    assert answer["groups"]["rates"][1]["group"] == "1"
    assert answer["groups"]["fnir_differs"]["groups"] == 2
    assert answer["identification"]["in_use"]["threshold"] == 0.5
    assert answer["date"] == "2026-11-26"
    assert answer["alike"]["pairs"][0]["score"] >= answer["alike"]["from_score"]
    worst = evaluation.worst.missed[0].probe
    assert answer["worst"]["missed"][0]["probe"]["person"] == evaluation.people[int(evaluation.whose[worst])]
    assert json.loads(json_file(evaluation)) == json.loads(json.dumps(answer))


def test_histograms_count_every_pair_and_search(evaluation: Evaluation) -> None:
    bars = histograms(evaluation)
    measured = evaluation.measured
    assert sum(bars["mated_pairs"]) == len(measured.pairs.mated)
    assert sum(bars["non_mated_pairs"]) == int(measured.pairs.nonmated.sum())
    assert sum(bars["mates_in_mated_searches"]) == len(measured.mated.probes)
    assert sum(bars["best_in_non_mated_searches"]) == 400


# ---------------------------------------------------------------- tables


def test_rates_have_their_interval_and_too_few_data_say_so() -> None:
    rate = Estimate(value=0.0237, low=0.0162, high=0.0321, trials=2241, people=860)
    assert rate_words(rate) == "2.37 % (1.62 to 3.21)"
    assert rate_words(replace(rate, value=0.00012, low=0, high=0.001)) == "0.012 % (0.00 to 0.10)"
    assert false_match_words(replace(rate, value=1e-5, low=8e-6, high=1.2e-5)) == "1.0e-05 (8.0e-06 to 1.2e-05)"
    few = Insufficient(what="non-mated searches", found=40, needed=1000)
    assert rate_words(few) == false_match_words(few) == "insufficient data: 40 non-mated searches, 1,000 needed"


def test_every_table_has_a_cell_for_each_column_and_states_its_numbers(evaluation: Evaluation) -> None:
    found = list(tables(evaluation))
    assert [table.title.partition(":")[0] for table in found] == [
        "Investigation",
        "Identification",
        "Comparison, 1",
        "Groups at the threshold in use",
        "How far groups differ (ISO/IEC 19795-10)",
    ]
    for table in found:
        assert {len(row) for row in table.rows} == {len(table.columns)}
    assert "N = 500 people" in found[0].note
    assert "N = 100 people. 100 mated and 400 non-mated searches." in found[1].note
    assert set_words(evaluation)[0].endswith(
        "600 pictures of 500 people; 0 pictures without a face that can be compared, each a miss."
    )


def test_what_the_result_depends_on_is_stated(evaluation: Evaluation) -> None:
    stated = dict(facts(evaluation, "ab" * 32))
    assert stated["Data, SHA-256"] == evaluation.binding.data_sha256
    assert stated["Settings, SHA-256"] == evaluation.binding.settings_sha256
    assert stated["evaluation.json, SHA-256"] == "ab" * 32
    assert stated["Seed"] == "1"
    assert stated["Names joined"] == "a and b"


def test_failures_beyond_those_listed_are_counted(evaluation: Evaluation) -> None:
    many = replace(evaluation, measured=replace(evaluation.measured, failed=12))
    assert failures(many) == [(HOSTILE, "no face was found"), ("and 11 more", "")]
    assert failures(replace(many, failures=())) == []


# ---------------------------------------------------------------- charts


def test_charts_stay_in_their_frame_and_are_valid_svg(evaluation: Evaluation) -> None:
    drawn = charts(evaluation)
    assert len(drawn) == 5
    for chart in drawn:
        for shape in chart.shapes:
            places = (shape.at,) if isinstance(shape, ChartText | ChartDot) else shape.points
            assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places), chart.title
        assert ET.fromstring(svg(chart)).attrib["role"] == "img"  # noqa: S314 - our own


def test_det_curves_fall_from_left_to_right(evaluation: Evaluation) -> None:
    found = next(chart for chart in charts(evaluation) if chart.title.startswith("DET of the identification"))
    svg_root = ET.fromstring(svg(found))  # noqa: S314 - our own
    (line,) = [each for each in svg_root if each.get("class") == "main"]
    places = [tuple(map(float, place.split(","))) for place in (line.get("points") or "").split()]
    assert len(places) > 20
    assert places == sorted(places)
    assert [y for _, y in places] == sorted(y for _, y in places)


def test_text_in_charts_is_escaped() -> None:
    chart = Chart(title=HOSTILE, words="", shapes=(ChartText(at=(1, 1), text=HOSTILE),))
    assert "<script>" not in svg(chart)


# ---------------------------------------------------------------- page and PDF


def test_the_page_needs_nothing_else_and_escapes_names(evaluation: Evaluation) -> None:
    page = evaluation_html(evaluation, b"figures")
    text = page.decode()
    assert hashlib.sha256(b"figures").hexdigest() in text
    assert "<script" not in text
    assert re.findall(r'(?:src|href)="(?!data:image/jpeg;base64,)', text) == []
    assert text.count("<svg") == 5
    root = html.fromstring(page)
    assert len(root.xpath("//table")) == 6
    sections = shown_errors(evaluation)
    shown = sum(len(faces) for section in sections for faces in section.errors)
    assert len(root.xpath("//figure//img")) + len(root.xpath("//div[@class='gone']")) == shown
    assert len(root.xpath("//div[@class='gone']")) >= 1
    assert root.xpath("//img[not(@alt)]") == []
    assert "2026-11-26" in text


def test_without_pictures_there_are_none_to_look_at(evaluation: Evaluation) -> None:
    page = evaluation_html(replace(evaluation, files=(), crops={}, choice=None), b"").decode()
    assert "<img" not in page
    assert "Worst misses" not in page
    assert "given as templates" in page


def test_the_pdf_is_whole_and_the_same_each_time(evaluation: Evaluation) -> None:
    first, again = (evaluation_pdf(evaluation, b"figures") for _ in range(2))
    assert first == again
    assert first.startswith(b"%PDF-")
    assert first.rstrip().endswith(b"%%EOF")
    text = pdf_text(first)
    assert hashlib.sha256(b"figures").hexdigest() in text
    assert "insufficient data: 400 non-mated searches, 1,000 needed" in text
    assert "Worst misses" in text
    assert "2026-11-26" in text
    assert first.count(b"/Subtype /Image") >= 1
    assert evaluation_pdf(replace(evaluation, date=""), b"figures") != first


def pdf_text(pdf: bytes) -> str:
    """Return the text of the pages, whose lines are joined; enough for our own files."""
    streams = re.findall(rb"/Filter /FlateDecode.*?stream\n(.*?)\nendstream", pdf, re.DOTALL)
    shown = []
    for stream in streams:
        try:
            content = zlib.decompress(stream)
        except zlib.error:
            continue
        shown += re.findall(rb"\((.*?)(?<!\\)\) Tj", content)
    return b" ".join(shown).decode("latin-1")


def test_letters_that_the_standard_fonts_lack_are_written_otherwise() -> None:
    assert latin("blur σ 1, n − 1, “é”, 30°") == 'blur sigma 1, n - 1, "é", 30°'
    assert latin("Ж") == "\\u0416"
    assert latin("a\nb\x1bc") == "a b c"


def test_an_evaluation_of_nothing_but_errors_is_drawn(evaluation: Evaluation) -> None:
    """Nobody is found, and there are no strangers: no curve, and no division by zero."""
    measured = replace(
        evaluation.measured,
        searches_curve=(),
        pairs_curve=(),
        in_use=None,
        groups=(),
        fpir_spread=None,
        fnir_spread=None,
    )
    bare = replace(
        evaluation, measured=measured, worst=WorstErrors(missed=(), false=(), alike=()), crops={}, failures=(), date=""
    )
    assert len(charts(bare)) == 3
    assert b"Worst misses" not in evaluation_html(bare, b"")
    assert evaluation_pdf(bare, b"").startswith(b"%PDF-")
