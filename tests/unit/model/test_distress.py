"""Which words suggest that the pictures of a case are distressing, by phrases in five languages; and who decides."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import product

import pytest
from tests.conftest import ROOT

from lineament.model.cases import CaseTerms
from lineament.model.distress import LANGUAGES, distressing_words
from lineament.model.purposes import LANGUAGES as READ

TERMS = CaseTerms(ref="K-1", offence="fraud", purpose="to find who it shows", basis="CPP 77")


def phrases() -> list[dict[str, str]]:
    with (ROOT / "tests" / "data" / "distress.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("phrase", phrases(), ids=lambda phrase: f"{phrase['verdict']}-{phrase['language']}")
def test_what_a_phrase_suggests(phrase: dict[str, str]) -> None:
    assert bool(distressing_words(phrase["text"])) is (phrase["verdict"] == "blur"), phrase["text"]


def test_every_language_has_phrases_of_both_kinds() -> None:
    assert set(LANGUAGES) == set(READ)
    labelled = {(phrase["verdict"], phrase["language"]) for phrase in phrases()}
    assert labelled >= set(product(("blur", "sharp"), LANGUAGES))


def test_the_words_are_named_once_and_as_they_were_read() -> None:
    assert distressing_words("Sexueller MISSBRAUCH von Kindern", "sexueller Missbrauch") == ("sexueller missbrauch",)
    assert distressing_words("", "fraud") == ()


@pytest.mark.parametrize(
    "abuse",
    [
        replace(TERMS, offence="viol en réunion"),
        replace(TERMS, purpose="Folter"),
        replace(TERMS, basis="Sexual abuse Act"),
    ],
    ids=["offence", "purpose", "basis"],
)
def test_words_decide_only_if_nobody_did(abuse: CaseTerms) -> None:
    assert abuse.is_distressing
    assert not replace(abuse, distressing=False).is_distressing
    assert not TERMS.is_distressing
    assert replace(TERMS, distressing=True).is_distressing
