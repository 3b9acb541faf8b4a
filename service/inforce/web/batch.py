"""A list of shipments over HTTP: POST /api/batch, CSV or JSON in, CSV or JSON out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from inforce import batch
from inforce.catalogue import ParameterError
from inforce.model import InforceError
from inforce.service import Service
from inforce.shipments import read_csv, read_json
from inforce.web.asked import RESERVED, body, in_language, parameters
from inforce.web.errors import MEDIA, Problem
from inforce.web.negotiate import by_format
from inforce.web.reply import stream

router = APIRouter()
MOST_LINES = 10_000
LONGEST = 8_000_000  # bytes
_JSON, _CSV = "application/json", "text/csv"
_EXAMPLE = "id,material,destination,date\n1,gallium,US,2025-11-15\n2,dysprosium,DE,2025-10-20\n"
_TEXT = {"type": "string"}
_LIST = {"type": "array", "items": _TEXT}
_DAY = {"type": "string", "format": "date"}
_CELL = {"anyOf": [_TEXT, {"type": "integer"}, _LIST]}
_FAULT = {
    "type": "object",
    "required": ["name", "value", "expected", "nearest", "detail"],
    "properties": {
        "name": _TEXT,
        "value": {"type": ["string", "null"]},
        "expected": _TEXT,
        "nearest": _LIST,
        "detail": _TEXT,
    },
}
_RESULT = {
    "type": "object",
    "required": ["line", "outcome", "input", "row", "notices", "errors"],
    "properties": {
        "line": {"type": "integer", "description": "line of the file at which it begins; in JSON, its place from 1"},
        "outcome": {"type": "string", "enum": ["found", "none", "error"]},
        "input": {"type": "object", "description": "the line as given"},
        "row": {"type": ["object", "null"], "description": "a row of in-force; a line has one result for each"},
        "notices": _LIST,
        "errors": {"type": "array", "items": _FAULT},
    },
}
_ANSWER = {
    "type": "object",
    "required": ["query", "version", "coveredThrough", "results", "lines", "failed"],
    "properties": {
        "query": _TEXT,
        "version": {"type": "string", "description": "version of the dataset"},
        "coveredThrough": {"type": "object", "additionalProperties": _DAY},
        "results": {"type": "array", "items": _RESULT},
        "lines": {
            "type": "object",
            "description": "how many had which outcome",
            "additionalProperties": {"type": "integer"},
        },
        "failed": {"type": "array", "items": {"type": "integer"}, "description": "lines that could not be understood"},
    },
}
_LINE = {
    "type": "object",
    "required": ["date", "destination", "material"],
    "properties": {"date": _DAY, **dict.fromkeys(("destination", "material", "hs"), _CELL)},
}
_PROBLEM = {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_OPENAPI: dict[str, Any] = {
    "parameters": [
        {
            "name": "format",
            "in": "query",
            "required": False,
            "description": "the form of the answer, instead of Accept; without either that of the list",
            "schema": {"type": "string", "enum": ["json", "csv"]},
        },
        {
            "name": "knownOn",
            "in": "query",
            "required": False,
            "description": "a day of knowledge for all lines; so for other parameters of in-force",
            "schema": _DAY,
        },
    ],
    "requestBody": {
        "required": True,
        "content": {
            _CSV: {"schema": _TEXT, "example": _EXAMPLE},
            _JSON: {
                "schema": {"type": "array", "maxItems": MOST_LINES, "items": _LINE},
                "example": [{"id": 1, "material": "gallium", "destination": "US", "date": "2025-11-15"}],
            },
        },
    },
    "responses": {
        "200": {
            "description": "A result for each line, in the order of the list",
            "content": {_JSON: {"schema": _ANSWER}, _CSV: {"schema": _TEXT}},
        },
        "406": {"description": "None of the accepted types can be sent", "content": _PROBLEM},
        "413": {"description": f"More than {MOST_LINES} lines or {LONGEST} bytes", "content": _PROBLEM},
        "415": {"description": "The list is neither CSV nor JSON", "content": _PROBLEM},
        "422": {"description": "The list, or a column of it, cannot be understood", "content": _PROBLEM},
    },
}


@router.post(
    "/api/batch",
    operation_id="batch",
    summary="Measures in force for each line of a list of shipments",
    tags=["questions"],
    response_class=Response,
    openapi_extra=_OPENAPI,
)
async def post(request: Request) -> Response:
    """`in-force` for each line: its material or HS code, destination and date; its other filters if the list has them.

    Columns of other names come back as they are. What all lines have in common may stand in the query string, as for
    `in-force`: `?knownOn=2025-11-15`. A line that cannot be understood is told with its number and what was
    expected; it stops no other.
    """
    if paged := sorted(set(request.query_params) & (RESERVED - {"format"})):
        fault = "is no parameter of a list"
        raise ParameterError(paged[0], None, "a list without it: it is answered whole", (), fault)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in (_JSON, _CSV):
        detail = f"a list of type {kind or 'unknown'} is not understood"
        raise Problem(415, "unsupported-media-type", detail, alternates=[_CSV, _JSON])
    media = by_format(request, {"json": _JSON, "csv": _CSV} if kind == _JSON else {"csv": _CSV, "json": _JSON})
    data = await body(request, LONGEST)
    pieces = await run_in_threadpool(_answer, request, data, kind, media)
    headers = {"Vary": "Accept, Accept-Encoding, Accept-Language", "Cache-Control": "no-store"}
    return stream(request, pieces, media, headers)


def _answer(request: Request, data: bytes, kind: str, media: str) -> Iterator[bytes]:
    """The answer in pieces. All that can fail does so here, before the first of them is sent."""
    service: Service = request.state.service
    try:
        table = read_json(data) if kind == _JSON else read_csv(data)
    except InforceError as error:
        raise Problem(422, "invalid-parameter", str(error), parameter="body") from None
    if len(table.lines) > MOST_LINES:
        detail = f"a list may have {MOST_LINES} lines, this one has {len(table.lines)}; send it in parts"
        raise Problem(413, "too-large", detail, most=MOST_LINES)
    common = in_language(service.query(batch.QUESTION), parameters(request))
    results = batch.run(service, table, request.app.state.today(), common)
    pieces = batch.as_csv(service, table, results) if media == _CSV else batch.as_json(service, results)
    return (piece.encode() for piece in pieces)
