"""Compares the rows of the database with what the entries of the ledger recorded, entry by entry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lineament.errors import Damaged, RowsAltered
from lineament.model.accounts import HOME_AGENCY
from lineament.model.actions import Action
from lineament.model.events.base import JSON
from lineament.services.kept import ERASING, emptied_lists, erased_faces, withdrawn_sources
from lineament.store import guard
from lineament.store.bound import Digests, stored_digests
from lineament.store.db import Tx
from lineament.store.raw import batched
from lineament.store.search_digests import BoundList, bound_lists

_MOST = 200
"""Searches that are compared at once."""
_AT_ONCE = 1000
"""Rows that one entry commits to, of those that an older version stored."""
_NO_ENTRY = 2**63
"""The place of a fault that belongs to no entry: after all others."""


@dataclass(frozen=True, slots=True)
class _Erased:
    """A candidate, or a near-identical picture, that is gone: an entry must say that its face was erased."""

    seq: int
    row: str
    face: int | None
    source: str | None


@dataclass(slots=True)
class _Recorded:
    """A search as an entry recorded it."""

    seq: int  # of the entry that commits to it
    entry: int  # of the search itself
    digest: str
    shown: list[list[Any]]
    twins: list[list[int]]


@dataclass(slots=True)
class RowCheck:
    """The comparison, fed with every entry in order. Memory grows with the bound rows except those of lists."""

    tx: Tx
    _latest: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    _waiting: dict[str, _Recorded] = field(default_factory=dict)
    _unbound: dict[str, int] = field(default_factory=dict)  # searches of a version without digests, and their entries
    _compared: set[str] = field(default_factory=set)  # searches
    _gone: dict[str, int] = field(default_factory=dict)  # searches without a row, and their entries
    _erased: list[_Erased] = field(default_factory=list)
    _faces: set[int] = field(default_factory=set)
    _sources: set[str] = field(default_factory=set)
    _emptied: set[str] = field(default_factory=set)  # searches whose whole lists were emptied on the record
    _differ: list[tuple[int, str]] = field(default_factory=list)

    def take(self, seq: int, action: str, text: str | None) -> None:
        """Take the next entry, whose details were checked."""
        if text is None or (action != Action.SEARCH and action not in ERASING and '"rows":' not in text):
            return
        details = json.loads(text)
        rows = details.get("rows", {})
        if action in ERASING:
            self._faces.update(erased_faces(action, details))
            self._sources.update(withdrawn_sources(action, details))
            self._emptied.update(emptied_lists(details))
        if action == Action.SEARCH:
            self._take_search(seq, details, rows)
        for id_, listed in details.get("lists", {}).items() if action == Action.ROWS_BOUND else ():
            self._wait(seq, id_, rows[f"searches/{id_}"], listed)
        for subject, digest in rows.items():
            if not subject.startswith("searches/"):
                self._latest[subject] = (seq, digest)
            elif digest is None:
                self._forget_search(subject.partition("/")[2])

    def _take_search(self, seq: int, details: dict[str, Any], rows: dict[str, str]) -> None:
        id_ = details["search"]
        digest = rows.get(f"searches/{id_}")
        if digest is None:
            self._unbound[id_] = seq
        else:
            self._wait(seq, id_, digest, details)

    def _wait(self, seq: int, id_: str, digest: str, listed: dict[str, Any]) -> None:
        if id_ in self._waiting or id_ in self._compared:  # its own entry commits to it
            return
        entry = self._unbound.pop(id_, seq)
        self._waiting[id_] = _Recorded(seq, entry, digest, listed.get("shown", []), listed.get("twins", []))
        if len(self._waiting) >= _MOST:
            self._compare_searches()

    def _forget_search(self, id_: str) -> None:
        """Take note that a search was deleted on the record."""
        for known in (self._waiting, self._gone, self._unbound):
            known.pop(id_, None)
        self._compared.discard(id_)

    def _compare_searches(self) -> None:
        stored = bound_lists(self.tx.connection, self.tx.vault, list(self._waiting))
        for id_, recorded in self._waiting.items():
            if id_ in stored:
                self._compared.add(id_)
                self._compare_list(id_, recorded, stored[id_])
            else:
                self._gone[id_] = recorded.seq
        self._waiting.clear()

    def _compare_list(self, id_: str, recorded: _Recorded, stored: BoundList) -> None:
        seq = recorded.seq
        if recorded.digest != stored.digest or recorded.entry != stored.entry:
            self._differ.append((seq, f"searches/{id_} or the numbers of its list"))
            return
        for (rank, digest, face, source), (_, now, _, _) in zip(recorded.shown, stored.shown, strict=True):
            row = f"candidates/{id_}/{rank}"
            if now is None and digest is not None:
                self._erased.append(_Erased(seq, row, face, source))
            elif now != digest:
                self._differ.append((seq, row))
        known = {(rank, position): face for rank, position, face in recorded.twins}
        owner = {rank: (face, source) for rank, _, face, source in recorded.shown}
        for rank, position, twin in stored.twins:
            if known.pop((rank, position), None) != twin:
                self._differ.append((seq, f"near_duplicates/{id_}/{rank}/{position}"))
        for (rank, position), twin in known.items():
            row = f"near_duplicates/{id_}/{rank}/{position}"
            if not self._was_erased(owner[rank][0], owner[rank][1]):
                self._erased.append(_Erased(seq, row, twin, owner[rank][1]))

    def _was_erased(self, face: int | None, source: str | None) -> bool:
        return face in self._faces or source in self._sources

    # ------------------------------------------------------------ the end

    def finish(self) -> int:
        """Compare what is left; return how many rows are as recorded. Raises RowsAltered, which names the first."""
        try:
            return self._finish()
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            Damaged,
        ) as error:  # SQLite's columns may hold anything
            first = f"a row cannot be read ({error})"
            raise RowsAltered(first=first, differ="some", missing="some", unknown="some") from error

    def _finish(self) -> int:
        self._compare_searches()
        for erased in self._erased:
            if erased.row.split("/")[1] not in self._emptied and not self._was_erased(erased.face, erased.source):
                self._differ.append((erased.seq, f"{erased.row}, which was emptied without an entry"))
        missing = [(seq, f"searches/{id_}") for id_, seq in self._gone.items()]
        missing += [(seq, f"searches/{id_}") for id_, seq in self._unbound.items()]
        compared = self._compare_rows(missing)
        unknown = self._unknown()
        known = {row for _, row in self._differ}
        for subject in guard.altered(self.tx.connection, self.tx.vault):
            if subject not in known:
                self._differ.append((self._latest.get(subject, (_NO_ENTRY, None))[0], subject))
        if not (self._differ or missing or unknown):
            return compared + len(self._compared)
        first = min(
            [(seq, f"the row {row} differs from entry {seq}") for seq, row in self._differ]
            + [(seq, f"the row {row} of entry {seq} is gone") for seq, row in missing]
            + [(_NO_ENTRY, f"no entry recorded the row {row}") for row in unknown]
        )[1].replace(f" from entry {_NO_ENTRY}", " from what Lineament wrote")
        raise RowsAltered(first=first, differ=len(self._differ), missing=len(missing), unknown=len(unknown))

    def _compare_rows(self, missing: list[tuple[int, str]]) -> int:
        """Compare all rows but searches with the last entry that commits to each; return how many are the same."""
        same = 0
        for batch in batched(self._latest, _MOST):
            stored = stored_digests(self.tx.connection, self.tx.vault, batch)
            for subject in batch:
                seq, digest = self._latest[subject]
                if stored[subject] == digest:
                    same += digest is not None
                elif stored[subject] is None:
                    missing.append((seq, subject))
                else:
                    self._differ.append((seq, subject))
        return same

    def _unknown(self) -> list[str]:
        """Return the rows that no entry commits to. The first entry commits to the only row of a new workspace."""
        new = set() if self.tx.ledger.size() else {f"agencies/{HOME_AGENCY}"}
        rows = [
            subject for subject, _ in self.tx.every_bound_row() if subject not in self._latest and subject not in new
        ]
        rows += [f"searches/{id_}" for id_, _ in self.tx.searches.ledger_entries() if id_ not in self._compared]
        return rows


def older_rows(tx: Tx) -> Iterator[tuple[Digests, dict[str, JSON]]]:
    """Yield the digests and lists of everything that a version without digests stored, in parts of bounded size.

    A search that is only in the ledger counts as deleted: its case was destroyed.
    """
    for subjects in batched(tx.every_bound_row(), _AT_ONCE):
        yield dict(subjects), {}
    known = [id_ for id_, _ in tx.searches.ledger_entries()]
    for ids in batched(known, _MOST):
        stored = bound_lists(tx.connection, tx.vault, ids)
        lists: dict[str, JSON] = {id_: {"shown": bound.shown, "twins": bound.twins} for id_, bound in stored.items()}
        yield {f"searches/{id_}": bound.digest for id_, bound in stored.items()}, lists
    recorded = (
        json.loads(row.details)["search"]
        for row in tx.ledger.entries(0, tx.ledger.size())
        if row.action == Action.SEARCH and row.details is not None
    )
    gone = set(recorded).difference(known)
    for ids in batched(sorted(gone), _AT_ONCE):
        yield {f"searches/{id_}": None for id_ in ids}, {}
