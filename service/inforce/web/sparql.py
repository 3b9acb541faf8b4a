"""The SPARQL 1.1 Protocol, query only. The default graph is the union of the build's named graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from inforce.web.asked import body
from inforce.web.editor import BEGINNING, editor
from inforce.web.endpoint_description import FORMS, description
from inforce.web.errors import Problem
from inforce.web.negotiate import GRAPHS, RESULTS, choose
from inforce.web.openapi import bodies, problems
from inforce.web.running import limits, patience, run

router = APIRouter()
_QUERY, _FORM = "application/sparql-query", "application/x-www-form-urlencoded"
_FIELDS = 1000  # of a form: a query, and the graphs of its dataset
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
            "description": f"a graph of the build to be {purpose}; all of them unless any is named",
            "schema": {"type": "array", "items": {"type": "string", "format": "iri"}},
        }
        for which, purpose in (("default", "part of the default graph"), ("named", "asked by GRAPH"))
    ),
]
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        _QUERY: {"schema": {"type": "string"}, "example": _PARAMETERS[0]["example"]},
        _FORM: {
            "schema": {
                "type": "object",
                "required": ["query"],
                "properties": {"query": {"type": "string", "example": _PARAMETERS[0]["example"]}},
            }
        },
    },
}


_FAILING = (422, 429, 503, 504)


def _responses(*failing: int) -> dict[str, Any]:
    content = bodies(*RESULTS.values(), *GRAPHS.values())
    return {"200": {"description": "The answer", "content": content}, **problems(*failing)}


@router.head("/sparql", include_in_schema=False)
@router.get(
    "/sparql",
    operation_id="sparql",
    summary="SPARQL 1.1 query",
    tags=["SPARQL"],
    response_class=Response,
    openapi_extra={"parameters": _PARAMETERS, "responses": _responses(400, 406, 413, *_FAILING)},
)
async def get(request: Request) -> Response:
    """A query, with `default-graph-uri` and `named-graph-uri` if wanted; without a query the service description."""
    names = request.query_params
    if "query" in names:
        await patience(request)
        return await run(request, _one(names.getlist("query")), *_dataset(names.multi_items()))
    if "update" in names:
        raise _no_update()
    if any(_dataset(names.multi_items())):
        raise Problem(400, "sparql-syntax", "the graphs of a query are named, but there is no query")
    if choose(request, [*FORMS, "text/html"]) == "text/html":
        response = await run_in_threadpool(editor, request, BEGINNING)
    else:
        response = await run_in_threadpool(description, request)
    response.headers.update(limits(request))
    return response


@router.post(
    "/sparql",
    operation_id="sparqlPost",
    summary="SPARQL 1.1 query by POST",
    tags=["SPARQL"],
    response_class=Response,
    openapi_extra={
        "requestBody": _BODY,
        "parameters": _PARAMETERS[1:],
        "responses": _responses(400, 406, 413, 415, *_FAILING),
    },
)
async def post(request: Request) -> Response:
    """The query as a form field, or as a body of type application/sparql-query."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    await patience(request)
    # A form writes most characters with three.
    longest = request.app.state.settings.query_length * 1000
    data = await body(request, 3 * longest if kind == _FORM else longest)
    named = request.query_params.multi_items()
    try:
        if kind == _QUERY:
            return await run(request, data.decode("utf-8"), *_dataset(named))
        if kind == _FORM:
            form = parse_qsl(data.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
            if any(name == "update" for name, _ in form):
                raise _no_update()
            return await run(
                request, _one([value for name, value in form if name == "query"]), *_dataset([*named, *form])
            )
    except ValueError as error:
        raise Problem(400, "sparql-syntax", f"the body cannot be read: {error}") from None
    if kind == "application/sparql-update":
        raise _no_update()
    raise Problem(
        415, "unsupported-media-type", f"a body of type {kind or 'unknown'} is not understood",
        alternates=[_QUERY, _FORM],
    )  # fmt: skip


def _one(queries: Sequence[str]) -> str:
    if len(queries) != 1:
        raise Problem(400, "sparql-syntax", f"exactly one query is expected, {len(queries)} are given")
    return queries[0]


def _dataset(named: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """The default and the named graphs that a request asks for. One that is not in the build is empty, as in FROM."""
    return (
        [value for name, value in named if name == "default-graph-uri"],
        [value for name, value in named if name == "named-graph-uri"],
    )


def _no_update() -> Problem:
    return Problem(400, "sparql-refused", "this endpoint answers queries; it takes no updates")
