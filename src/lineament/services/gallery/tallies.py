"""Sources of versions before 0.4 are counted once; from then on they vouch for their faces."""

from __future__ import annotations

from lineament.model.events.sources import FacesCounted
from lineament.services.keyholder import source_key, vouching_key
from lineament.services.record import Record
from lineament.store.db import Tx
from lineament.store.ring import KeyRing


def count_older_sources(record: Record, keys: KeyRing) -> None:
    """Count the faces of every source that has never vouched for them, and record that.

    What was changed before that cannot be told. A source whose tally somebody deleted is left alone: its key says that
    it once had one.
    """
    with record.read() as tx:
        if not _older(tx, keys):
            return
    with record.change() as change:
        for name, wrapped in _older(change.tx, keys).items():
            source = change.tx.sources.get(name)
            tally = change.tx.tallies.recount(source.id, source_key(change.tx, keys, source))
            change.tx.sources.rewrap_key(source.id, wrapped)
            change.record(FacesCounted(source=name, faces=tally.counted.faces))


def _older(tx: Tx, keys: KeyRing) -> dict[str, bytes]:
    """Return the sources that never vouched for their faces, each with its key wrapped as that of one that does."""
    found = {}
    for name in tx.tallies.sources_without():
        wrapped = vouching_key(tx, keys, tx.sources.get(name))
        if wrapped is not None:
            found[name] = wrapped
    return found
