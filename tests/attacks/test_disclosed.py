"""A disclosure pack is changed by whoever has it, or by whoever has the key: a stranger with one file finds it."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from tests.support.clock import Clock
from tests.support.forged import LEDGER, Forged, Stranger, reason_changed, stamped
from tests.support.reviewing import decide_all
from tests.support.samples import evidence_of
from tests.support.stamps import RunningAuthority, authority
from tests.support.watched import SAME, compare, enrol, keep_watch
from tests.support.witnesses import witness
from tests.support.world import CASE, PROBE, SOURCE, World, gallery

from lineament.ledger.checkpoint import PublicKey, SigningKey, decode_base64
from lineament.ledger.entries import canonical
from lineament.ledger.stamps import ask_for_stamp
from lineament.model.search import Mode, ProbeKind, SearchRequest
from lineament.model.witnessing import StampAuthority, WitnessAddress, WitnessPolicy
from lineament.services.disclosure import snapshot, verify

pytestmark = pytest.mark.enable_socket
Change = Callable[[Forged], None]


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A pack, and what others have of its ledger from earlier."""

    pack: bytes
    earlier: Path  # an earlier pack
    checkpoint: Path
    receipt: Path
    proof: Path
    key: SigningKey
    witness: str
    tsa: RunningAuthority

    def forged(self) -> Forged:
        return Forged.of(self.pack, self.key)


@pytest.fixture(scope="module")
def disclosed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disclosed]:
    """Disclose a case of three searches, one of them empty, from a ledger that a witness and an authority saw."""
    folder = tmp_path_factory.mktemp("disclosed")
    clock = Clock(datetime.now(UTC) - timedelta(minutes=1))
    with World(gallery(folder / "ws", clock), clock) as world, authority(folder / "tsa") as tsa:
        desk = world.machine
        log = PublicKey.parse(desk.audit.public_key)
        with witness(folder / "one", log, clock=lambda: clock.at) as one:
            addresses = (WitnessAddress(key=str(one.key), url=one.url),)
            stamps = (StampAuthority(name="tsa", url=tsa.url, roots=tsa.roots),)
            policy = WitnessPolicy(witnesses=addresses, witnesses_needed=1, authorities=stamps, stamps_needed=1)
            desk.witnesses.propose(policy, "R42")
            desk.proposals.propose_threshold(0.5, "people are missed", evidence_of(desk.workspace.pack.model, 0.1, 0.5))
            decide_all(desk, _search(world, Mode.INVESTIGATION, "the plate was seen there"))
            keep_watch(world)
            enrol(world, SAME, width=500)
            assert compare(world) == 1
            (folder / "earlier.zip").write_bytes(desk.disclosure.make(CASE.ref, sharp=True).zipped)
            (folder / "checkpoint").write_text(desk.audit.checkpoint() or "", "utf-8")
            (folder / "proof").write_text(desk.audit.prove(1).file, "utf-8")
            _search(world, Mode.IDENTIFICATION, "a second witness")
            _search(world, Mode.MANUAL, "a third witness")
            assert [each.why for each in desk.witnesses.submit() if each.why] == []
            pack = desk.disclosure.make(CASE.ref, sharp=True).zipped
            desk.erase.source(SOURCE, "asked")
            (folder / "receipt").write_text(desk.erase.receipt(SOURCE), "utf-8")
        key = world.workspace.ledger._key
        yield Disclosed(
            pack=pack,
            earlier=folder / "earlier.zip",
            checkpoint=folder / "checkpoint",
            receipt=folder / "receipt",
            proof=folder / "proof",
            key=key,
            witness=str(one.key),
            tsa=tsa,
        )


def _search(world: World, mode: Mode, reason: str) -> str:
    desk = world.machine
    probe = desk.probes.take(CASE.ref, PROBE.read_bytes(), kind=ProbeKind.CCTV)
    least = 0.99 if mode is Mode.MANUAL else None
    request = SearchRequest(case=CASE.ref, reason=reason, mode=mode, min_score=least)
    return desk.search.run(probe.id, request, 1).search_id


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    return Stranger.at(tmp_path_factory.mktemp("stranger") / "empty")


# ---------------------------------------------------------------- a good pack


def test_a_stranger_accepts_a_good_pack(disclosed: Disclosed, stranger: Stranger) -> None:
    found = stranger.verify(disclosed.pack)
    assert (found.code, found.err) == (0, "")
    assert "pack.zip is sound: case 2026-0412" in found.out
    assert "Searches: 4, of which 1 found no candidate." in found.out
    assert "Watches: 1." in found.out
    assert "NOT CHECKED: whose key this is." in found.out
    assert "the witness witness.example/one, named by the pack itself, saw its first" in found.out
    assert sorted(path.name for path in stranger.home.iterdir()) == ["pack.zip", "verify.py"]


def test_nothing_is_left_unchecked_for_who_brings_what_they_trust(disclosed: Disclosed, stranger: Stranger) -> None:
    roots = disclosed.tsa.folder / "root.pem"
    options = ["--key", str(disclosed.key.public), "--witness", disclosed.witness, "--witnesses", "1"]
    found = stranger.verify(disclosed.pack, *options, "--tsa", roots, "--stamps", "1", "--earlier", disclosed.earlier)
    assert (found.code, found.err) == (0, "")
    assert "NOT CHECKED" not in found.out
    assert "a time-stamp authority, that you trust, saw its first" in found.out


def test_the_verifier_says_as_json_what_it_found(disclosed: Disclosed, stranger: Stranger) -> None:
    answer = json.loads(stranger.verify(disclosed.pack, "--json").out)
    assert answer["sound"]
    assert (answer["searches"], answer["empty"], answer["problems"]) == (4, 1, [])
    wrong = json.loads(stranger.verify(disclosed.forged().zipped()[:-1] + b"!", "--json").out or "{}")
    assert wrong == {}  # it is no pack at all, which is said in one line


def test_a_stranger_has_nothing_of_ours(stranger: Stranger) -> None:
    """So the tests below do not pass because of what is installed here."""
    for name, there in (
        ("lineament", False),
        ("numpy", False),
        ("PIL", False),
        ("asn1crypto", False),
        ("cryptography", True),
    ):
        assert stranger.imports(name) is there, name
    assert {path.name for path in stranger.home.iterdir()} <= {"verify.py", "pack.zip"}


def test_the_verifier_imports_nothing_of_ours() -> None:
    text = Path(str(verify.__file__)).read_text("utf-8")
    imported = set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE))
    assert "lineament" not in imported
    assert imported - {"__future__", "cryptography"} <= __import__("sys").stdlib_module_names


# ---------------------------------------------------------------- somebody without the key


def test_a_flipped_bit_is_found_in_every_file(disclosed: Disclosed, stranger: Stranger) -> None:
    names = list(disclosed.forged().files)
    for name in names:
        forged = disclosed.forged()
        middle = len(forged.files[name]) // 2
        content = bytearray(forged.files[name])
        content[middle] ^= 0x10
        forged.files[name] = bytes(content)
        with verify.PackFile.at(_written(stranger, forged.zipped())) as pack:
            found = verify.Verifier(pack, verify.Brought()).run()
        assert found.problems, name
        signed = name.startswith("manifest.")
        assert signed or any(code == verify.FILES and name in words for code, words in found.problems), name


def _written(stranger: Stranger, pack: bytes) -> Path:
    path = stranger.home.parent / "flipped.zip"
    path.write_bytes(pack)
    return path


def test_a_bit_that_flips_in_the_zip_file_is_named(disclosed: Disclosed, stranger: Stranger) -> None:
    with zipfile.ZipFile(io.BytesIO(disclosed.pack)) as zipped:
        info = zipped.getinfo("case.json")
    pack = bytearray(disclosed.pack)
    pack[info.header_offset + 200] ^= 1
    found = stranger.verify(bytes(pack))
    assert found.code == verify.FILES
    assert "WRONG: the file case.json is damaged" in found.out


def test_files_that_are_missing_or_added_are_named(disclosed: Disclosed, stranger: Stranger) -> None:
    forged = disclosed.forged()
    del forged.files["settings.json"]
    forged.files["more.txt"] = b"what the agency did not say"
    found = stranger.verify(forged.zipped())
    assert found.code == verify.FILES
    assert "WRONG: the file settings.json is missing" in found.out
    assert "WRONG: the file more.txt was added to the pack" in found.out


def test_swapped_pictures_are_named(disclosed: Disclosed, stranger: Stranger) -> None:
    forged = disclosed.forged()
    one, two = sorted(name for name in forged.files if name.startswith("pictures/"))[:2]
    forged.files[one], forged.files[two] = forged.files[two], forged.files[one]
    found = stranger.verify(forged.zipped())
    assert found.code == verify.FILES
    assert f"WRONG: the file {one} was changed" in found.out


def test_a_pack_that_somebody_else_signed_is_not_the_agencys(disclosed: Disclosed, stranger: Stranger) -> None:
    forged = disclosed.forged()
    forged.key = SigningKey(name=disclosed.key.public.name, seed=b"s" * 32)
    found = stranger.verify(forged.signed(), "--key", str(disclosed.key.public))
    assert found.code == verify.SIGNATURE
    assert "the pack is not signed by the key" in found.out


# ---------------------------------------------------------------- somebody with the key


def hide_search(forged: Forged) -> None:
    """Leave a search out of everything, and pass its entry off as one of another case."""
    case = forged.json("case.json")
    gone = case["searches"].pop(1)
    case["timeline"] = [each for each in case["timeline"] if each["entry"] != gone["entry"]]
    forged.put("case.json", case)
    forged.put_rows([row for row in forged.rows() if gone["id"] not in row["row"]])
    lines = forged.lines()
    lines[1 + gone["entry"]] = {"seq": gone["entry"], "leaf": lines[1 + gone["entry"]]["leaf"], "hidden": True}
    forged.put_lines(lines)
    proofs = forged.files["ledger/proofs.jsonl"].splitlines(keepends=True)
    forged.files["ledger/proofs.jsonl"] = b"".join(
        line for line in proofs if json.loads(line)["entry"] != gone["entry"]
    )


def drop_search(forged: Forged) -> None:
    case = forged.json("case.json")
    gone = case["searches"].pop(0)
    forged.put("case.json", case)
    forged.put_rows([row for row in forged.rows() if gone["id"] not in row["row"]])


def reorder_told(forged: Forged) -> None:
    forged.edit("case.json", lambda case: _swap(case["searches"][0]["list"]))


def _swap(listed: list[dict[str, Any]]) -> None:
    listed[0], listed[1] = listed[1], listed[0]
    listed[0]["rank"], listed[1]["rank"] = 1, 2


def reorder_rows(forged: Forged) -> None:
    """Swap the first two candidates in case.json and in the rows alike."""
    told = forged.json("case.json")["searches"][0]
    rows = {row["row"]: row["text"] for row in forged.rows()}
    first, second = (f"candidates/{told['id']}/{rank}" for rank in (1, 2))
    rows[first], rows[second] = rows[second], rows[first]
    said = json.loads(rows[f"searches/{told['id']}"])[1]
    (_, *one), (_, *two) = said[2][:2]
    said[2][:2] = [[1, *two], [2, *one]]
    rows[f"searches/{told['id']}"] = json.dumps(["searches", said], sort_keys=True, separators=(",", ":"))
    forged.put_rows([{"row": name, "text": text} for name, text in rows.items()])
    reorder_told(forged)


def other_score(forged: Forged) -> None:
    def change(case: dict[str, Any]) -> None:
        case["searches"][0]["list"][0]["score"] += 0.01

    forged.edit("case.json", change)


def other_purpose(forged: Forged) -> None:
    rows = forged.rows()
    for row in rows:
        row["text"] = row["text"].replace(CASE.purpose, "to find a witness")
    forged.put_rows(rows)
    forged.files["case.json"] = forged.files["case.json"].replace(CASE.purpose.encode(), b"to find a witness")


def other_decision(forged: Forged) -> None:
    """Let a candidate that was excluded be a lead, in case.json and in the rows alike."""
    rows = forged.rows()
    row = next(row for row in rows if row["row"].startswith("decisions/"))
    row["text"] = row["text"].replace('"outcome":"excluded"', '"outcome":"lead"')
    forged.put_rows(rows)
    id_ = row["row"].partition("/")[2]

    def change(case: dict[str, Any]) -> None:
        next(one for one in case["records"]["decisions"] if one["id"] == id_)["sealed"]["outcome"] = "lead"

    forged.edit("case.json", change)


def drop_decision(forged: Forged) -> None:
    rows = forged.rows()
    gone = next(row for row in rows if row["row"].startswith("decisions/"))
    forged.put_rows([row for row in rows if row != gone])
    forged.edit("case.json", lambda case: case["records"]["decisions"].remove(json.loads(gone["text"])[1]))


def swap_pictures(forged: Forged) -> None:
    one, two = sorted(name for name in forged.files if name.startswith("pictures/"))[:2]
    forged.files[one], forged.files[two] = forged.files[two], forged.files[one]


def swap_photograph(forged: Forged) -> None:
    name = next(name for name in forged.files if name.startswith("probes/"))
    forged.files[name] = b"another photograph"


def cut_lines(forged: Forged) -> None:
    forged.put_lines(forged.lines()[:-1])


def cut_history(forged: Forged) -> None:
    forged.put_history(forged.lines()[:-1])


def other_leaf(forged: Forged) -> None:
    lines = forged.lines()
    next(line for line in lines[1:] if line.get("details"))["leaf"] = "00" * 32
    forged.put_lines(lines)


def other_hidden_leaf(forged: Forged) -> None:
    lines = forged.lines()
    next(line for line in lines[1:] if line.get("hidden"))["leaf"] = "00" * 32
    forged.put_lines(lines)


def change_details(forged: Forged) -> None:
    lines = forged.lines()
    entry = next(line for line in lines[1:] if line["seq"] and line.get("details"))
    entry["details"] = entry["details"].replace('"actor":"', '"actor":"not ')
    forged.put_lines(lines)


def rewrite(forged: Forged) -> None:
    """Write another history from its beginning: the first entry of somebody else's case is another one."""
    lines = forged.lines()
    hidden = next(line for line in lines[1:] if line.get("hidden"))
    hidden["leaf"] = "11" * 32
    forged.put_history(lines)


def other_checkpoint(forged: Forged) -> None:
    """Have the checkpoint signed by a key of the same name."""
    other = SigningKey(name=forged.key.public.name, seed=b"o" * 32)
    lines = forged.lines()
    note = other.sign(lines[0]["checkpoint"].rpartition("\n\n")[0] + "\n")
    lines[0]["checkpoint"] = note
    forged.files["ledger/checkpoint.txt"] = note.encode()
    forged.put_lines(lines)


def drop_watch(forged: Forged) -> None:
    """Leave the watch out, and keep the search that it made."""
    forged.put_rows([row for row in forged.rows() if not row["row"].startswith("watches/")])
    forged.edit("case.json", lambda case: case["records"].pop("watches"))


def other_watch(forged: Forged) -> None:
    rows = forged.rows()
    row = next(row for row in rows if row["row"].startswith("watches/"))
    said = json.loads(row["text"])
    said[1]["reason"] = "another reason"
    row["text"] = json.dumps(said, sort_keys=True, separators=(",", ":"))
    forged.put_rows(rows)
    forged.edit("case.json", lambda case: case["records"].update(watches=[said[1]]))


def drop_finding(forged: Forged) -> None:
    forged.put_rows([row for row in forged.rows() if not row["row"].startswith("watch_findings/")])
    forged.edit("case.json", lambda case: case["records"].pop("watch_findings"))


def drop_change(forged: Forged) -> None:
    forged.edit("settings.json", lambda settings: settings.update(threshold_changes=[]))


def _put_change(forged: Forged, **changes: Any) -> None:
    forged.edit("settings.json", lambda settings: settings["threshold_changes"][0].update(changes))


def other_strangers(forged: Forged) -> None:
    _put_change(forged, strangers=0.2)


def other_reason(forged: Forged) -> None:
    _put_change(forged, reason="it is said to be better")


def other_evidence(forged: Forged) -> None:
    _put_change(forged, evidence=None)


def other_entry(forged: Forged) -> None:
    _put_change(forged, entry=1)


def other_signatory(forged: Forged) -> None:
    """Have another key sign that the change took effect."""

    def change(settings: dict[str, Any]) -> None:
        other = SigningKey(name=forged.key.public.name, seed=b"o" * 32)
        told = settings["threshold_changes"][0]
        told["made"] = other.sign(told["made"].rpartition("\n\n")[0] + "\n")

    forged.edit("settings.json", change)


def signed_anew(forged: Forged) -> None:
    """Sign both statements anew, with another reason, which the ledger did not record."""

    def change(settings: dict[str, Any]) -> None:
        told = settings["threshold_changes"][0]
        told["reason"] = "another reason"
        told["proposed"] = _signed_with(forged.key, told["proposed"], reason="another reason")
        told["made"] = _signed_with(
            forged.key, told["made"], proposal_sha256=sha256(told["proposed"].encode()).hexdigest()
        )

    forged.edit("settings.json", change)


def _signed_with(key: SigningKey, note: str, **changes: str) -> str:
    form, statement = note.rpartition("\n\n")[0].split("\n")
    return key.sign(f"{form}\n{canonical(json.loads(statement) | changes)}\n")


def other_model(forged: Forged) -> None:
    forged.edit("settings.json", lambda settings: settings.update(models_searched_with=["better/1"]))


WITH_THE_KEY: dict[Change, tuple[int, str]] = {
    drop_search: (verify.ROWS, "is missing, which entry"),
    hide_search: (verify.ROWS, "the entry of search number 2 of the case is not shown"),
    reorder_told: (verify.ROWS, "was reordered: entry"),
    reorder_rows: (verify.ROWS, "was reordered: entry"),
    other_score: (verify.ROWS, "differs: entry"),
    other_purpose: (verify.ROWS, "the row of the case"),
    other_decision: (verify.ROWS, "the row of decisions"),
    drop_decision: (verify.ROWS, "is missing, which entry"),
    drop_watch: (verify.ROWS, "is missing, by which entry"),
    other_watch: (verify.ROWS, "the watch"),
    drop_finding: (verify.ROWS, "what a watch found,"),
    drop_change: (verify.SETTINGS, "settings.json lacks change 1 of the threshold, under which entry"),
    other_strangers: (verify.SETTINGS, "not the one that was signed: its number of strangers differs"),
    other_reason: (verify.SETTINGS, "not the one that was signed: its reason differs"),
    other_evidence: (verify.SETTINGS, "not the one that was signed: its evidence differs"),
    other_entry: (verify.SETTINGS, "not the one that was signed: its entry differs"),
    other_signatory: (verify.SIGNATURE, "the statement that made change 1 of the threshold is not signed by the key"),
    signed_anew: (verify.SETTINGS, "change 1 of the threshold is not the one that entry"),
    other_model: (verify.SETTINGS, "settings.json names other models than the searches"),
    swap_pictures: (verify.PICTURES, "was swapped: it is another than its name says"),
    swap_photograph: (verify.PICTURES, "is not the one that was searched with"),
    cut_lines: (verify.LEDGER, "the ledger was cut short: it has"),
    cut_history: (verify.LEDGER, "does not record that this pack was asked for"),
    other_leaf: (verify.LEDGER, "does not fit its leaf hash"),
    other_hidden_leaf: (verify.LEDGER, "entries are not those that were signed: at least one was changed"),
    change_details: (verify.LEDGER, "do not fit their commitment"),
    rewrite: (verify.HISTORY, "the ledger was rewritten"),
    other_checkpoint: (verify.SIGNATURE, "the checkpoint is not signed by the key"),
}


@pytest.mark.parametrize("change", WITH_THE_KEY, ids=lambda change: change.__name__)
def test_what_is_changed_and_signed_again_is_named(disclosed: Disclosed, stranger: Stranger, change: Change) -> None:
    forged = disclosed.forged()
    change(forged)
    code, words = WITH_THE_KEY[change]
    found = stranger.verify(forged.signed())
    assert (found.code, found.err) == (code, "")
    assert words in found.out
    assert "is NOT sound" in found.out


def rewritten(disclosed: Disclosed, *, witnessed: bool = False) -> bytes:
    """Return a pack whose log was rewritten whole and signed with the right key."""
    forged = disclosed.forged()
    if not witnessed:
        lines = forged.lines()
        del lines[0]["witnessed"]
        forged.put_lines(lines)
    reason_changed(forged, 0, "another reason")
    return forged.signed()


def test_a_log_that_is_rewritten_whole_is_sound_by_itself(disclosed: Disclosed, stranger: Stranger) -> None:
    """Nothing in the pack can show it, which is what the verifier says."""
    found = stranger.verify(rewritten(disclosed), "--key", str(disclosed.key.public))
    assert found.code == 0
    assert "NOT CHECKED: that the whole ledger was not rewritten by whoever holds its key" in found.out


@pytest.mark.parametrize("kept", ["earlier", "checkpoint", "proof"])
def test_a_log_that_is_rewritten_whole_is_found_by_what_was_kept(
    disclosed: Disclosed, stranger: Stranger, kept: str
) -> None:
    found = stranger.verify(rewritten(disclosed), "--checkpoint", getattr(disclosed, kept))
    assert found.code == verify.HISTORY
    assert "shows other entries among the first" in found.out
    assert "the ledger was rewritten" in found.out


def forked(disclosed: Disclosed) -> bytes:
    """Return a pack whose history differs from what others saw only after the checkpoint that somebody kept."""
    forged = disclosed.forged()
    reason_changed(forged, 2, "another reason")
    return forged.signed()


def test_a_log_that_was_forked_is_told_from_one_that_was_rewritten(disclosed: Disclosed, stranger: Stranger) -> None:
    kept = int(disclosed.checkpoint.read_text("utf-8").split("\n")[1])
    found = stranger.verify(forked(disclosed), "--checkpoint", disclosed.checkpoint)
    assert found.code == verify.HISTORY
    assert "a checkpoint in the pack that others saw shows other entries among the first" in found.out
    assert f"the ledger was forked after entry {kept - 1}, up to which another one fits" in found.out


def test_a_receipt_of_later_shows_that_the_log_was_cut(disclosed: Disclosed, stranger: Stranger) -> None:
    found = stranger.verify(disclosed.pack, "--receipt", disclosed.receipt)
    assert found.code == verify.HISTORY
    assert "the ledger was cut short" in found.out


def test_a_log_that_is_rewritten_whole_is_found_by_a_witness(disclosed: Disclosed, stranger: Stranger) -> None:
    found = stranger.verify(rewritten(disclosed, witnessed=True))
    assert found.code == verify.HISTORY
    assert "a checkpoint in the pack that others saw shows other entries" in found.out
    silent = stranger.verify(rewritten(disclosed), "--witness", disclosed.witness, "--witnesses", "1")
    assert silent.code == verify.TOO_FEW
    assert "1 of the kind witness are asked for, and 0 are sound" in silent.out


def test_each_forgery_is_named_in_words_of_its_own(disclosed: Disclosed, stranger: Stranger) -> None:
    """Nobody who reads the answer takes one forgery for another."""
    flipped, key = bytearray(disclosed.pack), ["--key", str(disclosed.key.public)]
    flipped[len(flipped) // 2] ^= 1
    packs: dict[str, tuple[bytes, list[str | Path]]] = {
        "a flipped bit": (bytes(flipped), []),
        "a missing search": (_changed(disclosed, hide_search), []),
        "a list in another order": (_changed(disclosed, reorder_rows), []),
        "a swapped picture": (_changed(disclosed, swap_pictures), []),
        "a log cut short": (_changed(disclosed, cut_lines), []),
        "a forked log": (forked(disclosed), ["--checkpoint", disclosed.checkpoint]),
        "a log rewritten whole": (rewritten(disclosed), [*key, "--checkpoint", disclosed.checkpoint]),
        "a checkpoint by another key": (_changed(disclosed, other_checkpoint), [*key]),
        "a time-stamp that does not fit": (_changed(disclosed, exchange_stamp), []),
    }
    answers = {name: stranger.verify(pack, *options) for name, (pack, options) in packs.items()}
    assert [name for name, found in answers.items() if found.code in {0, verify.USAGE} or found.err] == []
    first = {name: re.sub(r"[0-9a-f]{8,}|\d+", "", found.out.splitlines()[0]) for name, found in answers.items()}
    assert all(line.startswith("WRONG: ") for line in first.values())
    assert len(set(first.values())) == len(first)


def _changed(disclosed: Disclosed, change: Change) -> bytes:
    forged = disclosed.forged()
    change(forged)
    return forged.signed()


# ---------------------------------------------------------------- time-stamps


def exchange_stamp(forged: Forged) -> None:
    """Put the time-stamp of one checkpoint on another."""
    lines = forged.lines()
    stamp = decode_base64(lines[0]["witnessed"][0]["stamps"][0], "a stamp")
    lines[0]["witnessed"] = [stamped(lines[0]["checkpoint"], stamp)]
    forged.put_lines(lines)


def test_a_time_stamp_on_another_checkpoint_does_not_fit(disclosed: Disclosed, stranger: Stranger) -> None:
    found = stranger.verify(_changed(disclosed, exchange_stamp))
    assert found.code == verify.STAMP
    assert "does not fit: it was made for another checkpoint" in found.out


def test_a_time_stamp_whose_bits_flip_does_not_fit(disclosed: Disclosed, stranger: Stranger) -> None:
    for place in (-10, 60, 300, -200):
        forged = disclosed.forged()
        lines = forged.lines()
        seen = lines[0]["witnessed"][0]
        stamp = bytearray(decode_base64(seen["stamps"][0], "a stamp"))
        stamp[place] ^= 4
        lines[0]["witnessed"] = [stamped(seen["note"], bytes(stamp))]
        forged.put_lines(lines)
        assert stranger.verify(forged.signed()).code == verify.STAMP, place


def test_a_time_stamp_by_somebody_else_does_not_fit(disclosed: Disclosed, stranger: Stranger, tmp_path: Path) -> None:
    with authority(tmp_path / "other") as other:
        found = stranger.verify(disclosed.pack, "--tsa", other.folder / "root.pem")
    assert found.code == verify.STAMP
    assert "no certificate that is trusted vouches for it" in found.out


def test_a_time_stamp_from_before_what_it_covers_does_not_fit(disclosed: Disclosed, stranger: Stranger) -> None:
    forged = disclosed.forged()
    lines = forged.lines()
    for line in lines[1:]:
        if not line.get("hidden"):
            line["at"] = f"2099{line['at'][4:]}"
    del lines[0]["witnessed"]
    forged.put_history(lines)
    lines = forged.lines()
    note = lines[0]["checkpoint"]
    question = ask_for_stamp(note.rpartition("\n\n")[0] + "\n")
    with urlopen(Request(disclosed.tsa.url, question.der)) as answer:  # noqa: S310 - on the loopback
        lines[0]["witnessed"] = [stamped(note, answer.read())]
    forged.put_lines(lines)
    found = stranger.verify(forged.signed())
    assert found.code == verify.STAMP
    assert "before an entry of 2099" in found.out


# ---------------------------------------------------------------- files that could harm whoever opens them


def hostile(*files: tuple[str, bytes], change: Callable[[zipfile.ZipInfo], None] = lambda _: None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            change(info)
            zipped.writestr(info, content)
    return out.getvalue()


def symlink(info: zipfile.ZipInfo) -> None:
    info.create_system, info.external_attr = 3, 0o120777 << 16


def encrypted(pack: bytes) -> bytes:
    """Set the bit that says that a file is encrypted."""
    at = pack.index(b"PK\x01\x02")
    return pack[: at + 8] + struct.pack("<H", 1) + pack[at + 10 :]


def overlapping() -> bytes:
    """Let two names have the same bytes, as bombs do that are small whatever they unpack to."""
    pack = hostile(("a.txt", b"x" * 100), ("b.txt", b"y" * 100))
    first, second = (match.start() for match in re.finditer(b"PK\x01\x02", pack))
    return pack[: second + 42] + pack[first + 42 : first + 46] + pack[second + 46 :]


def many_files() -> bytes:
    """Promise two million files at the end of a file that holds one."""
    pack = hostile(("a.txt", b"x"))
    end = pack[-22:]
    start, size = struct.unpack("<I", end[16:20])[0], struct.unpack("<I", end[12:16])[0]
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 2_000_000, 2_000_000, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(pack) - 22, 1)
    return pack[:-22] + wide + locator + end


HOSTILE = {
    "nothing": b"",
    "no ZIP file": b"PK\x03\x04 and then nothing" * 10,
    "path traversal": hostile(("../../home/evil.py", b"x")),
    "absolute path": hostile(("/etc/passwd", b"x")),
    "a drive": hostile(("C:\\evil.exe", b"x")),
    "a folder up in the middle": hostile(("pictures/../../evil", b"x")),
    "a hidden file": hostile((".bashrc", b"x")),
    "a control character": hostile(("a\x1b[2J.txt", b"x")),
    "the same name twice": hostile(("manifest.json", b"{}"), ("MANIFEST.json", b"{}")),
    "a bomb": hostile(("case.json", b"\0" * 20_000_000)),
    "a link": hostile(("case.json", b"/etc/passwd"), change=symlink),
    "an encrypted file": encrypted(hostile(("case.json", b"{}"))),
    "overlapping files": overlapping(),
    "two million files": many_files(),
    "something behind its end": hostile(("manifest.json", b"{}")) + b"MZ",
    "another ZIP file": hostile(("manifest.json", b'{"format": "something else"}')),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_one_line(stranger: Stranger, name: str) -> None:
    found = stranger.verify(HOSTILE[name])
    assert found.code == verify.NOT_A_PACK
    said = found.err or found.out.splitlines()[0]
    assert said.strip()
    assert "Traceback" not in found.err + found.out
    assert len(found.err.splitlines()) <= 1


def test_what_is_nested_too_deeply_is_said_in_words(disclosed: Disclosed, stranger: Stranger) -> None:
    for name in ("case.json", "manifest.json", "rows.jsonl", LEDGER, "ledger/trusted.json"):
        forged = disclosed.forged()
        forged.files[name] = b"[" * 100_000
        found = stranger.verify(forged.signed() if name != "manifest.json" else forged.zipped())
        assert found.code in {verify.FILES, verify.LEDGER, verify.ROWS, verify.PICTURES}, name
        assert "Traceback" not in found.err, name


@pytest.mark.parametrize(
    "options", [["--key", "nonsense"], ["--checkpoint", "missing"], ["--witness", "x+y+z"], ["--tsa", "missing"]]
)
def test_a_wrong_option_is_explained(disclosed: Disclosed, stranger: Stranger, options: list[str]) -> None:
    found = stranger.verify(disclosed.pack, *options)
    assert found.code == verify.USAGE
    assert len(found.err.splitlines()) == 1


def test_packs_and_the_verifier_know_the_same_tables() -> None:
    assert snapshot.TOLD | {"searches"} == verify.TOLD
