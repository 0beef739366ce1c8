"""What stands out in what a person did: how much, at which hours, and looking without taking part."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from lineament.model.actions import VIEW_ACTIONS
from lineament.model.misuse.facts import LEDGER_READS, LOOKS, SEARCHES, Act, Actor, Facts
from lineament.model.misuse.findings import Finding, FindingKind, Found, outcome
from lineament.model.misuse.robust import FAR, Ordinary, ordinary

LEAST_WEEKS = 8
"""Weeks at work that say what is ordinary for a person."""
LEAST_PEERS = 5
"""Others of the same role that say what is ordinary for it."""
LEAST_MORE = 8
"""By how many at least a count is above what is expected."""
HEAVY = 4.0
"""Times the median of the peers, week after week, from which a person stands out among them."""
LEAST_ODD = 4
"""Acts at odd hours in a week that stand out for somebody who has none."""
LEAST_LOOKS = 12
"""Looks at a case in which somebody takes no part."""
SHARED = 3
"""People at work on one case at odd hours, who explain one another."""
NIGHT_FROM, NIGHT_TO = 22, 6
"""Hours of the night."""
FRESH = timedelta(days=3)
"""How long a new or urgent case may keep people up."""

Weekly = Mapping[str, Mapping[int, int]]
"""Counts by person and week."""


@dataclass(frozen=True, slots=True)
class _Measure:
    """Something that is counted by the week."""

    words: str
    actions: frozenset[str]


_MEASURES = (
    _Measure("searches", SEARCHES),
    _Measure("looks at cases, lists and candidates", LOOKS),
    _Measure("readings of the ledger", LEDGER_READS),
)


def volume(facts: Facts) -> Found:
    """Compare how much each person did with their own past weeks, and with others of the same role."""
    findings: list[Finding] = []
    looked_at = too_little = 0
    at_work = _at_work(facts)
    for measure in _MEASURES:
        counted = _weekly(facts, (act for act in facts.acts if act.action in measure.actions))
        for actor in _own(facts):
            if not (count := counted[actor.id].get(0, 0)):
                continue
            looked_at += 1
            found = _too_many(facts, actor, measure, count, counted, at_work)
            if found is None:
                too_little += 1
            else:
                findings += found
    note = f"Each against their own last {LEAST_WEEKS} to 26 weeks at work, and against others of the same role."
    return outcome(FindingKind.VOLUME, "counts of people", looked_at, findings, too_little, note)


def _too_many(  # noqa: PLR0913, PLR0917 - what one count is compared with
    facts: Facts, actor: Actor, measure: _Measure, count: int, counted: Weekly, at_work: Mapping[str, frozenset[int]]
) -> list[Finding] | None:
    """Return what stands out in a count; None if too little is known to say."""
    peers = [other for other in _own(facts) if other.id != actor.id and other.roles == actor.roles]
    past = _past(counted, at_work, actor)
    others = [series for peer in peers if len(series := _past(counted, at_work, peer)) >= LEAST_WEEKS]
    if len(past) < LEAST_WEEKS:
        this_week = [float(counted[peer.id].get(0, 0)) for peer in peers if 0 in at_work[peer.id]]
        if len(this_week) < LEAST_PEERS:
            return None
        usual = ordinary(this_week)
        if not _stands_out(count, usual):
            return []
        return [_volume(facts, actor, measure, count, usual, f"{len(this_week)} others of the same role this week")]
    surge = _surge(counted, at_work, peers)
    own = ordinary(past)
    usual = Ordinary(own.middle * surge, own.spread * surge, own.counted)
    if _stands_out(count, usual):
        busy = f", {surge:.1f} times as much for everybody this week" if surge > 1.2 else ""
        return [_volume(facts, actor, measure, count, usual, f"the person's own last {own.counted} weeks{busy}")]
    if len(others) >= LEAST_PEERS:
        lately = float(median(past[-LEAST_WEEKS:]))
        peer = ordinary([float(median(series[-LEAST_WEEKS:])) for series in others])
        if min(lately, count) > HEAVY * max(peer.middle, 1.0) and _stands_out(lately, peer):
            who = f"{len(others)} others of the same role, week after week"
            return [_volume(facts, actor, measure, count, peer, who)]
    return []


def _stands_out(count: float, usual: Ordinary) -> bool:
    return usual.far(count) >= FAR and count >= usual.middle + LEAST_MORE


def _surge(counted: Weekly, at_work: Mapping[str, frozenset[int]], peers: Sequence[Actor]) -> float:
    """Return how many times as much as usual the peers do this week, at least 1: a big case keeps all of them busy."""
    ratios = []
    for peer in peers:
        past = _past(counted, at_work, peer)
        if 0 in at_work[peer.id] and len(past) >= LEAST_WEEKS:
            ratios.append((counted[peer.id].get(0, 0) + 1) / (float(median(past)) + 1))
    return max(1.0, float(median(ratios))) if len(ratios) >= LEAST_PEERS else 1.0


def _volume(  # noqa: PLR0913, PLR0917 - what a finding says
    facts: Facts, actor: Actor, measure: _Measure, count: int, usual: Ordinary, against: str
) -> Finding:
    return Finding(
        kind=FindingKind.VOLUME,
        who=(actor.id,),
        since=facts.week,
        until=facts.until,
        what=f"{count:,} {measure.words} in the week",
        why=f"{usual.far(count):.0f} spreads above the middle of {usual.middle:.0f} ({against})",
        ordinary=f"up to {usual.middle + FAR * usual.spread:.0f} in a week",
        numbers={"count": count, "middle": usual.middle, "spread": round(usual.spread, 2), "weeks": usual.counted},
    )


# ---------------------------------------------------------------- hours


def hours(facts: Facts) -> Found:
    """Find searching and looking at night and on weekends by people who do not work then."""
    findings, too_little, looked_at = [], 0, 0
    at_work = _at_work(facts)
    odd = _alone(facts, [act for act in facts.acts if _is_work(act) and _odd(facts, act) and not _called(facts, act)])
    counted = _weekly(facts, odd)
    for actor in _own(facts):
        if 0 not in at_work[actor.id]:
            continue
        looked_at += 1
        past = _past(counted, at_work, actor)
        if len(past) < LEAST_WEEKS:
            too_little += 1
            continue
        count, usual = counted[actor.id].get(0, 0), ordinary(past)
        on_duty = sorted(past)[int(0.8 * len(past))]  # a week of night duty in five is a pattern too
        if count < LEAST_ODD or usual.far(count) < 0.6 * FAR or count <= 2 * on_duty:
            continue
        never = sum(1 for week in past if week == 0)
        findings.append(
            Finding(
                kind=FindingKind.HOURS,
                who=(actor.id,),
                cases=_cases_of(act for act in odd if act.who == actor.id and facts.now(act.at)),
                since=facts.week,
                until=facts.until,
                what=f"{count} searches and looks at night or on a weekend, none of them in a new or urgent case",
                why=f"in {never} of {len(past)} weeks before there was none; the middle is {usual.middle:.0f}",
                ordinary=f"up to {max(LEAST_ODD - 1, int(2 * on_duty))} in a week for this person",
                numbers={"count": count, "middle": usual.middle, "weeks": len(past), "weeks without": never},
            )
        )
    zone = facts.week.tzname() or "UTC"
    night = f"Night is {NIGHT_FROM}:00 to {NIGHT_TO:02}:00, {zone}."
    left_out = f"Cases in the first {FRESH.days} days after they were opened or became urgent are left out"
    note = f"{night} {left_out}, and so are those that {SHARED} people share."
    return outcome(FindingKind.HOURS, "people", looked_at, findings, too_little, note)


def _is_work(act: Act) -> bool:
    return act.action in SEARCHES or act.action in LOOKS


def _alone(facts: Facts, odd: Sequence[Act]) -> list[Act]:
    """Leave out the cases on which several people work at odd hours in the same week: somebody called them."""
    people: dict[tuple[int, int | None], set[str]] = defaultdict(set)
    for act in odd:
        people[facts.week_of(act.at), act.case].add(act.who)
    return [act for act in odd if act.case is None or len(people[facts.week_of(act.at), act.case]) < SHARED]


def _odd(facts: Facts, act: Act) -> bool:
    local = act.at.astimezone(facts.zone)
    return local.weekday() >= 5 or not NIGHT_TO <= local.hour < NIGHT_FROM


def _called(facts: Facts, act: Act) -> bool:
    """Return whether a case is a reason to work at any hour: it was opened, or became urgent, within days."""
    case = None if act.case is None else facts.cases.get(act.case)
    began = () if case is None else (case.opened_at, case.urgent_since or case.opened_at)
    return any(timedelta() <= act.at - each <= FRESH for each in began)


# ---------------------------------------------------------------- reading


def reading(facts: Facts) -> Found:
    """Find looking at cases again and again by somebody who does nothing else in them."""
    looks: Counter[tuple[str, int]] = Counter()
    this_week: set[tuple[str, int]] = set()
    took_part: set[tuple[str, int]] = set()
    first: dict[tuple[str, int], Act] = {}
    for act in facts.acts:
        if act.case is None or not act.who:
            continue
        pair = (act.who, act.case)
        if act.action in LOOKS:
            looks[pair] += 1
            first.setdefault(pair, act)
            if facts.now(act.at):
                this_week.add(pair)
        elif act.action not in VIEW_ACTIONS:
            took_part.add(pair)
    idle = {pair: count for pair, count in looks.items() if pair not in took_part and pair[0] in facts.actors}
    by_role: dict[str, list[float]] = defaultdict(list)
    for (who, _), count in idle.items():
        by_role[facts.actors[who].role].append(float(count))
    everybody = ordinary([float(count) for count in idle.values()])
    enough = {role: ordinary(counts) for role, counts in by_role.items() if len(counts) >= 4 * LEAST_PEERS}
    findings = []
    for who, case in sorted(this_week & idle.keys()):
        count, usual = idle[who, case], enough.get(facts.actors[who].role, everybody)
        if count < LEAST_LOOKS or usual.far(count) < FAR:
            continue
        findings.append(
            Finding(
                kind=FindingKind.READING,
                who=(who,),
                cases=(case,),
                since=first[who, case].at,
                until=facts.until,
                what=f"{count} looks at a case, its lists and candidates, and nothing else done in it",
                why=f"whoever takes no part looks {usual.middle:.0f} times at a case; "
                f"this is {usual.far(count):.0f} spreads more",
                ordinary=f"up to {max(LEAST_LOOKS - 1, int(usual.middle + FAR * usual.spread))} looks in 26 weeks",
                numbers={"looks": count, "middle": usual.middle, "cases like it": usual.counted},
            )
        )
    note = "Whoever searched, added a photograph, wrote or decided anything in a case takes part in it."
    return outcome(FindingKind.READING, "people with a case", len(this_week & idle.keys()), findings, 0, note)


# ---------------------------------------------------------------- shared


def _own(facts: Facts) -> list[Actor]:
    return [actor for actor in facts.actors.values() if not actor.guest]


def _weekly(facts: Facts, acts: Iterable[Act]) -> Weekly:
    counted: dict[str, Counter[int]] = defaultdict(Counter)
    for act in acts:
        counted[act.who][facts.week_of(act.at)] += 1
    return counted


def _at_work(facts: Facts) -> Mapping[str, frozenset[int]]:
    """Return the weeks in which each person did anything; holidays are no weeks without searches."""
    weeks: dict[str, set[int]] = defaultdict(set)
    for act in facts.acts:
        weeks[act.who].add(facts.week_of(act.at))
    return defaultdict(frozenset, {who: frozenset(found) for who, found in weeks.items()})


def _past(counted: Weekly, at_work: Mapping[str, frozenset[int]], actor: Actor) -> list[float]:
    """Return the counts of the weeks at work before that of the report, oldest first."""
    return [float(counted[actor.id].get(week, 0)) for week in sorted(at_work[actor.id]) if week < 0]


def _cases_of(acts: Iterable[Act]) -> tuple[int, ...]:
    return tuple(case for case, _ in Counter(act.case for act in acts if act.case is not None).most_common())
