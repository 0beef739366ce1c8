"""The port KeyHolder: a file, a token behind PKCS#11 (SoftHSM), and a transit service over HTTP and a Unix socket."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import softhsm

from lineament.errors import InvalidValue, KeyExposed, KeyHolderUnavailable, NoSuchFile, WorkspaceExists, WrongKey
from lineament.store.holders.base import KeyHolder
from lineament.store.holders.choose import holder_at
from lineament.store.holders.file import FileHolder
from lineament.store.holders.pkcs11 import Pkcs11Holder
from lineament.store.holders.transit import TransitHolder
from lineament.testing import fake_transit

TOKEN = "a token for tests"
ABOUT = b"lineament key ring 1"
numbers = itertools.count(1)


def secret(folder: Path, text: str = TOKEN) -> Path:
    path = folder / "token"
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture(params=["file", "pkcs11", "transit", "transit at a socket"])
def holder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyHolder]:
    """A holder that has no key yet."""
    if request.param == "file":
        yield FileHolder(tmp_path / "keys" / "kek")
    elif request.param == "pkcs11":
        pin = request.getfixturevalue("token")
        uri = f"pkcs11:token={softhsm.TOKEN};object=test%20{next(numbers)}?module-path={softhsm.MODULE}"
        yield holder_at(uri, tmp_path / "unused", pin)
    else:
        socket = tmp_path / "s" if request.param.endswith("socket") else None
        with fake_transit(TOKEN, socket) as service:
            address = f"transit+unix://{socket}:/transit/lineament" if socket else f"transit+{service.base}/transit/k"
            yield holder_at(address, tmp_path / "unused", secret(tmp_path))


def test_it_is_a_key_holder(holder: KeyHolder) -> None:
    assert isinstance(holder, KeyHolder)
    assert holder.place


@pytest.mark.parametrize("plain", [b"x", bytes(32), bytes(range(256)) * 8])
def test_what_it_wraps_it_unwraps(holder: KeyHolder, plain: bytes) -> None:
    holder.create()
    wrapped = holder.wrap(plain, ABOUT)
    assert holder.unwrap(wrapped, ABOUT) == plain
    assert len(plain) == 1 or plain not in wrapped
    assert holder.wrap(plain, ABOUT) != wrapped


def test_a_key_is_made_once(holder: KeyHolder) -> None:
    holder.create()
    wrapped = holder.wrap(b"plain", ABOUT)
    with pytest.raises(WorkspaceExists):
        holder.create()
    assert holder.unwrap(wrapped, ABOUT) == b"plain"


def test_without_a_key_nothing_is_wrapped(holder: KeyHolder) -> None:
    with pytest.raises(WrongKey):
        holder.wrap(b"plain", ABOUT)
    with pytest.raises(WrongKey):
        holder.unwrap(b"wrapped" * 10, ABOUT)
    with pytest.raises((WrongKey, NoSuchFile)):
        holder.rotate()
    holder.create()
    assert holder.unwrap(holder.wrap(b"plain", ABOUT), ABOUT) == b"plain"


def test_it_opens_for_the_same_use_only(holder: KeyHolder) -> None:
    holder.create()
    wrapped = holder.wrap(b"plain", ABOUT)
    with pytest.raises(WrongKey):
        holder.unwrap(wrapped, b"lineament key ring 2")


def test_what_was_altered_does_not_open(holder: KeyHolder) -> None:
    holder.create()
    wrapped = holder.wrap(bytes(32), ABOUT)
    altered = [wrapped[:at] + bytes([wrapped[at] ^ 1]) + wrapped[at + 1 :] for at in (0, len(wrapped) // 2)]
    for bad in (*altered, wrapped[:-4], b"", b"\xff" * 80, wrapped + b"AAAA"):
        with pytest.raises(WrongKey):
            holder.unwrap(bad, ABOUT)


def test_during_a_rotation_both_keys_open_and_the_newest_wraps(holder: KeyHolder) -> None:
    holder.create()
    before = holder.wrap(b"before", ABOUT)
    holder.rotate()
    after = holder.wrap(b"after", ABOUT)
    assert holder.unwrap(before, ABOUT) == b"before"
    assert holder.unwrap(after, ABOUT) == b"after"
    holder.retire()
    assert holder.unwrap(after, ABOUT) == b"after"
    with pytest.raises(WrongKey):
        holder.unwrap(before, ABOUT)


def test_rotating_and_retiring_twice_as_after_a_kill_loses_nothing(holder: KeyHolder) -> None:
    holder.create()
    holder.retire()
    before = holder.wrap(b"before", ABOUT)
    holder.rotate()
    holder.rotate()
    after = holder.wrap(b"after", ABOUT)
    assert holder.unwrap(before, ABOUT) == b"before"
    holder.retire()
    holder.retire()
    assert holder.unwrap(after, ABOUT) == b"after"
    assert holder.unwrap(holder.wrap(b"later", ABOUT), ABOUT) == b"later"


def test_another_key_does_not_open(holder: KeyHolder, tmp_path: Path) -> None:
    holder.create()
    other = FileHolder(tmp_path / "other" / "kek")
    other.create()
    with pytest.raises(WrongKey):
        holder.unwrap(other.wrap(bytes(32), ABOUT), ABOUT)


# ---------------------------------------------------------------- what one of them alone can do wrong


def test_a_retired_key_file_is_overwritten_before_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "kek"
    holder = FileHolder(path)
    holder.create()
    old = path.read_bytes()
    kept = tmp_path / "the same file under another name"
    kept.hardlink_to(path)
    holder.rotate()
    holder.retire()
    assert path.read_bytes() != old
    assert set(kept.read_bytes()) == {0}
    assert [file.name for file in path.parent.iterdir()] == ["kek"]


def test_a_damaged_next_key_does_not_replace_the_good_one(tmp_path: Path) -> None:
    holder = FileHolder(tmp_path / "kek")
    holder.create()
    wrapped = holder.wrap(b"plain", ABOUT)
    (tmp_path / "kek.next").write_bytes(b"")
    (tmp_path / "kek.next").chmod(0o600)
    with pytest.raises(Exception, match="holds no key"):
        holder.retire()
    (tmp_path / "kek.next").unlink()
    assert holder.unwrap(wrapped, ABOUT) == b"plain"


def test_a_key_in_a_token_cannot_be_read_out_of_it(token: Path) -> None:
    import pkcs11

    holder = Pkcs11Holder(softhsm.MODULE, softhsm.TOKEN, "to be stolen", token)
    holder.create()
    found = pkcs11.lib(str(softhsm.MODULE)).get_token(token_label=softhsm.TOKEN)
    with found.open(user_pin=softhsm.PIN) as session:
        (key,) = session.get_objects({pkcs11.Attribute.LABEL: "to be stolen"})
        assert key[pkcs11.Attribute.SENSITIVE]
        assert not key[pkcs11.Attribute.EXTRACTABLE]
        with pytest.raises(pkcs11.exceptions.AttributeSensitive):
            _ = key[pkcs11.Attribute.VALUE]


def test_a_wrong_pin_is_no_traceback_and_is_not_repeated(token: Path, tmp_path: Path) -> None:
    holder = Pkcs11Holder(softhsm.MODULE, softhsm.TOKEN, "any", softhsm.pin_file(tmp_path, "000000"))
    with pytest.raises(KeyHolderUnavailable) as refused:
        holder.create()
    assert "000000" not in str(refused.value)
    assert str(token) not in str(refused.value)


def test_a_missing_library_or_token_is_named(token: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyHolderUnavailable, match="nothing here"):
        Pkcs11Holder(tmp_path / "nothing.so", "nothing here", "k", token).create()
    with pytest.raises(KeyHolderUnavailable, match="another token"):
        Pkcs11Holder(softhsm.MODULE, "another token", "k", token).create()


def test_a_transit_service_gets_no_secret_over_an_open_line(tmp_path: Path) -> None:
    for address in (
        "transit+http://vault.agency.example/transit/k",
        "transit+https://user:secret@vault.agency.example/transit/k",
        "transit+https://vault.agency.example/k",
        "transit+ftp://vault.agency.example/transit/k",
    ):
        with pytest.raises(InvalidValue) as refused:
            holder_at(address, tmp_path / "kek", secret(tmp_path))
        assert "secret" not in str(refused.value)
    with pytest.raises(InvalidValue):
        holder_at("transit+https://vault.agency.example/transit/k", tmp_path / "kek", None)
    with pytest.raises(InvalidValue):
        holder_at("elsewhere", tmp_path / "kek", None)


def test_a_refused_token_is_neither_shown_nor_taken_for_a_wrong_key(tmp_path: Path) -> None:
    with fake_transit(TOKEN) as service:
        holder = TransitHolder(service.base, "transit", "k", secret(tmp_path, "s.stolen"))
        with pytest.raises(KeyHolderUnavailable, match="403") as refused:
            holder.unwrap(b"vault:v1:AAAA", ABOUT)
    assert "s.stolen" not in str(refused.value)
    with pytest.raises(KeyHolderUnavailable):  # it does not run any more
        holder.unwrap(b"vault:v1:AAAA", ABOUT)


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = secret(tmp_path)
    path.chmod(0o640)
    with fake_transit(TOKEN) as service, pytest.raises(KeyExposed):
        TransitHolder(service.base, "transit", "k", path).create()
    with pytest.raises(KeyExposed):
        Pkcs11Holder(softhsm.MODULE, softhsm.TOKEN, "k", path).create()


def test_wrapping_makes_no_key_by_the_way(tmp_path: Path) -> None:
    with fake_transit(TOKEN) as service:
        holder = TransitHolder(service.base, "transit", "mistyped", secret(tmp_path))
        with pytest.raises(WrongKey):
            holder.wrap(b"plain", ABOUT)
        assert service.keys == {}
