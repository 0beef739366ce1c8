"""The ledger: what was done, by whom and when, and whether the record is sound."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from fastapi.responses import HTMLResponse, Response

from lineament.errors import LedgerBroken, LineamentError, RowsAltered
from lineament.model.accounts import Permission
from lineament.model.cases import GONE
from lineament.services.audit import EntryProof, LedgerEntry
from lineament.services.gate import stops_searching
from lineament.views.values import upper_first
from lineament.web.entries import EntryLine, by_day, ledger_line
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, download, redirect
from lineament.web.sentences import Names

pages = Pages()

PAGE = 50


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
        days=by_day(_lines(visit, entries)),
        size=audit.size(),
        start=entries[-1].seq if entries else 0,
        stop=entries[0].seq + 1 if entries else 0,
        page=PAGE,
        checkpoint=audit.checkpoint(),
        check=check,
        proof=proof,
        proven=None if proof is None else _lines(visit, [proof.entry])[0],
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


def _lines(visit: Visit, entries: Iterable[LedgerEntry]) -> list[EntryLine]:
    """Return entries in words, with links to what the reader may open."""
    official, sources = visit.desk.official, frozenset(source.name for source in visit.desk.sources.list())
    own = "this workspace" if visit.signed_in is None else visit.signed_in.agency
    agencies = {official.agency_id: own}
    return [ledger_line(entry, _names(entry, sources, agencies)) for entry in entries]


def _names(entry: LedgerEntry, sources: Collection[str], agencies: Mapping[str, str]) -> Names:
    if entry.case is None:
        return Names(sources=sources, agencies=agencies)
    case = entry.case
    return Names(key=case.key, ref=case.ref, gone=case.state in GONE, sources=sources, agencies=agencies)
