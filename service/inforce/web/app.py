"""The HTTP application: one service, its routes, and what holds for every answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from starlette.exceptions import HTTPException

from inforce import __version__
from inforce.catalogue import ParameterError
from inforce.service import Service
from inforce.web import api, documents, pages, questions, sparql
from inforce.web.errors import Problem

DESCRIPTION = """Which trade measures were in force on a day, as known on a day – and why.

Every question of the catalogue is one GET endpoint below `/api/`. Days are civil days of the imposing jurisdiction.
Names are the short names of the record (`gallium`, `US`, `cn-gallium-licensing`) or IRIs. An unknown parameter is an
error. Errors are RFC 9457 problem documents.
"""


def utc_today() -> date:
    """The day on which a question is asked. The only clock of the web application."""
    return datetime.now(UTC).date()


def create(service: Service, today: Callable[[], date] = utc_today) -> FastAPI:
    """The application that serves one build."""
    app = FastAPI(title="inforce", version=__version__, summary="Trade measures in time", description=DESCRIPTION)
    app.state.service, app.state.today = service, today
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "HEAD", "POST", "OPTIONS"], allow_headers=["*"],
        expose_headers=["ETag", "Link", "Content-Location"],
    )  # fmt: skip
    app.include_router(api.router(service))
    app.include_router(sparql.router)
    app.include_router(pages.router)
    app.include_router(questions.router)
    app.include_router(documents.router)  # last: it answers for every other path

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response(request)

    @app.exception_handler(ParameterError)
    async def parameter(request: Request, error: Exception) -> Response:
        assert isinstance(error, ParameterError)
        return Problem(
            422,
            "invalid-parameter",
            str(error),
            parameter=error.name,
            value=error.value,
            expected=error.expected,
            nearest=error.nearest,
        ).response(request)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: Exception) -> Response:
        return Problem(422, "invalid-parameter", str(error)).response(request)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        name = {404: "not-found", 405: "method-not-allowed", 415: "unsupported-media-type"}.get(
            error.status_code, "internal"
        )
        return Problem(error.status_code, name, f"{request.method} {request.url.path}: {error.detail}").response(
            request
        )

    @app.middleware("http")
    async def manners(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        return response

    return app
