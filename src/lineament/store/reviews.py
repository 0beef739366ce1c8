"""Decisions about candidates, notes on them, and the lists that wait for a review. What people say is sealed (R46)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.model.accounts import Sight
from lineament.model.cases import CaseRole, CaseState
from lineament.model.proficiency import KnownPair
from lineament.model.review import CandidateDecision, Note, ReviewOutcome, checklist_from, checklist_to
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.review_tables import candidate_notes, decisions, known_pairs, review_lists, review_turns
from lineament.store.sealed import SealedColumn
from lineament.store.search_tables import candidates, searches
from lineament.store.tables import case_members, cases

_SAID = ("reviewer", "grounds", "because", "informed")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingList:
    """A list that waits for somebody's review."""

    search_id: str
    case_id: int
    since: datetime  # when it was made, or when they were asked
    asked_by: str | None  # account; None: nobody asked


class ReviewRows:
    """The reviews of all cases."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._decisions = SealedColumn(vault, "decisions")
        self._notes = SealedColumn(vault, "candidate_notes")
        self._known = SealedColumn(vault, "known_pairs")

    # ------------------------------------------------------------ decisions

    def add(self, decision: CandidateDecision) -> None:
        """Add a decision. The database refuses a third person, and one person in both seats (R19)."""
        said: dict[str, Any] = {name: getattr(decision, name) for name in _SAID}
        said |= {"outcome": decision.outcome.value, "checklist": checklist_to(decision.checklist)}
        row = {name: getattr(decision, name) for name in _plain(decisions)}
        self._connection.execute(sa.insert(decisions), row | {"sealed": self._decisions.seal(decision.id, said)})

    def of_searches(self, ids: Collection[str]) -> dict[str, list[CandidateDecision]]:
        """Return the decisions about the candidates of searches, by search, in the order in which they were made.

        Raises AccessAltered if one was changed from outside, or Damaged if it does not open.
        """
        found: dict[str, list[CandidateDecision]] = {id_: [] for id_ in ids}
        if not found:
            return found
        query = sa.select(decisions).where(decisions.c.search_id.in_(ids))
        query = query.order_by(decisions.c.at, decisions.c.number, decisions.c.seat, decisions.c.entry)
        for row in self._connection.execute(query).mappings().all():
            checked(self._connection, self._vault, "decisions", row)
            found[row["search_id"]].append(self._decision(row))
        return found

    def of_search(self, search_id: str) -> list[CandidateDecision]:
        """Return the decisions about the candidates of one search, in the order in which they were made."""
        return self.of_searches([search_id])[search_id]

    def of_case(self, case_id: int) -> list[CandidateDecision]:
        """Return every decision in a case, in the order in which they were made."""
        ids = self._connection.scalars(
            sa.select(decisions.c.search_id)
            .join(searches, searches.c.id == decisions.c.search_id)
            .where(searches.c.case_id == case_id)
            .distinct()
        ).all()
        every = [decision for of_search in self.of_searches(ids).values() for decision in of_search]
        return sorted(every, key=lambda decision: (decision.at, decision.search_id, decision.entry, decision.number))

    def _decision(self, row: RowMapping) -> CandidateDecision:
        said = self._decisions.open(row["id"], row["sealed"])
        known = {name: row[name] for name in _plain(decisions)}
        outcome, checklist = ReviewOutcome(said.pop("outcome")), checklist_from(said.pop("checklist"))
        return CandidateDecision(**known, **said, outcome=outcome, checklist=checklist)

    # ------------------------------------------------------------ notes

    def add_note(self, note: Note) -> None:
        """Add a note on a candidate."""
        row = {name: getattr(note, name) for name in _plain(candidate_notes)}
        sealed = self._notes.seal(note.id, {"author": note.author, "text": note.text})
        self._connection.execute(sa.insert(candidate_notes), row | {"sealed": sealed})

    def notes_on(self, ids: Collection[str]) -> list[Note]:
        """Return the notes on the candidates of searches, the oldest first."""
        query = sa.select(candidate_notes).where(candidate_notes.c.search_id.in_(ids))
        query = query.order_by(candidate_notes.c.at, candidate_notes.c.id)
        found = []
        for row in self._connection.execute(query).mappings().all():
            checked(self._connection, self._vault, "candidate_notes", row)
            said = self._notes.open(row["id"], row["sealed"])
            known = {name: row[name] for name in _plain(candidate_notes)}
            found.append(Note(**known, **said))
        return found

    # ------------------------------------------------------------ pairs whose truth is known

    def add_known(self, pair: KnownPair) -> None:
        """Add a pair whose truth is known. The database refuses a second truth."""
        row = {name: getattr(pair, name) for name in _plain(known_pairs)}
        sealed = self._known.seal(pair.id, {"same": pair.same, "said_by": pair.said_by})
        self._connection.execute(sa.insert(known_pairs), row | {"sealed": sealed})

    def known_of(self, search_id: str) -> list[KnownPair]:
        """Return the pairs of a list whose truth is known, by entry."""
        return self._known_where(known_pairs.c.search_id == search_id)

    def known_of_agency(self, agency_id: str) -> list[KnownPair]:
        """Return the pairs whose truth is known in an agency, the oldest first."""
        return self._known_where(known_pairs.c.agency_id == agency_id)

    def _known_where(self, condition: sa.ColumnElement[bool]) -> list[KnownPair]:
        query = sa.select(known_pairs).where(condition)
        query = query.order_by(known_pairs.c.at, known_pairs.c.search_id, known_pairs.c.entry)
        found = []
        for row in self._connection.execute(query).mappings().all():
            checked(self._connection, self._vault, "known_pairs", row)
            known = {name: row[name] for name in _plain(known_pairs)}
            found.append(KnownPair(**known, **self._known.open(row["id"], row["sealed"])))
        return found

    # ------------------------------------------------------------ the same face, earlier

    def seen_before(self, case_id: int, search_id: str, faces: Collection[int]) -> list[tuple[str, int, int, str]]:
        """Return where faces stand in other lists of a case about which anybody decided, the newest first.

        Of each: search, rank, face and what was shown of it, as JSON. A case may have many more lists than these.
        """
        decided = (
            sa.select(decisions.c.search_id)
            .join(searches, searches.c.id == decisions.c.search_id)
            .where(searches.c.case_id == case_id, decisions.c.search_id != search_id)
        )
        query = (
            sa.select(candidates.c.search_id, candidates.c.rank, candidates.c.face_id, candidates.c.snapshot)
            .join(searches, searches.c.id == candidates.c.search_id)
            .where(candidates.c.search_id.in_(decided), candidates.c.face_id.in_(faces))
            .order_by(searches.c.made_at.desc(), candidates.c.rank, candidates.c.search_id)
        )
        return [(row.search_id, row.rank, row.face_id, row.snapshot) for row in self._connection.execute(query)]

    # ------------------------------------------------------------ what waits

    def open_list(self, search_id: str, case_id: int, made_at: datetime) -> None:
        """Let a list wait for its review, if it does not yet."""
        known = sa.select(review_lists.c.search_id).where(review_lists.c.search_id == search_id)
        if self._connection.scalar(known) is None:
            row = {"search_id": search_id, "case_id": case_id, "made_at": made_at}
            self._connection.execute(sa.insert(review_lists), row)

    def set_done(self, search_id: str, at: datetime | None) -> None:
        """Say when the review of a list was complete, or that it is not."""
        self._connection.execute(
            sa.update(review_lists).where(review_lists.c.search_id == search_id).values(done_at=at)
        )

    def set_turn(
        self, search_id: str, account_id: str, since: datetime, *, asked_by: str | None = None, done: bool = False
    ) -> None:
        """Say whose turn it is to decide, or that nothing is left for them."""
        its = (review_turns.c.search_id == search_id, review_turns.c.account_id == account_id)
        values: dict[str, Any] = {"done_at": since if done else None}
        if asked_by is not None:
            values |= {"asked_by": asked_by, "since": since}
        if not self._connection.execute(sa.update(review_turns).where(*its).values(**values)).rowcount:
            row = {"search_id": search_id, "account_id": account_id, "since": since, "asked_by": asked_by, **values}
            self._connection.execute(sa.insert(review_turns), row)

    def asked_of(self, search_id: str) -> list[tuple[str, datetime]]:
        """Return the accounts that were asked to review a list, with when."""
        query = sa.select(review_turns.c.account_id, review_turns.c.since)
        query = query.where(review_turns.c.search_id == search_id, review_turns.c.asked_by.is_not(None))
        query = query.order_by(review_turns.c.since, review_turns.c.account_id)
        return [(row.account_id, row.since) for row in self._connection.execute(query)]

    def waiting_for(self, sight: Sight, limit: int) -> list[WaitingList]:
        """Return the lists of open cases that wait for an official, the oldest first.

        These are the lists of their own searches, those that they were asked to review, and every one in the cases in
        which they are a reviewer.
        """
        mine = review_turns.c.account_id == sight.account_id
        only = [] if sight.only_case is None else [cases.c.id == sight.only_case]
        is_open = (cases.c.state == CaseState.OPEN.value, review_lists.c.done_at.is_(None), *only)
        columns = (review_lists.c.search_id, review_lists.c.case_id)
        turns = (
            sa.select(*columns, review_turns.c.since, review_turns.c.asked_by)
            .join(review_lists, review_lists.c.search_id == review_turns.c.search_id)
            .join(cases, cases.c.id == review_lists.c.case_id)
            .where(mine, review_turns.c.done_at.is_(None), *is_open)
        )
        has_turn = sa.exists().where(review_turns.c.search_id == review_lists.c.search_id, mine)
        holds = sa.or_(case_members.c.until.is_(None), case_members.c.until >= sight.today)
        as_reviewer = (
            sa.select(*columns, review_lists.c.made_at.label("since"), sa.null().label("asked_by"))
            .join(cases, cases.c.id == review_lists.c.case_id)
            .join(case_members, case_members.c.case_id == cases.c.id)
            .where(case_members.c.account_id == sight.account_id, case_members.c.role == CaseRole.REVIEWER.value)
            .where(holds, *is_open, ~has_turn)
        )
        both = turns.union_all(as_reviewer).subquery()
        query = sa.select(both).order_by(both.c.since, both.c.search_id).limit(limit)
        return [
            WaitingList(search_id=row.search_id, case_id=row.case_id, since=row.since, asked_by=row.asked_by)
            for row in self._connection.execute(query)
        ]

    # ------------------------------------------------------------ the end

    def delete_of(self, case_id: int) -> None:
        """Delete the reviews of a case."""
        every = sa.select(searches.c.id).where(searches.c.case_id == case_id)
        for table in (review_turns, review_lists, known_pairs, candidate_notes, decisions):
            self._connection.execute(sa.delete(table).where(table.c.search_id.in_(every)))


def _plain(table: sa.Table) -> list[str]:
    """Return the names of the columns that are not sealed."""
    return [column.name for column in table.c if column.name not in {"sealed", "mac"}]
