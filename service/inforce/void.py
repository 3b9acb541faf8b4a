"""What is in a build, counted: its classes, properties, graphs and links to other data, in terms of VoID.

Counts are made by SPARQL, so that they can be made of any store. Below the partition of a class stand its properties
and, as the generators and editors of SIB have it, the classes and datatypes of what these lead to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rdflib import DCTERMS, FOAF, OWL, RDF, SKOS, VOID, XSD, Graph, Literal, Namespace, URIRef

from inforce.model import BASE
from inforce.store import Store
from inforce.turtle import INF, PREFIXES, Triple, compact

DESCRIPTION = BASE + "void"
DATASET = URIRef(BASE + "dataset")
# VoID itself has no partition by datatype.
VOID_EXT = Namespace(PREFIXES["void-ext"])
# What links a thing of the record to the same, or nearly the same, thing elsewhere.
_LINKS = (OWL.sameAs, SKOS.exactMatch, SKOS.closeMatch, SKOS.broadMatch, SKOS.narrowMatch, SKOS.relatedMatch)
_FILE = "void.nt"  # in the folder of a build, which is counted once
_EXAMPLES = (INF.Measure, INF.Instrument, INF.Material)


def counted(store: Store) -> Iterator[Triple]:
    """The description of what a store holds: totals, partitions, vocabularies, links, examples."""
    yield URIRef(DESCRIPTION), RDF.type, VOID.DatasetDescription
    yield URIRef(DESCRIPTION), DCTERMS.title, Literal("What is in the dataset, counted", "en")
    yield URIRef(DESCRIPTION), FOAF.primaryTopic, DATASET
    yield from _totals(store)
    yield from _classes(store)
    yield from _properties(store, "", "?s ?p ?o")
    yield from _links(store)


def write(store: Store, build: Path) -> None:
    """Count what is in a build and keep that in its folder."""
    lines = sorted(f"{s.n3()} {p.n3()} {o.n3()} .\n" for s, p, o in set(counted(store)))
    (build / _FILE).write_text("".join(lines), encoding="utf-8")


def of(store: Store, build: Path | None) -> Graph:
    """The description of what a store holds, read from the folder of its build where it was counted before."""
    graph = Graph(bind_namespaces="none")
    if build is not None and (build / _FILE).is_file():
        return graph.parse(build / _FILE, format="nt")
    for triple in counted(store):
        graph.add(triple)
    return graph


def graphs(store: Store) -> dict[str, int]:
    """How many triples each named graph holds."""
    return {
        row["g"]: int(row["n"]) for row in _rows(store, "?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g")
    }


def _totals(store: Store) -> Iterator[Triple]:
    yield DATASET, RDF.type, VOID.Dataset
    counts = (
        "(COUNT(*) AS ?triples) (COUNT(DISTINCT ?s) AS ?subjects) (COUNT(DISTINCT ?p) AS ?properties) "
        "(COUNT(DISTINCT ?o) AS ?objects) { ?s ?p ?o }"
    )
    (row,) = _rows(store, counts)
    yield DATASET, VOID.triples, _number(row["triples"])
    yield DATASET, VOID.distinctSubjects, _number(row["subjects"])
    yield DATASET, VOID.distinctObjects, _number(row["objects"])
    yield DATASET, VOID.properties, _number(row["properties"])
    yield DATASET, VOID.uriSpace, Literal(BASE)
    yield DATASET, VOID.uriRegexPattern, Literal("^" + BASE.replace(".", r"\."))
    entities = f'(COUNT(DISTINCT ?s) AS ?n) {{ ?s ?p ?o FILTER (ISIRI(?s) && STRSTARTS(STR(?s), "{BASE}")) }}'
    yield DATASET, VOID.entities, _number(_rows(store, entities)[0]["n"])
    used = "DISTINCT ?term { { ?s ?term ?o } UNION { ?s a ?term } }"
    for space in sorted({_space(row["term"]) for row in _rows(store, used)}):
        yield DATASET, VOID.vocabulary, URIRef(space)
    for cls in _EXAMPLES:
        for row in _rows(store, f"(MIN(STR(?s)) AS ?first) {{ ?s a <{cls}> }}"):
            if "first" in row:
                yield DATASET, VOID.exampleResource, URIRef(row["first"])


def _classes(store: Store) -> Iterator[Triple]:
    found = _rows(store, "?c (COUNT(DISTINCT ?s) AS ?n) { ?s a ?c } GROUP BY ?c")
    yield DATASET, VOID.classes, _number(len(found))
    for row in found:
        part = _part(row["c"])
        yield DATASET, VOID.classPartition, part
        yield part, RDF.type, VOID.Dataset
        yield part, VOID["class"], URIRef(row["c"])
        yield part, VOID.entities, _number(row["n"])
    yield from _properties(store, "?c", "?s a ?c ; ?p ?o")
    for row in _rows(store, "?c ?p ?k (COUNT(*) AS ?n) { ?s a ?c ; ?p ?o . ?o a ?k } GROUP BY ?c ?p ?k"):
        yield from _target(row, VOID.classPartition, VOID["class"])
    # Virtuoso knows no datatype of what is in a language.
    kind = f'IF (LANG(?o) != "", <{RDF.langString}>, DATATYPE(?o))'
    typed = f"?s a ?c ; ?p ?o FILTER (ISLITERAL(?o)) BIND ({kind} AS ?k)"
    for row in _rows(store, f"?c ?p ?k (COUNT(*) AS ?n) {{ {typed} }} GROUP BY ?c ?p ?k"):
        yield from _target(row, VOID_EXT.datatypePartition, VOID_EXT.datatype)


def _properties(store: Store, by: str, where: str) -> Iterator[Triple]:
    """The partition by property of each class, or of the dataset where none is meant."""
    counts = "(COUNT(*) AS ?n) (COUNT(DISTINCT ?s) AS ?subjects) (COUNT(DISTINCT ?o) AS ?objects)"
    for row in _rows(store, f"{by} ?p {counts} {{ {where} }} GROUP BY {by} ?p"):
        whole, part = (_part(row["c"]), _part(row["c"], row["p"])) if by else (DATASET, _part(row["p"]))
        yield whole, VOID.propertyPartition, part
        yield part, RDF.type, VOID.Dataset
        yield part, VOID.property, URIRef(row["p"])
        yield part, VOID.triples, _number(row["n"])
        yield part, VOID.distinctSubjects, _number(row["subjects"])
        yield part, VOID.distinctObjects, _number(row["objects"])


def _target(row: Mapping[str, str], relation: URIRef, of: URIRef) -> Iterator[Triple]:
    """Where a property of a class leads to: the part of its triples whose objects are of one class or datatype."""
    target = _part(row["c"], row["p"], row["k"])
    yield _part(row["c"], row["p"]), relation, target
    yield target, RDF.type, VOID.Dataset
    yield target, of, URIRef(row["k"])
    yield target, VOID.triples, _number(row["n"])


def _links(store: Store) -> Iterator[Triple]:
    """The links to other data, by property and by the namespace to which they lead."""
    listed = " ".join(f"<{p}>" for p in _LINKS)
    count: dict[tuple[str, str], int] = {}
    for row in _rows(store, f"?p ?o {{ VALUES ?p {{ {listed} }} ?s ?p ?o }}"):
        if not row["o"].startswith(BASE):
            key = (row["p"], _space(row["o"]))
            count[key] = count.get(key, 0) + 1
    for (p, space), number in sorted(count.items()):
        links, other = _part(p, space), _part(space)
        yield links, RDF.type, VOID.Linkset
        yield DATASET, VOID.subset, links
        yield links, VOID.linkPredicate, URIRef(p)
        yield links, VOID.subjectsTarget, DATASET
        yield links, VOID.objectsTarget, other
        yield links, VOID.triples, _number(number)
        yield other, RDF.type, VOID.Dataset
        yield other, VOID.uriSpace, Literal(space)


def _space(iri: str) -> str:
    """The namespace of an IRI: what stands before its last part."""
    return iri[: max(iri.rfind("/"), iri.rfind("#")) + 1]


def _part(*iris: str) -> URIRef:
    """The name of a part of the dataset, made of the terms that make it up."""
    return URIRef(f"{DESCRIPTION}#{'-'.join(_short(iri) for iri in iris)}")


def _short(iri: str) -> str:
    short = compact(iri)
    return short.replace(":", ".").rstrip(".") if short != iri else hashlib.sha256(iri.encode()).hexdigest()[:8]


def _number(value: str | int) -> Literal:
    return Literal(str(value), datatype=XSD.integer)


def _rows(store: Store, select: str) -> list[dict[str, str]]:
    found: list[dict[str, Any]] = json.loads(store.select(f"SELECT {select}"))["results"]["bindings"]
    return [{name: cell["value"] for name, cell in row.items()} for row in found]
