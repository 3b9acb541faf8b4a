"""Errors as RFC 9457 problem documents, each `type` documented at its own URL (/problems#<name>)."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from inforce.model import BASE

TITLES = {
    "sparql-syntax": "The query is no SPARQL",
    "sparql-refused": "The query asks for something this endpoint does not do",
    "not-found": "There is no such thing in the record",
    "method-not-allowed": "This method is not allowed here",
    "not-acceptable": "None of the accepted media types can be sent",
    "unsupported-media-type": "The body is of a type that is not understood",
    "too-large": "The request is too large",
    "invalid-parameter": "A parameter cannot be understood",
    "unavailable": "The store does not answer just now",
    "internal": "Something went wrong here",
}


class Problem(Exception):
    """A request that cannot be answered: HTTP status, the name of its type, a sentence, and members of its own."""

    def __init__(self, status: int, name: str, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.status, self.name, self.detail, self.members = status, name, detail, members

    def response(self, request: Request) -> JSONResponse:
        """The problem document."""
        body = {
            "type": f"{BASE}problems#{self.name}",
            "title": TITLES[self.name],
            "status": self.status,
            "detail": self.detail,
            "instance": request.url.path,
            **self.members,
        }
        headers = {"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"}
        return JSONResponse(body, self.status, headers, media_type="application/problem+json")
