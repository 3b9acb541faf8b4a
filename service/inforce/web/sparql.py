"""The SPARQL 1.1 Protocol, query only, over the union of the build's named graphs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import pyoxigraph as ox
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from inforce.service import Service
from inforce.store import Embedded
from inforce.web.asked import body
from inforce.web.editor import editor
from inforce.web.endpoint_description import FORMS, description
from inforce.web.errors import Problem
from inforce.web.forms import convert
from inforce.web.negotiate import RESULTS, choose
from inforce.web.openapi import bodies, problems
from inforce.web.reply import reply

router = APIRouter()
LONGEST = 1_000_000
_GRAPHS = {
    "text/turtle": ox.RdfFormat.TURTLE,
    "application/ld+json": ox.RdfFormat.JSON_LD,
    "application/n-triples": ox.RdfFormat.N_TRIPLES,
    "application/rdf+xml": ox.RdfFormat.RDF_XML,
    "application/trig": ox.RdfFormat.TRIG,
}
# Comments, IRIs, strings, variables and prefixed names are passed over, so that a bare keyword remains one.
_WORD = re.compile(
    r"""(?:\#[^\n]*|<[^\x00-\x20<>"{}|^`\\]*>|\"{3}(?:(?:"|"")?(?:[^"\\]|\\.))*\"{3}|'{3}(?:(?:'|'')?(?:[^'\\]|\\.))*'{3}"""
    r"""|"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*'|[?$][^\W]\w*|[^\W\d_][\w.-]*:[^\s;,()\[\]{}<>"']*|:[^\s;,()\[\]{}<>"']*)"""
    r"""|(?P<word>[^\W\d_]\w*)""",
    re.DOTALL,
)


_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "query",
        "in": "query",
        "description": "the query; without one the service describes itself",
        "schema": {"type": "string"},
        "example": "SELECT ?measure WHERE { ?measure a <https://w3id.org/inforce/ns#Measure> } LIMIT 5",
    },
    *(
        {
            "name": f"{which}-graph-uri",
            "in": "query",
            "description": f"a graph of the build to be {purpose}; all of them unless given",
            "schema": {"type": "array", "items": {"type": "string", "format": "iri"}},
        }
        for which, purpose in (("default", "part of the default graph"), ("named", "asked by GRAPH"))
    ),
]
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/sparql-query": {"schema": {"type": "string"}, "example": _PARAMETERS[0]["example"]},
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "required": ["query"],
                "properties": {"query": {"type": "string", "example": _PARAMETERS[0]["example"]}},
            }
        },
    },
}


def _responses(*failing: int) -> dict[str, Any]:
    content = bodies(*RESULTS.values(), *_GRAPHS, "text/html")
    return {"200": {"description": "The answer", "content": content}, **problems(*failing)}


@router.head("/sparql", include_in_schema=False)
@router.get(
    "/sparql",
    operation_id="sparql",
    summary="SPARQL 1.1 query",
    tags=["SPARQL"],
    response_class=Response,
    openapi_extra={"parameters": _PARAMETERS, "responses": _responses(400, 406, 503)},
)
async def get(request: Request) -> Response:
    """A query, with `default-graph-uri` and `named-graph-uri` if wanted; without a query the service description."""
    if "query" in request.query_params:
        return await _answer(request, request.query_params.getlist("query"), *_dataset(request))
    if "update" in request.query_params:
        raise _no_update()
    if any(_dataset(request)):
        raise Problem(400, "sparql-syntax", "the graphs of a query are named, but there is no query")
    if choose(request, [*FORMS, "text/html"]) == "text/html":
        service: Service = request.app.state.service
        return await run_in_threadpool(editor, request, service.queries["in-force"].sparql)
    return description(request)


@router.post(
    "/sparql",
    operation_id="sparqlPost",
    summary="SPARQL 1.1 query by POST",
    tags=["SPARQL"],
    response_class=Response,
    openapi_extra={"requestBody": _BODY, "responses": _responses(400, 406, 413, 415, 503)},
)
async def post(request: Request) -> Response:
    """The query as a form field, or as a body of type application/sparql-query."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    try:
        text = (await body(request, LONGEST)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(400, "sparql-syntax", f"the body is no UTF-8: {error}") from None
    if kind == "application/sparql-query":
        return await _answer(request, [text], *_dataset(request))
    if kind == "application/x-www-form-urlencoded":
        form = parse_qs(text, keep_blank_values=True)
        if "update" in form:
            raise _no_update()
        return await _answer(
            request, form.get("query", []), form.get("default-graph-uri", []), form.get("named-graph-uri", [])
        )
    if kind == "application/sparql-update":
        raise _no_update()
    raise Problem(
        415,
        "unsupported-media-type",
        f"a body of type {kind or 'unknown'} is not understood",
        alternates=["application/sparql-query", "application/x-www-form-urlencoded"],
    )


def _dataset(request: Request) -> tuple[list[str], list[str]]:
    """The default and the named graphs that the query string asks for."""
    names = request.query_params
    return names.getlist("default-graph-uri"), names.getlist("named-graph-uri")


def _no_update() -> Problem:
    return Problem(400, "sparql-refused", "this endpoint answers queries; it takes no updates")


async def _answer(request: Request, queries: Sequence[str], default: Sequence[str], named: Sequence[str]) -> Response:
    if len(queries) != 1:
        raise Problem(400, "sparql-syntax", f"exactly one query is expected, {len(queries)} are given")
    query = queries[0]
    if any(match["word"] and match["word"].upper() == "SERVICE" for match in _WORD.finditer(query)):
        raise Problem(400, "sparql-refused", "SERVICE is closed here: this endpoint asks no other")
    service: Service = request.app.state.service
    return await run_in_threadpool(_run, request, service, query, default, named)


def _run(request: Request, service: Service, query: str, default: Sequence[str], named: Sequence[str]) -> Response:
    store = service.store
    if not isinstance(store, Embedded):
        raise Problem(503, "unavailable", "this service has no store of its own; ask its endpoint")
    try:
        result = store.query(query, default, named)
    except SyntaxError as error:
        problem = _syntax(error)
        if choose(request, [*RESULTS.values(), "text/html"]) == "text/html":
            return editor(request, query, problem=problem)
        raise problem from None
    except ValueError as error:
        raise Problem(400, "sparql-syntax", str(error)) from None
    if isinstance(result, ox.QueryTriples):
        media = choose(request, list(_GRAPHS))
        found = result.serialize(format=_GRAPHS[media]) or b""
    else:
        # ASK has no CSV or TSV form.
        offers = [*list(RESULTS.values())[: 2 if isinstance(result, ox.QueryBoolean) else 4], "text/html"]
        media = choose(request, offers)
        found = result.serialize(format=ox.QueryResultsFormat.JSON) or b""
        if media == "text/html":
            return editor(request, query, json.loads(found))
        found = convert(found, media)
    return reply(request, found, media)


def _syntax(error: SyntaxError) -> Problem:
    """The problem of a query that is no SPARQL, with line and column where the parser stopped."""
    text = str(error)
    place = re.search(r"at (\d+):(\d+)", text)
    members = {"line": int(place[1]), "column": int(place[2])} if place else {}
    return Problem(400, "sparql-syntax", text, **members)
