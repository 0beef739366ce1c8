"""Classes of offences for reports, by words of what a case says; what fits none is another offence."""

from __future__ import annotations

from collections.abc import Mapping

OTHER = "other offences"
CLASSES: Mapping[str, tuple[str, ...]] = {
    "homicide": ("murder", "homicide", "manslaughter", "meurtre", "assassinat", "mord", "totschlag", "homicidio"),
    "sexual offences": (
        "rape",
        "sexual",
        "indecen",
        "viol ",
        "agression sexuelle",
        "vergewaltig",
        "violación",
        "abuse",
    ),
    "missing or endangered people": (
        "missing",
        "kidnap",
        "abduct",
        "disparition",
        "vermisst",
        "desaparec",
        "secuestro",
    ),
    "violence": ("assault", "battery", "wounding", "violence", "körperverletz", "coups", "lesiones", "riot"),
    "robbery and theft": ("robb", "theft", "burgl", "steal", "vol ", "diebstahl", "raub", "einbruch", "robo", "hurto"),
    "fraud": ("fraud", "forg", "escroquerie", "betrug", "fälsch", "estafa", "identity theft"),
    "drugs and weapons": ("drug", "narcotic", "weapon", "firearm", "stupéfiant", "drogen", "waffen", "droga", "armas"),
    "terrorism": ("terror",),
}
"""Words, folded to lower case, that put an offence into a class; the first class that fits counts."""

EVERY_CLASS = (*CLASSES, OTHER)


def offence_class(offence: str) -> str:
    """Return the class of an offence."""
    said = f"{offence.casefold()} "
    return next((name for name, words in CLASSES.items() if any(word in said for word in words)), OTHER)
