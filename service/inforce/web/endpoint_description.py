"""What the SPARQL endpoint says of itself: W3C SPARQL 1.1 Service Description, with the counts of VoID."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pyoxigraph as ox
from fastapi import Request, Response
from rdflib import DCTERMS, RDF, RDFS, VOID, XSD, Literal, Namespace, URIRef

from inforce import dumps, void
from inforce.dataset import DATASET, ENDPOINT, LICENCE
from inforce.model import BASE
from inforce.service import Service, remembered
from inforce.store import Store
from inforce.turtle import Triple
from inforce.web.documents import address
from inforce.web.negotiate import GRAPHS, RESULTS, choose
from inforce.web.reply import reply

SD = Namespace("http://www.w3.org/ns/sparql-service-description#")
_SERVICE, _DATASET = URIRef(ENDPOINT + "#service"), URIRef(ENDPOINT + "#dataset")
# The media types of the description.
FORMS = ("text/turtle", "application/ld+json", "application/n-triples", "application/rdf+xml")
# What the W3C calls the media types of answers (https://www.w3.org/ns/formats/).
_FORMATS: Mapping[str, str] = {
    "application/sparql-results+json": "SPARQL_Results_JSON",
    "application/sparql-results+xml": "SPARQL_Results_XML",
    "text/csv": "SPARQL_Results_CSV",
    "text/tab-separated-values": "SPARQL_Results_TSV",
    "text/turtle": "Turtle",
    "application/ld+json": "JSON-LD",
    "application/n-triples": "N-Triples",
    "application/rdf+xml": "RDF_XML",
    "application/trig": "TriG",
}


def description(request: Request) -> Response:
    """The service description, in the form that the request wants."""
    media, wanted = choose(request, FORMS), request.app.state.settings
    limits = (
        f"Within {wanted.query_seconds:g} seconds, {wanted.query_memory} MiB of memory and {wanted.query_answer} MB of "
        f"answer, for queries of up to {wanted.query_length} kB. SERVICE is closed: this endpoint asks no other."
    )
    return reply(request, _serialised(request.state.service, address(request, "/sparql"), limits, media), media)


@remembered(16)
def _serialised(service: Service, here: str, limits: str, media: str) -> bytes:
    triples = set(described(service.store, here, void.of(service.store, service.folder), limits))
    lines = "".join(sorted(f"{s.n3()} {p.n3()} {o.n3()} .\n" for s, p, o in triples))
    form = ox.RdfFormat.from_media_type(media)
    assert form is not None, "each of FORMS is one of Oxigraph's"
    return dumps.written((quad.triple for quad in ox.parse(lines, format=ox.RdfFormat.N_TRIPLES)), form)


def described(store: Store, here: str, counted: Iterable[Triple], limits: str) -> Iterator[Triple]:
    """The endpoint in front of a store: what `counted` says of its content, the forms of its answers, its limits.

    It has the address at which it is asked besides the one that stays: the W3C wants to find it there. It neither
    fetches the graphs that a query names nor extends the language.
    """
    yield _SERVICE, RDF.type, SD.Service
    yield _SERVICE, RDFS.label, Literal("inforce", "en")
    yield _SERVICE, DCTERMS.description, Literal(f"Trade measures in time: query only. {limits}", "en")
    yield _SERVICE, DCTERMS.license, LICENCE
    yield from ((_SERVICE, SD.endpoint, each) for each in (ENDPOINT, URIRef(here)))
    yield _SERVICE, SD.supportedLanguage, SD.SPARQL11Query
    yield _SERVICE, SD.feature, SD.UnionDefaultGraph
    for media in {*RESULTS.values(), *GRAPHS.values()} - {"text/html"}:
        yield _SERVICE, SD.resultFormat, URIRef("http://www.w3.org/ns/formats/" + _FORMATS[media])
    yield _SERVICE, SD.defaultDataset, _DATASET
    yield _DATASET, RDF.type, SD.Dataset
    yield _DATASET, SD.defaultGraph, DATASET
    yield DATASET, RDF.type, SD.Graph
    yield from counted
    for name, number in sorted(void.graphs(store).items()):
        entry = URIRef(f"{ENDPOINT}#{name.removeprefix(BASE + 'graph/')}")
        content = URIRef(f"{entry}-content")
        yield _DATASET, SD.namedGraph, entry
        yield entry, RDF.type, SD.NamedGraph
        yield entry, SD.name, URIRef(name)
        yield entry, SD.graph, content
        yield content, RDF.type, SD.Graph
        yield content, RDF.type, VOID.Dataset
        yield content, VOID.triples, Literal(str(number), datatype=XSD.integer)
