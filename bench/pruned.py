"""Measures what an index loses that looks only at the faces near a probe, as those of the kind IVF do.

The faces are divided among as many cells as the square root of their number. The centre of a cell is a face drawn at
random, which belongs to its nearest centre; k-means moves centres a little and changes little. A search visits the
cells whose centres are nearest until it has seen a given share of the faces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench import templates

K = 50
SHARES = (0.01, 0.05, 0.10, 0.25, 0.50)
_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Pruned:
    """What is found when a share of the faces is visited."""

    visited: float
    best: float  # share of the exact best 50
    genuine: float  # share of the pictures of the same person among them
    unlike: float  # the same of the third of those pictures that are least like the probe
    people: float  # share of the probes of whose person some picture is among the exact best 50, and none is found


def pruning(data: templates.Templates) -> list[Pruned]:
    """Return what is found at each of ``SHARES``."""
    count = len(data.gallery)
    random = np.random.default_rng(3)
    centres = data.gallery[random.choice(count, max(2, round(count**0.5)), replace=False)]
    cells = np.concatenate(
        [(data.gallery[at : at + _AT_ONCE] @ centres.T).argmax(axis=1) for at in range(0, count, _AT_ONCE)]
    )
    sizes = np.bincount(cells, minlength=len(centres))
    order = np.argsort(-(data.probes @ centres.T), axis=1)
    before = np.cumsum(sizes[order], axis=1) - sizes[order]  # faces seen before a cell is visited
    reached = np.empty_like(before)
    np.put_along_axis(reached, order, before, axis=1)
    best, scores = nearest(data, min(K, count - 1))
    depth = np.take_along_axis(reached, cells[best], axis=1) / count
    mated = data.people[best] == data.probe_people[:, np.newaxis]
    unlike = mated & (scores <= np.quantile(scores[mated], 1 / 3))
    known = mated.any(axis=1)
    found = []
    for share in SHARES:
        hit = depth < share
        lost = known & ~(hit & mated).any(axis=1)
        found.append(
            Pruned(
                visited=share,
                best=float(hit.mean()),
                genuine=float(hit[mated].mean()),
                unlike=float(hit[unlike].mean()),
                people=float(lost.sum() / known.sum()),
            )
        )
    return found


def nearest(data: templates.Templates, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the exact best of each probe and their scores, both of shape (probes, most), in any order."""
    rows, scores = [], []
    for at in range(0, len(data.probes), 50):
        every = data.probes[at : at + 50] @ data.gallery.T
        chosen = np.argpartition(-every, most, axis=1)[:, :most]
        rows.append(chosen)
        scores.append(np.take_along_axis(every, chosen, axis=1))
    return np.concatenate(rows), np.concatenate(scores)
