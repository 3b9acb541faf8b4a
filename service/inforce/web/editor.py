"""The page on which people write queries, and what its editor completes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from babel.messages.extract import extract_from_file
from fastapi import APIRouter, Request, Response
from rdflib import OWL, RDF, RDFS, SKOS, Graph, Literal, URIRef

from inforce.catalogue import Query, bind, slug
from inforce.examples import COOKBOOK
from inforce.model import BASE
from inforce.service import Service, remembered
from inforce.turtle import PREFIXES, compact
from inforce.web.assets import STATIC
from inforce.web.description import describe
from inforce.web.errors import TITLES, Problem
from inforce.web.language import N_, current, gettext
from inforce.web.pages import page
from inforce.web.questions import recipe
from inforce.web.reply import reply
from inforce.web.site import Site, short, site

router = APIRouter()
BEGINNING = """\
PREFIX inf: <https://w3id.org/inforce/ns#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX material: <https://w3id.org/inforce/material/>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>

# The life of every measure on rare earths, with what is still to come, as known now.
SELECT DISTINCT ?measure ?label ?status ?from ?until WHERE {
  ?measure inf:item/inf:material/skos:broader* material:rare-earth ; skos:prefLabel ?label .
  ?span inf:measure ?measure ; inf:status ?status ; inf:from ?from ; inf:until ?until ;
    inf:knownUntil "9999-12-31"^^xsd:date .
  FILTER (LANG(?label) = "en")
}
ORDER BY ?label ?from"""
SHOWN = 1000  # rows on the page at most; programs get all
HEAVIEST = 100_000  # characters of rows on the page, and as much of the same answer for the editor


@dataclass(frozen=True, slots=True)
class Example:
    """A query to begin with."""

    name: str
    summary: str
    sparql: str


@remembered()
def examples(service: Service) -> dict[str, list[Example]]:
    """The queries to begin with, each below the heading under which it stands on the page."""
    recipes = {iri: recipe(service, iri) for iri in site(service).index.members(COOKBOOK.rstrip("/"))}
    return {
        N_("Questions of the catalogue"): [Example(q.name, q.summary, _asked(q)) for q in service.queries.values()],
        N_("Cookbook"): [Example(slug(URIRef(iri)), str(r["summary"]), r["text"]) for iri, r in recipes.items()],
    }


def _asked(query: Query) -> str:
    """A question with the examples of the parameters that are not optional, so that it finds something."""
    return bind(query, {p.name: [p.example] for p in query.parameters.values() if not p.optional})


def editor(
    request: Request, text: str, results: Mapping[str, Any] | None = None, problem: Problem | None = None
) -> Response:
    """The page on which people write queries, with the answer as a table."""
    service: Service = request.state.service
    names: list[str] | None = None
    bindings: list[dict[str, dict[str, str]]] = []
    if results is not None:
        names = results["head"].get("vars", ["answer"])
        boolean = {"type": "literal", "value": str(results.get("boolean")).lower()}
        bindings = results["results"]["bindings"] if "results" in results else [{"answer": boolean}]
    href = site(service).href
    rows = _light([_cell(binding.get(name), href) for name in names or ()] for binding in bindings[:SHOWN])
    state: dict[str, Any] = {"today": str(request.app.state.today()), "prefixes": PREFIXES, "words": _words()}
    if problem is not None:
        state |= {"query": text, "problem": problem.document(request)}
    elif results is not None:
        state["query"] = text
        # The editor takes the answer from the page; where it is too much for one, it asks again.
        if len(bindings) <= SHOWN and len(json.dumps(results)) < HEAVIEST:
            state["results"] = results
    shown: dict[str, Any] = {"text": text, "problem": problem, "names": names, "rows": rows, "total": len(bindings)}
    status = problem.status if problem else 200
    return page(request, "sparql.html", status, examples=examples(service), state=state, **shown)


def _words() -> dict[str, str]:
    """What the scripts of the editor say, from English into the language of the page."""
    return {} if current() == "en" else {message: gettext(message) for message in (*_messages(), *TITLES.values())}


@lru_cache(maxsize=1)
def _messages() -> list[str]:
    """The English of the scripts."""
    found = (extract_from_file("javascript", file, {"say": None}) for file in sorted(STATIC.glob("editor*.js")))
    return [str(message) for messages in found for _, message, _, _ in messages]


def _cell(term: Mapping[str, str] | None, href: Callable[[str], str | None]) -> dict[str, str | None]:
    if term is None:
        return {"text": "", "href": None}
    if term["type"] != "uri":
        return {"text": term["value"], "href": None}
    return {"text": compact(term["value"]), "href": href(term["value"])}


def _light(rows: Iterable[list[dict[str, str | None]]]) -> list[list[dict[str, str | None]]]:
    """The first rows, as many as the page can carry."""
    kept: list[list[dict[str, str | None]]] = []
    weight = 0
    for row in rows:
        weight += sum(20 + len(text or "") for cell in row for text in cell.values())
        if kept and weight > HEAVIEST:
            break
        kept.append(row)
    return kept


@router.api_route("/sparql/completions", methods=["GET", "HEAD"], include_in_schema=False)
def completions(request: Request) -> Response:
    """What the editor completes: the classes and properties in use, and the things that have a name."""
    return reply(request, _completions(request.state.service), "application/json")


@remembered()
def _completions(service: Service) -> bytes:
    known, ontology = site(service), describe(service, BASE + "graph/ontology")
    classes = {str(c) for c in ontology.subjects(RDF.type, OWL.Class)} | _used(service, "?s a ?used")
    properties = {str(p) for p in _properties(ontology)} | _used(service, "?s ?used ?o")
    concepts = {str(s) for s in ontology.subjects(SKOS.inScheme)}
    things = concepts.union(*(known.index.members(n.rstrip("/")) for n in PREFIXES.values() if n.startswith(BASE)))
    document = {
        "classes": [_word(iri, known, ontology) for iri in sorted(classes)],
        "properties": [_word(iri, known, ontology) for iri in sorted(properties)],
        "things": [_word(iri, known, ontology) for iri in sorted(things)],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _used(service: Service, pattern: str) -> set[str]:
    found = json.loads(service.store.select(f"SELECT DISTINCT ?used {{ {pattern} }}"))
    return {row["used"]["value"] for row in found["results"]["bindings"]}


def _properties(ontology: Graph) -> Iterable[Any]:
    for kind in (OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty):
        yield from ontology.subjects(RDF.type, kind)


def _word(iri: str, known: Site, ontology: Graph) -> list[str]:
    """An IRI, its names, and what it means."""
    defined = [*ontology.objects(URIRef(iri), SKOS.definition), *ontology.objects(URIRef(iri), RDFS.comment)]
    meaning = next((str(text) for text in defined if isinstance(text, Literal) and text.language == "en"), "")
    names = [name for name in (known.en(iri), known.zh(iri)) if name and name != short(iri)]
    return [iri, " ".join(names), meaning]
