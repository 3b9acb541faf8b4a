"""The description of a measure or an act as anyone could have known it on a day: the public clock.

A statement was known from the day on which all that it speaks of was public: the acts, the measures they established,
the sources that were dated by then (by month or year: from its end on). What the editors remark belongs to the record
of today and is left out.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from zoneinfo import ZoneInfo

from rdflib import DCTERMS, SKOS, XSD, Graph, Literal, URIRef
from rdflib.term import Node

from inforce.catalogue import slug
from inforce.model import OPEN, ZONES
from inforce.service import Service, remembered
from inforce.turtle import ELI, INF
from inforce.web.description import describe, graph_of, kind_of, select

# The things that have a life on the public clock, and whose clock it is.
CLOCKS: Mapping[str, URIRef] = {"measure": INF.imposedBy, "instrument": ELI.jurisdiction}
_OF_TODAY = frozenset({SKOS.editorialNote, INF.remarks})


def zone(service: Service, iri: str) -> ZoneInfo:
    """The clock by which the days of a measure or an act are counted: that of the side from which it comes."""
    (country,) = describe(service, iri).objects(URIRef(iri), CLOCKS[kind_of(iri)])
    return ZONES[slug(URIRef(str(country)))]


@remembered(512)
def days(service: Service, iri: str) -> tuple[date, ...]:
    """The days on which something became known of a measure or an act, the first one that on which it was made public.

    Raises KeyError where there is no document of that name.
    """
    graph = _described(service, iri)
    first = _public(service)[iri]
    # The names of what is mentioned come and go with the mention.
    speaking = _speaking(graph)
    found = {_known_from(service, graph, (s, p, o)) for s, p, o in graph if s in speaking}
    found |= {str(day) for _, day in graph.subject_objects(INF.knownUntil)} - {OPEN}
    return tuple(sorted({date.fromisoformat(day) for day in found | {first} if day >= first}))


def known(service: Service, iri: str, day: date) -> Graph:
    """The part of the description of a measure or an act that was public by the end of a day; at first empty."""
    graph, by = _described(service, iri), day.isoformat()
    if by < _public(service)[iri]:
        return graph_of(())
    over = {span for span, end in graph.subject_objects(INF.knownUntil) if str(end) <= by}
    kept = {
        (s, p, Literal(OPEN, datatype=XSD.date) if p == INF.knownUntil else o)
        for s, p, o in graph
        if p not in _OF_TODAY and s not in over and _known_from(service, graph, (s, p, o)) <= by
    }
    return graph_of(mentioned(kept))


def mentioned(triples: Collection[tuple[Node, ...]]) -> Iterator[tuple[Node, ...]]:
    """The triples without the names of what the others do not speak of."""
    kept = _speaking(triples) | {o for _, _, o in triples}
    return (triple for triple in triples if triple[0] in kept)


def _speaking(triples: Iterable[tuple[Node, ...]]) -> set[Node]:
    """The subjects of which more is said than their names."""
    return {s for s, _, o in triples if isinstance(o, URIRef)}


@remembered(64)
def _described(service: Service, iri: str) -> Graph:
    return describe(service, iri)


def _known_from(service: Service, graph: Graph, triple: tuple[Node, Node, Node]) -> str:
    """The day from which a statement of a description was known, in ISO form; empty for what always was."""
    s, p, o = triple
    told = str(o) if p == ELI.date_publication else ""
    return max(told, _node_known_from(service, graph, s), _node_known_from(service, graph, o))


def _node_known_from(service: Service, graph: Graph, node: Node) -> str:
    if not isinstance(node, URIRef):
        return ""
    dated = [_last_day(str(day)) for p in (INF.knownFrom, DCTERMS.date) for day in graph.objects(node, p)]
    return max(_public(service).get(str(node).partition("#")[0], ""), *dated, "")


def _last_day(dated: str) -> str:
    """The day by which something that is dated by day, month or year was there."""
    year, _, rest = dated.partition("-")
    month, _, day = rest.partition("-")
    return dated if day else f"{year}-{month or 12}-{monthrange(int(year), int(month or 12))[1]}"


@remembered()
def _public(service: Service) -> Mapping[str, str]:
    """The day on which each act and each measure became public, in ISO form."""
    found = {str(act): str(day) for act, day in select(service, "?a ?d { ?a inf:madePublic ?d }", "a", "d")}
    measures = select(service, "?m ?d { ?e inf:affects ?m ; inf:public ?d }", "m", "d")
    for measure, day in sorted((str(measure), str(day)) for measure, day in measures):
        found.setdefault(measure, day)
    return found
