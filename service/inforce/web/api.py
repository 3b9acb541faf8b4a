"""The questions of the catalogue over HTTP: /api/<question>, its permanent form below /v/<version>/, its SPARQL.

An answer never changes, so it is made once: what is ready to be sent is kept under all that decides on it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from datetime import date
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from cachetools import LRUCache
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import Route

from inforce import catalogue
from inforce.catalogue import Query
from inforce.model import InforceError
from inforce.service import Answer, Service, Versions
from inforce.web import language
from inforce.web.answers import html, sparql_of
from inforce.web.asked import RESERVED, in_language, page, parameters
from inforce.web.errors import Problem
from inforce.web.forms import offers, write
from inforce.web.negotiate import by_format, choose
from inforce.web.reply import FOREVER, Reply, ready, reply
from inforce.web.site import path

SPARQL_TEXT = "application/sparql-query"
MOST_SHOWN = 1000  # rows on a page for people; programs get all


class Shelf:
    """Replies that are ready to be sent, by all that decides on them, the version that is served first.

    The longest unused ones go first.
    """

    def __init__(self, megabytes: int) -> None:
        self._replies: LRUCache[Any, Reply] = LRUCache(megabytes * 1_000_000, getsizeof=lambda r: len(r.body) + 2000)
        self._lock = Lock()

    def find(self, key: Any) -> Reply | None:
        """The reply under a key, if it is here."""
        with self._lock:
            return self._replies.get(key)

    def put(self, key: Any, made: Reply) -> None:
        """Keep a reply; one that is larger than the shelf is not kept."""
        with self._lock:
            if len(made.body) + 2000 <= self._replies.maxsize:
                self._replies[key] = made

    def drop(self, version: str) -> None:
        """Put away the replies that were made while a version was served."""
        with self._lock:
            for key in [key for key in self._replies if key[0] == version]:
                del self._replies[key]


async def latest(request: Request) -> Response:
    """The answer of the build that is served."""
    name, today = request.path_params["name"], request.app.state.today()
    return await _answered(request, today, lambda: made(request, request.state.service, name, today))


async def permanent(request: Request) -> Response:
    """The answer of a version. What a call leaves open is bound first, by a redirect."""
    name, version = request.path_params["name"], request.path_params["version"]
    return await _answered(request, None, lambda: made(request, version_of(request, version), name, None))


async def _answered(request: Request, today: date | None, make: Callable[[], Reply]) -> Response:
    """The answer off the shelf, else made in a thread."""
    if request.path_params["name"] in request.state.service.queries:
        request.scope["counted"] = f"/api/{request.path_params['name']}"
    elif request.method not in methods(request):  # a path of its own, that answers to POST only
        raise HTTPException(405)
    shelf: Shelf = request.app.state.shelf
    headers = request.headers
    accepted = tuple(headers.get(name) for name in ("accept", "accept-encoding"))
    address = (request.state.service.version, request.scope["path"], request.scope["query_string"])
    key = (*address, accepted, language.current(), today)
    found = shelf.find(key)
    if found is not None:
        request.state.version = request.path_params.get("version", request.state.version)
    else:
        found = await run_in_threadpool(make)
        if found.status == 200:
            shelf.put(key, found)
    return found.to(request)


def made(request: Request, service: Service, name: str, today: date | None) -> Reply:
    """The answer to a call in the form it asks for; with no day called today, the call must leave nothing open."""
    query = question(service, name)
    given = parameters(request)
    media = by_format(request, offers(query.form == "CONSTRUCT"))
    if media == "text/html" and language.PARAMETER not in query.parameters:  # then it is that of the page alone
        given.pop(language.PARAMETER, None)
    catalogue.known(query, given, sorted(RESERVED))
    limit, offset = page(request)
    asked = in_language(query, given)
    answer = service.ask(name, asked, today or request.app.state.today())
    if media == "text/html" and limit is None and answer.total - offset > MOST_SHOWN:
        limit = MOST_SHOWN
    answer = answer.page(limit, offset)
    chosen = request.query_params.get("format")
    if today is None and answer.parameters.keys() != given.keys():
        to = path(_with(answer.permalink, chosen))
        return Reply(b"", {"Location": to, "Cache-Control": "no-store", "Content-Length": "0"}, 307)
    headers = {
        "Vary": language.vary(request),
        **(language.headers(request) if media == "text/html" else {}),
        "Link": ", ".join(_links(answer, chosen)),
        "X-Total-Count": str(answer.total),
        # Data never change; how a page looks may.
        **({"Cache-Control": FOREVER} if today is None and media != "text/html" else {}),
    }
    return ready(request, _body(request, answer, media), media, headers)


def _body(request: Request, answer: Answer, media: str) -> bytes:
    if media == "text/html":
        return html(request, answer)
    try:
        return write(answer, media)
    except InforceError as error:
        there = [kind for kind in offers(answer.is_graph).values() if not kind.startswith("application/vnd.apache.")]
        raise Problem(406, "not-acceptable", str(error), alternates=there) from None


def _links(answer: Answer, chosen: str | None) -> list[str]:
    """The Link header: where this answer can be cited, its other pages in the same version, the query behind it."""
    links = {"cite-as": _with(answer.permalink, chosen)}
    if answer.limit is not None:
        last = max(answer.total - 1, 0) // answer.limit * answer.limit
        pages = {"first": 0, "last": last}
        if answer.offset > 0:
            pages["prev"] = max(min(answer.offset, answer.total) - answer.limit, 0)
        if answer.offset + answer.limit < answer.total:
            pages["next"] = answer.offset + answer.limit
        links |= {relation: _with(answer.at(offset), chosen) for relation, offset in pages.items()}
    found = [f'<{path(iri)}>; rel="{relation}"' for relation, iri in links.items()]
    return [*found, f'<{sparql_of(answer)}>; rel="describedby"; type="{SPARQL_TEXT}"']


def _with(iri: str, chosen: str | None) -> str:
    return f"{iri}&{urlencode({'format': chosen})}" if chosen else iri


def question(service: Service, name: str) -> Query:
    """A question by its name. Raises Problem 404 with those that come near."""
    if name not in service.queries:
        near = difflib.get_close_matches(name[:80], service.queries, n=3) or sorted(service.queries)
        raise Problem(404, "not-found", f"no question is called {name}", nearest=near)
    return service.queries[name]


def version_of(request: Request, version: str) -> Service:
    """The service of a version. Raises Problem 404 with the versions there are, 410 if it cannot be read any more."""
    versions: Versions = request.app.state.versions
    try:
        found = versions.find(version)
        request.state.version = found.version
        return found
    except KeyError:
        raise Problem(404, "not-found", f"no version {version} is kept here", versions=list(versions.kept())) from None
    except InforceError as error:
        raise Problem(410, "gone", f"version {version} cannot be read any more: {error}") from None


def methods(request: Request) -> set[str]:
    """The methods that the path of a request knows: those of its own routes, else of the first that takes its like."""
    path, routes = request.url.path, request.app.state.routes
    own = [route for route in routes if route.path == path]
    own = own or [route for route in routes if route.path_regex.match(path)][:1]
    return {"OPTIONS", *(method for route in own for method in route.methods)}


def sparql_text(request: Request) -> Response:
    """The SPARQL of a question: as it stands in the catalogue, or with the parameters of a call bound."""
    return _sparql(request, request.state.service, request.path_params["name"], {})


def permanent_sparql_text(request: Request) -> Response:
    """The SPARQL of a question as it stood in a version."""
    service = version_of(request, request.path_params["version"])
    return _sparql(request, service, request.path_params["name"], {"Cache-Control": FOREVER})


def _sparql(request: Request, service: Service, name: str, headers: dict[str, str]) -> Response:
    """The text; a browser is sent to the page that runs it."""
    query = question(service, name)
    given = parameters(request)
    catalogue.known(query, given, sorted(RESERVED))
    asked = in_language(query, given)
    # In a version a call that names nothing is the call that asks for all, where a question can be asked so.
    whole = "version" in request.path_params and all(p.optional for p in query.parameters.values())
    text = service.bound(name, asked, request.app.state.today())[1] if given or whole else query.text
    media = choose(request, [SPARQL_TEXT, "text/plain", "text/html"])
    vary = {"Vary": language.vary(request)}
    if media == "text/html":
        to = f"/sparql?{urlencode({'query': text})}"
        return Response(status_code=303, headers={"Location": to, "Cache-Control": "no-store", **vary})
    return reply(request, text.encode(), media, {**vary, **headers})


# Plain routes of Starlette: those of FastAPI look at each parameter, which here is the catalogue's task, and take time.
ROUTES = [
    Route("/api/{name}", latest),
    Route("/v/{version}/api/{name}", permanent),
    Route("/queries/{name}.rq", sparql_text),
    Route("/v/{version}/queries/{name}.rq", permanent_sparql_text),
]
