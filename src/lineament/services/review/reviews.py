"""Decisions about candidates: two people, each of whom decides before they know what the other did (R17 to R19)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from lineament.errors import InvalidValue, NotAllowed, NotFound, Refused
from lineament.model.accounts import SEES_ALL_CASES, AccountState, Permission
from lineament.model.actions import Action
from lineament.model.cases import Case
from lineament.model.events.reviews import CandidateDecided, CandidateNoted, ReviewAsked
from lineament.model.folding import says_something
from lineament.model.reasons import ReasonCode
from lineament.model.review import MOST_GROUNDS, CandidateDecision, Draft, Note, Review, ReviewOutcome
from lineament.services.cases.access import case_for, case_searched, may_as, may_in, require_open
from lineament.services.needs import needs
from lineament.services.record import Change, Record
from lineament.services.review.eligible import require_blind, require_trained, why_not_blind
from lineament.services.review.seen import ExcludedBefore, SeenList, reviewers_of, seen_search, seen_searches
from lineament.store.db import Tx
from lineament.store.ledger_parts import LedgerPart
from lineament.store.searches import StoredSearch

_MOST_WAITING = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryStanding:
    """How the review of one entry stands, as far as its reader may know."""

    name: str  # of the picture that stands for it, in addresses
    names: tuple[str, ...]  # of all its pictures
    own: CandidateDecision | None  # the newest of the reader
    review: Review | None  # of everybody, once its outcome stands; an auditor reads it before
    excluded: ExcludedBefore | None
    seen: bool  # the reader has compared it with the probe
    notes: tuple[Note, ...]  # the reader's own; everybody's once the outcome stands

    @property
    def outcome(self) -> ReviewOutcome | None:
        """The outcome, if it stands."""
        return None if self.review is None else self.review.outcome

    @property
    def is_left(self) -> bool:
        """Whether the reader has yet to decide."""
        return self.own is None and self.outcome is None and self.excluded is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListReview:
    """How the review of a list stands, for one reader."""

    case: Case
    stored: StoredSearch  # as the reader may see it
    entries: tuple[EntryStanding, ...]  # in the reader's order
    hidden: bool  # ranks and scores are hidden from the reader
    may_decide: bool
    why_not: str  # why the reader may not decide now; empty if they may
    reviewers: int  # people whose decisions it takes
    asked: tuple[str, ...] = ()  # names of those who were asked to review it
    names: Mapping[str, str] = field(default_factory=dict)  # of its pictures now, by those that they had while hidden

    @property
    def left(self) -> int:
        """How many entries the reader has yet to decide."""
        return sum(entry.is_left for entry in self.entries)

    @property
    def done(self) -> bool:
        """Whether an outcome stands for every entry."""
        return all(entry.outcome is not None or entry.excluded is not None for entry in self.entries)

    def name_now(self, name: str) -> str:
        """Return the name of a picture in this list, given that or the one that it had while it was hidden."""
        return self.names.get(name, name)

    def of(self, name: str) -> EntryStanding:
        """Return the standing of the entry with a picture of that name. Raises NotFound if there is none."""
        for entry in self.entries:
            if self.name_now(name) in entry.names:
                return entry
        raise NotFound(what="candidate", name=name[:32], hint="lineament search")

    def after(self, name: str) -> str | None:
        """Return the name of the entry to decide next, after that one in the reader's order; None if none is left."""
        here = self.of(name)
        start = self.entries.index(here) + 1
        following = (*self.entries[start:], *self.entries[:start])
        return next((entry.name for entry in following if entry.is_left and entry is not here), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingReview:
    """A list that waits for the reader."""

    case: Case
    search_id: str
    probe_id: str
    face: int
    since: datetime
    asked_by: str  # name; empty if nobody asked
    left: int  # entries to decide
    listed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOfCase:
    """One of the lists of a case, and how the review of each of its entries stands."""

    stored: StoredSearch  # as the reader may see it
    entries: tuple[EntryStanding, ...]  # in the reader's order


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """Somebody who may be asked to review."""

    account_id: str
    name: str


class Reviews:
    """Decides about candidates, writes notes on them, and asks for reviews."""

    def __init__(self, record: Record) -> None:
        self._record = record

    # ------------------------------------------------------------ reading

    @needs(Permission.READ_CASES, in_case=True)
    def of_search(self, search_id: str) -> ListReview:
        """Return how the review of a list stands, as far as the reader may know it."""
        with self._record.read() as tx:
            return self._list(tx, seen_search(tx, self._record, search_id))

    @needs(Permission.READ_CASES, in_case=True)
    def of_case(self, name: str, before: int | None = None, limit: int | None = None) -> list[ListOfCase]:
        """Return the lists of a case that have candidates, the newest first.

        With ``before`` only those of searches before that entry of the ledger are returned, with ``limit`` only the
        newest of them.
        """
        with self._record.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            found = tx.searches.compared(tx.searches.stored_of_case(case.id, before, limit, with_candidates=True))
            notes = tx.reviews.notes_on([stored.result.search_id for stored in found])
            return [
                ListOfCase(stored=seen.shown, entries=tuple(self._entries(seen, notes)))
                for seen in seen_searches(tx, self._record, case, found)
            ]

    @needs(Permission.REVIEW)
    def waiting(self, limit: int = _MOST_WAITING) -> list[WaitingReview]:
        """Return the lists that wait for this official's decisions, those that wait longest first."""
        record = self._record
        found = []
        with record.read() as tx:
            for waiting in tx.reviews.waiting_for(record.sight, limit):
                seen = seen_search(tx, record, waiting.search_id)
                if not (left := len(seen.left)) or not may_in(tx, record, seen.case, Permission.REVIEW):
                    continue
                if why_not_blind(tx, seen):
                    continue
                result = seen.whole.result
                found.append(
                    WaitingReview(
                        case=seen.case,
                        search_id=waiting.search_id,
                        probe_id=result.probe_id,
                        face=result.face,
                        since=waiting.since,
                        asked_by=tx.accounts.get(waiting.asked_by).name if waiting.asked_by else "",
                        left=left,
                        listed=len(seen.entries),
                    )
                )
        return found

    @needs(Permission.REVIEW, in_case=True)
    def colleagues(self, search_id: str) -> list[Colleague]:
        """Return who may be asked to review a list: everybody who may review in its case, except oneself."""
        with self._record.read() as tx:
            return self._colleagues(tx, case_searched(tx, self._record, search_id))

    # ------------------------------------------------------------ deciding

    @needs(Permission.REVIEW, in_case=True)
    def decide(self, search_id: str, name: str, draft: Draft) -> CandidateDecision:
        """Commit a decision about the candidate with a picture of that name. It is never changed, only replaced.

        Raises:
            InvalidValue: The checklist is incomplete, the outcome has no grounds, or a change has no reason (R18).
            Refused: Training lapsed, the case is not open, two other people decided already (R19), or the official has
                a disclosure pack of the list (R17).
            NotFound: The list is not visible, or has no such picture.
        """
        draft.require_complete()
        official = self._record.official
        with self._record.change() as change:
            seen = self._open_list(change.tx, search_id)
            entry = entry_of(seen, name)
            review = seen.reviews.get(entry) or Review(reviewers=reviewers_of(seen.policy))
            before = review.of(official.account_id)
            if before is None and len(review.standing) >= review.reviewers:
                raise Refused(ReasonCode.REVIEWED.reason())
            if before is None:
                require_blind(change.tx, seen)
            if before is not None and not says_something(draft.because):
                why = "you decided before, and that stays on record; write why it changes"
                raise InvalidValue(what="The reason", value="", why=why, field="because")
            decision = CandidateDecision(
                id=secrets.token_hex(8),
                search_id=search_id,
                entry=entry,
                seat=len(review.standing) + 1 if before is None else before.seat,
                number=1 if before is None else before.number + 1,
                account_id=official.account_id,
                agency_id=official.agency_id,
                reviewer=official.name,
                at=change.at,
                outcome=draft.outcome,
                checklist=draft.checklist,
                grounds=draft.grounds.strip(),
                because="" if before is None else draft.because.strip(),
                informed=review.outcome is not None,
            )
            change.concerns(seen.case)
            change.tx.reviews.add(decision)
            change.record(
                CandidateDecided(
                    case=seen.case.ref,
                    search=search_id,
                    entry=entry,
                    decision=decision.id,
                    outcome=decision.outcome.value,
                    seat=decision.seat,
                    changed=before is not None,
                )
            )
            decided = Review(decisions=(*review.decisions, decision), reviewers=review.reviewers)
            self._move_on(change, replace(seen, reviews={**seen.reviews, entry: decided}))
        return decision

    @needs(Permission.REVIEW, in_case=True)
    def note(self, search_id: str, name: str, text: str) -> Note:
        """Write a note on a candidate; others read it once the review of the candidate is complete."""
        if not says_something(text):
            raise InvalidValue(what="The note", value="", why="write something", field="text")
        if len(text) > MOST_GROUNDS:
            raise InvalidValue(what="The note", value=len(text), why=f"at most {MOST_GROUNDS} letters", field="text")
        official = self._record.official
        with self._record.change() as change:
            seen = self._open_list(change.tx, search_id)
            note = Note(
                id=secrets.token_hex(8),
                search_id=search_id,
                entry=entry_of(seen, name),
                account_id=official.account_id,
                agency_id=official.agency_id,
                author=official.name,
                at=change.at,
                text=text.strip(),
            )
            change.concerns(seen.case)
            change.tx.reviews.add_note(note)
            change.record(CandidateNoted(case=seen.case.ref, search=search_id, entry=note.entry, note=note.id))
        return note

    @needs(Permission.REVIEW, in_case=True)
    def ask(self, search_id: str, account_id: str) -> Colleague:
        """Ask a colleague to review a list; it waits on their first page. Raises NotAllowed for anybody else."""
        official = self._record.official
        with self._record.change() as change:
            seen = self._open_list(change.tx, search_id, trained=False)
            colleagues = {colleague.account_id: colleague for colleague in self._colleagues(change.tx, seen.case)}
            asked = colleagues.get(account_id)
            if asked is None or official.account_id is None:
                raise NotAllowed(what=f"{Permission.REVIEW.value}, by that person in this case")
            done = not replace(seen, reader=change.tx.accounts.get(account_id).official).left
            change.concerns(seen.case)
            change.tx.reviews.open_list(search_id, seen.case.id, seen.whole.result.made_at)
            change.tx.reviews.set_turn(search_id, account_id, change.at, asked_by=official.account_id, done=done)
            change.record(ReviewAsked(case=seen.case.ref, search=search_id, of=asked.name))
        return asked

    # ------------------------------------------------------------ parts

    def _open_list(self, tx: Tx, search_id: str, *, trained: bool = True) -> SeenList:
        """Return a list that the official may decide about. Raises NotFound, NotAllowed or Refused."""
        seen = seen_search(tx, self._record, search_id)
        self._require_reviewer(tx, seen, trained=trained)
        return seen

    def _require_reviewer(self, tx: Tx, seen: SeenList, *, trained: bool = True) -> None:
        """Raise NotAllowed or Refused unless the official may decide about a list."""
        if not may_in(tx, self._record, seen.case, Permission.REVIEW):
            raise NotAllowed(what=f"{Permission.REVIEW.value}, in this case")
        require_open(seen.case)
        if trained:
            require_trained(tx, self._record.official, self._record.today)

    def _move_on(self, change: Change, seen: SeenList) -> None:
        """Keep up what waits for whom, after a decision."""
        search_id, account_id = seen.whole.result.search_id, self._record.official.account_id
        rows = change.tx.reviews
        rows.open_list(search_id, seen.case.id, seen.whole.result.made_at)
        if account_id is not None:
            rows.set_turn(search_id, account_id, change.at, done=not seen.left)
        numbers = [entry.number for entry in seen.entries if entry.number not in seen.excluded]
        outcomes = [review.outcome if (review := seen.reviews.get(number)) else None for number in numbers]
        rows.set_done(search_id, None if None in outcomes else change.at)

    def _colleagues(self, tx: Tx, case: Case) -> list[Colleague]:
        """Return whoever may review in a case: its members of that role, and the supervisors of its agency."""
        roles = {member.account_id: member.role for member in tx.members.of_case(case.id, self._record.today)}
        supervisors = tx.accounts.of_agency(case.agency_id, SEES_ALL_CASES)
        people = tx.accounts.several(roles) | {account.id: account for account in supervisors}
        return [
            Colleague(account_id=account.id, name=account.name)
            for account in (people[account_id] for account_id in dict.fromkeys((*roles, *people)))
            if account.state is AccountState.ACTIVE
            and may_as(account.official, case, Permission.REVIEW, roles.get(account.id))
            and account.id != self._record.official.account_id
        ]

    def _list(self, tx: Tx, seen: SeenList) -> ListReview:
        search_id = seen.whole.result.search_id
        why_not = self._why_not(tx, seen)
        return ListReview(
            case=seen.case,
            stored=seen.shown,
            entries=tuple(self._entries(seen, tx.reviews.notes_on([search_id]), self._looked_at(tx, seen))),
            hidden=not seen.is_open,
            may_decide=not why_not,
            why_not=why_not,
            reviewers=reviewers_of(seen.policy),
            names=seen.names_now,
            asked=tuple(tx.accounts.get(account_id).name for account_id, _ in tx.reviews.asked_of(search_id)),
        )

    def _why_not(self, tx: Tx, seen: SeenList) -> str:
        try:
            self._require_reviewer(tx, seen)
            require_blind(tx, seen)
        except NotAllowed:
            return "Only examiners, reviewers and supervisors of the case decide."
        except Refused as error:
            return str(error)
        return ""

    def _looked_at(self, tx: Tx, seen: SeenList) -> set[int]:
        """Return the ranks of the candidates that the reader has compared with the probe, as the ledger tells."""
        part = LedgerPart(
            case_id=seen.case.id,
            account_id=self._record.official.account_id,
            actions=frozenset({Action.CANDIDATE_READ.value}),
            first=seen.whole.result.ledger_entry,
        )
        read = [json.loads(row.details) for row in tx.ledger.part(part, None) if row.details]
        return {details["rank"] for details in read if details["search"] == seen.whole.result.search_id}

    def _entries(
        self, seen: SeenList, noted: Iterable[Note], looked_at: Collection[int] = ()
    ) -> Iterator[EntryStanding]:
        own = seen.reader.account_id
        notes = [note for note in noted if note.search_id == seen.whole.result.search_id]
        names = {
            entry.number: [seen.name(picture.rank) for picture in (entry.candidate, *entry.further)]
            for entry in seen.entries
        }
        if not seen.is_open:
            names = {hidden.number: [face.name for face in hidden.faces] for hidden in seen.shown.result.hidden}
        ranks = {
            entry.number: {picture.rank for picture in (entry.candidate, *entry.further)} for entry in seen.entries
        }
        for number in seen.order:
            review = seen.reviews.get(number)
            is_told = review is not None and (review.outcome is not None or not seen.is_blind)
            yield EntryStanding(
                name=names[number][0],
                names=tuple(names[number]),
                own=None if review is None else review.of(own),
                review=review if is_told else None,
                excluded=seen.excluded.get(number),
                seen=not ranks[number].isdisjoint(looked_at),
                notes=tuple(note for note in notes if note.entry == number and (is_told or note.account_id == own)),
            )


def entry_of(seen: SeenList, name: str) -> int:
    """Return the number of the entry with a picture of that name. Raises NotFound, also if the picture was erased."""
    rank = seen.rank(name)
    ranks: Mapping[int, int] = {
        picture.rank: entry.number for entry in seen.entries for picture in (entry.candidate, *entry.further)
    }
    if rank not in ranks:
        raise NotFound(what="candidate", name=name[:32], hint="lineament search")
    return ranks[rank]
