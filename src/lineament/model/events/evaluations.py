"""Events of evaluations that programs ask for: counts and digests, and nothing of whom the pictures show."""

from __future__ import annotations

from lineament.model.actions import Action
from lineament.model.events.base import Event


class EvaluationAsked(Event, action=Action.EVALUATION_ASKED):
    """A program sent pictures to have error rates measured on them; nothing of them is enrolled."""

    job: str  # its id
    archive: str  # SHA-256 of what was sent
    bytes: int
    enrol: int  # pictures of each person in the gallery
    searches: int  # most mated, and most other ones
    seed: int


class EvaluationEnded(Event, action=Action.EVALUATION_ENDED):
    """An evaluation has ended, and the key of what was sent is destroyed."""

    job: str
    state: str  # done, failed or stopped
    pictures: int | None  # None: it is not done
    people: int | None
    report: str | None  # SHA-256 of the report
