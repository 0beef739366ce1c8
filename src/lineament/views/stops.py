"""Stops of searching as JSON and in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lineament.model.agencies import Stop, StopScope
from lineament.views.values import iso


def stops_json(listed: Iterable[Stop]) -> dict[str, Any]:
    """Return the stops in force as JSON, each with who set it."""
    return {
        "stops": [
            {"stopped": stop.scope.value, "reason": stop.reason, "by": stop.by, "at": iso(stop.at)} for stop in listed
        ]
    }


def agency_stop_json(stop: Stop | None) -> dict[str, Any]:
    """Return the stop of one agency as JSON for an operator; ``stop`` is None once the agency may search again."""
    if stop is None:
        return {"stopped": None}
    return {"stopped": stop.scope.value, "reason": stop.reason, "at": iso(stop.at)}


def stopped_words(stop: Stop) -> str:
    """Return what a stop applies to, in words for the people it stops."""
    return "All searching" if stop.scope is StopScope.EVERYTHING else "The searching of your agency"
