"""The SPARQL 1.1 Graph Store HTTP Protocol, read side: a graph of the build, whole.

A named graph is also there under its own IRI (direct identification), as the document of that name.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from inforce.web.description import GRAPHS as BELOW
from inforce.web.description import index
from inforce.web.errors import Problem
from inforce.web.negotiate import GRAPHS
from inforce.web.openapi import bodies, problems
from inforce.web.running import patience, run

router = APIRouter()
_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "graph",
        "in": "query",
        "description": "the graph of this IRI; either this or `default`",
        "schema": {"type": "string", "format": "iri"},
        "example": f"{BELOW}ontology",
    },
    {
        "name": "default",
        "in": "query",
        "description": "the default graph: the union of all",
        "allowEmptyValue": True,
        "schema": {"type": "string", "maxLength": 0},
    },
]


@router.head("/graph-store", include_in_schema=False)
@router.get(
    "/graph-store",
    operation_id="graphStore",
    summary="A graph of the build",
    tags=["SPARQL"],
    response_class=Response,
    openapi_extra={
        "parameters": _PARAMETERS,
        "responses": {
            "200": {"description": "The graph", "content": bodies(*GRAPHS.values())},
            **problems(400, 404, 406, 422, 429, 503, 504),
        },
    },
)
async def get(request: Request) -> Response:
    """All triples of a named graph (`graph=` and its IRI) or of the default graph (`default`)."""
    await patience(request)
    names = request.query_params
    wanted = [(name, value) for name, value in names.multi_items() if name in ("graph", "default")]
    if len(wanted) != 1 or (wanted[0][0] == "default") == bool(wanted[0][1]):
        raise Problem(400, "invalid-parameter", "exactly one of graph=<IRI> and default is expected")
    if strange := [name for name in names if name not in ("graph", "default", "format")]:
        raise Problem(422, "invalid-parameter", f"{strange[0]} is no parameter here", parameter=strange[0])
    ((name, iri),) = wanted
    if name == "default":
        return await run(request, _ALL)
    known = await run_in_threadpool(index, request.state.service)
    if iri not in known.documents or not iri.startswith(BELOW):
        nearest = [name for name in known.nearest(iri) if name.startswith(BELOW)]
        raise Problem(404, "not-found", f"there is no graph {iri} in the build", nearest=nearest)
    return await run(request, _ALL, default=[iri])


_ALL = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
