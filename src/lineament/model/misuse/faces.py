"""What stands out in whose face was searched. Faces are numbers here: which searches show the same one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lineament.model.faces import Vectors
from lineament.model.misuse.facts import Facts, SearchFacts
from lineament.model.misuse.findings import Finding, FindingKind, Found, LookedAt, ids, outcome, words

MOST_FMR = 1e-6
"""The largest share of strangers that may count as the same face."""
MOST_STRANGERS = 0.1
"""Pairs of strangers that may be expected in one report."""
LEAST_ALONE = 3
"""Cases in which one person alone searches a face, and that stand out even if they are about the same offence."""
MANY_WEEKS = 8
"""Different weeks in which one person searches the same face; told again with every fourth week."""
ONLY_NEW_WEEKS = 12
"""The same for searches of what was captured since the last one: an open case is searched like that."""
_BLOCK = 2048


def fmr_for(pairs: int) -> float:
    """Return the share of strangers at which faces count as the same, so that hardly any pair of strangers does."""
    return min(MOST_FMR, MOST_STRANGERS / max(pairs, 1))


def alike(
    vectors: Vectors, grades: NDArray[np.int64], least: NDArray[np.float64], of_one: Sequence[tuple[int, int]] = ()
) -> NDArray[np.int64]:
    """Number the faces: vectors that reach the score for their grades are the same, also through others.

    ``least`` holds the score by the grades of both. ``of_one`` are pairs that the searcher gave as one person.
    Nothing of the vectors is kept.
    """
    parents = np.arange(len(vectors))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = int(parents[index])
        return index

    def join(first: int, second: int) -> None:
        one, other = root(first), root(second)
        if one != other:
            parents[max(one, other)] = min(one, other)

    for first, second in of_one:
        join(first, second)
    for start in range(0, len(vectors), _BLOCK):
        scores = vectors[start : start + _BLOCK] @ vectors[start:].T
        reached = scores >= least[grades[start : start + _BLOCK, None], grades[None, start:]]
        for first, second in np.argwhere(np.triu(reached, 1)).tolist():
            join(start + first, start + second)
    return np.array([root(index) for index in range(len(vectors))], np.int64)


def same_face(facts: Facts) -> Found:
    """Find a face that was searched in cases that have nothing to do with each other."""
    by_face: dict[int, list[SearchFacts]] = defaultdict(list)
    for search in facts.asked:
        if search.case in facts.cases:
            for face in set(search.faces):
                by_face[face].append(search)
    findings, looked_at = [], 0
    for searches in by_face.values():
        fresh = [search for search in searches if facts.now(search.at)]
        if not fresh:
            continue
        looked_at += 1
        if len({search.case for search in searches}) < 2:
            continue
        by = Counter(search.who for search in searches)
        alone = len(by) == 1
        groups = _unrelated(facts, searches, by_offence=not alone)
        if len(groups) < 2 or (alone and len(groups) < LEAST_ALONE and len(_unrelated(facts, searches)) < 2):
            continue
        cases = tuple(dict.fromkeys(search.case for search in searches))
        findings.append(
            Finding(
                kind=FindingKind.SAME_FACE,
                who=tuple(who for who, _ in by.most_common()),
                cases=cases,
                searches=ids(searches),
                since=searches[0].at,
                until=searches[-1].at,
                what=f"the same face in {words(searches)}, in {len(cases)} cases",
                why=f"{len(groups)} of them have nothing to do with each other: none names another"
                + (", and all were searched by one person" if alone else ", and their offences differ"),
                ordinary="cases that name each other, or two of one offence",
                numbers={"searches": len(searches), "cases": len(cases), "unrelated": len(groups), "people": len(by)},
            )
        )
    return _found(facts, FindingKind.SAME_FACE, looked_at, findings)


def _unrelated(facts: Facts, searches: Sequence[SearchFacts], *, by_offence: bool = True) -> list[set[int]]:
    """Return the cases in groups that belong together: they name one another, or are about the same offence."""
    said: dict[int, str] = {}
    for search in searches:
        said[search.case] = f"{said.get(search.case, facts.cases[search.case].texts)} {search.reason}".casefold()
    groups: list[set[int]] = []
    for case in dict.fromkeys(search.case for search in searches):
        joined = [group for group in groups if any(_related(facts, said, case, other, by_offence) for other in group)]
        groups = [group for group in groups if group not in joined]
        groups.append({case}.union(*joined))
    return groups


def _related(facts: Facts, said: dict[int, str], one: int, other: int, by_offence: bool) -> bool:
    first, second = facts.cases[one], facts.cases[other]
    if by_offence and first.offence.casefold() == second.offence.casefold():
        return True
    return second.ref.casefold() in said[one] or first.ref.casefold() in said[other]


def repeated(facts: Facts) -> Found:
    """Find a face that one person searches week after week."""
    weeks: dict[tuple[str, int], set[int]] = defaultdict(set)
    whole: dict[tuple[str, int], set[int]] = defaultdict(set)  # of these, with searches of everything
    searches: dict[tuple[str, int], list[SearchFacts]] = defaultdict(list)
    for search in facts.asked:
        for face in set(search.faces):
            weeks[search.who, face].add(facts.week_of(search.at))
            searches[search.who, face].append(search)
            if not search.only_new:
                whole[search.who, face].add(facts.week_of(search.at))
    fresh = {pair: found for pair, found in weeks.items() if 0 in found}
    findings = []
    for pair, found in sorted(fresh.items()):
        told = [
            number for number in (len(whole[pair]), len(found) - ONLY_NEW_WEEKS + MANY_WEEKS) if number >= MANY_WEEKS
        ]
        if not told or (max(told) - MANY_WEEKS) % 4:
            continue
        its = searches[pair]
        findings.append(
            Finding(
                kind=FindingKind.REPEATED,
                who=(pair[0],),
                cases=tuple(dict.fromkeys(search.case for search in its)),
                searches=ids(its),
                since=its[0].at,
                until=its[-1].at,
                what=f"the same face searched in {len(found)} different weeks",
                why=f"{len(its)} searches by one person since {its[0].at:%Y-%m-%d}",
                ordinary=f"fewer than {MANY_WEEKS} of 26 weeks, or {ONLY_NEW_WEEKS} if only what is new is searched",
                numbers={"weeks": len(found), "searches": len(its)},
            )
        )
    return _found(facts, FindingKind.REPEATED, len(fresh), findings)


def guarded(facts: Facts) -> Found:
    """Find searches of a face that the agency listed as never to be searched without a supervisor."""
    by: dict[tuple[str, str], list[SearchFacts]] = defaultdict(list)
    looked_at = 0
    shown = set()
    for search in facts.asked:
        if facts.now(search.at):
            looked_at += 1
            for face in set(search.guarded):
                by[search.who, face].append(search)
                shown.add(search.id)
    findings = [
        Finding(
            kind=FindingKind.GUARDED,
            who=(who,),
            cases=tuple(dict.fromkeys(search.case for search in searches)),
            searches=ids(searches),
            since=searches[0].at,
            until=searches[-1].at,
            what=f"{words(searches)} of a face on the agency's list",
            why="the agency keeps it on its list of faces that are not searched without a supervisor",
            ordinary="none",
            numbers={"searches": len(searches)},
        )
        for (who, _), searches in sorted(by.items())
    ]
    faces = facts.faces
    older = (
        f" {faces.guarded_left_out} of them are of another model and were not compared."
        if faces.guarded_left_out
        else ""
    )
    length = {0: "is empty", 1: "has 1 face"}.get(faces.guarded, f"has {faces.guarded} faces")
    note = f"The list {length}.{older}"
    line = LookedAt(
        kind=FindingKind.GUARDED,
        of="searches",
        looked_at=looked_at,
        ordinary=looked_at - len(shown),
        note=note,
    )
    return Found(looked_at=line, findings=tuple(findings))


def _found(facts: Facts, kind: FindingKind, looked_at: int, findings: Sequence[Finding]) -> Found:
    faces = facts.faces
    left_out = f" {faces.left_out} photographs could not be compared." if faces.left_out else ""
    rule = f"Faces count as the same where {faces.fmr:.1g} of strangers would (FMR)"
    note = f"{rule}; {faces.strangers:.2g} such pairs are expected.{left_out}"
    return outcome(kind, "faces", looked_at, findings, 0, note)
