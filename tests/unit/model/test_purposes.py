"""Purposes for which nobody is searched: what is caught, and what police work is not (R10)."""

from __future__ import annotations

import pytest

from lineament.model.purposes import REFUSED, refused_purposes

CAUGHT = {
    "immigration enforcement": [
        "check the immigration status of a suspect",
        "find undocumented migrants",
        "to deport him",
        "illegal aliens in the warehouse",
        "visa overstay",
        "verify an asylum claim",
        "serve a removal order",
    ],
    "protected activity": [
        "find the protesters of Saturday",
        "who was at the demonstration",
        "list the members of a union meeting",
        "an activist",
        "identify a journalist's source",
        "find the whistleblower",
        "the mosque-goers of Friday",
        "who stood in the picket line",
    ],
    "protected class": [
        "sort the witnesses by religion",
        "because of his ethnicity",
        "based on their nationality",
        "on the basis of sexual orientation",
        "find gay men",
        "an ethnic profile of the quarter",
    ],
    "untargeted": [
        "mass surveillance of the station",
        "identify everybody in the picture",
        "scan all passers-by",
        "a watch list building exercise",
        "personal curiosity",
        "find my ex-wife",
        "predictive policing",
    ],
}


@pytest.mark.parametrize(("name", "purpose"), [(name, text) for name, all_ in CAUGHT.items() for text in all_])
def test_refused(name: str, purpose: str) -> None:
    assert name in [refused.name for refused in refused_purposes([purpose])]
    assert name in [refused.name for refused in refused_purposes(["something else", purpose.upper()])]


@pytest.mark.parametrize(
    "purpose",
    [
        "find who robbed the bank",
        "find the missing child",
        "to learn the name of the dead man of the canal",
        "the arson of the Protestant church",
        "he was seen by the race course on Sunday",
        "a theft from the union bank",
        "the suspect of the stabbing in Immigrant Street",
        "establish who used the stolen card at the counter",
        "the woman on the exhibit of case 12",
        "assault on a teacher by a pupil",
        "the thief who sold demonstration models of a phone",
        "a demonstration of the search to the court",
        "",
    ],
)
def test_police_work_is_not_refused(purpose: str) -> None:
    assert refused_purposes([purpose]) == []


@pytest.mark.parametrize(
    "disguised",
    [
        "immigration\n  status",
        "ＩＭＭＩＧＲＡＴＩＯＮ status",
        "immigration\N{NO-BREAK SPACE}status",
        "\timmigration status",
    ],
)
def test_blanks_and_wide_letters_hide_nothing(disguised: str) -> None:
    assert refused_purposes([disguised])


def test_each_says_why_and_by_which_rule() -> None:
    for refused in REFUSED:
        assert refused.why
        assert refused.rule
    assert len({refused.name for refused in REFUSED}) == len(REFUSED) == len(CAUGHT)
