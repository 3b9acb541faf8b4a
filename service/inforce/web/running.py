"""A query of anybody, from the request to the response: in the pool of processes, within limits that are told."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from inforce.settings import Settings
from inforce.store import Embedded, Store
from inforce.web.editor import editor
from inforce.web.errors import Problem
from inforce.web.manners import GONE
from inforce.web.metrics import Metrics
from inforce.web.negotiate import GRAPHS, RESULT_ALIASES, RESULTS, choose, coding
from inforce.web.reply import coded
from inforce.workers import PAGE, Exceeded, Found, Full, Pool, Task

# The forms of each kind of answer. ASK has no CSV or TSV form.
FORMS: Mapping[str, Mapping[str, str]] = {
    "rows": {**RESULTS, "html": "text/html"},
    "boolean": {name: RESULTS[name] for name in ("srj", "srx")} | {"html": "text/html"},
    "graph": GRAPHS,
}
LIMITS = "Query-Limits"
# Seconds that a query waits if its client has too many here: at random, so that not all come back together.
PAUSE = (2.0, 4.0)
TAKEN = 120.0  # seconds within which a client must have taken its answer
_PIECE = 65_536


async def patience(request: Request) -> None:
    """Let a client for whom there is no place wait, before more is done for the request or its body is read.

    Who asks again as soon as he is sent away would keep the service busy with nothing else.
    """
    pool: Pool | None = request.app.state.pool
    if pool is None:
        return
    try:
        pool.check(_client(request))
    except Full:
        await asyncio.sleep(random.uniform(*PAUSE))


async def run(request: Request, query: str, default: Sequence[str] = (), named: Sequence[str] = ()) -> Response:
    """The answer to a query, over the dataset that the protocol names, in the form that the request wants."""
    metrics: Metrics = request.app.state.metrics
    try:
        response = await _answered(request, query, default, named)
        metrics.query("gone" if response.status_code == GONE else "answered")
        return response
    except Problem as problem:
        metrics.query(problem.members.get("limit", problem.name))
        told = await _told(request, query, problem)
        told.headers.update(limits(request))
        return told


def limits(request: Request) -> dict[str, str]:
    """The header that tells what a query may need: seconds, and bytes of memory, answer and query."""
    wanted: Settings = request.app.state.settings
    told = {
        "seconds": f"{wanted.query_seconds:g}",
        "memory": wanted.query_memory * 2**20,
        "answer": wanted.query_answer * 10**6,
        "length": wanted.query_length * 1000,
    }
    return {LIMITS: ", ".join(f"{name}={value}" for name, value in told.items())}


async def _answered(request: Request, query: str, default: Sequence[str], named: Sequence[str]) -> Response:
    most = request.app.state.settings.query_length * 1000
    if len(query.encode()) > most:
        raise Problem(413, "too-large", f"a query may have {most} bytes here", most=most)
    pool: Pool | None = request.app.state.pool
    store: Store = request.state.service.store
    if pool is None or not isinstance(store, Embedded):
        raise Problem(503, "unavailable", "this service has no store of its own; ask its endpoint")
    client = _client(request)
    try:
        pool.enter(client)
    except Full as full:
        raise _full(full) from None
    try:
        media, refusals = _wanted(request)
        task = Task(query, default, named, media, coding(request))
        found = await _unless_gone(request, pool.ask(client, task, store.opened))
        response = await _made(request, query, found, refusals) if found else Response(status_code=GONE)
    except BaseException as error:
        pool.leave(client)
        if isinstance(error, Full):
            raise _full(error) from None
        if isinstance(error, Exceeded):
            raise _exceeded(error.limit, request) from None
        raise
    return _Taken(response, lambda: pool.leave(client))


def _wanted(request: Request) -> tuple[dict[str, str | None], dict[str, Problem]]:
    """The media type for each kind of answer, for which kind it is only the query tells; and what cannot be had."""
    media: dict[str, str | None] = {}
    refusals = {}
    for kind, forms in FORMS.items():
        named = request.query_params.get("format", "")
        chosen = forms.get(named, named)
        try:
            if chosen not in forms.values():
                # Clients send names of their own for `format` along with Accept: they decide nothing.
                offers = list(forms.values())
                chosen = choose(request, offers) if kind == "graph" else choose(request, offers, RESULT_ALIASES)
            media[kind] = chosen
        except Problem as problem:
            media[kind], refusals[kind] = None, problem
    return media, refusals


def _client(request: Request) -> str:
    """Whom a query is counted for: an address, of IPv6 the network that is given to one customer."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host


async def _unless_gone(request: Request, asked: Any) -> Found | None:
    """What is found; nothing if the client hangs up before that, which frees the process that works for it."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    asking, watching = asyncio.ensure_future(asked), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({asking, watching}, return_when=asyncio.FIRST_COMPLETED)
        return asking.result() if asking.done() else None
    finally:
        asking.cancel()
        watching.cancel()
        await asyncio.gather(asking, watching, return_exceptions=True)


async def _made(request: Request, query: str, found: Found, refusals: Mapping[str, Problem]) -> Response:
    said = found.said
    if "unacceptable" in said:
        raise refusals[said["unacceptable"]]
    if "limit" in said:
        raise _exceeded(said["limit"], request)
    if "problem" in said:
        raise _problem(said["problem"], said["detail"])
    if said["media"] == "text/html":
        response = await run_in_threadpool(lambda: editor(request, query, json.loads(found.body)))
        response.headers.update(limits(request))
        return response
    return coded(found.body, said["media"], said["coding"], said["tag"], limits(request)).to(request)


async def _told(request: Request, query: str, problem: Problem) -> Response:
    """A problem, on the page of the query for people."""
    try:
        page = choose(request, [*RESULTS.values(), *GRAPHS.values()]) == "text/html"
    except Problem:
        page = False
    if not page:
        return problem.response(request)
    response = await run_in_threadpool(editor, request, query, problem=problem)
    response.headers.update(problem.headers)
    return response


def _problem(name: str, detail: str) -> Problem:
    """The problem of a query that is no SPARQL, with line and column where the parser stopped."""
    place = re.search(r"\bat (\d+):(\d+)", detail)
    members = {"line": int(place[1]), "column": int(place[2])} if place else {}
    return Problem(400, name, detail, **members)


def _full(full: Full) -> Problem:
    return Problem(429, "too-many-queries", str(full)) if full.own else Problem(503, "unavailable", str(full))


def _exceeded(limit: str, request: Request) -> Problem:
    """The problem of a query that goes too far. Only of time it can be hoped that another try brings more."""
    wanted: Settings = request.app.state.settings
    if limit == "engine":
        return Problem(500, "internal", "the engine fails on this query")
    if limit == "nesting":
        return Problem(422, "query-limit", "the query is nested too deeply", limit=limit)
    most, unit, hint = {
        "time": (wanted.query_seconds, "seconds", "ask for less, or ask the dump: /dumps/inforce.nq"),
        "memory": (wanted.query_memory * 2**20, "bytes of memory", "ask for less, or sort less"),
        "answer": (wanted.query_answer * 10**6, "bytes of answer", "use LIMIT and OFFSET, or ask for fewer variables"),
        "page": (PAGE, "bytes of results on a page", "use LIMIT, or ask for CSV: format=csv"),
    }[limit]
    detail = f"a query may have {most:{'g' if limit == 'time' else ','}} {unit} here, and this one needs more: {hint}"
    return Problem(504 if limit == "time" else 422, "query-limit", detail, limit=limit, most=most)


class _Taken(Response):
    """A response in pieces, each sent when the client has taken those before; then it gives back the client's place."""

    def __init__(self, response: Response, leave: Callable[[], None]) -> None:
        super().__init__(status_code=response.status_code)
        self.raw_headers = response.raw_headers
        self.body, self._leave = response.body, leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        try:
            async with asyncio.timeout(TAKEN):
                await send(start)
                for at in range(0, len(self.body), _PIECE):
                    await send({"type": "http.response.body", "body": self.body[at : at + _PIECE], "more_body": True})
                await send({"type": "http.response.body"})
        except TimeoutError:
            pass  # what is left unsaid makes the server break the connection
        finally:
            self._leave()
