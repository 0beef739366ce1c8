"""The ledger: what was done, by whom and when, and proofs that can be checked without Lineament."""

from __future__ import annotations

from lineament.client.answers import Checkpoint, Consistency, Entry, EntryProof
from lineament.client.nouns import Noun, Transport, asked, told
from lineament.client.requests import Request, act, get, place
from lineament.client.steps import Telling, pages


class Ledger(Noun[Transport]):
    """The record of all that was done."""

    @asked
    def checkpoint(self) -> Request[Checkpoint]:
        """Return the newest checkpoint: kept elsewhere, nobody can change what it covers unseen."""
        return get(Checkpoint, place("ledger", "checkpoint"))

    @told
    def entries(
        self, *, case: str | None = None, person: str | None = None, kind: str | None = None, views: bool = True
    ) -> Telling[Entry]:
        """Yield the entries that the official may read, newest first.

        ``views`` says whether entries of officials who only looked are among them.
        """
        return pages(get(Entry, place("ledger", "entries"), case=case, person=person, kind=kind, views=views))

    @asked
    def proof(self, entry: int) -> Request[EntryProof]:
        """Return the proof that the ledger has an entry."""
        return get(EntryProof, place("ledger", "entries", entry, "proof"))

    @asked
    def consistency(self, checkpoint: str) -> Request[Consistency]:
        """Return the proof that the ledger continues from a checkpoint that was kept elsewhere."""
        return act(Consistency, place("ledger", "consistency"), checkpoint=checkpoint)
