"""What the SPARQL endpoint says of itself (W3C SPARQL 1.1 Service Description)."""

from __future__ import annotations

from fastapi import Request, Response
from rdflib import DCTERMS, RDF, RDFS, Graph, Literal, Namespace, URIRef

from inforce.model import BASE
from inforce.store import Embedded
from inforce.turtle import empty_graph
from inforce.web.negotiate import choose
from inforce.web.reply import reply

SD = Namespace("http://www.w3.org/ns/sparql-service-description#")
# The media types of the description, and what rdflib calls them.
FORMS = {
    "text/turtle": "turtle",
    "application/ld+json": "json-ld",
    "application/n-triples": "nt",
    "application/rdf+xml": "xml",
}


def description(request: Request) -> Response:
    """The service description (W3C SPARQL 1.1 Service Description)."""
    media = choose(request, list(FORMS))
    graph: Graph = empty_graph()
    graph.bind("sd", SD)
    endpoint, node = URIRef(BASE + "sparql"), URIRef(BASE + "sparql#service")
    dataset = URIRef(BASE + "sparql#dataset")
    graph.add((node, RDF.type, SD.Service))
    graph.add((node, SD.endpoint, endpoint))
    graph.add((node, SD.supportedLanguage, SD.SPARQL11Query))
    graph.add((node, SD.feature, SD.UnionDefaultGraph))
    graph.add((node, RDFS.label, Literal("inforce", lang="en")))
    graph.add((node, DCTERMS.description, Literal("Trade measures in time: query only", lang="en")))
    for results in ("SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV", "Turtle"):
        graph.add((node, SD.resultFormat, URIRef(f"http://www.w3.org/ns/formats/{results}")))
    graph.add((node, SD.defaultDataset, dataset))
    graph.add((dataset, RDF.type, SD.Dataset))
    store = request.app.state.service.store
    for name in sorted(store.graphs() if isinstance(store, Embedded) else ()):
        entry = URIRef(f"{BASE}sparql#{name.removeprefix(BASE + 'graph/')}")
        graph.add((dataset, SD.namedGraph, entry))
        graph.add((entry, RDF.type, SD.NamedGraph))
        graph.add((entry, SD.name, URIRef(name)))
    text = graph.serialize(format=FORMS[media], encoding="utf-8")
    return reply(request, text, media)
