"""Attacks on a witness: hostile bodies, histories that contradict what it saw, and kills while it signs."""

from __future__ import annotations

import multiprocessing
import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from tests.support.ledgers import NOW, fill
from tests.support.witnesses import RunningWitness, note_of, request_of, witness

from lineament.errors import Damaged, InvalidValue, KeyExposed, NotFound, WorkspaceExists
from lineament.ledger.checkpoint import LONGEST_NOTE, Checkpoint, SigningKey, decode_base64, encode_base64
from lineament.ledger.cosignature import Cosigner, WitnessKey, add_signatures, cosignatures
from lineament.ledger.log import Ledger
from lineament.ledger.merkle import EMPTY_ROOT
from lineament.testing import MemoryLeafStore
from lineament.witness import app as witness_app
from lineament.witness import folder as witness_folder
from lineament.witness.folder import WitnessFolder
from lineament.witness.protocol import LONGEST_REQUEST, WitnessRefusal

ORIGIN = "lineament/test"
KEY = SigningKey(name=ORIGIN, seed=bytes(range(32)))


def history(entries: int = 20, reason: str = "why") -> MemoryLeafStore:
    """Return a ledger of so many entries; each call gives another one, because the salts differ."""
    rows = MemoryLeafStore()
    fill(Ledger(origin=ORIGIN, signing_seed=bytes(range(32))), rows, entries, reason=reason)
    return rows


@pytest.fixture(scope="module")
def rows() -> MemoryLeafStore:
    return history()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningWitness]:
    with witness(tmp_path / "witness", KEY.public, clock=lambda: NOW) as running:
        yield running


def post(running: RunningWitness, body: bytes) -> httpx.Response:
    return httpx.post(f"{running.url}/add-checkpoint", content=body, timeout=60)


def cosigned_size(running: RunningWitness) -> int:
    log = running.folder.log(ORIGIN)
    assert log is not None
    note = log.newest()
    return 0 if note is None else Checkpoint.parse(note, KEY.public).size


# ---------------------------------------------------------------- the protocol


def test_a_history_that_goes_on_is_cosigned(running: RunningWitness, rows: MemoryLeafStore) -> None:
    old = 0
    for size in (1, 2, 3, 7, 8, 8, 20):
        note = note_of(rows, KEY, size)
        answer = post(running, request_of(rows, KEY, old, size))
        assert answer.status_code == 200
        (cosignature,) = cosignatures(add_signatures(note, answer.text), [running.key])
        assert cosignature.at == NOW.replace(microsecond=0)
        old = size
    digest = sha256(ORIGIN.encode()).hexdigest()
    served = httpx.get(f"{running.url}/{digest}/checkpoint", timeout=60)
    assert served.status_code == 200
    assert Checkpoint.parse(served.text, KEY.public).size == 20
    assert len(cosignatures(served.text, [running.key])) == 1


def test_it_says_what_it_saw_last(running: RunningWitness, rows: MemoryLeafStore) -> None:
    post(running, request_of(rows, KEY, 0, 7))
    for old, size in ((0, 9), (3, 9), (8, 9), (0, 3)):
        answer = post(running, request_of(rows, KEY, old, size))
        assert (answer.status_code, answer.text) == (409, "7\n")
        assert answer.headers["content-type"] == "text/x.tlog.size"
    assert cosigned_size(running) == 7


def test_an_empty_log(running: RunningWitness, rows: MemoryLeafStore) -> None:
    empty = Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT).sign(KEY)
    assert post(running, f"old 0\n\n{empty}".encode()).status_code == 200
    wrong = Checkpoint(origin=ORIGIN, size=0, root=bytes(32)).sign(KEY)
    assert post(running, f"old 0\n\n{wrong}".encode()).status_code == 422
    assert post(running, request_of(rows, KEY, 0, 5)).status_code == 200


def test_no_other_requests_are_answered(running: RunningWitness) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", "/add-checkpoint"),
        ("POST", "/"),
        ("GET", "/key"),
        ("GET", "/..%2fkey"),
    ):
        assert httpx.request(method, f"{running.url}{path}").status_code in {404, 405}
    for digest in ("0" * 64, "..", "../../key", sha256(ORIGIN.encode()).hexdigest()):
        assert httpx.get(f"{running.url}/{digest}/checkpoint", timeout=60).status_code == 404


# ---------------------------------------------------------------- hostile bodies

_NOTE = "lineament/test\n1\n" + encode_base64(bytes(32)) + "\n"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"\n\n",
        b"old 0",
        b"old 0\n",
        b"old 0\n\n",
        b"\xff\xfe\n\n" + _NOTE.encode(),
        b"old -1\n\n" + _NOTE.encode(),
        b"old 00\n\n" + _NOTE.encode(),
        b"old 1e3\n\n" + _NOTE.encode(),
        b"old  1\n\n" + _NOTE.encode(),
        b"OLD 1\n\n" + _NOTE.encode(),
        b"old 99999999999999999999\n\n" + _NOTE.encode(),
        b"old 9223372036854775808\n\n" + _NOTE.encode(),
        b"old \xd9\xa1\n\n" + _NOTE.encode(),
        b"old 1\nAAAA\n\n" + _NOTE.encode(),
        b"old 1\n" + b"A" * 44 + b"\n\n" + _NOTE.encode(),
        b"old 1\r\n\r\n" + _NOTE.encode(),
        b"old 0\n\nlineament/test\n",
        b"old 0\n\n" + "lineament/test\n1\n\n— lineament/test AAAAAAA=\n".encode(),
        b"old 0\n\n" + "lineament/test\n-1\nAAAA\n\n— lineament/test AAAAAAA=\n".encode(),
        b"old 0\n\n" + (_NOTE + "\n— lineament/test !!!\n").encode(),
        b"old 0\n\n" + (_NOTE + "\n- lineament/test AAAA\n").encode(),
        b"old 0\n\n" + ("\0" + _NOTE + "\n— lineament/test AAAA\n").encode(),
        b"{}",
        b"[" * 50_000,
    ],
)
def test_a_malformed_body(running: RunningWitness, body: bytes) -> None:
    assert post(running, body).status_code == 400
    assert cosigned_size(running) == 0


def test_more_hashes_than_a_proof_can_have(running: RunningWitness, rows: MemoryLeafStore) -> None:
    post(running, request_of(rows, KEY, 0, 7))
    head, _, note = request_of(rows, KEY, 7, 9).decode().partition("\n\n")
    for many, status in ((63, 422), (64, 400), (1000, 400)):
        lines = "\n".join([head.splitlines()[0], *[encode_base64(bytes(32))] * many])
        assert post(running, f"{lines}\n\n{note}".encode()).status_code == status
    assert cosigned_size(running) == 7


def test_a_body_without_end(running: RunningWitness) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100_000):
            sent += 4096
            yield b"A" * 4096

    try:
        status = httpx.post(f"{running.url}/add-checkpoint", content=endless(), timeout=60).status_code
    except httpx.TransportError:  # it answered and closed before all was sent
        status = 413
    assert status == 413
    assert sent < 100 * LONGEST_REQUEST


def test_a_body_that_drips(running: RunningWitness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness_app, "SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", running.port), timeout=60) as slow:
        slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 100\r\n\r\nold")
        assert slow.recv(100).startswith(b"HTTP/1.1 408")


def test_a_note_as_long_as_allowed(running: RunningWitness, rows: MemoryLeafStore) -> None:
    """Signatures of others are ignored, and not kept."""
    body = request_of(rows, KEY, 0, 5).decode()
    other = f"— other.example/x {encode_base64(bytes(4) + bytes(3000))}\n"
    padded = body + other * ((LONGEST_NOTE - len(body)) // len(other))
    assert post(running, padded.encode()).status_code == 200
    log = running.folder.log(ORIGIN)
    assert log is not None
    assert "other.example" not in (log.newest() or "")


# ---------------------------------------------------------------- keys


def test_a_log_that_is_not_known(running: RunningWitness, rows: MemoryLeafStore) -> None:
    other = SigningKey(name="lineament/other", seed=bytes(32))
    assert post(running, request_of(rows, other, 0, 5)).status_code == 404


def test_a_checkpoint_signed_by_another_key(running: RunningWitness, rows: MemoryLeafStore) -> None:
    forged = SigningKey(name=ORIGIN, seed=bytes(32))
    assert post(running, request_of(rows, forged, 0, 5)).status_code == 403
    body = request_of(rows, KEY, 0, 5).decode()
    text, _, line = body.rpartition("\n\n")
    name, encoded = line.split()[1:]
    flipped = encoded[:-4] + ("AAA=" if encoded[-4:] != "AAA=" else "AAE=")
    assert post(running, f"{text}\n\n— {name} {flipped}\n".encode()).status_code in {400, 403}
    assert cosigned_size(running) == 0


def test_a_log_under_another_key_is_not_added(running: RunningWitness) -> None:
    with pytest.raises(InvalidValue, match="another key"):
        running.folder.add_log(SigningKey(name=ORIGIN, seed=bytes(32)).public)
    running.folder.add_log(KEY.public)


def test_a_key_that_others_can_read_or_that_is_damaged(tmp_path: Path) -> None:
    WitnessFolder.create(tmp_path / "w", "witness.example/one")
    with pytest.raises(WorkspaceExists):
        WitnessFolder.create(tmp_path / "w", "witness.example/one")
    key = tmp_path / "w" / "key"
    assert key.stat().st_mode & 0o077 == 0
    key.chmod(0o644)
    with pytest.raises(KeyExposed):
        WitnessFolder.open(tmp_path / "w")
    key.chmod(0o600)
    key.write_text("lineament witness key 1\nname\n", "utf-8")
    with pytest.raises(Damaged):
        WitnessFolder.open(tmp_path / "w")


# ---------------------------------------------------------------- histories that contradict what was seen


def test_another_tree_of_the_same_size_is_refused_and_kept_as_proof(
    running: RunningWitness, rows: MemoryLeafStore
) -> None:
    fork = history()
    post(running, request_of(rows, KEY, 0, 7))
    for _ in range(2):
        assert post(running, request_of(fork, KEY, 7, 7)).status_code == 422
    log = running.folder.log(ORIGIN)
    assert log is not None
    assert log.forks == 1
    assert (
        Checkpoint.parse(log.newest() or "", KEY.public).root
        == Checkpoint.parse(note_of(rows, KEY, 7), KEY.public).root
    )


def test_a_rewritten_history_that_is_longer(running: RunningWitness, rows: MemoryLeafStore) -> None:
    rewritten = history(30)
    post(running, request_of(rows, KEY, 0, 7))
    assert post(running, request_of(rewritten, KEY, 7, 30)).status_code == 422
    assert post(running, request_of(rewritten, KEY, 0, 30)).status_code == 409
    assert cosigned_size(running) == 7


def test_a_proof_where_none_belongs(running: RunningWitness, rows: MemoryLeafStore) -> None:
    head, _, note = request_of(rows, KEY, 0, 7).decode().partition("\n\n")
    assert post(running, f"{head}\n{encode_base64(bytes(32))}\n\n{note}".encode()).status_code == 422


def test_an_old_size_beyond_the_checkpoint(running: RunningWitness, rows: MemoryLeafStore) -> None:
    head, _, note = request_of(rows, KEY, 0, 7).decode().partition("\n\n")
    assert post(running, f"old 8\n\n{note}".encode()).status_code == 400
    assert head == "old 0"


def test_requests_at_once_leave_one_history(running: RunningWitness, rows: MemoryLeafStore) -> None:
    """Of two checkpoints that both continue from the same size, one is cosigned."""
    fork = MemoryLeafStore(dict(rows.rows), dict(rows.tree), rows.note)
    ledger = Ledger(origin=ORIGIN, signing_seed=bytes(range(32)))
    fill(ledger, fork, 1)
    other = MemoryLeafStore(dict(rows.rows), dict(rows.tree), rows.note)
    fill(ledger, other, 1)
    post(running, request_of(rows, KEY, 0, 20))
    bodies = [request_of(fork, KEY, 20, 21), request_of(other, KEY, 20, 21)] * 4
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda b=body: statuses.append(post(running, b).status_code)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(statuses)) in ([200, 409], [200, 409, 422])
    assert statuses.count(200) == 1


def test_only_the_body_that_runs_it_lets_a_log_begin_again(running: RunningWitness, rows: MemoryLeafStore) -> None:
    log = running.folder.log(ORIGIN)
    assert log is not None
    with pytest.raises(NotFound):
        log.set_aside("there is nothing yet", NOW)
    post(running, request_of(rows, KEY, 0, 7))
    kept = log.newest()
    log.set_aside("the agency lost its disk", NOW)
    assert post(running, request_of(history(), KEY, 0, 5)).status_code == 200
    aside = running.folder.path / "logs" / sha256(ORIGIN.encode()).hexdigest() / "set-aside"
    assert (aside / "1.checkpoint").read_text("utf-8") == kept
    assert "the agency lost its disk" in (aside / "1.reason").read_text("utf-8")


# ---------------------------------------------------------------- kills


def _cosign_and_die(path: Path, body: bytes, step: int) -> None:
    """Cosign, and die at the ``step``-th call that writes."""
    calls = 0

    def counted(real: object) -> object:
        def call(*arguments: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == step:
                os._exit(9)
            return real(*arguments, **named)  # type: ignore[operator]

        return call

    os.fsync = counted(os.fsync)  # type: ignore[assignment]
    Path.replace = counted(Path.replace)  # type: ignore[method-assign, assignment]
    WitnessFolder.open(path).cosign(body, lambda: NOW)
    path.with_name("answered").touch()  # the signature would leave here


@pytest.mark.parametrize("step", range(1, 6))
def test_a_kill_never_lets_a_signature_out_that_is_not_kept(tmp_path: Path, rows: MemoryLeafStore, step: int) -> None:
    folder = WitnessFolder.create(tmp_path / "w", "witness.example/one")
    folder.add_log(KEY.public)
    folder.cosign(request_of(rows, KEY, 0, 7), lambda: NOW)
    body = request_of(rows, KEY, 7, 9)
    process = multiprocessing.get_context("fork").Process(target=_cosign_and_die, args=(tmp_path / "w", body, step))
    process.start()
    process.join()
    log = WitnessFolder.open(tmp_path / "w").log(ORIGIN)
    assert log is not None
    size = Checkpoint.parse(log.newest() or "", KEY.public).size
    answered = (tmp_path / "answered").exists()
    assert (answered, size) in {(False, 7), (False, 9), (True, 9)}
    assert answered == (process.exitcode == 0)
    if size == 7:
        assert folder.cosign(body, lambda: NOW)
    else:
        with pytest.raises(WitnessRefusal) as refusal:
            folder.cosign(body, lambda: NOW)
        assert (refusal.value.status, refusal.value.size) == (409, 9)


def test_nothing_is_answered_when_the_disk_is_full(
    running: RunningWitness, rows: MemoryLeafStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(witness_folder, "_write", full)
    answer = post(running, request_of(rows, KEY, 0, 5))
    assert answer.status_code == 500
    assert "witness.example" not in answer.text
    assert cosigned_size(running) == 0


# ---------------------------------------------------------------- cosignatures


def test_the_example_of_the_specification() -> None:
    """c2sp.org/tlog-cosignature: the signed message, and the id of a key of type 4."""
    cosigner = Cosigner(name="witness.example.com/w1", seed=bytes(32))
    raw = cosigner.public.raw
    assert cosigner.public.id == sha256(b"witness.example.com/w1\n\x04" + raw).digest()[:4]
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    at = datetime.fromtimestamp(1679315147, UTC)
    line = cosigner.cosign(text, at)
    (found,) = cosignatures(f"{text}\n{line}", [cosigner.public])
    assert (found.at, found.witness) == (at, cosigner.public)
    assert WitnessKey.parse(str(cosigner.public)) == cosigner.public
    with pytest.raises(InvalidValue, match="type 4"):
        WitnessKey.parse(str(KEY.public))


def test_a_cosignature_holds_for_its_text_and_time_only() -> None:
    cosigner = Cosigner(name="w.example/1", seed=bytes(32))
    text = note_of(history(3), KEY, 3).partition("\n\n")[0] + "\n"
    line = cosigner.cosign(text, NOW)
    with pytest.raises(InvalidValue, match="signature is wrong"):
        cosignatures(f"{text}further\n\n{line}", [cosigner.public])
    raw = bytearray(decode_base64(line.split()[2], "A signature"))
    raw[11] ^= 1  # a second earlier or later
    with pytest.raises(InvalidValue, match="signature is wrong"):
        cosignatures(f"{text}\n— w.example/1 {encode_base64(bytes(raw))}\n", [cosigner.public])
    other = Cosigner(name="w.example/1", seed=bytes([1] * 32))
    assert cosignatures(f"{text}\n{line}", [other.public]) == []
