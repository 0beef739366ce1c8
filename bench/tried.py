"""What was tried to miss fewer people, with its gain on LFW and its cost.

Each line changes one thing of the pack that ships, or, with ``--pack``, joins another. What has to be learned is
learned on one half of the people and tried on the other, beside the pack as it ships on the same half.
Prints a page in Markdown; ``--write`` puts it into docs/reference/tried.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from bench import lfw, machine
from bench.accuracy import OpenSet, Trial, one_enrolled, several_enrolled
from bench.degraded import UNALTERED, Joining, Templates, joining_of, templates, unit
from bench.error_rates import non_mated_found
from bench.lfw import Floats, Photographs
from lineament.model.packs import CURRENT
from lineament.vision.packs import Pack, Recogniser

PAGE = lfw.ROOT / "docs" / "reference" / "tried.md"
DEGRADED = (UNALTERED, "face of 32 px", "blur of 3 px", "JPEG 10")
SHRINKAGE = 0.3
"""Share of the identity in the covariance within people, from which the linear map is made."""
NEIGHBOURS = 3
ROTATED = 8.0
"""Degrees by which the landmarks are rotated for further views."""
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Line:
    """One variant with its searches for each kind of probe, or fewer where it does not apply."""

    name: str
    searched: tuple[OpenSet, ...]
    embeddings: float  # inferences of the recogniser for each face
    note: str = ""

    def __str__(self) -> str:
        cells = [each.cell() for each in self.searched] + [""] * (len(DEGRADED) - len(self.searched))
        return f"| {self.name} | {' | '.join(cells)} | {self.embeddings:g} | {self.note} |"


def searched(trial: Trial, vectors: Mapping[str, Floats]) -> tuple[OpenSet, ...]:
    """Search with each kind of probe in a gallery of unaltered photographs."""
    return tuple(trial.search(vectors[UNALTERED], vectors[name]) for name in DEGRADED)


def pooled(halves: Sequence[OpenSet]) -> OpenSet:
    """Return the searches of both halves of the people as one; each has its own threshold."""
    return OpenSet(
        sum(half.enrolled for half in halves),
        sum(half.nonmated for half in halves),
        np.concatenate([half.people for half in halves]),
        np.concatenate([half.found for half in halves]),
    )


def map_of(templates: Floats, people: Numbers) -> Floats:
    """Return the linear map, shape (d, d), that makes the differences within people alike in all directions (LDA)."""
    names, rows, counts = np.unique(people, return_inverse=True, return_counts=True)
    means = np.zeros((len(names), templates.shape[1]))
    np.add.at(means, rows, templates)
    means /= counts[:, None]
    within = np.cov((templates - means[rows])[counts[rows] > 1].T)
    within = (1 - SHRINKAGE) * within + SHRINKAGE * np.trace(within) / len(within) * np.eye(len(within))
    values, vectors = np.linalg.eigh(within)
    mapped: Floats = ((vectors / np.sqrt(values)) @ vectors.T).astype(np.float32)
    return mapped


def views(recogniser: Recogniser) -> Iterator[tuple[str, tuple[Recogniser, ...], int]]:
    """Yield recognisers whose vectors are added to those of ``recogniser``, and the embeddings that it takes."""
    points = np.array(recogniser.points)
    middle = points.mean(axis=0)

    def rotated(degrees: float) -> Recogniser:
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        moved = (points - middle) @ np.array([[cosine, sine], [-sine, cosine]]) + middle
        return replace(recogniser, points=tuple((float(x), float(y)) for x, y in moved), views=(1.0,))

    yield f"also rotated by ± {ROTATED:g}°", (rotated(ROTATED), rotated(-ROTATED)), 4
    yield "also 15 % wider and narrower", tuple(replace(recogniser, views=(zoom,)) for zoom in (0.85, 1.15)), 4
    yield "the mirror image as wide as the face", (), 2
    yield "without the mirror image", (), 1


def centred(found: Templates, people: Numbers) -> Floats:
    """Return the vectors less the mean of those of the non-mated probes; zeros if no face was found."""
    centre: Floats = found.vectors[non_mated_found(found, people)].mean(axis=0)
    return found.joined(Joining(centre, centre.shape, (1.0,)))


def lines_of_views(chosen: Photographs, pack: Pack, trial: Trial, shipped: dict[str, Floats]) -> Iterator[Line]:
    """Yield a line for each way to show the face to the net."""
    (recogniser,) = pack.recognisers
    for name, further, embeddings in views(recogniser):
        if further:
            extra = [templates(chosen, UNALTERED, replace(pack, recognisers=(part,))) for part in further]
            both = unit(2 * shipped[UNALTERED] + sum(centred(part, trial.people) for part in extra))
            yield Line(name, (trial.search(both, both),), embeddings)
        else:
            zoom = (1.0,) * embeddings
            found = templates(chosen, UNALTERED, replace(pack, recognisers=(replace(recogniser, views=zoom),)))
            vectors = centred(found, trial.people)
            yield Line(name, (trial.search(vectors, vectors),), embeddings)


def lines_of_halves(people: Numbers, shipped: dict[str, Floats]) -> Iterator[Line]:
    """Yield the linear map, learned on one half of the people, and no map on the same halves."""
    half = np.random.default_rng(1).permutation(people.max() + 1)[people] % 2 == 0
    plain, mapped = [], []
    for learned in (half, ~half):
        trial = one_enrolled(people, ~learned)
        change = map_of(shipped[UNALTERED][learned], people[learned])
        moved = {name: unit(vectors @ change) for name, vectors in shipped.items()}
        plain.append(searched(trial, shipped))
        mapped.append(searched(trial, moved))
    for name, halves, note in (
        ("as it ships, both halves", plain, ""),
        ("a linear map (LDA with shrinkage)", mapped, "learned on the other half"),
    ):
        yield Line(name, tuple(pooled(both) for both in zip(*halves, strict=True)), 2, note)


def lines_of_several(people: Numbers, shipped: Floats, norms: Floats) -> Iterator[Line]:
    """Yield what can be done with several photographs of a person."""
    trial = several_enrolled(people)
    yield Line("the best of three", (trial.search(shipped, shipped),), 2, "as galleries are searched")
    for name, weights in (("the mean of three", np.ones_like(norms)), ("their mean, weighted by the norm", norms)):
        gallery = shipped.copy()
        for person in np.unique(people[trial.enrolled]):
            rows = trial.enrolled[people[trial.enrolled] == person]
            gallery[rows] = unit((weights[rows, None] * shipped[rows]).sum(axis=0, keepdims=True))
        yield Line(name, (trial.search(gallery, shipped),), 2, "needs to know who is who")
    scores = shipped @ shipped[trial.enrolled].T
    near = np.argsort(-scores, axis=1, kind="stable")[:, :NEIGHBOURS]
    nearest = np.take_along_axis(scores, near, axis=1).clip(0)
    widened = unit(shipped + np.einsum("nk,nkd->nd", nearest, shipped[trial.enrolled][near]))
    yield Line(
        f"the best of three, probe joined with its {NEIGHBOURS} neighbours", (trial.search(shipped, widened),), 2
    )


HEAD = f"""\
| variant | {" | ".join(DEGRADED)} | embeddings | |
| --- | {" | ".join(["---:"] * len(DEGRADED))} | ---: | --- |"""


def page(chosen: Photographs, fused: Pack | None, *, few: bool = False) -> str:
    """Return the whole page; with ``few``, for trials, without what needs many people."""
    pack = lfw.shipped_pack()
    people = chosen.people
    everybody = one_enrolled(people)
    found = {name: templates(chosen, name, pack) for name in DEGRADED}
    shipped = {name: each.joined(joining_of(pack)) for name, each in found.items()}
    bare = {name: each.vectors for name, each in found.items()}
    single = [
        Line("**as it ships**", searched(everybody, shipped), 2),
        Line("without centring", searched(everybody, bare), 2),
        *lines_of_views(chosen, pack, everybody, shipped),
    ]
    if fused is not None:
        joined = {name: templates(chosen, name, fused).joined(joining_of(fused)) for name in DEGRADED}
        single.append(Line(f"the pack `{fused.name}`", searched(everybody, joined), 4, "two recognisers"))
    return TEMPLATE.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine.line("openvino", "opencv-python-headless"),
        model=pack.model,
        photographs=len(chosen),
        enrolled=len(everybody.enrolled),
        mated=len(everybody.mated),
        nonmated=len(everybody.nonmated),
        head=HEAD,
        single="\n".join(map(str, single)),
        halves="" if few else "\n".join(map(str, lines_of_halves(people, shipped))),
        several="\n".join(map(str, lines_of_several(people, shipped[UNALTERED], found[UNALTERED].norms))),
    )


TEMPLATE = """# What was tried

Written by `python -m bench.tried --write` on {date}; model `{model}`;
{machine}.

FNIR at FPIR 0.01 on half of LFW, {photographs:,} photographs, with its names as they are (see
[accuracy](accuracy.md)); in brackets, the middle 95 % of the results when people are resampled.
Embeddings: how often the recogniser runs for each face, which is two thirds of the time of an ingest.

## One photograph of a person enrolled

{enrolled:,} people are enrolled; {mated:,} probes show them, {nonmated:,} show others. Probes are degraded, the gallery
is not.

{head}
{single}

What is learned is learned on one half of the people and tried on the other:

{head}
{halves}

## Three photographs of a person enrolled

{head}
{several}

A gallery is searched as in the first line: nobody says who is on its pictures. The list joins the pictures of a person
after the search (see [grouping](grouping.md)).
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--few", action="store_true", help="leave out what is learned; for trials")
    lfw.add_folder_option(parser)
    lfw.add_pack_options(parser)
    given = parser.parse_args()
    fused = None if given.pack == CURRENT else lfw.pack_of(given.pack, given.folders)
    text = page(lfw.photographs(given.lfw), fused, few=given.few)
    print(text)
    if given.write:
        PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
