"""Exports the ledger for independent verification (docs/reference/ledger-format.md)."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from typing import TextIO

from lineament.errors import LedgerBroken
from lineament.ledger.checkpoint import PublicKey, encode_base64
from lineament.ledger.entries import LeafStore, timestamp
from lineament.ledger.seen import KeptCheckpoint
from lineament.ledger.verify import BLOCK, FORMAT


def export(  # noqa: PLR0913 - what is shown of it
    rows: LeafStore,
    out: TextIO,
    key: PublicKey,
    *,
    opened: Container[int] | None = None,
    listed: Container[int] | None = None,
    witnessed: Iterable[KeptCheckpoint] = (),
    head: tuple[int, str] | None = None,
) -> int:
    """Write every entry as a line of JSON below a header; return how many there are.

    ``opened``: the entries written with their details (a case file shows one case); the others are marked as withheld,
    and their existence is still proven. ``listed``: the entries written at all; of the others only the leaf hash is
    written, which keeps their place in the tree but reveals neither action nor time (R46). ``witnessed``: what others
    saw, for the header. ``head``: an earlier size to end at, with its checkpoint; None: all of the ledger.
    """
    size, note = (rows.size(), rows.checkpoint()) if head is None else head
    if note is None:
        raise LedgerBroken(why="there is no checkpoint", entry=0)
    header: dict[str, object] = {"format": FORMAT, "origin": key.name, "public_key": str(key), "checkpoint": note}
    if kept := [_witnessed_line(each) for each in witnessed]:
        header["witnessed"] = kept
    out.write(f"{json.dumps(header)}\n")
    for start in range(0, size, BLOCK):
        for row in rows.entries(start, min(start + BLOCK, size)):
            if listed is not None and row.seq not in listed:
                out.write(f"{json.dumps({'seq': row.seq, 'leaf': row.leaf.hex(), 'hidden': True})}\n")
                continue
            line: dict[str, object] = {
                "seq": row.seq,
                "at": timestamp(row.at),
                "action": row.action,
                "commitment": row.commitment.hex(),
                "leaf": row.leaf.hex(),
                "salt": None if row.salt is None else row.salt.hex(),
                "details": row.details,
            }
            if opened is not None and row.seq not in opened:
                line |= {"salt": None, "details": None, "withheld": row.salt is not None}
            out.write(f"{json.dumps(line)}\n")
    return size


def _witnessed_line(kept: KeptCheckpoint) -> dict[str, object]:
    return {"note": kept.note, "stamps": [encode_base64(stamp) for stamp in kept.stamps]}
