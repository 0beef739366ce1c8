"""Events of jobs."""

from __future__ import annotations

from lineament.model.actions import Action
from lineament.model.events.base import Event


class JobStopped(Event, action=Action.JOB_STOPPED):
    """Somebody stopped a queued job, or asked a running one to stop."""

    job: str  # its id
    kind: str
    source: str | None  # the name of the source whose job it is
