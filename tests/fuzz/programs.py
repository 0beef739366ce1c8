"""Fuzz targets: what programs send in a form of our own."""

from __future__ import annotations

from collections.abc import Iterator

from lineament.api.uploads import parts_in
from lineament.errors import InvalidValue
from lineament.model.drops import PART


def parts(untrusted: bytes) -> None:
    """Read the parts of an upload: together they are what was sent after the line that names them."""
    try:
        found = parts_in(untrusted)
    except InvalidValue:
        return
    sent = b"".join(bytes(part.untrusted) for part in found)
    assert untrusted.partition(b"\n")[2] == sent
    assert all(part.number >= 0 and part.first >= 0 and len(part.untrusted) <= PART for part in found)


def uploads() -> Iterator[bytes]:
    """Yield bodies with parts."""
    yield b"[]\n"
    yield b"[[1,0,3],[2,0,2]]\nabcde"
    yield b"[[7,4194304,1]]\n\n"
