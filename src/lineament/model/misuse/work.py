"""What stands out in the searches of cases: their photographs, their settings, and what became of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from lineament.model.actions import VIEW_ACTIONS
from lineament.model.misuse.facts import SEARCHES, Act, Facts, SearchFacts
from lineament.model.misuse.findings import Finding, FindingKind, Found, LookedAt, ids, outcome, words
from lineament.model.misuse.robust import FAR, ordinary, ordinary_share

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)

REVIEWED_WITHIN = timedelta(days=14)
"""After that many days a search that lists candidates should have been reviewed."""
LEAST_UNREVIEWED = 3
LEAST_OF_KIND = 50
"""Searches for people sought alike that say which photographs are usual for them."""
RARE = 0.05
"""Share below which a kind of photograph is unusual for those sought."""
LEAST_RARE = 3
TIMES_RARE = 5
"""Times as many photographs of a rare kind as usual in one case; in a big case there are some of every kind."""
LEAST_FACES = 6
"""Different faces by one person in one case that may stand out."""
LEAST_CASES = 20
LOOSER = 3
"""Steps towards looser settings in a row that stand out."""
ONE_SITTING = timedelta(days=7)
STALE = timedelta(days=180)
"""A case without any work for that long is stale."""
REWORDED = timedelta(days=1)
LEAST_REFUSED = 2
_MODES = ("identification", "manual", "investigation")
"""From the strictest to the loosest."""


def probe_kinds(facts: Facts) -> Found:
    """Find photographs of a kind that is rare for those whom the case seeks."""
    usual: dict[str, Counter[str]] = defaultdict(Counter)
    in_case = Counter(search.case for search in facts.asked)
    for search in facts.asked:
        if search.case in facts.cases and search.at < facts.week:
            usual[facts.cases[search.case].seeks][search.kind] += 1
    findings, looked_at, too_little = [], 0, 0
    for (case, kind), searches in sorted(_by(facts.asked, lambda each: (each.case, each.kind)).items()):
        fresh = [search for search in searches if facts.now(search.at)]
        if not fresh or case not in facts.cases:
            continue
        looked_at += 1
        seeks = facts.cases[case].seeks
        every = sum(usual[seeks].values())
        if every < LEAST_OF_KIND:
            too_little += 1
            continue
        share = usual[seeks][kind] / every
        here = len(searches) / in_case[case]
        several = min(len(searches), len(_faces(searches)))  # neither one picture of a group nor one face again
        if share >= RARE or here < TIMES_RARE * share or several < LEAST_RARE:
            continue
        findings.append(
            Finding(
                kind=FindingKind.PROBE_KIND,
                who=_people(searches),
                cases=(case,),
                searches=ids(fresh),
                since=searches[0].at,
                until=searches[-1].at,
                what=f"{words(searches)} with {len(_faces(searches))} faces from photographs of the kind “{kind}”",
                why=f"in cases that seek “{seeks}” {100 * share:.1f} of 100 photographs are of that kind",
                ordinary=f"fewer than {LEAST_RARE} faces of a kind that is rarer than {100 * RARE:.0f} in 100",
                numbers={"searches": len(searches), "faces": len(_faces(searches)), "usual share": round(share, 4)},
            )
        )
    note = "Which photographs are usual is told by the agency's own searches of the weeks before."
    return outcome(FindingKind.PROBE_KIND, "kinds of photographs in cases", looked_at, findings, too_little, note)


def many_faces(facts: Facts) -> Found:
    """Find many different faces that one person searched in one case, unless several share the work of a big one."""
    by_pair = _by(facts.asked, lambda each: (each.case, each.who))
    faces = {pair: len(_faces(searches)) for pair, searches in by_pair.items() if pair[0] in facts.cases}
    by_seeks: dict[str, list[float]] = defaultdict(list)
    for (case, _), count in faces.items():
        by_seeks[facts.cases[case].seeks].append(float(count))
    everybody = ordinary([float(count) for count in faces.values()])
    enough = {seeks: ordinary(counts) for seeks, counts in by_seeks.items() if len(counts) >= LEAST_CASES}
    in_case = _by(by_pair, lambda pair: pair[0])
    findings, looked_at, too_little = [], 0, 0
    for case, who in sorted(faces):
        searches = by_pair[case, who]
        fresh = [search for search in searches if facts.now(search.at)]
        if not fresh:
            continue
        looked_at += 1
        if len(faces) < LEAST_CASES:
            too_little += 1
            continue
        usual = enough.get(facts.cases[case].seeks, everybody)
        others = [by_pair[pair] for pair in in_case[case] if pair[1] != who]
        alone = _alone(searches, others)
        count = len(_faces(alone))
        new = _faces(fresh) - _faces(search for search in searches if search.at < facts.week)
        if not new or count < LEAST_FACES or usual.far(count) < FAR:
            continue
        since = "" if len(alone) == len(searches) else " since the last search in it by anybody else"
        findings.append(
            Finding(
                kind=FindingKind.MANY_FACES,
                who=(who,),
                cases=(case,),
                searches=ids(fresh),
                since=alone[0].at,
                until=searches[-1].at,
                what=f"{count} different faces searched in one case{since}, {len(new)} of them new this week",
                why=f"the middle is {usual.middle:.0f} for one person in a case that seeks “{facts.cases[case].seeks}”",
                ordinary=f"up to {max(LEAST_FACES - 1, int(usual.middle + FAR * usual.spread))}, "
                "or a case that three people share",
                numbers={"faces": count, "new": len(new), "middle": usual.middle, "others": len(others)},
            )
        )
    note = "In a case that several people share, each is compared with the others as long as they search in it."
    return outcome(FindingKind.MANY_FACES, "people with a case", looked_at, findings, too_little, note)


def _alone(searches: Sequence[SearchFacts], others: Sequence[Sequence[SearchFacts]]) -> list[SearchFacts]:
    """Return the searches that nobody shares: in a big case those of new faces after the last by anybody else."""
    counts = sorted(len(_faces(its)) for its in others)
    if len(others) < 2 or len(_faces(searches)) > 3 * counts[len(counts) // 2]:
        return list(searches)
    last = max(its[-1].at for its in others)
    before = _faces(search for search in searches if search.at <= last)
    return [search for search in searches if search.at > last and not _faces([search]) <= before]


def loosened(facts: Facts) -> Found:
    """Find a face that is searched again after “no candidate”, each time with looser settings."""
    findings, looked_at = [], 0
    made = [search for search in facts.asked if not search.watch]
    by_face = _by(made, lambda each: (each.case, each.who, each.faces))
    for (case, who, faces), searches in sorted(by_face.items()):
        fresh = [search for search in searches if facts.now(search.at)]
        if not fresh or not faces:
            continue
        looked_at += 1
        run = _longest_loosening([search for search in searches if search.at >= fresh[0].at - ONE_SITTING])
        if len(run) <= LOOSER:
            continue
        findings.append(
            Finding(
                kind=FindingKind.LOOSENED,
                who=(who,),
                cases=(case,),
                searches=ids(run),
                since=run[0].at,
                until=run[-1].at,
                what=f"the same face searched {len(run)} times, looser each time, until {_listed(run[-1].candidates)}",
                why=f"{len(run) - 1} steps in a row after “no candidate” or with a longer list",
                ordinary=f"at most {LOOSER - 1} steps: once by the threshold, once without it",
                numbers={"searches": len(run), "listed at last": run[-1].candidates},
            )
        )
    note = "Looser: without the threshold, with a lower score set by hand, or with a longer list."
    return outcome(FindingKind.LOOSENED, "faces in cases", looked_at, findings, 0, note)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _longest_loosening(searches: Sequence[SearchFacts]) -> list[SearchFacts]:
    longest: list[SearchFacts] = []
    run: list[SearchFacts] = list(searches[:1])
    for before, after in pairwise(searches):
        run = [*run, after] if _looser(before, after) else [after]
        longest = max(longest, run, key=len)
    return longest


def _looser(before: SearchFacts, after: SearchFacts) -> bool:
    if _MODES.index(after.mode) != _MODES.index(before.mode):
        return _MODES.index(after.mode) > _MODES.index(before.mode)
    return after.least < before.least or after.limit > before.limit


def _listed(candidates: int) -> str:
    return "nothing was listed" if not candidates else f"{candidates} were listed"


def refused(facts: Facts) -> Found:
    """Find purposes that were refused, tried again, or worded otherwise until they passed."""
    findings, looked_at = [], 0
    for who, attempts in sorted(_by(facts.refused, lambda each: each.who).items()):
        fresh = [attempt for attempt in attempts if facts.now(attempt.at)]
        looked_at += len(fresh)
        passed = [
            search
            for search in facts.asked
            for attempt in fresh
            if search.who == who and search.case == attempt.case and timedelta() <= search.at - attempt.at <= REWORDED
        ]
        if len(fresh) < LEAST_REFUSED and not passed:
            continue
        then = f", and a search passed in the same case within {REWORDED.days * 24} hours" if passed else ""
        findings.append(
            Finding(
                kind=FindingKind.REFUSED,
                who=(who,),
                cases=tuple(dict.fromkeys(attempt.case for attempt in fresh if attempt.case is not None)),
                searches=tuple(dict.fromkeys(ids(passed))),
                since=fresh[0].at,
                until=fresh[-1].at,
                what=f"{len(fresh)} {'attempt' if len(fresh) == 1 else 'attempts'} at a refused purpose: "
                + ", ".join(sorted({attempt.purpose for attempt in fresh})),
                why=f"words of a refused purpose were typed {_times(len(fresh))} in the week{then}",
                ordinary="one refusal, after which the search is not made",
                numbers={"refused": len(fresh), "passed afterwards": len(passed)},
            )
        )
    return outcome(
        FindingKind.REFUSED, "refusals", looked_at, findings, 0, "Every refusal by the words is on the record."
    )


def revived(facts: Facts) -> Found:
    """Find cases without any work for half a year that are searched, and in which nothing else is done."""
    work: dict[int, list[Act]] = defaultdict(list)
    for act in facts.acts:
        if act.case is not None and act.case in facts.cases and act.action not in VIEW_ACTIONS:
            work[act.case].append(act)
    findings, looked_at = [], 0
    for case, acts in sorted(work.items()):
        fresh = [act for act in acts if facts.now(act.at)]
        if not (searched := [act for act in fresh if act.action in SEARCHES]):
            continue
        looked_at += 1
        before = max((act.at for act in acts if act.at < fresh[0].at), default=max(facts.cases[case].opened_at, _START))
        others = [act for act in fresh if act.action not in SEARCHES and act.action not in _FOR_A_SEARCH]
        if fresh[0].at - before < STALE or others:
            continue
        days = (fresh[0].at - before).days
        findings.append(
            Finding(
                kind=FindingKind.REVIVED,
                who=tuple(who for who, _ in Counter(act.who for act in searched).most_common()),
                cases=(case,),
                since=fresh[0].at,
                until=fresh[-1].at,
                what=f"{len(searched)} searches in a case in which nothing was done for at least {days} days",
                why="nothing else was done in it: no paper, no message, no decision",
                ordinary="an old case is taken up with a note, a paper or a decision",
                numbers={"searches": len(searched), "days": days},
            )
        )
    note = f"A case without any work for {STALE.days} days is stale."
    return outcome(FindingKind.REVIVED, "cases searched", looked_at, findings, 0, note)


_START = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_FOR_A_SEARCH = frozenset({"probe_added", "probe_removed", "probe_replayed", "case_urgent", "report_written"})
"""What is done in a case to search in it."""


def unreviewed(facts: Facts) -> Found:
    """Find people whose searches nobody reviews, although those of others are."""
    if not facts.reviews:
        note = "This workspace records no reviews, so nothing can be said."
        line = LookedAt(kind=FindingKind.UNREVIEWED, of="searches", looked_at=0, ordinary=0, note=note)
        return Found(looked_at=line)
    due = [search for search in facts.searches if search.candidates and search.at < facts.until - REVIEWED_WITHIN]
    shares = {who: _unreviewed(its) / len(its) for who, its in _by(due, lambda each: each.who).items()}
    usual = ordinary_share(list(shares.values()))
    findings = []
    fell_due = [search for search in due if search.at >= facts.week - REVIEWED_WITHIN]
    for who, searches in sorted(_by(fell_due, lambda each: each.who).items()):
        left = [search for search in searches if not search.reviewed]
        if len(left) < LEAST_UNREVIEWED or usual.far(len(left) / len(searches)) < 0.6 * FAR:
            continue
        findings.append(
            Finding(
                kind=FindingKind.UNREVIEWED,
                who=(who,),
                cases=tuple(dict.fromkeys(search.case for search in left)),
                searches=ids(left),
                since=left[0].at,
                until=left[-1].at,
                what=f"{len(left)} of {len(searches)} searches with candidates that nobody reviewed "
                f"within {REVIEWED_WITHIN.days} days",
                why=f"of everybody's, {100 * usual.middle:.0f} in 100 stay unreviewed",
                ordinary=f"fewer than {LEAST_UNREVIEWED}, or as many as with others",
                numbers={"unreviewed": len(left), "of": len(searches), "usual share": round(usual.middle, 3)},
            )
        )
    waiting = sum(1 for search in fell_due if not search.reviewed)
    note = f"{waiting} of {len(fell_due)} searches that fell due this week were not reviewed."
    return outcome(FindingKind.UNREVIEWED, "people", len({search.who for search in fell_due}), findings, 0, note)


def _unreviewed(searches: Sequence[SearchFacts]) -> int:
    return sum(1 for search in searches if not search.reviewed)


# ---------------------------------------------------------------- shared


def _by(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    groups: dict[Key, list[Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def _faces(searches: Iterable[SearchFacts]) -> set[int | str]:
    """Return the different faces; a search of which none was compared counts as one."""
    return {face for search in searches for face in search.faces or (search.id,)}


def _people(searches: Iterable[SearchFacts]) -> tuple[str, ...]:
    return tuple(who for who, _ in Counter(search.who for search in searches).most_common())
