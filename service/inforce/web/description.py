"""What is said of an IRI of the record: which documents there are, and the statements that each of them holds.

A document describes its IRI and everything behind its #, says how others refer to it, and names whatever it mentions.
Nothing here depends on the day on which it is asked.
"""

from __future__ import annotations

import difflib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from rdflib import DCTERMS, RDF, RDFS, SKOS, XSD, BNode, Graph, Literal, Namespace, URIRef
from rdflib.compare import to_canonical_graph
from rdflib.term import Node

from inforce import dataset, void
from inforce.catalogue import serialise
from inforce.examples import QUESTIONS
from inforce.model import BASE, NS
from inforce.record import root
from inforce.service import Service, remembered
from inforce.turtle import ELI, INF, PREFIXES, canonical, empty_graph
from inforce.web.jsonld import json_ld

DCAT = Namespace(PREFIXES["dcat"])
SCHEMA = Namespace(PREFIXES["schema"])
VOCABULARY = NS.removesuffix("#")
SHAPES = BASE + "shapes"
DATASET = str(dataset.DATASET)
VOID = void.DESCRIPTION
GRAPHS = BASE + "graph/"
NAMES = (SKOS.prefLabel, RDFS.label, DCTERMS.title, ELI.number, INF.summary)

_PROLOGUE = "".join(f"PREFIX {prefix}: <{namespace}>\n" for prefix, namespace in PREFIXES.items())
# What belongs to a description besides the statements on its own subjects: patterns that bind ?s ?p ?o around ?this.
_AROUND: Mapping[str, tuple[str, ...]] = {
    "measure": (
        "?this inf:item ?s . ?s ?p ?o",
        "?s inf:affects ?this . ?s ?p ?o FILTER (?p != inf:affects || ?o = ?this)",
        "?e inf:affects ?this ; inf:clause ?s . ?s ?p ?o",
        "?e inf:affects ?this ; prov:hadPrimarySource ?s . ?s ?p ?o",
        "?s dcterms:isReplacedBy ?this . ?s ?p ?o",
    ),
    "instrument": (
        "?o eli:is_part_of+ ?this . VALUES ?p { inf:establishedBy } ?s ?p ?o",
        "?s ?p ?this FILTER (?p IN (eli:changes, eli:based_on, inf:about)) BIND (?this AS ?o)",
        "?s dcterms:isReplacedBy ?this . ?s ?p ?o",
    ),
}
_REFERRING = (
    "?s ?p ?this FILTER (?p != inf:within) BIND (?this AS ?o)",
    "?o inf:material ?this . VALUES ?p { inf:item } ?s ?p ?o",
)


@dataclass(frozen=True, slots=True)
class Index:
    """The documents of a build, each with its subjects, and the IRIs that another document answers for.

    `versions` are the versions of the vocabulary; `former` has for each name that was given up the present one, if
    there is one, and why.
    """

    documents: Mapping[str, tuple[str, ...]]
    elsewhere: Mapping[str, str]
    versions: Mapping[str, str]
    former: Mapping[str, tuple[str | None, str]]

    def collections(self) -> list[str]:
        """The documents that list all of one kind."""
        return sorted(iri for iri in self.documents if is_collection(iri))

    def members(self, collection: str) -> list[str]:
        """The documents that a collection lists."""
        return sorted(iri for iri in self.documents if iri.startswith(collection + "/"))

    def nearest(self, iri: str) -> list[str]:
        """Up to three documents whose names come near, of the same kind where there are any."""
        same = [known for known in self.documents if kind_of(known) == kind_of(iri)]
        names = {known.removeprefix(BASE).lower(): known for known in same or self.documents}
        wanted = iri.removeprefix(BASE).lower()
        last = wanted.rpartition("/")[2]
        close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
        close += [name for name in sorted(names) if last and last in name and name not in close]
        return [names[name] for name in close[:3]]


def kind_of(iri: str) -> str:
    """The first part of the path of an IRI of the record: measure, instrument, material, …"""
    return iri.removeprefix(BASE).partition("/")[0]


def is_collection(iri: str) -> bool:
    """Whether an IRI is that of a list of all of one kind."""
    return "/" not in iri.removeprefix(BASE) and iri not in (VOCABULARY, SHAPES, DATASET, VOID)


@remembered()
def index(service: Service) -> Index:
    """The documents of the build of a service."""
    subjects: dict[str, list[str]] = defaultdict(list)
    for (node,) in select(service, f'?s {{ ?s ?p ?o FILTER (ISIRI(?s) && STRSTARTS(STR(?s), "{BASE}")) }}', "s"):
        subjects[str(node).partition("#")[0]].append(str(node))
    for graph in void.graphs(service.store):  # Virtuoso does not end where all names of graphs are asked for alone
        subjects.setdefault(graph, [])
    for question in service.queries:  # also where an older build is asked that does not describe it
        subjects.setdefault(QUESTIONS + question, [])
    former: dict[str, tuple[str | None, str]] = {}
    why = '?s ?r { ?s a inf:FormerName ; inf:reason ?r FILTER (LANG(?r) = "en") }'
    for name, reason in select(service, why, "s", "r"):
        former[str(name)] = None, str(reason)
    for name, present in select(service, "?s ?n { ?s a inf:FormerName ; dcterms:isReplacedBy ?n }", "s", "n"):
        former[str(name)] = str(present), former[str(name)][1]
    for given_up in former:
        del subjects[given_up]
    kinds = {kind_of(iri) for iri in subjects if "/" in iri.removeprefix(BASE)} - {"ns"}
    documents = {iri: tuple(sorted(subjects[iri])) for iri in sorted(subjects)}
    documents |= {BASE + kind: () for kind in sorted(kinds)} | {SHAPES: (), DATASET: (DATASET,), VOID: (VOID,)}
    elsewhere = {str(rule): SHAPES for rule in set(shapes().subjects()) if isinstance(rule, URIRef)}
    found = select(service, "?v ?s { ?s owl:versionIRI ?v }", "v", "s")
    versions = {str(version): str(vocabulary) for version, vocabulary in found}
    return Index(documents, elsewhere, versions, former)


def describe(service: Service, iri: str) -> Graph:
    """A description of an IRI that stands by itself. Raises KeyError where there is no document of that name."""
    subjects = index(service).documents[iri]
    if iri == SHAPES:
        return graph_of(_shapes())
    if iri == VOID:
        access = dataset.access(service.manifest["version"], service.downloads)
        return graph_of({*void.of(service.store, service.folder), *access})
    found: set[tuple[Node, ...]] = set()
    if iri.startswith(GRAPHS):
        return graph_of(select(service, f"?s ?p ?o {{ GRAPH {_terms([iri])} {{ ?s ?p ?o }} }}", "s", "p", "o"))
    if is_collection(iri):
        members = index(service).members(iri)
        found |= _about(service, members, (RDF.type, *NAMES))
    else:
        found |= _about(service, subjects)
        if iri != VOCABULARY:
            for pattern in _AROUND.get(kind_of(iri), _REFERRING):
                where = f"?s ?p ?o {{ VALUES ?this {{ {_terms([iri])} }} {pattern} }}"
                found |= set(select(service, where, "s", "p", "o"))
    if iri == DATASET:
        found |= set(dataset.described(service.store, service.manifest, service.downloads, service.kept))
    named = {s for s, p, _ in found if p in NAMES}
    nodes = {node for s, _, o in found for node in (s, o) if isinstance(node, URIRef) and node.startswith(BASE)}
    return graph_of(found | _about(service, sorted(str(node) for node in nodes - named), NAMES))


def in_graphs(service: Service, graph: Graph) -> dict[str, Graph]:
    """The statements of a description by the named graph of the build in which they stand, the others under ""."""
    terms = _terms(sorted({str(s) for s in graph.subjects() if isinstance(s, URIRef)}))
    where = f"?g ?s ?p ?o {{ GRAPH ?g {{ VALUES ?s {{ {terms} }} ?s ?p ?o }} }}"
    placed: dict[str, set[tuple[Node, ...]]] = defaultdict(set)
    left: set[tuple[Node, ...]] = set(graph)
    for name, s, p, o in select(service, where, "g", "s", "p", "o"):
        if (s, p, o) in graph:
            placed[str(name)].add((s, p, o))
            left.discard((s, p, o))
    return {name: graph_of(triples) for name, triples in sorted({**placed, "": left}.items()) if triples}


def serialised(service: Service, iri: str, media: str) -> bytes:
    """The description of an IRI in an RDF format. Raises KeyError where there is no document of that name."""
    return _serialised(service, iri, media)


@remembered(512)
def _serialised(service: Service, iri: str, media: str) -> bytes:
    if iri == SHAPES and media == "text/turtle":  # as they were written
        return b"\n".join(file.read_bytes() for file in sorted((root() / "shapes").glob("*.ttl")))
    return written(service, iri, describe(service, iri), media)


def written(service: Service, iri: str, graph: Graph, media: str) -> bytes:
    """A description, or a part of one, in an RDF format."""
    inside = iri != VOCABULARY and any(str(s).startswith(iri + "#") for s in graph.subjects())
    this = iri + "#" if inside else None
    match media:
        case "text/turtle":
            return canonical(graph, this).encode()
        case "application/trig":
            return _trig(in_graphs(service, graph), this)
        case "application/ld+json":
            return json_ld(graph, iri)
        case "application/n-triples":
            return _sorted_lines(graph.serialize(format="nt"))
        case "application/rdf+xml":
            return graph.serialize(format="xml", encoding="utf-8")
    raise ValueError(f"{media} is no RDF format of this service")


def _trig(graphs: Mapping[str, Graph], this: str | None) -> bytes:
    """Graphs as TriG: their canonical Turtle, with one head, each in its own braces."""
    head: set[str] = set()
    blocks = []
    for name, graph in graphs.items():
        lines = canonical(graph, this).splitlines()
        head |= {line for line in lines if line.startswith("@prefix ")}
        body = "\n".join(line for line in lines if not line.startswith("@prefix ")).strip()
        blocks.append(f"<{name}> {{\n{body}\n}}" if name else body)
    return ("\n".join(sorted(head)) + "\n\n" + "\n\n".join(blocks) + "\n").encode()


@lru_cache(maxsize=1)
def shapes() -> Graph:
    """All rules of the record."""
    graph = empty_graph()
    for file in sorted((root() / "shapes").glob("*.ttl")):
        graph.parse(file, format="turtle")
    return graph


@lru_cache(maxsize=1)
def _shapes() -> list[tuple[Node, ...]]:
    """The statements of the rules, with names for their blank nodes that are the same in every process."""
    return list(to_canonical_graph(shapes()))


def _sorted_lines(text: str) -> bytes:
    return "".join(sorted(line for line in text.splitlines(keepends=True) if line.strip())).encode()


def _about(service: Service, subjects: Iterable[str], predicates: Iterable[Node] = ()) -> set[tuple[Node, ...]]:
    """The statements on some subjects, all or those with certain predicates."""
    listed = list(subjects)
    if not listed:
        return set()
    only = f"VALUES ?p {{ {_terms(str(p) for p in predicates)} }} " if predicates else ""
    return set(select(service, f"?s ?p ?o {{ VALUES ?s {{ {_terms(listed)} }} {only}?s ?p ?o }}", "s", "p", "o"))


def _terms(iris: Iterable[str]) -> str:
    return " ".join(serialise(URIRef(iri)) for iri in iris)


def select(service: Service, where: str, *names: str) -> Iterator[tuple[Node, ...]]:
    """The distinct rows of a query over the build, as terms in the spelling of the store."""
    answer = json.loads(service.store.select(f"{_PROLOGUE}SELECT DISTINCT {where}"))
    for row in answer["results"]["bindings"]:
        yield tuple(_term(row[name]) for name in names)


def _term(cell: Mapping[str, str]) -> Node:
    if cell["type"] == "uri":
        return URIRef(cell["value"])
    if cell["type"] == "bnode":
        return BNode(cell["value"])
    datatype, text = cell.get("datatype"), cell["value"]
    if datatype == str(XSD.decimal) and "." not in text:  # Turtle writes 10.0; so that all forms spell it alike
        text += ".0"
    return Literal(text, cell.get("xml:lang"), URIRef(datatype) if datatype else None, normalize=False)


def graph_of(triples: Iterable[tuple[Node, ...]]) -> Graph:
    # This store keeps the order of insertion, the default one has none that two processes share.
    graph = Graph("SimpleMemory", bind_namespaces="none")
    for prefix, namespace in PREFIXES.items():
        graph.bind(prefix, namespace, override=True, replace=True)
    for s, p, o in sorted(triples, key=_place):
        graph.add((s, p, o))
    return graph


def _place(nodes: tuple[Node, ...]) -> tuple[tuple[str, str], ...]:
    """Where a triple or a quad stands in the one order that all processes share."""
    return tuple((str(n), f"{n.language} {n.datatype}" if isinstance(n, Literal) else "") for n in nodes)
