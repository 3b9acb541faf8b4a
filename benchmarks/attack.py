"""Hostile SPARQL queries against `inforce serve`: how each ends, and what ordinary callers feel of them meanwhile.

    python benchmarks/attack.py [--seconds 12] [--attackers 200] [--manner steady|bursts|crashes]

Starts one service on 127.0.0.1 with its defaults, but for a shorter time limit, so that many queries reach it. First
each hostile query is asked alone. Then ordinary callers ask, for so many seconds without and so many seconds with an
attack of 200 clients of another address that ask hostile queries: "steady", each again as soon as it is answered;
"bursts", each again at the next full second, all together; "crashes", steady, but only queries that end their process
at once. Prints Markdown. Bounded to two minutes.
Needs Linux: the attack comes from 127.0.0.2, and memory is read from /proc.
"""

from __future__ import annotations

import sys

sys.path.pop(0)  # run as a script, this folder would hide the standard library's http behind this file

import argparse
import asyncio
import itertools
import json
import os
import platform
import random
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlencode

HOST, ATTACKER = "127.0.0.1", "127.0.0.2"
LIMIT = 5  # seconds


def nested(left: str, inside: str, right: str, times: int) -> str:
    return f"SELECT * {{ {left * times}{inside}{right * times} }}"


DOUBLED = " ".join(f"BIND(CONCAT(?x{i}, ?x{i}) AS ?x{i + 1})" for i in range(40))
QUERIES = {
    "cross product of all triples, three times": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "paths from everywhere to everywhere": "SELECT (COUNT(*) AS ?n) { ?a (!<a:b>)* ?b . ?b (!<a:c>|^!<a:d>)* ?c }",
    "regex bomb, nested counts": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c FILTER(REGEX(STR(?c), "
    "'((((a{1,100}){1,100}){1,100}){1,100}){1,100}')) }",
    "regex on all pairs of texts": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER(REGEX(STR(?c), STR(?f))) }",
    "sorting a cross product": "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?f",
    "a text doubled 40 times": f"SELECT (STRLEN(?x40) AS ?n) {{ BIND('0123456789' AS ?x0) {DOUBLED} }}",
    "endless rows": "SELECT * { ?a ?b ?c . ?d ?e ?f }",
    "endless triples": "CONSTRUCT { ?a ?b ?f } WHERE { ?a ?b ?c . ?d ?e ?f }",
    "8,000 parentheses": nested("FILTER(" + "(" * 8_000, "1", ")" * 8_000 + ")", 1),
    "8,000 groups": nested("{", "", "}", 8_000),
    "a megabyte of patterns": "SELECT * {" + "?s ?p ?o . " * 90_000 + "}",
    "a megabyte of values": "SELECT (COUNT(*) AS ?n) { VALUES ?x {" + " 1" * 490_000 + "} }",
    "more than a megabyte": "ASK {}" + " " * 1_000_000,
    "SERVICE to another host": "SELECT * { SERVICE <http://192.0.2.1/> { ?s ?p ?o } }",
    "LOAD of a file": "LOAD <file:///etc/passwd>",
}
CRASHES = ["8,000 parentheses", "8,000 groups", "a text doubled 40 times"]
MATERIALS = ("gallium", "germanium", "antimony", "graphite", "dysprosium", "terbium", "samarium", "yttrium")


def questions() -> Iterator[str]:
    """Questions of the API of which none comes twice, so that none is answered from memory."""
    for known, day, material in itertools.product(range(100), range(350), MATERIALS):
        on, known_on = date(2025, 11, 15) + timedelta(day), date(2026, 10, 1) - timedelta(known)
        yield f"/api/in-force?material={material}&destination=US&on={on}&knownOn={known_on}"


def queries() -> Iterator[str]:
    """Ordinary SPARQL: what the page of a measure would ask."""
    for number in itertools.count():
        text = (
            "PREFIX inf: <https://w3id.org/inforce/ns#> SELECT ?span ?from ?until ?status { ?span inf:measure "
            "<https://w3id.org/inforce/measure/cn-gallium-licensing> ; inf:from ?from ; inf:until ?until ; "
            f"inf:status ?status }} ORDER BY ?from LIMIT {100 + number}"
        )
        yield "/sparql?" + urlencode({"query": text})


@dataclass
class Felt:
    """What callers of one kind felt."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def p(self, percent: int) -> float:
        return statistics.quantiles(self.seconds, n=100)[percent - 1] * 1000


async def asked(port: int, path: str, source: str, body: bytes = b"") -> int:
    """The status of a request on a connection of its own."""
    reader, writer = await asyncio.open_connection(HOST, port, local_addr=(source, 0))
    try:
        method = "POST" if body else "GET"
        kind = f"Content-Type: application/sparql-query\r\nContent-Length: {len(body)}\r\n" if body else ""
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{kind}\r\n".encode() + body)
        answer = await reader.read()
        return int(answer[9:12])
    finally:
        writer.close()


async def callers(port: int, paths: Iterator[str], felt: Felt, end: float) -> None:
    """One caller who asks about ten times a second; not in step with others, which would flatter the calm."""
    while (start := time.monotonic()) < end:
        felt.statuses[await asked(port, next(paths), HOST)] += 1
        taken = time.monotonic() - start
        felt.seconds.append(taken)
        await asyncio.sleep(max(0.0, random.uniform(0.05, 0.15) - taken))


async def attacker(port: int, bodies: Iterator[bytes], statuses: Counter[int], end: float, bursts: bool) -> None:
    """Asks again as soon as it is answered, or at the next full second."""
    while (left := end - time.monotonic()) > 0:
        try:
            status = await asyncio.wait_for(asked(port, "/sparql", ATTACKER, next(bodies)), left)
        except (TimeoutError, OSError):
            status = 0  # still waiting at the end, or cut off
        statuses[status] += 1
        if bursts:
            await asyncio.sleep(-time.monotonic() % 1)


async def attack(port: int, seconds: float, attackers: int, manner: str) -> Counter[int]:
    """How an attack of so many clients at once is answered."""
    statuses: Counter[int] = Counter()
    end = time.monotonic() + seconds
    names = CRASHES if manner == "crashes" else list(QUERIES)
    # Each begins with another query.
    bodies = [itertools.cycle(QUERIES[name].encode() for name in names[n:] + names[:n]) for n in range(len(names))]
    await asyncio.gather(
        *(attacker(port, bodies[n % len(names)], statuses, end, manner == "bursts") for n in range(attackers))
    )
    return statuses


async def phase(port: int, seconds: float, sizes: Callable[[], float]) -> tuple[dict[str, Felt], float]:
    """What ordinary callers feel, and the most memory that is in use meanwhile."""
    end = time.monotonic() + seconds
    felt = {"/api/in-force": Felt(), "/sparql": Felt()}
    most = 0.0

    async def watch() -> None:
        nonlocal most
        while time.monotonic() < end:
            most = max(most, sizes())
            await asyncio.sleep(0.5)

    await asyncio.gather(
        callers(port, API, felt["/api/in-force"], end), callers(port, SPARQL, felt["/sparql"], end), watch()
    )
    return felt, most


API, SPARQL = questions(), queries()


def resident(root: int) -> float:
    """Megabytes that a process and its children hold."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(stat.parent.name) == root or int(fields[1]) == root:
                total += int((stat.parent / "statm").read_text().split()[1]) * 4096 / 1e6
        except OSError:
            continue
    return total


def cpu(pid: int) -> float:
    """Seconds of processor that a process has used, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def alone(port: int, query: str) -> tuple[int, str, float]:
    """Status, limit and seconds of one query that nothing disturbs."""
    request = urllib.request.Request(
        f"http://{HOST}:{port}/sparql", query.encode(), {"Content-Type": "application/sparql-query"}
    )
    start = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            told, status = answer.read().decode(), answer.status
    except urllib.error.HTTPError as error:
        told, status = error.read().decode(), error.code
    limit = told.partition('"limit":"')[2].partition('"')[0] or (
        told.partition("problems#")[2].partition('"')[0] if status >= 400 else "answered"
    )
    return status, limit, time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=12)
    parser.add_argument("--attackers", type=int, default=200)
    parser.add_argument("--manner", choices=("steady", "bursts", "crashes"), default="steady")
    parser.add_argument("--attack", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        print(json.dumps(asyncio.run(attack(options.attack, options.seconds, options.attackers, options.manner))))
        return
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
        probe.close()
        command = [
            sys.executable,
            "-m",
            "inforce.cli",
            "--builds",
            folder,
            "serve",
            "--port",
            str(port),
            "--log",
            "error",
        ]
        environment = {**os.environ, "INFORCE_QUERY_SECONDS": str(LIMIT)}
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as server:
            try:
                report(port, server, options)
            finally:
                server.terminate()
                server.wait(30)


def report(port: int, server: subprocess.Popen[bytes], options: argparse.Namespace) -> None:
    while True:
        try:
            alone(port, "ASK {}")
            break
        except OSError:
            if server.poll() is not None:
                raise SystemExit("the service does not start") from None
            time.sleep(0.2)
    used = ", ".join(f"{name} {version(name)}" for name in ("inforce", "pyoxigraph"))
    print(f"{used}, Python {platform.python_version()}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"time limit {LIMIT} s, other limits as they are by default\n")
    print("| query | status | why | seconds |\n|---|---|---|---|")
    for name, query in QUERIES.items():
        status, why, seconds = alone(port, query)
        print(f"| {name} | {status} | {why} | {seconds:.2f} |")
    sizes = partial(resident, server.pid)
    before, calm = asyncio.run(phase(port, options.seconds, sizes))
    # A process of its own, so that it does not delay those who measure.
    command = [sys.executable, __file__, "--attack", str(port)]
    command += ["--seconds", str(options.seconds + 2), "--attackers", str(options.attackers)]
    command += ["--manner", options.manner]
    with subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=lambda: os.nice(10)) as hostile:
        time.sleep(1)
        spent = cpu(server.pid)
        during, peak = asyncio.run(phase(port, options.seconds, sizes))
        spent = (cpu(server.pid) - spent) / options.seconds
        statuses = Counter({int(k): v for k, v in json.loads(hostile.communicate(timeout=60)[0]).items()})
    time.sleep(2)
    after, settled = asyncio.run(phase(port, options.seconds / 3, sizes))
    print("\n| caller | p50, p95 before, ms | during | after | p95 during / before | statuses during |")
    print("|---|---|---|---|---|---|")
    for name, felt in before.items():
        shown = " | ".join(f"{each[name].p(50):.0f}, {each[name].p(95):.0f}" for each in (before, during, after))
        ratio = during[name].p(95) / felt.p(95)
        print(f"| {name} | {shown} | {ratio:.1f} | {told(during[name].statuses)} |")
    print(f"\n{options.attackers} attackers, {options.seconds} s: {told(statuses)} (0: not answered before the end)")
    print(f"the process that answers used {spent:.0%} of a core during the attack")
    print(f"resident memory of all processes, MB: before {calm:.0f}, at most {peak:.0f}, after {settled:.0f}")


def told(statuses: Counter[int]) -> str:
    return ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))


if __name__ == "__main__":
    main()
