"""Jobs: long work that the server does, and how it ends."""

from __future__ import annotations

from lineament.client.answers import Job
from lineament.client.listening import followed
from lineament.client.nouns import Noun, Transport, asked, told, walked
from lineament.client.requests import Request, act, get, place
from lineament.client.steps import Steps, Telling, last_of, pages


class Jobs(Noun[Transport]):
    """The jobs that the key could have asked for."""

    @told
    def list(self) -> Telling[Job]:
        """Yield the jobs, newest first."""
        return pages(get(Job, place("jobs")))

    @asked
    def get(self, job: str) -> Request[Job]:
        """Return a job: its progress, and how it ended."""
        return get(Job, place("jobs", job))

    @asked
    def stop(self, job: str) -> Request[Job]:
        """Stop a job, or ask one that runs to stop; what it committed is kept."""
        return act(Job, place("jobs", job, "stop"))

    @told
    def follow(self, job: str) -> Telling[Job]:
        """Yield a job whenever it has changed, until it has ended; its ``state`` then is done, failed or stopped."""
        return _follow(job)

    @walked
    def wait(self, job: str) -> Steps[Job]:
        """Return a job once it has ended."""
        return (yield from last_of(_follow(job)))


def _follow(job: str) -> Telling[Job]:
    now = get(Job, place("jobs", job))
    return followed(now, place("jobs", job, "events"), lambda found: found.ended_at is not None)
