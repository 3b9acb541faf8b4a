"""The stores that answer queries: the embedded one, and any SPARQL 1.1 endpoint.

Answers travel as W3C SPARQL results JSON (SELECT) and N-Triples (CONSTRUCT), the forms every engine speaks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pyoxigraph as ox
from SPARQLWrapper import JSON, POST, TURTLE, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import QueryBadFormed, SPARQLWrapperException

from inforce.model import InforceError

Manifest = dict[str, Any]


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
    """An Oxigraph store in memory, loaded from one build."""

    def __init__(self, quads: bytes, version: str) -> None:
        self._store = ox.Store()
        self._store.bulk_load(quads, format=ox.RdfFormat.N_QUADS)
        self._store.optimize()
        self._version = version

    @classmethod
    def open(cls, build: Path) -> Embedded:
        """The store of a build folder. Raises InforceError where there is no build."""
        return cls(_read(build / "inforce.nq"), manifest(build)["version"])

    @property
    def version(self) -> str:
        return self._version

    def query(
        self, query: str, default: Sequence[str] = (), named: Sequence[str] = ()
    ) -> ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples:
        """Any query; over the union of all named graphs unless the protocol names a dataset.

        Raises SyntaxError for what is no SPARQL, ValueError for a graph name that is no IRI.
        """
        if default or named:
            return self._store.query(
                query,
                default_graph=[ox.NamedNode(name) for name in default],
                named_graphs=[ox.NamedNode(name) for name in named],
            )
        return self._store.query(query, use_default_graph_as_union=True)

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


class Remote:
    """Any SPARQL 1.1 endpoint that holds a build. Its methods raise Unavailable when it does not answer."""

    def __init__(self, endpoint: str, timeout: int = 60) -> None:
        self.endpoint, self._timeout = endpoint, timeout

    def _run(self, query: str, form: str) -> bytes:
        client = SPARQLWrapper(self.endpoint)
        client.setMethod(POST)
        client.setTimeout(self._timeout)
        client.setReturnFormat(form)
        client.setQuery(query)
        try:
            answer: bytes = client.query().response.read()
        except QueryBadFormed as error:
            raise InforceError(f"{self.endpoint} refuses a query: {' '.join(str(error).split())[:200]}") from error
        except (OSError, SPARQLWrapperException) as error:
            raise Unavailable(f"{self.endpoint} does not answer: {' '.join(str(error).split())[:200]}") from error
        return answer

    @property
    def version(self) -> str:
        """The version that the endpoint's own dataset description gives."""
        rows = json.loads(
            self.select("SELECT ?v WHERE { <https://w3id.org/inforce/dataset> <http://www.w3.org/ns/dcat#version> ?v }")
        )["results"]["bindings"]
        if len(rows) != 1:
            raise InforceError(f"{self.endpoint}: holds no build of inforce, or more than one")
        version: str = rows[0]["v"]["value"]
        return version

    def select(self, query: str) -> bytes:
        return self._run(query, JSON)

    def construct(self, query: str) -> bytes:
        triples = ox.parse(self._run(query, TURTLE), format=ox.RdfFormat.TURTLE)
        return ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES) or b""

    def ask(self, query: str) -> bool:
        return bool(json.loads(self._run(query, JSON))["boolean"])
