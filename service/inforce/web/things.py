"""The page of each thing of the record: what it is, what holds of it, why, and what is in doubt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from rdflib import DCTERMS, PROV, RDF, RDFS, SKOS, Graph, URIRef
from rdflib.term import Node

from inforce.catalogue import ParameterError, slug
from inforce.examples import COOKBOOK, QUESTIONS
from inforce.model import ZONES, natural
from inforce.service import Answer, Service
from inforce.turtle import ELI, INF, PREFIXES
from inforce.web import chains, questions
from inforce.web.answers import sparql_of
from inforce.web.asked import given_parameters
from inforce.web.clocks import plane
from inforce.web.description import DATASET, GRAPHS, SHAPES, VOID, describe, is_collection, kind_of, serialised, shapes
from inforce.web.drawing import axis
from inforce.web.language import N_, gettext, order
from inforce.web.overview import counted, shown
from inforce.web.pages import mended, page
from inforce.web.site import site
from inforce.web.tables import STATUSES, drawn, life, marked, table, timelines

Properties = Mapping[str, URIRef]
# A graph is shown as text up to this size; the larger ones are there to be downloaded.
SHOWN_BYTES = 200_000


def of(request: Request, iri: str, headers: Mapping[str, str]) -> Response:
    """The page of a document of the record, with the day and the day of knowledge of the request."""
    given = {name: values for name, values in given_parameters(request).items() if name in ("on", "knownOn")}
    try:
        template, values = _page(request.state.service, iri, given, request.app.state.today())
    except ParameterError as error:
        return page(request, "refused.html", 422, message=error.sentence, links=mended(request, error))
    today = request.app.state.today()
    return page(request, template, 200, headers, iri=iri, asked=given, **{"today": today, **values})


def _page(service: Service, iri: str, given: Mapping[str, list[str]], today: date) -> tuple[str, dict[str, Any]]:
    """The template for a document and what it needs."""
    if iri == SHAPES:
        return "rules.html", {"rules": _rules()}
    if iri == DATASET:
        return "dataset.html", shown(service, today)
    if iri == VOID:
        return "void.html", counted(service)
    if iri.startswith(GRAPHS):
        return "graph.html", _graph(service, iri)
    if iri + "/" == QUESTIONS:
        return "queries.html", questions.catalogue(service)
    if iri.startswith(QUESTIONS):
        return "query.html", questions.question(service, iri)
    if iri.startswith(COOKBOOK):
        return "recipe.html", questions.recipe(service, iri)
    if is_collection(iri):
        return "collection.html", _collection(service, iri, given, today)
    if kind_of(iri) == "measure":
        return "measure.html", _measure(service, iri, given, today)
    if kind_of(iri) == "instrument":
        return "act.html", _act(service, iri, today)
    if kind_of(iri) == "material":
        return "material.html", _material(service, iri, given, today)
    if kind_of(iri) in ("country", "kind"):
        return "subject.html", _subject(service, iri, given, today)
    if kind_of(iri) == "entity":
        return "entity.html", _entity(service, iri, given, today)
    if kind_of(iri) == "actor":
        return "actor.html", _actor(service, iri)
    return "thing.html", _thing(service, iri)


def _texts(graph: Graph, subject: Node, predicate: Node) -> list[str]:
    return sorted((str(text) for text in graph.objects(subject, predicate)), key=natural)


def _facts(graph: Graph, subject: Node, properties: Properties) -> list[tuple[str, list[str]]]:
    """What is said of a subject under each caption, where anything is."""
    return [(caption, said) for caption, p in properties.items() if (said := _texts(graph, subject, p))]


# One measure

_MEASURE: Properties = {
    N_("kind"): INF.kind,
    N_("imposed by"): INF.imposedBy,
    N_("flow"): INF.flow,
    N_("applies to"): INF.appliesTo,
    N_("except for"): INF.exceptFor,
    N_("on list"): INF.onList,
    N_("stacks with"): INF.stacksWith,
    N_("excludes"): INF.excludes,
    N_("established by"): INF.establishedBy,
}
_CODES: Properties = {
    N_("HS"): INF.hsCode,
    N_("control list"): INF.controlCode,
    N_("tariff heading"): INF.tariffHeading,
    N_("CAS"): INF.casNumber,
}


def _measure(service: Service, iri: str, given: Mapping[str, list[str]], today: date) -> dict[str, Any]:
    graph, measure = describe(service, iri), URIRef(iri)
    explained = service.ask("explain", {"measure": [iri], **given}, today)
    status = service.ask("status", {"measure": [iri], **given}, today)
    on, known_on = (str(explained.parameters[name][0]) for name in ("on", "knownOn"))
    stretches = life(service, iri, known_on)
    days = {gettext("today"): today, **marked(explained, today)}
    facts = dict(_facts(graph, measure, _MEASURE))
    return {
        "facts": facts,
        "entities": [_listed(service, str(e)) for e in graph.objects(measure, INF.entity)],
        "scope": _texts(graph, measure, SKOS.scopeNote),
        "items": _items(graph, graph.objects(measure, INF.item)),
        "state": status.rows[0] if status.rows else None,
        "now": service.ask("status", {"measure": [iri]}, today).rows,
        "notices": [n for n in status.notices if not n.startswith("Announced")],
        "drawing": drawn(stretches, axis(stretches, *days.values()), days) if stretches else None,
        "spans": timelines(service, known_on).get(iri, ()),
        "zone": ZONES[slug(URIRef(site(service).about[iri]["imposedBy"]))],
        "chain": _chain(explained.rows),
        "plane": plane(service, iri, today, date.fromisoformat(known_on)),
        "acts": chains.of_measure(service, iri, max(known_on, today.isoformat()), today),
        "announced": service.ask("announced", {"measure": [iri], "knownOn": [known_on]}, today).rows,
        "notes": list(_notes(graph, measure)),
        "chosen": {"on": on, "knownOn": known_on},
        "answer": status,
        "sparql": sparql_of(status),
        "reasons": explained,
        "reasons_sparql": sparql_of(explained),
    }


def _listed(service: Service, entity: str) -> tuple[str, str | None]:
    """A listed entity and its country."""
    return entity, site(service).country_of.get(entity)


def _items(graph: Graph, items: Iterable[Node]) -> list[dict[str, Any]]:
    return [
        {
            "iri": str(item),
            "materials": _texts(graph, item, INF.material),
            "form": _texts(graph, item, INF.form),
            "codes": _facts(graph, item, _CODES),
            "notes": _texts(graph, item, SKOS.note),
            "confidence": _texts(graph, item, INF.confidence),
        }
        for item in sorted(items, key=lambda i: natural(str(i)))
    ]


def _chain(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The steps of an explanation, each once, with all its sources."""
    steps: dict[int, dict[str, Any]] = {}
    for row in rows:
        step = steps.setdefault(row["step"], {**row, "sources": []})
        source = (row["publisher"], row["source"])
        if row["publisher"] and source not in step["sources"]:
            step["sources"].append(source)
    return list(steps.values())


def applied(graph: Graph, effects: Iterable[Node]) -> list[Node]:
    """Effects in the order in which they apply."""
    return sorted(effects, key=lambda effect: str(graph.value(effect, INF.order)))


def _notes(graph: Graph, measure: URIRef) -> Iterator[tuple[str, str]]:
    """The remarks of the editors, each with the measure or clause that it is about."""
    for note in _texts(graph, measure, SKOS.editorialNote):
        yield str(measure), note
    for effect in applied(graph, graph.subjects(INF.affects, measure)):
        for note in _texts(graph, effect, SKOS.editorialNote):
            yield str(graph.value(effect, INF.clause)), note


# One act

_ACT: Properties = {
    N_("type"): ELI.type_document,
    N_("passed by"): ELI.passed_by,
    N_("jurisdiction"): ELI.jurisdiction,
    N_("based on"): ELI.based_on,
    N_("comes after"): INF.after,
    N_("changes"): ELI.changes,
}
_DATES: Properties = {
    N_("signed"): ELI.date_document,
    N_("made public"): INF.madePublic,
    N_("published"): ELI.date_publication,
}


def _act(service: Service, iri: str, today: date) -> dict[str, Any]:
    graph, act = describe(service, iri), URIRef(iri)
    affected = sorted({str(m) for m in graph.objects(None, INF.affects)})
    around = chains.of_act(service, iri, affected, today)

    def inside(cls: Node) -> list[Node]:
        found = (s for s in graph.subjects(RDF.type, cls) if str(s).startswith(iri + "#"))
        return sorted(found, key=lambda s: natural(str(s)))

    return {
        "citation": _texts(graph, act, DCTERMS.bibliographicCitation),
        "facts": _facts(graph, act, _ACT),
        "bases": _texts(graph, act, INF.legalBasis),
        "dates": _facts(graph, act, _DATES),
        "texts": _texts(graph, act, INF.text),
        "confidence_of": _texts(graph, act, INF.confidence),
        "notes": _texts(graph, act, SKOS.editorialNote),
        "clauses": [_clause(graph, clause) for clause in inside(INF.Provision)],
        "items": _items(graph, inside(INF.Item)),
        "sources": [
            {
                "iri": str(source),
                "publisher": _texts(graph, source, DCTERMS.publisher),
                "date": _texts(graph, source, DCTERMS.date),
                "supports": _texts(graph, source, INF.supports),
                "url": _texts(graph, source, INF.url),
            }
            for source in inside(INF.Source)
        ],
        "acts": around,
        "later": [edge for edge in around.edges if edge.changed == iri],
        "changed_by": sorted(str(a) for a in graph.subjects(ELI.changes, act)),
        "based": sorted(str(a) for a in graph.subjects(ELI.based_on, act)),
        "speaking": sorted({str(a).partition("#")[0] for a in graph.subjects(INF.about, act)} - {iri}),
    }


def _clause(graph: Graph, clause: Node) -> dict[str, Any]:
    doing = sorted(graph.subjects(INF.clause, clause), key=lambda e: natural(str(e)))
    return {
        "iri": str(clause),
        "summary": _texts(graph, clause, INF.summary),
        "notes": _texts(graph, clause, SKOS.editorialNote),
        "effects": [_effect(graph, e) for e in doing if (e, RDF.type, INF.Effect) in graph],
        "announcements": [_effect(graph, e) for e in doing if (e, RDF.type, INF.Announcement) in graph],
    }


def _effect(graph: Graph, node: Node) -> dict[str, Any]:
    """An effect, or the announcement of one, with its window as the act states it."""

    def one(predicate: Node) -> str | None:
        value = graph.value(node, predicate)
        return None if value is None else str(value)

    return {
        "iri": str(node),
        "type": one(INF.effectType) or one(INF.announcedEffect),
        "targets": [*_texts(graph, node, INF.target), *_texts(graph, node, INF.about)],
        "affects": _texts(graph, node, INF.affects),
        "successor": _texts(graph, node, INF.successor),
        "extends": _texts(graph, node, INF.extends),
        "from": one(INF["from"]),
        "until": one(INF.until),
        "untilInclusive": one(INF.untilInclusive),
        "rate": one(INF.rate),
        "terms": one(INF.terms),
        "confidence": one(INF.confidence),
        "source": one(PROV.hadPrimarySource),
        "notes": _texts(graph, node, SKOS.editorialNote),
    }


# A material, a country, a kind, a body, an entity, …

_FIRST: list[Node] = [SKOS.definition, DCTERMS.description, SKOS.scopeNote, SKOS.note, SKOS.altLabel]
# How a page calls what refers to its thing; what the tables of measures tell already is left out.
_REFERRING: Properties = {
    N_("Narrower"): SKOS.broader,
    N_("Concepts of this scheme"): SKOS.inScheme,
    N_("Acts of this type"): ELI.type_document,
    N_("Bodies under it"): URIRef(PREFIXES["org"] + "subOrganizationOf"),
    N_("Measures that except it"): INF.exceptFor,
    N_("Contained in"): INF.contains,
    N_("Materials on this list"): INF.onCriticalList,
}
CURRENT, OVER = STATUSES[:3], STATUSES[3:]
# The page of a country or kind draws the timelines of at most so many measures; the home page can draw more.
DRAWN = 120


def _thing(service: Service, iri: str) -> dict[str, Any]:
    """What is said of a thing, of its parts, and by others of it."""
    graph, this = describe(service, iri), URIRef(iri)
    inside = sorted({s for s in graph.subjects() if str(s).startswith(iri + "#")}, key=str)
    referring = {caption: sorted(map(str, graph.subjects(p, this)), key=natural) for caption, p in _REFERRING.items()}
    of_country = sorted(map(str, graph.subjects(INF.country, this)), key=lambda iri: order(site(service).name(iri)))
    referring[N_("Bodies of this country")] = [one for one in of_country if kind_of(one) == "actor"]
    referring[N_("Listed entities of this country")] = [one for one in of_country if kind_of(one) == "entity"]
    return {
        "titles": {title.language: str(title) for title in graph.objects(this, DCTERMS.title)},  # type: ignore[attr-defined]
        "statements": statements(graph, this),
        "inside": [(str(s), _texts(graph, s, DCTERMS.title), statements(graph, s)) for s in inside],
        "referring": {caption: iris for caption, iris in referring.items() if iris},
    }


def statements(graph: Graph, subject: Node) -> list[tuple[str, list[Node]]]:
    """What is said of a thing besides its names, property by property, explanations first."""
    said: dict[Node, list[Node]] = defaultdict(list)
    for predicate, value in graph.predicate_objects(subject):
        if predicate not in (SKOS.prefLabel, RDFS.label, DCTERMS.title, RDF.type, INF.within):
            said[predicate].append(value)
    ordered = sorted(said, key=lambda p: (_FIRST.index(p) if p in _FIRST else len(_FIRST), str(p)))
    return [(str(p), sorted(said[p], key=lambda v: natural(str(v)))) for p in ordered]


def _material(service: Service, iri: str, given: Mapping[str, list[str]], today: date) -> dict[str, Any]:
    """A material, and what touches it on a day by side, what names it apart from what has a wider scope."""
    answer = service.ask("material", {"material": [iri], **given}, today)
    over = service.ask("in-force", {"material": [iri], **given, "status": OVER}, today)
    sides = sorted({row["imposedBy"] for row in answer.rows})
    named = {side: [r for r in answer.rows if r["imposedBy"] == side and r["relation"] != "wider"] for side in sides}
    return {
        **_thing(service, iri),
        "answer": answer,
        "sparql": sparql_of(answer),
        "named": {side: table(service, answer, today, rows) for side, rows in named.items() if rows},
        "wider": {
            side: [r for r in answer.rows if r["imposedBy"] == side and r["relation"] == "wider"] for side in sides
        },
        "over": over.rows,
    }


def _subject(service: Service, iri: str, given: Mapping[str, list[str]], today: date) -> dict[str, Any]:
    """A country or a kind of measure, and the measures on it: what is current drawn, the rest in brief."""

    def found(name: str, statuses: Sequence[str]) -> Answer:
        return service.ask("in-force", {name: [iri], **given, "status": statuses}, today)

    def by_others(name: str) -> list[Mapping[str, Any]]:
        rows = found(name, CURRENT).rows
        return [row for row in rows if site(service).about[row["measure"]]["imposedBy"] != iri]

    is_country = kind_of(iri) == "country"
    name = "imposedBy" if is_country else "kind"
    answer = found(name, CURRENT)
    return {
        **_thing(service, iri),
        "answer": answer,
        "sparql": sparql_of(answer),
        "home": urlencode({name: slug(URIRef(iri)), **given}, doseq=True),
        "table": table(service, answer, today) if 0 < answer.total <= DRAWN else None,
        "over": found(name, OVER).rows,
        "towards": by_others("destination") if is_country else [],
        "coming": by_others("origin") if is_country else [],
    }


def _entity(service: Service, iri: str, given: Mapping[str, list[str]], today: date) -> dict[str, Any]:
    """A company, body or person, and its listings by both sides."""
    answer = service.ask("entity", {"entity": [iri], **given}, today)
    listings = {row["measure"]: {**row, "rate": None} for row in answer.rows}
    return {
        **_thing(service, iri),
        "answer": answer,
        "sparql": sparql_of(answer),
        "country": site(service).country_of.get(iri),
        "table": table(service, answer, today, listings.values()) if listings else None,
        "lists": sorted({row["onList"] for row in answer.rows if row["onList"]}),
    }


def _actor(service: Service, iri: str) -> dict[str, Any]:
    """A body, and the acts that it passed, the latest first; some were read and left out of the record."""
    passed = {str(a) for a in describe(service, iri).subjects(ELI.passed_by, URIRef(iri))}
    known = site(service).acts
    return {
        **_thing(service, iri),
        "passed": sorted(((known[a][0], a) for a in passed & known.keys()), reverse=True),
        "left_out": sorted(passed - known.keys()),
    }


def _collection(service: Service, iri: str, given: Mapping[str, list[str]], today: date) -> dict[str, Any]:
    """All things of a kind: measures with their state, acts from the latest on, the others as a tree."""
    kind, known = kind_of(iri), site(service)
    answer = service.ask("in-force", {**given, "status": CURRENT}, today) if kind == "measure" else None
    over = service.ask("in-force", {**given, "status": OVER}, today) if kind == "measure" else None
    acts = service.ask("acts", {}, today).rows if kind == "instrument" else None
    return {
        "kind": kind,
        "rows": answer.rows if answer else None,
        "over": over.rows if over else [],
        "acts": list(reversed(acts)) if acts else None,
        "entities": [_listed(service, e) for e, _ in known.tree(kind)] if kind == "entity" else [],
        "tree": known.tree(kind) if kind not in ("measure", "instrument", "entity") else [],
    }


def _graph(service: Service, iri: str) -> dict[str, Any]:
    text = serialised(service, iri, "text/turtle").decode()
    return {"size": len(text.encode()), "text": text if len(text) < SHOWN_BYTES else None}


# The rules


def _rules() -> list[tuple[str, str]]:
    """The rules of the record by name, each with its sentence."""
    said = shapes().subject_objects(URIRef(PREFIXES["sh"] + "message"))
    return sorted((slug(rule), str(sentence)) for rule, sentence in said if isinstance(rule, URIRef))
