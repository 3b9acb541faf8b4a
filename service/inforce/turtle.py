"""The canonical Turtle of the record: one order of everything, so that a diff shows a change of meaning."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from rdflib import DCTERMS, PROV, RDF, RDFS, SKOS, XSD, Graph, Namespace, URIRef
from rdflib.namespace import OWL
from rdflib.plugins.serializers.turtle import TurtleSerializer
from rdflib.term import Node

from inforce.model import BASE, NS, natural

Triple = tuple[Node, Node, Node]

INF = Namespace(NS)
ELI = Namespace("http://data.europa.eu/eli/ontology#")
PREFIXES: dict[str, str] = {
    "inf": NS,
    **{
        name: f"{BASE}{name}/"
        for name in ("instrument", "measure", "material", "kind", "country", "actor", "entity", "doctype", "scheme")
    },
    "eli": str(ELI),
    "jolux": "http://data.legilux.public.lu/resource/ontology/jolux#",
    "dcterms": str(DCTERMS),
    "owl": str(OWL),
    "prov": str(PROV),
    "rdf": str(RDF),
    "rdfs": str(RDFS),
    "skos": str(SKOS),
    "xsd": str(XSD),
    "org": "http://www.w3.org/ns/org#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "void": "http://rdfs.org/ns/void#",
    "void-ext": "http://ldf.fi/void-ext#",
    "spdx": "http://spdx.org/rdf/terms#",
    "schema": "https://schema.org/",
    "sh": "http://www.w3.org/ns/shacl#",
    "tree": "https://w3id.org/tree#",
    "ldes": "https://w3id.org/ldes#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "vann": "http://purl.org/vocab/vann/",
    "wd": "http://www.wikidata.org/entity/",
}

_CLASS_ORDER = [
    OWL.Ontology,
    SKOS.ConceptScheme,
    INF.State,
    INF.Instrument,
    INF.Provision,
    INF.Effect,
    INF.Announcement,
    INF.Measure,
    INF.Listing,
    INF.Item,
    INF.Source,
]
_PREDICATE_ORDER = [
    RDF.type,
    DCTERMS.title,
    SKOS.prefLabel,
    RDFS.label,
    DCTERMS.bibliographicCitation,
    ELI.is_part_of,
    ELI.number,
    ELI.type_document,
    ELI.passed_by,
    ELI.jurisdiction,
    ELI.date_document,
    ELI.date_publication,
    INF.madePublic,
    INF.clause,
    INF.effectType,
    INF.target,
    INF.extends,
    INF["from"],
    INF.untilInclusive,
    INF.until,
    INF.rate,
    INF.terms,
    INF.kind,
    INF.imposedBy,
    INF.flow,
    INF.appliesTo,
    INF.material,
    INF.form,
    INF.summary,
]


def compact(iri: str) -> str:
    """An IRI of a known vocabulary with its prefix: eli:changes."""
    space = max((n for n in PREFIXES.values() if iri.startswith(n)), key=len, default="")
    prefix = next((p for p, n in PREFIXES.items() if n == space), None)
    return f"{prefix}:{iri.removeprefix(space)}" if prefix else iri


def empty_graph() -> Graph:
    """A graph that knows the record's prefixes and no others."""
    graph = Graph(bind_namespaces="none")
    for prefix, namespace in PREFIXES.items():
        graph.bind(prefix, namespace, override=True, replace=True)
    return graph


def canonical(graph: Graph, this: str | None = None) -> str:
    """The canonical text of a graph without blank nodes; `this` is the namespace behind the prefix `this:`."""
    bound = empty_graph()
    if this is not None:
        bound.bind("this", this, override=True, replace=True)
    bound += graph
    out = BytesIO()
    _Serializer(bound).serialize(out, encoding="utf-8")
    return out.getvalue().decode().strip() + "\n"


class _Serializer(TurtleSerializer):
    """rdflib's Turtle with subjects in a reader's order: the act, its clauses, effects, measures, items, sources."""

    predicateOrder = _PREDICATE_ORDER  # noqa: N815 - rdflib's name

    def orderSubjects(self) -> list[Any]:  # noqa: N802 - rdflib's name
        rank = {cls: n for n, cls in enumerate(_CLASS_ORDER)}

        def key(subject: Any) -> tuple[int, list[tuple[int, str]]]:
            classes = self.store.objects(subject, RDF.type)
            return min((rank.get(c, len(rank)) for c in classes if isinstance(c, URIRef)), default=99), natural(
                str(subject)
            )

        return sorted(set(self.store.subjects()), key=key)
