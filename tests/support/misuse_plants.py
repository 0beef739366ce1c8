"""Misuse that is planted in a made-up year, and which finding must come of it, about whom and in which weeks."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from tests.support.misuse_year import BEGIN, EXAMINERS, ON_ROTA, REVIEWERS, YEAR, Year

from lineament.model.accounts import Role
from lineament.model.misuse.facts import WEEKS, Act, Actor, CaseFacts, RefusedAttempt
from lineament.model.misuse.findings import Finding, FindingKind

OFFENCES_OF_OTHERS = ("fraud", "arson", "theft", "murder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """Misuse in the year."""

    name: str
    who: str
    kind: FindingKind  # the finding that shows it
    weeks: range  # in which it happens


def plant(year: Year, name: str, week: int, who: str | None = None) -> Plant:
    """Plant one kind of misuse that begins in that week, by anybody of those who could do it."""
    misuse = PLANTS[name]
    chosen = who or random.Random(f"{year.seed} {name}").choice(misuse.by)
    misuse.commit(year, week, chosen)
    first, last = misuse.weeks
    return Plant(name=name, who=chosen, kind=misuse.kind, weeks=range(week + first, week + last + 1))


def plant_all(year: Year) -> list[Plant]:
    """Plant every kind, each by somebody else as long as there are others, in the second half of the year."""
    order, taken = random.Random(f"{year.seed} order"), set[str]()
    weeks = [30 + number for number in range(18)]
    order.shuffle(weeks)
    planted = []
    for number, (name, misuse) in enumerate(PLANTS.items()):
        free = [who for who in misuse.by if who not in taken] or list(misuse.by)
        who = order.choice(free)
        taken.add(who)
        week = min(weeks[number % len(weeks)], YEAR - 1 - misuse.weeks[1])
        planted.append(plant(year, name, max(week, 27), who))
    return planted


# ---------------------------------------------------------------- what people do


def _own_case(year: Year, who: str, before: int, seeks: str = "suspect") -> CaseFacts:
    """Return a real case of somebody, opened some weeks before."""
    begins = BEGIN + timedelta(weeks=before)
    own = [search for search in year.searches if search.who == who and search.at < begins]
    found = [year.cases[each.case] for each in own[-40:] if year.cases[each.case].seeks == seeks]
    return found[-1] if found else year.open_case(begins - timedelta(days=20), seeks, "burglary")


def _evansville(year: Year, week: int, who: str) -> None:
    """Personal use behind a real case number: acquaintances from social media, a few a week."""
    _a_few_a_week(year, week, who, _own_case(year, who, week))


def _a_few_a_week(year: Year, week: int, who: str, case: CaseFacts) -> None:
    for later in range(6):
        for _ in range(3):
            at, reason = year.moment(week + later), "suspect's circle"
            year.search(who, case, at, year.face(), kind="social media", reason=reason)


def _behind_a_big_case(year: Year, week: int, who: str) -> None:
    """Acquaintances, a few a week, in a case in which five others have worked as much and do not any more."""
    case = year.open_case(BEGIN + timedelta(weeks=week - 6), "suspect", "riot")
    for each in (who, *(f"reviewer-{number}" for number in range(REVIEWERS)), "supervisor-0", "supervisor-1"):
        for _ in range(25):
            year.search(each, case, year.moment(week - 5), year.face())
    _a_few_a_week(year, week, who, case)


def _drip(year: Year, week: int, who: str) -> None:
    """A stalker searches one face every other week, in one real case."""
    case, face = _own_case(year, who, week), year.face()
    for later in range(0, 20, 2):
        year.search(who, case, year.moment(week + later), face, candidates=2)


def _bulk(year: Year, week: int, who: str) -> None:
    """A batch of sixty photographs in a day, in one case."""
    case, at = _own_case(year, who, week), BEGIN + timedelta(weeks=week, days=2, hours=9)
    for number in range(60):
        year.search(who, case, at + timedelta(minutes=5 * number), year.face())


def _spree(year: Year, week: int, who: str) -> None:
    """Sixty searches more in a week than in the busiest of the half year before, each in another case."""
    begins = BEGIN + timedelta(weeks=week)
    before = Counter((begins - each.at).days // 7 for each in year.searches if each.who == who and each.at < begins)
    busiest = max((count for ago, count in before.items() if ago < 26), default=0)
    for number in range(busiest + 60):
        at = begins + timedelta(days=number % 5, hours=9, minutes=2 * number)
        year.search(who, year.open_case(at - timedelta(days=30)), at, year.face())


def _newcomer(year: Year, week: int, who: str) -> None:
    """Somebody with a new account who searches from the first week as five others do together."""
    year.actors[who] = Actor(id=who, name=who, roles=frozenset({Role.EXAMINER}))
    for number in range(80):
        at = BEGIN + timedelta(weeks=week, days=number % 5, hours=9 + number // 10)
        year.search(who, year.open_case(at - timedelta(days=30)), at, year.face())


def _ex_partner(year: Year, week: int, who: str) -> None:
    """The same face in three cases of others' offences, weeks apart."""
    face = year.face()
    for number in range(3):
        at = year.moment(week + 3 * number)
        case = year.open_case(at - timedelta(days=5), "suspect", OFFENCES_OF_OTHERS[number])
        year.search(who, case, at, face, kind="social media")


def _hidden_among_others(year: Year, week: int, who: str) -> None:
    """The same face in three unrelated cases, each time as one of several people in a search."""
    face = year.face()
    for number in range(3):
        at = year.moment(week + number)
        case = year.open_case(at - timedelta(days=5), "suspect", OFFENCES_OF_OTHERS[number])
        year.search(who, case, at, year.face(), face)


def _same_offence(year: Year, week: int, who: str) -> None:
    """The same face in three burglaries, of which none names another."""
    face = year.face()
    for number in range(3):
        at = year.moment(week + 2 * number)
        year.search(who, year.open_case(at - timedelta(days=5), "suspect", "burglary"), at, face)


def _celebrity(year: Year, week: int, who: str) -> None:
    """A public person whom nobody listed is searched by four people out of curiosity, each in a case of their own."""
    face = year.face()
    others = [f"examiner-{number}" for number in range(EXAMINERS) if f"examiner-{number}" != who]
    for number, each in enumerate((who, *others[:3])):
        at = year.moment(week)
        case = year.open_case(at - timedelta(days=9), "suspect", OFFENCES_OF_OTHERS[number])
        year.search(each, case, at, face, kind="social media")


def _watched(year: Year, week: int, who: str) -> None:
    """An acquaintance who is put on watch in three cases and never searched."""
    face = year.face()
    for number in range(3):
        at = year.moment(week)
        case = year.open_case(at - timedelta(days=5), "missing person", OFFENCES_OF_OTHERS[number])
        year.watch(who, case, at, face)


def _colleague(year: Year, week: int, who: str) -> None:
    """A colleague who is on the agency's list."""
    year.search(who, _own_case(year, who, week), year.moment(week), year.face(), guarded=("g1",))


def _colleague_beside(year: Year, week: int, who: str) -> None:
    """A colleague on the list, searched as the second of two people."""
    year.search(who, _own_case(year, who, week), year.moment(week), year.face(), year.face(), guarded=("g2",))


def _looker(year: Year, week: int, who: str) -> None:
    """Somebody who searches nothing, and reads a neighbour's case again and again."""
    case = year.open_case(BEGIN + timedelta(weeks=week - 2), "victim", "rape")
    year.search("examiner-3", case, BEGIN + timedelta(weeks=week - 2, hours=9), year.face())
    for _ in range(8):
        year.look(who, case, year.moment(week), 4)


def _browser(year: Year, week: int, who: str) -> None:
    """Somebody who looks into hundreds of cases in a week, a little into each."""
    for search in [each for each in year.searches if each.at < BEGIN + timedelta(weeks=week)][-300:]:
        year.look(who, year.cases[search.case], year.moment(week), 3)


def _ledger_reader(year: Year, week: int, who: str) -> None:
    """Somebody who reads the ledger to see whom others search."""
    year.acts += [Act(year.moment(week), who, "ledger_read", None) for _ in range(80)]


def _night(year: Year, week: int, who: str) -> None:
    """A day worker who searches on Saturday night."""
    case, at = _own_case(year, who, week), BEGIN + timedelta(weeks=week, days=5, hours=23)
    for number in range(3):
        year.search(who, case, at + timedelta(minutes=10 * number), year.face(), candidates=6)


def _fishing(year: Year, week: int, who: str) -> None:
    """The settings are loosened until somebody is listed."""
    face = year.face()
    case, at = _own_case(year, who, week), BEGIN + timedelta(weeks=week, days=1, hours=10)
    steps = (("identification", 0.4, 20), ("manual", 0.35, 20), ("manual", 0.25, 20), ("manual", 0.15, 20))
    for number, (mode, least, limit) in enumerate((*steps, ("investigation", -1.0, 50))):
        listed = 9 if mode == "investigation" else 0
        more = {"mode": mode, "least": least, "limit": limit, "candidates": listed}
        year.search(who, case, at + timedelta(minutes=5 * number), face, **more)


def _reworded(year: Year, week: int, who: str) -> None:
    """A refused purpose, worded otherwise until it passes."""
    case, at = _own_case(year, who, week), year.moment(week)
    year.refused.append(RefusedAttempt(at=at, who=who, case=case.id, purpose="protected activity"))
    year.search(who, case, at + timedelta(minutes=4), year.face())


def _revived(year: Year, week: int, who: str) -> None:
    """An old case that nobody works on lends its number."""
    at = year.moment(week)
    case = year.open_case(at - timedelta(days=500), "suspect", "theft")
    for number in range(2):
        year.search(who, case, at + timedelta(minutes=5 * number), year.face())


def _unreviewed(year: Year, week: int, who: str) -> None:
    """Searches whose lists nobody but the searcher is to see."""
    for number in range(7):
        case = _own_case(year, who, week) if number % 2 else year.open_case(BEGIN + timedelta(weeks=week))
        at = BEGIN + timedelta(weeks=week, days=number % 5, hours=10)
        year.search(who, case, at, year.face(), candidates=5, reviewed=False)
    year.searches = [
        replace(search, reviewed=False) if search.who == who and (search.at - BEGIN).days // 7 == week else search
        for search in year.searches
    ]


def _out_of_line(year: Year, week: int, who: str) -> None:
    """Photographs of acquaintances in a case that has only a recording."""
    at = year.moment(week)
    case = year.open_case(at - timedelta(days=9), "initial identification", "robbery")
    for number in range(4):
        year.search(who, case, at + timedelta(minutes=5 * number), year.face(), kind="social media")


# ---------------------------------------------------------------- all of it


@dataclass(frozen=True, slots=True)
class Misuse:
    """A kind of misuse: who could do it, what shows it, and in which weeks after its beginning, both included."""

    commit: Callable[[Year, int, str], None]
    kind: FindingKind
    weeks: tuple[int, int] = (0, 0)
    by: tuple[str, ...] = tuple(f"examiner-{number}" for number in range(EXAMINERS))


_DAY_WORKERS = tuple(f"examiner-{number}" for number in range(ON_ROTA, EXAMINERS))
_ONLOOKERS = ("reviewer-2", "supervisor-0", "supervisor-1")
_AUDITORS = ("auditor-0", "auditor-1")

PLANTS: Mapping[str, Misuse] = {
    "evansville": Misuse(_evansville, FindingKind.MANY_FACES, (0, 5)),
    "behind a big case": Misuse(_behind_a_big_case, FindingKind.MANY_FACES, (0, 5)),
    "drip": Misuse(_drip, FindingKind.REPEATED, (0, 19)),
    "bulk": Misuse(_bulk, FindingKind.MANY_FACES),
    "spree": Misuse(_spree, FindingKind.VOLUME),
    "newcomer": Misuse(_newcomer, FindingKind.VOLUME, by=("newcomer",)),
    "ex-partner": Misuse(_ex_partner, FindingKind.SAME_FACE, (3, 6)),
    "hidden among others": Misuse(_hidden_among_others, FindingKind.SAME_FACE, (1, 2)),
    "same offence": Misuse(_same_offence, FindingKind.SAME_FACE, (4, 4)),
    "celebrity": Misuse(_celebrity, FindingKind.SAME_FACE),
    "watched": Misuse(_watched, FindingKind.SAME_FACE),
    "colleague": Misuse(_colleague, FindingKind.GUARDED),
    "colleague beside": Misuse(_colleague_beside, FindingKind.GUARDED),
    "looker": Misuse(_looker, FindingKind.READING, by=_ONLOOKERS),
    "browser": Misuse(_browser, FindingKind.VOLUME),
    "ledger reader": Misuse(_ledger_reader, FindingKind.VOLUME, by=_AUDITORS),
    "night": Misuse(_night, FindingKind.HOURS, by=_DAY_WORKERS),
    "fishing": Misuse(_fishing, FindingKind.LOOSENED),
    "reworded": Misuse(_reworded, FindingKind.REFUSED),
    "revived": Misuse(_revived, FindingKind.REVIVED),
    "unreviewed": Misuse(_unreviewed, FindingKind.UNREVIEWED, (1, 3)),
    "out of line": Misuse(_out_of_line, FindingKind.PROBE_KIND),
}


# ---------------------------------------------------------------- judging


@dataclass(frozen=True, slots=True)
class Judged:
    """How the reports of a year did."""

    found: Mapping[str, bool]  # by plant
    false_alarms: list[tuple[int, Finding]]  # with their week
    weeks: int

    @property
    def a_week(self) -> float:
        """False alarms a week."""
        return len(self.false_alarms) / self.weeks


def judge(reports: Mapping[int, list[Finding]], plants: list[Plant] | None = None) -> Judged:
    """Compare the findings of a year with what was planted. One about a planter since then is no false alarm."""
    planted = plants or []
    found = {
        each.name: any(
            each.who in finding.who and finding.kind is each.kind
            for week in each.weeks
            for finding in reports.get(week, ())
        )
        for each in planted
    }
    false = [
        (week, finding)
        for week, findings in reports.items()
        for finding in findings
        if not any(each.who in finding.who and each.weeks.start <= week < each.weeks.stop + WEEKS for each in planted)
    ]
    return Judged(found=found, false_alarms=false, weeks=len(reports))
