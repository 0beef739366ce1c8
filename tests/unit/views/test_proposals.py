"""The threshold and its changes in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from tests.support.samples import AT, evidence_of, proposal, result

from lineament.model.proposals import ProposalKind, Signatory, Threshold
from lineament.model.search import Mode, ThresholdOrigin, strangers_words, threshold_words
from lineament.services.report import how_cut
from lineament.views.proposals import change_words, evidence_note, evidence_rows, meaning_words, who_words
from lineament.web.changewords import evidence_cells, rate_cell
from lineament.web.phrases import list_rule

OLGA, OTTO = Signatory(name="Olga", account_id="a", at=AT), Signatory(name="Otto", account_id="b", at=AT)
ORIGIN = ThresholdOrigin(number=3, on=date(2026, 3, 1), alone=False)


def test_who_set_the_threshold() -> None:
    threshold = Threshold(strangers=0.5, number=3, model="m", proposed=OLGA, approved=OTTO, made_at=AT)
    assert who_words(Threshold()) == "the default of Lineament; nobody has changed it"
    assert who_words(threshold) == "change 3 of 2026-03-01, proposed by Olga and approved by Otto"
    assert who_words(replace(threshold, approved=None)) == "change 3 of 2026-03-01, made by one person: Olga"
    unnamed = replace(OLGA, name="the operator")
    hidden = replace(threshold, proposed=unnamed, approved=unnamed)
    assert who_words(hidden) == "change 3 of 2026-03-01, signed by two people"


@pytest.mark.parametrize(
    ("strangers", "words"),
    [
        (0.1, "about one search in 10 for somebody"),
        (0.001, "about one search in 1,000 for somebody"),
        (1, "lists about 1 stranger."),
        (5, "lists about 5 strangers."),
    ],
)
def test_what_the_number_means(strangers: float, words: str) -> None:
    assert words in meaning_words(strangers)
    assert f"{strangers:g} stranger" in meaning_words(strangers)


def test_a_search_says_which_threshold_it_used() -> None:
    two = result(strangers=0.5, signed=ORIGIN)
    assert threshold_words(two) == "change 3 of 2026-03-01, signed by two people"
    assert threshold_words(result(signed=replace(ORIGIN, alone=True))) == "change 3 of 2026-03-01, made by one person"
    assert threshold_words(result()) == "the default of Lineament"
    assert threshold_words(result(mode=Mode.INVESTIGATION)) == ""
    assert list_rule(two) == "list shows those where 0.5 strangers are expected"
    assert strangers_words(result(strangers=1.0)) == "1 stranger is expected"
    assert strangers_words(result()) == "0.1 strangers are expected", "searches before 0.3 did not store it"
    assert "where 0.5 strangers are expected in the gallery searched (change 3 of 2026-03-01, signed" in how_cut(two)


def test_the_rates_before_and_after_stand_beside_each_other() -> None:
    evidence = evidence_of("m", 0.1, 0.5)
    rows = evidence_rows(evidence)
    assert rows[0][0] == "everybody"
    assert rows[0][1:3] == ("4.00 % (2.00 to 8.00)", "2.00 % (1.00 to 4.00)")
    assert rows[2][0] == "men over 60"
    assert rows[2][1] == rows[2][2] == "insufficient data: 12 people who are enrolled, 30 needed"
    assert rows[2][3:] == ("5.00 % (2.50 to 10.00)", "20.00 % (10.00 to 40.00)")
    note = evidence_note(evidence)
    assert "N = 200 people enrolled, 221 mated and 80 non-mated searches" in note
    assert "groups" not in note
    bare = {**evidence, **{side: {**evidence[side], "groups": []} for side in ("before", "after")}}
    assert "nothing is known about groups" in evidence_note(bare)


def test_cells_of_the_page() -> None:
    rows = evidence_cells(evidence_of("m", 0.1, 0.5))
    assert [group for group, _ in rows] == ["Everybody", "women under 30", "men over 60"]
    assert [label for label, _, _ in rows[0][1]] == ["FNIR before", "FNIR after", "FPIR before", "FPIR after"]
    assert rows[2][1][0][1:] == ("insufficient data", "12 people who are enrolled, 30 needed")
    assert rate_cell({"value": 0.0005, "low": 0, "high": 0.01}) == ("0.05 %", "0.00 to 1.00")


def test_what_would_change() -> None:
    assert change_words(proposal()) == "a threshold with 0.5 strangers expected"
    pack = proposal(kind=ProposalKind.PACK)
    assert change_words(pack) == "the pack sface-yunet (sface-yunet/0011aabb), with 0.5 strangers expected"
