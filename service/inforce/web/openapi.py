"""The description of the API (OpenAPI 3.1), made of the catalogue, of the names in the graph and of real answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from inforce.catalogue import Parameter, Query, slug
from inforce.model import NS
from inforce.service import Answer, Service, remembered
from inforce.web.asked import LARGEST_PAGE, LAST_OFFSET
from inforce.web.errors import MEDIA
from inforce.web.forms import kind_of, offers
from inforce.web.negotiate import ANSWERS, GRAPHS

TAGS = {
    "questions": "The questions of the catalogue, and lists of them",
    "feeds": "Questions as feeds to subscribe to: Atom, iCalendar, a Linked Data Event Stream",
    "SPARQL": "Any other question",
    "service": "Versions, coverage and health",
}
_TEXT: dict[str, Any] = {"type": "string"}
_ATOM, _ICALENDAR = "application/atom+xml", "text/calendar"
_KINDS: dict[str, dict[str, Any]] = {
    "list": {"type": "array", "items": _TEXT},
    "date": {"type": ["string", "null"], "format": "date"},
    "dateTime": {"type": ["string", "null"], "format": "date-time"},
    "integer": {"type": ["integer", "null"]},
    "decimal": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "iri": {"type": ["string", "null"]},
    "string": {"type": ["string", "null"]},
    "unknown": {"type": ["string", "number", "boolean", "null"]},  # nothing was found where we looked
}
_DAYS = {"type": "object", "additionalProperties": {"type": "string", "format": "date"}}
_BUILD: dict[str, Any] = {
    "type": "object",
    "required": ["version", "coveredThrough", "counts"],
    "properties": {
        "version": {"type": "string", "description": "version of the dataset"},
        "checksum": {"type": "string", "description": "SHA-256 of its triples"},
        "coveredThrough": {**_DAYS, "description": "up to which day publications were searched, by country"},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "A problem document (RFC 9457); further members by type, documented at /problems",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "instance": _TEXT,
        "parameter": _TEXT,
        "value": {"type": ["string", "null"]},
        "expected": _TEXT,
        "nearest": {"type": "array", "items": _TEXT},
    },
}
_PAGE: dict[str, dict[str, Any]] = {
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "at most so many rows; all unless given",
        "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE},
    },
    "offset": {
        "name": "offset",
        "in": "query",
        "description": "from the row of this number on, counted from 0",
        "schema": {"type": "integer", "minimum": 0, "maximum": LAST_OFFSET},
    },
}
# The feeds: their question, media types, and the parameters that they leave out.
_FEEDS: dict[str, tuple[str, str, tuple[str, ...], frozenset[str]]] = {
    "/feeds/changes.atom": ("changes", "What changed in law, as an Atom feed", (_ATOM,), frozenset()),
    "/feeds/learned.atom": ("learned", "What became known, as an Atom feed", (_ATOM,), frozenset()),
    "/feeds/upcoming.ics": ("upcoming", "What is to come, as a calendar", (_ICALENDAR,), frozenset()),
    "/feeds/calendar.ics": ("calendar", "All turning points, as a calendar", (_ICALENDAR,), frozenset()),
    "/feeds/effects": (
        "effects",
        "The effects as a Linked Data Event Stream: its first page",
        (*GRAPHS.values(), "application/n-quads"),
        frozenset({"from", "to"}),
    ),
}
_PROBLEMS = {
    400: "The query is no SPARQL, or one that is not answered here",
    404: "There is no such thing; `nearest` tells what comes near",
    406: "None of the accepted types can be sent; `alternates` tells which can",
    413: "The body is too large",
    415: "The body is of a type that is not understood; `alternates` tells which are",
    422: "A parameter cannot be understood: its name, what was expected and what comes nearest; or a limit of queries",
    429: "Too many queries of this client are here already; Retry-After tells when to try again",
    503: "The store does not answer just now; Retry-After tells when to try again",
    504: "The query takes longer than a query may take",
}
_HEADERS: dict[str, Any] = {
    "ETag": {"description": "strong tag of this form of the answer", "schema": _TEXT},
    "Link": {"description": "cite-as (permanent), describedby (its SPARQL), first, prev, next, last", "schema": _TEXT},
    "X-Total-Count": {"description": "rows on all pages", "schema": {"type": "integer"}},
}


@remembered()
def described(service: Service, app: FastAPI) -> bytes:
    """The description of an application on a build as JSON."""
    return json.dumps(document(service, app), ensure_ascii=False).encode()


def document(service: Service, app: FastAPI) -> dict[str, Any]:
    """The description of an application on a build."""
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        servers=[{"url": "/"}],
        license_info={"name": "Apache-2.0; data CC BY 4.0", "identifier": "Apache-2.0"},
    )
    parts = made.setdefault("components", {})
    parts["parameters"], parts["headers"] = _PAGE, _HEADERS
    parts["responses"] = {
        f"Problem{status}": {"description": text, "content": {MEDIA: {"schema": _ref("Problem")}}}
        for status, text in _PROBLEMS.items()
    }
    schemas = parts.setdefault("schemas", {})
    schemas |= {"Problem": _PROBLEM, "Build": _BUILD, "Kept": _kept()}
    paths = {}
    for query in service.queries.values():
        answer = service.ask(query.name, examples(query), app.state.today())
        schemas |= _enumerations(service, query)
        if not answer.is_graph:
            schemas |= _answer(answer)
        paths[f"/api/{query.name}"] = {"servers": _servers(service), "get": _operation(answer)}
    made["paths"] = {**paths, **_feeds(service), **made["paths"], **_about_itself()}
    return made


def examples(query: Query) -> dict[str, list[str]]:
    """A call with the examples of all parameters that are not optional."""
    return {p.name: [slug(p.example)] for p in query.parameters.values() if not p.optional}


def _operation(answer: Answer) -> dict[str, Any]:
    query = answer.query
    forms = offers(answer.is_graph)
    content = bodies(*forms.values())
    if not answer.is_graph:
        content[ANSWERS["json"]] = {"schema": _ref(_name(query) + "Answer")}
        content[ANSWERS["jsonl"]] = {"schema": {"type": "array", "items": _ref(_name(query) + "Row")}}
        for form in ("parquet", "arrow"):
            content[ANSWERS[form]] = {"schema": {**_TEXT, "format": "binary"}}
    return {
        "tags": ["questions"],
        "operationId": query.name,
        "summary": query.summary,
        "description": query.description,
        "parameters": [
            *(_parameter(query, p) for p in query.parameters.values()),
            *(_ref(name, "parameters") for name in _PAGE),
            _format(forms),
        ],
        "responses": {
            "200": {
                "description": "The answer",
                "headers": {name: _ref(name, "headers") for name in _HEADERS},
                "content": content,
            },
            "304": {"description": "The client has this answer"},
            **problems(406, 422, 503),
        },
    }


def _feeds(service: Service) -> dict[str, Any]:
    """The feeds. None of their parameters is required: without days they have a window that moves on with the day."""
    described = {}
    for path, (name, summary, kinds, left_out) in _FEEDS.items():
        query = service.query(name)
        parameters = [
            _parameter(query, p) | {"required": False} for p in query.parameters.values() if p.name not in left_out
        ]
        refused = problems(406, 422, 503) if name == "effects" else problems(422, 503)
        operation = {
            "tags": ["feeds"],
            "operationId": path.removeprefix("/feeds/").replace(".", "-") + "-feed",
            "summary": summary,
            "description": f"From the question `{name}`. Without days, a window around today; see docs/feeds.md.",
            "parameters": parameters,
            "responses": {
                "200": {
                    "description": summary,
                    "headers": {"ETag": _ref("ETag", "headers")},
                    "content": bodies(*kinds),
                },
                "304": {"description": "The client has it"},
                **refused,
            },
        }
        described[path] = {"get": operation}
    return described


def _servers(service: Service) -> list[dict[str, Any]]:
    """Where a question can be asked: of what is served now, and of one version for good."""
    version = {"default": service.manifest["version"], "description": "a version that /versions lists"}
    return [
        {"url": "/", "description": "the version that is served now"},
        {
            "url": "/v/{version}",
            "description": "one version: its answers never change; what a call leaves open is bound by a redirect",
            "variables": {"version": version},
        },
    ]


def _about_itself() -> dict[str, Any]:
    def told(name: str, summary: str, schema: str) -> dict[str, Any]:
        content = {"application/json": {"schema": _ref(schema)}}
        about = {"tags": ["service"], "operationId": name, "summary": summary}
        return {"get": {**about, "responses": {"200": {"description": summary, "content": content}, **problems(503)}}}

    return {
        "/versions": told("versions", "The versions that are kept", "Kept"),
        "/health": told("health", "Version and coverage of what is served", "Build"),
    }


def _kept() -> dict[str, Any]:
    more = {"api": {**_TEXT, "description": "below it are its questions"}, "dump": {"type": ["string", "null"]}}
    kept = {**_BUILD, "required": [*_BUILD["required"], *more], "properties": {**_BUILD["properties"], **more}}
    return {
        "type": "object",
        "required": ["current", "versions"],
        "properties": {"current": _TEXT, "versions": {"type": "array", "items": kept}},
    }


def bodies(*kinds: str) -> dict[str, Any]:
    """Bodies of which no more is said than their media types."""
    return {media: {"schema": {"type": ["object", "array"]} if media.endswith("json") else _TEXT} for media in kinds}


def problems(*statuses: int) -> dict[str, Any]:
    """The responses of an operation that may fail in these ways."""
    return {str(status): _ref(f"Problem{status}", "responses") for status in statuses}


def _ref(name: str, part: str = "schemas") -> dict[str, str]:
    return {"$ref": f"#/components/{part}/{name}"}


def _name(query: Query) -> str:
    return "".join(part.capitalize() for part in query.name.split("-"))


def _format(forms: Iterable[str]) -> dict[str, Any]:
    return {
        "name": "format",
        "in": "query",
        "description": "the form of the answer, instead of Accept",
        "schema": {"type": "string", "enum": list(forms)},
    }


def _parameter(query: Query, parameter: Parameter) -> dict[str, Any]:
    schema = _schema(parameter)
    default = parameter.default if isinstance(parameter.default, str) and parameter.default != "today" else None
    if default is not None and not parameter.repeatable and "$ref" not in schema:
        schema["default"] = int(default) if parameter.type == "integer" else default
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.default is None and not parameter.optional,
        "description": parameter.description + ("; today unless given" if parameter.default == "today" else ""),
        "schema": {"type": "array", "items": schema, "minItems": 1} if parameter.repeatable else schema,
    }
    example: Any = int(parameter.example) if parameter.type == "integer" else slug(parameter.example)
    others = _others(query, parameter)
    if others:  # which OpenAPI 3.1 cannot say
        described["description"] += f"; not together with {', '.join(others)}"
        described["x-not-with"] = others
    if any(list(query.parameters).index(other) < list(query.parameters).index(parameter.name) for other in others):
        described["description"] += f"; such as {example}"  # all examples together make a call that runs
    else:
        described["example"] = [example] if parameter.repeatable else example
    return described


def _others(query: Query, parameter: Parameter) -> list[str]:
    """The parameters that a parameter excludes."""
    return [
        other.name
        for other in query.parameters.values()
        if parameter.unless == other.name or other.unless == parameter.name
    ]


def _schema(parameter: Parameter) -> dict[str, Any]:
    match parameter.type:
        case "date":
            return {"type": "string", "format": "date"}
        case "dateTime":
            return {"type": "string", "format": "date-time"}
        case "integer":
            return {"type": "integer", "minimum": 0, "maximum": 36500}
        case "iri":
            return _ref(_class_name(parameter))
    if parameter.pattern is None:
        return dict(_TEXT)
    if re.fullmatch(r"\([a-z|]+\)", parameter.pattern):
        return {"type": "string", "enum": parameter.pattern[1:-1].split("|")}
    return {"type": "string", "pattern": f"^{_portable(parameter.pattern)}$"}


def _portable(pattern: str) -> str:
    """A pattern of Python as JSON Schema reads it, where blanks and ends of lines are a little different."""
    return re.sub(r"(?<!\\)\.", r"[^\\n]", pattern.replace(r"\S", r"[^\s\x1c-\x1f\x85]"))


def _class_name(parameter: Parameter) -> str:
    return "Or".join(name.removeprefix(NS) for name in parameter.of)


def _enumerations(service: Service, query: Query) -> dict[str, Any]:
    """The short names of the things that the parameters of a question may be, by what they are."""
    return {
        _class_name(p): {
            "type": "string",
            "enum": sorted({service.short(p, iri) for iri in service.names.of(p.of)}),
        }
        for p in query.parameters.values()
        if p.type == "iri"
    }


def _answer(answer: Answer) -> dict[str, Any]:
    """The schemas of the rows and of the JSON document of a question."""
    query = answer.query
    row = {
        "type": "object",
        "required": list(query.variables),
        "properties": {name: _KINDS[kind_of(answer, name)] for name in query.variables},
    }
    told = {
        "query": {"type": "string", "const": query.name},
        "parameters": {"type": "object", "description": "as resolved, defaults too", "additionalProperties": True},
        "version": {"type": "string", "description": "version of the dataset"},
        "coveredThrough": _DAYS,
        "permalink": {"type": "string", "format": "uri", "description": "where this very answer stays"},
        "notices": {"type": "array", "items": _TEXT},
        "total": {"type": "integer", "description": "rows on all pages"},
        "rows": {"type": "array", "items": _ref(_name(query) + "Row")},
    }
    paged = {"limit": {"type": ["integer", "null"]}, "offset": {"type": "integer"}}
    document = {"type": "object", "required": list(told), "properties": {**told, **paged}}
    return {_name(query) + "Row": row, _name(query) + "Answer": document}
