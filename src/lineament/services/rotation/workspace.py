"""Rotates the workspace's key and the key-encryption key.

First the holder gets a new key and the ring a new generation, in force from the next transaction of every process.
Then every value that the old one sealed, and every data key that it wrapped, is opened and sealed again, in batches.
The old generation leaves the ring only when nothing is left that the new one alone does not open. Where the work is, is
in the database, in the transaction of each batch: whoever starts the rotation again resumes it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from lineament.errors import Damaged
from lineament.model.events.keys import KeyRotationBegun, KeyRotationEnded
from lineament.services.record import Record
from lineament.services.rotation.report import OnProgress, RotationReport
from lineament.store.db import Tx
from lineament.store.ring import RING, KeyRing, Keys, rotated, with_newest_only
from lineament.store.sealed_rows import PLACES, WRAPPED, SealedPlace

STATE = "key rotation"
"""The fact that a rotation of the workspace's key is under way, and where it is."""
BATCH = 500
"""Values in one transaction."""


class WorkspaceRotation:
    """One rotation of the workspace's key, or the rest of one."""

    def __init__(self, record: Record, keys: KeyRing, on_progress: OnProgress) -> None:
        self._record, self._keys, self._on_progress = record, keys, on_progress
        self._report = RotationReport(of="workspace")
        self._damaged: dict[str, int] = {}  # by place
        self._began = time.monotonic()

    def run(self) -> RotationReport:
        """Begin or resume, and finish. Raises KeyHolderUnavailable; whatever ends it, run it again."""
        state = self._state() or self._begin()
        if not state.get("retiring"):
            self._reseal(state)
            self._end()
        self._keys.holder.retire()
        with self._record.begin() as tx:
            tx.meta.forget(STATE)
        self._record.store.scrub()
        return self._report

    def _state(self) -> dict[str, int | str | None]:
        with self._record.read() as tx:
            stored = tx.meta.get(STATE)
            self._report.total = tx.sealed.count()
        return json.loads(stored) if stored else {}

    def _begin(self) -> dict[str, int | str | None]:
        self._keys.holder.rotate()
        with self._record.change() as change:
            if (stored := change.tx.meta.get(STATE)) is not None:  # another process was faster
                state: dict[str, int | str | None] = json.loads(stored)
            else:
                state = {"place": 0, "after": None}
                change.tx.meta.set(RING, self._keys.wrapped(rotated(self._stored(change.tx))))
                change.tx.meta.set(STATE, json.dumps(state))
            change.record(KeyRotationBegun(of="workspace", name=None))
        return state

    def _stored(self, tx: Tx) -> Keys:
        stored = tx.meta.get(RING)
        if stored is None:
            remedy = "restore the database from a backup"
            raise Damaged(what="The key ring", why="it is missing", remedy=remedy)
        return self._keys.opened(stored)

    # ------------------------------------------------------------ sealing again

    def _reseal(self, state: dict[str, int | str | None]) -> None:
        for place in PLACES[int(state["place"] or 0) :]:
            self._reseal_place(place, state["after"] if state["place"] == PLACES.index(place) else None)
        left = {place.name: self._left(place) for place in PLACES}
        for place in PLACES:
            if left[place.name] > self._damaged.get(place.name, 0):  # it began at a place of an interrupted rotation
                self._reseal_place(place, None)
                left[place.name] = self._left(place)
        self._report.damaged = sum(left.values())

    def _reseal_place(self, place: SealedPlace, after: int | str | None) -> None:
        while True:
            with self._record.read() as tx:
                if not tx.sealed.is_after(place, after):
                    return
            with self._record.begin() as tx:
                done = tx.sealed.reseal(place, after, BATCH, self._keys.rewrapped)
                if done is None:
                    return
                after = done.last
                tx.meta.set(STATE, json.dumps({"place": PLACES.index(place), "after": after}))
            self._report.resealed += done.done
            self._damaged[place.name] = self._damaged.get(place.name, 0) + done.damaged
            self._tell()

    def _left(self, place: SealedPlace) -> int:
        """Count the values of a place that the newest key alone does not open."""
        with self._record.read() as tx:
            newest = with_newest_only(self._stored(tx))
            opens: Callable[[bytes, str], bytes] = (
                (lambda sealed, about: newest.wrapping.open(sealed, about.encode()))
                if place in WRAPPED
                else newest.vault.open
            )
            found, after = 0, None
            while (batch := tx.sealed.left(place, after, BATCH, opens)) is not None:
                found, after = found + batch.damaged, batch.last
        return found

    def _end(self) -> None:
        """Let the old generation go; from then on only the old key-encryption key is left to destroy."""
        with self._record.change() as change:
            change.tx.meta.set(RING, self._keys.wrapped(with_newest_only(self._stored(change.tx))))
            change.tx.meta.set(STATE, json.dumps({"retiring": True}))
            resealed, damaged = self._report.resealed, self._report.damaged
            change.record(KeyRotationEnded(of="workspace", name=None, resealed=resealed, damaged=damaged))

    def _tell(self) -> None:
        self._report.seconds = time.monotonic() - self._began
        self._on_progress(self._report)
