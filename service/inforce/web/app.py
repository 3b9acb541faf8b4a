"""The HTTP application: the build that is served, its routes, and what holds for every answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from inforce import __version__, build, logs, settings
from inforce.catalogue import ParameterError
from inforce.service import Service, Versions
from inforce.settings import Settings
from inforce.store import Embedded, Unavailable
from inforce.web import (
    about,
    api,
    assets,
    batch,
    chains,
    changes,
    crawlers,
    documents,
    downloads,
    editor,
    examples,
    feeds,
    graph_store,
    memento,
    pages,
    processes,
    sparql,
    states,
    tariffs,
)
from inforce.web.errors import Problem
from inforce.web.language import Speaking
from inforce.web.manners import Manners
from inforce.web.metrics import Metrics
from inforce.web.succession import Succession
from inforce.workers import Pool

DESCRIPTION = """Which trade measures were in force on a day, as known on a day – and why.

Every question of the catalogue is one GET endpoint below `/api/`. Days are civil days of the imposing jurisdiction.
Names are the short names of the record (`gallium`, `US`, `cn-gallium-licensing`), in any case, or IRIs. An unknown
parameter is an error. Errors are RFC 9457 problem documents. Every answer names the version of the dataset and the
address under which it stays (`permalink`, `Link: rel="cite-as"`).
"""
# What a browser asks before it calls from another site. Anyone may; there is nothing here that only some may see.
_PREFLIGHT = {"Access-Control-Allow-Headers": "*", "Access-Control-Max-Age": "86400"}


def utc_today() -> date:
    """The day on which a question is asked. The only clock of the web application."""
    return datetime.now(UTC).date()


def from_settings() -> FastAPI:
    """The application of one of several processes: what the environment sets, on the build that is current."""
    wanted = settings.load()
    logs.configure(wanted.log)
    processes.sparing()
    current = build.current(wanted.builds).resolve()
    service = Service.of(wanted) if wanted.endpoint else Service.open(current, wanted.store)
    return create(service, wanted=wanted)


def create(service: Service, today: Callable[[], date] = utc_today, wanted: Settings | None = None) -> FastAPI:
    """The application that serves one build, and the versions that are kept beside it.

    If the build lies in the folder of builds that is set, the next one that becomes current there takes its place.
    """
    wanted = wanted or settings.load()
    pool = Pool(service.store.opened, wanted) if isinstance(service.store, Embedded) else None
    versions, shelf = Versions(service, wanted.versions, wanted.store), api.Shelf(wanted.cache)
    metrics = Metrics(service.version)
    succession = None
    if pool is not None and service.folder is not None and service.folder.resolve().parent == wanted.builds.resolve():
        succession = Succession(build.current(wanted.builds), versions, pool, shelf, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(succession.follow()) if succession else None
        yield
        if following is not None:
            following.cancel()
        if pool is not None:
            await run_in_threadpool(pool.close)

    app = FastAPI(
        title="inforce", version=__version__, summary="Trade measures in time", description=DESCRIPTION,
        openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan,
    )  # fmt: skip
    # The build of a request is its own: request.state.service.
    app.state.today, app.state.settings, app.state.pool = today, wanted, pool
    app.state.versions, app.state.shelf, app.state.metrics = versions, shelf, metrics
    app.state.succession = succession
    app.add_middleware(Speaking)
    app.add_middleware(Manners, metrics=metrics, versions=versions)
    app.router.routes.extend(api.ROUTES)
    # The documents come last: they answer for every other path.
    routers = [
        module.router
        for module in (
            batch, sparql, editor, graph_store, about, assets, downloads, crawlers, pages, changes, tariffs, chains,
            examples, feeds, states, memento, documents,
        )
    ]  # fmt: skip
    for router in routers:
        app.include_router(router)
    app.state.routes = [*api.ROUTES, *(route for router in routers for route in router.routes)]

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response(request)

    @app.exception_handler(ParameterError)
    async def parameter(request: Request, error: Exception) -> Response:
        assert isinstance(error, ParameterError)
        return Problem.of_parameter(error).response(request)

    @app.exception_handler(Unavailable)
    async def unavailable(request: Request, error: Exception) -> Response:
        return Problem(503, "unavailable", str(error)).response(request)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: Exception) -> Response:
        return Problem(422, "invalid-parameter", str(error)).response(request)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        if error.status_code == 405:
            known = headers["Allow"] = ", ".join(sorted(api.methods(request)))
            if request.method == "OPTIONS":
                return Response(
                    status_code=204, headers={**headers, "Access-Control-Allow-Methods": known, **_PREFLIGHT}
                )
        detail = f"{request.method} {request.url.path}: {error.detail}"
        response = Problem.of_status(error.status_code, detail).response(request)
        response.headers.update(headers)
        return response

    return app
