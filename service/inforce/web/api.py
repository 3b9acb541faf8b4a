"""The questions of the catalogue over HTTP: /api/<question>, its description and its SPARQL, all from one file."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import pyoxigraph as ox
from fastapi import APIRouter, Request, Response

from inforce.catalogue import Parameter, Query, bind, resolve, slug
from inforce.service import Answer, Service
from inforce.web.errors import Problem
from inforce.web.negotiate import ANSWERS, by_format

RESERVED = frozenset({"format"})
_SPARQL_RESULTS = {
    "application/sparql-results+json": ox.QueryResultsFormat.JSON,
    "application/sparql-results+xml": ox.QueryResultsFormat.XML,
    "text/tab-separated-values": ox.QueryResultsFormat.TSV,
    "text/csv": ox.QueryResultsFormat.CSV,
}


def router(service: Service) -> APIRouter:
    """One route a question, described to OpenAPI by the question itself."""
    routes = APIRouter()
    for query in service.queries.values():
        routes.add_api_route(
            f"/api/{query.name}",
            _endpoint(query),
            methods=["GET", "HEAD"],
            operation_id=query.name,
            summary=query.summary,
            description=query.description,
            tags=["questions"],
            response_class=Response,
            openapi_extra={
                "parameters": [_openapi_parameter(service, p) for p in query.parameters.values()] + [_FORMAT],
                "responses": _openapi_responses(query),
            },
        )
    routes.add_api_route("/queries/{name}.rq", _sparql_text, methods=["GET", "HEAD"], include_in_schema=False)
    routes.add_api_route("/health", _health, methods=["GET", "HEAD"], tags=["service"], summary="Version and coverage")
    return routes


def given_parameters(request: Request) -> dict[str, list[str]]:
    """The parameters of a call, without those that choose the form of the answer; empty values count as not given."""
    given: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if name not in RESERVED and value != "":
            given.setdefault(name, []).append(value)
    return given


def _endpoint(query: Query) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        service: Service = request.app.state.service
        media = by_format(request, ANSWERS)
        answer = service.ask(query.name, given_parameters(request), request.app.state.today())
        return respond(request, answer, media)

    return endpoint


def respond(request: Request, answer: Answer, media: str) -> Response:
    """An answer in a media type, with a strong ETag; 304 when the client has it."""
    mark = "\0".join([answer.version, answer.query.name, answer.sparql, media, *answer.notices])
    headers = {
        "ETag": f'"{hashlib.sha256(mark.encode()).hexdigest()[:32]}"',
        "Vary": "Accept",
        "Cache-Control": "public, max-age=0, must-revalidate",
        "Link": f'</queries/{answer.query.name}.rq?{request.url.query}>; rel="describedby"',
    }
    if matches(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if media == "application/json":
        body = json.dumps(answer.document(), ensure_ascii=False).encode()
    elif media == "text/csv":
        body = table(answer).encode()
    else:
        body = convert(answer.results, media)
    kind = media if media.startswith("application/") else f"{media}; charset=utf-8"
    return Response(body, media_type=None, headers={**headers, "Content-Type": kind})


def matches(request: Request, etag: str) -> bool:
    """Whether the client already has what bears this ETag."""
    held = request.headers.get("if-none-match", "")
    return held.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in held.split(","))


def convert(results: bytes, media: str) -> bytes:
    """SPARQL results JSON in another W3C results format."""
    if media == "application/sparql-results+json":
        return results
    parsed = ox.parse_query_results(results, format=ox.QueryResultsFormat.JSON)
    return parsed.serialize(format=_SPARQL_RESULTS[media]) or b""


def table(answer: Answer) -> str:
    """The rows as CSV for spreadsheets: a byte order mark, and no cell that a spreadsheet would run as a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(answer.query.variables)
    for row in answer.rows:
        writer.writerow([_cell(row[v]) for v in answer.query.variables])
    return "\ufeff" + out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = " ".join(value) if isinstance(value, list) else str(value)
    return "'" + text if isinstance(value, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _sparql_text(request: Request, name: str) -> Response:
    """The SPARQL of a question: as it stands in the catalogue, or with the parameters of a call bound."""
    service: Service = request.app.state.service
    if name not in service.queries:
        raise Problem(404, "not-found", f"no question is called {name}", nearest=sorted(service.queries))
    query = service.queries[name]
    given = given_parameters(request)
    text = bind(query, resolve(query, given, service.names, request.app.state.today())) if given else query.text
    return Response(text, media_type="application/sparql-query")


def _health(request: Request) -> dict[str, Any]:
    manifest = request.app.state.service.manifest
    return {"status": "ok", **{k: manifest[k] for k in ("version", "checksum", "coveredThrough", "counts")}}


_FORMAT = {
    "name": "format",
    "in": "query",
    "required": False,
    "description": "the form of the answer, instead of Accept",
    "schema": {"type": "string", "enum": list(ANSWERS), "default": "json"},
}


def _openapi_parameter(service: Service, parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    match parameter.type:
        case "date":
            schema["format"] = "date"
        case "dateTime":
            schema["format"] = "date-time"
        case "integer":
            schema = {"type": "integer", "minimum": 0, "maximum": 36500}
        case "iri" if len(members := service.names.of(parameter.of)) <= 100:
            schema["enum"] = sorted({slug_of(m) for m in members})
    if parameter.pattern:
        schema["pattern"] = f"^{parameter.pattern}$"
    if isinstance(parameter.default, str) and parameter.default != "today":
        schema["default"] = int(parameter.default) if schema["type"] == "integer" else parameter.default
    example: Any = parameter.example.toPython() if parameter.type == "integer" else slug(parameter.example)
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.default is None and not parameter.optional,
        "description": parameter.description + ("; today unless given" if parameter.default == "today" else ""),
        "schema": {"type": "array", "items": schema} if parameter.repeatable else schema,
        "explode": True,
        "example": [example] if parameter.repeatable else example,
    }


def slug_of(iri: str) -> str:
    """The short name at the end of an IRI."""
    return iri.replace("#", "/").rsplit("/", 1)[-1]


def _openapi_responses(query: Query) -> Mapping[str, Any]:
    cell = {"type": ["string", "number", "boolean", "null"]}
    properties = {
        v: {"type": "array", "items": {"type": "string"}} if v in query.lists else cell for v in query.variables
    }
    answer = {
        "type": "object",
        "required": ["query", "parameters", "version", "coveredThrough", "notices", "rows"],
        "properties": {
            "query": {"type": "string", "const": query.name},
            "parameters": {"type": "object", "description": "as resolved, defaults too"},
            "version": {"type": "string", "description": "version of the dataset"},
            "coveredThrough": {"type": "object", "additionalProperties": {"type": "string", "format": "date"}},
            "notices": {"type": "array", "items": {"type": "string"}},
            "rows": {
                "type": "array",
                "items": {"type": "object", "required": list(query.variables), "properties": properties},
            },
        },
    }
    text = {"schema": {"type": "string"}}
    content = dict.fromkeys(ANSWERS.values(), text) | {"application/json": {"schema": answer}}
    problem = {"application/problem+json": {"schema": {"type": "object"}}}
    return {
        "200": {"description": "The answer", "content": content},
        "304": {"description": "The client has this answer"},
        "406": {"description": "None of the accepted types can be sent", "content": problem},
        "422": {"description": "A parameter cannot be understood", "content": problem},
    }
