"""C2SP notes: the note of the Go reference opens and is reproduced byte for byte; anything else is refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.errors import InvalidValue
from lineament.ledger.checkpoint import Checkpoint, PublicKey, SigningKey, open_note

# The example of golang.org/x/mod/sumdb/note, which other implementations are tested with.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
GO_NOTE = f"{GO_TEXT}\n— PeterNeumann {GO_SIGNATURE}\n"

KEY = SigningKey(name="example.org/ledger", seed=bytes(range(32)))
ROOT = bytes(range(100, 132))
NOTE = Checkpoint(origin=KEY.public.name, size=20852163, root=ROOT).sign(KEY)


def signed_lines(*lines: str, key: SigningKey = KEY) -> str:
    return key.sign("".join(f"{line}\n" for line in lines))


def test_the_note_of_the_reference_opens() -> None:
    assert open_note(GO_NOTE, PublicKey.parse(GO_KEY)) == GO_TEXT


def test_the_note_of_the_reference_is_made() -> None:
    key = SigningKey(name="PeterNeumann", seed=GO_SEED)
    assert key.sign(GO_TEXT) == GO_NOTE
    assert str(key.public) == GO_KEY


def test_a_checkpoint_is_what_it_was() -> None:
    assert NOTE.startswith("example.org/ledger\n20852163\n")
    found = Checkpoint.parse(NOTE, KEY.public)
    assert (found.origin, found.size, found.root) == ("example.org/ledger", 20852163, ROOT)
    assert PublicKey.parse(str(KEY.public)) == KEY.public


def test_signatures_of_witnesses_are_ignored() -> None:
    witness = SigningKey(name="witness.example", seed=bytes(32))
    text, _, signature = NOTE.rpartition("\n\n")
    other = witness.sign(f"{text}\n").rpartition("\n\n")[2]
    for note in (f"{text}\n\n{other}{signature}", f"{text}\n\n{signature}{other}"):
        assert Checkpoint.parse(note, KEY.public).size == 20852163
    with pytest.raises(InvalidValue, match="not signed by"):
        Checkpoint.parse(f"{text}\n\n{other}", KEY.public)


def test_extension_lines_are_signed_and_ignored() -> None:
    note = signed_lines("example.org/ledger", "1", base64.b64encode(ROOT).decode(), "time 2026", "more")
    assert Checkpoint.parse(note, KEY.public).size == 1


def test_every_bit_of_a_checkpoint_counts() -> None:
    raw = NOTE.encode()
    key = KEY.public
    for bit in range(8 * len(raw)):
        changed = bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(raw))
        with pytest.raises(InvalidValue):
            Checkpoint.parse(changed.decode("utf-8", "replace"), key)


ROOT_LINE = base64.b64encode(ROOT).decode()


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("example.org/other", "1", ROOT_LINE), "another ledger"),
        (("example.org/ledger", "01", ROOT_LINE), "whole number"),
        (("example.org/ledger", "-1", ROOT_LINE), "whole number"),
        (("example.org/ledger", "", ROOT_LINE), "whole number"),
        (("example.org/ledger", "１", ROOT_LINE), "whole number"),
        (("example.org/ledger", "9" * 19, ROOT_LINE), "size and root"),
        (("example.org/ledger", "9" * 5000, ROOT_LINE), "whole number"),
        (("example.org/ledger", "1", ROOT_LINE[:-4]), "size and root"),
        (("example.org/ledger", "1", ROOT_LINE.replace("=", "")), "base64"),
        (("example.org/ledger", "1", ROOT_LINE, "", "an extension"), "size and root"),
        (("example.org/ledger", "1"), "base64"),
        (("example.org/ledger",), "whole number"),
    ],
)
def test_a_signed_note_that_is_not_a_checkpoint(lines: tuple[str, ...], why: str) -> None:
    """Nonsense is refused even if the key signed it."""
    with pytest.raises(InvalidValue, match=why):
        Checkpoint.parse(signed_lines(*lines), KEY.public)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        "text",
        "text\n\nno signature",
        "text\n\n— example.org/ledger\n",
        "text\n\n— example.org/ledger !!!!\n",
        "text\n\n- example.org/ledger AAAA\n",
        NOTE[:-1],
        NOTE.replace("\n", "\r\n"),
        f"{'x' * 200_000}{NOTE}",
        NOTE.replace("example", "exa\udc80mple"),
    ],
)
def test_an_invalid_note(note: str) -> None:
    with pytest.raises(InvalidValue, match="A checkpoint cannot be"):
        Checkpoint.parse(note, KEY.public)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\nb", "a\N{NO-BREAK SPACE}b", "x" * 201, "a\x1b[2J"])
def test_names_that_would_break_the_format(name: str) -> None:
    with pytest.raises(InvalidValue, match="origin"):
        SigningKey(name=name, seed=bytes(32))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        GO_KEY.replace("c74f20a3", "c74f20a4"),
        GO_KEY.replace("Peter", "Retep"),
        GO_KEY[:-4],
        GO_KEY.replace("+AR", "+BR"),
        f"{GO_KEY}=",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_an_invalid_key(text: str) -> None:
    with pytest.raises(InvalidValue):
        PublicKey.parse(text)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_seed_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SigningKey(name="a", seed=bytes(length))


@given(st.text(max_size=300))
def test_noise_is_refused_in_words(noise: str) -> None:
    with pytest.raises(InvalidValue):
        Checkpoint.parse(noise, KEY.public)
    with pytest.raises(InvalidValue):
        PublicKey.parse(noise)


@given(st.lists(st.text(max_size=40), max_size=5))
def test_signed_noise_is_refused_in_words(lines: list[str]) -> None:
    try:
        note = KEY.sign("".join(f"{line}\n" for line in lines))
    except UnicodeEncodeError:
        return
    with pytest.raises(InvalidValue):
        Checkpoint.parse(note, KEY.public)
