"""Evaluations that a program asks for: an archive of labelled pictures, a job, and a report that is kept for a week.

Nothing of it is enrolled. The archive lies sealed until the job has ended; its pictures are unpacked in memory alone.
It and the report are sealed under keys of their own, which are secrets of the job: whatever ends it, the key of the
archive is destroyed in the transaction that records that.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineament.errors import InvalidValue, NotAllowed, NotFound
from lineament.model.accounts import Permission
from lineament.model.events.evaluations import EvaluationAsked
from lineament.model.jobs import Job, JobProgress, JobRequest
from lineament.services.jobs.ended import wanting_notice
from lineament.services.jobs.kinds import EVALUATION, Report, by_program
from lineament.services.jobs.queue import Jobs
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.store.durable import private_file
from lineament.store.keys import KEY_BYTES, Cipher

if TYPE_CHECKING:
    from lineament.services.evaluate.evaluate import Evaluation
    from lineament.services.evaluate.labelled import LabelledSet
    from lineament.services.evaluate.templates import Extractor, FaceChoice
    from lineament.vision.packs import Pack

KEPT_FOR = timedelta(days=7)
"""How long an archive and a report are kept at most."""
_ID = re.compile(r"([0-9]{14})-[0-9a-f]{16}")
_WHEN = "%Y%m%d%H%M%S"
ARCHIVE, REPORT = "archive", "report"
"""The parts of an evaluation: the names of their files and of their keys."""
Keys = Mapping[str, str]
"""The keys of the parts, in hexadecimal."""
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedEvaluation:
    """What is measured, as JSON and with the fields of the command."""

    face: str = "middle"  # which face of a picture its folder is about, or "largest"
    enrol: int = 1  # pictures of each person in the gallery
    searches: int = 10_000  # most mated, and most other ones
    seed: int = 1
    notify: bool = False  # whether the web hooks are told when it has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """An evaluation, and what was measured once its job is done."""

    job: Job
    report: Mapping[str, Any] | None


class EvaluationFolders:
    """The sealed archives and reports of all evaluations, each in a folder that is named by when it was asked for."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def begin(self, untrusted: bytes, at: datetime) -> tuple[str, Keys]:
        """Keep an archive; return the id of the evaluation, and the keys of its parts in hexadecimal."""
        new = f"{at:{_WHEN}}-{secrets.token_hex(8)}"
        keys = {name: secrets.token_hex(KEY_BYTES) for name in (ARCHIVE, REPORT)}
        (self._home / new).mkdir(mode=0o700, parents=True)
        self.write(new, keys, ARCHIVE, untrusted)
        return new, keys

    def write(self, id: str, keys: Keys, name: str, content: bytes) -> None:  # noqa: A002 - as in its job
        """Seal a part of an evaluation. Raises NotFound if it was deleted."""
        sealed = _cipher(id, keys, name).seal(content, _about(id, name))
        try:
            with private_file(self._folder(id) / name) as file:
                file.write(sealed)
        except FileNotFoundError:
            raise no_evaluation(id) from None

    def read(self, id: str, keys: Keys, name: str) -> bytes:  # noqa: A002
        """Return a part of an evaluation. Raises NotFound if it was deleted, or Damaged."""
        try:
            sealed = (self._folder(id) / name).read_bytes()
        except FileNotFoundError:
            raise no_evaluation(id) from None
        return _cipher(id, keys, name).open(sealed, _about(id, name))

    def drop_archive(self, id: str) -> None:  # noqa: A002
        """Delete the archive of an evaluation that has ended."""
        (self._folder(id) / ARCHIVE).unlink(missing_ok=True)

    def discard_old(self, at: datetime) -> None:
        """Delete what was asked for so long ago that it is not kept any more."""
        for folder in self._home.iterdir() if self._home.is_dir() else ():
            if is_old(folder.name, at):
                shutil.rmtree(folder, ignore_errors=True)

    def destroy(self, id: str) -> None:  # noqa: A002
        """Delete an evaluation."""
        shutil.rmtree(self._folder(id), ignore_errors=True)

    def _folder(self, id: str) -> Path:  # noqa: A002
        if not _ID.fullmatch(id):
            raise no_evaluation(id)
        return self._home / id


class Evaluations:
    """Measures error rates on pictures that a program sends, in an official's name."""

    def __init__(
        self, record: Record, folders: EvaluationFolders, measure: Measure, settle: Callable[[], None]
    ) -> None:
        """``settle`` forgets what was sent for evaluations that have ended."""
        self._record, self._folders, self._measure, self._settle = record, folders, measure, settle

    @needs(Permission.MANAGE_SOURCES)
    def ask(self, untrusted_archive: bytes, asked: AskedEvaluation) -> Job:
        """Queue the evaluation of a ZIP archive with one folder for each person. Raises InvalidValue.

        Raises NotAllowed if the key is bound to sources, because the pictures belong to none.
        """
        if self._record.official.key is not None and self._record.official.key.sources:
            raise NotAllowed(what="a key that is not bound to sources")
        if not untrusted_archive.startswith(_ZIP):
            raise InvalidValue(what="The archive", value="…", why="send a ZIP archive", field="body")
        new, keys = self._folders.begin(untrusted_archive, self._record.clock())
        try:
            with self._record.change() as change:
                request = self._request(new, asked)
                job = change.tx.jobs.add(request, change.at, secrets_of_job={"keys": keys})
                change.record(
                    EvaluationAsked(
                        job=job.id,
                        archive=hashlib.sha256(untrusted_archive).hexdigest(),
                        bytes=len(untrusted_archive),
                        enrol=asked.enrol,
                        searches=asked.searches,
                        seed=asked.seed,
                    )
                )
                return job
        except BaseException:
            self._folders.destroy(new)
            raise

    def _request(self, new: str, asked: AskedEvaluation) -> JobRequest:
        official = self._record.official
        arguments = {
            "evaluation": new,
            "face": asked.face,
            "enrol": asked.enrol,
            "searches": asked.searches,
            "seed": asked.seed,
            **by_program(official),
        }
        return JobRequest(
            kind=EVALUATION.name,
            arguments=wanting_notice(arguments, notify=asked.notify),
            agency_id=official.agency_id,
            account_id=official.account_id,
            requested_by=official.name,
        )

    @needs(Permission.MANAGE_SOURCES)
    def show(self, job_id: str) -> EvaluationReport:
        """Return an evaluation by its job, with its report once it is done. Raises NotFound."""
        job = self._job(job_id)
        if job.result is None:
            return EvaluationReport(job=job, report=None)
        with self._record.read() as tx:
            keys = tx.jobs.secrets(job.id).get("keys", {})
        content = self._folders.read(job.request.arguments["evaluation"], keys, REPORT)
        return EvaluationReport(job=job, report=json.loads(content))

    @needs(Permission.MANAGE_SOURCES)
    def delete(self, job_id: str) -> None:
        """Delete the report of an evaluation, and stop it if it has not ended. Raises NotFound."""
        job = self._job(job_id)
        if not job.ended:
            job = Jobs(self._record).stop(job.id)
        self._settle()
        if job.ended:
            with self._record.begin() as tx:
                tx.jobs.keep_secrets(job.id, None)
        self._folders.destroy(job.request.arguments["evaluation"])

    def _job(self, job_id: str) -> Job:
        job = Jobs(self._record).show(job_id)
        if job.request.kind != EVALUATION.name:
            raise no_evaluation(job_id)
        return job

    @needs(Permission.MANAGE_SOURCES)
    def job(self, arguments: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
        """Run an evaluation, and keep its report. Raises NotFound if it was deleted, or NotEvaluable."""
        from lineament.services.evaluate.packed import labelled_in

        id, keys = str(arguments["evaluation"]), arguments.get("keys", {})  # noqa: A001 - as in its arguments
        labelled = labelled_in(self._folders.read(id, keys, ARCHIVE), self._measure.most)
        content = self._measure.as_json(self._measure.run(labelled, arguments, report))
        self._folders.write(id, keys, REPORT, content)
        people = len({each.person for each in labelled.pictures})
        return {
            "pictures": len(labelled.pictures),
            "people": people,
            "report": hashlib.sha256(content).hexdigest(),
        }


class Measure:
    """Measures with the nets of the workspace."""

    def __init__(
        self,
        extractor: Callable[[FaceChoice], Extractor],
        pack: Callable[[], Pack],
        as_json: Callable[[Evaluation], bytes],
        most: int,
    ) -> None:
        """``extractor`` makes one for a choice of face, ``pack`` returns the model pack, ``most``: bytes of a file."""
        self._extractor, self._pack, self.as_json, self.most = extractor, pack, as_json, most

    def run(self, labelled: LabelledSet, arguments: Mapping[str, Any], report: Report) -> Evaluation:
        """Return what was measured on labelled pictures. Raises NotEvaluable or InvalidValue."""
        from lineament.model.evaluation.measure import Protocol
        from lineament.services.evaluate.evaluate import EvaluationOptions, evaluate_pictures
        from lineament.services.evaluate.templates import FaceChoice, Progress

        def tell(words: str, progress: Progress) -> None:
            report(JobProgress(done=progress.done, total=progress.total, words=words))

        choice = FaceChoice(arguments["face"])
        protocol = Protocol(enrol=arguments["enrol"], searches=arguments["searches"], seed=arguments["seed"])
        options = EvaluationOptions(protocol=protocol, choice=choice, crops=False)
        return evaluate_pictures(labelled, options, self._extractor(choice), self._pack(), tell)


def is_old(id: str, at: datetime) -> bool:  # noqa: A002
    """Return whether an evaluation was asked for so long ago that it is not kept any more."""
    found = _ID.fullmatch(id)
    return found is not None and datetime.strptime(found[1], _WHEN).replace(tzinfo=at.tzinfo) < at - KEPT_FOR


def no_evaluation(name: str) -> NotFound:
    """Return the error for an evaluation that there is none of any more, or that the reader may not see."""
    return NotFound(what="evaluation", name=name[:60], hint="lineament job list")


def _cipher(id: str, keys: Keys, name: str) -> Cipher:  # noqa: A002
    if name not in keys:
        raise no_evaluation(id)
    return Cipher(bytes.fromhex(keys[name]))


def _about(id: str, name: str) -> bytes:  # noqa: A002
    return f"evaluation {id} {name}".encode()
