"""Cases: why searches are made, each with its wrapped data key. SQL in this module decides who sees which case."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import CaseExists, NotFound, Refused
from lineament.model.accounts import Sight
from lineament.model.cases import Allowance, Authorisation, Case, CaseState, CaseTerms, Seeks
from lineament.model.jurisdictions import law_of, packs
from lineament.model.reasons import ReasonCode
from lineament.store.agencies import AgencyRows
from lineament.store.batch_tables import search_batches
from lineament.store.columns import Words, among
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.meta import MetaRows, new_ids
from lineament.store.sealed import SealedColumn, checked_id
from lineament.store.search_tables import probes, searches
from lineament.store.tables import AWAITING, case_members, cases
from lineament.store.values import allowance_from, allowance_to, authorisation_from, authorisation_to
from lineament.store.watch_tables import watch_findings, watches

DELETED = "deleted"
"""Replaces deleted text in a tombstone."""
KEYS_DESTROYED = "keys of cases destroyed"
"""The fact in ``tx.meta`` that dead rows of PostgreSQL's table of cases still hold destroyed keys."""

_MOST_WORDS = 8
_TERMS = tuple(CaseTerms.__dataclass_fields__)
_SEARCHES = sa.select(sa.func.count()).where(searches.c.case_id == cases.c.id).scalar_subquery().label("searches")
_SELECT = sa.select(cases, _SEARCHES)
_WRAPPED_KEY = sa.select(cases.c.wrapped_key, cases.c.ref).where(cases.c.id == sa.bindparam("case"))


class CaseRows:
    """The cases of every agency."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._authorisations = SealedColumn(vault, "cases", "authorisation")
        self._allowances = SealedColumn(vault, "cases", "allowances")
        self._countries: dict[str, str] = {}  # of agencies, as read in this transaction

    def add(self, terms: CaseTerms, wrapped_key: bytes, at: datetime, *, key: str, agency_id: str) -> Case:
        """Open a case of an agency. Raises CaseExists if the agency has a case with that reference."""
        known = sa.select(cases.c.id).where(cases.c.agency_id == agency_id, cases.c.ref == terms.ref)
        if self._connection.scalar(known) is not None:
            raise CaseExists(what="case", name=terms.ref, field="ref")
        (new,) = new_ids(self._connection, "case", 1)
        row = asdict(terms) | {"id": new, "key": key, "agency_id": agency_id, "seeks": terms.seeks.value}
        row |= {"state": CaseState.OPEN.value, "opened_at": at, "wrapped_key": wrapped_key}
        row["words"] = _words(terms.ref, terms.offence, terms.purpose)
        self._connection.execute(sa.insert(cases), row)
        return self.by_id(new)

    # ------------------------------------------------------------ reading

    def find(self, name: str, sight: Sight) -> Case:
        """Return the case with that key, or that reference in the official's agency.

        Raises NotFound if there is none, or the official may not see it.
        """
        wanted = sa.bindparam(None, name, Words)
        own = sa.and_(cases.c.agency_id == sight.agency_id, cases.c.ref == wanted)
        by_key = cases.c.key == wanted
        found = _SELECT.where(sa.or_(by_key, own), is_visible(sight)).order_by(by_key.desc()).limit(1)
        row = self._connection.execute(found).mappings().one_or_none()
        if row is not None:
            self._check_memberships(sight, [row["id"]])
            return self._case(row)
        raise NotFound(what="case", name=name, hint="lineament case list")

    def several(self, keys: Collection[str], sight: Sight) -> list[Case]:
        """Return those of the cases with these keys that the official may see, the newest first."""
        return self._seen(sight, _SELECT.where(cases.c.key.in_(keys), is_visible(sight)).order_by(cases.c.id.desc()))

    def of_probe(self, probe_id: str, sight: Sight) -> Case | None:
        """Return the case of a probe; None if there is no such probe, or the official may not see its case."""
        return self._visible_case_of(probes, probe_id, sight)

    def of_search(self, search_id: str, sight: Sight) -> Case | None:
        """Return the case of a search; None if there is no such search, or the official may not see its case."""
        return self._visible_case_of(searches, search_id, sight)

    def of_watch(self, watch_id: str, sight: Sight) -> Case | None:
        """Return the case of a watch; None if there is no such watch, or the official may not see its case."""
        return self._visible_case_of(watches, watch_id, sight)

    def of_finding(self, finding_id: str, sight: Sight) -> Case | None:
        """Return the case of what a watch found; None if there is no such finding, or its case is not seen."""
        found = sa.select(watches.c.case_id).join(watch_findings, watch_findings.c.watch_id == watches.c.id)
        return self._visible(found.where(watch_findings.c.id == checked_id(finding_id)), sight)

    def of_batch(self, batch_id: str, sight: Sight) -> Case | None:
        """Return the case of a batch; None if there is no such batch, or the official may not see its case."""
        return self._visible_case_of(search_batches, batch_id, sight)

    def _visible_case_of(self, table: sa.Table, id: str, sight: Sight) -> Case | None:  # noqa: A002 - the column
        return self._visible(sa.select(table.c.case_id).where(table.c.id == checked_id(id)), sight)

    def _visible(self, case_id: sa.Select[tuple[int]], sight: Sight) -> Case | None:
        """One query decides, so that what is not seen and what is not there take the same time."""
        of_it = case_id.scalar_subquery()
        row = self._connection.execute(_SELECT.where(cases.c.id == of_it, is_visible(sight))).mappings().one_or_none()
        if row is None:
            return None
        self._check_memberships(sight, [row["id"]])
        return self._case(row)

    def by_key(self, key: str) -> Case:
        """Return the case with that key, whoever asks. Raises NotFound if there is none."""
        return self._one(cases.c.key == key, key)

    def by_id(self, case_id: int) -> Case:
        """Return the case with that number, whoever asks. Raises NotFound if there is none."""
        return self._one(cases.c.id == case_id, case_id)

    def key_of(self, case_id: int) -> str:
        """Return the key of the case with that number, whoever asks. Raises NotFound if there is none."""
        key: str | None = self._connection.scalar(sa.select(cases.c.key).where(cases.c.id == case_id))
        if key is None:
            raise NotFound(what="case", name=case_id, hint="lineament case list")
        return key

    def of_ids(self, ids: Collection[int]) -> dict[int, Case]:
        """Return the cases with these numbers, whoever asks, by their numbers; missing ones are left out."""
        found = self._connection.execute(_SELECT.where(among(cases.c.id, ids))).mappings().all()
        return {row["id"]: self._case(row) for row in found}

    def page(
        self, sight: Sight, *, words: str = "", states: Sequence[CaseState] = (), after: int | None = None, limit: int
    ) -> list[Case]:
        """Return the visible cases, newest first.

        Each of the first eight ``words`` must occur in reference, offence or purpose. No ``states`` means all of them.
        ``after`` is the number of the last case on the previous page.
        """
        searched = words.casefold().split()[:_MOST_WORDS]
        also = [cases.c.words.contains(word, autoescape=True) for word in searched]
        wanted = states or tuple(CaseState)
        parts = []
        for number, queries in (
            (cases.c.id, _own_case_queries(sight, wanted)),
            (case_members.c.case_id, _shared_case_queries(sight, wanted)),
        ):
            older = also if after is None else [*also, number < after]
            parts += [query.where(*older).order_by(number.desc()).limit(limit) for query in queries]
        return self._any_of(sight, parts, cases.c.id.desc(), limit)

    def count(self, sight: Sight, states: Sequence[CaseState] = ()) -> int:
        """Count the visible cases."""
        narrowed = [*_only(sight), *([cases.c.state.in_([state.value for state in states])] if states else [])]
        parts = []
        if sight.whole_agency:
            parts.append(sa.select(sa.func.count()).where(cases.c.agency_id == sight.agency_id, *narrowed))
        if sight.account_id is not None:
            elsewhere = [cases.c.agency_id != sight.agency_id] if sight.whole_agency else []
            query = sa.select(sa.func.count()).select_from(_MEMBERSHIPS)
            parts.append(query.where(_member(sight), *elsewhere, *narrowed))
        return sum(int(self._connection.scalar(query) or 0) for query in parts)

    def expiring(self, sight: Sight, until: date, limit: int = 50) -> list[Case]:
        """Return the visible open cases whose authorisation ends by that day, or that are urgent without one.

        Urgent ones come first, in the order in which they were declared; the others by the day on which it ends.
        """
        open_ = (CaseState.OPEN,)
        ending = cases.c.authorised_until <= until
        urgent = sa.and_(cases.c.urgent_since.is_not(None), cases.c.authorisation.is_(None))
        unauthorised = cases.c.authorisation.is_(None)
        order = (  # SQLite puts what is missing first, PostgreSQL last: in each of the two groups all have it, or none
            sa.case((unauthorised, 0), else_=1),
            sa.case((unauthorised, cases.c.urgent_since)),
            cases.c.authorised_until,
            cases.c.id,
        )
        parts = [query.where(sa.or_(urgent, ending)).order_by(*order) for query in _shared_case_queries(sight, open_)]
        for query in _own_case_queries(sight, open_):
            parts.append(query.where(ending).order_by(cases.c.authorised_until, cases.c.id))
            parts.append(query.where(urgent).order_by(cases.c.urgent_since, cases.c.id))
        return self._any_of(sight, [query.limit(limit) for query in parts], order, limit)

    def awaiting(self, sight: Sight, limit: int) -> list[Case]:
        """Return the visible open cases that are neither authorised nor urgent and may have to be, the oldest first.

        These are those of suspects, and those under a law that asks for an authorisation whoever is sought. Whether
        they need one is for the policy of their agency and that law to say.
        """
        asking = [code for pack in packs().values() for code in pack.covers if pack.asks_authorisation(Seeks.VICTIM)]
        strict = law_of(self._country_of(sight.agency_id)).asks_authorisation(Seeks.VICTIM) is not None
        under = sa.or_(cases.c.jurisdiction.in_(asking), *([cases.c.jurisdiction.is_(None)] if strict else []))
        undecided = sa.and_(cases.c.authorisation.is_(None), cases.c.urgent_since.is_(None))
        queries = [*_own_case_queries(sight, (CaseState.OPEN,)), *_shared_case_queries(sight, (CaseState.OPEN,))]
        parts = [
            query.where(which).order_by(sa.text("id")).limit(limit)
            for query in queries
            for which in (sa.text(AWAITING), sa.and_(under, undecided, cases.c.seeks != Seeks.SUSPECT.value))
        ]
        return self._any_of(sight, parts, cases.c.id, limit)

    def due(self, agency_id: str, before: datetime) -> list[Case]:
        """Return the cases of an agency closed before that time and not on hold, in the order of closing."""
        of_agency = (cases.c.agency_id == agency_id, cases.c.state == CaseState.CLOSED.value)
        query = _SELECT.where(*of_agency, cases.c.closed_at < before, cases.c.hold_because.is_(None)).order_by(
            cases.c.closed_at, cases.c.id
        )
        return [self._case(row) for row in self._connection.execute(query).mappings()]

    def wrapped_key(self, case_id: int) -> bytes:
        """Return the wrapped data key of a case. Raises NotFound, or Refused if the key was destroyed."""
        row = self._connection.execute(_WRAPPED_KEY, {"case": case_id}).one_or_none()
        if row is None:
            raise NotFound(what="case", name=case_id, hint="lineament case list")
        if row.wrapped_key is None:
            raise Refused(ReasonCode.CASE_DESTROYED.reason(ref=row.ref))
        return bytes(row.wrapped_key)

    def wrapped_keys(self, ids: Collection[int]) -> dict[int, bytes]:
        """Return the wrapped data keys of cases, by their numbers; those that are destroyed are left out."""
        query = sa.select(cases.c.id, cases.c.wrapped_key).where(among(cases.c.id, ids))
        rows = self._connection.execute(query.where(cases.c.wrapped_key.is_not(None)))
        return {row.id: bytes(row.wrapped_key) for row in rows}

    def set_wrapped_key(self, case_id: int, wrapped_key: bytes) -> None:
        """Replace the wrapped data key of a case, because it was rotated."""
        self._set(case_id, wrapped_key=wrapped_key)
        if self._connection.dialect.name == "postgresql":
            MetaRows(self._connection).set(KEYS_DESTROYED, secrets.token_hex(8))

    # ------------------------------------------------------------ changing

    def set_state(self, case_id: int, state: CaseState, at: datetime) -> None:
        """Open or close a case; the caller has checked the lifecycle."""
        self._set(case_id, state=state.value, closed_at=None if state is CaseState.OPEN else at)

    def set_urgent(self, case_id: int, because: str, at: datetime) -> None:
        """Start the 48-hour clock of an urgent case."""
        self._set(case_id, urgent_since=at, urgent_because=because)

    def set_authorisation(self, case_id: int, authorisation: Authorisation) -> None:
        """Store the newest authorisation."""
        sealed = self._authorisations.seal(str(case_id), authorisation_to(authorisation))
        self._set(case_id, authorisation=sealed, authorised_until=authorisation.expires_on)

    def set_allowances(self, case_id: int, allowances: Sequence[Allowance]) -> None:
        """Store every statement on words in doubt of a case."""
        sealed = self._allowances.seal(str(case_id), [allowance_to(allowance) for allowance in allowances])
        self._set(case_id, allowances=sealed)

    def set_distressing(self, case_id: int, distressing: bool) -> None:
        """Store whether the pictures of a case are distressing."""
        self._set(case_id, distressing=distressing)

    def set_hold(self, case_id: int, because: str | None) -> None:
        """Put a case on legal hold, or release it with None."""
        self._set(case_id, hold_because=because)

    def destroy(self, case_id: int, state: CaseState, at: datetime) -> None:
        """Leave a tombstone, REFUSED or DESTROYED: reference, times, state, and the authority's decision.

        The key is destroyed, and with it everything that it sealed. Raises Refused if the case is on legal hold.
        """
        deleted: dict[str, Any] = dict.fromkeys(("offence", "purpose", "basis"), DELETED)
        ref = self._connection.execute(sa.select(cases.c.ref).where(cases.c.id == case_id)).scalar_one()
        initial = cases.c.seeks == Seeks.INITIAL.value
        self._set(
            case_id,
            **deleted,
            authorised_by=None,
            allowances=None,
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

    def _any_of(self, sight: Sight, parts: Sequence[sa.Select[Any]], order: Any, limit: int) -> list[Case]:
        """Return the cases whose ids any of the queries selects."""
        if not parts:
            return []
        ids = sa.union_all(*(sa.select(part.subquery().c.id) for part in parts))
        order = order if isinstance(order, tuple) else (order,)
        return self._seen(sight, _SELECT.where(cases.c.id.in_(ids)).order_by(*order).limit(limit))

    def _seen(self, sight: Sight, query: sa.Select[Any]) -> list[Case]:
        """Return the cases that a query of what the official sees selects, in its order."""
        rows = self._connection.execute(query).mappings().all()
        self._check_memberships(sight, [row["id"] for row in rows])
        return [self._case(row) for row in rows]

    def _check_memberships(self, sight: Sight, ids: Sequence[int]) -> None:
        """Check the memberships through which the official sees these cases. Raises AccessAltered."""
        if sight.account_id is not None and ids:
            query = sa.select(case_members).where(
                case_members.c.account_id == sight.account_id, case_members.c.case_id.in_(ids)
            )
            for row in self._connection.execute(query).mappings().all():
                checked(self._connection, self._vault, "case_members", row)

    def _case(self, row: RowMapping) -> Case:
        checked(self._connection, self._vault, "cases", row)
        terms: dict[str, Any] = {name: row[name] for name in _TERMS}
        sealed, allowances = row["authorisation"], row["allowances"]
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
            allowances=()
            if allowances is None
            else tuple(map(allowance_from, self._allowances.open(str(row["id"]), allowances))),
            law=law_of(row["jurisdiction"] or self._country_of(row["agency_id"])),
        )

    def _country_of(self, agency_id: str) -> str:
        """Return where an agency is."""
        if agency_id not in self._countries:
            self._countries[agency_id] = AgencyRows(self._connection, self._vault).jurisdiction(agency_id)
        return self._countries[agency_id]


# ---------------------------------------------------------------- who sees what

_MEMBERSHIPS = case_members.join(cases, cases.c.id == case_members.c.case_id)


def _member(sight: Sight) -> sa.ColumnElement[bool]:
    """Return the condition that a membership is the official's and in force."""
    holds = sa.or_(case_members.c.until.is_(None), case_members.c.until >= sight.today)
    return sa.and_(case_members.c.account_id == sight.account_id, holds)


def is_visible(sight: Sight) -> sa.ColumnElement[bool]:
    """Return the condition that a case is visible."""
    reasons: list[sa.ColumnElement[bool]] = []
    if sight.whole_agency:
        reasons.append(cases.c.agency_id == sight.agency_id)
    if sight.account_id is not None:
        reasons.append(sa.exists().where(case_members.c.case_id == cases.c.id, _member(sight)))
    return sa.and_(sa.or_(sa.false(), *reasons), *_only(sight))


def _only(sight: Sight) -> list[sa.ColumnElement[bool]]:
    """Return the condition that a case is the one to which a key is bound, if it is bound to one."""
    return [] if sight.only_case is None else [cases.c.id == sight.only_case]


def _own_case_queries(sight: Sight, states: Sequence[CaseState]) -> list[sa.Select[Any]]:
    """Return a query for the ids of the agency's own cases in each state: an index orders each, but not an OR."""
    if not sight.whole_agency:
        return []
    own = sa.select(cases.c.id).where(cases.c.agency_id == sight.agency_id, *_only(sight))
    return [own.where(cases.c.state == state.value) for state in states]


def _shared_case_queries(sight: Sight, states: Sequence[CaseState]) -> list[sa.Select[Any]]:
    """Return the query for the ids of cases that the official is a member of, in the order of the members' index."""
    if sight.account_id is None:
        return []
    shared = (
        sa.select(case_members.c.case_id.label("id")).select_from(_MEMBERSHIPS).where(_member(sight), *_only(sight))
    )
    return [shared.where(cases.c.state.in_([state.value for state in states]))]


def _words(*texts: str) -> str:
    """Fold texts so that a search ignores case in every script, which SQLite's LIKE does not."""
    return " ".join(texts).casefold()
