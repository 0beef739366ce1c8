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
from lineament.store.holders.file import FileHolder
from lineament.store.keys import OVERHEAD, Cipher, DataKey
from lineament.store.ring import KeyRing, rotated, with_newest_only


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "kek"


def again(ring: KeyRing, path: Path) -> KeyRing:
    """Return the ring as another process opens it."""
    opened = KeyRing(FileHolder(path))
    opened.at(ring.wrapped(ring.keys))
    return opened


def test_what_a_ring_wrapped_opens_in_another_process(path: Path) -> None:
    ring = KeyRing.in_file(path)
    wrapped = ring.new_data_key("source/press")
    sealed = again(ring, path).unwrap(wrapped, "source/press").seal(b"plain", b"about")
    assert again(ring, path).unwrap(wrapped, "source/press").open(sealed, b"about") == b"plain"


def test_the_file_belongs_to_its_owner_alone(path: Path) -> None:
    FileHolder(path).create()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["kek"]


def test_a_key_is_never_overwritten(path: Path) -> None:
    FileHolder(path).create()
    before = path.read_bytes()
    with pytest.raises(WorkspaceExists):
        FileHolder(path).create()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["kek"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610])
def test_a_key_that_others_may_read_is_refused(path: Path, mode: int) -> None:
    FileHolder(path).create()
    path.chmod(mode)
    with pytest.raises(KeyExposed, match="chmod 600"):
        FileHolder(path).key()


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\xff" * 40, b"00" * 32, b"lineament key-encryption key 1\nabcd\n"]
)
def test_a_file_that_holds_no_key_is_damaged(path: Path, content: bytes) -> None:
    FileHolder(path).create()
    path.write_bytes(content)
    with pytest.raises(Damaged, match="kek"):
        FileHolder(path).key()


def test_there_is_no_key(path: Path) -> None:
    with pytest.raises(NoSuchFile):
        FileHolder(path).key()
    with pytest.raises(WrongKey):
        FileHolder(path).unwrap(b"wrapped", b"about")


def test_another_ring_does_not_unwrap(path: Path, tmp_path: Path) -> None:
    ring, other = KeyRing.in_file(path), KeyRing.in_file(tmp_path / "other")
    wrapped = ring.new_data_key("source/press")
    with pytest.raises(WrongKey, match="other"):
        other.unwrap(wrapped, "source/press")
    with pytest.raises(WrongKey):
        ring.unwrap(wrapped, "source/registry")
    with pytest.raises(WrongKey):
        ring.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]), "source/press")
    with pytest.raises(WrongKey):
        ring.unwrap(b"", "source/press")
    with pytest.raises(WrongKey):
        KeyRing(other.holder).at(ring.wrapped(ring.keys))
    with pytest.raises(Damaged):
        ring.at("no ring at all!")


def test_a_ring_that_was_never_opened_gives_no_key(path: Path) -> None:
    with pytest.raises(WrongKey):
        _ = KeyRing(FileHolder(path)).vault


def test_an_older_workspace_derives_its_ring_from_its_key_file(path: Path) -> None:
    FileHolder(path).create()
    first, second = KeyRing(FileHolder(path)), KeyRing(FileHolder(path))
    sealed = first.at(None).seal(b"Freedonia", "agencies|sealed|1")
    assert second.at(None).open(sealed, "agencies|sealed|1") == b"Freedonia"
    wrapped = first.new_data_key("a")
    assert second.unwrap(wrapped, "a") == first.unwrap(wrapped, "a")


def test_a_rotated_ring_seals_with_the_new_key_and_opens_both(path: Path) -> None:
    ring = KeyRing.in_file(path)
    sealed, wrapped = ring.vault.seal(b"plain", "place"), ring.new_data_key("a")
    both = rotated(ring.keys)
    during = KeyRing(ring.holder)
    during.at(ring.wrapped(both))
    assert during.vault.open(sealed, "place") == b"plain"
    assert during.unwrap(wrapped, "a") == ring.unwrap(wrapped, "a")
    after = KeyRing(ring.holder)
    after.at(ring.wrapped(with_newest_only(both)))
    assert after.vault.open(during.vault.seal(b"new", "place"), "place") == b"new"
    with pytest.raises(Damaged):
        after.vault.open(sealed, "place")
    with pytest.raises(WrongKey):
        after.unwrap(wrapped, "a")
    assert after.vault.lookup("a", "b") == ring.vault.lookup("a", "b")
    assert after.derive("ledger") == ring.derive("ledger")


def test_a_process_keeps_opening_what_readers_see_that_began_before_a_rotation_ended(path: Path) -> None:
    ring = KeyRing.in_file(path)
    first, both = ring.wrapped(ring.keys), rotated(ring.keys)
    during, after = ring.wrapped(both), ring.wrapped(with_newest_only(both))
    process = KeyRing(ring.holder)
    sealed = process.at(first).seal(b"plain", "place")
    for stored in (during, after, first):  # a reader may come last that began first
        assert process.at(stored).open(sealed, "place") == b"plain"
    new = process.at(first).seal(b"new", "place")
    again = KeyRing(ring.holder)
    assert again.at(after).open(new, "place") == b"new"


def test_every_use_has_a_key_of_its_own(path: Path) -> None:
    ring = KeyRing.in_file(path)
    key = ring.unwrap(ring.new_data_key("a"), "a")
    keys = [ring.derive("ledger"), ring.derive("suppression"), key.derive("rotation")]
    keys += [key.derive("other"), bytes.fromhex(key.address("00" * 32))]
    assert len(set(keys)) == len(keys)
    assert ring.derive("ledger") == again(ring, path).derive("ledger")
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
    ring = KeyRing.in_file(path)
    secret = path.read_text().split()[-1]
    key = DataKey(bytes.fromhex(secret))
    held = [ring.keys.root.hex(), ring.keys.generations[0].sealing.hex(), secret]
    for shown in (repr(ring), str(ring), repr(key), f"{key}", repr(ring.keys), repr(ring.keys.generations)):
        assert not [one for one in held if one[:16] in shown]
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
            FileHolder(path).create()
    assert list(path.parent.iterdir()) == []
    FileHolder(path).create()


def test_a_vault_opens_what_the_same_key_file_sealed_for_the_same_place(path: Path) -> None:
    ring = KeyRing.in_file(path)
    sealed = ring.vault.seal(b"Freedonia", "agencies|sealed|1")
    vault = again(ring, path).vault
    assert vault.open(sealed, "agencies|sealed|1") == b"Freedonia"
    for elsewhere in ("agencies|sealed|2", "accounts|sealed|1"):
        with pytest.raises(Damaged):
            vault.open(sealed, elsewhere)


def test_a_vault_looks_up_by_kind_text_and_key(path: Path, tmp_path: Path) -> None:
    ring = KeyRing.in_file(path)
    vault, other = ring.vault, KeyRing.in_file(tmp_path / "other").vault
    found = vault.lookup("agencies", "freedonia")
    assert found == again(ring, path).vault.lookup("agencies", "freedonia")
    assert len(found) == 32
    differing = [vault.lookup("accounts", "freedonia"), vault.lookup("agencies", "sylvania")]
    assert found not in [*differing, other.lookup("agencies", "freedonia")]
    assert vault.lookup("a", "b\ud800") != vault.lookup("a", "b")  # whatever somebody types


def test_a_vault_does_not_show_itself(path: Path) -> None:
    assert repr(KeyRing.in_file(path).vault) == "Vault(…)"
