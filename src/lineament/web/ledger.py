"""The ledger: what was done, by whom and when, and whether the record is sound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from fastapi.responses import HTMLResponse, Response

from lineament.errors import LedgerBroken, LineamentError, NotFound, RowsAltered
from lineament.model.accounts import Permission
from lineament.model.cases import GONE
from lineament.services.audit import EntryPage, EntryProof, LedgerEntry
from lineament.services.gate import stops_searching
from lineament.views.values import upper_first
from lineament.web.entries import EntryLine, by_day, ledger_line
from lineament.web.ledger_filter import KIND_WORDS, LedgerFilter
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, download
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
def ledger(  # noqa: PLR0913, PLR0917 - the fields of its form
    visit: CurrentVisit,
    person: str = "",
    case: str = "",
    kind: str = "",
    day: str = "",
    views: str = "",
    before: int | None = None,
) -> HTMLResponse:
    """The entries, newest first: all, or those of a person, a case, a kind and a day."""
    wanted = LedgerFilter(person=person, case=case.strip(), kind=kind, day=day.strip(), views=views == "shown")
    return _ledger(visit, wanted, before)


def not_proven(visit: Visit) -> Response:
    """Refuse a proof as any page that is not there; nothing was typed that could be shown again."""
    raise visit.rejected.error if visit.rejected else LookupError


@pages.act("/ledger/entry", access=Permission.READ_LEDGER, page=not_proven)
def entry(visit: CurrentVisit, form: Form) -> HTMLResponse:
    """The proof that the ledger has an entry; that it was made is recorded."""
    return _ledger(visit, proof=visit.desk.audit.prove(form.whole("entry")))


@pages.act("/ledger/proof", access=Permission.READ_LEDGER, page=None)
def proof(visit: CurrentVisit, form: Form) -> Response:
    """The proof that the ledger has an entry, as a file (C2SP tlog-proof)."""
    proven = visit.desk.audit.prove(form.whole("entry"))
    return download(proven.file.encode(), f"entry-{proven.entry.seq}.tlog-proof")


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
    return _ledger(visit, check=outcome)


def _ledger(
    visit: Visit,
    wanted: LedgerFilter | None = None,
    before: int | None = None,
    *,
    check: LedgerCheck | None = None,
    proof: EntryProof | None = None,
) -> HTMLResponse:
    audit, wanted = visit.desk.audit, wanted or LedgerFilter()
    listed = EntryPage(entries=[], older=None, hidden=0)
    problem = wanted.problem
    try:
        if not problem:
            listed = audit.page(before, PAGE, wanted.wanted())
    except NotFound:
        problem = f"No case “{wanted.case}” in your agency."
    except LedgerBroken as broken:  # this page must open whatever was done to the ledger
        check = check or LedgerCheck(seconds=0, broken=str(broken))
    return visit.page(
        "ledger.html",
        days=by_day(_lines(visit, listed.entries)),
        size=audit.size(),
        older=listed.older,
        hidden=listed.hidden,
        first=before is None,
        before=before,
        wanted=wanted,
        problem=problem,
        people={} if visit.desk.official.solo else audit.people(),
        kinds=KIND_WORDS,
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
    own = "this workspace" if visit.signed_in is None else visit.signed_in.agency
    known = {
        "sources": frozenset(source.name for source in visit.desk.sources.list()),
        "agencies": {visit.desk.official.agency_id: own},
    }
    return [ledger_line(entry, _names(entry, known)) for entry in entries]


def _names(entry: LedgerEntry, known: Mapping[str, Any]) -> Names:
    case = entry.case
    return Names(**known) if case is None else Names(key=case.key, ref=case.ref, gone=case.state in GONE, **known)
