"""How long the server takes for every page when there are many agencies, cases and ledger entries.

    python -m bench.casework [--cases 100000] [--agencies 1000] [--entries 1000000] [--home FOLDER]

A workspace of that size is made (``caseload.py``), officials of every role sign in to it, and every page of the route
table is asked for by each role that may open it: one after the other, then four at once. Printed for each page, for
the role that waits longest: median and 95th percentile from the request to the last byte. That somebody looked into
a case, a list or the ledger is recorded, synced to the disk, before the page is shown: it is part of the time.
"""

from __future__ import annotations

import argparse
import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyotp
import sqlalchemy as sa
from starlette.datastructures import Headers

from bench import machine
from bench.caseload import PASSWORD, SOURCE, Made, Person, Sizes, build, kept, known
from lineament.identity.totp import SECONDS
from lineament.model.accounts import ROLES, Permission, Role
from lineament.settings import Settings
from lineament.store.people_tables import sessions
from lineament.web.app import declared
from lineament.web.pages import PageRoute
from lineament.web.security import SiteAddress
from lineament.web.serve import listening, server
from lineament.workspace import Workspace

ROOT = Path(__file__).parents[1]
LIMIT_MS = 100.0
WARM = 3
AT_ONCE = 4

NEEDS_A_PROVIDER = {"/sign-in/openid", "/sign-in/openid/back"}
NOT_MADE = {"/sources/{name}/permission"}  # the gallery's source has none
BY = {"/locked": ("locked",), "/second-factor": ("half signed in",)}
"""Pages of a session that is not open."""
VARIANTS = {
    "/cases": ("?q=fraud+belmont", "?q=no+such+words", "?state=open", "?state=closed", "?after={old}"),
    "/cases/{ref}": ("?before={long_search}",),
    "/cases/{ref}/timeline": ("?before={line}",),
    "/agencies": ("?q=police+bel", "?page=11"),
    "/ledger": ("?before={entry}",),
    "/people": ("?closed=true",),
    "/search": ("?case={case}",),
    "/searches/{search_id}": (" long",),
}
"""What else a page is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One address, and who asks for it."""

    page: str
    path: str
    who: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Served:
    """The server, in a process of its own."""

    port: int
    process: int

    def processor(self) -> float:
        """How long it had a processor so far, in ms."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """What it took, in ms."""

    asked: Asked
    size: int  # bytes
    processor: float  # of the server, a request
    alone: tuple[float, float]  # median and 95th percentile
    at_once: tuple[float, float] = (0.0, 0.0)


def main() -> int:
    """Print the table; 1 where a page takes longer than it may."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--agencies", type=int, default=1_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=60, help="requests for each page and role")
    parser.add_argument("--only", default="", help="pages whose path holds this")
    parser.add_argument("--home", type=Path, help="keep the workspace there, and use the one that is there")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        return _serve(given.home)
    print(machine.line("fastapi", "jinja2", "sqlalchemy", "uvicorn"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home: Path = given.home or Path(folder) / "ws"
        beside = home.with_suffix(".json")
        if not home.exists():
            began = time.perf_counter()
            kept(beside, build(home, Sizes(cases=given.cases, agencies=given.agencies, entries=given.entries)))
            print(f"made in {time.perf_counter() - began:.0f} s, its ledger verified")
        made = known(beside)
        print(_sizes(home))
        cookies = _signed_in(home, made)
        asked = [one for one in _asked(made, cookies) if given.only in one.page]
        with _serving(home) as served:
            return _told(list(_measured(served, asked, given.times)), given.times)


def _sizes(home: Path) -> str:
    with Workspace.open(Settings(home=home)) as workspace, workspace.store.read() as tx:
        tables = ("agencies", "accounts", "cases", "searches", "candidates", "case_papers", "ledger_entries")
        counts = {name: tx.connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) for name in tables}
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())


# ---------------------------------------------------------------- who asks


def _signed_in(home: Path, made: Made) -> dict[str, str]:
    """A session for everybody; one that is locked, and one without its second factor."""
    with Workspace.open(Settings(home=home)) as workspace:
        waiting = {who: _with_password(workspace, person) for who, person in made.people.items()}
        cookies = {who: _proved(workspace, key, made.people[who]) for who, key in waiting.items()}
        cookies["half signed in"] = _with_password(workspace, made.people["reviewer"])
        cookies["locked"] = _with_password(workspace, made.people["reviewer"])
        session = workspace.sign_in.session(cookies["locked"])
        assert session is not None
        with workspace.store.begin() as tx:
            seen = {"seen_at": workspace.clock() - timedelta(hours=2)}
            tx.connection.execute(sa.update(sessions).where(sessions.c.id == session.id).values(seen))
    return cookies


def _with_password(workspace: Workspace, person: Person) -> str:
    return workspace.sign_in.password(person.email, PASSWORD, "the bench").key


def _proved(workspace: Workspace, key: str, person: Person) -> str:
    session = workspace.sign_in.session(key)
    assert session is not None
    # A code is good once and this one's step may be used up; the next one is good already.
    code = pyotp.TOTP(person.secret).at(workspace.clock() + timedelta(seconds=SECONDS))
    return workspace.sign_in.factors.prove_code(session, code).key


def _may(who: str, access: Permission) -> bool:
    role = Role(who.partition(" ")[0]) if who != "guest" else Role.EXAMINER
    return access in ROLES[role]


# ---------------------------------------------------------------- what is asked for


def _asked(made: Made, cookies: dict[str, str]) -> Iterator[Asked]:
    """Every page that is read, for each role that may open it."""
    for route in declared():
        if route.method != "GET" or route.path in NEEDS_A_PROVIDER | NOT_MADE:
            continue
        for variant in ("", *VARIANTS.get(route.path, ())):
            for who in _readers(route, made):
                page, path = f"{route.path}{variant}", _filled(route, variant, made, who)
                yield Asked(page=page, path=path, who=who, cookie=cookies.get(who, ""))


def _readers(route: PageRoute, made: Made) -> Sequence[str]:
    if route.path in BY:
        return BY[route.path]
    if route.access is Permission.PUBLIC:
        return ("anybody",)
    if route.path == "/account/app":  # nobody sets a second one up twice
        return ("supervisor",)
    return [who for who in made.people if _may(who, route.access)]


def _filled(route: PageRoute, variant: str, made: Made, who: str) -> str:
    colleague = "operator of the house" if who.endswith("of the house") else "reviewer"
    values = {
        "ref": made.case,
        "agency_id": made.agency_id,
        "account_id": made.people[colleague].account_id,
        "probe_id": made.probe,
        "search_id": made.long_search if variant == " long" else made.search,
        "paper_id": made.paper,
        "job_id": made.people[who].job if who in made.people else "",
        "run_id": "1",  # of the ingest that made the gallery, the only one
        "token": made.invitation.replace(" ", "%20"),
        "name": "lineament.css" if route.path.startswith("/static") else SOURCE,
        "rank": "1",
        "face": "1",
        "old": made.old,
        "entry": str(made.entry),
        "line": made.line,
        "long_search": made.long_search,
        "case": made.case,
    }
    try:
        return f"{route.path}{variant.strip().removeprefix('long')}".format(**values)
    except KeyError as unknown:
        raise SystemExit(f"{route.path}: the bench does not know what to put for {unknown}") from None


# ---------------------------------------------------------------- the server, and how long it takes


def _serve(home: Path) -> int:
    """In a process of its own: serve until told to end; the port on standard output."""
    with Workspace.open(Settings(home=home)) as workspace, closing(listening("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        server(workspace, "the token of the bench").run(sockets=[listener])
    return 0


@contextmanager
def _serving(home: Path) -> Iterator[Served]:
    command = [sys.executable, "-m", "bench.casework", "--serve", "--home", str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield Served(int(running.stdout.readline()), running.pid)
        finally:
            running.terminate()


def _measured(served: Served, asked: Sequence[Asked], times: int) -> Iterator[Timed]:
    """For each page the role that waits longest."""
    for page in dict.fromkeys(one.page for one in asked):
        alone = [_alone(served, one, times) for one in asked if one.page == page]
        slowest = max(alone, key=lambda timed: timed.alone[1])
        yield _at_once(served, slowest, times)


def _alone(served: Served, asked: Asked, times: int) -> Timed:
    sizes: list[int] = []
    before = served.processor()
    taken = _requests(served, asked, times, sizes)
    processor = (served.processor() - before) / len(sizes)
    return Timed(asked=asked, size=sizes[-1], processor=processor, alone=_of(taken))


def _at_once(served: Served, timed: Timed, times: int) -> Timed:
    taken: list[float] = []
    threads = [
        threading.Thread(target=lambda: taken.extend(_requests(served, timed.asked, times // AT_ONCE + 1, [])))
        for _ in range(AT_ONCE)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replace(timed, at_once=_of(taken))


def _of(taken: Sequence[float]) -> tuple[float, float]:
    if not taken:
        return (float("nan"), float("nan"))
    median, late = np.percentile(taken, [50, 95])
    return float(median), float(late)


def _requests(served: Served, asked: Asked, times: int, sizes: list[int]) -> list[float]:
    """So many requests over one connection, in ms each."""
    taken = []
    cookie = SiteAddress().cookie_name(Headers({"host": f"localhost:{served.port}"}))
    headers = {"host": f"localhost:{served.port}", "cookie": f"{cookie}={asked.cookie}"} if asked.cookie else {}
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        for at in range(WARM + times):
            began = time.perf_counter()
            connection.request("GET", asked.path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            if at >= WARM:
                taken.append(1000 * (time.perf_counter() - began))
            if answer.status != 200:
                raise SystemExit(f"{asked.path} for {asked.who}: {answer.status} {answer.headers.get('location', '')}")
            sizes.append(len(body))
    return taken


def _told(every: Sequence[Timed], times: int) -> int:
    print(f"{times} requests a role one after the other; then as many of the slowest role, {AT_ONCE} at once; ms")
    print(f"{'page':52}{'slowest for':26}{'p50':>7}{'p95':>7}{'p50 of 4':>10}{'p95 of 4':>10}{'CPU':>7}{'kB':>7}")
    for one in every:
        times_ms = f"{one.alone[0]:7.1f}{one.alone[1]:7.1f}{one.at_once[0]:10.1f}{one.at_once[1]:10.1f}"
        print(f"{one.asked.page:52}{one.asked.who:26}{times_ms}{one.processor:7.1f}{one.size / 1000:7.1f}")
    worst = max(every, key=lambda one: one.alone[1])
    print(f"the worst of {len(every)}: {worst.asked.page}, p95 {worst.alone[1]:.1f} ms (target < {LIMIT_MS:.0f} ms)")
    slow = [one.asked.page for one in every if one.alone[1] > LIMIT_MS]
    if slow:
        print(f"slower than {LIMIT_MS:.0f} ms: {', '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
