"""The command ``python -m lineament.ledger.verify``: its options and its words."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lineament.errors import LineamentError, NoSuchFile
from lineament.ledger.checkpoint import LONGEST_NOTE, PublicKey
from lineament.ledger.cosignature import WitnessKey
from lineament.ledger.proofs import ENTRY, LONGEST_PROOF, verify_consistency_file, verify_entry_proof
from lineament.ledger.seen import Asked, Trusted, require_enough, words_of
from lineament.ledger.verify import Verification, verify_export


def run(arguments: Sequence[str] | None = None) -> int:
    """Verify an export or a proof from the command line; the exit code is 0 if it verifies."""
    options = _options().parse_args(arguments)
    try:
        key, asked = PublicKey.parse(options.key), _asked(options)
        if _starts_as_proof(options.export):
            answer, words = _proof(options.export, key, asked)
        else:
            anchored = None if options.checkpoint is None else _text(options.checkpoint)
            found = verify_export(options.export, key, anchored, asked)
            answer, words = {**asdict(found), "root": found.root.hex()}, _sentence(found)
    except LineamentError as error:
        sys.stderr.write(f"{str(error).encode('utf-8', 'backslashreplace').decode()}\n")
        return error.exit_code
    sys.stdout.write(f"{json.dumps(answer)}\n" if options.json else words)
    return 0


def _options() -> argparse.ArgumentParser:
    words = "Verify a ledger's export, or a proof: that it has an entry, or that it continues from a checkpoint."
    parser = argparse.ArgumentParser(prog="python -m lineament.ledger.verify", description=words)
    parser.add_argument("export", type=Path, help="the file to check")
    parser.add_argument("--key", required=True, help="the ledger's public key, name+id+key; not the one in the export")
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint of this ledger that was kept elsewhere")
    parser.add_argument("--witness", action="append", default=[], help="the public key of a witness that is trusted")
    parser.add_argument("--witnesses", type=int, default=0, help="how many of the witnesses have to have signed")
    parser.add_argument(
        "--tsa", action="append", default=[], type=Path, help="certificates (PEM) of a time-stamp authority"
    )
    parser.add_argument("--stamps", type=int, default=0, help="how many of the authorities have to have signed")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _asked(options: argparse.Namespace) -> Asked:
    trusted = Trusted(
        witnesses=tuple(map(WitnessKey.parse, options.witness)),
        authorities=tuple((path.stem, _text(path)) for path in options.tsa),
    )
    return Asked(trusted=trusted, witnesses=options.witnesses, stamps=options.stamps)


def _starts_as_proof(path: Path) -> bool:
    return _text(path, len(ENTRY)).startswith((ENTRY, "{\n"))


def _proof(path: Path, key: PublicKey, asked: Asked) -> tuple[dict[str, object], str]:
    """Return what a file proves, as JSON and in words. Raises InvalidValue or LedgerBroken."""
    untrusted = _text(path, LONGEST_PROOF)
    if untrusted.startswith(ENTRY):
        entry = verify_entry_proof(untrusted, key, asked.trusted)
        size, seen = entry.checkpoint.size, entry.seen
        answer: dict[str, object] = {
            "entry": entry.seq,
            "at": entry.at,
            "action": entry.action,
            "details": entry.details,
            "entries": size,
        }
        words = f"{key.name}: entry {entry.seq} ({entry.action}, {entry.at}) is one of {size}"
    else:
        both = verify_consistency_file(untrusted, key, asked.trusted)
        answer, seen = {"old": both.old.size, "entries": both.new.size}, both.seen
        words = f"{key.name}: the ledger of {both.new.size} entries begins with that of {both.old.size}"
    require_enough(seen, asked)
    answer["witnessed"] = words_of(seen)
    return answer, "; ".join([words, *words_of(seen)]) + ".\n"


def _text(path: Path, most: int = LONGEST_NOTE) -> str:
    try:
        with path.open("rb") as file:
            return file.read(most + 1).decode("utf-8", "replace")
    except OSError as error:
        raise NoSuchFile(path=path) from error


def _sentence(found: Verification) -> str:
    parts = [
        f"{found.opened} with details checked",
        f"{found.erased} erased, as other entries say",
    ]
    parts += [f"{found.withheld} withheld"] if found.withheld else []
    parts += [f"{found.hidden} hidden"] if found.hidden else []
    parts += [f"the first {found.anchored} as anchored"] if found.anchored is not None else []
    parts += found.witnessed
    return f"{found.origin}: {found.entries} entries verify, root {found.root.hex()}; {', '.join(parts)}.\n"
