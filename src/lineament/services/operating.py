"""How the installation stands, for its operators: whether it can serve, and the gauges of its metrics.

Neither names anything, or counts anything by agency, source, case or account (R46).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lineament.errors import LineamentError
from lineament.ledger.anchor import read_anchor
from lineament.model.accounts import Permission
from lineament.model.jobs import JobState
from lineament.observe.stages import error_code
from lineament.services.gallery.model_in_use import require_model
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.services.witnessing.in_force import kept_seen, policy_in_force, witnessed_since
from lineament.store import migrations

if TYPE_CHECKING:
    from lineament.services.gallery.indexes import Gallery
    from lineament.store.blobs import Blobs

HUNDRED = 100
"""The ledger's size is told to the hundred: entries of searches are among the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the installation stands now, all agencies together."""

    faces: int
    set_aside: int  # faces that this process could not compare
    indexes: dict[str, int]  # of this process, by state
    jobs: dict[tuple[str, str], int]  # by kind and state
    entries: int  # of the ledger, to the hundred
    anchored: bool
    witnessed: datetime | None  # None too if no policy asks for it
    connections: dict[str, int]  # by pool


class Operating:
    """Looks at the installation as a whole."""

    def __init__(
        self,
        record: Record,
        model: Callable[[], str],
        gallery: Callable[[], Gallery | None],
        blobs: Callable[[], Blobs],
    ) -> None:
        """``model``: the one that this process uses; ``gallery``: None if none is open yet."""
        self._record = record
        self._blobs = blobs
        self._model = model
        self._gallery = gallery

    @needs(Permission.MACHINE)
    def unready(self) -> str | None:
        """Return the code of what stands against serving now; None if nothing does.

        The database answers, its keys are open and its schema is current; the clock is not behind the ledger, which
        continues its checkpoint; the model in use is the one that this process has loaded; and a service that keeps the
        pictures answers.
        """
        try:
            with self._record.read() as tx:
                if migrations.revision(tx.connection) != migrations.HEAD:
                    return "workspace-newer"
                require_model(tx, self._model())
                note = read_anchor(self._record.anchor)
                if note is not None:
                    self._record.ledger.check_kept(tx.ledger, note)
            self._record.clock()
            self._blobs().require_reachable()
        except LineamentError as error:
            return error_code(error)
        return None

    @needs(Permission.MACHINE)
    def standing(self) -> Standing:
        """Return how the installation stands."""
        gallery = self._gallery()
        opened = [] if gallery is None else gallery.opened()
        with self._record.read() as tx:
            policy = policy_in_force(tx, self._record)
            seen = kept_seen(self._record, policy) if policy.asks else []
            shown = {JobState.QUEUED, JobState.RUNNING, JobState.FAILED}
            sources = tx.sources.all()
            return Standing(
                faces=sum(source.faces for source in sources),
                set_aside=sum(index.uncompared for index in opened),
                indexes={
                    "open": len(opened) - (filling := sum(index.behind for index in opened)),
                    "filling": filling,
                    "closed": max(0, sum(1 for source in sources if source.faces) - len(opened)),
                },
                jobs={key: many for key, many in tx.jobs.counts().items() if key[1] in shown},
                entries=tx.ledger.size() // HUNDRED * HUNDRED,
                anchored=tx.ledger.checkpoint() == read_anchor(self._record.anchor),
                witnessed=witnessed_since(policy, seen) if policy.asks else None,
                connections=self._record.store.connections(),
            )
