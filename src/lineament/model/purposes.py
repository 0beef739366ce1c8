"""Purposes for which nobody may be searched (R10), as a table that can be read and discussed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lineament.model.reasons import Reason, ReasonCode


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPurpose:
    """A kind of purpose that is refused."""

    name: str
    why: str
    rule: str  # the law or rule behind it
    words: re.Pattern[str]

    @property
    def reason(self) -> Reason:
        """The reason against a search for this purpose."""
        return ReasonCode.PURPOSE.reason(name=self.name, why=self.why)


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_CLASS = (
    r"race|ethnicity|religion|faith|nationality|skin colou?r|gender identity|sexual orientation|sexuality|disability|"
    r"political opinions?"
)

REFUSED: Final = (
    RefusedPurpose(
        name="immigration enforcement",
        why="nobody is searched to enforce immigration law",
        rule="Detroit 307.5; RCW 43.386.080",
        words=_words(
            r"immigration (?:status|enforcement|control|check|offence|violation|raid)",
            r"(?:undocumented|illegal|irregular) (?:im)?migra",
            r"illegal aliens?\b",
            r"deport",
            r"(?:visa )?overstay",
            r"asylum (?:seeker|status|claim)",
            r"removal (?:order|proceeding)",
        ),
    ),
    RefusedPurpose(
        name="protected activity",
        why="nobody is searched for taking part in assembly, speech, worship, journalism, union work or an election",
        rule="RCW 43.386.080(3); US First Amendment; ECHR 9 to 11",
        words=_words(
            r"protest(?:s|er|ers|ors?|ing)?\b",
            r"demonstrators?\b",
            r"(?:at|in|during|attend\w*|join\w*|organi[sz]\w*) (?:\w+ ){0,2}demonstrations?\b",
            r"(?:peaceful|public) (?:assembly|march|rally|gathering)",
            r"(?:political|union|strike) (?:rally|meeting|activist|activity|opinion|organis|organiz|membership)",
            r"activists?\b",
            r"dissidents?\b",
            r"journalists?(?:['’]s?)? (?:source|contact|informant)s?",
            r"whistle-?blowers?\b",
            r"(?:mosque|church|synagogue|temple)[- ]?(?:go|attend|visit)",
            r"worshippers?\b",
            r"picket",
        ),
    ),
    RefusedPurpose(
        name="protected class",
        why="nobody is searched for race, ethnicity, religion, sex, orientation, disability or opinion",
        rule="RCW 43.386.080(4); EU AI Act 5(1)(g)",
        words=_words(
            rf"(?:because of|based on|on the basis of|according to) (?:\w+ )?(?:{_CLASS})\b",
            rf"(?:by|for) (?:(?:his|her|their) )?(?:{_CLASS})\b(?! (?:course|track|meeting))",
            rf"their (?:{_CLASS})\b",
            r"ethnic (?:profil|origin|group)",
            r"racial profil",
            r"(?:homosexual|gay|lesbian|transgender) (?:people|person|men|women)",
        ),
    ),
    RefusedPurpose(
        name="untargeted",
        why="a search is for one person in one case; crowds, lists and curiosity are not searched",
        rule="EU AI Act 5(1)(h), 26(10); Detroit 307.5",
        words=_words(
            r"(?:mass|general|blanket|untargeted|bulk) (?:surveillance|screening|monitoring|search|identification)",
            r"(?:identify|search|scan|screen) (?:everyone|everybody|all (?:the )?(?:people|persons|participants|"
            r"attendees|visitors|passers-?by))",
            r"fishing expedition",
            r"crowd (?:scan|screen|monitor|identification)",
            r"predictive policing",
            r"(?:watch ?list|persons? of interest) (?:building|enrichment|monitoring)",
            r"(?:personal|private) (?:curiosity|interest|matter|reasons?)\b",
            r"(?:ex-?|my )(?:girlfriend|boyfriend|wife|husband|partner)\b",
            r"curious\b|curiosity",
        ),
    ),
)
"""Every refused purpose. Words cannot catch every case; what passes is on the record for the auditors."""


def refused_purposes(texts: Iterable[str]) -> list[RefusedPurpose]:
    """Return the refused purposes that any of the texts names, in the order of the table."""
    normalised = [" ".join(unicodedata.normalize("NFKC", text).split()) for text in texts]
    return [refused for refused in REFUSED if any(refused.words.search(text) for text in normalised)]
