"""Makes a disclosure pack from what was read of a case: the same bytes whenever it is made of the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import lineament
from lineament.errors import NotFound, Refused
from lineament.ledger.export import export
from lineament.ledger.merkle import inclusion_proof
from lineament.ledger.seen import KeptCheckpoint
from lineament.model.actions import Action
from lineament.model.exports import suffix_of
from lineament.model.faces import FaceId
from lineament.model.jobs import JobProgress
from lineament.model.search import Candidate, Probe, SearchResult
from lineament.services.disclosure.marks import MarkedOriginals
from lineament.services.disclosure.pages import pages_of
from lineament.services.disclosure.snapshot import DisclosedSearch, Snapshot
from lineament.services.disclosure.uco import case_graph
from lineament.services.disclosure.zipped import Zipped
from lineament.services.jobs.kinds import Report
from lineament.services.record import Record
from lineament.services.stored_pictures import StoredPictures
from lineament.services.witnessing.in_force import kept_folder, policy_in_force
from lineament.store.ledger import LedgerRow
from lineament.store.values import edit_to
from lineament.vision.analyse import Analyser, face_crop, screen_picture
from lineament.vision.packs import Pack
from lineament.vision.veil import blur

FORMAT = "lineament-disclosure/1"
"""The first line of the signed text, so that a pack can never be taken for a checkpoint."""
MOST_WITNESSED = 50
"""Most checkpoints that others saw; the newest ones."""
ERASED = "its face was erased from the gallery"
_BLURRED = "pictures of this case are blurred in this pack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What packs are made with."""

    record: Record
    pictures: StoredPictures
    analyser: Callable[[], Analyser]
    model_pack: Callable[[], Pack]


@dataclass(frozen=True, slots=True, kw_only=True)
class _CandidatePictures:
    """The pictures of a candidate, by their names in the pack."""

    crop: str | None
    thumbnail: str | None
    why: str  # there is no picture, or only the crop; empty if both are there


def build(making: Making, snapshot: Snapshot, report: Report, *, regions: bool = False) -> bytes:
    """Return the pack as a ZIP file. With ``regions`` the faces of each original are in an XMP file beside it."""
    return _Builder(making, snapshot, report, MarkedOriginals() if regions else None).build()


class _Builder:
    def __init__(self, making: Making, snapshot: Snapshot, report: Report, marked: MarkedOriginals | None) -> None:
        self._making = making
        self._marked = marked
        self._snapshot = snapshot
        self._report = report
        self._zip = Zipped()
        self._of_face: dict[tuple[FaceId, bool], _CandidatePictures] = {}

    def build(self) -> bytes:
        """Return the pack."""
        snapshot = self._snapshot
        searches = [self._search(number, one) for number, one in enumerate(snapshot.searches, 1)]
        probes = [self._probe(probe, address) for probe, address in snapshot.probes]
        for name, packet in ({} if self._marked is None else self._marked.files()).items():
            self._zip.add(name, packet)
        case = {
            "format": FORMAT,
            "case": self._case_facts(),
            "counts": asdict(snapshot.holdings),
            "searches": searches,
            "probes": probes,
            "records": self._records(),
            "document": self._document(),
            "watched": {
                id_: {
                    "faces_compared": progress.compared,
                    "compared_last": None if progress.looked_at is None else progress.looked_at.isoformat(),
                }
                for id_, progress in self._snapshot.progress.items()
            },
            "timeline": [
                {
                    "entry": row.seq,
                    "at": row.at.isoformat(),
                    "action": row.action,
                    "details": json.loads(row.details or "{}"),
                }
                for row in snapshot.entries
            ],
        }
        settings = self._settings()
        self._report(JobProgress(words="the ledger and its proofs"))
        self._ledger()
        self._rows()
        self._zip.add_json("case.json", case)
        self._zip.add_json("settings.json", settings)
        self._zip.add_json("case.jsonld", case_graph(snapshot, case, self._zip.files))
        self._zip.add("verify.py", Path(__file__).with_name("verify.py").read_bytes())
        key = str(self._making.record.ledger.public_key)
        told = {"case": case, "settings": settings, "holdings": snapshot.holdings, "key": key}
        for name, page in pages_of(snapshot, self._making.model_pack().rates, told).items():
            self._zip.add(name, page.encode())
        self._sign()
        return self._zip.finish()

    def _sign(self) -> None:
        snapshot, ledger = self._snapshot, self._making.record.ledger
        manifest = {
            "format": FORMAT,
            "pack": snapshot.pack,
            "case": snapshot.case.ref,
            "made_at": snapshot.at.isoformat(),
            "made_by": snapshot.by,
            "lineament": lineament.__version__,
            "origin": ledger.origin,
            "public_key": str(ledger.public_key),
            "entries": snapshot.size,
            "sharp": snapshot.sharp,
            "files": dict(self._zip.files),
        }
        self._zip.add_json("manifest.json", manifest)
        digest = self._zip.files["manifest.json"]["sha256"]
        self._zip.add("manifest.note", ledger.attest(f"{FORMAT}\n{ledger.origin}\n{digest}\n").encode())

    # ------------------------------------------------------------ the case

    def _case_facts(self) -> dict[str, Any]:
        case, terms = self._snapshot.case, self._snapshot.case.terms
        granted = case.authorisation
        return {
            "ref": case.ref,
            "agency": self._snapshot.agency,
            "offence": terms.offence,
            "purpose": terms.purpose,
            "basis": terms.basis,
            "authorised_by": terms.authorised_by,
            "jurisdiction": terms.jurisdiction,
            "seeks": terms.seeks.value,
            "exempt_because": terms.exempt_because,
            "state": case.state.value,
            "opened_at": case.opened_at.isoformat(),
            "closed_at": None if case.closed_at is None else case.closed_at.isoformat(),
            "urgent_because": case.urgent_because,
            "authorisation": None
            if granted is None
            else {
                "authority": granted.authority,
                "outcome": granted.outcome.value,
                "decided_at": granted.decided_at.isoformat(),
                "scope": granted.scope,
                "expires_on": None if granted.expires_on is None else granted.expires_on.isoformat(),
                "recorded_by": granted.recorded_by,
            },
            "allowances": [
                {"words": list(one.words), "because": one.because, "by": one.by, "at": one.at.isoformat()}
                for one in case.allowances
            ],
        }

    def _records(self) -> dict[str, list[Any]]:
        """Return the rows that stand in no other part: those of the case, its approvals, papers and decisions."""
        found: dict[str, list[Any]] = {}
        for name, text in self._snapshot.rows.items():
            table = name.partition("/")[0]
            if table != "probes":
                found.setdefault(table, []).append(json.loads(text)[1])
        return found

    def _document(self) -> dict[str, Any]:
        """Add the document of the authorisation; return its name and digest."""
        granted, found = self._snapshot.case.authorisation, self._snapshot.document
        digest = None if granted is None else granted.document_sha256
        if found is None:
            return {"sha256": digest, "file": None, "name": None}
        untrusted = self._making.pictures.blobs.get(self._snapshot.key, found[1])
        return {"sha256": digest, "file": self._zip.add("documents/authorisation", untrusted), "name": found[0]}

    # ------------------------------------------------------------ searches

    def _search(self, number: int, disclosed: DisclosedSearch) -> dict[str, Any]:
        stored, texts = disclosed.stored, disclosed.texts
        result = stored.result
        words = f"pictures of search {number} of {len(self._snapshot.searches)}"
        self._report(JobProgress(done=number - 1, total=len(self._snapshot.searches), words=words))
        said, others, numbers = json.loads(texts.search)[1]
        pictures = self._pictures_of(result)
        kept = {candidate.rank for candidate in result.candidates}
        listed = [
            {
                "rank": rank,
                "score": score,
                "expected_false": expected,
                **(
                    self._shown(texts.candidates[rank], pictures[rank]) if rank in kept else self._gone(disclosed, rank)
                ),
            }
            for rank, score, expected in numbers
        ]
        return {
            "number": number,
            "id": result.search_id,
            "entry": result.ledger_entry,
            "row": said,
            "probes": others,
            "list": listed,
            "twins": [list(twin) for twin in texts.twins],
        }

    @staticmethod
    def _shown(text: str, pictures: _CandidatePictures) -> dict[str, Any]:
        face, source, snapshot = json.loads(text)[1]
        facts = {"erased": False, "erased_at": None, "face": face, "source": source, "snapshot": json.loads(snapshot)}
        return facts | asdict(pictures)

    @staticmethod
    def _gone(disclosed: DisclosedSearch, rank: int) -> dict[str, Any]:
        at = disclosed.erased_at.get(rank)
        facts: dict[str, Any] = dict.fromkeys(("face", "source", "snapshot", "crop", "thumbnail"))
        return facts | {"erased": True, "erased_at": None if at is None else at.isoformat(), "why": ERASED}

    def _pictures_of(self, result: SearchResult) -> dict[int, _CandidatePictures]:
        with self._making.record.read() as tx:
            described = tx.faces.describe([candidate.face_id for candidate in result.candidates])
            found = {}
            for candidate in result.candidates:
                blurred = self._blurs(candidate)
                if (candidate.face_id, blurred) not in self._of_face:
                    self._of_face[candidate.face_id, blurred] = self._open(tx, candidate, described, blurred=blurred)
                found[candidate.rank] = self._of_face[candidate.face_id, blurred]
        return found

    def _blurs(self, candidate: Candidate) -> bool:
        return self._snapshot.all_blurred or candidate.source in self._snapshot.blurred_sources

    def _open(
        self, tx: Any, candidate: Candidate, described: Mapping[FaceId, Any], *, blurred: bool
    ) -> _CandidatePictures:
        known = described.get(candidate.face_id)
        if known is None:
            return _CandidatePictures(crop=None, thumbnail=None, why=ERASED)
        stored, show = self._making.pictures, blur if blurred else bytes
        try:
            crop = self._zip.picture(show(stored.face(tx, known.face, known.capture)))
        except (NotFound, Refused) as error:
            return _CandidatePictures(crop=None, thumbnail=None, why=str(error))
        try:
            thumbnail = self._zip.picture(show(stored.open(tx, known.capture, known.capture.thumbnail, "")))
        except (NotFound, Refused) as error:
            return _CandidatePictures(crop=crop, thumbnail=None, why=str(error))
        return _CandidatePictures(crop=crop, thumbnail=thumbnail, why="")

    # ------------------------------------------------------------ photographs

    def _probe(self, probe: Probe, address: str | None) -> dict[str, Any]:
        """Add a photograph: the original, what is seen of it after its edits, and its faces."""
        if address is None or probe.erased_at is not None:
            at = None if probe.erased_at is None else probe.erased_at.isoformat()
            nothing: dict[str, Any] = dict.fromkeys(("row", "original", "picture"))
            return nothing | {"id": probe.id, "why": ERASED, "erased_at": at, "edits": [], "digests": [], "faces": []}
        original = self._making.pictures.blobs.get(self._snapshot.key, address)
        picture = self._making.analyser().decode(original, probe.edits, probe.part)
        blurred = self._snapshot.all_blurred
        show = blur if blurred else bytes
        name = f"probes/{probe.sha256}.{suffix_of(probe.media_type)}"
        kept = None if blurred else self._zip.add(name, original)
        if self._marked is not None and kept is not None:
            self._marked.add(kept, probe, original, self._making.analyser())
        faces = [
            {
                "face": number,
                "box": [face.box.x, face.box.y, face.box.width, face.box.height],
                "file": self._zip.picture(show(face_crop(picture, face.box, face.quality.quarters))),
            }
            for number, face in enumerate(probe.faces, 1)
        ]
        return {
            "id": probe.id,
            "row": json.loads(self._snapshot.rows[f"probes/{probe.id}"])[1],
            "original": kept,
            "why": _BLURRED if blurred else "",
            "erased_at": None,
            "picture": self._zip.picture(show(screen_picture(picture))),
            "edits": [edit_to(edit) for edit in probe.edits],
            "digests": list(probe.digests),
            "faces": faces,
        }

    # ------------------------------------------------------------ settings

    def _settings(self) -> dict[str, Any]:
        """Return versions, model, thresholds and error rates."""
        pack, searches = self._making.model_pack(), self._snapshot.searches
        return {
            "lineament": lineament.__version__,
            "searched_with_versions": sorted({version for row in self._snapshot.entries if (version := _version(row))}),
            "models_searched_with": sorted({one.stored.result.model for one in searches}),
            "model_pack": {
                "name": pack.name,
                "model": pack.model,
                "licence": pack.licence,
                "detector_sha256": pack.detector.sha256,
                "recognisers_sha256": [one.net.sha256 for one in pack.recognisers],
            },
            "error_rates": asdict(pack.rates),
            "threshold_changes": [
                {
                    "number": change.number,
                    "entry": change.entry,
                    "strangers": change.strangers,
                    "model": change.model,
                    "reason": change.reason,
                    "evidence": change.evidence,
                    "proposed": change.note,
                    "made": change.made,
                }
                for change in self._snapshot.changes
            ],
        }

    # ------------------------------------------------------------ the ledger

    def _ledger(self) -> None:
        """Add the whole log, as leaves but for the case's own entries, with proofs and what others saw."""
        snapshot, making = self._snapshot, self._making
        ledger, told = making.record.ledger, frozenset(row.seq for row in snapshot.entries)
        with making.record.read() as tx:
            with self._zip.text("ledger/ledger.jsonl") as out:
                export(
                    *(tx.ledger, out, ledger.public_key),
                    opened=told,
                    listed=told | snapshot.erasures,
                    witnessed=self._witnessed(),
                    head=(snapshot.size, snapshot.checkpoint),
                )
            read = lru_cache(maxsize=None)(tx.ledger.node)
            with self._zip.text("ledger/proofs.jsonl") as out:
                for seq in sorted(told):
                    path = [hash_.hex() for hash_ in inclusion_proof(seq, snapshot.size, read)]
                    out.write(f"{json.dumps({'entry': seq, 'path': path})}\n")
            policy = policy_in_force(tx, making.record)
        self._zip.add("ledger/checkpoint.txt", snapshot.checkpoint.encode())
        trusted = {
            "witnesses": [each.key for each in policy.witnesses],
            "authorities": [each.roots for each in policy.authorities],
        }
        self._zip.add_json("ledger/trusted.json", trusted)

    def _witnessed(self) -> list[KeptCheckpoint]:
        """Return what others saw of the entries of the pack, the newest first."""
        found = []
        for kept in kept_folder(self._making.record).newest():
            size = kept.note.split("\n")[1:2]
            if size and size[0].isdecimal() and int(size[0]) <= self._snapshot.size:
                found.append(kept)
            if len(found) == MOST_WITNESSED:
                break
        return found

    def _rows(self) -> None:
        """Add the texts of all rows, whose digests are in the ledger."""
        texts = dict(self._snapshot.rows)
        for one in self._snapshot.searches:
            id_ = one.stored.result.search_id
            texts[f"searches/{id_}"] = one.texts.search
            texts |= {f"candidates/{id_}/{rank}": text for rank, text in one.texts.candidates.items()}
        with self._zip.text("rows.jsonl") as out:
            for name in sorted(texts):
                out.write(f"{json.dumps({'row': name, 'text': texts[name]})}\n")


def _version(row: LedgerRow) -> str:
    """Return the version of Lineament that made a search; empty if an entry does not say so."""
    return str(json.loads(row.details or "{}").get("version", "")) if row.action == Action.SEARCH.value else ""


def digest_of_pack(pack: bytes) -> str:
    """Return the SHA-256 of a pack."""
    return hashlib.sha256(pack).hexdigest()
