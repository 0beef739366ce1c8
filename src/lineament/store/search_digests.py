"""What the ledger's entry of a search commits to: the search, the numbers of its list, and each candidate as shown.

An erasure takes a candidate's picture, address and source out of a list. So what stays (rank, score, expectation) is
in the digest of the search, what may go is in a digest for each candidate, and the faces are named one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.errors import Damaged
from lineament.store.bound import Digests, digest_of
from lineament.store.keys import Vault
from lineament.store.protected import Row, canonical, plain_row
from lineament.store.raw import batched
from lineament.store.search_tables import candidates, near_duplicates, search_probes, searches

_MOST = 200
_NOT_SAID = frozenset({"ledger_entry", "examiner"})
"""Columns that are compared in another way: the entry is the one that commits, the examiner is sealed."""
_STAYS = ("rank", "score", "expected_false")
_GOES = ("face_id", "source", "snapshot")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundList:
    """The digests of a search and of its list."""

    digest: str
    entry: int | None  # the ledger entry that its row points to; None before there is one
    shown: tuple[tuple[int, str | None, int | None, str | None], ...]
    """Rank, digest, face and source of each candidate; None for one that was erased."""
    twins: tuple[tuple[int, int, int], ...]  # rank, position and face of each near-duplicate


def bound_list(
    search: Row,
    examiner: str,
    probes: Iterable[Row],
    listed: Sequence[Row],
    twins: Iterable[Row],
) -> BoundList:
    """Return the digests of a search from its rows; all rows are in the order of their keys."""
    shown = tuple(
        (row["rank"], None, None, None)
        if row["snapshot"] is None
        else (row["rank"], digest_of("candidates", _shown_by(row)), row["face_id"], row["source"])
        for row in listed
    )
    return BoundList(
        digest=digest_of("searches", _said_by(search, examiner, probes, listed)),
        entry=search["ledger_entry"],
        shown=shown,
        twins=tuple((row["rank"], row["position"], row["face_id"]) for row in twins),
    )


def _said_by(search: Row, examiner: str, probes: Iterable[Row], listed: Iterable[Row]) -> list[Any]:
    """Return what the row of a search says, its further probes, and the numbers of its list."""
    said = plain_row(search, _NOT_SAID) | {"examiner": examiner}
    return [said, [plain_row(row) for row in probes], [[row[name] for name in _STAYS] for row in listed]]


def _shown_by(candidate: Row) -> list[Any]:
    """Return what was shown of a candidate."""
    return [candidate[name] for name in _GOES]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTexts:
    """The texts whose digests the ledger has of a search, and of its candidates that were not erased, by their rank."""

    search: str
    candidates: Mapping[int, str]
    twins: tuple[tuple[int, int, int], ...]  # rank, position and face of each near-duplicate


def list_texts(connection: Connection, vault: Vault, ids: Sequence[str]) -> dict[str, ListTexts]:
    """Return the texts of searches as they are stored, by id; those that are not there are left out."""
    found: dict[str, ListTexts] = {}
    for batch in batched(ids, _MOST):
        rows = connection.execute(sa.select(searches).where(searches.c.id.in_(batch))).mappings().all()
        probes, listed, twins = (
            _by_search(connection, table, batch) for table in (search_probes, candidates, near_duplicates)
        )
        for row in rows:
            id_ = row["id"]
            said = _said_by(row, _examiner(vault, row), probes.get(id_, ()), listed.get(id_, ()))
            found[id_] = ListTexts(
                search=canonical("searches", said),
                candidates={
                    one["rank"]: canonical("candidates", _shown_by(one))
                    for one in listed.get(id_, ())
                    if one["snapshot"] is not None
                },
                twins=tuple((twin["rank"], twin["position"], twin["face_id"]) for twin in twins.get(id_, ())),
            )
    return found


def bound_lists(connection: Connection, vault: Vault, ids: Sequence[str]) -> dict[str, BoundList]:
    """Return the digests of searches as they are stored, by id; those that are not there are left out.

    A search whose examiner does not open counts as examined by nobody, so that its digest differs.
    """
    found: dict[str, BoundList] = {}
    for batch in batched(ids, _MOST):
        rows = connection.execute(sa.select(searches).where(searches.c.id.in_(batch))).mappings().all()
        probes, listed, twins = (
            _by_search(connection, table, batch) for table in (search_probes, candidates, near_duplicates)
        )
        for row in rows:
            id_ = row["id"]
            found[id_] = bound_list(
                row, _examiner(vault, row), probes.get(id_, ()), listed.get(id_, ()), twins.get(id_, ())
            )
    return found


def first_altered(id_: str, stored: BoundList, recorded: Mapping[str, Any]) -> str | None:
    """Return the name of the first row of a search that is not as its entry recorded it; None if none is.

    A candidate that was erased is not: whether it was erased on the record is for ``verify`` to say. The entry of a
    version without digests tells of the list only faces and scores.
    """
    if recorded.get("search") != id_:
        return f"searches/{id_}"
    if "shown" not in recorded and "rows" not in recorded:
        listed = {rank: face for rank, face, _ in recorded.get("candidates", ())}
        wrong = [rank for rank, _, face, _ in stored.shown if rank not in listed or face not in {None, listed[rank]}]
        return f"candidates/{id_}/{wrong[0]}" if wrong else None
    if recorded["rows"].get(f"searches/{id_}") != stored.digest:
        return f"searches/{id_}"
    listed = {rank: digest for rank, digest, _, _ in recorded.get("shown", ())}
    for rank, digest, _, _ in stored.shown:
        if digest is not None and digest != listed.get(rank):
            return f"candidates/{id_}/{rank}"
    known = {tuple(twin) for twin in recorded.get("twins", ())}
    for rank, position, face in stored.twins:
        if (rank, position, face) not in known:
            return f"near_duplicates/{id_}/{rank}/{position}"
    return None


def search_digests(connection: Connection, vault: Vault, ids: Sequence[str]) -> Digests:
    """Return the digests of searches, by their names in the ledger."""
    return {f"searches/{id_}": bound.digest for id_, bound in bound_lists(connection, vault, ids).items()}


def _by_search(connection: Connection, table: sa.Table, ids: Sequence[str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    query = sa.select(table).where(table.c.search_id.in_(ids)).order_by(*table.primary_key.columns)
    for row in connection.execute(query).mappings():
        found.setdefault(row["search_id"], []).append(row)
    return found


def _examiner(vault: Vault, row: Row) -> str:
    try:
        return vault.open(bytes(row["examiner"]), f"searches|examiner|{row['id']}").decode()
    except Damaged:
        return ""
