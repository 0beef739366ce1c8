"""Batches: many photographs, sent one by one and searched by a job."""

from __future__ import annotations

from collections.abc import Mapping

from lineament.client.answers import Batch, Batched, Job, ShownBatch
from lineament.client.nouns import Noun, Transport, asked
from lineament.client.requests import Request, act, act_on_bytes, fields_of, get, place
from lineament.client.searches import USUAL, Settings


class Batches(Noun[Transport]):
    """The batches of cases."""

    @asked
    def begin(self, case: str, *, kind: str | None = None) -> Request[Batch]:
        """Begin a batch of photographs, all of one kind if it is given."""
        return act(Batch, place("cases", case, "batches"), query={"kind": kind})

    @asked
    def get(self, batch: str) -> Request[ShownBatch]:
        """Return what became of each photograph of a batch."""
        return get(ShownBatch, place("batches", batch))

    @asked
    def add(self, batch: str, photograph: bytes, *, name: str | None = None) -> Request[Batched]:
        """Add a photograph; one that cannot be read is listed with the reason."""
        return act_on_bytes(Batched, place("batches", batch, "photographs"), photograph, name=name)

    @asked
    def search(
        self,
        batch: str,
        settings: Settings = USUAL,
        *,
        faces: Mapping[str, int] | None = None,
        notify: bool = False,
    ) -> Request[Job]:
        """Search the photographs whose face is known, by a job.

        ``faces`` chooses a face in each photograph that shows several, by the id of the photograph; with ``notify`` the
        agency's web hooks are told when the job has ended.
        """
        return act(Job, place("batches", batch, "search"), faces=faces, notify=notify, **fields_of(settings))
