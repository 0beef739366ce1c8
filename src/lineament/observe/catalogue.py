"""Every metric: its name, its labels and the values that these may have. Nothing else is ever told.

``docs/reference/metrics.md`` is made from this list, and a test fails for a label that is not on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lineament.observe.stages import Level, Stage, Total

OTHER = "other"
"""What stands for a value that a label does not have."""

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
"""Upper limits of the durations that are told, in seconds."""


class Label(StrEnum):
    """Every label that a metric may have. None names a client, an account, a case, a source or an agency."""

    STAGE = "stage"
    ROUTE = "route"
    METHOD = "method"
    STATUS = "status"
    OUTCOME = "outcome"
    CODE = "code"
    KIND = "kind"
    STATE = "state"
    POOL = "pool"


class Told(StrEnum):
    """When a metric moves."""

    BY_TENS = "as it stood when the number of searches was last a multiple of ten"
    AT_ONCE = "at once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric."""

    name: str
    kind: str  # counter, gauge or histogram
    meaning: str
    labels: tuple[Label, ...] = ()
    told: Told = Told.AT_ONCE


STAGES = Metric(
    name="lineament_stage_seconds",
    kind="histogram",
    meaning="Duration of each stage of a search, of an ingest and of a job.",
    labels=(Label.STAGE,),
    told=Told.BY_TENS,
)
REQUESTS = Metric(
    name="lineament_request_seconds",
    kind="histogram",
    meaning="Duration of requests, by the template of their address, method and status; without those that failed.",
    labels=(Label.ROUTE, Label.METHOD, Label.STATUS),
    told=Told.BY_TENS,
)
FAILED_REQUESTS = Metric(
    name="lineament_failed_requests",
    kind="counter",
    meaning="Requests that were answered with a status of 500 or more.",
    labels=(Label.ROUTE, Label.STATUS),
)
FAILED_STAGES = Metric(
    name="lineament_failed_stages",
    kind="counter",
    meaning="Stages that ended with an error, by its code.",
    labels=(Label.STAGE, Label.CODE),
    told=Told.BY_TENS,
)
COMPARED = Metric(
    name="lineament_faces_compared",
    kind="counter",
    meaning="Faces that were compared with a probe.",
    told=Told.BY_TENS,
)
PHOTOGRAPHS = Metric(
    name="lineament_ingest_photographs",
    kind="counter",
    meaning="Photographs of ingests, by outcome.",
    labels=(Label.OUTCOME,),
)
ENROLLED = Metric(name="lineament_ingest_faces", kind="counter", meaning="Faces that ingests enrolled.")
REFUSED = Metric(
    name="lineament_ingest_refused",
    kind="counter",
    meaning="Photographs that could not be read, by the code of the error.",
    labels=(Label.CODE,),
)
DECODERS = Metric(
    name="lineament_decoders_replaced",
    kind="counter",
    meaning="Decoding processes that were replaced, because they died, were too slow or had served long enough.",
)
WAITING = Metric(
    name="lineament_ingest_in_progress", kind="gauge", meaning="Photographs of an ingest that are being analysed."
)
FACES = Metric(
    name="lineament_gallery_faces",
    kind="gauge",
    meaning="Faces of the gallery by state: searchable, or set aside because they could not be compared.",
    labels=(Label.STATE,),
)
INDEXES = Metric(
    name="lineament_indexes",
    kind="gauge",
    meaning="Indexes of this process by state: open, still being filled, or closed until they are first needed.",
    labels=(Label.STATE,),
)
JOBS = Metric(
    name="lineament_jobs",
    kind="gauge",
    meaning="Jobs by kind and state, as far as their rows are kept.",
    labels=(Label.KIND, Label.STATE),
)
LEDGER = Metric(
    name="lineament_ledger_entries", kind="gauge", meaning="Entries of the ledger, rounded down to a hundred."
)
ANCHORED = Metric(
    name="lineament_ledger_anchored",
    kind="gauge",
    meaning="1 if the checkpoint on disk is of the whole ledger, 0 if entries came after it.",
)
WITNESSED = Metric(
    name="lineament_ledger_witnessed_age_seconds",
    kind="gauge",
    meaning="Seconds since as many witnesses as the policy asks for saw the ledger; absent without a policy.",
)
CONNECTIONS = Metric(
    name="lineament_database_connections",
    kind="gauge",
    meaning="Connections to the database that are in use.",
    labels=(Label.POOL,),
)
MEMORY = Metric(name="lineament_resident_bytes", kind="gauge", meaning="Memory that this process has resident.")

CATALOGUE = (
    STAGES,
    REQUESTS,
    FAILED_REQUESTS,
    FAILED_STAGES,
    COMPARED,
    PHOTOGRAPHS,
    ENROLLED,
    REFUSED,
    DECODERS,
    WAITING,
    FACES,
    INDEXES,
    JOBS,
    LEDGER,
    ANCHORED,
    WITNESSED,
    CONNECTIONS,
    MEMORY,
)
"""Every metric."""

OF_TALLY: Mapping[Total, Metric] = {
    Total.COMPARED: COMPARED,
    Total.PHOTOGRAPHS: PHOTOGRAPHS,
    Total.ENROLLED: ENROLLED,
    Total.REFUSED: REFUSED,
    Total.DECODERS: DECODERS,
}
OF_LEVEL: Mapping[Level, Metric] = {Level.INGEST_WAITING: WAITING}

OUTCOMES = frozenset({
    "enrolled", "too_weak", "no_face", "another_place", "already_there", "less_good", "erased_before",
    "past_retention", "hidden", "refused", "side_car", "no_picture",
    "hinted", "unused_mark",
})  # fmt: skip
"""The outcomes of a photograph in an ingest."""

Allowed = Mapping[Label, frozenset[str]]
"""The values that each label may have."""


def allowed(*, routes: frozenset[str], kinds: frozenset[str], codes: frozenset[str]) -> Allowed:
    """Return the values of every label. What is not named here comes from whoever knows it: routes, kinds, codes."""
    return {
        Label.STAGE: frozenset(Stage),
        Label.ROUTE: routes,
        Label.METHOD: frozenset({"GET", "POST", "HEAD"}),
        Label.STATUS: frozenset(str(status) for status in range(100, 600)),
        Label.OUTCOME: OUTCOMES,
        Label.CODE: codes,
        Label.KIND: kinds,
        Label.STATE: frozenset({"searchable", "set_aside", "open", "filling", "closed", "queued", "running", "failed"}),
        Label.POOL: frozenset({"reading", "writing"}),
    }
