"""The two engines on which every query must give the same rows."""

import json
from typing import Any

import pyoxigraph as ox
from rdflib import Dataset, Graph


def rdflib_graph(quads: bytes) -> Graph:
    """The union of all named graphs as one rdflib graph."""
    dataset = Dataset()
    dataset.parse(data=quads, format="nquads")
    flat = Graph()
    for s, p, o, _ in dataset.quads():
        flat.add((s, p, o))
    return flat


def oxigraph_store(graph: Graph) -> ox.Store:
    store = ox.Store()
    store.load(graph.serialize(format="nt", encoding="utf-8"), format=ox.RdfFormat.N_TRIPLES)
    return store


def bag(results: bytes | None) -> list[str]:
    """The rows of SPARQL results JSON in an order of their own, for comparison as bags."""
    assert results is not None
    return sorted(json.dumps({k: plain(v) for k, v in row.items()}, sort_keys=True)
                  for row in json.loads(results)["results"]["bindings"])  # fmt: skip


def plain(term: dict[str, str]) -> Any:
    """A term without the difference between a plain literal and xsd:string; numbers and moments by value."""
    datatype = term.get("datatype", "").rsplit("#", 1)[-1]
    if datatype == "dateTime":
        return [term["value"].replace("+00:00", "Z"), "", datatype]
    if datatype in ("integer", "decimal", "double"):
        return float(term["value"])
    return [term["value"], term.get("xml:lang", ""), "" if datatype == "string" else datatype]


def on_rdflib(graph: Graph, sparql: str) -> list[str]:
    return bag(graph.query(sparql).serialize(format="json"))


def triples(lines: bytes | None) -> list[str]:
    """Triples in an order of their own, for comparison as sets."""
    found = json.loads(Graph().parse(data=lines or b"", format="nt").query(
        "SELECT ?s ?p ?o WHERE { ?s ?p ?o }").serialize(format="json") or b"")["results"]["bindings"]  # fmt: skip
    return sorted(json.dumps({k: plain(v) for k, v in row.items()}, sort_keys=True) for row in found)


def graph_on_rdflib(graph: Graph, sparql: str) -> list[str]:
    found = graph.query(sparql).graph
    assert found is not None
    return triples(found.serialize(format="nt", encoding="utf-8"))


def on_oxigraph(store: ox.Store, sparql: str) -> list[str]:
    solutions = store.query(sparql)
    assert isinstance(solutions, ox.QuerySolutions)
    return bag(solutions.serialize(format=ox.QueryResultsFormat.JSON))
