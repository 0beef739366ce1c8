"""Model packs as JSON and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineament.model.rates import ErrorRates
    from lineament.services.gallery.pack_adding import PackCheck
    from lineament.services.gallery.packs import KnownPack

RARE = 1e-4
"""The share of strangers at whose score the misses are shown."""
DIGITS = 6
"""Decimals of rates and scores in JSON."""


def state_words(pack: KnownPack) -> str:
    """Return whether a pack is in use, or how far the gallery is moved to it; and what is wrong with it."""
    words = []
    if pack.in_use:
        words.append("in use")
    if pack.left is not None:
        words.append(f"the gallery is being moved to it: {pack.left:,} pictures left")
    if pack.description.trouble:
        words.append(f"cannot be used: {pack.description.trouble}")
    return "; ".join(words)


def pack_facts(pack: KnownPack) -> dict[str, object]:
    """Return the facts about a pack, for people."""
    of, added = pack.description, pack.added
    nets = [f"{part.dimension} numbers, weight {part.weight:g}" for part in of.manifest.recognisers]
    return {
        "name": of.manifest.name,
        "model": of.model,
        "dimension": pack.dimension,
        "recognisers": nets,
        "state": state_words(pack),
        "accepted by": None if added is None else added.accepted_by,
        "accepted_at": None if added is None else added.accepted_at,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedShare:
    """The share of mated faces that is missed at the score that a share of RARE of the strangers reaches."""

    grade: int  # of the probe
    score: float
    share: float
    low: float  # the ends of the 95 % interval of the share
    high: float
    comparisons: int  # mated pairs
    people: int


def missed_shares(rates: ErrorRates) -> list[MissedShare]:
    """Return the share of mated faces that is missed, for probes of each grade."""
    found = []
    for grade, misses in enumerate(rates.misses):
        score = rates.score_for(RARE, grade, [0.0] * grade + [1.0])
        low, high = misses.interval_at(score)
        missed = MissedShare(
            grade=grade,
            score=score,
            share=misses.share_at(score),
            low=low,
            high=high,
            comparisons=misses.comparisons,
            people=misses.people,
        )
        found.append(missed)
    return found


def missed_row(of: MissedShare) -> tuple[str, str, str, str, str, str]:
    """Return a share of missed faces as a row of the table."""
    interval = f"{of.low:.1%} to {of.high:.1%}"
    return str(of.grade), f"{of.people:,}", f"{of.comparisons:,}", f"{of.share:.1%}", interval, f"{of.score:.3f}"


def _missed_json(of: MissedShare) -> dict[str, Any]:
    """Return a share of missed faces in the form of the rates that ``evaluate`` measures."""
    missed = {"value": of.share, "low": of.low, "high": of.high}
    return {
        "grade": of.grade,
        "score": round(of.score, DIGITS),
        "fmr": RARE,
        "missed": {
            **{name: round(value, DIGITS) for name, value in missed.items()},
            "trials": of.comparisons,
            "people": of.people,
        },
    }


def packs_json(packs: Sequence[KnownPack], recipes: Sequence[str]) -> dict[str, Any]:
    """Return the list of packs, and the recipes of those that were not added."""
    return {"packs": [pack_json(pack) for pack in packs], "recipes": list(recipes)}


def pack_json(pack: KnownPack) -> dict[str, Any]:
    """Return a pack as one line of the list."""
    of = pack.description
    return {
        "name": of.manifest.name,
        "model": of.model,
        "dimension": pack.dimension,
        "licence": of.manifest.licence,
        "measured": of.measured,
        "shipped": pack.added is None,
        "in_use": pack.in_use,
        "pictures_left": pack.left,
        "trouble": of.trouble or None,
    }


def shown_pack_json(pack: KnownPack) -> dict[str, Any]:
    """Return all that is known of a pack."""
    of, added = pack.description, pack.added
    return {
        **pack_json(pack),
        "licences": [
            {
                "part": part.part,
                "name": part.name,
                "owner": part.owner,
                "forbids": part.forbids,
                "address": part.address,
            }
            for part in of.manifest.licences
        ],
        "files": dict(of.digests),
        "rates": {"origin": of.rates.origin, "by_grade": [_missed_json(each) for each in missed_shares(of.rates)]},
        "accepted_by": None if added is None else added.accepted_by,
        "accepted_at": None if added is None else added.accepted_at,
        "licences_sha256": None if added is None else added.licences_sha256,
    }


def verified_json(checks: Sequence[PackCheck]) -> dict[str, Any]:
    """Return what was verified."""
    shown = [{"pack": check.pack, "what": check.name, "good": check.good, "detail": check.detail} for check in checks]
    return {"good": all(check.good for check in checks), "checks": shown}
