"""The ledger: what was done, by whom and when, and whether the record is sound."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

from fastapi.responses import HTMLResponse, Response

from lineament.errors import LedgerBroken, LineamentError, RowsAltered
from lineament.model.accounts import Permission
from lineament.model.witnessing import WitnessPolicy
from lineament.services.audit import EntryProof, LedgerEntry
from lineament.services.gate import stops_searching
from lineament.views.values import upper_first
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, download, redirect
from lineament.web.phrases import short

pages = Pages()

PAGE = 50
_MAX_SHOWN = 120
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
    "uncompared",
    "altered",
    "mode",
)
_DIGEST = re.compile(r"[0-9a-f]{32,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """An entry as the page shows it."""

    seq: int
    at: datetime
    action: str
    actor: str
    details: tuple[tuple[str, str, str], ...]  # name, value as shown, whole value
    erased: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCheck:
    """The outcome of checking the ledger."""

    seconds: float
    entries: int = 0
    rows: int = 0  # of the database, that are as the entries recorded them
    what: str = "The ledger is broken."
    broken: str = ""  # what is wrong with it; empty if it is sound


@pages.page("/ledger", access=Permission.READ_LEDGER)
def ledger(visit: CurrentVisit, before: int | None = None, entry: int | None = None) -> HTMLResponse:
    """The entries, newest first; with ``entry`` the proof that the ledger has that one."""
    proof = None if entry is None else visit.desk.audit.prove(entry)
    return _ledger(visit, before, check=None, proof=proof)


@pages.page("/ledger/proof", access=Permission.READ_LEDGER)
def proof(visit: CurrentVisit, entry: int | None = None) -> Response:
    """The proof that the ledger has an entry, as a file (C2SP tlog-proof); without a number the entries."""
    if entry is None:
        return redirect("/ledger")
    proven = visit.desk.audit.prove(entry)
    return download(proven.file.encode(), f"entry-{entry}.tlog-proof")


@pages.act("/ledger/consistency", access=Permission.READ_LEDGER, page=ledger)
def consistency(visit: CurrentVisit, form: Form) -> Response:
    """The proof that the ledger continues from a checkpoint that somebody kept, as a file."""
    kept = form.text("checkpoint").replace("\r\n", "\n").strip("\n") + "\n"
    return download(visit.desk.audit.prove_consistency(kept).encode(), "consistency.json")


@pages.act("/ledger/check", access=Permission.READ_LEDGER, page=ledger)
def check(visit: CurrentVisit, form: Form) -> HTMLResponse:  # noqa: ARG001 - its token was checked
    """Recompute the whole ledger. That it is broken is an answer too, in its own colour."""
    started = perf_counter()
    try:
        sound = visit.desk.audit.verify()
    except LedgerBroken as broken:
        outcome = LedgerCheck(seconds=perf_counter() - started, broken=str(broken))
    except RowsAltered as altered:
        what = "The database was changed outside Lineament."
        outcome = LedgerCheck(seconds=perf_counter() - started, what=what, broken=str(altered))
    else:
        outcome = LedgerCheck(seconds=perf_counter() - started, entries=sound.entries, rows=sound.rows or 0)
    return _ledger(visit, None, check=outcome)


def _ledger(
    visit: Visit, before: int | None, *, check: LedgerCheck | None, proof: EntryProof | None = None
) -> HTMLResponse:
    audit = visit.desk.audit
    try:
        entries = audit.page(before, PAGE)
    except LedgerBroken as broken:  # this page must open whatever was done to the ledger
        entries, check = [], check or LedgerCheck(seconds=0, broken=str(broken))
    return visit.page(
        "ledger.html",
        entries=[_line(entry) for entry in entries],
        size=audit.size(),
        start=entries[-1].seq if entries else 0,
        stop=entries[0].seq + 1 if entries else 0,
        page=PAGE,
        checkpoint=audit.checkpoint(),
        check=check,
        proof=proof,
        proven=None if proof is None else _line(proof.entry),
        **_standing(visit),
    )


def _standing(visit: Visit) -> dict[str, Any]:
    """Return how the ledger is witnessed; the page opens whatever was done to that."""
    try:
        standing = visit.desk.witnesses.standing()
    except LineamentError as error:
        return {"standing": None, "unwitnessed": str(error), "stopped": True}
    against = standing.against
    return {
        "standing": standing,
        "unwitnessed": "" if against is None else f"{upper_first(str(against))}.",
        "stopped": against is not None and stops_searching(against, visit.desk.official),
    }


def _line(entry: LedgerEntry) -> LedgerLine:
    known = {} if entry.details is None else json.loads(entry.details)
    actor = known.pop("actor", "")
    names = sorted((name for name, value in known.items() if value not in (None, "", [], {})), key=_order)
    shown = [(name.replace("_", " "), _value_text(name, known[name])) for name in names]
    return LedgerLine(
        seq=entry.seq,
        at=entry.at,
        action=entry.action.replace("_", " "),
        actor=str(actor),
        details=tuple((name, _shorten(whole), whole) for name, whole in shown),
        erased=entry.details is None,
    )


def _order(name: str) -> tuple[int, str]:
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _value_text(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return _list_text(name, value)
    if isinstance(value, dict):
        return _dict_text(name, value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _list_text(name: str, value: list[Any]) -> str:
    lengths = {len(item) if isinstance(item, list) else 0 for item in value}
    if name == "candidates" and lengths == {3}:
        return "; ".join(f"rank {rank} face {face} score {score:.3f}" for rank, face, score in value)
    if name == "shown" and lengths == {4}:
        return "; ".join(f"rank {rank} {short(digest or 'erased')} {source or ''}" for rank, digest, _, source in value)
    if all(isinstance(item, str | int) for item in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)


def _dict_text(name: str, value: dict[str, Any]) -> str:
    if name in {"rows", "lists"}:
        return ", ".join(value)
    if name == "policy" and "stale_after_hours" in value:
        return _policy_text(WitnessPolicy.from_json(value))
    if all(isinstance(item, int) for item in value.values()):
        return ", ".join(f"{count} {counted.replace('_', ' ')}" for counted, count in value.items())
    return json.dumps(value, ensure_ascii=False)


def _policy_text(policy: WitnessPolicy) -> str:
    groups = (policy.witnesses_needed, policy.witnesses), (policy.stamps_needed, policy.authorities)
    asked = [
        f"{needed} of {', '.join(f'{each.name} ({each.url})' for each in group)}" for needed, group in groups if group
    ]
    return f"{' and '.join(asked) or 'nobody'}, every {policy.stale_after_hours} hours"


def _shorten(whole: str) -> str:
    if _DIGEST.fullmatch(whole):
        return short(whole)
    return whole if len(whole) <= _MAX_SHOWN else f"{whole[:_MAX_SHOWN]}…"
