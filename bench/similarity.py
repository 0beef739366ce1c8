"""How many strangers the shipped model expects at the similarities that clients of Amazon Rekognition use.

Prints the table of docs/reference/rekognition.md; a test compares the two. Nothing is measured here: the rates
are those that ship with the model, and bench/error_rates.py measures them.
"""

from __future__ import annotations

from pathlib import Path

from bench import machine
from lineament.model.rates import ErrorRates
from lineament.model.search import expected_words
from lineament.model.similarity import score_of
from lineament.vision import packs

USED = (80, 90, 99)
"""Amazon's default threshold, a usual one, and the one that it advises for public safety."""
GALLERY = 1_000_000


def shipped_rates() -> ErrorRates:
    """Return the error rates that ship with the model."""
    manifest = packs.SFACE_YUNET
    return packs.rates_at(Path(packs.__file__).with_name(f"{manifest.name}.rates.json"), manifest.model)


def table(rates: ErrorRates) -> str:
    """Return the table in Markdown: strangers among GALLERY faces, and mated faces that are lost."""
    top = len(rates.grades) - 1
    columns = ("Similarity", "score", "strangers, strong faces", "strangers, weak faces", "lost, strong probe")
    lines = [f"| {' | '.join((*columns, 'lost, weak probe'))} |", "| --- | --- | --- | --- | --- | --- |"]
    for wanted in USED:
        score = score_of(wanted)
        strangers = [expected_words(_strangers(rates, score, grade)) for grade in (top, 0)]
        lost = [f"{100 * (rates.missed(score, grade) or 0):.0f} of 100" for grade in (top, 0)]
        lines.append(f"| {wanted} | {score:.2f} | {' | '.join(strangers)} | {' | '.join(lost)} |")
    return "\n".join(lines)


def _strangers(rates: ErrorRates, score: float, grade: int) -> float:
    gallery = [0] * len(rates.grades)
    gallery[grade] = GALLERY
    return rates.expected_false(score, grade, gallery)


def main() -> None:
    """Print the table."""
    print(machine.line())
    print(table(shipped_rates()))


if __name__ == "__main__":
    main()
