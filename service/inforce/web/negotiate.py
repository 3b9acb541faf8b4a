"""Which form of a resource to send: type and coding by the request's headers (RFC 9110, read by Werkzeug)."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from fastapi import Request
from werkzeug.datastructures import Accept, MIMEAccept
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
# What clients also call these types. Where a type is offered under its own name too, that offer answers to it.
ALIASES: Mapping[str, str] = {
    "application/xhtml+xml": "text/html",
    "application/x-turtle": "text/turtle",
    "application/turtle": "text/turtle",
    "text/rdf+n3": "text/turtle",
    "text/n3": "text/turtle",
    "application/json": "application/ld+json",
    "text/plain": "application/n-triples",
    "text/ntriples": "application/n-triples",
    "application/xml": "application/rdf+xml",
    "text/xml": "application/rdf+xml",
    "application/x-trig": "application/trig",
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
CODINGS = ("zstd", "br", "gzip")  # in the order of our preference


def choose(request: Request, offers: Sequence[str], aliases: Mapping[str, str] = ALIASES) -> str:
    """The media type to send; the first offer when the client accepts anything.

    Of what it accepts equally, what it names goes before what only a wildcard allows, then the order of the offers
    decides. A header in which no type can be read is taken as none. Raises Problem 406, which lists what there is.
    """
    header = request.headers.get("accept", "")
    # Parameters of a type (charset, profile) narrow nothing that is offered here.
    named = ((kind.partition(";")[0].strip(), q) for kind, q in parse_accept_header(header, MIMEAccept))
    accepted = MIMEAccept([("*/*" if kind == "*" else kind, q) for kind, q in named if "/" in kind or kind == "*"])
    if not accepted:
        return offers[0]
    names = {offer: [a for a, known in aliases.items() if known == offer and a not in offers] for offer in offers}
    best = max(offers, key=lambda offer: _liking(accepted, offer, names[offer]))
    if _liking(accepted, best, names[best])[0] > 0:
        return best
    raise Problem(
        406,
        "not-acceptable",
        f"none of the types in Accept: {header} can be sent",
        alternates=list(offers),
    )


def _liking(accepted: MIMEAccept, offer: str, names: Sequence[str]) -> tuple[float, int]:
    """How much a client likes an offer, by its best name: the q-value, and how exactly the header names it (0 to 2).

    The most exact range decides on a name, so text/html;q=0 holds against */*. A name that only clients use counts
    where the header gives it, and cannot speak against the offer.
    """
    own = _named(accepted, offer)
    found = [like for like in (_named(accepted, name) for name in names) if like[0] > 0 and like[1] == 2]
    return own if own == (0, 2) else max([own, *found])


def _named(accepted: MIMEAccept, media: str) -> tuple[float, int]:
    """The q-value of a media type, and how exactly its best range names it: 0 as */*, 1 as text/*, 2 in full."""
    for exact, wanted in ((2, media), (1, f"{media.partition('/')[0]}/*"), (0, "*/*")):
        values = [q for kind, q in accepted if kind.lower() == wanted]
        if values:
            return max(values), exact
    return 0, 0


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


def coding(request: Request) -> str | None:
    """The coding in which to compress: the best that Accept-Encoding allows, ours first among equals."""
    header = request.headers.get("accept-encoding")
    return parse_accept_header(header, Accept).best_match(CODINGS) if header else None
