"""The gain of several fused probes of one person over one, on LFW, with averaged templates as in the product.

Each draw enrols one random photograph of everybody. Each person with three or more photographs is searched for with
the last one, two or three of them in random order, fused by ``lineament.model.fusion``: among all others (non-mated),
and, if there is a fourth photograph to enrol, among everybody (mated). Scores are damped by
``lineament.model.fusion`` before they are compared with the threshold if the templates are not centred; what the other
way would give is printed too.
Prints a section in Markdown; ``--write`` puts it into docs/reference/accuracy.md, and the figures that the pages show
into src/lineament/services/fusion.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import lfw, machine
from bench.accuracy import FPIR, PAGE, RESAMPLED
from bench.accuracy import FUSION as TITLE
from bench.degraded import as_shipped
from bench.error_rates import true_people
from bench.lfw import Floats, Photographs
from lineament.model.fusion import damping, fuse
from lineament.model.rates import ErrorRates
from lineament.model.search import EXPECTED_FALSE

SHOWN = lfw.ROOT / "src" / "lineament" / "services" / "fusion.json"
DRAWS = 20
FUSED = (1, 2, 3)
Numbers = NDArray[np.int64]
Statistic = Callable[[Numbers], float]
"""Computes a figure from a sample of people, given as rows."""


@dataclass(frozen=True)
class Searches:
    """The searches with a number of fused probes; each array has the shape (people, draws) unless noted."""

    mated: NDArray[np.bool_]  # (people,): whether there is a photograph to enrol besides the probes
    own: Floats  # the score of the mate
    best: Floats  # the highest score of a stranger
    above: Numbers  # strangers at the product's threshold or above
    otherwise: Numbers  # the same, damped if the product does not damp, and not if it does
    threshold: float  # for one probe

    def fnir(self, rows: Numbers, threshold: float | None = None) -> float:
        """Return the share of mated searches whose mate is not first or below ``threshold`` (or the product's)."""
        of = rows[self.mated[rows]]
        at = self.threshold if threshold is None else threshold
        found = (self.own[of] >= at) & (self.own[of] > self.best[of])
        return float(1 - found.mean())

    def fnir_at_fpir(self, rows: Numbers) -> float:
        """Return FNIR at the score that the share FPIR of the non-mated searches reaches."""
        return self.fnir(rows, float(np.quantile(self.best[rows], 1 - FPIR)))

    def rank_1(self, rows: Numbers) -> float:
        of = rows[self.mated[rows]]
        return float((self.own[of] > self.best[of]).mean())

    def fpir(self, rows: Numbers) -> float:
        """Return the share of non-mated searches with a stranger at the product's threshold or above."""
        return float((self.above[rows] > 0).mean())

    def strangers(self, rows: Numbers) -> float:
        """Return the mean number of strangers at the threshold or above per search."""
        return float(self.above[rows].mean())

    def strangers_otherwise(self, rows: Numbers) -> float:
        """Return the same mean, damped if the product does not damp, and not if it does."""
        return float(self.otherwise[rows].mean())

    @cached_property
    def everybody(self) -> Numbers:
        return np.arange(len(self.mated))


def identities(chosen: Photographs) -> Numbers:
    """Return the person on each photograph; people with two names in LFW count as one."""
    return np.unique(true_people(chosen), return_inverse=True)[1]


def run_searches(people: Numbers, templates: Floats, table: ErrorRates, *, damped: bool) -> dict[int, Searches]:
    """Return the searches of all draws, by number of probes."""
    counts = np.bincount(people)
    whose = np.flatnonzero(counts >= max(FUSED))
    strongest = len(table.grades) - 1
    threshold = table.score_for(EXPECTED_FALSE, strongest, [0] * strongest + [len(counts)])
    of_person = np.split(np.argsort(people, kind="stable"), np.cumsum(counts)[:-1])
    draws: dict[int, list[tuple[NDArray[Any], ...]]] = {count: [] for count in FUSED}
    random = np.random.default_rng(1)
    rows = np.arange(len(whose))
    for _ in range(DRAWS):
        orders = [random.permutation(rows_of_person) for rows_of_person in of_person]
        gallery = templates[[order[0] for order in orders]]
        for count in FUSED:
            several = [list(templates[orders[person][-count:]]) for person in whose]
            scores = np.stack([fuse(vectors) for vectors in several]) @ gallery.T
            lowered = scores * np.array([damping(vectors) for vectors in several], np.float32)[:, None]
            used, other = (lowered, scores) if damped else (scores, lowered)
            own = used[rows, whose].copy()
            used[rows, whose] = other[rows, whose] = -1  # of the non-mated searches: not enrolled
            above, otherwise = ((of >= threshold).sum(axis=1) for of in (used, other))
            draws[count].append((own, used.max(axis=1), above, otherwise))
    found = {}
    for count, parts in draws.items():
        own, best, above, otherwise = (np.stack(part, axis=1) for part in zip(*parts, strict=True))
        found[count] = Searches(counts[whose] > max(FUSED), own, best, above, otherwise, threshold)
    return found


def interval(statistic: Statistic, people: int) -> tuple[float, float]:
    """Return the 95 % interval of a statistic by resampling people (bootstrap)."""
    random = np.random.default_rng(1)
    seen = [statistic(random.integers(0, people, people)) for _ in range(RESAMPLED)]
    low, high = np.quantile(seen, [0.025, 0.975])
    return float(low), float(high)


@dataclass(frozen=True)
class Figure:
    """A figure with its interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, statistic: Statistic, found: Searches) -> Figure:
        return cls(statistic(found.everybody), *interval(statistic, len(found.mated)))

    def rounded(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in vars(self).items()}

    def __format__(self, how: str) -> str:
        return f"{self.value:{how}} ({self.low:{how}} to {self.high:{how}})"


MEASURES = ("rank_1", "fnir", "fnir_at_fpir", "fpir", "strangers", "strangers_otherwise")


def figures(found: Searches, single: Searches) -> dict[str, Figure]:
    """Return every measure by name, and ``gain``: how much lower FNIR at the product's threshold is than with one."""
    measured = {name: Figure.of(getattr(found, name), found) for name in MEASURES}
    return measured | {"gain": Figure.of(lambda rows: single.fnir(rows) - found.fnir(rows), found)}


def row(count: int, each: dict[str, Figure]) -> str:
    """Return one line of the table."""
    shares = {name: f"{each[name]:.1%}" for name in ("fnir", "gain", "fnir_at_fpir", "rank_1", "fpir")}
    if count == FUSED[0]:
        shares["gain"] = ""  # the baseline of the others
    numbers = [f"{each[name]:.3f}" for name in ("strangers", "strangers_otherwise")]
    return f"| {count} | " + " | ".join([*shares.values(), *numbers]) + " |"


def section(found: dict[int, Searches], measured: dict[int, dict[str, Figure]], facts: dict[str, object]) -> str:
    """Return the section of the page."""
    rows = "\n".join(row(count, each) for count, each in measured.items())
    first = found[FUSED[0]]
    return TEMPLATE.format(
        title=TITLE,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine.line("openvino", "opencv-python-headless"),
        how=DAMPED if facts["damped"] else NOT_DAMPED,
        otherwise=OTHERWISE[bool(facts["damped"])],
        rows=rows,
        draws=DRAWS,
        expected=EXPECTED_FALSE,
        threshold=first.threshold,
        mated=int(first.mated.sum()),
        nonmated=len(first.mated),
        mated_searches=int(first.mated.sum()) * DRAWS,
        nonmated_searches=len(first.mated) * DRAWS,
        fpir=FPIR,
        least=3 / len(first.mated),
        reading=reading(measured),
        **facts,
    )


def reading(measured: dict[int, dict[str, Figure]]) -> str:
    """Return a sentence on whether the figures confirm the table of false match rates for fused probes."""
    several = [each for count, each in measured.items() if count > 1]
    most = max((each["strangers"] for each in several), key=lambda figure: figure.value)
    text = f"The table, made with single probes, expects {EXPECTED_FALSE} strangers per search. Fused probes bring "
    text += f"up to {most:.3f}: "
    if most.low > EXPECTED_FALSE:
        return text + "**the table is not on the safe side for fused probes.**"
    if most.high < EXPECTED_FALSE:
        return text + "then the table is on the safe side for fused probes too."
    return text + "the interval contains what the table says."


DAMPED = "Scores of fused probes are damped"
NOT_DAMPED = "Scores of fused probes are not damped, because the templates are centred"
OTHERWISE = {True: "undamped", False: "damped"}


TEMPLATE = """{title}

Written by `python -m bench.fusion --write` on {date}; model `{model}`, f32, as shipped;
{machine}.

The templates of several probes of one person are averaged, and the mean is searched for. {gallery:,} people of the same
half of LFW are enrolled with one photograph each. {mated} people have at least three more, which are the probes of the
mated searches; {nonmated} people have at least three, and are searched for among all others while they are not enrolled
themselves (non-mated). Each person is drawn {draws} times, with other photographs as enrolled face and as probes:
{mated_searches:,} mated and {nonmated_searches:,} non-mated searches per row. In brackets: the middle 95 % of the
results when people are resampled (bootstrap); the gain is compared person by person.

- FNIR: the mate is not first, or is below the threshold of the product, {threshold:.3f}, at which the table of false
  match rates expects {expected} strangers in a gallery of {gallery:,}.
- Gain: how much lower that is than with one probe, in percentage points.
- FNIR, FPIR {fpir}: at the score that this share of the row's non-mated searches reaches. No FPIR below {least:.4f}
  could be given for this number of people, because the draws of one person are not independent.
- FPIR: share of the non-mated searches with a stranger at or above the threshold of the product.
- Strangers: how many there are at or above it per search.
- {how}. Averaging removes the effects of pose and light from the probes, and the mean of templates that are not centred
  is closer to everybody, strangers too. Then a score is multiplied by the square root of the length of the mean
  template (1 for one probe) before it is looked up in the table (`damping` in `lineament/model/fusion.py`). The last
  column shows how many strangers there would be the other way.

| probes | FNIR | gain | FNIR, FPIR {fpir} | rank-1 | FPIR | strangers | {otherwise} |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{rows}

{reading}

The photographs of one person in LFW are often from one year and sometimes from one occasion. Expect less gain if a case
has several frames of one camera, which add little to each other.
"""


def shown(found: dict[int, Searches], measured: dict[int, dict[str, Figure]], facts: dict[str, object]) -> str:
    """Return the figures for the pages, as JSON; shares are 0 to 1."""
    first = found[FUSED[0]]
    origin = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} in f32 by bench/fusion.py: {facts['gallery']:,} people of half of "
        f"Labeled Faces in the Wild enrolled with one photograph each, {int(first.mated.sum())} of them searched for "
        f"with one, two and three others ({lfw.WHOSE}). FNIR at a score of {first.threshold:.3f}, at which "
        f"{EXPECTED_FALSE} strangers are expected; in brackets 95 % intervals by resampling people."
    )
    rows = [
        {"probes": count} | {name: each[name].rounded() for name in (*MEASURES, "gain")}
        for count, each in measured.items()
    ]
    figures_json = {
        "model": facts["model"],
        "origin": origin,
        "gallery_faces": facts["gallery"],
        "threshold": round(first.threshold, 4),
        "expected_strangers": EXPECTED_FALSE,
        "fpir_target": FPIR,
        "mated_people": int(first.mated.sum()),
        "non_mated_people": len(first.mated),
        "draws": DRAWS,
        "searches": rows,
    }
    return json.dumps(figures_json, ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--few", action="store_true", help="accept fewer people than the FPIR needs; for trials")
    lfw.add_folder_option(parser)
    given = parser.parse_args()
    chosen, pack = lfw.photographs(given.lfw), lfw.shipped_pack()
    people = identities(chosen)
    found = run_searches(people, as_shipped(chosen, pack), pack.rates, damped=not pack.centred)
    nonmated = len(found[FUSED[0]].mated)
    if 3 / nonmated > FPIR and (given.write or not given.few):
        raise SystemExit(f"{nonmated} people are too few for an FPIR of {FPIR} (R26)")
    measured = {count: figures(each, found[FUSED[0]]) for count, each in found.items()}
    facts: dict[str, object] = {"model": pack.model, "damped": not pack.centred, "gallery": int(people.max()) + 1}
    text = section(found, measured, facts)
    print(text)
    if given.write:
        before = PAGE.read_text("utf-8").partition(TITLE)[0].rstrip()
        PAGE.write_text(f"{before}\n\n{text}", "utf-8")
        SHOWN.write_text(shown(found, measured, facts), "utf-8")


if __name__ == "__main__":
    main()
