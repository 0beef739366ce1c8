"""Disclosure packs that somebody forged, and the verifier run as a stranger runs it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lineament.ledger.checkpoint import Checkpoint, SigningKey, encode_base64
from lineament.ledger.entries import canonical, commitment_to
from lineament.ledger.merkle import Frontier, inclusion_proof, leaf_hash
from lineament.services.disclosure import verify
from lineament.store.bound import digest_of

LEDGER = "ledger/ledger.jsonl"
_START = """
import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
sys.argv[0] = "verify.py"
runpy.run_path("verify.py", run_name="__main__")
"""
_IMPORT = """
import importlib, sys
sys.path.insert(0, sys.argv.pop(1))
importlib.import_module(sys.argv.pop(1))
"""
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verified:
    """What the verifier said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody with an empty folder, Python and ``cryptography``: nothing of ours is installed there."""

    home: Path

    @classmethod
    def at(cls, home: Path) -> Stranger:
        """Return a stranger with the verifier in a new folder."""
        home.mkdir()
        shutil.copy(str(verify.__file__), home / "verify.py")
        _only_cryptography(home.with_name("packages"))
        return cls(home)

    def verify(self, pack: bytes, *options: str | Path) -> Verified:
        """Run the verifier on a pack, without the packages of this environment but ``cryptography``."""
        (self.home / "pack.zip").write_bytes(pack)
        done = self._run(_START, "pack.zip", *options)
        return Verified(done.returncode, done.stdout, done.stderr)

    def imports(self, name: str) -> bool:
        """Return whether the verifier could import a module."""
        return self._run(_IMPORT, name).returncode == 0

    def _run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        start: list[str | Path] = [sys.executable, "-I", "-S", "-c", program, self.home.with_name("packages")]
        return subprocess.run(
            [*start, *arguments], cwd=self.home, env={}, capture_output=True, text=True, check=False, timeout=120
        )


def _only_cryptography(folder: Path) -> None:
    """Link the package ``cryptography`` and what it needs into a folder."""
    folder.mkdir()
    for name in ("cryptography", "cffi", "_cffi_backend"):
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)


@dataclass(slots=True)
class Forged:
    """The files of a pack, changed by somebody, perhaps with the key of the ledger."""

    files: dict[str, bytes]
    key: SigningKey
    stored: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, pack: bytes, key: SigningKey) -> Forged:
        """Return the files of a pack."""
        with zipfile.ZipFile(io.BytesIO(pack)) as zipped:
            return cls({name: zipped.read(name) for name in zipped.namelist()}, key)

    def json(self, name: str) -> Any:
        """Return the JSON of a file."""
        return json.loads(self.files[name])

    def put(self, name: str, value: object) -> None:
        """Replace a file with JSON."""
        self.files[name] = json.dumps(value).encode()

    def edit(self, name: str, change: Callable[[Any], None]) -> None:
        """Change the JSON of a file."""
        value = self.json(name)
        change(value)
        self.put(name, value)

    def zipped(self) -> bytes:
        """Return the files as a ZIP file, without signing anything."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, content in self.files.items():
                zipped.writestr(name, content)
        return out.getvalue()

    def signed(self) -> bytes:
        """Return the files as a ZIP file whose manifest fits them, signed with the key."""
        manifest = self.json("manifest.json")
        manifest["files"] = {
            name: {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in self.files.items()
            if not name.startswith("manifest.")
        }
        self.put("manifest.json", manifest)
        digest = sha256(self.files["manifest.json"]).hexdigest()
        note = self.key.sign(f"{verify.FORMAT}\n{self.key.public.name}\n{digest}\n")
        self.files["manifest.note"] = note.encode()
        return self.zipped()

    # ------------------------------------------------------------ rows

    def rows(self) -> list[Line]:
        """Return the rows."""
        return [json.loads(line) for line in self.files["rows.jsonl"].splitlines()]

    def put_rows(self, rows: list[Line]) -> None:
        """Replace the rows."""
        self.files["rows.jsonl"] = "".join(f"{json.dumps(row)}\n" for row in rows).encode()

    # ------------------------------------------------------------ the ledger

    def lines(self) -> list[Line]:
        """Return the lines of the ledger; the first is its header."""
        return [json.loads(line) for line in self.files[LEDGER].splitlines()]

    def put_lines(self, lines: list[Line]) -> None:
        """Replace the lines of the ledger, as they are."""
        self.files[LEDGER] = "".join(f"{json.dumps(line)}\n" for line in lines).encode()

    def put_history(self, lines: list[Line]) -> None:
        """Replace the ledger by another that fits itself: every hash, proof and checkpoint is made anew and signed."""
        header, *entries = lines
        frontier = Frontier()
        nodes: dict[tuple[int, int], bytes] = {}
        for seq, entry in enumerate(entries):
            entry["seq"] = seq
            if not entry.get("hidden"):
                _hash_again(entry)
            for level, position, node in frontier.append(bytes.fromhex(entry["leaf"])):
                nodes[level, position] = node
        size = len(entries)
        note = Checkpoint(origin=self.key.public.name, size=size, root=frontier.root()).sign(self.key)
        header["checkpoint"] = note
        self.files["ledger/checkpoint.txt"] = note.encode()
        proofs = [
            {"entry": entry["seq"], "path": [one.hex() for one in inclusion_proof(entry["seq"], size, _reader(nodes))]}
            for entry in entries
            if entry.get("details") is not None
        ]
        self.files["ledger/proofs.jsonl"] = "".join(f"{json.dumps(proof)}\n" for proof in proofs).encode()
        self.put_lines([header, *entries])
        self.edit("case.json", lambda case: case.update(timeline=_timeline(entries)))


def _hash_again(entry: Line) -> None:
    if entry["details"] is not None:
        entry["commitment"] = commitment_to(bytes.fromhex(entry["salt"]), entry["details"]).hex()
    kept = {name: entry[name] for name in ("seq", "at", "action", "commitment")}
    entry["leaf"] = leaf_hash(canonical(kept).encode()).hex()


def _reader(nodes: dict[tuple[int, int], bytes]) -> Callable[[int, int], bytes]:
    return lambda level, position: nodes[level, position]


def _timeline(entries: list[Line]) -> list[Line]:
    shown = [entry for entry in entries if entry.get("details") is not None]
    return [
        {"entry": each["seq"], "at": each["at"], "action": each["action"], "details": json.loads(each["details"])}
        for each in shown
    ]


def reason_changed(forged: Forged, search: int, reason: str) -> None:
    """Rewrite history from its first entry on: a search had another reason, and everything in the pack says so."""
    told = forged.json("case.json")["searches"][search]
    name = f"searches/{told['id']}"
    rows = forged.rows()
    (row,) = (each for each in rows if each["row"] == name)
    said = json.loads(row["text"])[1]
    said[0]["reason"] = reason
    row["text"] = json.dumps(["searches", said], sort_keys=True, separators=(",", ":"))
    lines = forged.lines()
    entry = lines[1 + told["entry"]]
    details = json.loads(entry["details"])
    details["reason"], details["rows"][name] = reason, digest_of("searches", said)
    entry["details"] = canonical(details)
    forged.put_rows(rows)
    forged.edit("case.json", lambda case: case["searches"][search]["row"].update(reason=reason))
    forged.put_history(lines)


def stamped(note: str, stamp: bytes) -> Line:
    """Return what a header says of a checkpoint that was stamped."""
    return {"note": note, "stamps": [encode_base64(stamp)]}
