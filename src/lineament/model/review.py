"""Review: what two people, each for themselves, decide about a candidate (R17 to R20).

The features are those of FISWG, *Facial Image Comparison Feature List for Morphological Analysis* 2.0. As ASTM E3149
asks, whoever decides assesses each feature that is visible, and says of each other one that it is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from lineament.errors import InvalidValue
from lineament.model.folding import says_something

REVIEWERS = 2
"""People who decide about each candidate if the policy asks for a second review (R19)."""
MOST_GROUNDS = 4000
"""Most letters of the grounds of a decision, and of a note."""


class Feature(StrEnum):
    """A facial component, with what is looked at. The value is its name on the page and in the record."""

    looked_at: str

    def __new__(cls, name: str, looked_at: str) -> Self:
        """Make a member whose value is its name."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.looked_at = looked_at
        return member

    SKIN = "skin", "tone, texture, luminance"
    OUTLINE = "face and head outline", "shape of the head, the crown and the face"
    COMPOSITION = "face and head composition", "proportions and positions of the parts"
    HAIRLINE = "hairline and baldness", "shape, symmetry, density, where hair is missing"
    FOREHEAD = "forehead", "height, width, slope, bumps"
    EYEBROWS = "eyebrows", "shape, thickness, where they begin and end, asymmetry"
    EYES = "eyes", "slant, opening, lids and folds, distance, iris, lashes"
    CHEEKS = "cheeks", "fullness, cheekbones, dimples"
    NOSE = "nose", "root, bridge, tip, base, nostrils, wings"
    EARS = "ears", "size, set, rim, lobe, folds inside"
    MOUTH = "mouth", "lips, fissure, philtrum, corners, teeth"
    CHIN = "chin and jaw line", "shape, width, cleft, double chin"
    NECK = "neck", "length, width, Adam’s apple, lines"
    FACIAL_HAIR = "facial hair", "shape, density, where it grows"
    LINES = "facial lines", "creases and folds, where and how deep"
    SCARS = "scars", "where, shape, length"
    MARKS = "facial marks", "moles, freckles, birthmarks, and where"
    ALTERATIONS = "alterations", "piercings, make-up, tattoos, surgery"
    OTHER = "other", "anything else that can be compared"


_FEATURES = {feature.value: feature for feature in Feature}


class Assessment(StrEnum):
    """What is found when a feature of both pictures is compared."""

    SIMILAR = "similar"
    DIFFERENT = "different"  # in a way that pose, light, age and expression do not explain
    UNCLEAR = "cannot tell"  # visible, but neither
    NOT_VISIBLE = "not visible"  # in one picture or in both


class ReviewOutcome(StrEnum):
    """What is decided about a candidate. It never says who somebody is."""

    LEAD = "lead"
    INCONCLUSIVE = "inconclusive"
    EXCLUDED = "excluded"
    NOT_COMPARABLE = "cannot be compared"  # the pictures are not good enough


Checklist = Mapping[Feature, Assessment]
"""An assessment of every feature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A decision before it is committed."""

    outcome: ReviewOutcome
    checklist: Checklist
    grounds: str = ""
    because: str = ""  # why an earlier decision of the same person is changed

    def require_complete(self) -> None:
        """Raise InvalidValue unless every feature is assessed and the outcome follows from something (R18)."""
        if missing := [feature for feature in Feature if feature not in self.checklist]:
            left = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
            why = f"say of every feature whether it is similar, different, visible but unclear, or not visible: {left}"
            raise InvalidValue(what="The checklist", value="incomplete", why=why, field=field_of(missing[0]))
        for text, name in ((self.grounds, "grounds"), (self.because, "because")):
            if len(text) > MOST_GROUNDS:
                raise InvalidValue(what="The text", value=len(text), why=f"at most {MOST_GROUNDS} letters", field=name)
        if why := _why_unfounded(self.outcome, self.checklist, self.grounds):
            raise InvalidValue(what="The decision", value=self.outcome.value, why=why, field="grounds")


def field_of(feature: Feature) -> str:
    """Return the name of the field that holds the assessment of a feature."""
    return f"feature-{feature.name.lower().replace('_', '-')}"


def _why_unfounded(outcome: ReviewOutcome, checklist: Checklist, grounds: str) -> str:
    """Return what an outcome lacks; empty if it follows from the checklist, or from what was written."""
    found, written = set(checklist.values()), says_something(grounds)
    if outcome is ReviewOutcome.LEAD and Assessment.SIMILAR not in found:
        return "a lead needs features that are similar"
    if outcome is ReviewOutcome.LEAD and not written:
        return "write why the features that are similar weigh more than the rest"
    if outcome is ReviewOutcome.EXCLUDED and Assessment.DIFFERENT not in found:
        return "an exclusion needs at least one feature that is different"
    if outcome is ReviewOutcome.INCONCLUSIVE and not written:
        return "write what speaks for and against it"
    if outcome is ReviewOutcome.NOT_COMPARABLE and not written and found != {Assessment.NOT_VISIBLE}:
        return "write what about the pictures stands against it"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateDecision:
    """A decision of one person about a candidate, as it was committed. It never changes; a later one may replace it."""

    id: str
    search_id: str
    entry: int  # of the candidate list: ``ListEntry.number``
    seat: int  # 1 for whoever decided first, 2 for the second person
    number: int  # of this person's decisions about this candidate, from 1
    account_id: str | None  # None: the one person of a solo workspace
    agency_id: str
    reviewer: str  # name
    at: datetime
    outcome: ReviewOutcome
    checklist: Checklist
    grounds: str
    because: str = ""  # why it replaces the earlier one
    informed: bool = False  # made when its author could already read the other review

    def found(self, assessment: Assessment) -> list[Feature]:
        """Return the features that were assessed so."""
        return [feature for feature in Feature if self.checklist.get(feature) is assessment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note on a candidate. Nobody else reads it until the review of the candidate is complete."""

    id: str
    search_id: str
    entry: int
    account_id: str | None
    agency_id: str
    author: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The review of one candidate: the decisions of everybody, in the order in which they were made."""

    decisions: tuple[CandidateDecision, ...] = ()
    reviewers: int = REVIEWERS  # people whose decisions it takes

    @property
    def standing(self) -> tuple[CandidateDecision, ...]:
        """The newest decision of each person, the first person's first."""
        newest = {decision.seat: decision for decision in self.decisions}
        return tuple(newest[seat] for seat in sorted(newest))

    @property
    def outcome(self) -> ReviewOutcome | None:
        """What stands: what they agree on; inconclusive if they do not; None until all have decided (R19)."""
        standing = self.standing
        if len(standing) < self.reviewers:
            return None
        outcomes = {decision.outcome for decision in standing}
        return outcomes.pop() if len(outcomes) == 1 else ReviewOutcome.INCONCLUSIVE

    @property
    def disagreed(self) -> bool:
        """Whether they decided differently."""
        return self.outcome is not None and len({decision.outcome for decision in self.standing}) > 1

    @property
    def settled_at(self) -> datetime | None:
        """When the outcome came to stand as it is; None until then."""
        return max(decision.at for decision in self.standing) if self.outcome is not None else None

    def of(self, account_id: str | None) -> CandidateDecision | None:
        """Return what one person decided last; None if nothing."""
        return next((decision for decision in self.standing if decision.account_id == account_id), None)


def reviews_by_entry(decisions: Iterable[CandidateDecision], reviewers: int) -> dict[int, Review]:
    """Return the reviews of a list by the numbers of its entries; those without a decision are left out."""
    found: dict[int, list[CandidateDecision]] = {}
    for decision in decisions:
        found.setdefault(decision.entry, []).append(decision)
    return {entry: Review(decisions=tuple(of_it), reviewers=reviewers) for entry, of_it in found.items()}


def undecided(entries: Collection[int], reviews: Mapping[int, Review], account_id: str | None) -> list[int]:
    """Return the entries that one person has yet to decide, in order: neither they did, nor does an outcome stand."""
    return [
        entry
        for entry in entries
        if (review := reviews.get(entry)) is None or (review.outcome is None and review.of(account_id) is None)
    ]


def checklist_to(checklist: Checklist) -> dict[str, str]:
    """Return a checklist as JSON, in the order of the features."""
    return {feature.value: checklist[feature].value for feature in Feature if feature in checklist}


def checklist_from(stored: Mapping[str, str]) -> dict[Feature, Assessment]:
    """Return the checklist of a stored decision."""
    return {_FEATURES[feature]: Assessment(found) for feature, found in stored.items()}


def ground_words(decision: CandidateDecision) -> str:
    """Return the grounds of a decision in a line: what was written, or else the features that it rests on."""
    if says_something(decision.grounds):
        return decision.grounds
    wanted = Assessment.DIFFERENT if decision.outcome is ReviewOutcome.EXCLUDED else Assessment.NOT_VISIBLE
    return f"{wanted.value}: {_listed(decision.found(wanted))}"


def _listed(features: Sequence[Feature]) -> str:
    return ", ".join(features) if features else "nothing"
