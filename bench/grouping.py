"""How well faces that are alike are grouped: B-cubed precision, recall and F on LFW, and in candidate lists.

The faces of all photographs are grouped as one source, and so are the lists of searches: everybody with several
photographs is searched for with the first, among all others.
Prints a page in Markdown; ``--write`` puts it into docs/reference/grouping.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from bench import lfw, machine
from bench.accuracy import RESAMPLED
from bench.degraded import UNALTERED, joining_of, templates
from bench.error_rates import true_people
from bench.lfw import Floats
from lineament.model.arranging import MOST_FURTHER
from lineament.model.faces import NO_GRADE
from lineament.model.grouping import GROUPING_RATE, group_faces
from lineament.model.rates import ErrorRates
from lineament.model.search import USUAL_CANDIDATES
from lineament.services.search import faces_for

PAGE = lfw.ROOT / "docs" / "reference" / "grouping.md"
RATES = (1e-4, 1e-5, 1e-6, 1e-7)
LISTED = faces_for(USUAL_CANDIDATES)
"""Faces that a search groups."""
Numbers = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclass(frozen=True)
class BCubed:
    """The precision and recall of each face: how much of its group is its person, and of its person in its group."""

    people: Numbers
    precision: Shares
    recall: Shares

    @classmethod
    def of(cls, people: Numbers, groups: Numbers) -> BCubed:
        """Return the figures of faces of these people in these groups, both shape (faces,)."""
        whose = np.unique(people, return_inverse=True)[1]
        both = np.unique(groups.astype(np.int64) * (whose.max() + 1) + whose, return_inverse=True)[1]
        shared = np.bincount(both)[both]
        return cls(people, shared / np.bincount(groups)[groups], shared / np.bincount(whose)[whose])

    def figures(self, faces: NDArray[np.bool_] | Numbers) -> tuple[float, float, float]:
        """Return precision, recall and F of some faces."""
        precision, recall = float(self.precision[faces].mean()), float(self.recall[faces].mean())
        return precision, recall, 2 * precision * recall / (precision + recall)

    def cells(self) -> str:
        """Return the three with their 95 % intervals by resampling people (bootstrap)."""
        everybody = self.figures(np.arange(len(self.people)))
        order = np.argsort(self.people, kind="stable")
        of_person = np.split(order, np.flatnonzero(np.diff(self.people[order])) + 1)
        random = np.random.default_rng(1)
        drawn = [
            self.figures(np.concatenate([of_person[at] for at in random.integers(0, len(of_person), len(of_person))]))
            for _ in range(RESAMPLED)
        ]
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        return " | ".join(
            f"{value:.2%} ({least:.2%}–{most:.2%})" for value, least, most in zip(everybody, low, high, strict=True)
        )


def in_lists(people: Numbers, vectors: Floats, grades: Numbers, rates: ErrorRates, rate: float) -> BCubed:
    """Group the list of each search; the figures are those of its faces, resampled by the person searched for."""
    first, counts = np.unique(people, return_index=True, return_counts=True)[1:]
    precision, recall, whose = [], [], []
    for probe in first[counts > 1]:
        others = np.delete(np.arange(len(people)), probe)
        listed = others[np.argsort(-(vectors[others] @ vectors[probe]), kind="stable")[:LISTED]]
        groups = np.array(group_faces(vectors[listed], grades[listed].tolist(), rates, rate))
        found = BCubed.of(people[listed], groups)
        precision.append(found.precision)
        recall.append(found.recall)
        whose.append(np.full(len(listed), people[probe]))
    return BCubed(np.concatenate(whose), np.concatenate(precision), np.concatenate(recall))


def table(people: Numbers, vectors: Floats, grades: Numbers, rates: ErrorRates, *, lists: bool) -> str:
    """Return the rows for all false match rates, the one in use in bold."""
    rows = []
    for rate in RATES:
        if lists:
            cells = in_lists(people, vectors, grades, rates, rate).cells()
        else:
            groups = np.array(group_faces(vectors, grades.tolist(), rates, rate))
            cells = f"{groups.max() + 1:,} | {BCubed.of(people, groups).cells()}"
        rows.append(f"| {f'**{rate:g}**' if rate == GROUPING_RATE else f'{rate:g}'} | {cells} |")
    return "\n".join(rows)


TEMPLATE = """# Faces that are alike

Written by `python -m bench.grouping --write` on {date}; model `{model}`, f32, as shipped;
{machine}.

A candidate list shows pictures of one source whose faces are alike as one entry, with the further pictures below it, so
that somebody with many pictures does not fill the list. It is a convenience for whoever reads the list: it says that
pictures resemble each other, and nothing about who they show. No group is stored with the gallery: groups are made at
each search, among the faces that the list is made of, and kept with its candidates only. So they are erased with their
faces. Each picture is a candidate of its own, with its rank, score and strangers expected.

Two groups are joined while their pairs are alike on average (average linkage): while the scores of the pairs exceed, on
average, the score that a share of strangers reaches with templates of their grades. That share is {rate:g}: precision
comes first, because a face that is grouped with somebody else's is easily overlooked, and one that is not stands in the
list.
[`lineament search --json`](search-json.md) gives the groups, and up to {further} further pictures for each entry; how
many more there are is counted.

## On labelled photographs

The {faces:,} photographs of {people:,} people{drawn} of half of Labeled Faces in the Wild in which a face is found
that can be compared, {whose}. Names that belong to one person are joined; other wrong names count against the figures.

- B-cubed precision: for each face, the share of its group that shows the same person.
- B-cubed recall: for each face, the share of the pictures of its person that are in its group.
- In brackets: the middle 95 % of the results when people are resampled (bootstrap).

All faces grouped as one source:

| false match rate | groups | precision | recall | F |
| ---: | ---: | ---: | ---: | ---: |
{whole}

The best {listed} faces of each of {searches:,} searches grouped, as a search does it: everybody with several
photographs is searched for with the first, among all others. Faces that resemble one probe resemble each other, so this
is harder.

| false match rate | precision | recall | F |
| ---: | ---: | ---: | ---: |
{lists}
"""


def main() -> None:
    """Print the page, and write it on wish."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--people", type=int, help="only so many people, drawn at random")
    lfw.add_folder_option(parser)
    given = parser.parse_args()
    chosen, pack = lfw.photographs(given.lfw), lfw.shipped_pack()
    if given.people:
        names = np.random.default_rng(1).permutation(chosen.names)[: given.people].tolist()
        chosen = lfw.Photographs(tuple(path for path in chosen.paths if path.parent.name in names))
    made = templates(chosen, UNALTERED, pack)
    graded = np.array([pack.rates.grade(float(norm)) for norm in made.norms])
    found = np.flatnonzero(made.found() & (graded != NO_GRADE))
    vectors = made.joined(joining_of(pack))[found]
    people = np.unique(np.array(true_people(chosen))[found], return_inverse=True)[1]
    grades = graded[found]
    counts = np.bincount(people)
    text = TEMPLATE.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        model=pack.model,
        machine=machine.line("openvino", "opencv-python-headless"),
        rate=GROUPING_RATE,
        further=MOST_FURTHER,
        faces=len(people),
        people=len(counts),
        drawn=" drawn at random" if given.people else "",
        whose=lfw.WHOSE,
        whole=table(people, vectors, grades, pack.rates, lists=False),
        listed=LISTED,
        searches=int((counts > 1).sum()),
        lists=table(people, vectors, grades, pack.rates, lists=True),
    )
    print(text)
    if given.write:
        PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
