"""The ledger: what was done, by whom and when, and proofs that can be checked without Lineament."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, Field, StringConstraints

from lineament.api.lists import USUAL, After, Limit, cursor, place_of
from lineament.api.routes import CurrentCall, Routes
from lineament.api.shapes import AskedFor
from lineament.ledger.checkpoint import LONGEST_NOTE
from lineament.model.accounts import Permission
from lineament.model.events.kinds import EntryKind
from lineament.services.audit import WantedEntries
from lineament.views.ledger import entry_json, entry_proof_json

routes = Routes("ledger")

_LARGEST = 2**53
_Name = Annotated[str | None, Query(max_length=200)]


class CheckpointShape(BaseModel):
    """The newest signed state of the ledger."""

    entries: int
    checkpoint: str | None = Field(description="A signed note (c2sp.org/tlog-checkpoint); null: there is no entry.")
    key: str = Field(description="The public key that checks its signature (C2SP vkey).")


class EntryShape(BaseModel):
    """An entry of the ledger."""

    entry: int = Field(description="Its number, from 0.")
    at: datetime
    action: str
    case: str | None
    commitment: str = Field(description="Hexadecimal.")
    details: dict[str, Any] | None = Field(description="null: lawfully erased.")


class EntryList(BaseModel):
    """A part of the ledger, newest first."""

    items: list[EntryShape]
    next: str | None
    hidden: int = Field(description="How many are left out because somebody only looked.")


class EntryProofShape(BaseModel):
    """The proof that the ledger has an entry."""

    entry: EntryShape
    leaf: str
    path: list[str] = Field(description="Hashes from beside the leaf up to below the root.")
    checkpoint: str
    file: str = Field(description="The proof as a file (c2sp.org/tlog-proof).")


class CheckpointAsked(AskedFor):
    """A checkpoint that somebody kept."""

    checkpoint: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NOTE)]


class ConsistencyShape(BaseModel):
    """The proof that the ledger continues from a checkpoint."""

    file: str = Field(description="The proof as a file, which can be checked without Lineament.")


@routes.read("/v1/ledger/checkpoint", access=Permission.READ_LEDGER, response_model=CheckpointShape)
def ledger_checkpoint(call: CurrentCall) -> Any:
    """Get the newest checkpoint of the ledger: keep it elsewhere, and nobody can change what it covers unseen."""
    audit = call.desk.audit
    return {"entries": audit.size(), "checkpoint": audit.checkpoint(), "key": audit.public_key}


@routes.read("/v1/ledger/entries", access=Permission.READ_LEDGER, response_model=EntryList)
def ledger_entries(  # noqa: PLR0913, PLR0917 - what can be wanted
    call: CurrentCall,
    limit: Limit = USUAL,
    after: After = None,
    case: _Name = None,
    person: _Name = None,
    kind: EntryKind | None = None,
    views: Annotated[bool, Query(description="Also of those who only looked.")] = True,
) -> Any:
    """List the entries that the official may read, newest first; in an agency the reading is recorded."""
    wanted = WantedEntries(person=person, case=case, kind=kind, views=views)
    page = call.desk.audit.page(place_of(after, int), limit, wanted)
    following = None if page.older is None else cursor(page.older)
    return {"items": [entry_json(entry) for entry in page.entries], "next": following, "hidden": page.hidden}


@routes.read("/v1/ledger/entries/{entry}/proof", access=Permission.READ_LEDGER, response_model=EntryProofShape)
def ledger_proof(call: CurrentCall, entry: Annotated[int, Path(ge=0, le=_LARGEST)]) -> Any:
    """Get the proof that the ledger has an entry; that it was made is recorded."""
    return entry_proof_json(call.desk.audit.prove(entry))


@routes.act("/v1/ledger/consistency", access=Permission.READ_LEDGER, response_model=ConsistencyShape)
def ledger_consistency(call: CurrentCall, asked: CheckpointAsked) -> Any:
    """Get the proof that the ledger continues from a checkpoint that was kept elsewhere; that is recorded."""
    return {"file": call.desk.audit.prove_consistency(asked.checkpoint)}
