"""Makes lists: folds pictures that are nearly identical, and puts pictures of faces that are alike together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace

from lineament.model.faces import FaceId
from lineament.model.search import Candidate

MOST_FURTHER = 5
"""Most further pictures below an entry of a list; what is left out is counted."""
NEAR_DUPLICATE_BITS = 31
"""Pictures whose PDQ hashes differ in at most this many of 256 bits are near-identical (the PDQ authors' advice)."""
SAME_REGION = 0.5
"""Least overlap, in relative coordinates, for two faces of near-identical pictures to be the same face."""


def differing_bits(first: bytes, second: bytes) -> int:
    """Return the Hamming distance of two perceptual hashes, in bits."""
    return (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).bit_count()


def near_identical(first: Candidate, second: Candidate) -> bool:
    """Return whether two candidates are the same face in two nearly identical pictures."""
    if first.capture_id == second.capture_id:
        return False
    if not first.phash or differing_bits(first.phash, second.phash) > NEAR_DUPLICATE_BITS:
        return False
    box = first.box.scaled(1 / first.width, 1 / first.height)
    return box.overlap(second.box.scaled(1 / second.width, 1 / second.height)) >= SAME_REGION


def fold_duplicates(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return candidates with their near-duplicates folded in."""
    kept: list[Candidate] = []
    for candidate in candidates:
        first = next((at for at, other in enumerate(kept) if near_identical(other, candidate)), None)
        if first is None:
            kept.append(candidate)
        else:
            twins = (*kept[first].near_duplicates, candidate.face_id)
            kept[first] = replace(kept[first], near_duplicates=twins)
    return kept


def arrange(candidates: Iterable[Candidate], groups: Mapping[FaceId, Hashable], limit: int) -> tuple[Candidate, ...]:
    """Return the pictures of the first ``limit`` groups, best first, ranked from 1.

    Near-duplicates are folded in. Of each group at most ``1 + MOST_FURTHER`` pictures are listed; how many more there
    are stands with each of them. ``groups`` names the group of each face; the numbers returned begin with 1.
    """
    numbers: dict[Hashable, int] = {}
    pictures: Counter[int] = Counter()
    kept: list[tuple[int, Candidate]] = []
    for candidate in fold_duplicates(candidates):
        group = groups[candidate.face_id]
        if group not in numbers and len(numbers) == limit:
            continue
        number = numbers.setdefault(group, len(numbers) + 1)
        pictures[number] += 1
        if pictures[number] <= 1 + MOST_FURTHER:
            kept.append((number, candidate))
    return tuple(
        replace(candidate, rank=rank, group=number, unlisted=max(0, pictures[number] - 1 - MOST_FURTHER))
        for rank, (number, candidate) in enumerate(kept, 1)
    )


def arrange_pictures(pictures: Sequence[Sequence[Candidate]], limit: int) -> tuple[Candidate, ...]:
    """Return the first ``limit`` pictures that show several people, each as its candidates in the order of the people.

    Pictures come best first. One in which everybody is near-identical to an earlier one is folded into that. The faces
    of a picture are a group, numbered from 1.
    """
    kept: list[list[Candidate]] = []
    for picture in pictures:
        for at, earlier in enumerate(kept):
            if all(near_identical(one, other) for one, other in zip(earlier, picture, strict=True)):
                folded = zip(earlier, picture, strict=True)
                kept[at] = [
                    replace(one, near_duplicates=(*one.near_duplicates, other.face_id)) for one, other in folded
                ]
                break
        else:
            kept.append(list(picture))
    listed = [(group, face) for group, picture in enumerate(kept[:limit], 1) for face in picture]
    return tuple(replace(face, rank=rank, group=group) for rank, (group, face) in enumerate(listed, 1))
