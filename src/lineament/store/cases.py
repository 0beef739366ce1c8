"""Cases: why a search is made, with the wrapped key of what belongs to them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import AlreadyThere, NotFound
from lineament.model.cases import Case, CaseState, CaseTerms
from lineament.store.keys import Vault
from lineament.store.meta import new_ids
from lineament.store.tables import cases, searches

_TERMS = tuple(CaseTerms.__dataclass_fields__)
_SEARCHES = sa.select(sa.func.count()).where(searches.c.case_id == cases.c.id).scalar_subquery().label("searches")
_SELECT = sa.select(*(column for column in cases.c if column.name != "wrapped_key"), _SEARCHES)


class CaseRows:
    """The cases of the agency."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def add(self, terms: CaseTerms, wrapped_key: bytes, at: datetime) -> Case:
        """Open a case; AlreadyThere where the reference is taken."""
        taken = self._connection.scalar(sa.select(cases.c.id).where(cases.c.ref == terms.ref))
        if taken is not None:
            raise AlreadyThere(what="case", name=terms.ref)
        (new,) = new_ids(self._connection, "case", 1)
        row = asdict(terms) | {"id": new, "state": CaseState.OPEN.value, "opened_at": at}
        self._connection.execute(sa.insert(cases), row | {"wrapped_key": wrapped_key})
        return self.get(terms.ref)

    def get(self, ref: str) -> Case:
        """The case with that reference; NotFound where there is none."""
        row = self._connection.execute(_SELECT.where(cases.c.ref == ref)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="case", name=ref, hint="lineament case list")
        return _case(row)

    def all(self) -> list[Case]:
        """All cases, the newest first."""
        return [_case(row) for row in self._connection.execute(_SELECT.order_by(cases.c.id.desc())).mappings()]

    def wrapped_key(self, case_id: int) -> bytes:
        """The wrapped data key of a case."""
        found = self._connection.scalar(sa.select(cases.c.wrapped_key).where(cases.c.id == case_id))
        if found is None:
            raise NotFound(what="case", name=case_id, hint="lineament case list")
        return bytes(found)

    def set_state(self, case_id: int, state: CaseState, at: datetime) -> None:
        """Put the case in another state; the caller has asked the lifecycle."""
        closed_at = at if state is CaseState.CLOSED else None
        self._connection.execute(
            sa.update(cases).where(cases.c.id == case_id).values(state=state.value, closed_at=closed_at)
        )


def _case(row: RowMapping) -> Case:
    return Case(
        id=row["id"],
        terms=CaseTerms(**{name: row[name] for name in _TERMS}),
        state=CaseState(row["state"]),
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        searches=row["searches"],
    )
