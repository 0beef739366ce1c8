"""Cases: why a search is made, with the wrapped key of what belongs to them. Who sees which is decided here, in SQL."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import AlreadyThere, NotFound, Refused
from lineament.model.accounts import Sight
from lineament.model.cases import Authorisation, Case, CaseState, CaseTerms, Seeks
from lineament.model.reasons import ReasonCode
from lineament.store.columns import Words
from lineament.store.keys import Vault
from lineament.store.meta import MetaRows, new_ids
from lineament.store.sealed import SealedColumn
from lineament.store.tables import case_members, cases, searches
from lineament.store.values import authorisation_from, authorisation_to

DELETED = "deleted"
"""What a tombstone says instead of what was deleted."""
KEYS_DESTROYED = "keys of cases destroyed"
"""The fact in ``tx.meta`` that PostgreSQL's table of cases still holds destroyed keys in rows that are no more."""

_MOST_WORDS = 8
_TERMS = tuple(CaseTerms.__dataclass_fields__)
_SEARCHES = sa.select(sa.func.count()).where(searches.c.case_id == cases.c.id).scalar_subquery().label("searches")
_SELECT = sa.select(*(column for column in cases.c if column.name not in {"wrapped_key", "words"}), _SEARCHES)


class CaseRows:
    """The cases of every agency."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._authorisations = SealedColumn(vault, "cases", "authorisation")

    def add(self, terms: CaseTerms, wrapped_key: bytes, at: datetime, *, key: str, agency_id: str) -> Case:
        """Open a case of an agency; AlreadyThere where the agency has one of that reference."""
        taken = sa.select(cases.c.id).where(cases.c.agency_id == agency_id, cases.c.ref == terms.ref)
        if self._connection.scalar(taken) is not None:
            raise AlreadyThere(what="case", name=terms.ref)
        (new,) = new_ids(self._connection, "case", 1)
        row = asdict(terms) | {"id": new, "key": key, "agency_id": agency_id, "seeks": terms.seeks.value}
        row |= {"state": CaseState.OPEN.value, "opened_at": at, "wrapped_key": wrapped_key}
        row["words"] = _words(terms.ref, terms.offence, terms.purpose)
        self._connection.execute(sa.insert(cases), row)
        return self.by_id(new)

    # ------------------------------------------------------------ reading

    def find(self, name: str, sight: Sight) -> Case:
        """The case of that key, or of that reference in one's own agency; NotFound alike where it is not seen."""
        asked = sa.bindparam(None, name, Words)
        own = sa.and_(cases.c.agency_id == sight.agency_id, cases.c.ref == asked)
        for which in (cases.c.key == asked, own):
            row = self._connection.execute(_SELECT.where(which, _seen(sight))).mappings().one_or_none()
            if row is not None:
                return self._case(row)
        raise NotFound(what="case", name=name, hint="lineament case list")

    def by_key(self, key: str) -> Case:
        """The case of that key, whoever asks; NotFound where there is none."""
        return self._one(cases.c.key == key, key)

    def by_id(self, case_id: int) -> Case:
        """The case of that number, whoever asks; NotFound where there is none."""
        return self._one(cases.c.id == case_id, case_id)

    def page(
        self, sight: Sight, *, words: str = "", states: Sequence[CaseState] = (), after: int | None = None, limit: int
    ) -> list[Case]:
        """The newest cases that are seen, the newest first.

        ``words`` are all in reference, offence or purpose, as far as the first eight go; ``states`` are all where none
        is given; ``after`` is the number of the last case on the page before.
        """
        asked = words.casefold().split()[:_MOST_WORDS]
        also = [cases.c.words.contains(word, autoescape=True) for word in asked]
        wanted = states or tuple(CaseState)
        parts = []
        for number, queries in ((cases.c.id, _own(sight, wanted)), (case_members.c.case_id, _shared(sight, wanted))):
            older = also if after is None else [*also, number < after]
            parts += [query.where(*older).order_by(number.desc()).limit(limit) for query in queries]
        return self._any_of(parts, cases.c.id.desc(), limit)

    def count(self, sight: Sight, states: Sequence[CaseState] = ()) -> int:
        """How many cases are seen."""
        narrowed = [cases.c.state.in_([state.value for state in states])] if states else []
        parts = []
        if sight.whole_agency:
            parts.append(sa.select(sa.func.count()).where(cases.c.agency_id == sight.agency_id, *narrowed))
        if sight.account_id is not None:
            elsewhere = [cases.c.agency_id != sight.agency_id] if sight.whole_agency else []
            query = sa.select(sa.func.count()).select_from(_MEMBERSHIPS)
            parts.append(query.where(_member(sight), *elsewhere, *narrowed))
        return sum(int(self._connection.scalar(query) or 0) for query in parts)

    def expiring(self, sight: Sight, until: date, limit: int = 50) -> list[Case]:
        """The open cases that are seen and whose authorisation ends by that day, or that are urgent without one.

        The urgent ones first, those declared first before the others; then by the day on which it ends.
        """
        open_ = (CaseState.OPEN,)
        ending = cases.c.authorised_until <= until
        urgent = sa.and_(cases.c.urgent_since.is_not(None), cases.c.authorisation.is_(None))
        first = sa.case((cases.c.authorisation.is_(None), 0), else_=1)
        order = (first, cases.c.authorised_until, cases.c.urgent_since, cases.c.id)
        parts = [query.where(sa.or_(urgent, ending)).order_by(*order) for query in _shared(sight, open_)]
        for query in _own(sight, open_):
            parts.append(query.where(ending).order_by(cases.c.authorised_until, cases.c.id))
            parts.append(query.where(urgent).order_by(cases.c.urgent_since, cases.c.id))
        return self._any_of([query.limit(limit) for query in parts], order, limit)

    def due(self, agency_id: str, before: datetime) -> list[Case]:
        """The cases of an agency that were closed before that and are not on hold, those closed first first."""
        of_agency = (cases.c.agency_id == agency_id, cases.c.state == CaseState.CLOSED.value)
        query = _SELECT.where(*of_agency, cases.c.closed_at < before, cases.c.hold_because.is_(None)).order_by(
            cases.c.closed_at, cases.c.id
        )
        return [self._case(row) for row in self._connection.execute(query).mappings()]

    def wrapped_key(self, case_id: int) -> bytes:
        """The wrapped data key of a case; NotFound where there is no such case, Refused where it was destroyed."""
        query = sa.select(cases.c.wrapped_key, cases.c.ref).where(cases.c.id == case_id)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(what="case", name=case_id, hint="lineament case list")
        if row.wrapped_key is None:
            raise Refused(ReasonCode.CASE_DESTROYED.reason(ref=row.ref))
        return bytes(row.wrapped_key)

    # ------------------------------------------------------------ changing

    def set_state(self, case_id: int, state: CaseState, at: datetime) -> None:
        """Open or close the case; the caller has asked the lifecycle."""
        self._set(case_id, state=state.value, closed_at=None if state is CaseState.OPEN else at)

    def set_urgent(self, case_id: int, because: str, at: datetime) -> None:
        """The 48-hour clock begins."""
        self._set(case_id, urgent_since=at, urgent_because=because)

    def set_authorisation(self, case_id: int, authorisation: Authorisation) -> None:
        """Put the newest decision."""
        sealed = self._authorisations.seal(str(case_id), authorisation_to(authorisation))
        self._set(case_id, authorisation=sealed, authorised_until=authorisation.expires_on)

    def set_hold(self, case_id: int, because: str | None) -> None:
        """Put the case on legal hold, or release it with None."""
        self._set(case_id, hold_because=because)

    def destroy(self, case_id: int, state: CaseState, at: datetime) -> None:
        """Leave a tombstone, REFUSED or DESTROYED: reference, times, state, and what the authority decided.

        The key goes, and with it whatever it sealed. Refused for the destruction of a case on legal hold.
        """
        gone: dict[str, Any] = dict.fromkeys(("offence", "purpose", "basis"), DELETED)
        ref = self._connection.execute(sa.select(cases.c.ref).where(cases.c.id == case_id)).scalar_one()
        initial = cases.c.seeks == Seeks.INITIAL.value
        self._set(
            case_id,
            **gone,
            authorised_by=None,
            exempt_because=sa.case((initial, DELETED), else_=None),
            urgent_because=sa.case((cases.c.urgent_since.is_not(None), DELETED), else_=None),
            state=state.value,
            closed_at=sa.func.coalesce(cases.c.closed_at, sa.bindparam(None, at, cases.c.closed_at.type)),
            wrapped_key=None,
            words=_words(ref),
            **({"hold_because": None} if state is CaseState.REFUSED else {}),
        )
        if self._connection.dialect.name == "postgresql":
            MetaRows(self._connection).set(KEYS_DESTROYED, secrets.token_hex(8))

    # ------------------------------------------------------------ rows

    def _set(self, case_id: int, **values: Any) -> None:
        self._connection.execute(sa.update(cases).where(cases.c.id == case_id).values(**values))

    def _one(self, which: sa.ColumnElement[bool], name: object) -> Case:
        row = self._connection.execute(_SELECT.where(which)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="case", name=name, hint="lineament case list")
        return self._case(row)

    def _any_of(self, parts: Sequence[sa.Select[Any]], order: Any, limit: int) -> list[Case]:
        """The cases that one of the queries for ids gives."""
        if not parts:
            return []
        ids = sa.union_all(*(sa.select(part.subquery().c.id) for part in parts))
        order = order if isinstance(order, tuple) else (order,)
        query = _SELECT.where(cases.c.id.in_(ids)).order_by(*order).limit(limit)
        return [self._case(row) for row in self._connection.execute(query).mappings()]

    def _case(self, row: RowMapping) -> Case:
        terms: dict[str, Any] = {name: row[name] for name in _TERMS}
        sealed = row["authorisation"]
        return Case(
            id=row["id"],
            key=row["key"],
            agency_id=row["agency_id"],
            terms=CaseTerms(**terms | {"seeks": Seeks(row["seeks"])}),
            state=CaseState(row["state"]),
            opened_at=row["opened_at"],
            closed_at=row["closed_at"],
            searches=row["searches"],
            urgent_since=row["urgent_since"],
            urgent_because=row["urgent_because"],
            authorisation=None
            if sealed is None
            else authorisation_from(self._authorisations.open(str(row["id"]), sealed)),
            hold_because=row["hold_because"],
        )


# ---------------------------------------------------------------- who sees what

_MEMBERSHIPS = case_members.join(cases, cases.c.id == case_members.c.case_id)


def _member(sight: Sight) -> sa.ColumnElement[bool]:
    """Whether a membership is that of the official, and holds."""
    holds = sa.or_(case_members.c.until.is_(None), case_members.c.until >= sight.today)
    return sa.and_(case_members.c.account_id == sight.account_id, holds)


def _seen(sight: Sight) -> sa.ColumnElement[bool]:
    """Whether one case is seen."""
    ways: list[sa.ColumnElement[bool]] = []
    if sight.whole_agency:
        ways.append(cases.c.agency_id == sight.agency_id)
    if sight.account_id is not None:
        ways.append(sa.exists().where(case_members.c.case_id == cases.c.id, _member(sight)))
    return sa.or_(sa.false(), *ways)


def _own(sight: Sight, states: Sequence[CaseState]) -> list[sa.Select[Any]]:
    """Queries for the ids of the own agency's cases, each of which an index answers in order: OR would hinder that."""
    if not sight.whole_agency:
        return []
    own = sa.select(cases.c.id).where(cases.c.agency_id == sight.agency_id)
    return [own.where(cases.c.state == state.value) for state in states]


def _shared(sight: Sight, states: Sequence[CaseState]) -> list[sa.Select[Any]]:
    """The query for the ids of the cases that one is a member of; the index of members has them in their order."""
    if sight.account_id is None:
        return []
    shared = sa.select(case_members.c.case_id.label("id")).select_from(_MEMBERSHIPS).where(_member(sight))
    return [shared.where(cases.c.state.in_([state.value for state in states]))]


def _words(*texts: str) -> str:
    """Texts to look through: small and capital letters alike, in every script, which SQLite's LIKE does not do."""
    return " ".join(texts).casefold()
