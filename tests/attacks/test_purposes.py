"""Refused purposes in disguise: invisible characters, look-alikes, other languages, other fields (R10)."""

from __future__ import annotations

import csv
import json
import shutil
import string
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import ROOT
from tests.support.clock import TICK, Clock
from tests.support.database import raw_database
from tests.support.refusals import refused
from tests.support.squad import PHOTOGRAPH, REASON, TERMS, Squad
from tests.support.world import opened

from lineament.errors import AccessAltered, InvalidValue, NotAllowed
from lineament.model.cases import CaseTerms, Seeks
from lineament.model.folding import UNKNOWN, alike, folded
from lineament.model.purposes import LANGUAGES, REFUSED, read_purposes
from lineament.model.reasons import ReasonCode
from lineament.model.search import Mode, ProbeKind, SearchRequest

IMMIGRATION = "immigration enforcement"
DISGUISED = [
    "immi\N{ZERO WIDTH SPACE}gration enforcement",
    "immi\N{SOFT HYPHEN}gration enforcement",
    "immigr\N{CYRILLIC SMALL LETTER A}tion enforcement",
    "\N{RIGHT-TO-LEFT OVERRIDE}immigration enforcement",
    "i\N{COMBINING ACUTE ACCENT}mmigration énforcement",
    "i.m.m.i.g.r.a.t.i.o.n enforcement",
    "imm1grat10n enf0rcement",
    "immi\N{HAIR SPACE}gration enforcement",
    "immigration\N{HANGUL FILLER} enforcement",
    "contrôle d'immigration",
    "control migratorio",
    "controlo de imigração",
    "Ausländerkontrolle",
]
UNSEEN = ["\N{ZERO WIDTH SPACE}", "\N{HANGUL FILLER}", "\N{BRAILLE PATTERN BLANK} \N{SOFT HYPHEN}", "\N{WORD JOINER}\t"]


# ---------------------------------------------------------------- the words


def phrases() -> list[dict[str, str]]:
    """Return the phrases of ``tests/data/purposes.tsv``."""
    with (ROOT / "tests" / "data" / "purposes.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


PHRASES = phrases()


def verdict(text: str) -> tuple[str, frozenset[str]]:
    """Return whether a text is refused, in doubt or passed, and for which purposes."""
    reading = read_purposes([text])
    if reading.refused:
        return "refuse", frozenset(purpose.name for purpose in reading.refused)
    named = frozenset(doubt.purpose.name for doubt in reading.doubts)
    return ("doubt" if named else "pass"), named


@pytest.mark.parametrize("text", DISGUISED)
def test_a_disguise_changes_nothing(text: str) -> None:
    kind, named = verdict(text)
    assert kind == "refuse"
    assert IMMIGRATION in named


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_phrases_of_each_language_are_read_as_they_should_be(language: str) -> None:
    own = [phrase for phrase in PHRASES if phrase["language"] == language]
    assert len(own) >= 45
    wrong = []
    for phrase in own:
        kind, named = verdict(phrase["text"])
        expected = "pass" if phrase["verdict"] == "miss" else phrase["verdict"]
        if kind != expected or (kind != "pass" and phrase["purpose"] not in named):
            wrong.append((phrase, kind, named))
    assert wrong == []


def test_what_is_missed_is_known() -> None:
    counted = Counter(phrase["verdict"] for phrase in PHRASES)
    assert counted["miss"] <= 3
    assert min(counted["refuse"], counted["doubt"], counted["pass"]) >= 70


def look_alikes() -> dict[str, list[str]]:
    """Return the characters that Unicode lists as look-alikes of each letter, as another library carries the list."""
    listed = json.loads((files("confusable_homoglyphs") / "confusables.json").read_text("utf-8"))
    found: dict[str, list[str]] = {letter: [] for letter in string.ascii_lowercase}
    for character, others in listed.items():
        letters = {other["c"].lower() for other in others if other["c"] in string.ascii_letters}
        if len(character) == 1 and not character.isascii():
            for letter in letters & set(string.ascii_lowercase):
                found[letter].append(character)
    return found


MISREAD = {"Ϲ", "ſ", "ք", "˛", "ͺ", "ꞟ", "ᶌ"}
"""Look-alikes that are read as another letter (long s is an s), and two signs that are read as blanks."""
LOOK_ALIKES = {letter: [other for other in others if other not in MISREAD] for letter, others in look_alikes().items()}
UNREAD = {
    letter: [other for other in others if UNKNOWN in folded(f"x{other}x")[0]] for letter, others in LOOK_ALIKES.items()
}
"""Those that nobody folds, which are taken for any letter."""
KINDS = ("pass", "doubt", "refuse")
NAMES = tuple(purpose.name for purpose in REFUSED)
FORMAT = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf"]
ACCENTS = [chr(code) for code in range(0x300, 0x370)]
Disguise = Callable[[str, int], str]


def _with_format(text: str, at: int) -> str:
    return text[:at] + FORMAT[at * 7 % len(FORMAT)] + text[at:]


def _with_accent(text: str, at: int) -> str:
    return text[: at + 1] + ACCENTS[at * 11 % len(ACCENTS)] + text[at + 1 :] if text[at].isalpha() else text


def _with_look_alike(text: str, at: int) -> str:
    others = LOOK_ALIKES.get(text[at].lower(), [])
    return text[:at] + others[(at * 13 + len(text)) % len(others)] + text[at + 1 :] if others else text


def _in_capitals(text: str, at: int) -> str:
    return text[:at] + text[at].upper() + text[at + 1 :] if text[at].isascii() else text


def _wide(text: str, at: int) -> str:
    return (
        text[:at] + chr(ord(text[at]) + 0xFEE0) + text[at + 1 :] if text[at].isascii() and text[at].isalpha() else text
    )


DISGUISES: list[Disguise] = [_with_format, _with_accent, _with_look_alike, _in_capitals, _wide]


@settings(max_examples=400, deadline=None)
@given(data=st.data(), phrase=st.sampled_from(PHRASES))
def test_no_disguise_of_letters_changes_the_verdict(data: st.DataObject, phrase: dict[str, str]) -> None:
    text = unicodedata.normalize("NFD", phrase["text"])
    plain = verdict(text)
    for disguise in data.draw(st.lists(st.sampled_from(DISGUISES), min_size=1, max_size=8)):
        text = disguise(text, data.draw(st.integers(0, len(text) - 1)))
    assert plain == verdict(phrase["text"])
    assert verdict(text) in allowed(plain, text)


def allowed(plain: tuple[str, frozenset[str]], disguised: str) -> list[tuple[str, frozenset[str]]]:
    """Return the verdicts on a disguised text: that on the plain one, or a stricter one if a letter cannot be read.

    Such a letter may stand for any: for that of a crime, too, which would excuse a word.
    """
    kind, named = plain
    unread = any(UNKNOWN in reading for reading in folded(disguised))
    every = [frozenset(purposes) for many in range(1, 6) for purposes in combinations(NAMES, many)]
    stricter = KINDS[KINDS.index(kind) :] if unread else ()
    return [plain, *((each, more) for each in stricter for more in every if more >= named)]


def test_no_look_alike_of_a_single_letter_makes_a_verdict_milder() -> None:
    wrong = []
    for phrase in PHRASES:
        plain = verdict(phrase["text"])
        for at, letter in enumerate(phrase["text"]):
            for other in UNREAD.get(letter.lower(), ()):
                disguised = phrase["text"][:at] + other + phrase["text"][at + 1 :]
                if verdict(disguised) not in allowed(plain, disguised):
                    wrong.append(disguised)
    assert wrong == []
    assert sum(map(len, UNREAD.values())) > 20


def test_nearly_every_look_alike_of_unicode_is_read_as_its_letter() -> None:
    every = [(letter, character) for letter, characters in look_alikes().items() for character in characters]
    read = {character: folded(f"x{character}x")[0][1:-1] for _, character in every}
    misread = {
        character
        for letter, character in every
        if read[character] != UNKNOWN and alike(read[character]) != alike(letter)
    }
    unread = {character for character in read if read[character] == UNKNOWN}
    assert misread == MISREAD
    assert len(unread) < 0.05 * len(every)
    assert len(every) > 1000


# ---------------------------------------------------------------- opening a case and searching


def changed(terms: CaseTerms, field: str, text: str) -> CaseTerms:
    values: dict[str, Any] = {field: text}
    return replace(terms, **values)


@pytest.mark.parametrize("field", ["offence", "purpose", "basis"])
@pytest.mark.parametrize("text", [IMMIGRATION, *DISGUISED[:3]])
def test_every_text_of_a_case_is_read(team: Squad, field: str, text: str) -> None:
    with refused(ReasonCode.PURPOSE):
        team.fresh_desk(team.examiner).casework.open(changed(TERMS, field, text))


def test_the_facts_of_an_initial_identification_are_read(team: Squad) -> None:
    terms = replace(TERMS, seeks=Seeks.INITIAL, exempt_because="he was at the demonstration")
    with refused(ReasonCode.PURPOSE):
        team.fresh_desk(team.examiner).casework.open(terms)


@pytest.mark.parametrize("text", DISGUISED[:3])
def test_the_reason_of_each_search_is_read(team: Squad, text: str) -> None:
    case = team.open_case()
    probe = team.take_probe(case)
    with refused(ReasonCode.PURPOSE):
        team.search(case, probe, reason=text)


@pytest.mark.parametrize("unseen", UNSEEN)
def test_a_text_that_nobody_can_see_says_nothing(team: Squad, unseen: str) -> None:
    desk, supervising = team.fresh_desk(team.examiner), team.fresh_desk(team.supervisor)
    for field in ("ref", "offence", "purpose", "basis"):
        with pytest.raises(InvalidValue):
            desk.casework.open(changed(TERMS, field, unseen))
    with pytest.raises(InvalidValue):
        desk.casework.open(replace(TERMS, seeks=Seeks.INITIAL, exempt_because=unseen))
    suspect, case = team.open_case(Seeks.SUSPECT, ref="K-2"), team.open_case()
    for act in (
        lambda: desk.casework.declare_urgent(suspect.key, unseen),
        lambda: supervising.casework.hold(case.key, unseen),
        lambda: supervising.casework.allow(case.key, unseen),
        lambda: supervising.casework.authorise(suspect.key, replace(team.ruling(), scope=unseen)),
        lambda: supervising.casework.authorise(suspect.key, replace(team.ruling(), authority=unseen)),
        lambda: desk.room.say(case.key, unseen),
        lambda: supervising.stops.stop_agency(unseen),
    ):
        with pytest.raises(InvalidValue):
            act()
    with refused(ReasonCode.NO_REASON):
        team.search(case, team.take_probe(case), reason=unseen)


# ---------------------------------------------------------------- in doubt


def test_words_in_doubt_wait_for_a_supervisor_who_says_why(team: Squad) -> None:
    examining = team.fresh_desk(team.examiner)
    case = examining.casework.open(replace(TERMS, offence="Asylum seeker missing", seeks=Seeks.MISSING))
    probe = team.take_probe(case)
    (reason,) = examining.search.why_not(case.key)
    assert reason.command == "lineament case allow K-1 --words asylum --because TEXT"
    with refused(ReasonCode.PURPOSE_IN_DOUBT):
        team.search(case, probe)
    with pytest.raises(NotAllowed):
        examining.casework.allow(case.key, "she is missing")
    allowed = team.fresh_desk(team.supervisor).casework.allow(case.key, "she is missing, and her family asks")
    (stated,) = allowed.allowances
    assert (stated.words, stated.by, stated.alone) == (("asylum",), "Sven Supervisor", False)
    assert team.search(case, probe).reason == REASON
    entry = team.fresh_desk(team.supervisor).casework.timeline(case.key, limit=10)
    lines = [line for line in entry if line.action == "purpose_allowed"]
    assert [line.details["because"] for line in lines] == ["she is missing, and her family asks"]


def test_what_was_allowed_covers_no_other_words(team: Squad) -> None:
    case = team.fresh_desk(team.examiner).casework.open(
        replace(TERMS, offence="immigration officer murdered", seeks=Seeks.MISSING)
    )
    probe, supervising = team.take_probe(case), team.fresh_desk(team.supervisor).casework
    supervising.allow(case.key, "the officer is the victim")
    with refused(ReasonCode.PURPOSE_IN_DOUBT):
        team.search(case, probe, reason="a journalist saw him")
    with refused(ReasonCode.PURPOSE):
        team.search(case, probe, reason="check the immigration status of the witness")
    supervising.allow(case.key, "the witness", ["journalist"])
    assert team.search(case, probe, reason="a journalist saw him").reason == "a journalist saw him"


def test_whatever_a_refusal_names_can_be_allowed_and_nothing_else_is(team: Squad) -> None:
    texts = [phrase["text"] for phrase in PHRASES]
    doubts = {text: [doubt.words for doubt in read_purposes([text]).doubts] for text in texts}
    refused_before = {text for text in texts if read_purposes([text]).refused}
    case, named = team.open_case(), [words for found in doubts.values() for words in found]
    assert len(named) > 50
    allowed = team.fresh_desk(team.supervisor).casework.allow(case.key, "the victim is meant", named)
    assert [text for text in texts if allowed.read_purposes(text).doubts] == []
    assert {text for text in texts if allowed.read_purposes(text).refused} == refused_before


def test_nobody_allows_what_is_refused_or_in_no_doubt(team: Squad) -> None:
    case, supervising = team.open_case(), team.fresh_desk(team.supervisor).casework
    with refused(ReasonCode.NOTHING_IN_DOUBT):
        supervising.allow(case.key, "because")
    with refused(ReasonCode.PURPOSE):
        supervising.allow(case.key, "because", [IMMIGRATION])
    with pytest.raises(InvalidValue):
        supervising.allow(case.key, "because", ["robbery"])


def test_alone_the_examiner_says_why_and_the_record_tells_so(portraits: Path, tmp_path: Path) -> None:
    shutil.copytree(portraits, tmp_path / "ws")
    with opened(tmp_path / "ws", Clock(tick=TICK)) as world:
        desk = world.machine
        case = desk.casework.open(replace(TERMS, offence="Asylum seeker missing"))
        probe = desk.probes.take(case.key, PHOTOGRAPH, kind=ProbeKind.CCTV)
        request = SearchRequest(case=case.key, reason=REASON, mode=Mode.INVESTIGATION)
        with refused(ReasonCode.PURPOSE_IN_DOUBT):
            desk.search.run(probe.id, request)
        (stated,) = desk.casework.allow(case.key, "she is missing").allowances
        assert stated.alone
        assert desk.search.run(probe.id, request).reason == REASON
        (line,) = [line for line in desk.casework.timeline(case.key) if line.action == "purpose_allowed"]
        assert line.details["alone"] is True


def test_a_statement_cannot_be_written_into_the_database(team: Squad) -> None:
    case = team.fresh_desk(team.examiner).casework.open(replace(TERMS, offence="Asylum seeker missing"))
    other = team.fresh_desk(team.examiner).casework.open(replace(TERMS, ref="K-2", offence="Asylum seeker missing"))
    team.fresh_desk(team.supervisor).casework.allow(other.key, "she is missing")
    with raw_database(team.workspace.home) as database:
        database.execute("UPDATE cases SET allowances = (SELECT allowances FROM cases WHERE ref = 'K-2')")
    with pytest.raises(AccessAltered):
        team.fresh_desk(team.examiner).casework.get(case.key)
