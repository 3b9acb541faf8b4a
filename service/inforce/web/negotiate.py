"""Which form of a resource to send: by `format`, or by Accept with q-values (RFC 9110, parsed by Werkzeug)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import Request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from inforce.web.errors import Problem

# Suffix → media type. The order is the order of preference when a client has none.
DOCUMENTS: Mapping[str, str] = {
    "html": "text/html",
    "ttl": "text/turtle",
    "jsonld": "application/ld+json",
    "nt": "application/n-triples",
    "rdf": "application/rdf+xml",
    "trig": "application/trig",
}
ANSWERS: Mapping[str, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "srj": "application/sparql-results+json",
    "srx": "application/sparql-results+xml",
}
RESULTS: Mapping[str, str] = {
    "srj": "application/sparql-results+json",
    "srx": "application/sparql-results+xml",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
}
# What clients also call these types.
ALIASES: Mapping[str, str] = {
    "application/xhtml+xml": "text/html",
    "application/x-turtle": "text/turtle",
    "text/plain": "application/n-triples",
    "application/xml": "application/rdf+xml",
    "text/rdf+n3": "text/turtle",
}


def choose(request: Request, offers: Sequence[str]) -> str:
    """The media type to send; the first offer when the client accepts anything.

    Raises Problem 406, which lists what there is.
    """
    header = request.headers.get("accept")
    if not header or not header.strip():
        return offers[0]
    # Parameters of a type (charset, profile) narrow nothing that is offered here.
    accepted = MIMEAccept([(kind.split(";")[0].strip(), q) for kind, q in parse_accept_header(header, MIMEAccept)])
    best = accepted.best_match(offers)
    if best is not None:
        return best
    aliases = [a for a, known in ALIASES.items() if known in offers]
    alias = accepted.best_match(aliases)
    if alias is not None:
        return ALIASES[alias]
    raise Problem(
        406,
        "not-acceptable",
        f"none of the types in Accept: {header} can be sent",
        alternates=list(offers),
    )


def by_format(request: Request, offers: Mapping[str, str]) -> str:
    """The media type named by the query parameter `format` (a short name or a media type), else by Accept."""
    wanted = request.query_params.get("format")
    if wanted is None:
        return choose(request, list(offers.values()))
    media = offers.get(wanted, wanted)
    if media not in offers.values():
        raise Problem(
            422,
            "invalid-parameter",
            f"format cannot be {wanted!r}: expected one of {', '.join(offers)}",
            parameter="format",
            value=wanted,
            alternates=list(offers),
        )
    return media
