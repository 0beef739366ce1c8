"""An export verifies without Lineament's database, by the stand-alone verifier and by twenty independent lines."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.ledgers import NOW, fill
from tests.support.merkle import naive_root

from lineament.errors import Damaged, LedgerBroken, LineamentError, NoSuchFile
from lineament.ledger.export import export
from lineament.ledger.log import Ledger
from lineament.ledger.verify import main, verify_export
from lineament.testing import MemoryLeafStore


@pytest.fixture
def path(ledger: Ledger, rows: MemoryLeafStore, tmp_path: Path) -> Path:
    ledger.erase_details(rows, [3, 4], reason="article 17", actor="a", at=NOW)
    path = tmp_path / "export.jsonl"
    with path.open("w", encoding="utf-8") as out:
        assert export(rows, out, ledger.public_key) == 21
    return path


def changed(path: Path, line: int, **fields: object) -> None:
    lines = path.read_text().splitlines()
    lines[line] = json.dumps(json.loads(lines[line]) | fields)
    path.write_text("\n".join([*lines, ""]))


def test_an_export_verifies(ledger: Ledger, rows: MemoryLeafStore, path: Path) -> None:
    found = verify_export(path, ledger.public_key, rows.note)
    assert (found.entries, found.opened, found.erased, found.withheld) == (21, 19, 2, 0)
    assert found.anchored == 21
    assert found.root == ledger.head(rows).root


def test_a_stranger_can_verify_it_from_the_documentation(path: Path) -> None:
    """docs/reference/ledger-format.md in code that uses nothing of Lineament."""
    header, *entries = [json.loads(line) for line in path.read_text().splitlines()]
    name, key_id, key = header["public_key"].split("+", 2)
    raw = base64.b64decode(key)
    assert hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == key_id
    text, _, signature = header["checkpoint"].rpartition("\n\n")
    signed = base64.b64decode(signature.split()[2])
    assert signed[:4].hex() == key_id
    Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signed[4:], f"{text}\n".encode())
    leaves = []
    for seq, entry in enumerate(entries):
        assert entry["seq"] == seq
        salted = (
            b"lineament.ledger.details.v1\0" + bytes.fromhex(entry["salt"] or "") + (entry["details"] or "").encode()
        )
        erased = entry["salt"] is None
        assert erased or hashlib.sha256(salted).hexdigest() == entry["commitment"]
        fields = {name: entry[name] for name in ("action", "at", "commitment", "seq")}
        leaves.append(json.dumps(fields, separators=(",", ":")).encode())
    origin, size, root = text.split("\n")
    assert (origin, int(size)) == (name, len(leaves))
    assert naive_root(leaves) == base64.b64decode(root)


def test_a_case_file_shows_one_case(ledger: Ledger, rows: MemoryLeafStore, tmp_path: Path) -> None:
    path = tmp_path / "case.jsonl"
    with path.open("w", encoding="utf-8") as out:
        export(rows, out, ledger.public_key, opened={5, 6})
    assert "K-5" in path.read_text()
    assert "K-7" not in path.read_text()
    found = verify_export(path, ledger.public_key)
    assert (found.entries, found.opened, found.erased, found.withheld) == (20, 2, 0, 18)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seq", 8),
        ("seq", "7"),
        ("seq", 7.5),
        ("seq", None),
        ("seq", [7]),
        ("at", "2026-02-01T00:00:06.000008Z"),
        ("at", "2026-02-01T00:00:06.000007+00:00"),
        ("at", 5),
        ("action", "compared"),
        ("action", 'search","at":"'),
        ("action", None),
        ("commitment", "00" * 32),
        ("commitment", "zz"),
        ("commitment", 5),
        ("leaf", "00" * 32),
        ("leaf", None),
        ("salt", "00" * 32),
        ("salt", None),
        ("details", None),
        ("details", "{}"),
        ("details", "\udc80"),
        ("details", {"actor": "a"}),
    ],
)
def test_a_field_that_was_changed(ledger: Ledger, path: Path, field: str, value: object) -> None:
    changed(path, 8, **{field: value})
    with pytest.raises(LedgerBroken) as caught:
        verify_export(path, ledger.public_key)
    assert caught.value.details["entry"] == 7


def test_deleted_and_inserted_lines(ledger: Ledger, path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    for changed_lines, entry in (
        (lines[:8] + lines[9:], 7),
        (lines[:20], 19),
        ([*lines, lines[-1]], 21),
        ([*lines[:8], lines[9], lines[8], *lines[10:]], 7),
        ([*lines[:8], "\n", *lines[8:]], 7),
        ([*lines[:-1], lines[-1][:40]], 20),
        ([*lines[:8], "[" * 100_000 + "\n", *lines[8:]], 7),
        ([*lines[:8], "[1, 2]\n", *lines[8:]], 7),
        ([*lines[:8], "null\n", *lines[8:]], 7),
    ):
        path.write_text("".join(changed_lines))
        with pytest.raises(LedgerBroken) as caught:
            verify_export(path, ledger.public_key)
        assert caught.value.details["entry"] == entry


def test_an_export_of_another_ledger(ledger: Ledger, path: Path) -> None:
    """The key in the header proves nothing: only the key that the reader has from elsewhere counts."""
    forger = Ledger(origin="lineament/test", signing_seed=bytes(32))
    rows = MemoryLeafStore()
    fill(forger, rows, 20)
    with path.open("w", encoding="utf-8") as out:
        export(rows, out, forger.public_key)
    assert verify_export(path, forger.public_key).entries == 20
    with pytest.raises(LedgerBroken, match="not signed by"):
        verify_export(path, ledger.public_key)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\n",
        b"\xff\xd8\xff\xe0\n",
        b"[]\n",
        b"null\n",
        b"{}\n",
        b'{"format":"lineament-ledger/2","checkpoint":""}\n',
        b'{"format":"lineament-ledger/1"}\n',
        b'{"format":"lineament-ledger/1","checkpoint":5}\n',
        b"[" * 90_000,
        b"9" * 90_000,
    ],
)
def test_an_invalid_export(ledger: Ledger, path: Path, header: bytes) -> None:
    path.write_bytes(header)
    with pytest.raises(Damaged, match="The export"):
        verify_export(path, ledger.public_key)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=200)
@given(st.data())
def test_no_bit_can_change_unseen(ledger: Ledger, path: Path, data: st.DataObject) -> None:
    """One flipped bit anywhere gives a one-line error, or the same verdict on the same content."""
    raw = path.with_suffix(".sound")
    if not raw.exists():
        raw.write_bytes(path.read_bytes())
    sound = raw.read_bytes()
    at, bit = data.draw(st.integers(0, len(sound) - 1)), data.draw(st.integers(0, 7))
    path.write_bytes(sound[:at] + bytes([sound[at] ^ 1 << bit]) + sound[at + 1 :])
    if (wrong := _what_is_wrong(path, ledger)) is not None:
        assert "\n" not in wrong
    else:
        assert _meaning(path.read_bytes())[1:] == _meaning(sound)[1:]


def _what_is_wrong(path: Path, ledger: Ledger) -> str | None:
    try:
        verify_export(path, ledger.public_key)
    except LineamentError as error:
        return str(error)
    return None


def _meaning(raw: bytes) -> list[object]:
    """Return the lines without what does not count: blanks, the case of hexadecimal digits, ignored fields."""
    lines: list[object] = []
    for line in raw.splitlines():
        fields = json.loads(line)
        names = ("seq", "at", "action", "commitment", "leaf", "salt", "details")
        known = {name: fields.get(name) for name in names}
        lines.append(
            {
                name: value.lower() if isinstance(value, str) and name in {"commitment", "leaf", "salt"} else value
                for name, value in known.items()
            }
        )
    return lines


# ---------------------------------------------------------------- from the command line


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lineament.ledger.verify", *map(str, arguments)]
    source = Path(__file__).parents[3] / "src"
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env={"PYTHONPATH": str(source)}
    )


def test_the_command_a_lawyer_runs(ledger: Ledger, rows: MemoryLeafStore, path: Path) -> None:
    anchor = path.with_name("checkpoint")
    anchor.write_text(rows.note or "", encoding="utf-8")
    ran = run(path, "--key", ledger.public_key, "--checkpoint", anchor)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "21 entries verify" in ran.stdout
    assert "the first 21 as anchored" in ran.stdout
    ran = run(path, "--key", ledger.public_key, "--json")
    assert json.loads(ran.stdout)["root"] == ledger.head(rows).root.hex()


@pytest.mark.parametrize(
    ("break_it", "code", "words"),
    [
        (lambda path: changed(path, 8, action="compared"), 10, "first at entry 7"),
        (lambda path: path.write_bytes(b"\x00"), 9, "is damaged"),
        (lambda path: path.unlink(), 3, "nothing to read"),
    ],
)
def test_the_command_reports_what_is_wrong_in_one_line(
    ledger: Ledger, path: Path, capsys: pytest.CaptureFixture[str], break_it: object, code: int, words: str
) -> None:
    assert callable(break_it)
    break_it(path)
    assert main([str(path), "--key", str(ledger.public_key)]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
    assert printed.err.count("\n") == 1


def test_a_wrong_key_is_reported_in_one_line(ledger: Ledger, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(path), "--key", "nonsense\x1b[2J\n"]) == 2
    assert main([str(path), "--key", str(ledger.public_key), "--checkpoint", str(path)]) == 10
    assert main([str(path), "--key", str(ledger.public_key), "--checkpoint", "gone"]) == 3
    assert capsys.readouterr().err.count("\n") == 3


def test_the_verifier_needs_only_the_ledger_and_the_errors(tmp_path: Path) -> None:
    """Of Lineament it imports only the errors and the ledger; otherwise cryptography and the standard library."""
    code = "import sys, lineament.ledger.verify; print('\\n'.join(sys.modules))"
    source = Path(__file__).parents[3] / "src"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(source)}
    )
    names = ran.stdout.split()
    ours = {name for name in names if name.startswith("lineament.")}
    assert {name.split(".")[1] for name in ours} == {"errors", "ledger"}
    others = {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"lineament"}
    loaded_at_start = re.compile(r"_|site|cryptography|usercustomize|sitecustomize|distutils")
    assert {name for name in others if not loaded_at_start.match(name)} == set()


def test_no_file(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile):
        verify_export(tmp_path, ledger.public_key)


def test_hidden_entries_reveal_only_their_place(ledger: Ledger, rows: MemoryLeafStore, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    with path.open("w", encoding="utf-8") as out:
        assert export(rows, out, ledger.public_key, opened={5, 6}, listed={5, 6, 9}) == 20
    others = [json.loads(line) for line in path.read_text().splitlines()[1:] if "hidden" in line]
    assert {tuple(line) for line in others} == {("seq", "leaf", "hidden")}
    found = verify_export(path, ledger.public_key, rows.note)
    assert (found.entries, found.opened, found.withheld, found.hidden) == (20, 2, 1, 17)
    assert found.root == ledger.head(rows).root
    for field, value in (("leaf", "00" * 32), ("leaf", "00"), ("hidden", False), ("seq", 8), ("seq", "7")):
        kept = path.read_bytes()
        changed(path, 8, **{field: value})
        with pytest.raises(LedgerBroken):
            verify_export(path, ledger.public_key)
        path.write_bytes(kept)
