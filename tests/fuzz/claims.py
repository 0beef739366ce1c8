"""Fuzz targets: the claims of side-cars, workers, exports of ledgers and OpenID providers."""

from __future__ import annotations

import base64
import io
import json
import mmap
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import imagecodecs
import numpy as np
from joserfc import jws, jwt
from joserfc.jwk import ECKey
from PIL import Image
from tests.support.xmp import in_elements, marked, of_microsoft, picture_with, usable

from lineament.errors import Damaged, InvalidValue, LedgerBroken, LineamentError
from lineament.identity.fetching import _object, checked_address
from lineament.identity.id_token import ExpectedToken, public_keys, subject_of
from lineament.identity.openid import _parameters
from lineament.ledger import receipts
from lineament.ledger.checkpoint import Checkpoint, PublicKey, SigningKey
from lineament.ledger.entries import DETAILS_DOMAIN, leaf_bytes
from lineament.ledger.export import export
from lineament.ledger.log import Ledger
from lineament.ledger.merkle import leaf_hash, root_of
from lineament.ledger.verify import verify_export
from lineament.model.actions import Action
from lineament.model.faces import Provenance
from lineament.sandbox.process import HEADER, WorkerLimits, _WorkerOutput
from lineament.sources.credentials import reader as credentials
from lineament.sources.credentials import worker as credentials_worker
from lineament.sources.folder.captures import Captures
from lineament.sources.manifest.rows import json_row
from lineament.sources.provenance import LONGEST_TEXT, LONGEST_URI, Unusable, parse_side_car
from lineament.sources.video.frames import BROKEN_OFF, COUNT, DAMAGED, FRAME_HEADER, LENGTHS
from lineament.sources.video.sampled import _damage, _frame
from lineament.sources.xmp.reader import parse_hints, read_hints
from lineament.testing import MemoryLeafStore, camera_raw, chart
from lineament.vision import decode_checks, decode_pillow, decode_rare, decode_read, decode_write
from lineament.vision.decode_formats import NotDecodedError
from lineament.vision.decode_process import DecodeLimits
from lineament.vision.decode_protocol import REPLY, DecodeReply, Status

LIMIT = 2**16
_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_FOLDER = TemporaryDirectory(prefix="lineament-fuzz-")
_AT = Path(_FOLDER.name)
_UNSAID = Provenance(uri="file:///a.jpg")
_LIMITS = DecodeLimits(max_pixels=2**24, memory=2**30, seconds=1)


# ---------------------------------------------------------------- side-cars


def sidecar(data: bytes) -> None:
    """A side-car, and the same bytes as a captures.csv."""
    with suppress(Unusable):
        _fit(parse_side_car(data, _UNSAID))
    with suppress(Unusable):
        table = Captures(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline=""))
        try:
            for name in [b"a.jpg", b"\xff", *(name.encode() for name in table.missing())]:
                with suppress(Unusable):
                    _fit(table.of(name, _UNSAID) or _UNSAID)
            assert list(table.missing()) == []
        finally:
            table.close()


def xmp(data: bytes) -> None:
    """A picture with XMP, and the same bytes as a side-car; after a first byte below 9, an orientation."""
    orientation = data[0] if data[:1] and data[0] < 9 else 1
    for hints in (read_hints(data), parse_hints(data), parse_hints(data[1:])):
        assert usable(hints, [orientation])


def _fit(provenance: Provenance) -> None:
    assert provenance.uri.isprintable()
    assert len(provenance.uri) <= LONGEST_URI
    for text in (provenance.page_title, provenance.licence):
        assert text is None or (text.isprintable() and len(text) <= LONGEST_TEXT)
    assert provenance.captured_at is None or provenance.captured_at.utcoffset() is not None
    repr(provenance).encode()


# ---------------------------------------------------------------- confined processes


@cache
def _ended(how: int) -> subprocess.Popen[bytes]:
    """Return a process that has ended: normally, with an error, or by one of two signals."""
    ends = ("exit 0", "exit 1", "kill -KILL $$", f"kill -{signal.SIGRTMIN + 3} $$")
    process = subprocess.Popen(["/bin/sh", "-c", ends[how % 4]], stdout=subprocess.PIPE)
    process.wait()
    return process


def child(data: bytes) -> None:
    """The output of a worker that was taken over; the first byte chooses which one, and how it ends."""
    kind, content = data[0] if data else 0, data[1:LIMIT]
    with suppress(LineamentError):
        _CHILDREN[kind % len(_CHILDREN)](kind // len(_CHILDREN), content)


def _messages(how: int, messages: bytes) -> None:
    read, write = os.pipe()
    try:
        os.write(write, messages)
        os.close(write)
        for _, message in _WorkerOutput(
            read, _ended(how), WorkerLimits(message=LIMIT // 2, patience=1, seconds=1)
        ).messages():
            assert len(message) <= LIMIT // 2
    finally:
        os.close(read)


def _video(how: int, message: bytes) -> None:
    if how % 2:
        _damage(BROKEN_OFF if how // 2 % 2 else DAMAGED, message).encode()
    else:
        _frame(message)


def _credentials(_: int, report: bytes) -> None:
    claims = credentials.parse_claims(report)
    for text in (claims.state, claims.generator, claims.issuer, claims.signed_at, *claims.kinds, *claims.reserved):
        assert text is None or (text.isprintable() and len(text) <= LONGEST_TEXT)


def _parquet(_: int, row: bytes) -> None:
    json_row(row)


def _decoder(_: int, packed: bytes) -> None:
    reply = DecodeReply(*REPLY.unpack(packed[: REPLY.size].ljust(REPLY.size, b"\0")))
    decode_checks.check_status(reply, _LIMITS)
    decode_checks.check_sizes(reply, _LIMITS.max_pixels)
    taken = decode_checks.checked_time(reply.taken_at)
    assert taken is None or taken.isoformat()
    decode_checks.checked_place(reply)


_CHILDREN = (_messages, _video, _credentials, _parquet, _decoder)


def claimed(data: bytes) -> None:
    """What C2PA's library reads from a picture, through the worker and its parent."""
    try:
        summary = credentials_worker._summary(json.loads(data))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return  # as the process answers
    _credentials(0, json.dumps(summary | {"state": "Valid"}).encode("ascii"))


def picture(data: bytes) -> None:
    """A picture in a decoding process."""
    decode_pillow.set_up(_MOST_PIXELS)
    try:
        file = decode_read.PictureFile(data, _MOST_PIXELS, decode_rare.open_rare)
    except NotDecodedError as error:
        error.reply.pack()
        return
    except MemoryError:
        return
    for part in (1, 2, 0, 0, 0, 3):
        try:
            read = file.read(part)
            decode_write.write_pixels(read, _OUTBOX)
        except NotDecodedError as error:
            error.reply.pack()
            continue
        except MemoryError:
            return
        assert read.reply.status == Status.DECODED
        decode_checks.check_sizes(DecodeReply(*REPLY.unpack(read.reply.pack())), _MOST_PIXELS)


_MOST_PIXELS = 2**18
_OUTBOX = mmap.mmap(-1, 3 * _MOST_PIXELS)


# ---------------------------------------------------------------- ledgers


_SIGNS = SigningKey(name="lineament/fuzz", seed=bytes(range(32)))


def ledger(data: bytes) -> None:
    """An export as it is; then made consistent with its own hashes, as a forger would, and signed."""
    for exported in (data, _agreeing(data)):
        path = _AT / "export.jsonl"
        path.write_bytes(exported)
        with suppress(LedgerBroken, Damaged):
            found = verify_export(path, _SIGNS.public)
            assert found.opened + found.erased + found.withheld + found.hidden == found.entries


def _agreeing(data: bytes) -> bytes:
    entries: list[Any] = []
    for line in data.split(b"\n")[1:]:
        with suppress(ValueError, RecursionError):
            entries.append(json.loads(line))
    for seq, entry in enumerate(entries):
        with suppress(ValueError, TypeError, AttributeError, KeyError, LineamentError):
            _agree(seq, entry)
    leaves = []
    for value in entries:
        with suppress(ValueError, TypeError, AttributeError, KeyError):
            leaves.append(bytes.fromhex(value["leaf"]))
    note = Checkpoint(origin=_SIGNS.public.name, size=len(entries), root=root_of(leaves)).sign(_SIGNS)
    header = {"format": "lineament-ledger/1", "checkpoint": note}
    return b"".join(json.dumps(line).encode() + b"\n" for line in [header, *entries])


def _agree(seq: int, entry: dict[str, Any]) -> None:
    entry["seq"] = seq
    if isinstance(entry.get("salt"), str) and isinstance(entry.get("details"), str):
        salted = DETAILS_DOMAIN + bytes.fromhex(entry["salt"]) + entry["details"].encode()
        entry["commitment"] = sha256(salted).hexdigest()
    commitment = bytes.fromhex(entry["commitment"]).hex()
    text = f'{{"action":"{entry["action"]}","at":"{entry["at"]}","commitment":"{commitment}","seq":{seq}}}'
    entry["leaf"] = leaf_hash(text.encode()).hex()


def receipt(data: bytes) -> None:
    """A receipt as it is, and its statement signed; likewise a checkpoint and a key."""
    text = data.decode("utf-8", "replace")
    for candidate in (text, _signed(data)):
        with suppress(InvalidValue):
            assert isinstance(receipts.verify_receipt(candidate, _SIGNS.public), dict)
    for note in (text, _SIGNS.sign(f"{text}\n")):
        with suppress(InvalidValue):
            assert Checkpoint.parse(note, _SIGNS.public).size >= 0
    with suppress(InvalidValue):
        assert str(PublicKey.parse(text)) == text.strip()


def _signed(data: bytes) -> str:
    try:
        statement = json.loads(data)["statement"]
        fields = statement["ledger"]
        if "checkpoint" not in fields:
            at, commitment = datetime.fromisoformat(fields["at"]), bytes.fromhex(fields["commitment"])
            root = leaf_hash(leaf_bytes(fields["entry"], at, fields["action"], commitment))
            fields["checkpoint"] = Checkpoint(origin=_SIGNS.public.name, size=1, root=root).sign(_SIGNS)
        note = _SIGNS.sign(receipts._text(statement))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ""
    whole = {"format": receipts.FORMAT, "statement": statement, "signature": note.rpartition("\n\n")[2].rstrip("\n")}
    return json.dumps(whole)


# ---------------------------------------------------------------- OpenID


_KEY = ECKey.import_key(
    {
        "kty": "EC",
        "crv": "P-256",
        "kid": "k",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
    }
)  # of RFC 7517, appendix A.2
_KEYS = {"keys": [_KEY.as_dict(private=False)]}
_EXPECTED = ExpectedToken(issuer="https://id.example", client_id="lineament", nonce="n", access_token="a")


def openid(data: bytes) -> None:
    """What a provider answers, or a browser returns; the first byte chooses."""
    kind, content = data[0] if data else 0, data[1:]
    with suppress(LineamentError):
        _OPENID[kind % len(_OPENID)](content)


def _claims(claims: bytes) -> None:
    token = jws.serialize_compact({"alg": "ES256", "kid": "k"}, claims, _KEY, algorithms=["ES256"])
    subject = subject_of(token, public_keys(_KEYS), _EXPECTED, _NOW)
    assert subject.issuer == _EXPECTED.issuer
    f"{subject.subject} {subject.email}".encode()
    assert subject.name.isprintable()


def _token(token: bytes) -> None:
    subject_of(token.decode("utf-8", "replace"), public_keys(_KEYS), _EXPECTED, _NOW)


def _published(document: bytes) -> None:
    keys = public_keys(_object(document, 200))
    token = jwt.encode({"alg": "ES256", "kid": "k"}, {"iss": "x"}, _KEY, algorithms=["ES256"])
    subject_of(token, keys, _EXPECTED, _NOW)


def _query(query: bytes) -> None:
    found = _parameters(query.decode("utf-8", "replace"))
    assert all(isinstance(outcome, str) for outcome in found.values())


def _endpoint(address: bytes) -> None:
    checked = checked_address(address.decode("utf-8", "replace"))
    httpx.Request("GET", checked)
    assert checked.lower().startswith(("https://", "http://localhost", "http://127.", "http://["))


_OPENID = (_claims, _token, _published, _query, _endpoint)


# ---------------------------------------------------------------- what they begin with


def sidecars() -> Iterator[bytes]:
    """Yield side-cars and tables."""
    yield (
        b'{"uri": "https://example.org/a", "page_uri": "urn:isbn:1", "page_title": "t", "licence": null,'
        b' "captured_at": "2024-05-31T12:00:00+02:00"}'
    )
    yield b'file,uri,page_title,captured_at\na.jpg,https://example.org/a,"b ""c""",2024-05-31\nb,x\n'
    yield "\ufefffile;uri;page_uri\r\na.jpg;https://example.org/a;file:///x\r\na.jpg;http://b/;\r\n".encode()


def marked_pictures() -> Iterator[bytes]:
    """Yield XMP by itself, and in each format of pictures."""
    region = (0.5, 0.4, 0.2, 0.3)
    packet = marked([(region, "Ada"), (region, "Charles")], (400, 300))
    yield packet
    yield in_elements(region, "Ada", (400, 300))
    yield of_microsoft("0.4, 0.25, 0.2, 0.3", "Ada")
    yield packet.decode().encode("utf-16")
    yield from (picture_with(chart(), kind, packet, 6) for kind in ("JPEG", "PNG", "TIFF", "WEBP", "HEIF"))
    yield from (bytes([orientation]) + packet for orientation in range(9))


def children() -> Iterator[bytes]:
    """Messages of each kind."""
    messages = HEADER.pack(b"R", 2) + b"{}" + HEADER.pack(b"E", 0)
    for how in range(4):
        yield bytes([5 * how]) + messages
        yield bytes([5 * how]) + messages[:-2]
    yield bytes([0]) + HEADER.pack(b"X", 3) + b"why"
    yield bytes([1]) + FRAME_HEADER.pack(1.5, 4.0, b"k") + b"\xff\xd8\xff"
    yield bytes([6]) + COUNT.pack(7)
    yield bytes([16]) + LENGTHS.pack(1.5, 20.0)
    yield b'\x02{"state": "Valid", "generator": "a", "issuer": null, "signed_at": "b", "kinds": ["c"], "reserved": []}'
    yield b'\x03{"uri": "https://example.org/a", "title": "t", "date": "2024-05-31"}'
    at, place = b"2024:05:31 12:00:00+02:00", (True, True, 0.5, 52.5, 13.4)
    yield bytes([4]) + DecodeReply(Status.DECODED, 0, 0, 6, 100, 200, 50, 100, 2, 3, 1.5, at, *place).pack()


def claims_of_pictures() -> Iterator[bytes]:
    """A report of C2PA's library."""
    actions = {"actions": [{"action": "c2pa.created", "digitalSourceType": "http://a/digitalCapture"}]}
    uses = {"entries": {"cawg.data_mining": {"use": "notAllowed"}}}
    manifest = {
        "claim_generator_info": [{"name": "a", "version": "1"}],
        "signature_info": {"issuer": "b", "time": "2024-05-31T12:00:00+00:00"},
        "assertions": [
            {"label": "c2pa.actions.v2", "data": actions},
            {"label": "cawg.training-mining", "data": uses},
        ],
    }
    yield json.dumps({"active_manifest": "urn:1", "manifests": {"urn:1": manifest}}).encode()


def pictures() -> Iterator[bytes]:
    """Yield a small picture of each format, with EXIF."""
    exif = Image.Exif()
    exif[0x112] = 6
    exif.get_ifd(0x8769).update({0x9003: "2024:05:31 12:00:00", 0x9011: "+02:00"})
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 0.0), 3: "E", 4: (13.0, 24.0, 0.0)})
    image = Image.linear_gradient("L").resize((40, 33)).convert("RGB")
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"):
        out = io.BytesIO()
        image.save(out, kind, **({"exif": exif} if kind in {"JPEG", "PNG", "WEBP"} else {}))
        yield out.getvalue()
    for kind in ("GIF", "PNG", "WEBP", "TIFF", "MPO", "AVIF"):
        out = io.BytesIO()
        image.save(out, kind, save_all=True, append_images=[image.rotate(180), image])
        yield out.getvalue()
    yield bytes(imagecodecs.jpegxl_encode(np.asarray(image)))
    yield camera_raw(image)


def exports() -> Iterator[bytes]:
    """A ledger with each kind of entry."""
    rows = MemoryLeafStore()
    log = Ledger(origin=_SIGNS.public.name, signing_seed=bytes(range(32)))
    for number in range(3):
        log.record(rows, Action.SEARCH, {"case": f"K-{number}"}, actor="a", at=_NOW)
    log.erase_details(rows, [1], reason="article 17", actor="a", at=_NOW)
    for opened, listed in ((None, None), ({0}, None), (None, {0, 2})):
        out = io.StringIO()
        export(rows, out, log.public_key, opened=opened, listed=listed)
        yield out.getvalue().encode()


def signed_statements() -> Iterator[bytes]:
    """A receipt, a checkpoint and a key."""
    statement = {"entry": 0, "at": "2026-01-02T03:04:05+00:00", "action": "search", "commitment": "00" * 32, "path": []}
    yield json.dumps(
        {"format": receipts.FORMAT, "statement": {"what": "a", "ledger": statement}, "signature": ""}
    ).encode()
    yield Checkpoint(origin=_SIGNS.public.name, size=1, root=bytes(32)).sign(_SIGNS).encode()
    yield f"{_SIGNS.public.name}\n1\n{base64.b64encode(bytes(32)).decode()}".encode()
    yield str(_SIGNS.public).encode()


def provided() -> Iterator[bytes]:
    """Yield the answers of a well-behaved provider."""
    at = int(_NOW.timestamp())
    claims = {
        "iss": "https://id.example",
        "aud": ["lineament"],
        "azp": "lineament",
        "sub": "1",
        "nonce": "n",
        "iat": at,
        "exp": at + 60,
        "email": "a@b.example",
        "email_verified": True,
        "name": "A",
    }
    yield b"\0" + json.dumps(claims).encode()
    yield b"\1" + jwt.encode({"alg": "ES256", "kid": "k"}, claims, _KEY, algorithms=["ES256"]).encode()
    rsa = {"kty": "RSA", "n": "sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1", "e": "AQAB", "use": "sig"}
    okp = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    yield b"\2" + json.dumps({"keys": [*_KEYS["keys"], rsa, okp]}).encode()
    yield b"\3?code=a&state=b&iss=https%3A%2F%2Fid.example&error=c"
    yield b"\4https://id.example:8443/token?a=b"
