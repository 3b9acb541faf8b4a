"""Puts a build into a SPARQL endpoint, graph by graph, and checks what arrived.

The graph that names the version goes first and comes last: an endpoint that is half loaded claims no version, and a
service in front of it answers 503 meanwhile.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from inforce import void
from inforce.model import BASE, InforceError
from inforce.remote import Connection, Remote

GRAPHS = BASE + "graph/"
DATASET = GRAPHS + "dataset"  # the graph with the version
HELD = 64_000_000  # bytes that wait to be sent at most
CHECKED = 100_000  # rows that an endpoint must give at once, if the build has as many


class Target(Protocol):
    """Where graphs are written to, at most `part` triples at a time. To do the same again changes nothing."""

    part: int

    def replace(self, graph: str, triples: Sequence[bytes]) -> None:
        """Let a graph consist of lines of N-Triples."""
        ...

    def add(self, graph: str, triples: Sequence[bytes]) -> None:
        """Add lines of N-Triples to a graph."""
        ...

    def drop(self, graph: str) -> None:
        """Remove a graph; one that is not there is no error."""
        ...


class GraphStore:
    """SPARQL 1.1 Graph Store HTTP Protocol."""

    part = 20_000

    def __init__(self, address: str, connection: Connection) -> None:
        self._address, self._connection = address, connection

    def replace(self, graph: str, triples: Sequence[bytes]) -> None:
        self._send("PUT", graph, b"".join(triples))

    def add(self, graph: str, triples: Sequence[bytes]) -> None:
        self._send("POST", graph, b"".join(triples))

    def drop(self, graph: str) -> None:
        self._send("DELETE", graph, None)

    def _send(self, method: str, graph: str, triples: bytes | None) -> None:
        headers = {} if triples is None else {"Content-Type": "application/n-triples"}
        absent = () if triples is not None else (404,)
        self._connection.send(method, self._address, triples, headers, params={"graph": graph}, besides=absent)


class Update:
    """SPARQL 1.1 Update. An engine reads each update as a whole: Virtuoso none of five thousand triples."""

    part = 2_000

    def __init__(self, address: str, connection: Connection) -> None:
        self._address, self._connection = address, connection

    def replace(self, graph: str, triples: Sequence[bytes]) -> None:
        self.drop(graph)
        self.add(graph, triples)

    def add(self, graph: str, triples: Sequence[bytes]) -> None:
        self._send(b"INSERT DATA { GRAPH <%b> {\n%b} }" % (graph.encode(), b"".join(triples)))

    def drop(self, graph: str) -> None:
        self._send(b"DROP SILENT GRAPH <%b>" % graph.encode())

    def _send(self, update: bytes) -> None:
        self._connection.send("POST", self._address, update, {"Content-Type": "application/sparql-update"})


def load(quads: Path, version: str, remote: Remote, target: Target, done: Callable[[int], None]) -> dict[str, int]:
    """Make an endpoint hold the build of a version, and nothing else below graph/; answers its graphs, counted.

    `done` is told how many bytes have been read. Raises InforceError where the endpoint does not hold it afterwards.
    """
    before = _held(remote)
    target.drop(DATASET)
    expected, named = _put(quads, target, done)
    for graph in before.keys() - expected.keys() - {DATASET}:
        target.drop(graph)
    _check(remote, expected)
    target.replace(DATASET, named)
    if (found := remote.version) != version:
        raise InforceError(f"{remote.endpoint} says that it holds {found}, not {version}: does another load go on?")
    return {**expected, DATASET: len(named)}


def _put(quads: Path, target: Target, done: Callable[[int], None]) -> tuple[Counter[str], list[bytes]]:
    """Puts all graphs but that with the version; answers how many triples each has, and those of that one."""
    sent: Counter[str] = Counter()
    waiting: dict[str, list[bytes]] = {}
    named: list[bytes] = []
    held = read = 0

    def send(graph: str) -> None:
        triples = waiting.pop(graph)
        (target.add if sent[graph] else target.replace)(graph, triples)
        sent[graph] += len(triples)

    with quads.open("rb") as file:
        for line in file:
            read += len(line)
            triple, _, name = line.removesuffix(b"> .\n").rpartition(b" <")
            graph, triple = name.decode(), triple + b" .\n"
            if graph == DATASET:
                named.append(triple)
                continue
            held += len(line)
            waiting.setdefault(graph, []).append(triple)
            full = [graph] if len(waiting[graph]) >= target.part else list(waiting) if held > HELD else []
            for each in full:
                held -= sum(map(len, waiting[each]))
                send(each)
                done(read)
    for graph in list(waiting):
        send(graph)
    done(read)
    return sent, named


def _held(remote: Remote) -> dict[str, int]:
    """The graphs of builds that an endpoint holds, counted."""
    return {name: count for name, count in void.graphs(remote).items() if name.startswith(GRAPHS)}


def _check(remote: Remote, expected: Counter[str]) -> None:
    """Raises InforceError unless an endpoint holds these graphs, answers from their union, and gives whole answers."""
    found = _held(remote)
    if wrong := sorted(name for name in expected.keys() | found.keys() if expected[name] != found.get(name, 0)):
        first = f"{wrong[0]} has {found.get(wrong[0], 0)} triples there, {expected[wrong[0]]} here"
        raise InforceError(f"{remote.endpoint} does not hold the build: {first} ({len(wrong)} graphs differ)")
    largest = max(expected, key=lambda name: expected[name])
    rows = min(expected[largest], CHECKED)
    for pattern in (f"GRAPH <{largest}> {{ ?s ?p ?o }}", "?s ?p ?o"):
        answer = json.loads(remote.select(f"SELECT ?s WHERE {{ {pattern} }} LIMIT {rows}"))["results"]["bindings"]
        if len(answer) != rows:
            raise InforceError(
                f"{remote.endpoint} gives {len(answer)} of {rows} rows: it cuts answers off, "
                "or its default graph is not the union of its graphs (docs/engines.md)"
            )
