"""Evaluations that a program asks for: an archive of labelled pictures, a job, and a report that is kept for a week.

Nothing of it is enrolled. The archive lies sealed until the job has ended; its pictures are unpacked in memory alone.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineament.errors import InvalidValue, NotAllowed, NotFound
from lineament.model.accounts import Permission
from lineament.model.jobs import Job, JobProgress
from lineament.services.jobs.ended import wanting_notice
from lineament.services.jobs.kinds import EVALUATION, Report
from lineament.services.jobs.queue import Jobs
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.store.durable import private_file
from lineament.store.keys import Cipher
from lineament.store.ring import KeyRing

if TYPE_CHECKING:
    from lineament.services.evaluate.evaluate import Evaluation
    from lineament.services.evaluate.labelled import LabelledSet
    from lineament.services.evaluate.templates import Extractor, FaceChoice
    from lineament.vision.packs import Pack

KEPT_FOR = timedelta(days=7)
"""How long an archive and a report are kept at most."""
_ID = re.compile(r"([0-9]{14})-[0-9a-f]{16}")
_WHEN = "%Y%m%d%H%M%S"
_ARCHIVE, _REPORT = "archive", "report"
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

    def __init__(self, home: Path, keys: KeyRing) -> None:
        self._home, self._keys = home, keys

    def begin(self, untrusted: bytes, at: datetime) -> tuple[str, str]:
        """Keep an archive; return the id of the evaluation and its key, wrapped, in hexadecimal."""
        new = f"{at:{_WHEN}}-{secrets.token_hex(8)}"
        wrapped = self._keys.new_data_key(_about(new))
        (self._home / new).mkdir(mode=0o700, parents=True)
        self.write(new, wrapped.hex(), _ARCHIVE, untrusted)
        return new, wrapped.hex()

    def write(self, id: str, wrapped: str, name: str, content: bytes) -> None:  # noqa: A002 - as in its job
        """Seal something of an evaluation."""
        sealed = self._cipher(id, wrapped).seal(content, name.encode())
        with private_file(self._folder(id) / name) as file:
            file.write(sealed)

    def read(self, id: str, wrapped: str, name: str) -> bytes:  # noqa: A002
        """Return something of an evaluation. Raises NotFound if it was deleted, or Damaged."""
        try:
            sealed = (self._folder(id) / name).read_bytes()
        except FileNotFoundError:
            raise NotFound(what="evaluation", name=id[:60], hint="lineament job list") from None
        return self._cipher(id, wrapped).open(sealed, name.encode())

    def drop_archive(self, id: str) -> None:  # noqa: A002
        """Delete the archive of an evaluation that has ended."""
        (self._folder(id) / _ARCHIVE).unlink(missing_ok=True)

    def discard_old(self, at: datetime) -> None:
        """Delete what was asked for so long ago that it is not kept any more."""
        for folder in self._home.iterdir() if self._home.is_dir() else ():
            found = _ID.fullmatch(folder.name)
            if found is not None and datetime.strptime(found[1], _WHEN).replace(tzinfo=at.tzinfo) < at - KEPT_FOR:
                shutil.rmtree(folder, ignore_errors=True)

    def destroy(self, id: str) -> None:  # noqa: A002
        """Delete an evaluation."""
        shutil.rmtree(self._folder(id), ignore_errors=True)

    def _folder(self, id: str) -> Path:  # noqa: A002
        if not _ID.fullmatch(id):
            raise NotFound(what="evaluation", name=id[:60], hint="lineament job list")
        return self._home / id

    def _cipher(self, id: str, wrapped: str) -> Cipher:  # noqa: A002
        return Cipher(self._keys.unwrap(bytes.fromhex(wrapped), _about(id)).derive("evaluation"))


class Evaluations:
    """Measures error rates on pictures that a program sends, in an official's name."""

    def __init__(self, record: Record, folders: EvaluationFolders, measure: Measure) -> None:
        self._record, self._folders, self._measure = record, folders, measure

    @needs(Permission.MANAGE_SOURCES)
    def ask(self, untrusted_archive: bytes, asked: AskedEvaluation) -> Job:
        """Queue the evaluation of a ZIP archive with one folder for each person. Raises InvalidValue.

        Raises NotAllowed if the key is bound to sources, because the pictures belong to none.
        """
        if self._record.official.key is not None and self._record.official.key.sources:
            raise NotAllowed(what="a key that is not bound to sources")
        if not untrusted_archive.startswith(_ZIP):
            raise InvalidValue(what="The archive", value="…", why="send a ZIP archive", field="body")
        new, wrapped = self._folders.begin(untrusted_archive, self._record.clock())
        arguments = {
            "evaluation": new,
            "key": wrapped,
            "face": asked.face,
            "enrol": asked.enrol,
            "searches": asked.searches,
            "seed": asked.seed,
        }
        try:
            return Jobs(self._record).add(EVALUATION, wanting_notice(arguments, notify=asked.notify))
        except BaseException:
            self._folders.destroy(new)
            raise

    @needs(Permission.MANAGE_SOURCES)
    def show(self, job_id: str) -> EvaluationReport:
        """Return an evaluation by its job, with its report once it is done. Raises NotFound."""
        job = self._job(job_id)
        if job.result is None:
            return EvaluationReport(job=job, report=None)
        arguments = job.request.arguments
        content = self._folders.read(arguments["evaluation"], arguments["key"], _REPORT)
        return EvaluationReport(job=job, report=json.loads(content))

    @needs(Permission.MANAGE_SOURCES)
    def delete(self, job_id: str) -> None:
        """Delete the report of an evaluation, and stop it if it has not ended. Raises NotFound."""
        job = self._job(job_id)
        if not job.ended:
            Jobs(self._record).stop(job.id)
        self._folders.destroy(job.request.arguments["evaluation"])

    def _job(self, job_id: str) -> Job:
        job = Jobs(self._record).show(job_id)
        if job.request.kind != EVALUATION.name:
            raise NotFound(what="evaluation", name=job_id[:60], hint="lineament job list")
        return job

    @needs(Permission.MANAGE_SOURCES)
    def job(self, arguments: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
        """Run an evaluation, and keep its report. Raises NotFound if it was deleted, or NotEvaluable."""
        from lineament.services.evaluate.packed import labelled_in

        id, wrapped = str(arguments["evaluation"]), str(arguments["key"])  # noqa: A001 - as in its arguments
        untrusted, ended = self._folders.read(id, wrapped, _ARCHIVE), False
        try:
            labelled = labelled_in(untrusted, self._measure.most)
            found = self._measure.run(labelled, arguments, report)
            self._folders.write(id, wrapped, _REPORT, self._measure.as_json(found))
            ended = True
        except Exception:
            ended = True
            raise
        finally:
            if ended:  # not if the worker ends: another one runs it again
                with suppress(NotFound):
                    self._folders.drop_archive(id)
        return {"pictures": len(labelled.pictures), "people": len({each.person for each in labelled.pictures})}


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


def _about(id: str) -> str:  # noqa: A002
    return f"evaluation {id}"
