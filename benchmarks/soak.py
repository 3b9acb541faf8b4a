"""A service under mixed load while its record changes and is built anew every minute: is every answer right?

    python benchmarks/soak.py [--minutes 30] [--workers 2] [--rate 25] [--store memory] [--every 60]

Copies the record into a folder of its own, adds a made-up act, and starts `inforce serve`. Every minute the act gets
another day and its measure another name, `inforce build` compiles it all and moves `current`; builds older than the
last five are deleted. Meanwhile clients ask at a steady rate: questions of the catalogue, permanent addresses, pages,
Turtle, feeds, SPARQL, 304s, and now and then a query without end. Each answer is held against the version that it
names, as another process finds it: by the text of the question on the quads of that build, in a store of its own.
Prints a table; exits with 1 if an answer was wrong or a request failed.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.path.pop(0)  # run as a script, this folder would hide the standard library's http behind a file of its own

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx2 as httpx
import pyoxigraph as ox

from inforce import catalogue
from inforce.catalogue import Names
from inforce.model import BASE
from inforce.record import root

KEPT = 5  # builds that are left
AT_ONCE = 16  # requests that wait for their answers
LATE = 60.0  # seconds after which a request counts as failed
RUNS, WAITS = 10, 40  # seconds that a query may run, and wait before for its turn: then it is refused, not late
MEASURE = "soak"
NAME = re.compile(r"Soak measure (\d+)")
VERSION = re.compile(r"\d+\.\d+\.\d+\+[0-9a-f]{12}")
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
LABELS = "SELECT ?m ?l { ?m a inf:Measure ; skos:prefLabel ?l FILTER (LANG(?l) = 'en') }"
QUERIES = [
    LABELS,
    f"SELECT ?span ?from ?until {{ ?span inf:measure <{BASE}measure/soak> ; inf:from ?from ; inf:until ?until }}",
    "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s a inf:Effect } } GROUP BY ?g",
    "SELECT ?status (COUNT(*) AS ?n) { ?span a inf:Span ; inf:status ?status } GROUP BY ?status",
    "SELECT ?act ?day { ?act inf:madePublic ?day ; a inf:Instrument } ORDER BY DESC(?day) ?act LIMIT 20",
]
PREFIXES = "PREFIX inf: <https://w3id.org/inforce/ns#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "


# The record


def act(number: int) -> str:
    """A made-up act; with each number its measure begins on another day and has another name."""
    start = date(2025, 1, 1) + timedelta(days=7 * number)
    return f"""\
@prefix actor: <{BASE}actor/> .
@prefix country: <{BASE}country/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix doctype: <{BASE}doctype/> .
@prefix eli: <http://data.europa.eu/eli/ontology#> .
@prefix inf: <{BASE}ns#> .
@prefix instrument: <{BASE}instrument/> .
@prefix kind: <{BASE}kind/> .
@prefix material: <{BASE}material/> .
@prefix measure: <{BASE}measure/> .
@prefix prov: <http://www.w3.org/ns/prov#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix this: <{BASE}instrument/cn-soak-1#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .

instrument:cn-soak-1 a inf:Instrument ;
    dcterms:title "Soak act"@en ;
    eli:type_document doctype:announcement ;
    eli:passed_by actor:cn-mofcom ;
    eli:jurisdiction country:cn ;
    eli:date_document "2024-12-31"^^xsd:date ;
    inf:madePublic "2024-12-31"^^xsd:date ;
    dcterms:source this:source-1 ;
    skos:editorialNote "Soak measure {number} begins on {start}."@en ;
    inf:confidence inf:high .

this:whole a inf:Provision ;
    eli:is_part_of instrument:cn-soak-1 ;
    eli:number "whole" ;
    inf:summary "Soak measure {number} begins."@en .

this:whole-establish a inf:Effect ;
    inf:clause this:whole ;
    inf:effectType inf:establish ;
    inf:target measure:{MEASURE} ;
    inf:from "{start}"^^xsd:date ;
    prov:hadPrimarySource this:source-1 ;
    inf:confidence inf:high .

measure:{MEASURE} a inf:Measure ;
    skos:prefLabel "Soak measure {number}"@en ;
    inf:kind kind:export-licensing ;
    inf:imposedBy country:cn ;
    inf:flow inf:export ;
    inf:appliesTo country:all ;
    inf:item this:gallium-1 .

this:gallium-1 a inf:Item ;
    inf:material material:gallium .

this:source-1 a inf:Source ;
    dcterms:publisher "Soak" ;
    inf:supports "Everything"@en .
"""


class Builds:
    """The changing record, its builds, and which of them holds which number."""

    def __init__(self, folder: Path) -> None:
        self.record, self.folder = folder / "record", folder / "builds"
        for part in ("ontology", "data", "queries", "tables", "shapes", "cookbook"):
            shutil.copytree(root() / part, self.record / part)
        self.numbers: OrderedDict[str, int] = OrderedDict()
        self.current_since: dict[str, float] = {}

    def make(self, number: int) -> None:
        """Write the act of a number and build; another process that gives way to those that answer."""
        (self.record / "data" / "cn" / "cn-soak-1.ttl").write_text(act(number), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "inforce.cli",
            "--builds",
            str(self.folder),
            "--data",
            str(self.record),
            "build",
        ]
        subprocess.run(["nice", "-n", "10", *command], check=True, stdout=subprocess.DEVNULL)
        version = (self.folder / "current").resolve().name
        self.numbers[version] = number
        self.current_since[version] = time.monotonic()
        for old in list(self.numbers)[:-KEPT]:
            shutil.rmtree(self.folder / old, ignore_errors=True)

    def citable(self) -> list[str]:
        """Versions that will not be deleted soon."""
        return list(self.numbers)[-(KEPT - 2) :]


# What is right, found apart from the service: in a process of its own


_stores: OrderedDict[str, tuple[ox.Store, dict[str, catalogue.Query], Names]] = OrderedDict()


class _Plain:
    """A store as the catalogue asks it: the quads of a build, with the union as the default graph."""

    def __init__(self, quads: Path) -> None:
        self.store = ox.Store()
        self.store.bulk_load(path=str(quads), format=ox.RdfFormat.N_QUADS)
        self.store.update("INSERT { ?s ?p ?o } WHERE { GRAPH ?g { ?s ?p ?o } }")

    version = ""

    def select(self, query: str) -> bytes:
        return self.store.query(query).serialize(format=ox.QueryResultsFormat.JSON) or b""

    construct = ask = select


def right(folder: str, kind: str, name: str, given: dict[str, list[str]]) -> Any:
    """What a build holds: rows of a question, solutions of a query, statements about a thing."""
    if folder not in _stores:
        plain = _Plain(Path(folder) / "inforce.nq")
        queries = catalogue.read(Path(folder) / "queries")
        _stores[folder] = plain, queries, Names(plain)  # type: ignore[arg-type, assignment]
        while len(_stores) > KEPT + 2:
            _stores.popitem(last=False)
    store, queries, names = _stores[folder]
    if kind == "question":
        query = queries[name]
        sparql = catalogue.bind(query, catalogue.resolve(query, given, names, datetime.now(UTC).date()))
        return comparable(catalogue.rows(query, store.select(sparql)))  # type: ignore[attr-defined]
    if kind == "query":
        return solutions(store.select(PREFIXES + name))  # type: ignore[attr-defined]
    about = f"SELECT ?p ?o {{ <{name}> ?p ?o }}"
    return solutions(store.select(about))  # type: ignore[attr-defined]


def comparable(rows: Sequence[Any]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def solutions(results: bytes) -> list[str]:
    return comparable(json.loads(results)["results"]["bindings"])


# The load


@dataclass(frozen=True)
class Asked:
    """A request, what kind of answer it gets, and how that is checked."""

    kind: str
    path: str
    check: tuple[str, str, dict[str, list[str]]] | None = None
    accept: str = "*/*"
    status: tuple[int, ...] = (200,)
    version: str | None = None  # that it asks for


@dataclass
class Seen:
    """What was counted."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    checked: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    first: dict[str, float] = field(default_factory=dict)  # when a version was first and last named
    last: dict[str, float] = field(default_factory=dict)
    memory: list[dict[str, float]] = field(default_factory=list)


class Load:
    def __init__(self, builds: Builds, seen: Seen, seed: int) -> None:
        self.builds, self.seen, self.chance = builds, seen, random.Random(seed)
        self.tags: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.answers: dict[tuple[Any, ...], asyncio.Future[Any]] = {}

    def drawn(self) -> Asked:
        """The next request, of the mix."""
        kinds = {self.question: 40, self.cited: 12, self.page: 14, self.turtle: 8, self.query: 12, self.feed: 6,
                 self.refused: 6, self.endless: 0.4}  # fmt: skip
        return self.chance.choices(list(kinds), list(kinds.values()))[0]()

    def day(self) -> str:
        return str(date(2025, 1, 1) + timedelta(days=7 * self.chance.randrange(40) + 3))

    def call(self) -> tuple[str, dict[str, list[str]]]:
        """A question of the catalogue, half of the time one about the measure that changes."""
        material = self.chance.choice(["gallium", "gallium", "germanium", "rare-earth"])
        known = {"knownOn": ["2025-12-01"]}
        about = {"on": [self.day()], **known}
        return self.chance.choice([
            ("in-force", {**about, "material": [material], "destination": ["US"]}),
            ("in-force", {**about, "material": [material]}),
            ("in-force", about),
            ("status", {**about, "measure": [MEASURE]}),
            ("explain", {**about, "measure": [self.chance.choice([MEASURE, "cn-us-ga-ge-sb-superhard-ban"])]}),
            ("timeline", {"measure": [MEASURE], "knownOn": ["2025-12-01"]}),
            ("changes", {"from": ["2025-01-01"], "to": [self.day()], **known, "material": [material]}),
            ("material", {**about, "material": [material]}),
        ])  # fmt: skip

    def question(self) -> Asked:
        name, given = self.call()
        return Asked("question", f"/api/{name}?{urlencode(given, doseq=True)}", ("question", name, given))

    def cited(self) -> Asked:
        name, given = self.call()
        version = self.chance.choice(self.builds.citable())
        path = f"/v/{quote(version, safe='+')}/api/{name}?{urlencode({**given, 'lang': ['en']}, doseq=True)}"
        return Asked("permanent", path, ("question", name, given), version=version)

    def page(self) -> Asked:
        path = self.chance.choice([
            f"/measure/{MEASURE}", f"/?on={self.day()}&knownOn=2025-12-01&material=gallium", "/instrument/cn-soak-1",
            "/coming", f"/changed?from=2025-01-01&to={self.day()}&material=gallium", "/material/gallium", "/sparql",
        ])  # fmt: skip
        return Asked("page", path, accept="text/html")

    def turtle(self) -> Asked:
        iri = self.chance.choice([f"measure/{MEASURE}", "instrument/cn-soak-1", "measure/cn-gallium-licensing"])
        return Asked("turtle", f"/{iri}", ("thing", BASE + iri, {}), "text/turtle")

    def query(self) -> Asked:
        text = self.chance.choice(QUERIES)
        path = f"/sparql?{urlencode({'query': PREFIXES + text})}"
        return Asked("sparql", path, ("query", text, {}), "application/sparql-results+json")

    def feed(self) -> Asked:
        path = f"/feeds/changes.atom?material=gallium&from=2025-01-01&to={self.day()}"
        return Asked("feed", self.chance.choice([path, "/feeds/upcoming.ics?material=gallium"]))

    def refused(self) -> Asked:
        path, status = self.chance.choice([
            ("/api/in-force?on=yesterday", 422), ("/api/in-force?Material=gallium", 422), ("/measure/nothing", 404),
            ("/sparql?query=SELECT", 400), ("/api/nothing", 404), ("/v/0.0.0+nothing/api/in-force", 404),
        ])  # fmt: skip
        return Asked("refused", path, status=(status,))

    def endless(self) -> Asked:
        return Asked("endless", f"/sparql?{urlencode({'query': ENDLESS})}", status=(504, 503, 429, 422))

    async def ask(self, clients: dict[str, httpx.AsyncClient], pool: ProcessPoolExecutor) -> None:
        """Ask once; check what comes."""
        asked, seen = self.drawn(), self.seen
        client = clients["endless" if asked.kind == "endless" else "sparql" if asked.kind == "sparql" else "all"]
        held = self.tags.get((asked.path, asked.accept)) if self.chance.random() < 0.4 else None
        headers = {"Accept": asked.accept, **({"If-None-Match": held[0]} if held else {})}
        start = time.monotonic()
        try:
            answer = await client.get(asked.path, headers=headers)
        except httpx.HTTPError as error:
            seen.failed.append(f"{asked.path}: {type(error).__name__} {error}")
            return
        took, end = time.monotonic() - start, time.monotonic()
        seen.statuses[answer.status_code] += 1
        seen.times["304" if answer.status_code == 304 else asked.kind].append(took)
        if answer.status_code not in (*asked.status, *((304,) if held else ())):
            seen.failed.append(f"{asked.path}: {answer.status_code} {answer.text[:200]}")
            return
        version, body = answer.headers.get("dataset-version", ""), answer.content
        if asked.version is None:
            seen.first.setdefault(version, end)
            seen.last[version] = start
        if answer.status_code == 304:
            assert held is not None
            body = held[1]
        elif "etag" in answer.headers:
            self.tags[asked.path, asked.accept] = answer.headers["etag"], body
        try:
            told = await self.fault(asked, version, body, pool)
        except Exception as error:  # an answer that cannot be read
            told = f"{type(error).__name__}: {error}"
        seen.checked += 1
        if told:
            seen.wrong.append(f"{asked.path} ({version}, {answer.status_code}): {told}")

    async def fault(self, asked: Asked, version: str, body: bytes, pool: ProcessPoolExecutor) -> str | None:
        """What is wrong with an answer for the version that it names."""
        while version not in self.builds.numbers and (self.builds.folder / version).is_dir():
            await asyncio.sleep(0.1)  # it is served already, while its maker has not yet come back to us
        number = self.builds.numbers.get(version)
        if number is None:
            return "a version that was never built"
        if asked.version not in (None, version):
            return "another version than was asked for"
        text = body.decode()
        if strange := {found for found in NAME.findall(text) if int(found) != number}:
            return f"names of other versions: {strange}"
        if asked.kind in ("question", "permanent", "page", "feed") and set(VERSION.findall(text)) - {version}:
            return "it speaks of another version"
        if asked.kind in ("page", "feed") and version not in text and not asked.path.endswith("material=gallium"):
            return "it does not name its version"
        if asked.check is None:
            return None
        key = (version, *asked.check[:2], json.dumps(asked.check[2]))
        if key not in self.answers:
            loop = asyncio.get_running_loop()
            self.answers[key] = loop.run_in_executor(pool, right, str(self.builds.folder / version), *asked.check)
        expected = await self.answers[key]
        if asked.kind in ("question", "permanent"):
            document = json.loads(body)
            found: Any = comparable(document["rows"])
            if document["version"] != version or document["total"] != len(found):
                return "version or total differ"
        elif asked.kind == "sparql":
            found = solutions(body)
        else:
            about = ox.NamedNode(asked.check[1])
            store = ox.Store()
            store.load(body, format=ox.RdfFormat.TURTLE)
            found = solutions(
                store.query(f"SELECT ?p ?o {{ {about} ?p ?o }}").serialize(format=ox.QueryResultsFormat.JSON) or b""
            )
        return None if found == expected else f"{len(found)} found, {len(expected)} expected, or others"


# The server and its memory


@contextmanager
def server(builds: Builds, options: argparse.Namespace) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`inforce serve` on the builds, stopped again whatever happens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "inforce.cli",
        "--builds",
        str(builds.folder),
        "--data",
        str(builds.record),
        "serve",
    ]
    command += ["--port", str(port), "--workers", str(options.workers), "--log", "warning"]
    environment = {**os.environ, "INFORCE_STORE": options.store, "INFORCE_CONFIG": ""}
    environment |= {"INFORCE_QUERY_SECONDS": str(RUNS), "INFORCE_QUERY_WAIT": str(WAITS)}
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def below(pid: int) -> dict[int, str]:
    """The processes below one, with their command lines."""
    parents, commands = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
            commands[int(stat.parent.name)] = (stat.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    found, level = {}, {pid}
    while level:
        level = {child for child, parent in parents.items() if parent in level}
        found |= {child: commands.get(child, "") for child in level}
    return found


def memory(pid: int) -> dict[str, float]:
    """MB that each process of the service has for itself (PSS), by its role."""
    found: dict[str, float] = defaultdict(float)
    for child, command in sorted(below(pid).items()):
        try:
            pss = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{child}/smaps_rollup").read_text(), re.MULTILINE)
        except OSError:
            continue
        if pss is None or "resource_tracker" in command:
            continue
        role = "queries" if "inforce.worker" in command else "worker"
        found[role] += int(pss[1]) / 1024
        found[f"{role} processes"] += 1
    return dict(found)


# The run


async def run(options: argparse.Namespace, builds: Builds, process: subprocess.Popen[bytes], address: str) -> Seen:
    seen = Seen()
    load = Load(builds, seen, options.seed)
    each = httpx.Limits(max_keepalive_connections=0)
    # A connection for each request: one that is kept may be closed by the server just when a late client uses it again.
    # Three addresses: a query without end is to cost its client, not the others.
    clients = {
        name: httpx.AsyncClient(
            base_url=address, timeout=LATE, follow_redirects=True,
            transport=httpx.AsyncHTTPTransport(local_address=f"127.0.0.{n}", limits=each),
        )
        for n, name in enumerate(("all", "sparql", "endless"), 2)
    }  # fmt: skip
    for _ in range(1500):
        try:
            await clients["all"].get("/health")
            break
        except httpx.HTTPError:
            assert process.poll() is None, "the server ended"
            await asyncio.sleep(0.2)
    number, tasks, end = 1, set(), time.monotonic() + 60 * options.minutes

    async def rebuild() -> None:
        nonlocal number
        while True:
            begun = time.monotonic()
            number += 1
            await asyncio.to_thread(builds.make, number)
            await asyncio.sleep(max(0, options.every - (time.monotonic() - begun)))

    async def watch() -> None:
        told = 0, 0
        while True:
            await asyncio.sleep(60)
            for fault in (*seen.failed[told[0] :], *seen.wrong[told[1] :])[:20]:
                print(fault, file=sys.stderr)
            told = len(seen.failed), len(seen.wrong)
            seen.memory.append(await asyncio.to_thread(memory, process.pid))
            sizes = ", ".join(f"{name} {value:.0f}" for name, value in seen.memory[-1].items())
            print(f"{len(seen.memory)} min: {seen.checked} checked, {len(seen.wrong)} wrong, "
                  f"{len(seen.failed)} failed; {sizes}", file=sys.stderr, flush=True)  # fmt: skip

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        background = [asyncio.create_task(each()) for each in (rebuild, watch)]
        upcoming = time.monotonic()
        while time.monotonic() < end:
            assert process.poll() is None, "the server ended"
            for each in background:
                if each.done():
                    each.result()
            while len(tasks) >= AT_ONCE:  # a machine that cannot keep up is asked less
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                upcoming = time.monotonic()
            task = asyncio.create_task(load.ask(clients, pool))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            upcoming += load.chance.expovariate(options.rate)
            await asyncio.sleep(max(0, upcoming - time.monotonic()))
        for each in background:
            each.cancel()
        await asyncio.gather(*tasks)
        await asyncio.gather(*background, return_exceptions=True)
    for client in clients.values():
        await client.aclose()
    return seen


def report(seen: Seen, builds: Builds, options: argparse.Namespace) -> None:
    asked, minutes = sum(map(len, seen.times.values())), options.minutes
    print(
        f"{minutes:g} minutes, {options.workers} processes, store {options.store}, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}; {asked} requests ({asked / minutes / 60:.0f}/s), {len(builds.numbers)} builds"
    )
    print(f"failed {len(seen.failed)}, checked {seen.checked}, wrong {len(seen.wrong)}\n")
    print("| answers | number | p50 ms | p99 ms | longest ms |\n|---|---|---|---|---|")
    for kind, times in sorted(seen.times.items()):
        marks = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
        print(f"| {kind} | {len(times)} | {marks[49] * 1000:.0f} | {marks[98] * 1000:.0f} | {max(times) * 1000:.0f} |")
    versions = [v for v in builds.numbers if v in seen.first and v in builds.current_since][1:]
    swaps = [seen.first[v] - builds.current_since[v] for v in versions]
    over = [seen.last[old] - builds.current_since[new] for old, new in zip(builds.numbers, versions, strict=False)
            if old in seen.last]  # fmt: skip
    if swaps and over:
        print(
            f"\n{len(swaps)} swaps: the first answer of a new build came {statistics.median(swaps):.1f} s after it was "
            f"made (longest {max(swaps):.1f}), the last request that the one before it answered "
            f"{statistics.median(over):.1f} s (longest {max(over):.1f})"
        )
    third = len(seen.memory) // 3
    if third:
        print("\n| MB (PSS) | first third | last third |\n|---|---|---|")
        for role, name in {"worker": "a process that answers", "queries": "a process for SPARQL"}.items():
            mean = [
                statistics.mean(m.get(role, 0) / max(m.get(f"{role} processes", 1), 1) for m in part)
                for part in (seen.memory[:third], seen.memory[-third:])
            ]
            print(f"| {name} | {mean[0]:.0f} | {mean[1]:.0f} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rate", type=float, default=25, help="requests a second (default: %(default)s)")
    parser.add_argument(
        "--every", type=float, default=60, help="seconds from one build to the next (default: %(default)s)"
    )
    parser.add_argument("--store", choices=("auto", "memory", "disk"), default="auto")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is stopped then, too
    with tempfile.TemporaryDirectory(prefix="inforce-soak-") as folder:
        builds = Builds(Path(folder))
        builds.make(1)
        with server(builds, options) as (process, address):
            seen = asyncio.run(run(options, builds, process, address))
        report(seen, builds, options)
    return 1 if seen.failed or seen.wrong or not seen.checked else 0


if __name__ == "__main__":
    sys.exit(main())
