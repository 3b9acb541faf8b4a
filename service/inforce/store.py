"""The stores that answer queries: what they have in common, and the embedded one.

Answers travel as W3C SPARQL results JSON (SELECT) and N-Triples (CONSTRUCT), the forms every engine speaks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pyoxigraph as ox

from inforce.model import InforceError
from inforce.settings import Held

Manifest = dict[str, Any]
FOLDER = "store"  # in a build: its store on disk, once it has been made
LARGE = 1_000_000  # triples; a build of so many is asked on disk unless the settings say otherwise


class Unavailable(InforceError):
    """The store does not answer just now; later it may."""


def manifest(build: Path) -> Manifest:
    """What a build says of itself. Raises InforceError where there is no build."""
    found: Manifest = json.loads(_read(build / "manifest.json"))
    return found


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise InforceError(
            f"{file.parent}: no build here ({file.name} is missing); `inforce build` makes one"
        ) from None


class Store(Protocol):
    """Where a build lies and answers."""

    @property
    def version(self) -> str:
        """The version of the build behind the answers."""
        ...

    def select(self, query: str) -> bytes:
        """The answer of a SELECT query as SPARQL results JSON."""
        ...

    def construct(self, query: str) -> bytes:
        """The answer of a CONSTRUCT query as N-Triples."""
        ...

    def ask(self, query: str) -> bool:
        """The answer of an ASK query."""
        ...


class Embedded:
    """An Oxigraph store of one build: in memory, or on disk, where all processes share it.

    `folder` is that of the build, `opened` what another process must open to answer likewise.
    """

    def __init__(self, store: ox.Store, version: str, folder: Path, opened: Path) -> None:
        self._store, self._version, self.folder, self.opened = store, version, folder, opened

    @classmethod
    def open(cls, build: Path, held: Held = "memory") -> Embedded:
        """The store of a build folder. Raises InforceError where there is no build, or none that can be read."""
        about, quads = manifest(build), build / "inforce.nq"
        try:
            if made := shared(build, held):
                return cls(ox.Store.read_only(str(made)), about["version"], build, made)
            store = ox.Store()
            store.bulk_load(_read(quads), format=ox.RdfFormat.N_QUADS)
            store.optimize()
        except (OSError, SyntaxError) as error:
            raise InforceError(f"{build}: the store of this build cannot be opened: {error}") from error
        return cls(store, about["version"], build, quads)

    @property
    def version(self) -> str:
        return self._version

    def query(
        self, query: str, default: Sequence[str] = (), named: Sequence[str] = ()
    ) -> ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples:
        """Any query; over the union of all graphs unless the protocol names a dataset.

        Raises SyntaxError for what is no SPARQL, ValueError for a graph name that is no IRI.
        """
        if default or named:
            return self._store.query(
                query,
                default_graph=[ox.NamedNode(name) for name in default],
                named_graphs=[ox.NamedNode(name) for name in named],
            )
        # On disk the union is there already, as the default graph.
        return self._store.query(query, use_default_graph_as_union=self.opened.name != FOLDER)

    def graphs(self) -> list[str]:
        """The names of the graphs of the build."""
        return [name.value for name in self._store.named_graphs() if isinstance(name, ox.NamedNode)]

    def select(self, query: str) -> bytes:
        solutions = self.query(query)
        assert isinstance(solutions, ox.QuerySolutions), "a SELECT query is expected"
        return solutions.serialize(format=ox.QueryResultsFormat.JSON) or b""

    def construct(self, query: str) -> bytes:
        triples = self.query(query)
        assert isinstance(triples, ox.QueryTriples), "a CONSTRUCT query is expected"
        return triples.serialize(format=ox.RdfFormat.N_TRIPLES) or b""

    def ask(self, query: str) -> bool:
        return bool(self.query(query))


def shared(build: Path, held: Held) -> Path | None:
    """The folder of a build in which its store lies, if it is to be held on disk.

    It is made now if that has not been done – once, however many processes ask. Its default graph is the union of all
    named graphs. Raises OSError where it cannot be written.
    """
    if held == "auto":
        held = "disk" if manifest(build)["counts"]["triples"] >= LARGE else "memory"
    made = build / FOLDER
    if held == "memory":
        return None
    if made.is_dir():
        return made
    import fcntl  # not everywhere; but neither are several processes

    with (build / f".{FOLDER}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.is_dir():
            # A process of its own: this one may have requests to answer.
            path = os.pathsep.join(part for part in sys.path if part)
            command = [sys.executable, "-P", "-m", "inforce.ondisk", str(build)]
            done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.PIPE, text=True)
            if done.returncode != 0:
                raise OSError(f"{made} cannot be written: {done.stderr.strip().rpartition(chr(10))[2]}")
    return made
