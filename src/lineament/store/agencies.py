"""Agencies: everything that names one, and what was decided about it, is sealed (R46)."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import AlreadyThere, NotFound
from lineament.model.accounts import HOME_AGENCY, AccountState
from lineament.model.agencies import Agency, AgencyTerms, Licence, LicenceKind, Vetting, VettingOutcome
from lineament.model.policy import Preset
from lineament.store.keys import Vault
from lineament.store.people_tables import accounts, agencies
from lineament.store.sealed import SealedColumn, asked_id

_HINT = "lineament agency list"
_SEATS = (
    sa.select(accounts.c.agency_id, sa.func.count().label("seats"))
    .where(accounts.c.state != AccountState.CLOSED.value)
    .group_by(accounts.c.agency_id)
)


class AgencyRows:
    """The register of agencies."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "agencies")

    def add(self, terms: AgencyTerms, at: datetime, id: str | None = None) -> Agency:  # noqa: A002 - the column
        """Register an agency, not vetted and without a licence; AlreadyThere where the name is taken.

        ``id`` is given for HOME_AGENCY alone; the others are random, so that they tell nothing.
        """
        new = secrets.token_hex(8) if id is None else id
        lookup = self._free(terms.name, new)
        sealed = self._sealed.seal(new, _terms_to(terms))
        row = {"id": new, "lookup": lookup, "sealed": sealed, "registered_at": at}
        self._connection.execute(sa.insert(agencies), row)
        return self.get(new)

    def get(self, id: str) -> Agency:  # noqa: A002
        """The agency with that id; NotFound where there is none."""
        row = self._row(agencies.c.id == asked_id(id), id)
        return self._agency(row, self._seats(id).get(id, 0))

    def find(self, name_or_id: str) -> Agency:
        """The agency of that id, or of that name in whatever case; NotFound where there is none."""
        lookup = self._lookup(name_or_id)
        row = self._row(sa.or_(agencies.c.id == asked_id(name_or_id), agencies.c.lookup == lookup), name_or_id)
        return self._agency(row, self._seats(row["id"]).get(row["id"], 0))

    def all(self) -> list[Agency]:
        """All agencies in the order of their names."""
        seats = self._seats()
        rows = self._connection.execute(sa.select(agencies)).mappings()
        found = [self._agency(row, seats.get(row["id"], 0)) for row in rows]
        return sorted(found, key=lambda agency: (_folded(agency.name), agency.id))

    def name(self, id: str) -> str:  # noqa: A002
        """The name of an agency; NotFound where there is none."""
        return str(self._values(id)["name"])

    def set_terms(self, id: str, terms: AgencyTerms) -> None:  # noqa: A002
        """Another name or country; AlreadyThere where another agency has the name."""
        lookup = self._free(terms.name, id)
        self._change(id, _terms_to(terms))
        self._connection.execute(sa.update(agencies).where(agencies.c.id == id).values(lookup=lookup))

    def set_vetting(self, id: str, vetting: Vetting) -> None:  # noqa: A002
        """Put what the newest vetting said."""
        self._change(id, {"vetting": _vetting_to(vetting)})

    def set_licence(self, id: str, licence: Licence) -> None:  # noqa: A002
        """Put the licence, in place of the last one."""
        self._change(id, {"licence": _licence_to(licence)})

    def wishes(self, id: str) -> dict[str, Any]:  # noqa: A002
        """Where the agency wants its policy stricter, by setting."""
        return dict(self._values(id).get("wishes", {}))

    def set_wishes(self, id: str, wishes: Mapping[str, Any]) -> None:  # noqa: A002
        """Put the wishes, in place of the last ones; the caller has asked the policy."""
        self._change(id, {"wishes": dict(wishes)})

    def preset(self, id: str) -> Preset | None:  # noqa: A002
        """Where the agency's policy begins, if that was ever chosen."""
        chosen = self._values(id).get("preset")
        return None if chosen is None else Preset(chosen)

    def set_preset(self, id: str, preset: Preset | None) -> None:  # noqa: A002
        """Choose where the policy begins."""
        self._change(id, {"preset": None if preset is None else preset.value})

    # ------------------------------------------------------------ rows

    def _lookup(self, name: str) -> bytes:
        return self._vault.lookup("agencies", _folded(name))

    def _free(self, name: str, but: str) -> bytes:
        """The lookup of a name that no other agency has, nor has for an id."""
        lookup = self._lookup(name)
        same = sa.or_(agencies.c.lookup == lookup, agencies.c.id == asked_id(name))
        if self._connection.scalar(sa.select(agencies.c.id).where(same, agencies.c.id != but)) is not None:
            raise AlreadyThere(what="agency", name=name)
        return lookup

    def _row(self, where: sa.ColumnElement[bool], asked: str) -> RowMapping:
        row = self._connection.execute(sa.select(agencies).where(where)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="agency", name=asked, hint=_HINT)
        return row

    def _values(self, id: str) -> dict[str, Any]:  # noqa: A002
        return dict(self._sealed.open(id, self._row(agencies.c.id == asked_id(id), id)["sealed"]))

    def _change(self, id: str, values: Mapping[str, Any]) -> None:  # noqa: A002
        sealed = self._sealed.seal(id, self._values(id) | dict(values))
        self._connection.execute(sa.update(agencies).where(agencies.c.id == id).values(sealed=sealed))

    def _seats(self, id: str | None = None) -> dict[str, int]:  # noqa: A002
        asked = _SEATS if id is None else _SEATS.where(accounts.c.agency_id == id)
        return {row.agency_id: row.seats for row in self._connection.execute(asked)}

    def _agency(self, row: RowMapping, seats: int) -> Agency:
        values = self._sealed.open(row["id"], row["sealed"])
        vetting, licence = values.get("vetting"), values.get("licence")
        return Agency(
            id=row["id"],
            terms=AgencyTerms(name=values["name"], jurisdiction=values["jurisdiction"]),
            registered_at=row["registered_at"],
            home=row["id"] == HOME_AGENCY,
            vetting=None if vetting is None else _vetting_from(vetting),
            licence=None if licence is None else _licence_from(licence),
            seats_taken=seats,
        )


def _folded(name: str) -> str:
    """A name as it is compared: whatever its case, its blanks and the width of its letters."""
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
