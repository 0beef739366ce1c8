"""Agencies: everything that names one, and every decision about it, is sealed (R46)."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import AlreadyThere, NotFound
from lineament.model.accounts import HOME_AGENCY, AccountState
from lineament.model.agencies import Agency, AgencyTerms, Licence, LicenceKind, Vetting, VettingOutcome
from lineament.model.policy import Preset
from lineament.store.guard import checked, is_own
from lineament.store.keys import Vault
from lineament.store.people_tables import accounts, agencies
from lineament.store.sealed import SealedColumn, checked_id

_HINT = "lineament agency list"
_SEATS = (
    sa.select(accounts.c.agency_id, sa.func.count().label("seats"))
    .where(accounts.c.state != AccountState.CLOSED.value)
    .group_by(accounts.c.agency_id)
)
_BY_ID = sa.select(agencies).where(agencies.c.id == sa.bindparam("wanted"))


class _Checked(NamedTuple):
    row: tuple[Any, ...]
    values: Mapping[str, Any]  # what is sealed in it
    agency: Agency


_CHECKED: WeakKeyDictionary[Vault, dict[str, _Checked]] = WeakKeyDictionary()
"""The agencies as they were last read, by id, with the row whose MAC was checked: an operator lists a thousand, and a
search asks for one ten times."""


class AgencyRows:
    """The register of agencies."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "agencies")

    def add(self, terms: AgencyTerms, at: datetime, id: str | None = None) -> Agency:  # noqa: A002 - the column
        """Register an agency, not vetted and without a licence. Raises AlreadyThere if the name is taken.

        ``id`` is given for HOME_AGENCY only; other ids are random and reveal nothing.
        """
        new = secrets.token_hex(8) if id is None else id
        lookup = self._free(terms.name, new)
        sealed = self._sealed.seal(new, _terms_to(terms))
        row = {"id": new, "lookup": lookup, "sealed": sealed, "registered_at": at}
        self._connection.execute(sa.insert(agencies), row)
        return self.get(new)

    def get(self, id: str) -> Agency:  # noqa: A002
        """Return an agency. Raises NotFound if there is none with that id."""
        row = self._by_id(id)
        return self._agency(row, self._seats(id).get(id, 0))

    def find(self, name_or_id: str) -> Agency:
        """Return the agency with that id or name, ignoring case. Raises NotFound if there is none."""
        lookup = self._lookup(name_or_id)
        same = sa.or_(agencies.c.id == checked_id(name_or_id), agencies.c.lookup == lookup)
        row = self._only(self._connection.execute(sa.select(agencies).where(same)), name_or_id)
        return self._agency(row, self._seats(row["id"]).get(row["id"], 0))

    def all(self) -> list[Agency]:
        """Return all agencies in the order of their names."""
        seats = self._seats()
        rows = self._connection.execute(sa.select(agencies)).mappings()
        found = [self._agency(row, seats.get(row["id"], 0)) for row in rows]
        return sorted(found, key=lambda agency: (_normalise(agency.name), agency.id))

    def name(self, id: str) -> str:  # noqa: A002
        """Return the name of an agency. Raises NotFound if there is none with that id."""
        return str(self._values(id)["name"])

    def jurisdiction(self, id: str) -> str:  # noqa: A002
        """Return where an agency is. Raises NotFound if there is none with that id."""
        return str(self._values(id)["jurisdiction"])

    def set_terms(self, id: str, terms: AgencyTerms) -> None:  # noqa: A002
        """Change name or country. Raises AlreadyThere if another agency has the name."""
        lookup = self._free(terms.name, id)
        self._change(id, _terms_to(terms))
        self._connection.execute(sa.update(agencies).where(agencies.c.id == id).values(lookup=lookup))

    def set_vetting(self, id: str, vetting: Vetting) -> None:  # noqa: A002
        """Store the result of the newest vetting."""
        self._change(id, {"vetting": _vetting_to(vetting)})

    def set_licence(self, id: str, licence: Licence) -> None:  # noqa: A002
        """Replace the licence."""
        self._change(id, {"licence": _licence_to(licence)})

    def policy(self, id: str) -> tuple[Preset | None, dict[str, Any]]:  # noqa: A002
        """Return the preset that the agency's policy starts from, and the settings that it made stricter."""
        values = self._values(id)
        chosen = values.get("preset")
        return None if chosen is None else Preset(chosen), dict(values.get("wishes", {}))

    def wishes(self, id: str) -> dict[str, Any]:  # noqa: A002
        """Return the settings that the agency made stricter than its preset."""
        return self.policy(id)[1]

    def set_wishes(self, id: str, wishes: Mapping[str, Any]) -> None:  # noqa: A002
        """Replace the agency's stricter settings; the caller has checked them against the policy."""
        self._change(id, {"wishes": dict(wishes)})

    def preset(self, id: str) -> Preset | None:  # noqa: A002
        """Return the preset that the agency's policy starts from, None if none was chosen."""
        return self.policy(id)[0]

    def set_preset(self, id: str, preset: Preset | None) -> None:  # noqa: A002
        """Choose the preset that the policy starts from."""
        self._change(id, {"preset": None if preset is None else preset.value})

    # ------------------------------------------------------------ rows

    def _lookup(self, name: str) -> bytes:
        return self._vault.lookup("agencies", _normalise(name))

    def _free(self, name: str, but: str) -> bytes:
        """Return the lookup of a name. Raises AlreadyThere if another agency has it as its name or id."""
        lookup = self._lookup(name)
        same = sa.or_(agencies.c.lookup == lookup, agencies.c.id == checked_id(name))
        if self._connection.scalar(sa.select(agencies.c.id).where(same, agencies.c.id != but)) is not None:
            raise AlreadyThere(what="agency", name=name, field="name")
        return lookup

    def _by_id(self, id: str) -> RowMapping:  # noqa: A002
        return self._only(self._connection.execute(_BY_ID, {"wanted": checked_id(id)}), id)

    @staticmethod
    def _only(found: sa.CursorResult[Any], name: str) -> RowMapping:
        row = found.mappings().one_or_none()
        if row is None:
            raise NotFound(what="agency", name=name, hint=_HINT)
        return row

    def _values(self, id: str) -> dict[str, Any]:  # noqa: A002
        return dict(self._checked(self._by_id(id)).values)

    def _change(self, id: str, values: Mapping[str, Any]) -> None:  # noqa: A002
        sealed = self._sealed.seal(id, self._values(id) | dict(values))
        self._connection.execute(sa.update(agencies).where(agencies.c.id == id).values(sealed=sealed))

    def _seats(self, id: str | None = None) -> dict[str, int]:  # noqa: A002
        query = _SEATS if id is None else _SEATS.where(accounts.c.agency_id == id)
        return {row.agency_id: row.seats for row in self._connection.execute(query)}

    def _agency(self, row: RowMapping, seats: int) -> Agency:
        return replace(self._checked(row).agency, seats_taken=seats)

    def _checked(self, row: RowMapping) -> _Checked:
        """Return what a row holds. Raises AccessAltered if it was changed from outside."""
        held, known = tuple(row.values()), _CHECKED.setdefault(self._vault, {})
        before = known.get(row["id"])
        if before is not None and before.row == held:
            return before
        checked(self._connection, self._vault, "agencies", row)
        values = self._sealed.open(row["id"], row["sealed"])
        found = _Checked(held, values, self._read(row, values))
        if not is_own(self._connection, f"agencies/{row['id']}"):
            known[row["id"]] = found
        return found

    def _read(self, row: RowMapping, values: Mapping[str, Any]) -> Agency:
        vetting, licence = values.get("vetting"), values.get("licence")
        return Agency(
            id=row["id"],
            terms=AgencyTerms(name=values["name"], jurisdiction=values["jurisdiction"]),
            registered_at=row["registered_at"],
            home=row["id"] == HOME_AGENCY,
            vetting=None if vetting is None else _vetting_from(vetting),
            licence=None if licence is None else _licence_from(licence),
            seats_taken=0,
        )


def _normalise(name: str) -> str:
    """Normalise a name for comparison: case, blanks and the width of letters do not count."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())


def _terms_to(terms: AgencyTerms) -> dict[str, Any]:
    return {"name": terms.name, "jurisdiction": terms.jurisdiction}


def _vetting_to(vetting: Vetting) -> dict[str, Any]:
    return {
        "by": vetting.by,
        "at": vetting.at.isoformat(),
        "outcome": vetting.outcome.value,
        "legal_restrictions": vetting.legal_restrictions,
        "human_rights_record": vetting.human_rights_record,
        "renew_on": vetting.renew_on.isoformat(),
    }


def _vetting_from(value: Mapping[str, Any]) -> Vetting:
    return Vetting(
        by=value["by"],
        at=datetime.fromisoformat(value["at"]),
        outcome=VettingOutcome(value["outcome"]),
        legal_restrictions=value["legal_restrictions"],
        human_rights_record=value["human_rights_record"],
        renew_on=date.fromisoformat(value["renew_on"]),
    )


def _licence_to(licence: Licence) -> dict[str, Any]:
    return {
        "kind": licence.kind.value,
        "first_day": licence.first_day.isoformat(),
        "last_day": licence.last_day.isoformat(),
        "seats": licence.seats,
        "searches_a_month": licence.searches_a_month,
        "price": licence.price,
        "reference": licence.reference,
    }


def _licence_from(value: Mapping[str, Any]) -> Licence:
    return Licence(
        kind=LicenceKind(value["kind"]),
        first_day=date.fromisoformat(value["first_day"]),
        last_day=date.fromisoformat(value["last_day"]),
        seats=value["seats"],
        searches_a_month=value["searches_a_month"],
        price=value["price"],
        reference=value["reference"],
    )
