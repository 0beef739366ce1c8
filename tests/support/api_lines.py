"""A valid request for each route of the API, with its targets and its preparation. A new route needs its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from tests.support.route_forms import Answer, Prepare, begin_watch, decide_lead, find_watched, free_probe, masked
from tests.support.targets import KINDS, Target, Targets, drops, entries, nothing, runs, sources, unsearched
from tests.support.two_agencies import Pages, Participant, TwoAgencies
from tests.support.world import PROBE, SOURCE

from lineament.api.routes import ApiEndpoint
from lineament.model.review import Feature

OPEN_TO_ALL = {("GET", "/v1/openapi.json"), ("GET", "/v1/problems/{code}")}
"""What anybody may read without a key: nothing of any workspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLine:
    """A valid request of a route; in its texts ``{…}`` stands for an id of the target, ``{later}`` for a later day."""

    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    media_type: str = "application/octet-stream"  # of the content
    files: Mapping[str, tuple[str, bytes, str]] | None = None  # a multipart form: name of the file, bytes, type
    targets: Targets | None = None  # if something else than the parts of the address says which
    ids: Mapping[str, str] = field(default_factory=dict)  # another name of a part
    prepare: Prepare | None = None
    not_for_guests: bool = False  # no guest may, whatever their role in the case
    needs: str | None = None  # a right that the service asks of a key without a case, where the route declares none
    fine: frozenset[int] = frozenset()  # refusals that say something other than that the caller may not


def end_job(world: TwoAgencies, ids: dict[str, str]) -> None:
    """Let a job be stopped by whoever asked for it, so that listening to it ends."""
    for name, person in world.people.items():
        if person.job == ids["job_id"]:
            world.desk_of(name).jobs.stop(person.job)


CASE = {"case": "ref"}
PROBE_ID = {"probe": "probe_id"}
SEARCH_ID = {"search": "search_id"}
CANDIDATE = {"search": "search_id", "candidate": "picture"}
NAME = {"source": "name"}
UPLOAD = {"source": "name", "upload": "drop_id"}
BATCH = {"batch": "batch_id"}
MANAGES = "manage sources"
OF_ANOTHER_KIND = frozenset({404})  # the jobs of these people are no evaluations
PICTURE = PROBE.read_bytes()
ASKED = {"reason": "why", "sources": [SOURCE], "mode": "identification"}
API_LINES: dict[tuple[str, str], ApiLine] = {
    ("GET", "/v1/key"): ApiLine(),
    # ------------------------------------------------------------ cases, photographs and watches
    ("GET", "/v1/cases"): ApiLine(),
    ("POST", "/v1/cases"): ApiLine(json={"ref": "N-1", "offence": "x", "purpose": "x", "basis": "x"}),
    ("GET", "/v1/cases/{case}"): ApiLine(ids=CASE),
    ("POST", "/v1/cases/{case}/close"): ApiLine(ids=CASE, not_for_guests=True),
    ("GET", "/v1/cases/{case}/obstacles"): ApiLine(ids=CASE),
    ("POST", "/v1/cases/{case}/probes"): ApiLine(ids=CASE, content=PICTURE, query={"kind": "cctv"}),
    ("GET", "/v1/cases/{case}/probes"): ApiLine(ids=CASE),
    ("GET", "/v1/probes/{probe}"): ApiLine(ids=PROBE_ID),
    ("GET", "/v1/probes/{probe}/picture"): ApiLine(ids=PROBE_ID),
    ("GET", "/v1/probes/{probe}/faces/{face}"): ApiLine(ids=PROBE_ID),
    ("POST", "/v1/probes/{probe}/edits"): ApiLine(ids=PROBE_ID, json={"edits": [{"kind": "rotate", "degrees": 90}]}),
    ("DELETE", "/v1/probes/{probe}"): ApiLine(ids=PROBE_ID, prepare=free_probe),
    ("GET", "/v1/cases/{case}/watches"): ApiLine(ids=CASE),
    ("POST", "/v1/cases/{case}/watches"): ApiLine(
        ids=CASE,
        json={"probe": "{probe_id}", "face": 1, "until": "{later}", "reason": "missing", "sources": [SOURCE]},
    ),
    ("POST", "/v1/watches/{watch}/end"): ApiLine(ids={"watch": "probe_id"}, prepare=begin_watch),
    ("GET", "/v1/findings"): ApiLine(),
    ("POST", "/v1/findings/{finding}/see"): ApiLine(ids={"finding": "search_id"}, prepare=find_watched),
    # ------------------------------------------------------------ searches and reviews
    ("POST", "/v1/cases/{case}/searches"): ApiLine(ids=CASE, json=ASKED | {"probe": "{probe_id}", "face": 1}),
    ("POST", "/v1/cases/{case}/searches/batch"): ApiLine(
        ids=CASE, json=ASKED | {"faces": [{"probe": "{probe_id}", "face": 1}]}
    ),
    ("POST", "/v1/cases/{case}/photographs/search"): ApiLine(
        ids=CASE, content=PICTURE, query={"kind": "cctv", "reason": "why", "source": SOURCE}
    ),
    ("POST", "/v1/cases/{case}/photographs/batch"): ApiLine(
        ids=CASE,
        files={"photograph": ("a.jpg", PICTURE, "image/jpeg")},
        query={"kind": "cctv", "reason": "why", "source": SOURCE},
    ),
    ("GET", "/v1/cases/{case}/searches"): ApiLine(ids=CASE),
    ("GET", "/v1/searches/{search}"): ApiLine(ids=SEARCH_ID),
    ("GET", "/v1/searches/{search}/review"): ApiLine(ids=SEARCH_ID),
    ("GET", "/v1/searches/{search}/candidates/{candidate}"): ApiLine(ids=CANDIDATE),
    ("GET", "/v1/searches/{search}/candidates/{candidate}/crop"): ApiLine(ids=CANDIDATE),
    ("GET", "/v1/searches/{search}/candidates/{candidate}/thumbnail"): ApiLine(ids=CANDIDATE),
    ("POST", "/v1/searches/{search}/candidates/{candidate}/probe"): ApiLine(ids=CANDIDATE, prepare=decide_lead),
    ("POST", "/v1/searches/{search}/candidates/{candidate}/original"): ApiLine(ids=CANDIDATE),
    ("POST", "/v1/searches/{search}/candidates/{candidate}/page"): ApiLine(ids=CANDIDATE),
    ("POST", "/v1/searches/{search}/candidates/{candidate}/decisions"): ApiLine(
        ids=CANDIDATE,
        json={
            "outcome": "excluded",
            "checklist": {feature.value: "different" for feature in Feature},
            "grounds": "the ears",
        },
    ),
    ("POST", "/v1/searches/{search}/candidates/{candidate}/notes"): ApiLine(ids=CANDIDATE, json={"text": "the ear"}),
    ("GET", "/v1/reviews"): ApiLine(),
    ("POST", "/v1/cases/{case}/batches"): ApiLine(ids=CASE, query={"kind": "cctv"}),
    ("GET", "/v1/batches/{batch}"): ApiLine(ids=BATCH),
    ("POST", "/v1/batches/{batch}/photographs"): ApiLine(ids=BATCH, content=PICTURE),
    ("POST", "/v1/batches/{batch}/search"): ApiLine(ids=BATCH, json=ASKED),
    # ------------------------------------------------------------ sources, jobs and the ledger
    ("GET", "/v1/sources"): ApiLine(),
    ("POST", "/v1/sources"): ApiLine(
        json={"name": "archive", "controller": "x", "basis": "x", "jurisdiction": "FR"},
    ),
    ("GET", "/v1/sources/{source}"): ApiLine(ids=NAME),
    ("POST", "/v1/sources/{source}/suspend"): ApiLine(ids=NAME),
    ("POST", "/v1/sources/{source}/resume"): ApiLine(ids=NAME),
    ("GET", "/v1/sources/{source}/runs"): ApiLine(ids=NAME),
    ("GET", "/v1/sources/{source}/runs/{run}"): ApiLine(ids=NAME | {"run": "run_number"}, targets=runs),
    ("POST", "/v1/sources/{source}/pictures"): ApiLine(ids=NAME, files={"picture": ("a.jpg", PICTURE, "image/jpeg")}),
    ("POST", "/v1/sources/{source}/uploads"): ApiLine(ids=NAME),
    ("GET", "/v1/sources/{source}/uploads/{upload}"): ApiLine(ids=UPLOAD),
    ("POST", "/v1/sources/{source}/uploads/{upload}/files"): ApiLine(
        ids=UPLOAD, json={"files": [{"path": "a.jpg", "size": 5}]}
    ),
    ("GET", "/v1/sources/{source}/uploads/{upload}/missing"): ApiLine(ids=UPLOAD),
    ("PUT", "/v1/sources/{source}/uploads/{upload}/parts"): ApiLine(ids=UPLOAD, content=b"[]\n"),
    ("POST", "/v1/sources/{source}/uploads/{upload}/give-up"): ApiLine(ids=UPLOAD, json={"files": []}),
    ("POST", "/v1/sources/{source}/uploads/{upload}/stop"): ApiLine(ids=UPLOAD),
    ("POST", "/v1/sources/{source}/crawls"): ApiLine(ids=NAME, json={"host": "press.example"}),
    ("POST", "/v1/sources/{source}/second-looks"): ApiLine(ids=NAME, json={}),
    ("POST", "/v1/evaluations"): ApiLine(content=b"no archive", media_type="application/zip"),
    ("GET", "/v1/evaluations/{evaluation}"): ApiLine(ids={"evaluation": "job_id"}, fine=OF_ANOTHER_KIND),
    ("DELETE", "/v1/evaluations/{evaluation}"): ApiLine(ids={"evaluation": "job_id"}, fine=OF_ANOTHER_KIND),
    ("GET", "/v1/jobs"): ApiLine(needs=MANAGES),
    ("GET", "/v1/jobs/{job}"): ApiLine(needs=MANAGES, ids={"job": "job_id"}),
    ("POST", "/v1/jobs/{job}/stop"): ApiLine(needs=MANAGES, ids={"job": "job_id"}),
    ("GET", "/v1/jobs/{job}/events"): ApiLine(needs=MANAGES, ids={"job": "job_id"}, prepare=end_job),
    ("GET", "/v1/ledger/checkpoint"): ApiLine(),
    ("GET", "/v1/ledger/entries"): ApiLine(),
    ("GET", "/v1/ledger/entries/{entry}/proof"): ApiLine(targets=entries),
    ("POST", "/v1/ledger/consistency"): ApiLine(json={"checkpoint": "none"}),
}


def line_of(route: ApiEndpoint) -> ApiLine:
    return API_LINES[route.method, route.path]


def api_targets(route: ApiEndpoint, world: TwoAgencies, person: Participant) -> list[Target]:
    """Return what a request may name; KeyError if a part of the route's address is not known here."""
    line = line_of(route)
    if line.targets is not None:
        return list(line.targets(world, person))
    named = [line.ids.get(part, part) for part in re.findall(r"{(\w+)(?::path)?}", route.path)]
    kinds = {KINDS[name] for name in named} or {nothing}
    if kinds & {runs, unsearched, drops}:  # named within its source
        kinds.discard(sources)
    (kind,) = kinds
    return list(kind(world, person))


def send(pages: Pages, key: str, route: ApiEndpoint, target: Target) -> Answer:
    """Send the valid request of a route with a key; return its answer without the names of the request."""
    line, world = line_of(route), pages.world
    names = {**target.ids, "later": str(world.today + timedelta(days=9))}
    names |= {part: names[text] for part, text in line.ids.items()}
    more: dict[str, Any] = {"headers": {"authorization": f"Bearer {key}"}}
    if line.json is not None:
        more["json"] = _filled(line.json, names)
    if line.content is not None:
        more["content"] = line.content
        more["headers"]["content-type"] = line.media_type
    if line.files is not None:
        more["files"] = dict(line.files)
    if line.query:
        more["params"] = _filled(dict(line.query), names)
    answer: httpx.Response = pages.ask(None, route.method, route.path.format(**names), **more)
    return masked(answer, names)


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    """Return JSON with the names of the target in its texts."""
    if isinstance(value, str):
        return value.format(**names)
    if isinstance(value, list):
        return [_filled(part, names) for part in value]
    if isinstance(value, dict):
        return {name: _filled(part, names) for name, part in value.items()}
    return value
