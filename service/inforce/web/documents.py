"""Every IRI of the record and of the vocabulary, as a page for people and as RDF for machines, at the same address.

The names of things are those below https://w3id.org/inforce/, which redirects to a host like this one. What a host
sends is a document about the thing, with its own address in Content-Location: docs/linked-data.md says why not by 303.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from inforce.model import BASE, Sentence
from inforce.service import Service, Versions
from inforce.web import jsonld
from inforce.web.description import VOCABULARY, describe, index, kind_of, serialised
from inforce.web.errors import Problem
from inforce.web.known import CLOCKS
from inforce.web.language import PARAMETER
from inforce.web.negotiate import DOCUMENTS, choose
from inforce.web.pages import page
from inforce.web.reply import reply
from inforce.web.site import path as place
from inforce.web.things import of
from inforce.web.vocabulary import vocabulary

__all__ = ["describe", "router"]

router = APIRouter()
# What a page can be asked; a document in RDF holds every day and ignores them.
PARAMETERS = frozenset({"on", "knownOn"})
LICENCE = "https://creativecommons.org/licenses/by/4.0/"
# The context is the same for a day at least: programs that read many documents need it only once.
A_DAY = "public, max-age=86400"


@router.api_route("/context.jsonld", methods=["GET", "HEAD"], include_in_schema=False)
def context(request: Request) -> Response:
    """The JSON-LD context of all documents."""
    return reply(request, jsonld.published(), "application/ld+json", {"Cache-Control": A_DAY})


@router.api_route("/ns/{version}", methods=["GET", "HEAD"], include_in_schema=False)
def vocabulary_of_version(request: Request, version: str) -> Response:
    """The vocabulary as it stood in a version, as long as a build of it is kept."""
    iri, suffix = split(f"{VOCABULARY}/{version}", known := _vocabularies(request))
    if iri not in known:
        return document(request, f"ns/{version}")
    service = known[iri]
    request.state.version = service.version
    return send(
        request, iri, suffix, frozenset(),
        lambda media: serialised(service, VOCABULARY, media),
        lambda headers: vocabulary(request, service, iri, headers),
    )  # fmt: skip


def _vocabularies(request: Request) -> dict[str, Service]:
    """The versions of the vocabulary that are served, each with a build that holds it."""
    versions: Versions = request.app.state.versions
    found = dict.fromkeys(index(versions.current).versions, versions.current)
    wanted = request.path_params["version"]
    if not any(wanted.startswith(version.rpartition("/")[2]) for version in found):
        # A build bears the number of the release from which it was made, and so does the vocabulary.
        for kept in (name for name in versions.kept() if wanted.startswith(name.partition("+")[0])):
            service = versions.find(kept)
            found |= dict.fromkeys(index(service).versions, service)
    return found


@router.api_route("/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
def document(request: Request, path: str) -> Response:
    """The document of an IRI, by suffix or by content negotiation."""
    service: Service = request.state.service
    known = index(service)
    iri, suffix = split(BASE + path.removesuffix("/"), known.documents)
    if iri in known.elsewhere:
        fragment = "#" + iri.rpartition("/")[2] if known.elsewhere[iri].endswith("/shapes") else ""
        return Response(status_code=303, headers={"Location": place(known.elsewhere[iri]) + fragment})
    if iri not in known.documents:
        return absent(request, BASE + path.removesuffix("/"))
    if path.endswith("/"):
        return Response(status_code=308, headers={"Location": place(iri)})
    return send(
        request, iri, suffix, PARAMETERS,
        lambda media: serialised(service, iri, media),
        lambda headers: (
            vocabulary(request, service, iri, headers) if iri == VOCABULARY else of(request, iri, headers)
        ),
        links=_mementos(request, iri),
    )  # fmt: skip


def split(iri: str, known: Mapping[str, Any]) -> tuple[str, str]:
    """The IRI of a document and the suffix that asks for one of its forms."""
    name, _, suffix = iri.rpartition(".")
    return (name, suffix) if suffix in DOCUMENTS and iri not in known else (iri, "")


def send(
    request: Request,
    iri: str,
    suffix: str,
    parameters: frozenset[str],
    write: Callable[[str], bytes],
    show: Callable[[Mapping[str, str]], Response],
    query: str = "",
    links: tuple[str, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A document in the form that is wanted: `write` makes it in RDF, `show` as a page, with the headers it gets.

    `iri` names it; its forms are at that address with a suffix, before the `query`.
    """
    for name in request.query_params:
        if name not in parameters and name != PARAMETER:
            return _refused(request, name, parameters)
    at = quote(place(iri))
    forms = {form: f"{at}.{form}{query}" for form in DOCUMENTS}
    name = quote(iri, safe=":/") + query

    def linked(sent: str) -> str:
        found = [f'<{name}>; rel="canonical"']
        if sent:
            found += [f'<{forms[sent]}>; rel="describedby"; type="{DOCUMENTS[sent]}"; anchor="{name}"']
        others = [form for form in forms if form != sent]
        found += [f'<{forms[form]}>; rel="alternate"; type="{DOCUMENTS[form]}"' for form in others]
        return ", ".join([*found, f'<{LICENCE}>; rel="license"', *links])

    try:
        media = DOCUMENTS[suffix] if suffix else choose(request, list(DOCUMENTS.values()))
    except Problem as problem:
        response = problem.response(request)
        response.headers["Link"] = linked("")
        return response
    form = next(form for form, kind in DOCUMENTS.items() if kind == media)
    told = {**(headers or {}), "Content-Location": forms[form], "Link": linked(form)}
    if media == "text/html":
        return show({key: value for key, value in told.items() if key != "Cache-Control"})
    return reply(request, write(media), media, told)


def address(request: Request, path: str) -> str:
    """The whole address of a path on this host."""
    return f"{str(request.base_url).removesuffix('/')}{path}"


def _mementos(request: Request, iri: str) -> tuple[str, ...]:
    """Where the earlier states of a document can be found (RFC 7089), of those that have any."""
    if kind_of(iri) not in CLOCKS or iri == BASE + kind_of(iri):
        return ()
    gate, times = (address(request, f"/{service}{quote(place(iri))}") for service in ("timegate", "timemap"))
    return f'<{gate}>; rel="timegate"', f'<{times}>; rel="timemap"; type="application/link-format"'


def absent(request: Request, iri: str, rest: str = "") -> Response:
    """What is said of a name without a document: moved (301), withdrawn (410), or never known (404).

    `rest` follows the name in the address that was asked.
    """
    known = index(request.state.service)
    name, suffix = split(iri, known.former)
    if name in known.former:
        present, reason = known.former[name]
        query = f"?{request.url.query}" if request.url.query else ""
        if present:
            to = quote(place(present)) + (f".{suffix}" if suffix else "") + rest + query
            return Response(status_code=301, headers={"Location": to, "Cache-Control": "no-store"})
        problem = Problem(
            410, "gone", Sentence("%(name)s was withdrawn: %(reason)s", name=name, reason=reason), reason=reason
        )
        return told(request, problem, "missing.html", nearest=[])
    nearest = known.nearest(name)
    problem = Problem(
        404, "not-found", Sentence("there is no document %(name)s in the record", name=name), nearest=nearest
    )
    return told(request, problem, "missing.html", nearest=nearest)


def _refused(request: Request, name: str, parameters: frozenset[str]) -> Response:
    known = sorted(parameters)
    expected = Sentence("known are %(names)s", names=", ".join(known)) if known else Sentence("this one has none")
    detail = Sentence("%(name)s is no parameter of a document: %(expected)s", name=name, expected=expected)
    problem = Problem(422, "invalid-parameter", detail, parameter=name, nearest=known)
    return told(request, problem, "refused.html", links=[])


def told(request: Request, problem: Problem, template: str, **values: Any) -> Response:
    """A problem in the form that the client prefers."""
    try:
        media = choose(request, ["application/problem+json", "application/json", "text/html"])
    except Problem:
        media = "application/problem+json"
    if media == "text/html":
        return page(request, template, problem.status, message=problem.detail, **values)
    response = problem.response(request)
    response.headers["Vary"] = "Accept"
    return response
