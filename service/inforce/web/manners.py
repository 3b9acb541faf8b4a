"""What holds for every request: an id, a line in the log, a count, leave for other sites, a document for an error."""

from __future__ import annotations

import logging
import re
import time
import uuid

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inforce.service import Versions
from inforce.web.errors import Problem
from inforce.web.metrics import Metrics

log = logging.getLogger("inforce.http")
GONE = 499  # as nginx logs it: nobody is there to be answered
_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"ETag, Link, Content-Location, X-Total-Count, X-Request-ID, Retry-After, Query-Limits, Memento-Datetime, "
        b"Dataset-Version",
    ),
]


class Manners:
    """The outermost layer around the application. It holds nothing back: whatever is sent passes through at once.

    What is current when a request comes is its `state.service` to the end; `state.version` is what its answer names.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, versions: Versions) -> None:
        self.app, self.metrics, self.versions = app, metrics, versions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        request_id = _request_id(scope)
        status = 0
        service = self.versions.current
        state = scope["state"] = {**scope.get("state", {}), "service": service, "version": service.version}

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id), *_ALWAYS]
                message["headers"] += [(b"dataset-version", state["version"].encode())]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except ClientDisconnect:
            status = GONE
        except Exception:
            log.exception("failed", extra={"request_id": request_id.decode(), "path": scope["path"]})
            if status:  # too late for another answer: the connection must break
                raise
            problem = Problem(500, "internal", f"no answer could be made; the log has more under {request_id.decode()}")
            await problem.response(Request(scope))(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - start
            route = str(scope.get("counted") or getattr(scope.get("route"), "path", "none"))
            self.metrics.observe(scope["method"], route, status, seconds)
            if log.isEnabledFor(logging.INFO):
                log.info(
                    "request",
                    extra={
                        "request_id": request_id.decode(),
                        "method": scope["method"],
                        "path": scope["path"],
                        "query": scope["query_string"].decode("latin-1"),
                        "status": status,
                        "ms": round(seconds * 1000, 2),
                    },
                )


def _request_id(scope: Scope) -> bytes:
    """The id that the client gave the request, if it is a decent one, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value):
            return bytes(value)
    return uuid.uuid4().hex.encode()
