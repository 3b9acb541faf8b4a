"""The page of the vocabulary: each term with its meaning, how the terms hang together, where the record uses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from rdflib import DCTERMS, OWL, RDF, RDFS, SKOS, Graph, URIRef
from rdflib.term import Node

from inforce.model import BASE, NS, natural
from inforce.service import Service, remembered
from inforce.turtle import ELI, INF, PREFIXES
from inforce.web.description import VOCABULARY, describe, index, select
from inforce.web.language import N_, current, gettext
from inforce.web.pages import page
from inforce.web.site import site

_RELATED: Mapping[str, tuple[URIRef, ...]] = {
    N_("on"): (RDFS.domain, URIRef(PREFIXES["schema"] + "domainIncludes")),
    N_("values"): (RDFS.range, URIRef(PREFIXES["schema"] + "rangeIncludes")),
    N_("part of"): (RDFS.subClassOf, RDFS.subPropertyOf),
    N_("close to"): (SKOS.closeMatch, SKOS.exactMatch),
    N_("see also"): (RDFS.seeAlso,),
}
# The same relations seen from the other term.
_BACK: Mapping[str, str] = {"on": N_("properties"), "values": N_("value of"), "part of": N_("has parts")}
_CONCEPTS = (INF.Status, INF.EffectType, INF.ConfidenceLevel, INF.Flow, INF.Opening)

# The drawing: the main classes by column and row, and the properties between them.
CLASSES: Mapping[URIRef, tuple[int, int]] = {
    INF.Actor: (0, 0), INF.Instrument: (1, 0), INF.Source: (2, 0),
    INF.Provision: (1, 1), INF.Announcement: (2, 1), INF.Country: (3, 1),
    INF.EffectType: (0, 2), INF.Effect: (1, 2), INF.Measure: (2, 2), INF.Kind: (3, 2),
    INF.Status: (0, 3), INF.Span: (1, 3), INF.Item: (2, 3), INF.Material: (3, 3),
}  # fmt: skip
PROPERTIES: tuple[tuple[URIRef, URIRef, URIRef], ...] = (
    (INF.Instrument, ELI.passed_by, INF.Actor),
    (INF.Instrument, DCTERMS.source, INF.Source),
    (INF.Provision, ELI.is_part_of, INF.Instrument),
    (INF.Announcement, INF.clause, INF.Provision),
    (INF.Effect, INF.clause, INF.Provision),
    (INF.Effect, INF.effectType, INF.EffectType),
    (INF.Effect, INF.affects, INF.Measure),
    (INF.Measure, INF.imposedBy, INF.Country),
    (INF.Measure, INF.kind, INF.Kind),
    (INF.Measure, INF.item, INF.Item),
    (INF.Item, INF.material, INF.Material),
    (INF.Span, INF.because, INF.Effect),
    (INF.Span, INF.measure, INF.Measure),
    (INF.Span, INF.status, INF.Status),
)
_WIDE, _HIGH, _ACROSS, _DOWN = 145, 40, 240, 105  # a box, and from one to the next


@dataclass(frozen=True, slots=True)
class Box:
    """A class in the drawing, by its middle."""

    iri: str
    x: float
    y: float
    width: int = _WIDE
    height: int = _HIGH

    def edge(self, x: float, y: float) -> tuple[float, float]:
        """Where the line from the middle of the box to a point crosses its border."""
        across, down = x - self.x, y - self.y
        part = min(self.width / 2 / abs(across) if across else 1, self.height / 2 / abs(down) if down else 1)
        return self.x + across * part, self.y + down * part


@dataclass(frozen=True, slots=True)
class Arrow:
    """A property in the drawing, from the class that has it to that of its values."""

    source: str
    name: str
    target: str
    start: tuple[float, float]
    end: tuple[float, float]

    @property
    def middle(self) -> tuple[float, float]:
        """Where its name stands."""
        return (self.start[0] + self.end[0]) / 2, (self.start[1] + self.end[1]) / 2

    @property
    def level(self) -> bool:
        """Whether it lies flat, so that its name stands above it."""
        return self.start[1] == self.end[1]


def _drawing() -> dict[str, Any]:
    """The boxes and arrows of the main classes, and the size of the whole."""
    boxes = {
        cls: Box(str(cls), _WIDE / 2 + 10 + column * _ACROSS, _HIGH / 2 + 10 + row * _DOWN)
        for cls, (column, row) in CLASSES.items()
    }
    arrows = []
    for source, name, target in PROPERTIES:
        one, other = boxes[source], boxes[target]
        arrows.append(Arrow(str(source), str(name), str(target), one.edge(other.x, other.y), other.edge(one.x, one.y)))
    size = max(b.x for b in boxes.values()) + _WIDE / 2 + 10, max(b.y for b in boxes.values()) + _HIGH / 2 + 10
    return {"boxes": list(boxes.values()), "arrows": arrows, "width": size[0], "height": size[1]}


def vocabulary(request: Request, service: Service, iri: str, headers: Mapping[str, str]) -> Response:
    """The page of the vocabulary, or of a version of it, as a build holds it."""
    return page(request, "vocabulary.html", 200, headers, iri=iri, site=site(service), **_told(service, current()))


@remembered(8)
def _told(service: Service, _: str) -> dict[str, Any]:
    """What the page shows in the language of the request, which is the last key."""
    graph, this, uses = describe(service, VOCABULARY), URIRef(VOCABULARY), _uses(service)
    back = _seen_from_the_other_side(graph)

    def terms(*classes: Node) -> list[dict[str, Any]]:
        found = {s for c in classes for s in graph.subjects(RDF.type, c) if str(s).startswith(NS)}
        return [
            {**_term(graph, s, back.get(str(s), {})), "use": uses.get(str(s))}
            for s in sorted(found, key=lambda s: str(s).lower())
        ]

    versions = sorted(index(service).versions)
    return {
        "about": [str(text) for p in (DCTERMS.description, RDFS.comment) for text in graph.objects(this, p)],
        "versions": versions,
        "drawing": _drawing(),
        "sections": [
            (gettext("Classes"), terms(OWL.Class)),
            (gettext("Properties"), terms(OWL.ObjectProperty, OWL.DatatypeProperty)),
            *((gettext("Concepts: %(name)s") % {"name": site(service).name(str(c))}, terms(c)) for c in _CONCEPTS),
        ],
        "kinds": _kinds(service),
    }


def _term(graph: Graph, term: Node, back: Mapping[str, list[str]]) -> dict[str, Any]:
    def texts(*predicates: Node) -> list[str]:
        return sorted((str(text) for p in predicates for text in graph.objects(term, p)), key=natural)

    related = {
        caption: sorted({str(o) for p in predicates for o in graph.objects(term, p)})
        for caption, predicates in _RELATED.items()
    }
    return {
        "iri": str(term),
        "definition": texts(SKOS.definition, RDFS.comment),
        "notes": texts(SKOS.scopeNote, SKOS.note),
        "example": texts(SKOS.example),
        "related": {caption: iris for caption, iris in {**related, **back}.items() if iris},
    }


def _seen_from_the_other_side(graph: Graph) -> dict[str, dict[str, list[str]]]:
    """For each class the properties that it has and that lead to it, for each term what is a part of it."""
    found: dict[str, dict[str, list[str]]] = {}
    for caption, other in _BACK.items():
        for predicate in _RELATED[caption]:
            for term, value in sorted(graph.subject_objects(predicate)):
                if str(term).startswith(NS):
                    found.setdefault(str(value), {}).setdefault(other, []).append(str(term))
    return found


def _uses(service: Service) -> dict[str, dict[str, Any]]:
    """How often the record uses each term, and an example: a thing of a class, a thing with a property and value."""
    found: dict[str, dict[str, Any]] = {}
    counted = "?t (COUNT(*) AS ?n) (MIN(STR(?s)) AS ?first)"
    for name, number, first in select(service, f"{counted} {{ ?s a ?t }} GROUP BY ?t", "t", "n", "first"):
        found[str(name)] = {"count": int(str(number)), "thing": str(first), "value": None}
    for name, number, first in select(service, f"{counted} {{ ?s ?t ?o }} GROUP BY ?t", "t", "n", "first"):
        if str(name).startswith(NS):
            found[str(name)] = {"count": int(str(number)), "thing": str(first), "value": None}
    asked = " ".join(
        f"(<{name}> <{use['thing']}>)" for name, use in sorted(found.items()) if use["thing"].startswith(BASE)
    )
    where = f"?t (MIN(STR(?o)) AS ?value) {{ VALUES (?t ?s) {{ {asked} }} ?s ?t ?o }} GROUP BY ?t"
    for name, value in select(service, where, "t", "value"):
        found[str(name)]["value"] = str(value)
    return found


def _kinds(service: Service) -> list[tuple[str, int, str]]:
    """The kinds of measure, each below what is broader, with depth and definition."""
    said = {str(s): str(o) for s, o in _definitions(service)}
    return [(iri, depth, said.get(iri, "")) for iri, depth in site(service).tree("kind")]


def _definitions(service: Service) -> Iterator[tuple[Node, ...]]:
    return select(service, '?s ?o { ?s a inf:Kind ; skos:definition ?o FILTER (LANG(?o) = "en") }', "s", "o")
