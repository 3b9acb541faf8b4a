"""Errors as RFC 9457 problem documents, each `type` documented at its own URL (/problems#<name>)."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from inforce.catalogue import ParameterError
from inforce.model import BASE
from inforce.web.language import N_

TITLES = {
    "sparql-syntax": N_("The query is no SPARQL"),
    "sparql-refused": N_("The query asks for something this endpoint does not do"),
    "query-limit": N_("The query needs more than a query may have here"),
    "too-many-queries": N_("Too many queries of this client are here already"),
    "not-found": N_("There is no such thing in the record"),
    "gone": N_("This was kept once and cannot be read any more"),
    "method-not-allowed": N_("This method is not allowed here"),
    "not-acceptable": N_("None of the accepted media types can be sent"),
    "unsupported-media-type": N_("The body is of a type that is not understood"),
    "too-large": N_("The request is too large"),
    "invalid-parameter": N_("A parameter cannot be understood"),
    "invalid-datetime": N_("The datetime in a header cannot be understood"),
    "unavailable": N_("The store does not answer just now"),
    "internal": N_("Something went wrong here"),
}
MEDIA = "application/problem+json"
RETRY_AFTER = 5  # seconds, where another try may help
_NAMES = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 415: "unsupported-media-type"}


class Problem(Exception):
    """A request that cannot be answered: HTTP status, the name of its type, a sentence, and members of its own."""

    def __init__(self, status: int, name: str, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.status, self.name, self.detail, self.members = status, name, detail, members

    @classmethod
    def of_status(cls, status: int, detail: str) -> Problem:
        """The problem of an HTTP status for which nothing more is known."""
        return cls(status, _NAMES.get(status, "internal"), detail)

    @classmethod
    def of_parameter(cls, error: ParameterError) -> Problem:
        """The problem of a parameter that cannot be understood."""
        return cls(
            422,
            "invalid-parameter",
            error.sentence,
            parameter=error.name,
            value=error.value,
            expected=error.expected,
            nearest=error.nearest,
        )

    @property
    def headers(self) -> dict[str, str]:
        """What goes with the problem, in whatever form it is told."""
        later = {"Retry-After": str(RETRY_AFTER)} if self.status in (429, 503) else {}
        return {"Cache-Control": "no-store", **later, **({"Vary": "Accept"} if self.status == 406 else {})}

    def document(self, request: Request) -> dict[str, Any]:
        """The members of the problem document."""
        return {
            "type": f"{BASE}problems#{self.name}",
            "title": TITLES[self.name],
            "status": self.status,
            "detail": self.detail,
            "instance": request.url.path,
            **self.members,
        }

    def response(self, request: Request) -> JSONResponse:
        """The problem document."""
        return JSONResponse(self.document(request), self.status, self.headers, media_type=MEDIA)
