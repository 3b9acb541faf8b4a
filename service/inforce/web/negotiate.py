"""Which form of a resource to send: type, language and coding by the request's headers (RFC 9110, read by Werkzeug)."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from fastapi import Request
from werkzeug.datastructures import Accept, LanguageAccept, MIMEAccept
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
    "jsonl": "application/x-ndjson",
    "html": "text/html",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
GRAPHS: Mapping[str, str] = {
    **{name: media for name, media in DOCUMENTS.items() if name != "html"},
    "html": "text/html",
}
RESULTS: Mapping[str, str] = {name: ANSWERS[name] for name in ("srj", "srx", "csv", "tsv")}
# What clients also call these types.
ALIASES: Mapping[str, str] = {
    "application/xhtml+xml": "text/html",
    "application/x-turtle": "text/turtle",
    "text/plain": "application/n-triples",
    "application/xml": "application/rdf+xml",
    "text/rdf+n3": "text/turtle",
    "application/jsonl": "application/x-ndjson",
    "application/ndjson": "application/x-ndjson",
}
# What clients call SPARQL results: there, bare JSON and XML mean other types than elsewhere.
RESULT_ALIASES: Mapping[str, str] = {
    "application/xhtml+xml": "text/html",
    "application/json": RESULTS["srj"],
    "text/json": RESULTS["srj"],
    "application/xml": RESULTS["srx"],
    "text/xml": RESULTS["srx"],
}
LANGUAGES = ("en", "zh")
CODINGS = ("zstd", "br", "gzip")  # in the order of our preference


def choose(request: Request, offers: Sequence[str], aliases: Mapping[str, str] = ALIASES) -> str:
    """The media type to send; the first offer when the client accepts anything.

    Raises Problem 406, which lists what there is.
    """
    header = request.headers.get("accept")
    if not header or not header.strip():
        return offers[0]
    # Parameters of a type (charset, profile) narrow nothing that is offered here.
    accepted = MIMEAccept([(kind.split(";")[0].strip(), q) for kind, q in parse_accept_header(header, MIMEAccept)])
    best = accepted.best_match([*offers, *(alias for alias, known in aliases.items() if known in offers)])
    if best is None:
        raise Problem(
            406, "not-acceptable", f"none of the types in Accept: {header} can be sent", alternates=list(offers)
        )
    return best if best in offers else aliases[best]


def by_format(request: Request, offers: Mapping[str, str]) -> str:
    """The media type named by the query parameter `format` (a short name or a media type), else by Accept."""
    named = request.query_params.getlist("format")
    if not named:
        return choose(request, list(offers.values()))
    wanted = named[0]
    media = offers.get(wanted, wanted)
    if len(named) > 1 or media not in offers.values():
        raise Problem(
            422,
            "invalid-parameter",
            f"format cannot be {' and '.join(map(repr, named))}: expected one of {', '.join(offers)}",
            parameter="format",
            value=wanted,
            expected=f"one of {', '.join(offers)}",
            nearest=difflib.get_close_matches(wanted[:80], offers, n=2),
        )
    return media


def language(request: Request) -> str | None:
    """The language that Accept-Language prefers of those we have; nothing if it names none of them."""
    header = request.headers.get("accept-language")
    return parse_accept_header(header, LanguageAccept).best_match(LANGUAGES) if header else None


def coding(request: Request) -> str | None:
    """The coding in which to compress: the best that Accept-Encoding allows, ours first among equals."""
    header = request.headers.get("accept-encoding")
    return parse_accept_header(header, Accept).best_match(CODINGS) if header else None
