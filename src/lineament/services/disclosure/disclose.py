"""Makes disclosure packs, keeps them sealed with the case, and hands them over on the record (R22)."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lineament.errors import Damaged, NotFound
from lineament.model.accounts import Permission
from lineament.model.cases import GONE, Case, Paper, PaperKind
from lineament.model.events.cases import CaseDisclosed, DisclosureTaken, PaperAdded
from lineament.model.jobs import Job, JobRequest
from lineament.services.cases.access import managed_case, own_case_for
from lineament.services.disclosure import verify
from lineament.services.disclosure.build import Making, build, digest_of_pack
from lineament.services.disclosure.snapshot import Holdings, Snapshot, holdings_of, read_snapshot, searches_of
from lineament.services.jobs.kinds import DISCLOSURE, Report
from lineament.services.keyholder import case_key, require_current_case
from lineament.services.needs import needs
from lineament.services.people.policies import require_step_up
from lineament.services.record import Change, Record
from lineament.services.stored_pictures import StoredPictures
from lineament.store.blobs import Blobs
from lineament.store.ring import KeyRing
from lineament.vision.analyse import Analyser
from lineament.vision.packs import Pack

_DISCLOSURES = (PaperKind.DISCLOSURE,)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadePack:
    """A pack that was made, and where it is kept."""

    zipped: bytes
    paper: Paper


class Disclosure:
    """Discloses cases of the official's own agency."""

    def __init__(
        self,
        record: Record,
        keys: KeyRing,
        blobs: Blobs,
        analyser: Callable[[], Analyser],
        model_pack: Callable[[], Pack],
    ) -> None:
        self._record = record
        self._keys = keys
        self._blobs = blobs
        self._making = Making(
            record=record, pictures=StoredPictures(keys, blobs), analyser=analyser, model_pack=model_pack
        )

    @needs(Permission.MANAGE_CASES)
    def holdings(self, name: str) -> Holdings:
        """Return what a pack of the case would hold now, in counts. Raises RecordAltered."""
        with self._record.read() as tx:
            case = managed_case(tx, self._record, name)
            return holdings_of(tx, case, searches_of(tx, case))

    @needs(Permission.MANAGE_CASES)
    def packs(self, name: str) -> Sequence[Paper]:
        """Return the packs that were made of the case, the newest first; none if it was destroyed."""
        with self._record.read() as tx:
            case = own_case_for(tx, self._record, name, Permission.MANAGE_CASES)
            if case.state in GONE:
                return []
            key = case_key(tx, self._keys, case)
            kept = tx.papers.of_case(case.id, key, notes_of=case.agency_id, kinds=_DISCLOSURES)
            return kept[::-1]

    @needs(Permission.MANAGE_CASES)
    def under_way(self, name: str) -> list[Job]:
        """Return the jobs that make packs of the case and have not ended, oldest first."""
        with self._record.read() as tx:
            key = own_case_for(tx, self._record, name, Permission.MANAGE_CASES).key
            return [job for job in tx.jobs.open_of_kinds((DISCLOSURE.name,)) if job.request.arguments["case"] == key]

    @needs(Permission.MANAGE_CASES)
    def ask(self, name: str, *, sharp: bool, regions: bool = False) -> Job:
        """Let a job make a pack. Raises Refused if the case was destroyed, or StepUpNeeded (R49).

        ``sharp``: pictures marked as distressing, too. ``regions``: mark the faces of the originals in XMP beside them.
        """
        official = self._record.official
        with self._record.begin() as tx:
            require_step_up(tx, official, self._record.clock())
            case = managed_case(tx, self._record, name)
            request = JobRequest(
                kind=DISCLOSURE.name,
                arguments={"case": case.key, "sharp": sharp, "regions": regions},
                agency_id=official.agency_id,
                account_id=official.account_id,
                requested_by=official.name,
            )
            return tx.jobs.add(request, self._record.clock())

    @needs(Permission.MANAGE_CASES)
    def job(self, arguments: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
        """Make the pack that was asked for; return its id, size and digest."""
        made = self._make(
            str(arguments["case"]),
            sharp=bool(arguments["sharp"]),
            regions=bool(arguments.get("regions")),  # a job that an earlier version queued does not say
            report=report,
        )
        return {"pack": made.paper.id, "bytes": made.paper.size, "sha256": made.paper.sha256}

    @needs(Permission.MANAGE_CASES)
    def make(self, name: str, *, sharp: bool, regions: bool = False, report: Report = lambda _: None) -> MadePack:
        """Make a pack here and now, keep it, and record that it is handed over. Raises as ``ask`` does."""
        with self._record.read() as tx:
            require_step_up(tx, self._record.official, self._record.clock())
        made = self._make(name, sharp=sharp, regions=regions, report=report)
        with self._record.change() as change:
            self._record_taken(change, managed_case(change.tx, self._record, name), made.paper)
        return made

    @needs(Permission.MANAGE_CASES)
    def open(self, name: str, pack_id: str) -> MadePack:
        """Record that a pack is handed over, and return it. Raises NotFound, or StepUpNeeded (R49)."""
        with self._record.change() as change:
            require_step_up(change.tx, self._record.official, change.at)
            case = managed_case(change.tx, self._record, name)
            key = case_key(change.tx, self._keys, case)
            try:
                paper, address = change.tx.papers.get(case.id, pack_id, key, _DISCLOSURES)
            except NotFound:
                raise NotFound(what="disclosure pack", name=pack_id, hint="lineament case disclose") from None
            zipped = self._blobs.get(key, address)
            self._record_taken(change, case, paper)
        return MadePack(zipped=zipped, paper=paper)

    # ------------------------------------------------------------ making

    def _make(self, name: str, *, sharp: bool, regions: bool, report: Report) -> MadePack:
        snapshot = self._recorded(name, sharp=sharp)
        zipped = build(self._making, snapshot, report, regions=regions)
        _require_sound(zipped)
        address = self._blobs.put(snapshot.key, zipped)
        self._blobs.flush()
        official = self._record.official
        with self._record.change() as change:
            case = managed_case(change.tx, self._record, name)
            require_current_case(change.tx, self._keys, case, snapshot.key)
            change.concerns(case)
            paper = Paper(
                id=snapshot.pack,
                kind=PaperKind.DISCLOSURE,
                author=official.name,
                agency_id=official.agency_id,
                agency_name=snapshot.agency,
                at=snapshot.at,
                text=f"disclosure-{snapshot.pack}.zip",
                size=len(zipped),
                sha256=digest_of_pack(zipped),
            )
            change.tx.papers.add(case.id, paper, snapshot.key, blob=address)
            change.record(
                PaperAdded(case=case.ref, paper=paper.id, kind=paper.kind.value, sha256=paper.sha256, size=paper.size)
            )
        return MadePack(zipped=zipped, paper=paper)

    def _recorded(self, name: str, *, sharp: bool) -> Snapshot:
        """Record that a pack is made, and read the case in the same transaction."""
        with self._record.change() as change:
            tx = change.tx
            case = managed_case(tx, self._record, name)
            change.concerns(case)
            held = holdings_of(tx, case, searches_of(tx, case))
            pack = secrets.token_hex(8)
            entry = change.record(
                CaseDisclosed(
                    case=case.ref,
                    pack=pack,
                    searches=held.searches,
                    candidates=held.candidates,
                    erased=held.erased,
                    photographs=held.photographs,
                    decisions=held.decisions,
                    watches=held.watches,
                    sharp=sharp,
                )
            )
            return read_snapshot(tx, self._record, self._keys, case, entry=entry, pack=pack, sharp=sharp)

    def _record_taken(self, change: Change, case: Case, paper: Paper) -> None:
        change.concerns(case)
        change.record(DisclosureTaken(case=case.ref, pack=paper.id, sha256=paper.sha256 or ""))


def _require_sound(zipped: bytes) -> None:
    """Raise Damaged unless a pack that was made passes the check of whoever gets it: no other is kept."""
    result = verify.Verifier(verify.PackFile(io.BytesIO(zipped), "the pack"), verify.Brought()).run()
    if result.problems:
        why = f"{result.problems[0][1]}, so nothing was kept"
        raise Damaged(what="The disclosure pack", why=why, remedy="run: lineament verify")
