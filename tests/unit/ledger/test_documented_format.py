"""The examples in docs/reference/ledger-format.md verify as they stand."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from lineament.ledger.checkpoint import Checkpoint, PublicKey
from lineament.ledger.verify import verify_export

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "ledger-format.md"
BLOCKS = re.findall(r"```\w*\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_export_in_the_documentation_verifies(tmp_path: Path) -> None:
    _, note, key, export, leaf, *_ = BLOCKS
    path = tmp_path / "export.jsonl"
    path.write_text(export, encoding="utf-8")
    public_key = PublicKey.parse(key)
    found = verify_export(path, public_key, note)
    assert (found.entries, found.opened, found.anchored) == (2, 2, 2)
    assert Checkpoint.parse(note, public_key).root == found.root
    first = json.loads(export.splitlines()[1])
    assert hashlib.sha256(b"\0" + leaf.strip().encode()).hexdigest() == first["leaf"]
