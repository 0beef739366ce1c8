"""Exports a case in the format of Project VIC: its photographs as submitted and its leads, with their files (R21).

Only a lead with evidence that is independent of its search leaves. Nothing says what a picture is: its category is
null, because Lineament categorises nothing, and 0 is read as “non-pertinent” in some countries. Ranks, scores and whom
a picture might show are not in it.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import lineament
from lineament.errors import InvalidValue, NotFound, Refused
from lineament.model.accounts import Permission
from lineament.model.cases import Case
from lineament.model.events.cases import CaseExported
from lineament.model.exports import DataModel, suffix_of
from lineament.model.jobs import JobProgress
from lineament.model.search import Candidate
from lineament.services.cases.access import managed_case
from lineament.services.copying import why_no_copy
from lineament.services.disclosure.zipped import Zipped
from lineament.services.jobs.kinds import Report
from lineament.services.keyholder import case_key
from lineament.services.leads.leads import Leads
from lineament.services.needs import needs
from lineament.services.people.policies import require_step_up
from lineament.services.record import Record
from lineament.services.stored_pictures import StoredPictures
from lineament.store.blobs import Blobs
from lineament.store.ring import KeyRing

LIST_NAME = "vics.json"
"""The name of the JSON file."""
MEDIA_FOLDER = "Media"
MOST_ZIPPED = 2**29
"""Most bytes of the media in a ZIP file of an export, which is made in memory."""
HEADS = {
    DataModel.OLDER: ("odata.metadata", "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Cases"),
    DataModel.NEWER: (
        "@odata.context",
        "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Cases",
    ),
}
"""By version of the data model, the key and the value that name it."""
LONGEST_NAME = 200

Put = Callable[[str, bytes], None]
"""Writes a file of the export: its path below the folder, and its bytes."""


class NotExported(StrEnum):
    """Why something of a case is not in its export; the value is its text for people."""

    ERASED = "photographs that were erased"
    COPIES = "copies of candidates' pictures"
    NO_EVIDENCE = "leads without evidence that is independent of the search"
    NO_ORIGINAL = "leads whose picture may not be copied, or is not kept"
    GONE = "leads whose face was erased from the gallery"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeExport:
    """An export that was made, in counts. One file of it may be a photograph and a lead."""

    case: str
    version: DataModel
    photographs: int
    leads: int
    bytes: int  # of all media together
    sha256: str  # of the JSON file
    left_out: Counter[NotExported] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZippedExport:
    """An export that was made as one file."""

    zipped: bytes
    made: MadeExport


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportHoldings:
    """What an export of a case would hold now, in counts."""

    photographs: int
    leads: int
    left_out: Counter[NotExported]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Media:
    """A picture to export."""

    open: Callable[[], bytes]  # raises NotFound or Refused if it has been erased meanwhile
    media_type: str
    sha256: str  # of the file
    place: str  # where it was
    name: str  # of its file there; "" if it is not known
    comment: str


class CaseExport:
    """Exports cases of the official's own agency."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, leads: Leads) -> None:
        self._record = record
        self._keys = keys
        self._blobs = blobs
        self._leads = leads
        self._stored = StoredPictures(keys, blobs)

    @needs(Permission.MANAGE_CASES)
    def holdings(self, name: str) -> ExportHoldings:
        """Return what an export of the case would hold now. Raises NotFound, or Refused if it was destroyed."""
        with self._record.read() as tx:
            case = managed_case(tx, self._record, name)
        left_out: Counter[NotExported] = Counter()
        counts = Counter(kind for kind, _ in {(kind, media.sha256) for kind, media in self._media(case, left_out)})
        return ExportHoldings(photographs=counts["photograph"], leads=counts["lead"], left_out=left_out)

    @needs(Permission.MANAGE_CASES)
    def zipped(self, name: str, version: DataModel) -> ZippedExport:
        """Make an export as a ZIP file in memory, and record that it is handed over.

        Raises what ``make`` does, and InvalidValue if the media have more than MOST_ZIPPED bytes; then nothing is on
        the record.
        """
        zipped, size = Zipped(), 0

        def put(path: str, content: bytes) -> None:
            nonlocal size
            size += len(content)
            if size > MOST_ZIPPED:
                why = (
                    f"its files have more than {MOST_ZIPPED >> 20} MiB; write a folder: lineament case vics REF FOLDER"
                )
                raise InvalidValue(what="The export", value="a ZIP file", why=why)
            zipped.add(path, content)

        try:
            made = self.make(name, version, put)
        finally:
            content = zipped.finish()
        return ZippedExport(zipped=content, made=made)

    @needs(Permission.MANAGE_CASES)
    def make(self, name: str, version: DataModel, put: Put, report: Report = lambda _: None) -> MadeExport:
        """Write an export through ``put``, then record that it is handed over.

        If this raises an error, nothing is on the record, and the caller must let nothing of it leave.

        Raises:
            Refused: The case was destroyed.
            StepUpNeeded: The second factor was not shown recently (R49).
            NotFound: There is no such case, or it is not seen.
        """
        with self._record.read() as tx:
            require_step_up(tx, self._record.official, self._record.clock())
            case = managed_case(tx, self._record, name)
            agency = tx.agencies.name(case.agency_id)
        left_out: Counter[NotExported] = Counter()
        records: dict[str, dict[str, Any]] = {}
        held, total = set[tuple[str, str]](), 0  # a file may be a photograph and a lead, which is handed over too
        for kind, media in self._media(case, left_out):
            if (known := records.get(media.sha256)) is not None:  # as an edit of a photograph, or a lead that is one
                known["MediaFiles"].append(_place(media, known["MD5"]))
            else:
                try:
                    untrusted = media.open()
                except (NotFound, Refused):
                    left_out[NotExported.ERASED if kind == "photograph" else NotExported.NO_ORIGINAL] += 1
                    continue
                put(f"{MEDIA_FOLDER}/{_file_name(media)}", untrusted)
                records[media.sha256] = _record_of(media, untrusted, len(records) + 1, version, self._record.clock())
                total += len(untrusted)
                report(JobProgress(done=len(records), words="pictures of the case"))
            held.add((kind, media.sha256))
        counts = Counter(kind for kind, _ in held)
        listing = _listing(case, agency, version, list(records.values()))
        put(LIST_NAME, listing)
        made = MadeExport(
            case=case.ref,
            version=version,
            photographs=counts["photograph"],
            leads=counts["lead"],
            bytes=total,
            sha256=hashlib.sha256(listing).hexdigest(),
            left_out=left_out,
        )
        self._record_made(name, made)
        return made

    def _record_made(self, name: str, made: MadeExport) -> None:
        with self._record.change() as change:
            require_step_up(change.tx, self._record.official, change.at)
            case = managed_case(change.tx, self._record, name)
            change.concerns(case)
            change.record(
                CaseExported(
                    case=case.ref,
                    format=f"VICS {made.version}",
                    photographs=made.photographs,
                    leads=made.leads,
                    left_out=made.left_out.total(),
                    sha256=made.sha256,
                )
            )

    # ------------------------------------------------------------ what is in it

    def _media(self, case: Case, left_out: Counter[NotExported]) -> Iterator[tuple[str, _Media]]:
        """Yield the photographs of a case, the oldest first, then its leads, and count what may not leave."""
        with self._record.read() as tx:
            key = case_key(tx, self._keys, case)
            probes = tx.probes.of_case(case.id, key)[::-1]
            addresses = {probe.id: tx.probes.blob(probe.id) for probe in probes if probe.erased_at is None}
        for probe in probes:
            if probe.id not in addresses:
                left_out[NotExported.ERASED] += 1
            elif probe.origin is not None:
                left_out[NotExported.COPIES] += 1
            else:
                comment = f"Photograph of the case, added {probe.made_at.date().isoformat()}"
                place = f"cases/{case.key}/photographs/{probe.id}"
                media = _Media(
                    open=partial(self._blobs.get, key, addresses[probe.id]),
                    media_type=probe.media_type,
                    sha256=probe.sha256,
                    place=place,
                    name=f"{probe.id}.{suffix_of(probe.media_type)}",
                    comment=comment,
                )
                yield "photograph", media
        found = self._leads.of_case(case.key)
        left_out.update({NotExported.GONE: found.gone} if found.gone else {})
        for lead in found.leads:
            if not lead.evidence:
                left_out[NotExported.NO_EVIDENCE] += 1
            elif (media_of := self._lead(lead.candidate, lead.stored.result.search_id)) is None:
                left_out[NotExported.NO_ORIGINAL] += 1
            else:
                yield "lead", media_of

    def _lead(self, candidate: Candidate, search_id: str) -> _Media | None:
        """Return the picture of a lead; None if it may not be copied, or is not kept."""
        with self._record.read() as tx:
            try:
                capture = tx.captures.get(candidate.capture_id)
                source = tx.sources.by_id(capture.source_id)
                if why_no_copy(self._record, capture, source) is not None:
                    return None
            except NotFound:
                return None

        def opened() -> bytes:
            with self._record.read() as tx:
                return self._stored.open(tx, capture, capture.original, "")

        comment = f"Lead of the search {search_id}, found in the source {source.name}; reviewed, and it may be wrong"
        name = PurePosixPath(unquote(urlsplit(candidate.uri).path)).name[:LONGEST_NAME]
        return _Media(
            open=opened,
            media_type=capture.media_type,
            sha256=capture.sha256,
            place=candidate.uri,
            name=name,
            comment=comment,
        )


def _record_of(media: _Media, untrusted: bytes, number: int, version: DataModel, at: datetime) -> dict[str, Any]:
    md5, size = hashlib.md5(untrusted, usedforsecurity=False).hexdigest().upper(), len(untrusted)
    return {
        "MediaID": number,
        "Category": None,
        "MD5": md5,
        "SHA1": hashlib.sha1(untrusted, usedforsecurity=False).hexdigest().upper(),
        "MediaSize": str(size) if version is DataModel.OLDER else size,  # 64 bits are text in OData 3
        "RelativeFilePath": f"{MEDIA_FOLDER}\\{_file_name(media)}",
        "MimeType": media.media_type,
        "DateUpdated": at.isoformat(timespec="seconds"),
        "IsPrecategorized": False,
        "Comments": media.comment,
        "AlternativeHashes": [{"MD5": md5, "HashName": "SHA256", "HashValue": media.sha256}],
        "Exifs": [],
        "MediaFiles": [_place(media, md5)],
    }


def _file_name(media: _Media) -> str:
    return f"{media.sha256}.{suffix_of(media.media_type)}"


def _place(media: _Media, md5: str) -> dict[str, Any]:
    name = media.name or media.place.rpartition("/")[2]
    return {"MD5": md5, "FileName": name, "FilePath": media.place, "Unallocated": False}


def _listing(case: Case, agency: str, version: DataModel, media: list[dict[str, Any]]) -> bytes:
    """Return the JSON file of an export, in UTF-8 without a byte order mark."""
    key, model = HEADS[version]
    own = {
        "CaseID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:lineament:case:{case.key}")),
        "CaseNumber": case.ref,
        "ContactOrganization": agency,
        "SourceApplicationName": "Lineament",
        "SourceApplicationVersion": lineament.__version__,
        "TotalMediaFiles": len(media),
        "TotalPrecategorized": 0,
        "Media": media,
    }
    return (json.dumps({key: model, "value": [own]}, indent=1, ensure_ascii=False) + "\n").encode()
