"""The pages of the catalogue and of the cookbook: each query with what it asks, ready to be asked."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from rdflib import DCTERMS, RDF, RDFS, URIRef

from inforce.catalogue import Query, slug
from inforce.examples import COOKBOOK, QUESTIONS, SCHEMA, SH
from inforce.service import Service
from inforce.web.description import describe, index


def catalogue(service: Service) -> dict[str, Any]:
    """All questions, and the recipes of the cookbook."""
    recipes = [{"iri": iri, **recipe(service, iri)} for iri in index(service).members(COOKBOOK.rstrip("/"))]
    return {"queries": [(query, example(query)) for query in service.queries.values()], "recipes": recipes}


def question(service: Service, iri: str) -> dict[str, Any]:
    """One question."""
    query = service.queries[iri.removeprefix(QUESTIONS)]
    return {"query": query, "example": example(query), "slug": slug, "ask": urlencode({"query": query.sparql})}


def recipe(service: Service, iri: str) -> dict[str, Any]:
    """One recipe of the cookbook, as the store has it."""
    graph, this = describe(service, iri), URIRef(iri)
    form = "select" if (this, RDF.type, SH.SPARQLSelectExecutable) in graph else "construct"
    text = str(graph.value(this, SH[form]))
    return {
        "summary": graph.value(this, RDFS.comment),
        "description": graph.value(this, DCTERMS.description),
        "keywords": sorted(graph.objects(this, SCHEMA.keywords)),
        "text": text,
        "ask": urlencode({"query": text}),
    }


def example(query: Query) -> str:
    """The query string of a call with the examples of the parameters that are not optional."""
    given = {p.name: slug(p.example) for p in query.parameters.values() if not p.optional}
    return urlencode(given)
