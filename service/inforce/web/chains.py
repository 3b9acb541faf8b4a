"""Which act changes which: the answer of the question `chain` as the edges of a graph, and the page that draws it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from rdflib import RDF, Graph
from rdflib.term import Node

from inforce.catalogue import ParameterError
from inforce.model import natural
from inforce.service import Answer, Service
from inforce.turtle import ELI, INF
from inforce.web.answers import sparql_of
from inforce.web.asked import given_parameters
from inforce.web.language import order
from inforce.web.pages import mended, page
from inforce.web.site import Site, site

router = APIRouter()
PATH = "/graph-of-acts"
# What chooses measures; whatever else the page is asked goes to the question itself.
CHOOSING = ("material", "kind", "imposedBy", "destination", "origin")
# What a newcomer sees, and what else is worth a look: filters, told on the page by the names of what they choose.
TOPICS: Sequence[Mapping[str, str]] = (
    {"material": "rare-earth", "kind": "export-measure"},
    {"material": "gallium", "kind": "export-measure"},
    {"kind": "emergency-tariff", "imposedBy": "us"},
    {"kind": "counter-tariff"},
    {"kind": "unfair-practice-tariff"},
    {"kind": "entity-listing"},
    {"kind": "port-fee"},
)


@dataclass(frozen=True, slots=True)
class Edge:
    """What one act did to another: the type of its effects, the clauses that hold them, the measures they are on."""

    changing: str
    changed: str
    type: str
    public: date
    clauses: Sequence[str]
    measures: Sequence[str]


@dataclass(frozen=True, slots=True)
class Chain:
    """Edges in the order in which they became public, and the acts at their ends with their days and sides."""

    edges: Sequence[Edge]
    acts: Mapping[str, tuple[date, str]]

    def around(self, act: str) -> Chain:
        """Only the edges that begin or end at an act."""
        return _with_acts([e for e in self.edges if act in (e.changing, e.changed)], self.acts)


def chain(known: Site, answer: Answer) -> Chain:
    """The edges of an answer: from an act to the one whose effect it prolongs, else to whose measures it is on."""
    graph = Graph().parse(data=answer.results, format="nt")
    clauses: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    measures: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for effect in graph.subjects(RDF.type, INF.Effect):
        changing, kind = str(graph.value(effect, INF.act)), str(graph.value(effect, INF.effectType))
        for measure in graph.objects(effect, INF.affects):
            for changed in _changed(graph, effect, measure) - {changing}:
                clauses[changing, changed, kind].add(str(graph.value(effect, INF.clause)))
                measures[changing, changed, kind].add(str(measure))
    edges = [
        Edge(
            *key,
            known.acts[key[0]][0],
            sorted(clauses[key], key=natural),
            sorted(measures[key], key=lambda iri: order(known.name(iri))),
        )
        for key in clauses
    ]
    return _with_acts(edges, known.acts)


def _changed(graph: Graph, effect: Node, measure: Node) -> set[str]:
    """The acts that an effect on a measure changes, among those known on the day of knowledge."""
    prolonged = {_act(e) for e in graph.objects(effect, INF.extends)}
    if prolonged:
        return prolonged
    known = {str(a) for a in graph.objects(graph.value(effect, INF.act), ELI.changes)}
    return known & {_act(c) for c in graph.objects(measure, INF.establishedBy)}


def _act(part: Node) -> str:
    return str(part).partition("#")[0]


def _with_acts(edges: Iterable[Edge], acts: Mapping[str, tuple[date, str]]) -> Chain:
    ordered = sorted(edges, key=lambda e: (e.public, natural(e.changing), natural(e.changed), e.type))
    ends = {act for e in ordered for act in (e.changing, e.changed)}
    return Chain(ordered, {act: acts[act] for act in sorted(ends, key=lambda a: (acts[a][0], natural(a)))})


def of_measure(service: Service, measure: str, known_on: str, today: date) -> Chain:
    """The acts that shaped a measure."""
    return chain(site(service), service.ask("chain", {"measure": [measure], "knownOn": [known_on]}, today))


def of_act(service: Service, act: str, measures: Sequence[str], today: date) -> Chain:
    """What an act changes and what changes it; `measures` are those it has an effect on."""
    if not measures:
        return Chain((), {})
    return chain(site(service), service.ask("chain", {"measure": list(measures)}, today)).around(act)


@router.api_route(PATH, methods=["GET", "HEAD"], include_in_schema=False)
def graph_of_acts(request: Request) -> Response:
    """The graph of acts, for a topic or whatever the filters choose."""
    service: Service = request.state.service
    today: date = request.app.state.today()
    asked = given_parameters(request)
    given = asked or {name: [value] for name, value in TOPICS[0].items()}
    first = min(day for day, _ in site(service).acts.values())
    topics = [{**topic} for topic in TOPICS] + [{"from": first.isoformat()}]
    shared: dict[str, Any] = {
        "given": given,
        "today": today,
        "topics": [(t, urlencode(t)) for t in topics],
        "path": PATH,
    }
    try:
        found, answer = _found(service, given, today)
    except ParameterError as error:
        return page(request, "acts.html", 422, error=error, links=mended(request, error), chain=None, **shared)
    sparql = sparql_of(answer) if answer else None
    return page(request, "acts.html", error=None, chain=found, answer=answer, sparql=sparql, **shared)


def _found(service: Service, given: Mapping[str, list[str]], today: date) -> tuple[Chain, Answer | None]:
    """The chain for the filters of the page, with the answer it was read from. Raises ParameterError."""
    about = {name: values for name, values in given.items() if name in CHOOSING}
    direct = {name: values for name, values in given.items() if name not in CHOOSING}
    if about:
        days = {"knownOn": direct["knownOn"]} if "knownOn" in direct else {}
        on = {row["measure"] for row in service.ask("timeline", {**about, **days}, today).rows}
        direct["measure"] = sorted(on)
        if not on:
            return Chain((), {}), None
    answer = service.ask("chain", direct, today)
    return chain(site(service), answer), answer
