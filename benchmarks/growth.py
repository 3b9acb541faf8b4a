"""How the cost of "in force on X, as known on Y" grows with the record, with and without the index of spans.

    python benchmarks/growth.py [--measures 1000 10000 100000] [--large] [--store memory|disk|union] [--keep FOLDER]
        [--plain-up-to 100000]

Makes records of `benchmarks/synthetic.py`, builds them, and asks questions whose answers have about twenty rows however
large the record is. Each answer is first compared with that of the plain query. Prints medians in milliseconds, of wall
clock and of processor, from the terms of a call to its rows – of that what reading and planning the query takes, asked
of an empty store – and the exponents of growth (log-log). `--keep` keeps the builds, so that a second run begins at
once; `--large` adds a million measures. The plain query, which takes minutes there, is asked of records no larger than
`--plain-up-to`; rows of larger ones are compared by engines.py. `--store union` is a store on disk with the default
graph alone, which is all that these questions look at: a third of the room and of the time to load it.
"""

from __future__ import annotations

import sys

sys.path.pop(0)  # run as a script, this folder would hide the standard library's http

import argparse
import math
import os
import platform
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyoxigraph as ox

from inforce import build, catalogue, intervals, ondisk
from inforce.pieces import QUADS
from inforce.service import Service, settled
from inforce.store import FOLDER

sys.path.append(str(Path(__file__).parent))
import synthetic

TODAY = date(2026, 11, 25)
NOW = {"on": ["2025-11-15"], "knownOn": ["2026-06-01"]}
RARE = ["synthetic-rare-1"]
STORES = ("memory", "disk", "union")
Call = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Cost:
    """Milliseconds: medians of wall clock and of processor."""

    wall: float
    cpu: float

    @classmethod
    def of(cls, ask: Callable[[], object], seconds: float = 3, at_most: int = 41) -> Cost:
        """What asking costs; the first time, which warms, does not count unless it takes too long for a second."""
        taken: list[tuple[float, float]] = []
        end = time.monotonic() + seconds
        while len(taken) < 2 or (len(taken) < at_most and time.monotonic() < end):
            start, used = time.perf_counter(), time.process_time()
            ask()
            taken.append(((time.perf_counter() - start) * 1000, (time.process_time() - used) * 1000))
        return cls(*(statistics.median(column) for column in zip(*taken[1:], strict=True)))


def made(folder: Path, measures: int) -> Path:
    """The build of a record of so many measures; made unless it is kept in the folder."""
    builds = folder / f"{measures}"
    if not build.current(builds).exists():
        with tempfile.TemporaryDirectory(dir=folder) as record:
            synthetic.write(Path(record) / "record", measures)
            build.build(builds, Path(record) / "record", downloads=False)
    return build.current(builds).resolve()


def opened(folder: Path, measures: int, store: str) -> Service:
    """A service of such a build, with its store in memory or on disk, or on disk with the default graph alone."""
    at = made(folder, measures)
    if store == "union" and not (at / FOLDER).exists():
        beside = at / f".{FOLDER}.new"
        shutil.rmtree(beside, ignore_errors=True)
        ondisk.load(beside, at / QUADS, named=False)
        beside.rename(at / FOLDER)
    return Service.open(at, "memory" if store == "memory" else "disk")


def questions(service: Service) -> dict[str, Call]:
    """Calls of in-force with about twenty rows."""
    past = min(
        (
            (abs(len(found) - 20), day, kind, status)
            for day in (synthetic.FIRST + timedelta(n) for n in range(0, 60, 5))
            for kind in ("tariff", "export-licensing", "watch-listing", "technology-control", "export-measure")
            for status in ("inForce", "pending", "suspended")
            if (found := candidates(service, past_day(day, kind, status))) is not None
        ),
    )
    return {
        "rare material": NOW | {"material": RARE},
        "rare material × destination": NOW | {"material": RARE, "destination": ["US"]},
        "status and kind on a past day, as known on it": past_day(*past[1:]),
    }


def past_day(day: date, kind: str, status: str) -> Call:
    return {"on": [day.isoformat()], "knownOn": [day.isoformat()], "kind": [kind], "status": [status]}


def candidates(service: Service, given: Call) -> list[tuple[str, str]] | None:
    terms, _ = service.bound("in-force", given, TODAY)
    assert service.index is not None, "the build has an index"
    return service.index.find(service.query("in-force").windows[0].sought(terms))


def measured(service: Service, given: Call, plainly: bool) -> tuple[int, Cost, Cost, Cost | None]:
    """How many rows a call has, and what it costs: indexed, of that reading and planning, and, if wished, plainly.

    Stops at other rows.
    """
    query = service.query("in-force")
    terms, _ = service.bound("in-force", given, TODAY)

    def plain() -> object:
        return settled(query, service.store.select(catalogue.bind(query, terms)))

    def with_index() -> tuple[list[object], list[object]]:
        return settled(query, service.store.select(service.narrowed(query, terms)))  # type: ignore[return-value]

    if plainly and plain() != with_index():
        raise SystemExit(f"{given}: other rows with the index than without")
    text, nothing = service.narrowed(query, terms), ox.Store()
    read = Cost.of(lambda: nothing.query(text))
    return len(with_index()[1]), Cost.of(with_index), read, Cost.of(plain, at_most=11) if plainly else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measures", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--large", action="store_true", help="a million measures as well")
    parser.add_argument("--store", choices=STORES, default="memory")
    parser.add_argument("--plain-up-to", type=int, default=100_000, metavar="MEASURES")
    parser.add_argument("--keep", type=Path, help="a folder where builds are kept, and taken from")
    options = parser.parse_args()
    sizes = [*options.measures, *([1_000_000] if options.large else [])]
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, ", end="")
        print(f"store in {'memory' if options.store == 'memory' else 'files'}\n")
        print("| measures | spans | MB of index | question | rows ", end="")
        print("| indexed: ms | processor | to read and plan it | plain: ms | processor |")
        print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
        costs: dict[str, list[tuple[int, Cost, Cost | None]]] = {}
        for size in sizes:
            service = opened(folder, size, options.store)
            assert service.folder is not None
            size_of_index = (service.folder / intervals.FILE).stat().st_size / 1e6
            for name, given in questions(service).items():
                rows, narrowed, read, plain = measured(service, given, size <= options.plain_up_to)
                costs.setdefault(name, []).append((size, narrowed, plain))
                print(
                    f"| {size} | {service.manifest['counts']['spans']} | {size_of_index:.0f} | {name} | {rows} "
                    f"| {narrowed.wall:.1f} | {narrowed.cpu:.1f} | {read.wall:.1f} | {_shown(plain)} |",
                    flush=True,
                )
            del service
    if len(sizes) > 1:
        print("\n| growth of processor time, exponent | with index | without |\n|---|---|---|")
        for name, points in costs.items():
            indexed = exponent([(size, narrowed.cpu) for size, narrowed, _ in points])
            plain = exponent([(size, cost.cpu) for size, _, cost in points if cost is not None])
            print(f"| {name} | {indexed} | {plain} |")
    print(f"\nmost memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def exponent(points: Sequence[tuple[int, float]]) -> str:
    """The slope of cost over size, both as logarithms, if there are points enough."""
    if len(points) < 2:
        return "–"
    sizes, costs = ([math.log(value) for value in column] for column in zip(*points, strict=True))
    return f"{statistics.linear_regression(sizes, costs).slope:.2f}"


def _shown(cost: Cost | None) -> str:
    return "– | –" if cost is None else f"{cost.wall:.1f} | {cost.cpu:.1f}"


if __name__ == "__main__":
    main()
