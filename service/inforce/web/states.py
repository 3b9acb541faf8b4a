"""The state of a measure on a day, as known on a day, as a document with an address of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response
from rdflib import PROV, RDF, RDFS, SKOS, XSD, Graph, Literal, URIRef
from rdflib.term import Node

from inforce.catalogue import ParameterError
from inforce.model import BASE, Sentence
from inforce.service import Answer, Service
from inforce.turtle import INF
from inforce.web.api import version_of
from inforce.web.asked import given_parameters
from inforce.web.description import graph_of, index, written
from inforce.web.documents import absent, send, split, told
from inforce.web.errors import Problem
from inforce.web.known import known, mentioned
from inforce.web.language import carried
from inforce.web.pages import mended, page
from inforce.web.reply import FOREVER
from inforce.web.site import path as place
from inforce.web.site import site

router = APIRouter(include_in_schema=False)
_HOLDS = (
    INF.status, INF.rate, INF.terms, INF["from"], INF.until, INF.fromInstant, INF.untilInstant, INF.because,
    INF.decidedBy,
)  # fmt: skip


@router.api_route("/measure/{name}/on/{day}", methods=["GET", "HEAD"])
def state(request: Request, name: str, day: str) -> Response:
    """The state of a measure on a day, by the record that is served."""
    return _state(request, request.state.service, name, day, "")


@router.api_route("/v/{version}/measure/{name}/on/{day}", methods=["GET", "HEAD"])
def state_in_version(request: Request, version: str, name: str, day: str) -> Response:
    """The same by one version of the record, for good."""
    return _state(request, version_of(request, version), name, day, f"/v/{quote(version, safe='+')}")


def _state(request: Request, service: Service, name: str, day: str, before: str) -> Response:
    """The document; without a day of knowledge, the address of the one that is known today."""
    measure = f"{BASE}measure/{name}"
    if measure not in index(service).documents:
        return absent(request, measure, f"/on/{quote(day)}")
    on, suffix = split(day, {})
    given = given_parameters(request)
    try:
        known_on = {"knownOn": given["knownOn"]} if "knownOn" in given else {}
        answer = service.ask("status", {"measure": [measure], "on": [on], **known_on}, request.app.state.today())
    except ParameterError as error:
        return told(request, Problem.of_parameter(error), "refused.html", links=mended(request, error))
    days = {parameter: str(answer.parameters[parameter][0]) for parameter in ("on", "knownOn")}
    query = "?" + urlencode({"knownOn": days["knownOn"]})
    at = f"/measure/{quote(name)}/on/{days['on']}"
    if not given:
        asked_for = urlencode({"knownOn": days["knownOn"], **carried()})
        to = f"{before}{at}{'.' + suffix if suffix else ''}?{asked_for}"
        return Response(status_code=307, headers={"Location": to, "Cache-Control": "no-store"})
    if not answer.rows:
        problem = Problem(
            404, "not-found",
            Sentence(
                "no act of the record that was public by %(day)s says anything of %(name)s",
                day=days["knownOn"], name=measure,
            ),
            firstKnown=site(service).first_public[measure].isoformat(),
        )  # fmt: skip
        return told(request, problem, "missing.html", nearest=[measure])
    iri = BASE + at.removeprefix("/")
    version = quote(service.manifest["version"], safe="+")
    links = (
        f'</v/{version}{at}{query}>; rel="cite-as"',
        f'<{place(measure)}>; rel="about"',
    )
    return send(
        request, iri, suffix, frozenset({"knownOn"}),
        lambda media: written(service, f"{iri}{query}", graph(service, measure, f"{iri}{query}", answer), media),
        lambda headers: _page(request, service, measure, f"{iri}{query}", answer, headers),
        query=query,
        links=links,
        headers={"Cache-Control": FOREVER} if before else {},
    )  # fmt: skip


def graph(service: Service, measure: str, iri: str, answer: Answer) -> Graph:
    """What holds of a measure on a day, by which effects of which clauses, and by which sources that is known."""
    on, known_on = (str(answer.parameters[name][0]) for name in ("on", "knownOn"))
    around, this = known(service, measure, date.fromisoformat(known_on)), URIRef(iri)
    (span,) = (
        s for s in around.subjects(RDF.type, INF.Span)
        if str(around.value(s, INF["from"])) <= on < str(around.value(s, INF.until))
    )  # fmt: skip
    found: set[tuple[Node, ...]] = {(this, p, o) for p, o in around.predicate_objects(span) if p in _HOLDS}
    found |= {
        (this, RDF.type, INF.State),
        (this, RDFS.label, Literal(titled(service, measure, on, known_on), lang="en")),
        (this, PROV.specializationOf, URIRef(measure)),
        (this, INF.on, Literal(on, datatype=XSD.date)),
        (this, INF.knownOn, Literal(known_on, datatype=XSD.date)),
        *((this, SKOS.note, Literal(notice, lang="en")) for notice in answer.notices),
    }
    reasons = set(around.objects(span, INF.because))
    behind = {o for e in reasons for p in (INF.clause, PROV.hadPrimarySource) for o in around.objects(e, p)}
    told_of = {URIRef(measure), *reasons, *behind, *around.objects(URIRef(measure), INF.item)}
    left_out = {s for s in around.subjects(RDF.type) if s not in told_of}
    found |= {triple for triple in around if triple[0] not in left_out}
    return graph_of(mentioned(found))


def titled(service: Service, measure: str, on: str, known_on: str) -> str:
    """What a state is called."""
    return f"{site(service).en(measure)}: on {on}, as known on {known_on}"


def _page(
    request: Request, service: Service, measure: str, iri: str, answer: Answer, headers: Mapping[str, str]
) -> Response:
    """The state for people."""
    asked = {name: [str(term) for term in terms] for name, terms in answer.parameters.items()}
    explained = service.ask("explain", {**asked, "measure": [measure]}, request.app.state.today())
    steps: dict[str, list[Mapping[str, object]]] = {}
    for row in explained.rows:
        if row["role"] in ("decides", "counts"):
            steps.setdefault(row["step"], []).append(row)
    return page(
        request, "state.html", 200, headers, site=site(service), manifest=service.manifest, iri=iri, measure=measure,
        row=answer.rows[0], on=asked["on"][0], known_on=asked["knownOn"][0], notices=answer.notices,
        titled=titled(service, measure, asked["on"][0], asked["knownOn"][0]),
        steps=list(steps.values()), explain=urlencode({k: v[0] for k, v in asked.items() if k != "lang"}),
    )  # fmt: skip
