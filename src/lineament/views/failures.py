"""The response to each error: its status, a title, and what became of what was sent; for pages and API alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from lineament import errors
from lineament.errors import LineamentError

Kind = TypeVar("Kind")

KEPT_NOTHING = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class Failure:
    """The response to an error. A subclass without a response of its own uses that of its nearest base class."""

    status: int
    title: str
    kept: str = KEPT_NOTHING
    entrance: bool = False  # whether the way in has to be explained


CHANGED_OUTSIDE = Failure(500, "What is stored was changed outside Lineament", "It is left as it is.")
FAILURES: dict[type[LineamentError], Failure] = {
    errors.KeyRefused: Failure(401, "The key opens nothing"),
    errors.NotSignedIn: Failure(403, "Open the newest address from the terminal", "", entrance=True),
    errors.SignInNeeded: Failure(403, "Sign in first"),
    errors.StepUpNeeded: Failure(403, "Show your second factor again"),
    errors.SignInRefused: Failure(403, "The sign-in was refused"),
    errors.TooManyAttempts: Failure(429, "Wait before you try again"),
    errors.NotAllowed: Failure(403, "Your roles do not allow this"),
    errors.OpenIdUnavailable: Failure(503, "Your agency's sign-in cannot be reached"),
    errors.MailUnavailable: Failure(503, "The message could not be sent"),
    errors.ForeignRequest: Failure(403, "This request was not sent from here"),
    errors.NotFound: Failure(404, "There is nothing here", ""),
    errors.CandidateErased: Failure(410, "This candidate was erased", ""),
    errors.ProbeErased: Failure(410, "This photograph was erased", ""),
    errors.NoLongerShown: Failure(410, "This is no longer shown", "What was done is done."),
    errors.NoSuchFile: Failure(404, "There is nothing here", ""),
    errors.Undecided: Failure(409, "Decide first", ""),
    errors.Refused: Failure(403, "The rules say no", "No search was run. " + KEPT_NOTHING),
    errors.AlreadyThere: Failure(409, "That is already there"),
    errors.WrongState: Failure(409, "That cannot be done now"),
    errors.MixedModels: Failure(409, "These cannot be compared"),
    errors.ModelChanged: Failure(503, "Lineament has to be started again"),
    errors.InvalidValue: Failure(422, "Something that was sent is not right"),
    errors.FileTooLarge: Failure(413, "The file is too large", "It was not kept."),
    errors.BadPicture: Failure(422, "The picture cannot be used", "It was not kept."),
    errors.NoFace: Failure(422, "No face was found", "The photograph is kept as it was."),
    errors.SeveralFaces: Failure(422, "Choose a face"),
    errors.AccessAltered: CHANGED_OUTSIDE,
    errors.RecordAltered: CHANGED_OUTSIDE,
    errors.RowsAltered: CHANGED_OUTSIDE,
    errors.LedgerBroken: Failure(500, "The ledger cannot be trusted", "No result is given."),
    errors.WitnessesUntrusted: Failure(500, "The ledger cannot be trusted", "No result is given."),
    errors.Damaged: Failure(500, "What is stored is damaged and cannot be used", "It is left as it is."),
    errors.GuardsMissing: Failure(503, "No file can be opened safely here", "It was not kept."),
    errors.DecoderUnavailable: Failure(503, "No file can be opened safely here", "It was not kept."),
    errors.KeyHolderUnavailable: Failure(503, "A key cannot be used now"),
    errors.KeyRotated: Failure(503, "A key was changed meanwhile"),
    errors.ThresholdUntrusted: Failure(503, "The threshold cannot be trusted", "No result is given."),
    errors.LedgerUnavailable: Failure(503, "The ledger cannot record this", "No result is given."),
    errors.ClockBehind: Failure(503, "The clock of this machine cannot be believed", "No result is given."),
    errors.WorkspaceBusy: Failure(503, "The workspace is busy"),
    errors.DropUnderWay: Failure(409, "That cannot be done now"),
    errors.StoreUnavailable: Failure(503, "The database cannot be used"),
    errors.PicturesUnavailable: Failure(
        503, "The pictures cannot be reached", "Nothing that was acknowledged is lost."
    ),
    errors.PicturesNotDeleted: Failure(503, "Not all of it is deleted yet", "It is no longer searched or shown."),
    errors.StorageFull: Failure(507, "The disk is full", "Nothing that was acknowledged is lost."),
}
UNFORESEEN = Failure(500, "Something went wrong", "What was acknowledged before is kept.")
UNFORESEEN_WORDS = "Lineament did not expect this. The log of the server shows the details."
"""What a program is told."""


def failure_for(error: LineamentError) -> Failure:
    """Return the response of the error's class, or of its nearest base class that has one."""
    return nearest(FAILURES, error) or UNFORESEEN


def nearest(table: Mapping[type[LineamentError], Kind], error: LineamentError) -> Kind | None:
    """Return what a table has for the error's class, or for its nearest base class that is there; None if none is."""
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)
