"""Formats values, so that a number, a date or a rule looks the same on every page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from markupsafe import Markup

from lineament.model.cases import Case
from lineament.model.faces import Quality
from lineament.model.jobs import Job, JobState
from lineament.model.parts import incomplete_words, part_words
from lineament.model.review import ReviewOutcome, field_of, ground_words
from lineament.model.runs import Run
from lineament.model.search import (
    Candidate,
    Edit,
    EditKind,
    Mode,
    SearchResult,
    expected_words,
    strangers_words,
    threshold_words,
)
from lineament.model.sources import Source, SourceState
from lineament.model.together import people_words, together_words
from lineament.views import jobs as job_views
from lineament.views import probes as probe_views
from lineament.views.runs import OUTCOMES
from lineament.views.sources import source_state
from lineament.views.values import counted, kind_words, upper_first
from lineament.web import addresses
from lineament.web.lists import strip

SOON_DAYS = 7
SILENCE = timedelta(minutes=10)
"""A run that commits nothing for this long counts as stopped."""


def number(value: int) -> str:
    """Return a number with separators: 3,412,908."""
    return f"{value:,}"


def score(value: float) -> str:
    """Return a score with three decimals, which is as precise as its arithmetic."""
    return f"{value:.3f}".replace("-", "−")


def strangers_noun(expected: float) -> str:
    """Return the noun after a number of strangers as ``expected_words`` writes it."""
    return "stranger" if expected_words(expected) in {"1", "1.0"} else "strangers"


def interval(candidate: Candidate) -> str:
    """Return the interval of the strangers expected beyond what was counted; empty if they were counted."""
    if candidate.extrapolated is None:
        return ""
    low, high = map(expected_words, candidate.extrapolated)
    return "beyond what was counted" if low == high else f"{low} to {high}, beyond what was counted"


def seconds(duration: float) -> str:
    """Return a duration in words."""
    if duration < 10:
        return f"{max(duration, 0.01):.2f} s"
    return f"{duration:.0f} s" if duration < 120 else f"{duration / 60:.0f} min"


def size(count_of_bytes: int) -> str:
    """Return a file's size in words."""
    if count_of_bytes < 1000:
        return f"{count_of_bytes} bytes"
    if count_of_bytes < 1_000_000:
        return f"{count_of_bytes / 1000:.0f} kB"
    return f"{count_of_bytes / 1_000_000:.{0 if count_of_bytes >= 10_000_000 else 1}f} MB"


def time_code(at: float) -> str:
    """Return seconds into a video as a time code: 3725.25 is 1:02:05.250."""
    whole, thousandths = divmod(round(at * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}.{thousandths:03}"


def moment(at: datetime) -> Markup:
    """Return a moment in this machine's time zone, which is shown on hover."""
    local = at.astimezone()
    zone = f"{local:%Z} (UTC{local:%z})"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), f"{local:%Y-%m-%d %H:%M:%S} {zone}", f"{local:%Y-%m-%d %H:%M}"
    )


def clock_time(at: datetime) -> Markup:
    """Return a moment below the heading of its day: hours and minutes, and the whole on hover."""
    local = at.astimezone()
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), f"{local:%Y-%m-%d %H:%M:%S %Z (UTC%z)}", f"{local:%H:%M}"
    )


def short(identifier: str) -> str:
    """Return the beginning of a long identifier; pages show the whole as a title."""
    identifier = identifier.removeprefix("urn:uuid:")
    return identifier if len(identifier) <= 14 else f"{identifier[:12]}…"


def days_left(source: Source, today: date) -> str:
    """Return how long a source's faces may be searched, in words."""
    left = source.days_left(today)
    if left is None:
        return "no end"
    if left < 0:
        return "expired"
    return "last day" if left == 0 else counted(left, "day")


def standing(source: Source, today: date) -> str:
    """Return the state of a source for people, which includes “expired”."""
    state, left = source_state(source, today), source.days_left(today)
    return "ends soon" if state == SourceState.LIVE and left is not None and left <= SOON_DAYS else state


def connector_words(connector: str) -> str:
    """Return which connector ingested a picture: “warc 1” is the connector warc, version 1."""
    name, _, version = connector.rpartition(" ")
    return f"{name} connector, version {version}" if name else f"{connector} connector"


def last_part(path: str) -> str:
    """Return the name at the end of a path, or the host of an address, for a short line."""
    return path.rstrip("/").rpartition("/")[2] if "://" not in path else addresses.site(path)


def outcomes(run: Run) -> list[tuple[str, str, int]]:
    """Return every outcome that a run's items may have: its name, its words, its number, most interesting first."""
    return [(name, upper_first(words), run.counts.get(name, 0)) for name, words in OUTCOMES.items()]


def run_state(run: Run, now: datetime, job: Job | None = None) -> str:
    """Return the state of a run, whose work that job does or did.

    A run without a job counts as stopped if it has committed nothing for long.
    """
    if run.ended_at is not None:
        return "ended"
    if job is None:
        return "under way" if now - run.seen_at < SILENCE else "stopped"
    if job.state is JobState.RUNNING:
        return "stopping" if job.stopping else "under way"
    return {JobState.QUEUED: "waiting", JobState.FAILED: "failed"}.get(job.state, "stopped")


def run_level(state: str) -> str:
    """Return the level of a run's state on the page."""
    return {"failed": "stop", "stopped": "warn", "stopping": "warn"}.get(state, "calm")


def job_level(state: JobState) -> str:
    """Return the level of a job on the page."""
    return {JobState.FAILED: "stop", JobState.STOPPED: "warn"}.get(state, "calm")


def urgency(source: Source, today: date) -> str:
    """Return the level of a source on the page: stop, warn or calm; a draft waits for somebody, so it is warn."""
    if source.state is SourceState.DRAFTED:
        return "warn"
    if source.why_closed(today) is not None:
        return "stop"
    left = source.days_left(today)
    return "warn" if left is not None and left <= SOON_DAYS else "calm"


def list_rule(result: SearchResult) -> str:
    """Return the rule of a candidate list, for the line above it."""
    if result.together is not None:
        which = people_words(result.together, len(result.people) + 1)
        if result.mode is Mode.IDENTIFICATION and result.strangers is not None:
            return f"list shows {which}; {together_words(result.together, len(result.people) + 1, result.strangers)}"
        return f"list shows {which}"
    if result.mode is Mode.IDENTIFICATION:
        return f"list shows those where {strangers_words(result)}"
    if result.mode is Mode.MANUAL:
        return f"list shows those that score {score(result.threshold)} or more, as set by hand"
    return f"list shows the best {result.limit}, whatever their score"


def edit_step(edit: Edit) -> str:
    """Return one edit of a photograph in words."""
    if edit.kind is EditKind.ROTATE:
        return f"turned {edit.degrees}° clockwise{' to show its faces upright' if edit.automatic else ''}"
    if edit.kind is EditKind.EXPOSURE:
        change = "lighter" if edit.stops > 0 else "darker"
        return f"{change} by {count_of_stops(abs(edit.stops))}"
    box = edit.box
    return "cropped" if box is None else f"cropped to {box.width:.0f} × {box.height:.0f} px"


def count_of_stops(stops: float) -> str:
    """Return stops of exposure in words: half a stop, 1 stop, 1.5 stops."""
    return "half a stop" if stops == 0.5 else f"{stops:g} {'stop' if stops == 1 else 'stops'}"


def quality_line(quality: Quality) -> str:
    """Return what an examiner should know about a face before searching with it."""
    return ", ".join(filter(None, (f"{quality.face_height:.0f} px high", quality.tilt)))


def distressing(case: Case) -> bool:
    """Return whether pictures of this case are blurred until somebody points at them."""
    return case.terms.is_distressing


def age(passed: timedelta) -> str:
    """Return how long something has waited, in the largest unit that fits."""
    hours = int(passed.total_seconds()) // 3600
    if hours >= 48:
        return counted(hours // 24, "day")
    return counted(hours, "hour") if hours else "less than an hour"


def outcome_level(outcome: ReviewOutcome) -> str:
    """Return how an outcome of a review is coloured."""
    return {ReviewOutcome.LEAD: "calm", ReviewOutcome.EXCLUDED: "quiet"}.get(outcome, "warn")


FILTERS: dict[str, Callable[..., object]] = {
    "distressing": distressing,
    "number": number,
    "count": counted,
    "upper_first": upper_first,
    "score": score,
    "strangers": expected_words,
    "strangers_noun": strangers_noun,
    "interval": interval,
    "seconds": seconds,
    "size": size,
    "moment": moment,
    "clock_time": clock_time,
    "time_code": time_code,
    "replay_words": probe_views.replay_words,
    "part_words": part_words,
    "incomplete_words": incomplete_words,
    "short": short,
    "days_left": days_left,
    "standing": standing,
    "urgency": urgency,
    "connector_words": connector_words,
    "last_part": last_part,
    "outcomes": outcomes,
    "run_level": run_level,
    "list_rule": list_rule,
    "strip": strip,
    "age": age,
    "outcome_level": outcome_level,
    "feature_field": field_of,
    "ground_words": ground_words,
    "threshold_words": threshold_words,
    "job_title": job_views.title,
    "job_standing": job_views.standing,
    "job_progress": job_views.progress_line,
    "job_took": job_views.took,
    "job_outcome": job_views.outcome,
    "job_level": job_level,
    "job_can_stop": job_views.can_stop,
    "edit_step": edit_step,
    "quality_line": quality_line,
    "kind_words": kind_words,
    "followable": addresses.followable,
    "site": addresses.site,
    "case_address": addresses.case_address,
    "batch_address": addresses.batch_address,
    "search_address": addresses.search_address,
    "candidate_address": addresses.candidate_address,
    "probe_address": addresses.probe_address,
    "source_address": addresses.source_address,
}
