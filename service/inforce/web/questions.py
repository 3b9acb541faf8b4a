"""The catalogue for people: each question with its parameters and its SPARQL, ready to ask."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from inforce.catalogue import Query, slug
from inforce.service import Service
from inforce.web.errors import Problem
from inforce.web.pages import page

router = APIRouter()


@router.api_route("/queries", methods=["GET", "HEAD"], include_in_schema=False)
def catalogue(request: Request) -> Response:
    """All questions."""
    service: Service = request.app.state.service
    return page(request, "queries.html", queries=[(q, example(q)) for q in service.queries.values()])


@router.api_route("/queries/{name}", methods=["GET", "HEAD"], include_in_schema=False)
def question(request: Request, name: str) -> Response:
    """One question."""
    service: Service = request.app.state.service
    if name not in service.queries:
        raise Problem(404, "not-found", f"no question is called {name}", nearest=sorted(service.queries))
    query = service.queries[name]
    shown: dict[str, Any] = {"query": query, "example": example(query), "slug": slug}
    return page(request, "query.html", ask=urlencode({"query": query.sparql}), **shown)


def example(query: Query) -> str:
    """The query string of a call with the examples of the parameters that are not optional."""
    given = {p.name: slug(p.example) for p in query.parameters.values() if not p.optional}
    return urlencode(given)
