"""The ledger: what was done, by whom and when, and whether it still fits together."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from fastapi.responses import HTMLResponse

from lineament.errors import LedgerBroken
from lineament.model.accounts import Permission
from lineament.services.audit import LedgerEntry
from lineament.web.pages import Form, Here, Pages, Visit
from lineament.web.phrases import short

pages = Pages()

PAGE = 50
_LONGEST = 120
_FIRST = (
    "case",
    "ref",
    "source",
    "name",
    "reason",
    "offence",
    "purpose",
    "basis",
    "candidates",
    "gallery_faces",
    "mode",
)
_DIGEST = re.compile(r"[0-9a-f]{32,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An entry as the page shows it."""

    seq: int
    at: datetime
    action: str
    actor: str
    details: tuple[tuple[str, str, str], ...]  # what, as shown, whole
    erased: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What a check of the ledger said."""

    seconds: float
    entries: int = 0
    broken: str = ""


@pages.page("/ledger", access=Permission.READ_LEDGER)
def ledger(here: Here, before: int | None = None) -> HTMLResponse:
    """The entries, newest first."""
    return _ledger(here, before, check=None)


@pages.act("/ledger/check", access=Permission.READ_LEDGER)
def check(here: Here, sent: Form) -> HTMLResponse:  # noqa: ARG001 - the form is checked
    """Recomputes the whole ledger. That it does not fit is an answer too, in its own colour."""
    begun = perf_counter()
    try:
        sound = here.desk.audit.verify()
    except LedgerBroken as broken:
        said = Check(seconds=perf_counter() - begun, broken=str(broken))
    else:
        said = Check(seconds=perf_counter() - begun, entries=sound.entries)
    return _ledger(here, None, check=said)


def _ledger(here: Visit, before: int | None, *, check: Check | None) -> HTMLResponse:
    audit = here.desk.audit
    try:
        entries = audit.page(before, PAGE)
    except LedgerBroken as broken:  # the page that says so must be there whatever was done to the ledger
        entries, check = [], check or Check(seconds=0, broken=str(broken))
    return here.page(
        "ledger.html",
        entries=[_line(entry) for entry in entries],
        size=audit.size(),
        start=entries[-1].seq if entries else 0,
        stop=entries[0].seq + 1 if entries else 0,
        page=PAGE,
        checkpoint=audit.checkpoint(),
        check=check,
    )


def _line(entry: LedgerEntry) -> Line:
    known = {} if entry.details is None else json.loads(entry.details)
    actor = known.pop("actor", "")
    names = sorted((name for name, value in known.items() if value not in (None, [])), key=_place)
    said = [(name.replace("_", " "), _said(name, known[name])) for name in names]
    return Line(
        seq=entry.seq,
        at=entry.at,
        action=entry.action.replace("_", " "),
        actor=str(actor),
        details=tuple((name, _shortened(whole), whole) for name, whole in said),
        erased=entry.details is None,
    )


def _place(name: str) -> tuple[int, str]:
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _said(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if (
        name == "candidates"
        and isinstance(value, list)
        and all(isinstance(one, list) and len(one) == 3 for one in value)
    ):
        return "; ".join(f"rank {rank} face {face} score {score:.3f}" for rank, face, score in value)
    if isinstance(value, list) and all(isinstance(one, str | int) for one in value):
        return ", ".join(str(one) for one in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shortened(whole: str) -> str:
    if _DIGEST.fullmatch(whole):
        return short(whole)
    return whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST]}…"
