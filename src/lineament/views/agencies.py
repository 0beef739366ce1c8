"""Agencies, and what they use, as JSON and in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from lineament.model.agencies import Agency, Licence, Usage, Vetting
from lineament.views.values import iso


def agency_json(agency: Agency, today: date) -> dict[str, Any]:
    """Return an agency as JSON; the values of its vetting and its licence are null if it has none."""
    return {
        "id": agency.id,
        "name": agency.name,
        "jurisdiction": agency.terms.jurisdiction,
        "home": agency.home,
        "registered_at": iso(agency.registered_at),
        **_vetting_json(agency.vetting),
        **_licence_json(agency.licence, today),
        "seats_taken": agency.seats_taken,
        "closed_because": [reason.words for reason in agency.why_closed(today)],
    }


def _vetting_json(vetting: Vetting | None) -> dict[str, Any]:
    return {
        "vetting": None if vetting is None else vetting.outcome.value,
        "vetted_by": None if vetting is None else vetting.by,
        "vetted_at": None if vetting is None else iso(vetting.at),
        "legal_restrictions": None if vetting is None else vetting.legal_restrictions,
        "human_rights_record": None if vetting is None else vetting.human_rights_record,
        "renew_on": None if vetting is None else iso(vetting.renew_on),
    }


def _licence_json(licence: Licence | None, today: date) -> dict[str, Any]:
    return {
        "licence": None if licence is None else licence.kind.value,
        "first_day": None if licence is None else iso(licence.first_day),
        "last_day": None if licence is None else iso(licence.last_day),
        "days_left": None if licence is None else licence.days_left(today),
        "seats": None if licence is None else licence.seats,
        "searches_a_month": None if licence is None else licence.searches_a_month,
        "price": None if licence is None else licence.price,
        "reference": None if licence is None else licence.reference,
    }


def agencies_json(listed: Iterable[Usage], today: date) -> dict[str, Any]:
    """Return a list of agencies as JSON, each with what it uses this month."""
    return {"agencies": [_listed_agency_json(usage, today) for usage in listed]}


def _listed_agency_json(usage: Usage, today: date) -> dict[str, Any]:
    used = {"month": iso(usage.month), "searches": usage.searches, "searches_left": usage.searches_left}
    return {**agency_json(usage.agency, today), **used}


def usage_json(usage: Usage, today: date) -> dict[str, Any]:
    """Return what an agency uses this month as JSON; limits are null if it has no licence."""
    licence = usage.agency.licence
    return {
        "agency": usage.agency.name,
        "month": f"{usage.month:%Y-%m}",
        "searches": usage.searches,
        "searches_left": usage.searches_left,
        "seats_taken": usage.seats,
        "seats": None if licence is None else licence.seats,
        "licence": None if licence is None else licence.kind.value,
        "last_day": None if licence is None else iso(licence.last_day),
        "days_left": None if licence is None else licence.days_left(today),
    }


def seats_line(usage: Usage) -> str:
    """Return the seats that are taken, and how many the licence has if there is one: “3 of 5”."""
    licence = usage.agency.licence
    return f"{usage.seats:,}" if licence is None else f"{usage.seats:,} of {licence.seats:,}"


def searches_line(usage: Usage) -> str:
    """Return the searches of this month, and how many the licence allows if there is one: “12 of 400”."""
    licence = usage.agency.licence
    return f"{usage.searches:,}" if licence is None else f"{usage.searches:,} of {licence.searches_a_month:,}"


def vetting_word(agency: Agency) -> str:
    """Return the outcome of an agency's vetting: “open”, “refused” or “none”; or that it runs this workspace."""
    if agency.home:
        return "runs this workspace"
    return "none" if agency.vetting is None else agency.vetting.outcome.value
