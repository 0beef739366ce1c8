"""Jobs as JSON and in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from lineament.model.jobs import Awaited, Job
from lineament.services.jobs.kinds import KINDS, sources_of
from lineament.views.values import iso


def title(job: Job) -> str:
    """Return what the job does, as in “Ingest of press”."""
    kind = KINDS.get(job.request.kind)
    words = job.request.kind if kind is None else kind.words
    preposition = "of" if kind is None else kind.preposition
    sources = sources_of(job.request.arguments)
    return f"{words} {preposition} {', '.join(sources)}" if sources else words


def standing(job: Job) -> str:
    """Return its state, or that it is about to stop."""
    return "stopping" if job.stopping else job.state.value


def can_stop(job: Job) -> bool:
    """Return whether somebody may stop it now."""
    kind = KINDS.get(job.request.kind)
    return kind is not None and kind.can_stop and not job.ended


def awaited_words(job: Job, awaited: Awaited | None) -> str:
    """Return what a second look awaits until its model is used, as sentences; empty if nothing."""
    if awaited is None or job.result is None:
        return ""
    looked = f"Every picture was looked at by {job.result['model']}."
    if awaited is Awaited.APPROVAL:
        return f"{looked} It is used once a second person has approved it and the second look is run again."
    return f"{looked} A second person has approved it; it is used once the second look is run again."


def outcome(job: Job) -> dict[str, Any]:
    """Return the result of a job without what ``awaited_words`` says."""
    return {name: value for name, value in (job.result or {}).items() if name != "waits"}


def progress_line(job: Job) -> str:
    """Return its progress: items, rate and time left; empty before anything was done."""
    done, total = job.progress.done, job.progress.total
    parts = [f"{done:,} of {total:,}" if total else f"{done:,}"] if done or total else []
    if job.rate is not None:
        parts.append(_rate(job.rate))
    if job.time_left is not None:
        parts.append(f"{duration(job.time_left)} left")
    return " · ".join(parts)


def _rate(items: float) -> str:
    """Return a rate in items a second to about two figures; a slow one is a minute's."""
    if items < 1:
        return f"{items * 60:,.0f} a minute"
    return f"{items:,.0f} a second" if items >= 10 else f"{items:.1f} a second"


def duration(length: timedelta) -> str:
    """Return a length of time to about two figures: 40 s, 12 min, 3 h 20 min."""
    seconds = round(length.total_seconds())
    if seconds < 100:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60:,} h {minutes % 60} min"


def job_json(job: Job) -> dict[str, Any]:
    """Return a job as JSON: times in ISO 8601, the rate in items a second, the time left in seconds."""
    left, error = job.time_left, job.error
    return {
        "job": job.id,
        "kind": job.request.kind,
        "arguments": dict(job.request.arguments),
        "requested_by": job.request.requested_by,
        "requested_at": iso(job.requested_at),
        "state": job.state.value,
        "stopping": job.stopping,
        "attempts": job.attempts,
        "started_at": iso(job.started_at),
        "ended_at": iso(job.ended_at),
        "done": job.progress.done,
        "total": job.progress.total,
        "doing": job.progress.words,
        "rate": None if job.rate is None else round(job.rate, 3),
        "seconds_left": None if left is None else round(left.total_seconds()),
        "result": None if job.result is None else dict(job.result),
        "error": None if error is None else {"code": error.code, "message": error.message},
    }


def jobs_json(jobs: Iterable[Job]) -> dict[str, Any]:
    """Return a list of jobs as JSON."""
    return {"jobs": [job_json(job) for job in jobs]}


def took(job: Job) -> str:
    """Return how long it has run, or ran; empty before it started."""
    end = job.ended_at or job.seen_at
    return "" if job.started_at is None or end is None else duration(end - job.started_at)
