"""A made-up year of an agency's ordinary work, in which misuse can be planted (tests/support/misuse_plants.py).

Twenty examiners with shifts, holidays, a rota of night duty, seasons and three big cases; searches of several people,
watches and what they find; reviewers, supervisors and auditors. Everything comes from a seed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lineament.model.accounts import Role
from lineament.model.misuse.facts import WEEKS, Act, Actor, CaseFacts, FacesCompared, Facts, RefusedAttempt, SearchFacts
from lineament.model.misuse.find import find_misuse
from lineament.model.misuse.findings import Finding

BEGIN = datetime(2025, 1, 6, tzinfo=UTC)  # a Monday
YEAR = 52
EXAMINERS, REVIEWERS, SUPERVISORS, AUDITORS = 20, 3, 2, 2
PEOPLE = EXAMINERS + REVIEWERS + SUPERVISORS + AUDITORS
ON_ROTA = 8
"""Examiners who share the night duty; the others work by day."""
OFFENCES = ("robbery", "burglary", "fraud", "assault", "rape", "murder", "drug dealing", "kidnapping", "arson", "theft")
SEEKS = {"suspect": 55, "initial identification": 20, "missing person": 15, "victim": 7, "deceased person": 3}
KINDS: Mapping[str, Mapping[str, int]] = {
    "suspect": {"cctv": 55, "seized device": 18, "social media": 17, "identity document": 6, "other photograph": 4},
    "initial identification": {
        "cctv": 90,
        "seized device": 5,
        "other photograph": 3,
        "social media": 1,
        "identity document": 1,
    },
    "missing person": {
        "other photograph": 45,
        "identity document": 30,
        "social media": 22,
        "cctv": 2,
        "seized device": 1,
    },
    "victim": {"seized device": 60, "social media": 25, "other photograph": 15},
    "deceased person": {"other photograph": 85, "identity document": 15},
}


@dataclass(slots=True)
class Year:
    """Everything that happened."""

    seed: int
    random: random.Random = field(init=False)
    actors: dict[str, Actor] = field(default_factory=dict)
    cases: dict[int, CaseFacts] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    searches: list[SearchFacts] = field(default_factory=list)
    refused: list[RefusedAttempt] = field(default_factory=list)
    faces: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        for role, many in (
            (Role.EXAMINER, EXAMINERS),
            (Role.REVIEWER, REVIEWERS),
            (Role.SUPERVISOR, SUPERVISORS),
            (Role.AUDITOR, AUDITORS),
        ):
            for number in range(many):
                name = f"{role.value}-{number}"
                self.actors[name] = Actor(id=name, name=name, roles=frozenset({role}))
        self._ordinary()

    # ------------------------------------------------------------ what reports see

    def facts(self, week: int) -> Facts:
        """Return what the report of a week is made from."""
        begins = BEGIN + timedelta(weeks=week)
        since, until = begins - timedelta(weeks=WEEKS), begins + timedelta(days=7)
        searches = [search for search in self.searches if since <= search.at < until]
        return Facts(
            week=begins,
            zone=UTC,
            actors=self.actors,
            cases=self.cases,
            acts=[act for act in self.acts if since <= act.at < until],
            searches=searches,
            refused=[attempt for attempt in self.refused if since <= attempt.at < until],
            faces=FacesCompared(fmr=1e-9, pairs=len(searches) ** 2 // 2, compared=len(searches)),
            reviews=True,
        )

    def sort(self) -> None:
        """Put everything into the order of time, as the store gives it."""
        self.acts.sort()
        self.searches.sort(key=lambda search: search.at)
        self.refused.sort(key=lambda attempt: attempt.at)

    def reports(self, weeks: range = range(1, YEAR)) -> dict[int, list[Finding]]:
        """Return the findings of each week."""
        self.sort()
        return {week: [each for found in find_misuse(self.facts(week)) for each in found.findings] for week in weeks}

    # ------------------------------------------------------------ making

    def face(self) -> int:
        """Return somebody who was not searched yet."""
        self.faces += 1
        return self.faces

    def moment(self, week: int, shift: str = "day") -> datetime:
        """Return a moment at work: on a weekday, or in the night of a shift."""
        day = self.random.choice((0, 0, 1, 1, 2, 2, 3, 3, 4)) if shift == "day" else self.random.randrange(7)
        hour = self.random.triangular(7, 19.5, 11) if shift == "day" else (self.random.uniform(22, 30) % 24)
        return BEGIN + timedelta(weeks=week, days=day, hours=hour)

    def open_case(
        self, at: datetime, seeks: str | None = None, offence: str | None = None, **more: object
    ) -> CaseFacts:
        """Open a case."""
        number = len(self.cases) + 1
        case = CaseFacts(
            id=number,
            ref=f"K-{number:05}",
            seeks=seeks or self.pick(SEEKS),
            offence=offence or self.random.choice(OFFENCES),
            texts="to find who it was",
            opened_at=at,
            **more,  # type: ignore[arg-type]
        )
        self.cases[number] = case
        return case

    def pick(self, weights: Mapping[str, int]) -> str:
        """Return one of the keys."""
        return self.random.choices(list(weights), list(weights.values()))[0]

    def search(self, who: str, case: CaseFacts, at: datetime, *faces: int, **more: object) -> SearchFacts:
        """Search for somebody or for several people, and look at the list."""
        many = 0 if self.random.random() < 0.45 else self.random.randint(1, 20)
        values: dict[str, object] = {
            "kind": self.pick(KINDS[case.seeks]),
            "mode": "identification",
            "least": 0.4,
            "limit": 20,
            "candidates": many,
            "reason": "seen on the recording",
            "reviewed": self.random.random() < 0.9,
        }
        made = SearchFacts(id=f"s{len(self.searches)}", at=at, who=who, case=case.id, faces=faces, **values | more)  # type: ignore[arg-type]
        self.searches.append(made)
        self.acts += [Act(at, who, "probe_added", case.id), Act(at, who, "search", case.id)]
        self.look(who, case, at + timedelta(minutes=1), 1 + min(made.candidates, self.random.randint(0, 5)))
        return made

    def watch(self, who: str, case: CaseFacts, at: datetime, face: int) -> None:
        """Put a face on watch, which finds something now and then."""
        values = {"who": who, "case": case.id, "kind": self.pick(KINDS[case.seeks]), "mode": "identification"}
        values |= {"least": 0.4, "limit": 20, "reason": "not found yet", "faces": (face,), "only_new": True}
        begun = SearchFacts(id=f"w{len(self.searches)}", at=at, candidates=0, watch=True, **values)  # type: ignore[arg-type]
        self.searches.append(begun)
        self.acts.append(Act(at, who, "watch_begun", case.id))
        for later in range(1, 13):
            if self.random.random() < 0.1:
                found = {"at": at + timedelta(weeks=later), "candidates": 1, "reviewed": self.random.random() < 0.9}
                name = f"s{len(self.searches)}"
                self.searches.append(SearchFacts(id=name, fired=True, **values | found))  # type: ignore[arg-type]

    def look(self, who: str, case: CaseFacts, at: datetime, times: int) -> None:
        """Look at a case, its lists and candidates."""
        for number in range(times):
            action = ("list_read", "candidate_read", "candidate_read", "case_read")[number % 4]
            self.acts.append(Act(at + timedelta(minutes=2 * number), who, action, case.id))

    def _ordinary(self) -> None:
        rate = {f"examiner-{number}": 8 * math.exp(self.random.gauss(0, 0.4)) for number in range(EXAMINERS)}
        away = {who: self._holidays() for who in rate}
        rota = [f"examiner-{number}" for number in range(ON_ROTA)]
        long_runs: list[tuple[str, CaseFacts, int]] = []
        for week in range(YEAR):
            season = 1 + 0.25 * math.sin(2 * math.pi * week / YEAR) - (0.4 if week in {50, 51, 0} else 0)
            on_duty = {rota[week % ON_ROTA], rota[(week + 4) % ON_ROTA]}
            for who, usual in rate.items():
                if week in away[who]:
                    continue
                left = self._poisson(usual * season * self.random.gammavariate(6, 1 / 6))
                while left > 0:
                    left -= self._new_case(who, week, who in on_duty)
                self._others(who, week)
                if self.random.random() < 0.04:
                    long_runs.append((who, self.open_case(self.moment(week), "missing person", "missing"), self.face()))
            for who, case, face in long_runs:
                if self.random.random() < 0.24 and week not in away[who]:
                    self.search(who, case, self.moment(week), face, only_new=True, candidates=0)
            self._supervision(week)
            self._now_and_then(week, list(rate))
        for week in self.random.sample(range(6, 48), 3):
            self._big_case(week, self.random.sample(list(rate), self.random.randint(5, 8)))

    def _now_and_then(self, week: int, examiners: list[str]) -> None:
        """Take a cold case up, and have a purpose refused because of its words."""
        if self.random.random() < 0.12:
            self._cold_case(self.random.choice(examiners), week)
        if self.random.random() < 0.3:
            who, at = self.random.choice(examiners), self.moment(week)
            self.refused.append(RefusedAttempt(at=at, who=who, case=None, purpose="protected activity"))

    def _holidays(self) -> set[int]:
        weeks = {*self.random.sample(range(26, 35), 3), *self.random.sample(range(YEAR), 2)}
        return weeks | ({51, 0} if self.random.random() < 0.6 else set())

    def _poisson(self, mean: float) -> int:
        limit, product, count = math.exp(-mean), 1.0, -1
        while product > limit:
            product *= self.random.random()
            count += 1
        return max(count, 0)

    def _new_case(self, who: str, week: int, night: bool) -> int:
        """Open a case and search in it, perhaps over some weeks; return how many searches this week has of it."""
        series = self.random.random() < 0.05 and len(self.searches) > 50
        shift = "night" if night and self.random.random() < 0.6 else "day"
        if shift == "day" and self.random.random() < 0.01:
            shift = "night"  # called in, or staying late
        at = self.moment(week, shift)
        urgent = shift == "night" and self.random.random() < 0.5
        if series:
            before = self.random.choice(self.searches[-400:])
            earlier, face = self.cases[before.case], before.faces[0]
            same = self.random.random() < 0.95
            case = self.open_case(
                at, earlier.seeks, earlier.offence if same else None, urgent_since=at if urgent else None
            )
            reason = f"as in {earlier.ref}" if self.random.random() < 0.9 else "the same man as before"
        else:
            case, face, reason = (
                self.open_case(at, urgent_since=at if urgent else None),
                self.face(),
                "seen on the recording",
            )
        faces = [face, *(self.face() for _ in range(self.random.choices((0, 1, 2, 4), (75, 17, 6, 2))[0]))]
        made = self._together(who, case, at, faces)
        for each in faces:
            first = self.search(who, case, at + timedelta(minutes=20 * made), each, reason=reason)
            made += 1
            if not first.candidates and self.random.random() < 0.5:
                again = first.at + timedelta(minutes=9)
                second = self.search(who, case, again, each, mode="investigation", least=-1.0, kind=first.kind)
                made += 1
                if not second.candidates and self.random.random() < 0.1:
                    self.search(
                        who, case, again + timedelta(minutes=9), each, mode="investigation", least=-1.0, limit=50
                    )
        for later in range(1, 5):
            if self.random.random() < 0.12 and week + later < YEAR:
                self.search(who, case, self.moment(week + later), faces[0], only_new=True)
        if self.random.random() < 0.4:
            self.acts.append(Act(at + timedelta(days=2), who, "paper_added", case.id))
        return made

    def _together(self, who: str, case: CaseFacts, at: datetime, faces: list[int]) -> int:
        """Search the people of a case together, or put the first on watch; return how many searches were made."""
        if case.seeks in {"missing person", "suspect"} and self.random.random() < 0.06:
            self.watch(who, case, at + timedelta(minutes=30), faces[0])
        if len(faces) < 2 or self.random.random() < 0.7:
            return 0
        self.search(who, case, at - timedelta(minutes=20), *faces, reason="they were seen together")
        return 1

    def _others(self, who: str, week: int) -> None:
        """Look at colleagues' cases, as a member of them."""
        for _ in range(self.random.randint(0, 3)):
            if self.searches:
                case = self.cases[self.random.choice(self.searches[-200:]).case]
                self.look(who, case, self.moment(week), self.random.randint(1, 5))

    def _supervision(self, week: int) -> None:
        recent = [search.case for search in self.searches[-200:]] or [self.open_case(self.moment(week)).id]
        for role, many, each in (
            ("reviewer", REVIEWERS, 25),
            ("supervisor", SUPERVISORS, 15),
            ("auditor", AUDITORS, 5),
        ):
            for number in range(many):
                who = f"{role}-{number}"
                for _ in range(self._poisson(each)):
                    case, at = self.cases[self.random.choice(recent)], self.moment(week)
                    self.look(who, case, at, self.random.randint(1, 4))
                    if role != "auditor" and self.random.random() < (0.9 if role == "reviewer" else 0.5):
                        self.acts.append(Act(at, who, "probe_approved", case.id))
                if role == "auditor":
                    self.acts += [Act(self.moment(week), who, "ledger_read", None) for _ in range(self._poisson(12))]

    def _cold_case(self, who: str, week: int) -> None:
        at = self.moment(week)
        case = self.open_case(at - timedelta(days=self.random.randint(300, 900)))
        if self.random.random() < 0.8:
            self.acts.append(Act(at, who, "paper_added", case.id))
        face = self.face()
        for number in range(self.random.randint(1, 3)):
            self.search(who, case, at + timedelta(minutes=10 * number), face)

    def _big_case(self, week: int, team: list[str]) -> None:
        begins = BEGIN + timedelta(weeks=week, hours=3)
        case = self.open_case(begins, "suspect", "riot", urgent_since=begins)
        for later in range(self.random.randint(2, 3)):
            for who in team:
                for _ in range(self.random.randint(6, 16)):
                    shift = "night" if self.random.random() < 0.3 else "day"
                    self.search(who, case, self.moment(min(week + later, YEAR - 1), shift), self.face())
        for later in range(3, 10):  # what comes in afterwards
            if self.random.random() < 0.3 and week + later < YEAR:
                self.search(team[0], case, self.moment(week + later), self.face())
