"""Test rows for a store, and SQL that bypasses it."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import psycopg
from tests.support.postgresql import superuser_of

from lineament.model.accounts import HOME_AGENCY, Role
from lineament.model.agencies import AgencyTerms
from lineament.model.cases import Case, CaseTerms
from lineament.model.faces import (
    ArchiveRecord,
    Box,
    CaptureId,
    Face,
    FaceId,
    Landmarks,
    NewCapture,
    Provenance,
    Quality,
    QualityReason,
    Template,
)
from lineament.model.search import Candidate, Edit, EditKind, Mode, Probe, ProbeKind, SearchResult
from lineament.model.sources import Source, SourceTerms
from lineament.services.keyholder import about_source
from lineament.store.db import Store, Tx
from lineament.store.faces import NewFace
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing

NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
MODEL = "sface-yunet/0011aabb"
DIMENSION = 128

Refuses = Callable[[str, str], None]
"""Checks that a statement is refused for the given reason."""


class RawSql:
    """Runs SQL as an administrator would, each statement in its own transaction."""

    def __init__(self, url: str) -> None:
        if url.startswith("sqlite"):
            self._connection: Any = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
            self._connection.execute("PRAGMA foreign_keys = ON")
        else:
            self._connection = psycopg.connect(superuser_of(url), autocommit=True)

    def __call__(self, statement: str) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []

    def close(self) -> None:
        self._connection.close()


def at_home(store: Store) -> Store:
    """Add the agency that runs the workspace; return the store."""
    with store.begin() as tx:
        tx.agencies.add(AgencyTerms(name="This agency", jurisdiction="FR"), NOW, id=HOME_AGENCY)
    return store


@dataclass
class KeyedSource:
    """A source with its key."""

    source: Source
    key: DataKey


@dataclass
class Rows:
    """Creates distinct values, which are equal in every run."""

    keys: KeyRing
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    chance: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def sha256(self, text: str = "") -> str:
        return hashlib.sha256((text or f"number {next(self.numbers)}").encode()).hexdigest()

    def terms(self, name: str = "press") -> SourceTerms:
        return SourceTerms(
            name=name,
            controller="The Press Agency",
            basis="consent, article 6(1)(a)",
            jurisdiction="FR",
            permission_sha256=self.sha256("permission"),
            expires_on=date(2030, 12, 31),
            retention_days=365,
            page_base="https://example.org/",
        )

    def source(self, tx: Tx, name: str = "press") -> KeyedSource:
        wrapped = self.keys.new_data_key(about_source(name))
        keyed = KeyedSource(
            tx.sources.add(self.terms(name), wrapped, NOW), self.keys.unwrap(wrapped, about_source(name))
        )
        tx.tallies.begin(keyed.source.id, keyed.key)
        return keyed

    def quality(self) -> Quality:
        return Quality(
            face_height=112.25,
            detector_score=float(self.chance.random()),
            norm=10.1,
            sharpness=1e-7,
            exposure=0.1 + 0.2,
            yaw=-12.5,
            cropped=0.0,
            reasons=(QualityReason.DARK, QualityReason.TURNED),
        )

    def face(self, model: str = MODEL, dimension: int = DIMENSION, grade: int = 0) -> Face:
        vector = self.chance.standard_normal(dimension).astype(np.float32)
        x, y = (float(number) for number in self.chance.random(2) * 100)
        return Face(
            box=Box(x=x, y=y, width=80.5, height=100.25),
            landmarks=Landmarks(
                left_eye=(x + 20, y + 30),
                right_eye=(x + 60, y + 30),
                nose=(x + 40, y + 50),
                left_mouth=(x + 25, y + 75),
                right_mouth=(x + 55, y + 75),
            ),
            quality=replace(self.quality(), grade=grade),
            template=Template(model, vector / np.linalg.norm(vector)),
        )

    def capture(self, source: Source, uri: str = "", sha256: str = "") -> NewCapture:
        number = next(self.numbers)
        return NewCapture(
            source_id=source.id,
            provenance=Provenance(
                uri=uri or f"https://example.org/pictures/{number}.jpg",
                page_uri=f"https://example.org/pages/{number}",
                page_title=f"Élysée, № {number} 📷",
                captured_at=NOW,
                licence="CC BY 4.0",
                connector="warc 1",
                words=f"Élysée № {number}: alt \u2028 text",
                record=ArchiveRecord(archive="a.warc.gz", id=f"urn:uuid:{number}", offset=2**40 + number, sha256="ab"),
                time_code=number / 7,
            ),
            sha256=sha256 or self.sha256(),
            phash=number.to_bytes(32, "big"),
            media_type="image/jpeg",
            size=150_000 + number,
            width=640,
            height=480,
            enrolled_at=NOW,
            original=self.sha256(),
            thumbnail=self.sha256(),
            facts=b"sealed" if number % 2 else None,
        )

    def enrolled(
        self, tx: Tx, keyed: KeyedSource, faces: int = 1, model: str = MODEL
    ) -> tuple[CaptureId, list[FaceId]]:
        capture_id = tx.captures.add(self.capture(keyed.source))
        new = [NewFace(face=self.face(model), crop=self.sha256()) for _ in range(faces)]
        return capture_id, tx.faces.add(capture_id, keyed.source.id, new, keyed.key, 20_516)

    def agency(self, tx: Tx, name: str) -> str:
        """Add an agency; return its id."""
        return tx.agencies.add(AgencyTerms(name=name, jurisdiction="FR"), NOW).id

    def account(self, tx: Tx, agency_id: str = HOME_AGENCY, name: str = "Jane Doe") -> str:
        """Add an account of an examiner; return its id."""
        email = f"official{next(self.numbers)}@agency.example"
        return tx.accounts.add(agency_id, email, name, [Role.EXAMINER], NOW).id

    def case(self, tx: Tx, ref: str = "2026/17", agency_id: str = HOME_AGENCY, **terms: Any) -> tuple[Case, DataKey]:
        """Add a case; return it with its key."""
        required = {
            "offence": "theft",
            "purpose": "find a witness",
            "basis": "CPP 60-1",
            "authorised_by": "the prosecutor",
        }
        key = f"{next(self.numbers):016x}"
        wrapped = self.keys.new_data_key(f"case/{key}")
        case = tx.cases.add(CaseTerms(ref=ref, **required | terms), wrapped, NOW, key=key, agency_id=agency_id)
        return case, self.keys.unwrap(wrapped, f"case/{key}")

    def probe(self, case: Case, faces: int = 2) -> Probe:
        return Probe(
            id=f"probe{next(self.numbers)}",
            case=case.ref,
            case_key=case.key,
            sha256=self.sha256(),
            media_type="image/png",
            width=800,
            height=600,
            faces=tuple(self.face() for _ in range(faces)),
            made_at=NOW,
            edits=(
                Edit(kind=EditKind.ROTATE, degrees=90, automatic=True),
                Edit(kind=EditKind.CROP, box=Box(x=1.5, y=2, width=3, height=4)),
                Edit(kind=EditKind.EXPOSURE, stops=-0.7),
            ),
            digests=tuple(self.sha256() for _ in range(4)),
            kind=ProbeKind.CCTV,
        )

    def entry(self, tx: Tx, details: str = "{}", case: Case | None = None, agency_id: str = HOME_AGENCY) -> int:
        """Append an entry of a search with meaningless hashes to the ledger, filed under a case; return its number."""
        seq = tx.ledger.size()
        if case is not None:
            tx.ledger.file_under(agency_id, case.id)
        leaf = bytes.fromhex(self.sha256())
        tx.ledger.append(seq, NOW, "search", bytes(32), leaf, bytes(32), details, [(0, seq, leaf)])
        return seq

    def candidate(self, rank: int, face_id: int, source: str = "press") -> Candidate:
        return Candidate(
            rank=rank,
            score=float(np.float32(0.7)) - rank / 100,
            expected_false=1e-7 * rank,
            face_id=FaceId(face_id),
            capture_id=CaptureId(face_id + 1000),
            source=source,
            uri=f"https://example.org/found/{face_id}.jpg",
            page_uri=f"https://example.org/page/{face_id}" if rank % 2 else None,
            page_title=f"Page “{face_id}”" if rank % 2 else None,
            captured_at=NOW if rank % 2 else None,
            connector="warc 1" if rank % 2 else None,
            page_record=ArchiveRecord(archive="a.warc", id="urn:5", offset=rank, sha256="cd") if rank % 2 else None,
            sha256=self.sha256(f"found {face_id}"),
            phash=bytes(range(32)),
            box=Box(x=-1.5, y=2.25, width=30, height=40),
            width=640,
            height=480,
        )

    def result(self, probe: Probe, entry: int, candidates: tuple[Candidate, ...] = ()) -> SearchResult:
        return SearchResult(
            search_id=f"search{next(self.numbers)}",
            case=probe.case,
            case_key=probe.case_key,
            reason="the person who left the shop at 14:10",
            made_at=NOW,
            model=MODEL,
            gallery_faces=1_000_000,
            sources=("press", "registry"),
            mode=Mode.IDENTIFICATION,
            threshold=0.5123456789,
            since=date(2020, 1, 1),
            until=None,
            limit=20,
            probe_id=probe.id,
            probe_sha256=probe.sha256,
            face=1,
            face_box=probe.faces[0].box,
            quality=probe.faces[0].quality,
            candidates=candidates,
            probe_edits=probe.edits,
            probe_kind=probe.kind,
            probe_origin=probe.origin,
            seconds=0.123,
            ledger_entry=entry,
        )
