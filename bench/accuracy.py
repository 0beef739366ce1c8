"""Accuracy on LFW: in f32 and bf16, with and without centring, on degraded probes; and strangers seen and expected.

Prints a page in Markdown; ``--write`` puts it into docs/reference/accuracy.md, or, with ``--pack``, beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench import lfw, machine
from bench.degraded import DEGRADATIONS, UNALTERED, Joining, Templates, as_shipped, joining_of, templates
from bench.error_rates import SAME_PERSON, SHOWS, check, non_mated, strangers, true_people
from bench.lfw import Floats, Photographs
from lineament.model.packs import CURRENT
from lineament.vision.packs import Pack
from lineament.vision.runtime import bf16_is_native

PAGE = lfw.ROOT / "docs" / "reference" / "accuracy.md"
RESAMPLED = 1000
FOLDS = 10
FPIR = 0.01
FMRS = (1e-3, 1e-4, 1e-5)
ENROLLED = 3
"""Photographs of each person, where several are enrolled."""
FUSION = "## Several probes of one person"
"""The section that bench/fusion.py writes; this script leaves it unchanged."""
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class MatedSearches:
    """Mated searches in a gallery with one photograph of each person."""

    people: Numbers  # the person of each search
    first: NDArray[np.bool_]  # whether the mated face has rank 1


def mated_searches(people: Numbers, gallery: Floats, probes: Floats) -> MatedSearches:
    """Enrol the first photograph of each person, and search with all others.

    Args:
        people: The person on each photograph.
        gallery: The templates of all photographs that are enrolled from.
        probes: Those that are searched with, of the same photographs; they may be degraded.
    """
    enrolled = np.unique(people, return_index=True)[1]
    others = np.setdiff1d(np.arange(len(people)), enrolled)
    best = (probes[others] @ gallery[enrolled].T).argmax(axis=1)
    return MatedSearches(people[others], best == people[others])


@dataclass(frozen=True)
class OpenSet:
    """Mated and non-mated searches at the threshold that the share FPIR of the non-mated ones reaches."""

    enrolled: int  # N
    nonmated: int
    people: Numbers  # the person of each mated search
    found: NDArray[np.bool_]  # whether the mated face has rank 1 and reaches the threshold

    @property
    def fnir(self) -> float:
        """FNIR(N, 1)."""
        return float(1 - self.found.mean())

    def cell(self) -> str:
        """Return FNIR with its 95 % interval."""
        low, high = interval(self.people, ~self.found)
        return f"{self.fnir:.2%} ({low:.1%}–{high:.1%})"


@dataclass(frozen=True)
class Trial:
    """Who is enrolled and who is searched for, as rows of the templates."""

    people: Numbers  # of every row
    enrolled: Numbers
    mated: Numbers
    nonmated: Numbers

    def search(self, gallery: Floats, probes: Floats) -> OpenSet:
        """Search with all probes; a person scores as the best of the enrolled faces does. See ``mated_searches``."""
        threshold = np.quantile((probes[self.nonmated] @ gallery[self.enrolled].T).max(axis=1), 1 - FPIR)
        scores = probes[self.mated] @ gallery[self.enrolled].T
        best = self.people[self.enrolled][scores.argmax(axis=1)]
        found = (best == self.people[self.mated]) & (scores.max(axis=1) >= threshold)
        return OpenSet(len(self.enrolled), len(self.nonmated), self.people[self.mated], found)


def one_enrolled(people: Numbers, among: NDArray[np.bool_] | None = None) -> Trial:
    """Enrol one photograph of everybody with several; the rest of theirs and single photographs are probes.

    ``among``: the photographs that take part; all, if left out.
    """
    some = np.ones(len(people), np.bool_) if among is None else among
    first = np.unique(people, return_index=True)[1]
    several = np.bincount(people)[people] > 1
    enrolled = first[several[first] & some[first]]
    mated = np.setdiff1d(np.flatnonzero(several & some), enrolled)
    single = non_mated(people)
    return Trial(people, enrolled, mated, single[some[single]])


def several_enrolled(people: Numbers) -> Trial:
    """Enrol the first ENROLLED photographs of everybody with more; the rest of theirs, and single ones, are probes."""
    order = np.argsort(people, kind="stable")
    starts = np.searchsorted(people[order], people[order])
    number = np.empty(len(people), np.int64)
    number[order] = np.arange(len(people)) - starts
    many = np.bincount(people)[people] > ENROLLED
    return Trial(
        people,
        np.flatnonzero(many & (number < ENROLLED)),
        np.flatnonzero(many & (number >= ENROLLED)),
        non_mated(people),
    )


def open_set(people: Numbers, gallery: Floats, probes: Floats) -> OpenSet:
    """Enrol one photograph of everybody with several, and search with all others."""
    return one_enrolled(people).search(gallery, probes)


def mated_pairs(people: Numbers, templates: Floats) -> tuple[Floats, Numbers]:
    """Return the scores of all mated pairs, and the person of each pair."""
    scores, whose = [], []
    for at, template in enumerate(templates[:-1]):
        same = np.flatnonzero(people[at + 1 :] == people[at]) + at + 1
        scores.append(templates[same] @ template)
        whose.append(np.full(len(same), people[at]))
    return np.concatenate(scores), np.concatenate(whose)


def verification(mated: Floats, others: Floats) -> str:
    """Return the accuracy on as many random pairs of strangers as mated ones, in ten folds, with its standard error."""
    random = np.random.default_rng(1)
    genuine = random.permutation(mated)
    strangers = random.choice(others, len(genuine), replace=False)
    right = []
    for fold in range(FOLDS):
        held = np.arange(len(genuine)) % FOLDS == fold
        tried = np.linspace(0.2, 0.5, 301)
        accepted = [(genuine[~held] >= t).mean() + (strangers[~held] < t).mean() for t in tried]
        threshold = tried[int(np.argmax(accepted))]
        right.append(((genuine[held] >= threshold).mean() + (strangers[held] < threshold).mean()) / 2)
    return f"{np.mean(right):.2%} ± {np.std(right, ddof=1) / FOLDS**0.5:.2%}"


def draws(people: int) -> Numbers:
    """Return people drawn with replacement, shape (RESAMPLED, people), for a bootstrap."""
    return np.random.default_rng(1).integers(0, people, (RESAMPLED, people))


def interval(people: Numbers, outcome: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the 95 % interval of the share of searches with this outcome when people are resampled (bootstrap)."""
    names, rows = np.unique(people, return_inverse=True)
    drawn = draws(len(names))
    shares = np.bincount(rows, outcome)[drawn].sum(axis=1) / np.bincount(rows)[drawn].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(low), float(high)


def pair_cells(mated: Floats, whose: Numbers, others: Floats) -> list[str]:
    """Return FNMR at three FMR, d′ and the mean mated score, with their 95 % intervals when people are resampled.

    Every person has the same weight, however many photographs there are.

    Args:
        mated: The scores of the mated pairs.
        whose: The person of each.
        others: The scores of the pairs of strangers, in descending order.
    """
    limits = [others[int(rate * len(others)) - 1] for rate in FMRS]
    rows = np.unique(whose, return_inverse=True)[1]
    of_pairs = [*(mated < limit for limit in limits), mated, mated**2]
    of_people = np.stack([np.bincount(rows, values) / np.bincount(rows) for values in of_pairs])
    drawn = draws(of_people.shape[1])
    means = np.column_stack([of_people.mean(axis=1), *(of_people[:, people].mean(axis=1) for people in drawn)])
    *missed, mean, square = means
    separation = (mean - others.mean()) / np.sqrt((square - mean**2 + others.var()) / 2)
    formats = [("{:.2%}", "{:.1%}")] * len(FMRS) + [("{:.2f}", "{:.2f}"), ("{:.3f}", "{:.3f}")]
    return [
        f"{how.format(values[0])} ({'–'.join(less.format(end) for end in np.quantile(values[1:], [0.025, 0.975]))})"
        for values, (how, less) in zip([*missed, separation, mean], formats, strict=True)
    ]


def row(name: str, chosen: Photographs, templates: Floats) -> str:
    """Return one line of the table."""
    people = chosen.people
    searched = mated_searches(people, templates, templates)
    low, high = interval(searched.people, searched.first)
    mated, whose = mated_pairs(people, templates)
    others = strangers(chosen, templates)
    cells = [
        f"{searched.first.mean():.2%} ({low:.1%}–{high:.1%})",
        open_set(people, templates, templates).cell(),
        verification(mated, others),
        *pair_cells(mated, whose, others),
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


HEAD = """\
| variant | rank-1 | FNIR, FPIR 0.01 | verification | FNMR, FMR 1e-3 | 1e-4 | 1e-5 | d′ | mean mated |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


def degraded_rows(chosen: Photographs, found: Mapping[str, Templates], joining: Joining) -> list[str]:
    """Return a line for each degradation: the probes are degraded, the gallery is not."""
    people, gallery = chosen.people, found[UNALTERED].joined(joining)
    lines = []
    for name, each in found.items():
        probes = each.joined(joining)
        searched = open_set(people, gallery, probes)
        first = mated_searches(people, gallery, probes)
        low, high = interval(first.people, first.first)
        without = int((~each.found()).sum())
        lines.append(f"| {name} | {without} | {searched.cell()} | {first.first.mean():.2%} ({low:.1%}–{high:.1%}) |")
    return lines


def several_rows(chosen: Photographs, vectors: Floats) -> list[str]:
    """Return a line for one enrolled photograph of a person, and for ENROLLED."""
    lines = []
    for count, trial in ((1, one_enrolled), (ENROLLED, several_enrolled)):
        named, corrected = (trial(people).search(vectors, vectors) for people in (chosen.people, true_people(chosen)))
        lines.append(
            f"| {count} | {named.enrolled // count:,} | {len(named.people):,} | {named.nonmated:,} "
            f"| {named.cell()} | {corrected.cell()} |"
        )
    return lines


def centre_of_others(chosen: Photographs, bare: Templates, joining: Joining) -> str:
    """Return what a centre measured on one half of the people does for the other half."""
    without = replace(joining, centre=np.zeros_like(joining.centre))
    people = chosen.people
    half = np.random.default_rng(0).permutation(len(chosen.names)) < len(chosen.names) // 2
    before: list[float] = []
    after: list[float] = []
    for own in (half, ~half):
        rows = np.flatnonzero(own[people])
        numbers = np.unique(people[rows], return_inverse=True)[1]
        unseen = non_mated(people)
        centre = bare.vectors[unseen[~own[people[unseen]]]].mean(axis=0)
        for fnirs, how in ((before, without), (after, replace(joining, centre=centre))):
            vectors = bare.joined(how)[rows]
            fnirs.append(open_set(numbers, vectors, vectors).fnir)
    return f"FNIR at FPIR 0.01 falls from {np.mean(before):.2%} to {np.mean(after):.2%}"


def page(chosen: Photographs, *, few: bool = False) -> str:
    """Return the whole page; with ``few``, for trials, without what needs people of all kinds."""
    pack = lfw.shipped_pack()
    (recogniser,) = pack.recognisers
    joining = joining_of(pack)
    found = {name: templates(chosen, name, pack) for name in (list(DEGRADATIONS)[:2] if few else DEGRADATIONS)}
    bare = found[UNALTERED]
    shipped = bare.joined(joining)
    rows = [row("**f32, as shipped**", chosen, shipped), row("f32, without centring", chosen, bare.vectors)]
    for name, views in (("both views alike", (1.0, 1.0)), ("without the mirror image", (1.0,))):
        changed = replace(pack, recognisers=(replace(recogniser, views=views),))
        rows.append(row(f"f32, {name}", chosen, templates(chosen, UNALTERED, changed).joined(joining)))
    alike = ""
    if bf16_is_native():
        bf16 = as_shipped(chosen, pack, "bf16")
        rows.append(row("**bf16, as shipped**", chosen, bf16))
        cosines = (shipped * bf16).sum(axis=1)
        alike = (
            "The cosine between the f32 and the bf16 template of the same photograph is "
            f"{np.median(cosines):.4f} at the median, {np.quantile(cosines, 0.01):.4f} at the first percentile and "
            f"{cosines.min():.4f} at the lowest: the detector's landmarks move a little. The table shows what that "
            "costs.\n"
        )
    searched = open_set(chosen.people, shipped, shipped)
    return TEMPLATE.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine.line("openvino", "opencv-python-headless"),
        model=pack.model,
        photographs=len(chosen),
        people=len(chosen.names),
        found=int(bare.found().sum()),
        head=HEAD,
        rows="\n".join(rows),
        degraded="\n".join(degraded_rows(chosen, found, joining)),
        halves=centre_of_others(chosen, bare, joining),
        calibration="" if few else check(found, joining, true_people(chosen)),
        probes=len(chosen) - len(chosen.names),
        joined=len(SAME_PERSON),
        corrected=len(SHOWS),
        pairs=len(mated_pairs(chosen.people, shipped)[0]),
        others=len(strangers(chosen, shipped)),
        several="\n".join(several_rows(chosen, shipped)),
        enrolled=searched.enrolled,
        mated=len(searched.people),
        strangers=searched.nonmated,
        alike=alike,
        whose=lfw.WHOSE,
    )


def page_of_pack(chosen: Photographs, pack: Pack, only: Sequence[str], *, calibrated: bool) -> str:
    """Return the page of a pack that does not ship: as it is, each of its recognisers alone, and degraded probes.

    Args:
        chosen: The photographs.
        pack: The pack, with its centre.
        only: The degradations to measure, the first of them UNALTERED.
        calibrated: Count strangers too, which needs people of all kinds.
    """
    joining = joining_of(pack)
    found = {name: templates(chosen, name, pack) for name in only}
    bare = found[UNALTERED]
    rows = [row(f"**{pack.model}**", chosen, bare.joined(joining))]
    rows.append(row("without centring", chosen, bare.joined(joining_of(pack, centred=False))))
    if len(pack.recognisers) > 1:
        ends = np.cumsum([0, *joining.dimensions])
        for number, (start, end) in enumerate(pairwise(ends), 1):
            alone = Joining(joining.centre[start:end], (int(end - start),), (1.0,))
            part = replace(bare, vectors=bare.vectors[:, start:end])
            rows.append(row(f"recogniser {number} alone", chosen, part.joined(alone)))
    return PACK_TEMPLATE.format(
        pack=pack.name,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine.line("openvino", "opencv-python-headless"),
        model=pack.model,
        photographs=len(chosen),
        people=len(chosen.names),
        head=HEAD,
        rows="\n".join(rows),
        several="\n".join(several_rows(chosen, bare.joined(joining))),
        degraded="\n".join(degraded_rows(chosen, found, joining)),
        calibration=check(found, joining, true_people(chosen)) if calibrated else "",
    )


TEMPLATE = """# Accuracy

Written by `python -m bench.accuracy --write` on {date}; model `{model}`;
{machine}.

## Whose photographs

Half of Labeled Faces in the Wild: {photographs:,} photographs of 250 × 250 pixels, {people:,} people. They are
{whose}.
So these figures do not say how well it works for children, old photographs, people who are rare in that set,
surveillance pictures, masks or make-up. Expect worse results there, and measure before you rely on it.

A face is found in {found:,} of them.

## Telling people apart

- Rank-1: how often the mated face comes first. Everybody's first photograph is enrolled ({people:,} people), the other
  {probes:,} are probes.
- FNIR: {enrolled:,} people with several photographs are enrolled with one of them. {mated:,} probes show them, and
  {strangers:,} show people who are not enrolled, of whom 1 % get a candidate.
- Verification: ten folds, with as many pairs of strangers as mated pairs; with the standard error of the mean.
- FNMR, d′ and mean mated score: over {pairs:,} mated pairs, each person with the same weight; FNMR at the score that
  this share of the {others:,} pairs of strangers reaches.
- In brackets: the middle 95 % of the results when people are resampled (bootstrap).

{head}
{rows}

Centring takes away what the templates of all people have in common: the mean of {strangers:,} templates of people of
whom there is one photograph only, the non-mated probes. They take part in this test; with the mean of one half of the
people on the other half, {halves}. The mirror image shows a little more around the face (zoom 0.95),
which costs nothing and tells more than two views alike.

LFW's names are taken as they are, although it has some people under two names and some photographs under the wrong
name; these count as errors here. The pairs of strangers leave out the {joined} pairs of names and the {corrected}
photographs that `bench/error_rates.py` lists.

{alike}
## One photograph of a person, or several

FNIR at FPIR 0.01, where each person scores as the best of the enrolled photographs; people with more photographs than
are enrolled take part.

| enrolled | people | mated searches | non-mated | FNIR, names as they are | FNIR, names corrected |
| ---: | ---: | ---: | ---: | ---: | ---: |
{several}

## Turned, small, blurred, dark

The probes are degraded, the gallery is not; the threshold is that of degraded strangers. Without a face: photographs in
which none was found, which count as misses.

| probes | without a face | FNIR, FPIR 0.01 (95 %) | rank-1 (95 %) |
| --- | ---: | ---: | ---: |
{degraded}

## Strangers expected, and strangers seen

Calibrated on half of the people, counted on the others, who are searched for in a gallery of one photograph of each
of them: how many times as many strangers reached the score at which 0.1, 1 or 10 were expected for a probe of this
quality. The rates that ship are calibrated on everybody.

{calibration}
"""

PACK_TEMPLATE = """# Accuracy of the pack {pack}

Written by `python -m bench.accuracy --pack {pack} --write` on {date}; model `{model}`;
{machine}.

The same {photographs:,} photographs of {people:,} people, and the same way to count, as for the pack that ships (see
[accuracy](accuracy.md), which says whose photographs they are and what the columns mean).

## Telling people apart

{head}
{rows}

## One photograph of a person, or several

| enrolled | people | mated searches | non-mated | FNIR, names as they are | FNIR, names corrected |
| ---: | ---: | ---: | ---: | ---: | ---: |
{several}

## Turned, small, blurred, dark

| probes | without a face | FNIR, FPIR 0.01 (95 %) | rank-1 (95 %) |
| --- | ---: | ---: | ---: |
{degraded}

## Strangers expected, and strangers seen

{calibration}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--few", action="store_true", help="leave out the calibration; for trials")
    parser.add_argument("--only", nargs="+", choices=DEGRADATIONS, default=list(DEGRADATIONS), help="with --pack")
    lfw.add_folder_option(parser)
    lfw.add_pack_options(parser)
    given = parser.parse_args()
    if given.pack != CURRENT:
        only = list(DEGRADATIONS)[:2] if given.few else [UNALTERED, *(name for name in given.only if name != UNALTERED)]
        pack = lfw.pack_of(given.pack, given.folders)
        text = page_of_pack(lfw.photographs(given.lfw), pack, only, calibrated=not given.few)
        print(text)
        if given.write:
            PAGE.with_name(f"accuracy-{given.pack}.md").write_text(text, "utf-8")
        return
    text = page(lfw.photographs(given.lfw), few=given.few)
    print(text)
    if given.write:
        _, title, rest = PAGE.read_text("utf-8").partition(FUSION)
        PAGE.write_text(text if not title else f"{text.rstrip()}\n\n{title}{rest}", "utf-8")


if __name__ == "__main__":
    main()
