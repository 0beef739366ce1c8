"""Measures every page of the server with many agencies, cases and ledger entries.

    python -m bench.casework [--cases 100000] [--agencies 1000] [--entries 1000000] [--home FOLDER]

It builds a workspace of that size (``caseload.py``), signs in officials of every role, and requests every page of the
route table as each role that may open it: one request at a time, then four at once. For each page it prints the median
and 95th percentile from the request to the last byte, for the slowest role. Reading a case, a list or the ledger is
recorded and synced to disk before the page is sent, which is part of the time.
"""

from __future__ import annotations

import argparse
import http.client
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyotp
import sqlalchemy as sa
from starlette.datastructures import Headers

from bench import machine
from bench.caseload import PASSWORD, SOURCE, Person, Sizes, Targets, build, load, save
from bench.serving import ServerProcess, serving
from lineament.identity.totp import SECONDS
from lineament.model.accounts import ROLES, Permission, Role
from lineament.settings import Settings
from lineament.store.people_tables import sessions
from lineament.web.app import declared
from lineament.web.pages import PageRoute
from lineament.web.security import SiteAddress
from lineament.workspace import Workspace

LIMIT_MS = 100.0
WARM = 3
AT_ONCE = 4

NEEDS_A_PROVIDER = {"/sign-in/openid", "/sign-in/openid/back"}
LIMITED = {"/sign-in", "/join/{token}"}
"""Pages of which one client may ask so many in a minute; ``sign_in.py`` measures them."""
NOT_BUILT = {
    "/sources/{name}/permission",  # the gallery's source has no permission document,
    "/sources/{name}/pictures/{capture_id}/thumbnail",  # a face in every picture,
    "/sources/{name}/faces/{face_id}/crop",  # a template for every face,
    "/sources/{name}/newest/{face_id}/crop",
    "/sources/{name}/take-in/{drop_id}",  # and nothing of it was dropped,
    "/sources/{name}/take-in/{drop_id}/missing",
    "/cases/{ref}/disclosure/{pack_id}",  # no pack was made,
    "/batches/{batch_id}",  # no batch was begun,
    "/batches/{batch_id}/progress",
    "/searches/{search_id}/candidates/{picture}/lead",  # no candidate is a lead,
    "/transparency",  # and no figures are published,
    "/transparency/{agency_id}",
    "/answers/{token}",  # and no form was sent a moment ago
}
BY = {"/locked": ("locked",), "/second-factor": ("half signed in",)}
"""Pages of sessions that are locked or not fully signed in."""
VARIANTS = {
    "/cases": ("?q=fraud+belmont", "?q=no+such+words", "?state=open", "?state=closed", "?after={old}"),
    "/cases/{ref}": ("?before={long_search}",),
    "/cases/{ref}/timeline": ("?before={line}", "?views=shown"),
    "/agencies": ("?q=police+bel", "?page=11"),
    "/ledger": (
        "?before={entry}",
        "?views=shown",
        "?kind=searches",
        "?kind=models",
        "?person={colleague}",
        "?case={case}",
        "?day={day}",
    ),
    "/people": ("?closed=true",),
    "/search": ("?case={case}",),
    "/searches/{search_id}": (" long",),
}
"""Further requests for a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """A request for a page, in somebody's session."""

    page: str
    path: str
    who: str
    cookie: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The times of a page, in ms."""

    request: PageRequest
    size: int  # bytes
    processor: float  # CPU time of the server for each request
    alone: tuple[float, float]  # median and 95th percentile
    at_once: tuple[float, float] = (0.0, 0.0)


def main() -> int:
    """Print the table; return 1 if a page is slower than the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--agencies", type=int, default=1_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=60, help="requests for each page and role")
    parser.add_argument("--only", default="", help="pages whose path contains this")
    parser.add_argument("--home", type=Path, help="keep the workspace there, or use an existing one")
    given = parser.parse_args()
    print(machine.line("fastapi", "jinja2", "sqlalchemy", "uvicorn"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home: Path = given.home or Path(folder) / "ws"
        targets_file = home.with_suffix(".json")
        if not home.exists():
            began = time.perf_counter()
            save(targets_file, build(home, Sizes(cases=given.cases, agencies=given.agencies, entries=given.entries)))
            print(f"built in {time.perf_counter() - began:.0f} s, with its ledger verified")
        targets = load(targets_file)
        print(_sizes(home))
        cookies = _sign_in_all(home, targets)
        requests = [request for request in _page_requests(targets, cookies) if given.only in request.page]
        with serving(home) as server_process:
            return _report(list(_measure(server_process, requests, given.times)), given.times)


def _sizes(home: Path) -> str:
    with Workspace.open(Settings(home=home)) as workspace, workspace.store.read() as tx:
        tables = ("agencies", "accounts", "cases", "searches", "candidates", "case_papers", "ledger_entries")
        counts = {name: tx.connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) for name in tables}
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())


# ---------------------------------------------------------------- sessions


def _sign_in_all(home: Path, targets: Targets) -> dict[str, str]:
    """Return the cookie of a session for everybody, of a locked one, and of one without its second factor."""
    with Workspace.open(Settings(home=home)) as workspace:
        waiting = {who: _with_password(workspace, person) for who, person in targets.people.items()}
        cookies = {who: _prove(workspace, key, targets.people[who]) for who, key in waiting.items()}
        cookies["half signed in"] = _with_password(workspace, targets.people["reviewer"])
        cookies["locked"] = _with_password(workspace, targets.people["reviewer"])
        session = workspace.sign_in.session(cookies["locked"])
        assert session is not None
        with workspace.store.begin() as tx:
            seen = {"seen_at": workspace.clock() - timedelta(hours=2)}
            tx.connection.execute(sa.update(sessions).where(sessions.c.id == session.id).values(seen))
    return cookies


def _with_password(workspace: Workspace, person: Person) -> str:
    return workspace.sign_in.password(person.email, PASSWORD, "the bench").key


def _prove(workspace: Workspace, key: str, person: Person) -> str:
    session = workspace.sign_in.session(key)
    assert session is not None
    # A code works once, and this step's may be used up; the next one is already accepted.
    code = pyotp.TOTP(person.secret).at(workspace.clock() + timedelta(seconds=SECONDS))
    return workspace.sign_in.factors.prove_code(session, code).key


def _may(who: str, access: Permission) -> bool:
    role = Role(who.partition(" ")[0]) if who != "guest" else Role.EXAMINER
    return access in ROLES[role]


# ---------------------------------------------------------------- requests


def _page_requests(targets: Targets, cookies: dict[str, str]) -> Iterator[PageRequest]:
    """Yield a request for every page, for each role that may open it."""
    for route in declared():
        if route.method != "GET" or route.path in NEEDS_A_PROVIDER | LIMITED | NOT_BUILT:
            continue
        for variant in ("", *VARIANTS.get(route.path, ())):
            for who in _readers(route, targets):
                page, path = f"{route.path}{variant}", _path(route, variant, targets, who)
                yield PageRequest(page=page, path=path, who=who, cookie=cookies.get(who, ""))


def _readers(route: PageRoute, targets: Targets) -> Sequence[str]:
    if route.path in BY:
        return BY[route.path]
    if route.access is Permission.PUBLIC:
        return ("anybody",)
    if route.path == "/account/app":  # only once, because it sets up a second factor
        return ("supervisor",)
    return [who for who in targets.people if _may(who, route.access)]


def _path(route: PageRoute, variant: str, targets: Targets, who: str) -> str:
    colleague = "operator of the house" if who.endswith("of the house") else "reviewer"
    values = {
        "ref": targets.case,
        "agency_id": targets.agency_id,
        "account_id": targets.people[colleague].account_id,
        "probe_id": targets.probe,
        "search_id": targets.long_search if variant == " long" else targets.search,
        "paper_id": targets.paper,
        "job_id": targets.people[who].job if who in targets.people else "",
        "capture_id": "1",
        "run_id": "1",  # of the ingest that made the gallery, the only one
        "token": targets.invitation.replace(" ", "%20"),
        "name": "lineament.css" if route.path.startswith("/static") else SOURCE,
        "picture": "1",  # its review is complete, so that its rank names it
        "code": "us-md",
        "face": "1",
        "old": targets.old,
        "entry": str(targets.entry),
        "colleague": targets.people["examiner"].account_id,
        "day": f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d}",
        "line": targets.line,
        "long_search": targets.long_search,
        "case": targets.case,
    }
    try:
        return f"{route.path}{variant.strip().removeprefix('long')}".format(**values)
    except KeyError as unknown:
        raise SystemExit(f"{route.path}: the bench has no value for {unknown}") from None


# ---------------------------------------------------------------- the times of the server


def _measure(server_process: ServerProcess, requests: Sequence[PageRequest], times: int) -> Iterator[Timing]:
    """Yield the times of each page for its slowest role."""
    for page in dict.fromkeys(request.page for request in requests):
        alone = [_alone(server_process, request, times) for request in requests if request.page == page]
        slowest = max(alone, key=lambda timing: timing.alone[1])
        yield _at_once(server_process, slowest, times)


def _alone(server_process: ServerProcess, request: PageRequest, times: int) -> Timing:
    sizes: list[int] = []
    before = server_process.processor()
    taken = _send(server_process, request, times, sizes)
    processor = (server_process.processor() - before) / len(sizes)
    return Timing(request=request, size=sizes[-1], processor=processor, alone=_percentiles(taken))


def _at_once(server_process: ServerProcess, timing: Timing, times: int) -> Timing:
    taken: list[float] = []
    threads = [
        threading.Thread(target=lambda: taken.extend(_send(server_process, timing.request, times // AT_ONCE + 1, [])))
        for _ in range(AT_ONCE)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replace(timing, at_once=_percentiles(taken))


def _percentiles(taken: Sequence[float]) -> tuple[float, float]:
    if not taken:
        return (float("nan"), float("nan"))
    median, late = np.percentile(taken, [50, 95])
    return float(median), float(late)


def _send(server_process: ServerProcess, request: PageRequest, times: int, sizes: list[int]) -> list[float]:
    """Send a request ``times`` times over one connection; return the times in ms, and add the sizes to ``sizes``."""
    taken = []
    warm = min(WARM, times)
    host = f"localhost:{server_process.port}"
    cookie = SiteAddress().cookie_name(Headers({"host": host}))
    headers = {"host": host, "cookie": f"{cookie}={request.cookie}"} if request.cookie else {}
    with closing(http.client.HTTPConnection("127.0.0.1", server_process.port, timeout=60)) as connection:
        for at in range(warm + times):
            began = time.perf_counter()
            connection.request("GET", request.path, headers=headers)
            response = connection.getresponse()
            body = response.read()
            if at >= warm:
                taken.append(1000 * (time.perf_counter() - began))
            if response.status != 200:
                where = response.headers.get("location", "")
                raise SystemExit(f"{request.path} for {request.who}: {response.status} {where}")
            sizes.append(len(body))
    return taken


def _report(timings: Sequence[Timing], times: int) -> int:
    print(f"{times} requests for each role, one at a time; then as many of the slowest role, {AT_ONCE} at once; ms")
    print(f"{'page':52}{'slowest for':26}{'p50':>7}{'p95':>7}{'p50 of 4':>10}{'p95 of 4':>10}{'CPU':>7}{'kB':>7}")
    for timing in timings:
        times_ms = "".join(f"{ms:7.1f}" for ms in timing.alone) + "".join(f"{ms:10.1f}" for ms in timing.at_once)
        page = f"{timing.request.page:52}{timing.request.who:26}"
        print(f"{page}{times_ms}{timing.processor:7.1f}{timing.size / 1000:7.1f}")
    worst = max(timings, key=lambda timing: timing.alone[1])
    slowest = f"{worst.request.page}, p95 {worst.alone[1]:.1f} ms"
    print(f"the slowest of {len(timings)}: {slowest} (target < {LIMIT_MS:.0f} ms)")
    slow = [timing.request.page for timing in timings if timing.alone[1] > LIMIT_MS]
    if slow:
        print(f"slower than {LIMIT_MS:.0f} ms: {', '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
