"""Checks a disclosure pack of Lineament. It needs Python 3.11 or later and the package cryptography, and nothing else.

    python3 verify.py PACK.zip [--key KEY] [--checkpoint FILE] [--witness KEY] [--tsa ROOTS.pem]

It unpacks nothing, runs nothing of the pack and uses no network. docs/reference/disclosure-pack.md describes the
format, so that others can write a verifier of their own; this one shares no code with what makes packs.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import re
import stat
import struct
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha384, sha512
from pathlib import Path
from typing import Any, BinaryIO

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

FORMAT = "lineament-disclosure/1"

SOUND = 0
USAGE = 2  # an option or a file beside the pack cannot be read
NOT_A_PACK = 3  # it is no pack, or a ZIP file that could harm whoever opens it
FILES = 10  # a file of the pack is missing, changed or added
SIGNATURE = 11  # the pack or its checkpoint is not signed by the key
LEDGER = 12  # the ledger in the pack does not hold together
ROWS = 13  # a search, a list, a decision or another row is not what the ledger recorded
PICTURES = 14  # a picture or a photograph is not the one that was shown or searched with
HISTORY = 15  # the ledger is not the one that was seen before
STAMP = 16  # a time-stamp does not fit
TOO_FEW = 17  # fewer witnesses or time-stamps than asked for
SETTINGS = 18  # settings.json does not hold what was signed, or what searches were made with

MOST_FILES = 1_000_000
MOST_BYTES = 32 * 2**30
MOST_READ = 512 * 2**20  # bytes of a file that is read as a whole
LONGEST_LINE = 64 * 2**20
LONGEST_NOTE = 100_000
MOST_RATIO, RATIO_FROM = 100, 2**20  # how often a file over RATIO_FROM bytes may be as large as what is stored of it
TOLERANCE = timedelta(minutes=5)  # between clocks

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]|/(?=[A-Za-z0-9])){0,199}")
AT = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z")
ACTION = re.compile(r"[a-z_]{1,64}")
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, OverflowError)
"""What reading something malformed raises."""
TOLD = frozenset(
    {"searches", "cases", "probes", "approvals", "case_papers", "decisions", "candidate_notes", "evidence"}
    | {"watches", "watch_findings", "defence_notices"}
)
"""Tables whose rows are in a pack. Others are not: who joined a case stands in the timeline, and no address is told."""


class Wrong(Exception):
    """Something is wrong, in words; ``code`` is the exit code."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(slots=True)
class Result:
    """What was found: problems, each with its code, and notes on what is sound but incomplete."""

    problems: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def wrong(self, code: int, words: str) -> None:
        """Take note of a problem, once."""
        if (code, words) not in self.problems:
            self.problems.append((code, words))

    @contextmanager
    def reading(self, code: int, what: str) -> Iterator[None]:
        """Take note of what goes wrong in the block, and go on after it."""
        try:
            yield
        except Wrong as wrong:
            self.wrong(wrong.code, str(wrong))
        except UNREADABLE as error:
            self.wrong(code, f"{what} cannot be read ({type(error).__name__})")


# ---------------------------------------------------------------- the ZIP file


class PackFile:
    """A ZIP file that was checked before anything in it is read; nothing of it is ever written to a disk."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        try:
            size = file.seek(0, 2)
            _check_directory(file, size, name)
            self._zip = zipfile.ZipFile(file)
            self.files = {info.filename: info for info in self._zip.infolist()}
        except (zipfile.BadZipFile, NotImplementedError, struct.error, OSError, *UNREADABLE) as error:
            raise Wrong(NOT_A_PACK, f"{name} is no ZIP file that can be opened ({error})") from error
        self._check_names(size)

    @classmethod
    @contextmanager
    def at(cls, path: Path) -> Iterator[PackFile]:
        """Open the pack at a path for the block. Raises Wrong."""
        try:
            file = path.open("rb")
        except OSError as error:
            raise Wrong(NOT_A_PACK, f"{path} cannot be opened ({error.strerror or error})") from error
        with file:
            yield cls(file, path.name)

    def _check_names(self, size: int) -> None:
        infos = self._zip.infolist()
        folded = Counter(info.filename.casefold() for info in infos)
        end = 0
        for info in sorted(infos, key=lambda one: one.header_offset):
            name = info.filename
            kind = stat.S_IFMT(info.external_attr >> 16)
            reasons = (
                (not NAME.fullmatch(name), "has a name that is not allowed"),
                (folded[name.casefold()] > 1, "is there twice"),
                (kind not in {0, stat.S_IFREG} or info.is_dir(), "is not a plain file"),
                (bool(info.flag_bits & 0x1), "is encrypted"),
                (info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}, "is packed in a rare way"),
                (info.header_offset < end, "overlaps another file"),
                (info.header_offset + info.compress_size > size, "is larger than the ZIP file"),
                (info.file_size > max(RATIO_FROM, MOST_RATIO * info.compress_size), "would unpack to far too much"),
            )
            for is_so, words in reasons:
                if is_so:
                    raise Wrong(NOT_A_PACK, f"refused: the file {name[:80]!r} in the ZIP file {words}")
            end = info.header_offset + info.compress_size
        if sum(info.file_size for info in infos) > MOST_BYTES:
            raise Wrong(NOT_A_PACK, f"refused: the ZIP file would unpack to more than {MOST_BYTES:,} bytes")

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content of a file in pieces. Raises Wrong if it is missing or damaged."""
        with self._opened(name) as file:
            while piece := file.read(2**20):
                yield piece

    def whole(self, name: str, most: int = MOST_READ) -> bytes:
        """Return the content of a file. Raises Wrong if it is missing, damaged or too long."""
        with self._opened(name) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise Wrong(NOT_A_PACK, f"refused: the file {name} has more than {most:,} bytes")
        return content

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file. Raises Wrong."""
        with self._opened(name) as file:
            while line := file.readline(LONGEST_LINE):
                yield line

    def json(self, name: str) -> Any:
        """Return the JSON in a file. Raises Wrong or ValueError."""
        return json.loads(self.whole(name))

    @contextmanager
    def _opened(self, name: str) -> Iterator[BinaryIO]:
        if name not in self.files:
            raise Wrong(FILES, f"the file {name} is missing")
        try:
            with self._zip.open(name) as file:
                yield file  # type: ignore[misc]  # zipfile.ZipExtFile reads bytes
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
            raise Wrong(FILES, f"the file {name} is damaged ({error})") from error


def _check_directory(file: BinaryIO, size: int, name: str) -> None:
    """Raise Wrong if the end of the file promises more files than may be read, before zipfile reads them."""
    file.seek(max(0, size - 98))
    tail = file.read()
    end = tail[-22:]
    if len(end) < 22 or end[:4] != b"PK\x05\x06" or end[-2:] != b"\0\0":
        raise Wrong(NOT_A_PACK, f"{name} is no ZIP file, or something follows its end")
    many = struct.unpack("<H", end[10:12])[0]
    if tail[-42:-38] == b"PK\x06\x07" and tail[-98:-94] == b"PK\x06\x06":
        many = struct.unpack("<Q", tail[-66:-58])[0]
    elif many == 0xFFFF:
        raise Wrong(NOT_A_PACK, f"{name} is no ZIP file that can be opened (the number of its files is missing)")
    if many > MOST_FILES:
        raise Wrong(NOT_A_PACK, f"refused: the ZIP file holds {many:,} files")


# ---------------------------------------------------------------- keys and signed notes (C2SP)


@dataclass(frozen=True, slots=True)
class Key:
    """A verifier key, ``name+id+key``: of the ledger (type 1), or of a witness (type 4)."""

    name: str
    type: int
    raw: bytes

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read a key. Raises Wrong."""
        name, _, rest = text.strip().partition("+")
        shown, _, encoded = rest.partition("+")
        try:
            decoded = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            decoded = b""
        if len(decoded) != 33 or decoded[0] not in {1, 4} or not name:
            raise Wrong(USAGE, f"this is no key of the form name+id+key: {text.strip()[:100]}")
        key = cls(name, decoded[0], decoded[1:])
        if shown != key.id.hex():
            raise Wrong(USAGE, f"the id in the key {text.strip()[:100]} does not fit it; copy all of it again")
        return key

    @property
    def id(self) -> bytes:
        """The four bytes that name the key in a signature."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.raw).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.type]) + self.raw).decode()}"

    def signed(self, signature: bytes, text: bytes) -> bool:
        """Return whether it signed these bytes."""
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


def note_parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the text of a signed note, and name and bytes of each signature. Raises ValueError."""
    text, blank, lines = note.rpartition("\n\n")
    if len(note) > LONGEST_NOTE or not blank or not lines.endswith("\n"):
        raise ValueError("no signed note")
    found = []
    for line in lines[:-1].split("\n"):
        dash, name, encoded = line.split(" ")
        if dash != "\N{EM DASH}":
            raise ValueError("no signature")
        found.append((name, base64.b64decode(encoded, validate=True)))
    return f"{text}\n", found


def opened_note(note: str, key: Key, what: str) -> str:
    """Return the text of a note that ``key`` signed. Raises Wrong."""
    text, signatures = note_parts(note)
    for name, signature in signatures:
        if name == key.name and signature[:4] == key.id and key.signed(signature[4:], text.encode()):
            return text
    raise Wrong(SIGNATURE, f"{what} is not signed by the key {key}")


@dataclass(frozen=True, slots=True)
class SeenHead:
    """So many entries had this root."""

    size: int
    root: bytes
    text: str
    what: str  # where it is from, in words
    note: str = ""

    @classmethod
    def parse(cls, note: str, key: Key, what: str) -> SeenHead:
        """Read a checkpoint that ``key`` signed. Raises Wrong or ValueError."""
        text = opened_note(note, key, what)
        origin, size, root = text.split("\n")[:3]
        if origin != key.name or not size.isdecimal() or len(size) > 19:
            raise Wrong(SIGNATURE, f"{what} belongs to another ledger than {key.name}")
        return cls(int(size), base64.b64decode(root, validate=True), text, what, note)


# ---------------------------------------------------------------- the ledger


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that the pack shows."""

    seq: int
    at: str
    action: str
    leaf: bytes
    details: dict[str, Any] | None

    @property
    def words(self) -> str:
        """The entry in words."""
        return f"entry {self.seq} ({self.action}, {self.at[:16].replace('T', ' ')})"


@dataclass(slots=True)
class Log:
    """The ledger of the pack, recomputed from its first entry."""

    marks: dict[int, bytes] = field(default_factory=dict)  # the root over so many entries
    wanted: frozenset[int] = frozenset()
    size: int = 0
    edge: list[bytes] = field(default_factory=list)
    entries: dict[int, Entry] = field(default_factory=dict)  # those that are shown
    hidden: int = 0

    def append(self, leaf: bytes) -> None:
        """Add a leaf to the tree (RFC 9162)."""
        position, edge = self.size, self.edge
        edge.append(leaf)
        while position & 1:
            right = edge.pop()
            edge[-1] = sha256(b"\x01" + edge[-1] + right).digest()
            position >>= 1
        self.size += 1
        if self.size in self.wanted:
            self.marks[self.size] = self.root()

    def root(self) -> bytes:
        """Return the root over all entries so far."""
        if not self.edge:
            return sha256(b"").digest()
        root = self.edge[-1]
        for left in self.edge[-2::-1]:
            root = sha256(b"\x01" + left + root).digest()
        return root

    def take(self, lines: Iterable[bytes]) -> None:
        """Check the lines of an export and add them. Raises Wrong, which names the first entry that is wrong."""
        for line in lines:
            try:
                fields = json.loads(line)
                if fields["seq"] != self.size or type(fields["seq"]) is not int:
                    raise Wrong(LEDGER, f"entry {self.size} is missing or out of order")
                if fields.get("hidden") is True:
                    leaf = bytes.fromhex(fields["leaf"])
                    if len(leaf) != 32:
                        raise ValueError("leaf")
                    self.hidden += 1
                else:
                    entry = _entry(fields)
                    self.entries[entry.seq], leaf = entry, entry.leaf
            except UNREADABLE as error:
                raise Wrong(LEDGER, f"entry {self.size} cannot be read ({type(error).__name__})") from error
            self.append(leaf)


def _entry(fields: dict[str, Any]) -> Entry:
    """Return an entry whose commitment and leaf were recomputed. Raises Wrong or what reading raises."""
    seq, at, action, commitment = fields["seq"], fields["at"], fields["action"], bytes.fromhex(fields["commitment"])
    if not AT.fullmatch(at) or not ACTION.fullmatch(action) or len(commitment) != 32:
        raise Wrong(LEDGER, f"entry {seq} is malformed")
    details = None
    if fields["salt"] is not None or fields["details"] is not None:
        text = fields["details"]
        made = sha256(b"lineament.ledger.details.v1\0" + bytes.fromhex(fields["salt"]) + text.encode()).digest()
        if made != commitment:
            raise Wrong(LEDGER, f"the details of entry {seq} do not fit their commitment")
        details = json.loads(text)
    leaf_text = f'{{"action":"{action}","at":"{at}","commitment":"{commitment.hex()}","seq":{seq}}}'
    leaf = sha256(b"\0" + leaf_text.encode()).digest()
    if leaf.hex() != fields["leaf"]:
        raise Wrong(LEDGER, f"entry {seq} does not fit its leaf hash")
    return Entry(seq, at, action, leaf, details)


def path_root(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """Return the root to which an inclusion proof leads (RFC 9162, 2.1.3.2). Raises ValueError."""
    fn, sn, root = index, size - 1, leaf
    for other in path:
        if sn == 0:
            raise ValueError("too long")
        if fn & 1 or fn == sn:
            root = sha256(b"\x01" + other + root).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = sha256(b"\x01" + root + other).digest()
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ValueError("too short")
    return root


# ---------------------------------------------------------------- what others saw


def cosigned(note: str, key: Key) -> datetime | None:
    """Return when a witness signed a checkpoint; None if it did not. Raises Wrong if its signature is wrong."""
    text, signatures = note_parts(note)
    newest = None
    for name, signature in signatures:
        if name == key.name and signature[:4] == key.id:
            seconds = int.from_bytes(signature[4:12], "big")
            if not key.signed(signature[12:], f"cosignature/v1\ntime {seconds}\n{text}".encode()):
                raise Wrong(HISTORY, f"the signature of the witness {name} is wrong")
            newest = max(seconds, newest or 0)
    return None if newest is None else datetime.fromtimestamp(newest, UTC)


def der(data: bytes, at: int = 0) -> tuple[int, bytes, bytes]:
    """Return tag, content and whole of the DER value at a place. Raises ValueError or IndexError."""
    tag, length, start = data[at], data[at + 1], at + 2
    if length & 0x80:
        many = length & 0x7F
        if not 0 < many <= 4:
            raise ValueError("DER")
        length, start = int.from_bytes(data[start : start + many], "big"), start + many
    if tag & 0x1F == 0x1F or start + length > len(data):
        raise ValueError("DER")
    return tag, data[start : start + length], data[at : start + length]


def parts_of(content: bytes) -> list[tuple[int, bytes, bytes]]:
    """Return the DER values in a sequence or set."""
    found, at = [], 0
    while at < len(content):
        found.append(der(content, at))
        at += len(found[-1][2])
    return found


OID = {
    "signed data": "2a864886f70d010702",
    "time-stamp": "2a864886f70d0109100104",
    "content type": "2a864886f70d010903",
    "digest": "2a864886f70d010904",
    "certificate": "2a864886f70d010910022f",
    "certificate (SHA-1)": "2a864886f70d010910020c",
}
HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "608648016503040201": hashes.SHA256,
    "608648016503040202": hashes.SHA384,
    "608648016503040203": hashes.SHA512,
}
DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "sha256": lambda data: sha256(data).digest(),
    "sha384": lambda data: sha384(data).digest(),
    "sha512": lambda data: sha512(data).digest(),
}


def stamped_at(response: bytes, text: bytes, roots: list[x509.Certificate]) -> datetime:
    """Return the time of a time-stamp (RFC 3161) on a text; ``roots``: certificates that are trusted.

    Raises Wrong if it is on something else, or if none of them vouches for it; or what reading raises.
    """
    answer = parts_of(der(response)[1])
    if int.from_bytes(parts_of(answer[0][1])[0][1], "big") > 1:
        raise Wrong(STAMP, "the authority refused to stamp")
    kind, wrapped = parts_of(answer[1][1])
    signed = parts_of(parts_of(wrapped[1])[0][1])
    content = parts_of(signed[2][1])
    if (kind[1].hex(), content[0][1].hex()) != (OID["signed data"], OID["time-stamp"]):
        raise Wrong(STAMP, "it is no time-stamp")
    info_der = parts_of(content[1][1])[0][1]
    info = parts_of(der(info_der)[1])
    imprint = parts_of(info[2][1])
    method = HASHES[parts_of(imprint[0][1])[0][1].hex()]()
    if DIGESTS[method.name](text) != imprint[1][1]:
        raise Wrong(STAMP, "it was made for another checkpoint")
    at = datetime.strptime(info[4][1].decode()[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    held = [each for tag, whole, _ in signed[3:] if tag == 0xA0 for each in parts_of(whole)]
    certificates = [x509.load_der_x509_certificate(whole) for _, _, whole in held]
    signer = _signer(parts_of(signed[-1][1])[0][1], info_der, certificates + roots)
    _require_trusted(signer, certificates, roots, at)
    return at


def _signer(signer_info: bytes, info_der: bytes, certificates: list[x509.Certificate]) -> x509.Certificate:
    """Return the certificate that signed a time-stamp. Raises Wrong."""
    values = parts_of(signer_info)
    method = HASHES[parts_of(values[2][1])[0][1].hex()]()
    attributes = {parts_of(one)[0][1].hex(): parts_of(parts_of(one)[1][1]) for _, one, _ in parts_of(values[3][1])}
    if attributes[OID["content type"]][0][1].hex() != OID["time-stamp"]:
        raise Wrong(STAMP, "it is no time-stamp")
    if attributes[OID["digest"]][0][1] != DIGESTS[method.name](info_der):
        raise Wrong(STAMP, "its content was changed")
    signed = b"\x31" + values[3][2][1:]
    named = b"".join(
        attributes[OID[name]][0][1] for name in ("certificate", "certificate (SHA-1)") if OID[name] in attributes
    )
    for certificate in certificates:
        prints = [certificate.fingerprint(one()) for one in (hashes.SHA256, hashes.SHA384, hashes.SHA512, hashes.SHA1)]
        if any(one in named for one in prints) and _verifies(certificate, values[5][1], signed, method):
            return certificate
    raise Wrong(STAMP, "its signature is wrong")


def _verifies(certificate: x509.Certificate, signature: bytes, signed: bytes, method: hashes.HashAlgorithm) -> bool:
    key = certificate.public_key()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(method))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), method)
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, signed)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _require_trusted(
    signer: x509.Certificate, held: list[x509.Certificate], roots: list[x509.Certificate], at: datetime
) -> None:
    """Raise Wrong unless the signer may stamp, and its certificates lead to one that is trusted."""
    uses = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if x509.oid.ExtendedKeyUsageOID.TIME_STAMPING not in uses:
        raise Wrong(STAMP, "its certificate is not for time-stamps")
    current = signer
    for _ in range(8):
        if not current.not_valid_before_utc <= at <= current.not_valid_after_utc:
            raise Wrong(STAMP, "a certificate was not valid at its time")
        if current in roots:
            return
        issuers = [one for one in roots + held if one != current and _issued(one, current)]
        if not issuers:
            break
        current = issuers[0]
    raise Wrong(STAMP, "no certificate that is trusted vouches for it")


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
        return issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False


# ---------------------------------------------------------------- the check


@dataclass(slots=True)
class Brought:
    """What the reader brings: whose statements count, and what was seen before."""

    key: Key | None = None
    witnesses: list[Key] = field(default_factory=list)
    roots: list[x509.Certificate] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)  # where from, and a checkpoint
    least_witnesses: int = 0
    least_stamps: int = 0


@dataclass(slots=True)
class Verifier:
    """The check of one pack."""

    pack: PackFile
    asked: Brought
    result: Result = field(default_factory=Result)
    manifest: dict[str, Any] = field(default_factory=dict)
    case: dict[str, Any] = field(default_factory=dict)
    ledger: Log = field(default_factory=Log)
    digests: dict[str, str] = field(default_factory=dict)  # of the files, as they are
    rows: dict[str, str] = field(default_factory=dict)  # the text of each row, by its name
    stamped: list[tuple[SeenHead, datetime]] = field(default_factory=list)

    def run(self) -> Result:
        """Check everything; what goes wrong in one part does not keep the others from being checked."""
        parts: list[tuple[int, str, Callable[[], None]]] = [
            (FILES, "manifest.json", self._files),
            (LEDGER, "ledger/ledger.jsonl", self._ledger),
            (LEDGER, "ledger/proofs.jsonl", self._proofs),
            (ROWS, "rows.jsonl", self._rows),
            (ROWS, "case.json", self._searches),
            (SETTINGS, "settings.json", self._settings),
            (PICTURES, "case.json", self._pictures),
        ]
        for code, what, part in parts:
            with self.result.reading(code, f"the file {what}"):
                part()
        return self.result

    # ------------------------------------------------------------ the files

    def _files(self) -> None:
        """Compare every file with the manifest, and the manifest with its signature."""
        untrusted = self.pack.whole("manifest.json")
        self.manifest = json.loads(untrusted)
        if self.manifest.get("format") != FORMAT:
            raise Wrong(NOT_A_PACK, f"this is no disclosure pack of the format {FORMAT}")
        key = self.asked.key or Key.parse(self.manifest["public_key"])
        with self.result.reading(SIGNATURE, "the signature of the pack"):
            text = opened_note(self.pack.whole("manifest.note", LONGEST_NOTE).decode(), key, "the pack")
            if text != f"{FORMAT}\n{key.name}\n{sha256(untrusted).hexdigest()}\n":
                raise Wrong(SIGNATURE, "manifest.json is not the one that was signed")
        listed = self.manifest["files"]
        for name in sorted(self.pack.files.keys() - listed.keys() - {"manifest.json", "manifest.note"}):
            self.result.wrong(FILES, f"the file {name} was added to the pack")
        for name, stated in listed.items():
            with self.result.reading(FILES, f"the file {name}"):
                digest = sha256()
                for piece in self.pack.chunks(name):
                    digest.update(piece)
                self.digests[name] = digest.hexdigest()
                if self.digests[name] != stated["sha256"]:
                    raise Wrong(FILES, f"the file {name} was changed: it is not the one that was signed")

    # ------------------------------------------------------------ the ledger

    def _ledger(self) -> None:
        """Recompute the ledger, and compare it with its checkpoint and with what others saw."""
        key = self.asked.key or Key.parse(self.manifest["public_key"])
        lines = self.pack.lines("ledger/ledger.jsonl")
        header = json.loads(next(lines, b""))
        head = seen = None
        with self.result.reading(SIGNATURE, "the checkpoint"):
            head = SeenHead.parse(header["checkpoint"], key, "the checkpoint")
        if header["checkpoint"] != self.pack.whole("ledger/checkpoint.txt", LONGEST_NOTE).decode():
            self.result.wrong(LEDGER, "the two copies of the checkpoint differ")
        seen = self._seen(header, key)
        self.ledger.wanted = frozenset(each.size for each in (*seen, *([head] if head else [])))
        self.ledger.marks[0] = sha256(b"").digest()
        self.ledger.take(lines)
        size = self.ledger.size
        self.result.facts |= {"key": str(key), "entries": size, "shown": len(self.ledger.entries)}
        self.result.facts["root"] = self.ledger.root().hex()
        if head is not None and head.size != size:
            cut = "was cut short" if head.size > size else "is longer than its checkpoint"
            self.result.wrong(LEDGER, f"the ledger {cut}: it has {size} entries, and {head.size} were signed")
        elif head is not None and head.root != self.ledger.root():
            self.result.wrong(LEDGER, f"the {size} entries are not those that were signed: at least one was changed")
        fitting = max((each.size for each in seen if self.ledger.marks.get(each.size) == each.root), default=0)
        for each in seen:
            self._compare(each, fitting)
        self._require_statements()

    def _seen(self, header: dict[str, Any], key: Key) -> list[SeenHead]:
        """Return what was seen before: the checkpoints that the reader brings, and those in the pack."""
        brought = [(what, note) for what, note in self.asked.notes]
        kept = [("a checkpoint in the pack that others saw", each["note"]) for each in header.get("witnessed", ())]
        found = []
        for what, note in brought + kept:
            with self.result.reading(HISTORY, what):
                found.append(SeenHead.parse(note, key, what))
        stamps = {
            each["note"]: [base64.b64decode(one) for one in each["stamps"]] for each in header.get("witnessed", ())
        }
        trusted = self.pack.json("ledger/trusted.json")
        own = not (self.asked.witnesses or self.asked.roots)
        witnesses = [Key.parse(one) for one in trusted["witnesses"]] if own else self.asked.witnesses
        roots = list(self.asked.roots)
        for pem in trusted["authorities"] if own else ():
            roots += x509.load_pem_x509_certificates(pem.encode())
        whose = "named by the pack itself" if own else "that you trust"
        counts: dict[str, set[object]] = {"witness": set(), "time-stamp": set()}
        self.result.facts["seen_by"] = counts
        for checkpoint in found:
            for witness in witnesses:
                with self.result.reading(HISTORY, f"a signature on {checkpoint.what}"):
                    if (at := cosigned(checkpoint.note, witness)) is not None:
                        counts["witness"].add(witness.name)
                        self._saw(f"the witness {witness.name}, {whose},", checkpoint, at)
            for number, stamp in enumerate(stamps.get(checkpoint.note, ()), 1):
                if roots:
                    with self._stamping(checkpoint, number):
                        at = stamped_at(stamp, checkpoint.text.encode(), roots)
                        counts["time-stamp"].add(number)
                        self._saw(f"a time-stamp authority, {whose},", checkpoint, at)
                        self.stamped.append((checkpoint, at))
        return found

    @contextmanager
    def _stamping(self, checkpoint: SeenHead, number: int) -> Iterator[None]:
        try:
            yield
        except Wrong as wrong:
            self.result.wrong(STAMP, f"time-stamp {number} on {checkpoint.size} entries does not fit: {wrong}")
        except (*UNREADABLE, x509.ExtensionNotFound) as error:
            words = f"time-stamp {number} on {checkpoint.size} entries does not fit: it cannot be read"
            self.result.wrong(STAMP, f"{words} ({type(error).__name__})")

    def _saw(self, who: str, checkpoint: SeenHead, at: datetime) -> None:
        self.result.seen.append(f"{who} saw its first {checkpoint.size:,} entries at {at:%Y-%m-%d %H:%M} UTC")

    def _compare(self, seen: SeenHead, fitting: int) -> None:
        """Compare the ledger with what was seen of it; ``fitting``: entries of the largest checkpoint that fits it."""
        if seen.size > self.ledger.size:
            words = (
                f"{seen.what} has {seen.size} entries, and the pack has {self.ledger.size}: the ledger was cut short"
            )
            self.result.wrong(HISTORY, words)
        elif self.ledger.marks.get(seen.size) != seen.root:
            words = f"{seen.what} shows other entries among the first {seen.size}"
            how = f"forked after entry {fitting - 1}, up to which another one fits" if fitting else "rewritten"
            self.result.wrong(HISTORY, f"{words}: the ledger was {how}")

    def _require_statements(self) -> None:
        for checkpoint, at in self.stamped:
            times = [one.at for one in self.ledger.entries.values() if one.seq < checkpoint.size]
            newest = datetime.fromisoformat(max(times)) if times else at
            if newest - at > TOLERANCE:
                words = f"it says {at:%Y-%m-%d %H:%M} UTC, before an entry of {newest:%Y-%m-%d %H:%M} that it covers"
                self.result.wrong(STAMP, f"a time-stamp on {checkpoint.size} entries does not fit: {words}")
        asked = (("witness", self.asked.least_witnesses), ("time-stamp", self.asked.least_stamps))
        for how, least in asked:
            there = len(self.result.facts["seen_by"][how])
            if there < least:
                self.result.wrong(TOO_FEW, f"{least} of the kind {how} are asked for, and {there} are sound")

    def _proofs(self) -> None:
        """Check the inclusion proof of every entry that is shown with its details."""
        proven, root = set(), self.ledger.root()
        for line in self.pack.lines("ledger/proofs.jsonl"):
            proof = json.loads(line)
            entry = self.ledger.entries.get(proof["entry"])
            path = [bytes.fromhex(one) for one in proof["path"]]
            if entry is None or path_root(entry.seq, self.ledger.size, entry.leaf, path) != root:
                self.result.wrong(LEDGER, f"the proof of entry {proof['entry']} does not lead to the checkpoint")
            proven.add(proof["entry"])
        for entry in self.ledger.entries.values():
            if entry.details is not None and entry.seq not in proven:
                self.result.wrong(LEDGER, f"the proof of {entry.words} is missing")

    # ------------------------------------------------------------ rows

    def _rows(self) -> None:
        """Compare every row with the last entry that recorded it, and look for rows that are missing."""
        for line in self.pack.lines("rows.jsonl"):
            row = json.loads(line)
            if row["row"] in self.rows:
                self.result.wrong(ROWS, f"the row {row['row']} is there twice")
            self.rows[row["row"]] = row["text"]
        latest = {
            subject: (entry, digest)
            for entry in self.ledger.entries.values()
            for subject, digest in self._recorded(entry).items()
        }
        for subject, text in self.rows.items():
            entry, digest = latest.get(subject, (None, None))
            if sha256(b"lineament.row.v1\0" + text.encode()).hexdigest() == digest:
                continue
            if entry is not None:
                self.result.wrong(ROWS, f"{_row_words(subject)} is not what {entry.words} recorded")
            elif not self._is_older(subject):
                self.result.wrong(ROWS, f"no entry of the ledger recorded {_row_words(subject)}")
        searched = {one["row"]["probe_id"] for one in self._case()["searches"]} - self._erased_copies()
        for subject, (entry, digest) in latest.items():
            table, _, name = subject.partition("/")
            if digest is None or subject in self.rows or table not in TOLD:
                continue
            if table in {"probes", "approvals"} and name.partition("/")[0] not in searched:
                self.result.notes.append(f"the photograph {name} was destroyed since: unused, or an erased copy")
            else:
                self.result.wrong(ROWS, f"{_row_words(subject)} is missing, which {entry.words} recorded")

    def _case(self) -> dict[str, Any]:
        if not self.case:
            self.case = self.pack.json("case.json")
        return self.case

    def _erased_copies(self) -> set[str]:
        """Return the photographs that were copies of pictures of the gallery, and went when those were erased."""
        entries = [one.details for one in self.ledger.entries.values() if one.action == "probe_added" and one.details]
        copies = {details["probe"] for details in entries if details["kind"] == "gallery"}
        return {one["id"] for one in self._case()["probes"] if one["erased_at"] is not None} & copies

    @staticmethod
    def _recorded(entry: Entry) -> dict[str, str | None]:
        """Return the digests of rows that an entry commits to, those of a search's candidates too."""
        details = entry.details or {}
        found = dict(details.get("rows", {}))
        if entry.action == "search":
            found |= {f"candidates/{details['search']}/{rank}": digest for rank, digest, *_ in details.get("shown", ())}
        return found

    def _is_older(self, subject: str) -> bool:
        """Return whether a version whose entries committed to no rows stored a row; that is noted."""
        opened = [one for one in self.ledger.entries.values() if one.action == "case_opened" and one.details]
        older = bool(opened) and not any("rows" in (one.details or {}) for one in opened)
        if older:
            self.result.notes.append(f"{_row_words(subject)} is of a version whose ledger did not commit to rows")
        return older

    # ------------------------------------------------------------ searches

    def _searches(self) -> None:
        """Compare what case.json tells with the rows, and with the entries of the searches."""
        case = self._case()
        told = {one["id"]: one for one in case["searches"]}
        entries = [one for one in self.ledger.entries.values() if one.action == "search" and one.details]
        numbers = [one.details["nth"] for one in entries if one.details and "nth" in one.details]
        first = 1 + len(entries) - len(numbers)  # those of versions that did not number them come first
        for entry in entries:
            search = (entry.details or {})["search"]
            if search not in told:
                self.result.wrong(ROWS, f"the search {search} is missing, which {entry.words} recorded")
        for nth in sorted(set(range(first, max(numbers, default=0) + 1)) - set(numbers)):
            self.result.wrong(ROWS, f"the entry of search number {nth} of the case is not shown")
        by_search = {(one.details or {})["search"]: one for one in entries}
        for id_, search in told.items():
            with self.result.reading(ROWS, f"what case.json tells of the search {id_}"):
                self._search(id_, search, by_search)
        self._watches()
        for table, rows in case["records"].items():
            kept = [text for subject, text in self.rows.items() if subject.partition("/")[0] == table]
            if table in {"decisions", "watches"}:
                self.result.facts[table] = len(rows)
            if sorted(map(_canonical, ([table, row] for row in rows))) != sorted(kept):
                self.result.wrong(ROWS, f"what case.json tells of {table} is not what rows.jsonl holds")
        opened = [one for one in self.ledger.entries.values() if one.details is not None]
        if [[one["entry"], one["action"], one["details"]] for one in case["timeline"]] != [
            [one.seq, one.action, one.details] for one in opened
        ]:
            self.result.wrong(ROWS, "the timeline in case.json is not what the ledger shows")
        self._disclosed(len(told))

    def _search(self, id_: str, search: dict[str, Any], entries: dict[str, Entry]) -> None:
        """Compare a search with its rows and with its entry."""
        _, (said, others, numbers) = json.loads(self.rows.get(f"searches/{id_}") or "[0,[0,0,[]]]")
        listed = [[one["rank"], one["score"], one["expected_false"]] for one in search["list"]]
        if (entry := entries.get(id_)) is None:
            raise Wrong(ROWS, f"no entry of the ledger recorded the search {id_}")
        probe = json.loads(self.rows.get(f"probes/{said['probe_id']}") or "[0,{}]")[1]
        if probe.get("sha256") != said["probe_sha256"] and said["probe_id"] not in self._erased_copies():
            self.result.wrong(ROWS, f"the search {id_} was made with another photograph than the pack holds")
        details = entry.details or {}
        recorded = [[rank, score] for rank, _, score in details["candidates"]]
        for shown in (listed, numbers):
            pairs = [[rank, score] for rank, score, _ in shown]
            if pairs != recorded:
                same = sorted(one[1] for one in pairs) == sorted(one[1] for one in recorded)
                how = "was reordered" if same else "differs"
                self.result.wrong(ROWS, f"the list of the search {id_} {how}: {entry.words} recorded another")
        if [search["row"], search["probes"], listed] != [said, others, numbers]:
            self.result.wrong(ROWS, f"what case.json tells of the search {id_} is not what rows.jsonl holds")
        if not {tuple(one) for one in search["twins"]} <= {tuple(one) for one in details.get("twins", ())}:
            self.result.wrong(ROWS, f"near-identical pictures of the search {id_} are not those of {entry.words}")
        erased = sum(self._candidate(id_, one) for one in search["list"])
        if erased:
            words = f"of the search {id_}, {erased} candidates were erased since; rank and score of each are verified"
            self.result.notes.append(words)
        for name, many in (("candidates", len(listed)), ("erased", erased), ("empty", not listed)):
            self.result.facts[name] = self.result.facts.get(name, 0) + many

    def _candidate(self, search: str, told: dict[str, Any]) -> bool:
        """Compare a candidate with its row; return whether it was erased."""
        text, words = self.rows.get(f"candidates/{search}/{told['rank']}"), f"candidate {told['rank']} of {search}"
        if told["erased"] != (text is None):
            self.result.wrong(ROWS, f"{words} is missing, and it is not said to be erased")
        elif text is not None:
            _, (face, source, snapshot) = json.loads(text)
            if [told["face"], told["source"], told["snapshot"]] != [face, source, json.loads(snapshot)]:
                self.result.wrong(ROWS, f"what case.json tells of {words} is not what rows.jsonl holds")
        return bool(told["erased"])

    def _watches(self) -> None:
        """Look for the watches by which searches were made; their rows are compared like all others."""
        watches = {row["id"] for row in self._case()["records"].get("watches", ())}
        for entry in self.ledger.entries.values():
            details = entry.details or {}
            if entry.action in {"search", "watch_fired"} and details.get("watch", None) not in {None, *watches}:
                self.result.wrong(ROWS, f"the watch {details['watch']} is missing, by which {entry.words} was made")

    def _disclosed(self, searches: int) -> None:
        """Compare the pack with the last entry, which recorded that it would be made."""
        last = self.ledger.entries.get(self.ledger.size - 1)
        details = {} if last is None else last.details or {}
        if last is None or last.action != "case_disclosed" or details.get("pack") != self.manifest.get("pack"):
            self.result.wrong(LEDGER, "the last entry of the ledger does not record that this pack was asked for")
        elif details["searches"] != searches:
            words = f"the pack holds {searches} searches, and {last.words} counted {details['searches']}"
            self.result.wrong(ROWS, words)
        else:
            for counted in ("decisions", "watches"):
                there, recorded = self.result.facts.get(counted, 0), details.get(counted, 0)
                if there != recorded:
                    words = f"the pack holds {there} {counted}, and {last.words} counted {recorded}"
                    self.result.wrong(ROWS, words)
        case = self.case["case"]
        self.result.facts |= {"case": case["ref"], "made_at": self.manifest.get("made_at"), "searches": searches}

    # ------------------------------------------------------------ settings

    def _settings(self) -> None:
        """Compare settings.json with the entries of the searches, and changes of the threshold with what was signed."""
        settings = self.pack.json("settings.json")
        searches = [one for one in self.ledger.entries.values() if one.action == "search" and one.details]
        models = sorted({(one.details or {})["model"] for one in searches})
        if settings["models_searched_with"] != models:
            self.result.wrong(SETTINGS, f"settings.json names other models than the searches: {', '.join(models)}")
        changes = {change["number"]: change for change in settings["threshold_changes"]}
        for number, change in changes.items():
            with self.result.reading(SETTINGS, f"change {number} of the threshold"):
                self._change(number, change)
        for entry in searches:
            details = entry.details or {}
            if (number := details.get("change")) is None:
                continue
            if number not in changes:
                words = f"settings.json lacks change {number} of the threshold, under which {entry.words} was made"
                self.result.wrong(SETTINGS, words)
            elif details["strangers"] != changes[number]["strangers"] or entry.seq <= changes[number]["entry"]:
                words = f"change {number} of the threshold is another than {entry.words} was made under"
                self.result.wrong(SETTINGS, words)

    def _change(self, number: int, change: dict[str, Any]) -> None:
        """Compare a change of the threshold with both statements that were signed, and with its entry. Raises Wrong."""
        what = f"change {number} of the threshold"
        proposed = self._statement("lineament-change-proposed/1", change["proposed"], f"the proposal of {what}")
        made = self._statement("lineament-change-made/1", change["made"], f"the statement that made {what}")
        evidence = change["evidence"]
        measured = None if evidence is None else sha256(_canonical(evidence).encode()).hexdigest()
        for name, signed, told in (
            ("number", proposed["change"], number),
            ("number", made["change"], number),
            ("number of strangers", proposed["strangers"], change["strangers"]),
            ("number of strangers", made["strangers"], change["strangers"]),
            ("model", proposed["model"], change["model"]),
            ("model", made["model"], change["model"]),
            ("reason", proposed["reason"], change["reason"]),
            ("evidence", proposed["evidence_sha256"], measured),
            ("entry", made["entry"], change["entry"]),
            ("proposal", made["proposal_sha256"], sha256(change["proposed"].encode()).hexdigest()),
        ):
            if signed != told:
                raise Wrong(SETTINGS, f"{what} is not the one that was signed: its {name} differs")
        alone = made["approved_by"] is None
        if not alone and made["account"] == proposed["account"]:
            raise Wrong(SETTINGS, f"{what} was approved by whoever proposed it")
        entry = self.ledger.entries.get(change["entry"])
        if entry is None or entry.details is None:
            self.result.notes.append(f"the details of the entry of {what} are not shown; its statements are signed")
            return
        names = ("change", "strangers", "model", "note_sha256", "alone")
        signed_facts = [number, made["strangers"], made["model"], made["proposal_sha256"], alone]
        if entry.action != "change_made" or [entry.details[name] for name in names] != signed_facts:
            raise Wrong(SETTINGS, f"{what} is not the one that {entry.words} recorded")

    def _statement(self, form: str, note: str, what: str) -> Any:
        """Return what a signed statement says. Raises Wrong."""
        key = self.asked.key or Key.parse(self.manifest["public_key"])
        first, _, statement = opened_note(note, key, what).partition("\n")
        if first != form:
            raise Wrong(SETTINGS, f"{what} is a statement of another kind")
        return json.loads(statement)

    # ------------------------------------------------------------ pictures

    def _pictures(self) -> None:
        """Compare pictures with their names, and photographs and documents with what the rows say of them."""
        used = self._used()
        for probe in self.case["probes"]:
            with self.result.reading(PICTURES, f"what case.json tells of the photograph {probe['id']}"):
                self._photograph(probe)
        for name in sorted(used):
            if name not in self.digests:
                self.result.wrong(PICTURES, f"the picture {name} is missing")
            elif name != f"pictures/{self.digests[name]}.jpg":
                self.result.wrong(PICTURES, f"the picture {name} was swapped: it is another than its name says")
        if others := {name for name in self.digests if name.startswith("pictures/")} - used:
            self.result.wrong(PICTURES, f"the picture {min(others)} belongs to nothing in case.json")
        document = self.case["document"]
        if document["file"] is not None and self.digests.get(document["file"]) != document["sha256"]:
            self.result.wrong(PICTURES, "the document of the authorisation is not the one that was recorded")

    def _used(self) -> set[str]:
        """Return the pictures that case.json names."""
        used = set()
        for search in self._case()["searches"]:
            for one in search["list"]:
                used |= {one["crop"], one["thumbnail"]}
                if one["crop"] is None and not one["erased"]:
                    self.result.notes.append(f"candidate {one['rank']} of the search {search['id']}: {one['why']}")
        for probe in self.case["probes"]:
            used |= {probe["picture"], *(face["file"] for face in probe["faces"])}
        return used - {None}

    def _photograph(self, probe: dict[str, Any]) -> None:
        if probe["id"] in self._erased_copies():
            return
        said = json.loads(self.rows[f"probes/{probe['id']}"])[1]
        if probe["row"] != said:
            self.result.wrong(
                ROWS, f"what case.json tells of the photograph {probe['id']} is not what rows.jsonl holds"
            )
        if probe["original"] is None:
            self.result.notes.append(f"the original of the photograph {probe['id']} is left out: {probe['why']}")
        elif self.digests.get(probe["original"]) != said["sha256"]:
            self.result.wrong(PICTURES, f"the photograph {probe['id']} is not the one that was searched with")


def _row_words(subject: str) -> str:
    """Return a row in words."""
    table, _, name = subject.partition("/")
    singular = {"searches": "the search", "probes": "the photograph", "cases": "the row of the case"}
    singular |= {"watches": "the watch", "watch_findings": "what a watch found,"}
    singular |= {"defence_notices": "the notice to the defence"}
    if table == "candidates":
        return f"candidate {name.partition('/')[2]} of the search {name.partition('/')[0]}"
    return f"{singular.get(table, f'the row of {table}')} {name}"


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


# ---------------------------------------------------------------- the command


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verify.py", description="Check a disclosure pack of Lineament.")
    parser.add_argument("pack", type=Path, help="the pack, a ZIP file; it is not unpacked")
    parser.add_argument("--key", help="the ledger's public key, name+id+key, from elsewhere than the pack")
    parser.add_argument(
        *("--checkpoint", "--receipt", "--earlier"),
        dest="seen",
        action="append",
        default=[],
        type=Path,
        help="what you have of this ledger from earlier: a checkpoint, a receipt, a proof, an export or another pack",
    )
    parser.add_argument("--witness", action="append", default=[], help="the public key of a witness that you trust")
    parser.add_argument("--witnesses", type=int, default=0, help="how many witnesses have to have signed")
    parser.add_argument(
        "--tsa", action="append", default=[], type=Path, help="certificates (PEM) that you trust to stamp"
    )
    parser.add_argument("--stamps", type=int, default=0, help="how many time-stamps there have to be")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _note_in(path: Path) -> str:
    """Return the checkpoint that a file holds: a checkpoint, receipt, proof, export, or pack. Raises Wrong."""
    try:
        with path.open("rb") as file:
            start = file.read(2**20)
        if start[:2] == b"PK":
            with PackFile.at(path) as pack:
                return pack.whole("ledger/checkpoint.txt", LONGEST_NOTE).decode()
        text = start.decode()
        if text.startswith("c2sp.org/tlog-proof"):
            return text.partition("\n\n")[2]
        if not text.startswith("{"):
            return text
        value = json.loads(text.partition("\n")[0] if '"lineament-ledger/1"' in text[:100] else text)
        return str(value.get("checkpoint") or value.get("new") or value["statement"]["ledger"]["checkpoint"])
    except OSError as error:
        raise Wrong(USAGE, f"{path} cannot be opened ({error.strerror or error})") from error
    except UNREADABLE as error:
        raise Wrong(USAGE, f"{path} holds no checkpoint of a ledger") from error


def _asked(options: argparse.Namespace) -> Brought:
    try:
        roots = [one for path in options.tsa for one in x509.load_pem_x509_certificates(path.read_bytes())]
    except (OSError, ValueError) as error:
        raise Wrong(USAGE, f"the certificates cannot be read ({error})") from error
    return Brought(
        key=None if options.key is None else Key.parse(options.key),
        witnesses=[Key.parse(one) for one in options.witness],
        roots=roots,
        notes=[(f"the checkpoint in {path}", _note_in(path)) for path in options.seen],
        least_witnesses=options.witnesses,
        least_stamps=options.stamps,
    )


def _words(path: Path, asked: Brought, result: Result) -> Iterator[str]:
    """Yield the lines of the answer."""
    for _, words in result.problems:
        yield f"WRONG: {words}."
    facts = result.facts
    if result.problems:
        yield f"{path.name} is NOT sound: {len(result.problems)} problems."
        return
    yield f"{path.name} is sound: case {facts['case']}, made {facts['made_at'][:16].replace('T', ' ')} UTC."
    yield (
        f"Searches: {facts['searches']}, of which {facts.get('empty', 0)} found no candidate. "
        f"Candidates: {facts.get('candidates', 0)}, of which {facts.get('erased', 0)} were erased since. "
        f"Decisions: {facts.get('decisions', 0)}. Watches: {facts.get('watches', 0)}."
    )
    yield f"Ledger: {facts['entries']:,} entries, {facts['shown']:,} of them shown, root {facts['root']}."
    yield from (f"Seen: {words}." for words in result.seen)
    for words, many in Counter(result.notes).items():
        yield f"Note: {words}{f' ({many} times)' if many > 1 else ''}."
    if asked.key is None:
        yield f"NOT CHECKED: whose key this is. Compare it with one from elsewhere: {facts['key']}"
    if not (asked.notes or result.seen):
        yield (
            "NOT CHECKED: that the whole ledger was not rewritten by whoever holds its key. For that, bring an earlier "
            "checkpoint or the key of a witness (--checkpoint, --witness)."
        )


def main(arguments: list[str] | None = None) -> int:
    """Check a pack from the command line; 0: it is sound."""
    options = _options().parse_args(arguments)
    try:
        asked = _asked(options)
        with PackFile.at(options.pack) as pack:
            result = Verifier(pack, asked).run()
    except Wrong as wrong:
        sys.stderr.write(f"{str(wrong).encode('utf-8', 'backslashreplace').decode()}\n")
        return wrong.code
    if options.json:
        answer = {"sound": not result.problems, "problems": result.problems, "notes": result.notes, "seen": result.seen}
        facts = {name: value for name, value in result.facts.items() if name != "seen_by"}
        sys.stdout.write(f"{json.dumps(answer | facts)}\n")
    else:
        lines = "\n".join(_words(options.pack, asked, result))
        sys.stdout.write(f"{lines.encode('utf-8', 'backslashreplace').decode()}\n")
    return min((code for code, _ in result.problems), default=SOUND)


if __name__ == "__main__":
    raise SystemExit(main())
