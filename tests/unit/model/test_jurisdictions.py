"""The packs of jurisdictions are whole, each line has its source, and what they say acts on a case."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from importlib.resources import files

import pytest
from tests.support.samples import AT, case

from lineament.errors import InvalidValue, NotFound
from lineament.model import jurisdictions
from lineament.model.cases import CaseStanding, CaseState, Seeks
from lineament.model.jurisdictions import (
    COMMON,
    Jurisdiction,
    Line,
    Topic,
    Warned,
    law_of,
    pack_named,
    packs,
    read_pack,
    shortest_retention,
)
from lineament.model.policy import AGENCY, SOLO
from lineament.model.reasons import ReasonCode
from lineament.model.sources import checked_jurisdiction
from lineament.services.gate import purposes_against
from lineament.views.jurisdictions import acts, jurisdiction_json, jurisdictions_json

DRAFTS = ["EC", "EU", "GB", "US-MD", "US-MT", "US-UT"]
LINES = [(pack.code, line) for pack in packs().values() for line in pack.lines]
KEPT = Line(
    about=Topic.RETENTION,
    words="Kept 90 days.",
    act="Act",
    section="1",
    url="https://a.example",
    read_on=AT.date(),
    days=90,
)


def test_there_is_a_draft_for_each_jurisdiction_and_a_common_one() -> None:
    assert list(packs()) == [*DRAFTS, COMMON]


@pytest.mark.parametrize(("code", "line"), LINES)
def test_each_line_names_its_source_and_the_day_it_was_read(code: str, line: Line) -> None:
    assert line.words.endswith(".")
    assert line.act.strip()
    assert line.section.strip()
    assert line.url.startswith(("http://", "https://"))
    assert date(2026, 11, 1) <= line.read_on
    assert set(line.seeks) <= set(Seeks)
    assert not line.offences or line.about is Topic.OFFENCES
    assert (line.warns is not None) == (line.about is Topic.WARNING)


@pytest.mark.parametrize("code", [*DRAFTS, COMMON])
def test_each_pack_says_what_could_not_be_read_and_prints_both_warnings(code: str) -> None:
    pack = packs()[code]
    assert pack.not_found
    assert [line.warns for line in pack.warnings] == list(Warned)
    own = {line.warns: line.words for line in pack.about(Topic.WARNING)}
    usual = {line.warns: line.words for line in packs()[COMMON].warnings}
    assert [line.words for line in pack.warnings] == [own.get(kind, usual[kind]) for kind in Warned]


def test_the_law_of_a_part_is_its_own_pack_or_that_of_its_country_or_the_common_one() -> None:
    asked = ["US-MD", "FR", "DE-BY", "GB-SCT", "US", "US-CA", "ZZ", "EC-P"]
    assert [law_of(code).code for code in asked] == ["US-MD", "EU", "EU", "GB", COMMON, COMMON, COMMON, "EC"]


def test_a_pack_is_found_in_any_letters_and_no_other() -> None:
    assert pack_named(" us-md ").name == "Maryland"
    for code in ("US", "", "x" * 500):
        with pytest.raises(NotFound):
            pack_named(code)


@pytest.mark.parametrize("code", ["FR", "US-MD", "GB-ENG", "EC-P"])
def test_a_country_or_a_part_of_one_is_a_jurisdiction(code: str) -> None:
    assert checked_jurisdiction(code) == code


@pytest.mark.parametrize("code", ["", "F", "fr", "US-", "US-MARY", "US MD", "USA", "US-MD ", "US-MD-1"])
def test_anything_else_is_none(code: str) -> None:
    with pytest.raises(InvalidValue):
        checked_jurisdiction(code)


# ---------------------------------------------------------------- what they do


@pytest.mark.parametrize(
    ("code", "offence", "listed"),
    [
        ("US-MD", "murder", True),
        ("US-MD", "Armed Robbery", True),
        ("US-MD", "Assault in the first degree", True),
        ("US-MD", "voluntary manslaughter", True),
        ("US-MD", "involuntary manslaughter", False),
        ("US-MD", "theft of a bicycle", False),
        ("US-MD", "m\u200burder", True),  # a blank of no width
        ("US-MT", "deliberate homicide", True),
        ("US-MT", "fraud", False),
        ("US-UT", "a violent crime", True),
        ("US-UT", "shoplifting", False),
        ("EU", "shoplifting", True),  # no list
        (COMMON, "shoplifting", True),
    ],
)
def test_an_offence_that_the_law_does_not_list_is_in_doubt(code: str, offence: str, listed: bool) -> None:
    assert (packs()[code].offence_in_doubt(offence, Seeks.SUSPECT) is None) == listed


def under(code: str, **terms: object) -> dict[str, object]:
    return {"law": packs()[code], "terms": replace(case().terms, **terms)}  # type: ignore[arg-type]


def test_a_doubt_about_an_offence_is_a_reason_of_its_own_until_it_is_allowed() -> None:
    found = case(**under("US-MD", offence="Theft of a bicycle"))
    (reason,) = purposes_against(found)
    assert reason.code is ReasonCode.OFFENCE_IN_DOUBT
    assert "Maryland" in reason.words
    assert "theft of a bicycle" in reason.words
    assert reason.command == "lineament case allow K-1 --words 'theft of a bicycle' --because TEXT"
    (doubt,) = found.doubts
    from lineament.model.cases import Allowance

    stated = Allowance(words=(doubt.words,), because="part of a carjacking", by="Sven", at=AT, alone=False)
    assert purposes_against(replace(found, allowances=(stated,))) == []


def test_whoever_the_law_excepts_is_sought_for_any_offence() -> None:
    assert case(**under("US-MD", seeks=Seeks.MISSING)).doubts == ()
    assert case(**under("US-MD", seeks=Seeks.VICTIM)).doubts != ()


@pytest.mark.parametrize("seeks", list(Seeks))
@pytest.mark.parametrize("policy", [AGENCY, SOLO], ids=["agency", "solo"])
def test_a_law_that_asks_for_a_warrant_asks_for_it_whoever_is_sought_and_whatever_the_policy(
    seeks: Seeks, policy: object
) -> None:
    found = case(**under("US-MT", seeks=seeks, exempt_because="seen on camera"))
    assert found.standing(policy, AT) is CaseStanding.AWAITING  # type: ignore[arg-type]
    against = found.why_uncovered(policy, AT)  # type: ignore[arg-type]
    assert against is not None
    by_policy = policy is AGENCY and seeks is Seeks.SUSPECT
    assert against.code is (ReasonCode.NOT_AUTHORISED if by_policy else ReasonCode.LAW_ASKS_AUTHORISATION)
    assert ("Montana" in against.words) != by_policy


def test_without_such_a_law_only_a_suspect_needs_one() -> None:
    standings = {seeks: case(**under(COMMON, seeks=seeks, exempt_because="x")).standing(AGENCY, AT) for seeks in Seeks}
    awaiting = [seeks for seeks, standing in standings.items() if standing is CaseStanding.AWAITING]
    assert awaiting == [Seeks.SUSPECT]


def test_a_shorter_retention_of_the_law_holds_and_a_longer_one_does_not() -> None:
    law = replace(packs()[COMMON], lines=(*packs()[COMMON].lines, KEPT))
    closed = case(state=CaseState.CLOSED, closed_at=AT, law=law)
    assert closed.kept_days(AGENCY) == 90
    assert closed.destroyed_on(AGENCY) == (AT + timedelta(days=90)).date()
    longer = replace(law, lines=(replace(KEPT, days=9000),))
    assert replace(closed, law=longer).kept_days(AGENCY) == AGENCY.case_days
    assert shortest_retention() is None, "none of the drafts names a number of days"


def test_each_pack_says_what_it_does() -> None:
    assert any("supervisor" in act for act in acts(packs()["US-MD"]))
    assert any("authorisation" in act for act in acts(packs()["US-MT"]))
    assert list(acts(packs()[COMMON])) == ["Every result and report prints the common warnings"]
    listed = jurisdictions_json(packs().values())
    assert [pack["code"] for pack in listed["jurisdictions"]] == list(packs())
    assert listed["notice"] == "To be checked by counsel"
    told = jurisdiction_json(packs()["US-MD"])
    assert len(told["lines"]) == len(packs()["US-MD"].lines)
    assert told["lines"][0]["second_hand"] is False


SILENT = {
    Topic.OFFENCES: r"\boffences\b",
    Topic.AUTHORISATION: r"\bwarrant\b|judge's order",
    Topic.NOTICE: r"\bdiscovery\b|\bdisclosed\b",
    Topic.RETENTION: r"\bnumber of days\b|\bretention\b",
    Topic.REPORT: r"\bannual report\b",
}
"""What a pack says of a topic on which it has no line."""
ACTS = {
    Topic.OFFENCES: "is searched only after a supervisor",
    Topic.AUTHORISATION: "An authorisation is needed before a search for",
    Topic.NOTICE: "notice to the defence as due until it is recorded",
    Topic.RETENTION: "A closed case is destroyed after",
    Topic.REPORT: "The report of a year counts what",
}


@pytest.mark.parametrize("code", DRAFTS)
@pytest.mark.parametrize("topic", SILENT)
def test_each_pack_acts_on_a_topic_or_says_that_nothing_was_read(code: str, topic: Topic) -> None:
    pack = packs()[code]
    said = [missing for missing in pack.not_found if re.search(SILENT[topic], missing)]
    assert pack.about(topic) or said
    acting = pack.about(topic) if topic is not Topic.RETENTION else pack.retention_days
    assert any(ACTS[topic] in act for act in acts(pack)) is bool(acting)


# ---------------------------------------------------------------- reading


def test_a_pack_without_a_source_is_not_read() -> None:
    whole = (files(jurisdictions) / "ec.toml").read_text("utf-8")
    assert isinstance(read_pack(whole), Jurisdiction)
    for key in ("act", "section", "url", "read", "words", "about"):
        broken = "\n".join(line for line in whole.splitlines() if not line.startswith(f"{key} ="))
        with pytest.raises((TypeError, KeyError)):
            read_pack(broken)
    with pytest.raises(KeyError):
        read_pack(whole.replace('about = "DUTY"', 'about = "WISH"', 1))
