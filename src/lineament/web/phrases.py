"""Values in words: the same number, date or rule reads the same on every page."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from math import floor, log10

from markupsafe import Markup

from lineament.model.cases import Case
from lineament.model.faces import Quality
from lineament.model.jobs import JobState
from lineament.model.runs import Run
from lineament.model.search import EXPECTED_FALSE, Edit, EditKind, Mode, SearchResult
from lineament.model.sources import Source, SourceState
from lineament.services.gallery.items import Seen
from lineament.services.jobs import words
from lineament.web import addresses

SOON_DAYS = 7
SILENCE = timedelta(minutes=10)
"""After which a run that commits nothing counts as stopped."""
_DISTRESSING = re.compile(r"abuse|exploit|indecen|sexual|rape|csam|csem", re.IGNORECASE)


def number(value: int) -> str:
    """3412908 is 3,412,908."""
    return f"{value:,}"


def count(value: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{value:,} {one if value == 1 else many}"


def score(value: float) -> str:
    """A score as a plain number; three places tell apart what the arithmetic tells apart."""
    return f"{value:.3f}".replace("-", "−")


def strangers(expected: float) -> str:
    """Strangers expected, with two figures that count; the far tail of the table is not known better than that."""
    if expected >= 10:
        return f"{expected:,.0f}"
    if expected < 0.0001:
        return "<\N{NO-BREAK SPACE}0.0001"
    places = max(1, 1 - floor(log10(expected)))
    return f"{expected:.{places}f}"


def seconds(duration: float) -> str:
    """How long something took."""
    if duration < 10:
        return f"{max(duration, 0.01):.2f} s"
    return f"{duration:.0f} s" if duration < 120 else f"{duration / 60:.0f} min"


def size(count_of_bytes: int) -> str:
    """A file's size."""
    if count_of_bytes < 1000:
        return f"{count_of_bytes} bytes"
    if count_of_bytes < 1_000_000:
        return f"{count_of_bytes / 1000:.0f} kB"
    return f"{count_of_bytes / 1_000_000:.{0 if count_of_bytes >= 10_000_000 else 1}f} MB"


def time_code(at: float) -> str:
    """Seconds into a video: 3725.25 is 1:02:05.250."""
    whole, thousandths = divmod(round(at * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}.{thousandths:03}"


def moment(at: datetime) -> Markup:
    """A moment in this machine's zone, which is told on hover."""
    here = at.astimezone()
    zone = f"{here:%Z} (UTC{here:%z})"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), f"{here:%Y-%m-%d %H:%M:%S} {zone}", f"{here:%Y-%m-%d %H:%M}"
    )


def short(identifier: str) -> str:
    """The beginning of a long identifier; the whole stands in the title."""
    identifier = identifier.removeprefix("urn:uuid:")
    return identifier if len(identifier) <= 14 else f"{identifier[:12]}…"


def days_left(source: Source, today: date) -> str:
    """Until when a source's faces may be searched, in words."""
    left = source.days_left(today)
    if left is None:
        return "no end"
    if left < 0:
        return "expired"
    return "last day" if left == 0 else count(left, "day", "days")


def standing(source: Source, today: date) -> str:
    """The state of a source as a person means it: expiry is one, though it comes by itself."""
    left = source.days_left(today)
    if source.state is not SourceState.LIVE or left is None or left > SOON_DAYS:
        return source.state.value
    return "expired" if left < 0 else "ends soon"


def connector_words(connector: str) -> str:
    """What brought a picture: “warc 1” is the connector warc, version 1."""
    name, _, version = connector.rpartition(" ")
    return f"{name} connector, version {version}" if name else f"{connector} connector"


def last_part(path: str) -> str:
    """The name at the end of a path or an address, for a short line."""
    return path.rstrip("/").rpartition("/")[2] if "://" not in path else addresses.site(path)


def outcomes(run: Run) -> list[tuple[str, int]]:
    """What became of the things that a run saw, in words, in the order in which a person wants to know."""
    known = [(seen.value, run.counts[seen.name.lower()]) for seen in Seen if seen.name.lower() in run.counts]
    return [(f"{words[:1].upper()}{words[1:]}", many) for words, many in known]


def run_state(run: Run, now: datetime) -> str:
    """Whether a run ended, is under way, or has not said anything for so long that it was stopped."""
    if run.ended_at is not None:
        return "ended"
    return "under way" if now - run.seen_at < SILENCE else "stopped"


def job_level(state: JobState) -> str:
    """How loud the page is about a job."""
    return {JobState.FAILED: "stop", JobState.STOPPED: "warn"}.get(state, "calm")


def urgency(source: Source, today: date) -> str:
    """How loud the page is about it: stop, warn or calm."""
    if source.why_closed(today) is not None:
        return "stop"
    left = source.days_left(today)
    return "warn" if left is not None and left <= SOON_DAYS else "calm"


def list_rule(result: SearchResult) -> str:
    """What the candidate list shows, as the line above it says it."""
    if result.mode is Mode.IDENTIFICATION:
        return f"list shows those where {EXPECTED_FALSE:g} strangers are expected"
    if result.mode is Mode.MANUAL:
        return f"list shows those that score {score(result.threshold)} or more, as set by hand"
    return f"list shows the best {result.limit}, whatever their score"


def edit_step(edit: Edit) -> str:
    """One step of an edited photograph."""
    if edit.kind is EditKind.ROTATE:
        return f"turned {edit.degrees}° clockwise"
    if edit.kind is EditKind.EXPOSURE:
        way = "lighter" if edit.stops > 0 else "darker"
        return f"{way} by {count_of_stops(abs(edit.stops))}"
    box = edit.box
    return "cropped" if box is None else f"cropped to {box.width:.0f} × {box.height:.0f} px"


def count_of_stops(stops: float) -> str:
    """Stops of exposure: half a stop, 1 stop, 1.5 stops."""
    return "half a stop" if stops == 0.5 else f"{stops:g} {'stop' if stops == 1 else 'stops'}"


def quality_line(quality: Quality) -> str:
    """What is good to know of a face before it is searched."""
    return f"{quality.face_height:.0f} px high"


def kind_words(kind: str) -> str:
    """A kind of photograph as it begins a line."""
    return kind.upper() if kind == "cctv" else kind.capitalize()


def distressing(case: Case) -> bool:
    """Whether pictures of this case are blurred until somebody means to look at them."""
    return _DISTRESSING.search(f"{case.terms.offence} {case.terms.purpose}") is not None


FILTERS: dict[str, Callable[..., object]] = {
    "number": number,
    "count": count,
    "score": score,
    "strangers": strangers,
    "seconds": seconds,
    "size": size,
    "moment": moment,
    "time_code": time_code,
    "short": short,
    "days_left": days_left,
    "standing": standing,
    "urgency": urgency,
    "connector_words": connector_words,
    "last_part": last_part,
    "outcomes": outcomes,
    "run_state": run_state,
    "list_rule": list_rule,
    "job_title": words.title,
    "job_standing": words.standing,
    "job_progress": words.progress_line,
    "job_took": words.took,
    "job_level": job_level,
    "edit_step": edit_step,
    "quality_line": quality_line,
    "kind_words": kind_words,
    "followable": addresses.followable,
    "site": addresses.site,
    "case_address": addresses.case_address,
    "search_address": addresses.search_address,
    "candidate_address": addresses.candidate_address,
    "probe_address": addresses.probe_address,
    "source_address": addresses.source_address,
}
