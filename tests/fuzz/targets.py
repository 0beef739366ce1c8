"""The fuzz targets: each takes any bytes and must raise nothing. Findings are kept in cases/NAME.

These are the parsers that Lineament owns. If a library gets everything, its own fuzzers count: the frames of
videos (PyAV), Parquet (pyarrow; its rows come as JSON lines, see ``jsonl`` and ``child``), 7z (py7zr), content
credentials (c2pa; what it reads out of them is ``claimed``), passkeys (webauthn), forms and headers of browsers
(Starlette). All but the last two run in workers, and what these send is ``child``. Lists of digests are searched
line by line with one regular expression; JSON of VICS is parsed by YAJL (ijson), and what is made of it is ``vics``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.fuzz import claims, connectors, programs, web

CASES = Path(__file__).parent / "cases"
_KNOWN: dict[str, tuple[Callable[[bytes], None], Callable[[], Iterator[bytes]]]] = {
    "address": (web.address, web.addresses),
    "archive": (connectors.archive, connectors.archives),
    "body": (web.body, web.bodies),
    "child": (claims.child, claims.children),
    "claimed": (claims.claimed, claims.claims_of_pictures),
    "csv": (connectors.csv, connectors.tables),
    "headers": (web.headers, web.answered),
    "icse": (connectors.icse, connectors.icse_tables),
    "itl": (connectors.itl, connectors.transactions),
    "jsonl": (connectors.jsonl, connectors.lines),
    "ledger": (claims.ledger, claims.exports),
    "openid": (claims.openid, claims.provided),
    "page": (web.page, web.pages),
    "parts": (programs.parts, programs.uploads),
    "pdq-list": (connectors.pdq_list, connectors.pdq_lists),
    "persons": (connectors.persons, connectors.lists),
    "picture": (claims.picture, claims.pictures),
    "receipt": (claims.receipt, claims.signed_statements),
    "rules": (web.rules, web.reserved),
    "sidecar": (claims.sidecar, claims.sidecars),
    "signature": (web.signature, web.signatures),
    "site": (web.site, web.exchanges),
    "vics": (connectors.vics, connectors.exports),
    "warc": (connectors.warc, connectors.crawls),
    "wacz": (connectors.wacz, connectors.packed_crawls),
    "xmp": (claims.xmp, claims.marked_pictures),
}
TARGETS: dict[str, Callable[[bytes], None]] = {name: target for name, (target, _) in _KNOWN.items()}


def seeds(name: str) -> Iterator[bytes]:
    """Yield the seeds of a target: well-formed files and earlier findings."""
    yield from _KNOWN[name][1]()
    yield from (path.read_bytes() for path in sorted((CASES / name).glob("*")))
