"""Every IRI of the record and of the vocabulary, as a page for people and as RDF for machines, at the same address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from inforce.model import BASE
from inforce.service import Service
from inforce.web.description import DUMP, describe, dump, index, serialised
from inforce.web.errors import Problem
from inforce.web.negotiate import DOCUMENTS, choose
from inforce.web.pages import page
from inforce.web.reply import reply
from inforce.web.site import path as place
from inforce.web.things import of

__all__ = ["describe", "router"]

router = APIRouter()
# What a page can be asked; a document in RDF holds every day and ignores them.
PARAMETERS = frozenset({"on", "knownOn"})


@router.api_route("/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
def document(request: Request, path: str) -> Response:
    """The document of an IRI, by suffix or by content negotiation."""
    service: Service = request.app.state.service
    known = index(service)
    iri = BASE + path.removesuffix("/")
    if iri == DUMP:
        return reply(request, dump(service), "application/n-quads")
    if iri in known.elsewhere:
        fragment = "#" + iri.rpartition("/")[2] if known.elsewhere[iri].endswith("/shapes") else ""
        return Response(status_code=303, headers={"Location": place(known.elsewhere[iri]) + fragment})
    suffix = "" if iri in known.documents else path.rpartition(".")[2]
    if suffix in DOCUMENTS:
        iri = iri.removesuffix("." + suffix)
    if iri not in known.documents:
        return _missing(request, iri)
    if path.endswith("/"):
        return Response(status_code=308, headers={"Location": place(iri)})
    for name in request.query_params:
        if name not in PARAMETERS:
            return _refused(request, name)
    try:
        media = DOCUMENTS[suffix] if suffix in DOCUMENTS else choose(request, list(DOCUMENTS.values()))
    except Problem as problem:
        response = problem.response(request)
        response.headers.update({"Vary": "Accept", "Link": _links(iri, "")})
        return response
    form = next(name for name, kind in DOCUMENTS.items() if kind == media)
    headers = {"Content-Location": f"{quote(place(iri))}.{form}", "Link": _links(iri, form)}
    if media == "text/html":
        return of(request, iri, headers)
    return reply(request, serialised(service, iri, media), media, headers)


def _links(iri: str, form: str) -> str:
    """The Link header: the name of the thing itself, and the other forms of its document."""
    others: Mapping[str, str] = {name: kind for name, kind in DOCUMENTS.items() if name != form}
    links = [f'<{quote(iri, safe=":/")}>; rel="canonical"']
    links += [f'<{quote(place(iri))}.{name}>; rel="alternate"; type="{kind}"' for name, kind in others.items()]
    return ", ".join(links)


def _missing(request: Request, iri: str) -> Response:
    """404, as a page for people and as a problem document for machines, with the names that come near."""
    nearest = index(request.app.state.service).nearest(iri)
    problem = Problem(404, "not-found", f"there is no document {iri} in the record", nearest=nearest)
    return _told(request, problem, "missing.html", nearest=nearest)


def _refused(request: Request, name: str) -> Response:
    known = sorted(PARAMETERS)
    problem = Problem(
        422, "invalid-parameter", f"{name} is no parameter of a document: known are {' and '.join(known)}",
        parameter=name, nearest=known,
    )  # fmt: skip
    return _told(request, problem, "refused.html", links=[])


def _told(request: Request, problem: Problem, template: str, **values: Any) -> Response:
    """A problem in the form that the client prefers."""
    try:
        media = choose(request, ["application/problem+json", "application/json", "text/html"])
    except Problem:
        media = "application/problem+json"
    if media == "text/html":
        return page(request, template, problem.status, message=problem.detail, **values)
    response = problem.response(request)
    response.headers["Vary"] = "Accept"
    return response
