"""The key-encryption key in its file, data keys, and what they seal."""

from __future__ import annotations

import os
import pickle
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.errors import Damaged, KeyExposed, LineamentError, NoSuchFile, StorageFull, WorkspaceExists, WrongKey
from lineament.store.keys import OVERHEAD, Cipher, DataKey, KeyRing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "kek"


def test_the_same_key_file_unwraps_what_it_wrapped(path: Path) -> None:
    wrapped = KeyRing.create(path).new_data_key("source/press")
    again = KeyRing.open(path)
    sealed = again.unwrap(wrapped, "source/press").seal(b"plain", b"about")
    assert KeyRing.open(path).unwrap(wrapped, "source/press").open(sealed, b"about") == b"plain"


def test_the_file_belongs_to_its_owner_alone(path: Path) -> None:
    KeyRing.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["kek"]


def test_a_key_is_never_overwritten(path: Path) -> None:
    KeyRing.create(path)
    before = path.read_bytes()
    with pytest.raises(WorkspaceExists):
        KeyRing.create(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["kek"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610])
def test_a_key_that_others_may_read_is_refused(path: Path, mode: int) -> None:
    KeyRing.create(path)
    path.chmod(mode)
    with pytest.raises(KeyExposed, match="chmod 600"):
        KeyRing.open(path)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\xff" * 40, b"00" * 32, b"lineament key-encryption key 1\nabcd\n"]
)
def test_a_file_that_holds_no_key_is_damaged(path: Path, content: bytes) -> None:
    KeyRing.create(path)
    path.write_bytes(content)
    with pytest.raises(Damaged, match="kek"):
        KeyRing.open(path)


def test_there_is_no_key(path: Path) -> None:
    with pytest.raises(NoSuchFile):
        KeyRing.open(path)


def test_another_ring_does_not_unwrap(path: Path, tmp_path: Path) -> None:
    ring, other = KeyRing.create(path), KeyRing.create(tmp_path / "other")
    wrapped = ring.new_data_key("source/press")
    with pytest.raises(WrongKey, match="other"):
        other.unwrap(wrapped, "source/press")
    with pytest.raises(WrongKey):
        ring.unwrap(wrapped, "source/registry")
    with pytest.raises(WrongKey):
        ring.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]), "source/press")
    with pytest.raises(WrongKey):
        ring.unwrap(b"", "source/press")


def test_the_check_value_knows_its_ring(path: Path, tmp_path: Path) -> None:
    ring, other = KeyRing.create(path), KeyRing.create(tmp_path / "other")
    KeyRing.open(path).check(ring.check_value())
    with pytest.raises(WrongKey):
        other.check(ring.check_value())
    assert len(ring.check_value()) == 16


def test_every_use_has_a_key_of_its_own(path: Path) -> None:
    ring = KeyRing.create(path)
    key = ring.unwrap(ring.new_data_key("a"), "a")
    keys = [ring.derive("ledger"), ring.derive("suppression"), ring.check_value(), key.derive("rotation")]
    keys += [key.derive("other"), bytes.fromhex(key.address("00" * 32))]
    assert len(set(keys)) == len(keys)
    assert ring.derive("ledger") == KeyRing.open(path).derive("ledger")
    assert len(ring.derive("ledger", 64)) == 64
    sealed = {use: cipher.seal(b"plain", b"about") for use, cipher in ciphers(key).items()}
    for use, cipher in ciphers(key).items():
        for other, content in sealed.items():
            if use == other:
                assert cipher.open(content, b"about") == b"plain"
            else:
                with pytest.raises(Damaged):
                    cipher.open(content, b"about")


def ciphers(key: DataKey) -> dict[str, DataKey | Cipher]:
    return {"values": key, "templates": key.templates, "pictures": key.pictures}


def test_keys_do_not_show_themselves(path: Path) -> None:
    ring = KeyRing.create(path)
    secret = path.read_text().split()[-1]
    key = DataKey(bytes.fromhex(secret))
    for shown in (repr(ring), str(ring), repr(key), f"{key}"):
        assert secret not in shown
        assert secret[:16] not in shown
    assert str(path) in repr(ring)


def test_a_data_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32"):
        DataKey(b"short")


def test_addresses_depend_on_key_and_content() -> None:
    first, second = DataKey(bytes(32)), DataKey(b"\1" * 32)
    digest = "ab" * 32
    assert first.address(digest) == first.address(digest)
    assert len({first.address(digest), second.address(digest), first.address("cd" * 32), digest}) == 4


KEY = DataKey(bytes(range(32)))


@given(plain=st.binary(max_size=500), about=st.binary(max_size=50))
def test_sealed_values_open_again(plain: bytes, about: bytes) -> None:
    sealed = KEY.seal(plain, about)
    assert len(sealed) == len(plain) + OVERHEAD
    assert KEY.open(sealed, about) == plain
    assert KEY.seal(plain, about) != sealed


@given(plain=st.binary(max_size=100), about=st.binary(max_size=20), data=st.data())
def test_one_changed_bit_anywhere_is_damage(plain: bytes, about: bytes, data: st.DataObject) -> None:
    sealed = bytearray(KEY.seal(plain, about))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Damaged):
        KEY.open(bytes(sealed), about)


@given(sealed=st.binary(max_size=100), about=st.binary(max_size=20))
def test_garbage_never_opens(sealed: bytes, about: bytes) -> None:
    with pytest.raises(Damaged):
        KEY.open(sealed, about)


def test_an_error_crosses_a_process_border() -> None:
    error = KeyExposed(path="/keys/kek")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes
    assert isinstance(error, LineamentError)


def test_a_crash_while_creating_leaves_no_key(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StorageFull):
            KeyRing.create(path)
    assert list(path.parent.iterdir()) == []
    KeyRing.create(path)


def test_a_vault_opens_what_the_same_key_file_sealed_for_the_same_place(path: Path) -> None:
    sealed = KeyRing.create(path).vault.seal(b"Freedonia", "agencies|sealed|1")
    vault = KeyRing.open(path).vault
    assert vault.open(sealed, "agencies|sealed|1") == b"Freedonia"
    for elsewhere in ("agencies|sealed|2", "accounts|sealed|1"):
        with pytest.raises(Damaged):
            vault.open(sealed, elsewhere)


def test_a_vault_looks_up_by_kind_text_and_key(path: Path, tmp_path: Path) -> None:
    vault, other = KeyRing.create(path).vault, KeyRing.create(tmp_path / "other").vault
    found = vault.lookup("agencies", "freedonia")
    assert found == KeyRing.open(path).vault.lookup("agencies", "freedonia")
    assert len(found) == 32
    differing = [vault.lookup("accounts", "freedonia"), vault.lookup("agencies", "sylvania")]
    assert found not in [*differing, other.lookup("agencies", "freedonia")]
    assert vault.lookup("a", "b\ud800") != vault.lookup("a", "b")  # whatever somebody types


def test_a_vault_does_not_show_itself(path: Path) -> None:
    assert repr(KeyRing.create(path).vault) == "Vault(…)"
