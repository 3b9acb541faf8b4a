"""What the service tells of itself: its health, its counts, the versions it keeps, and its description for programs."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from inforce.service import Service, Versions
from inforce.store import manifest
from inforce.web import metrics
from inforce.web.openapi import described
from inforce.web.pages import page
from inforce.web.reply import reply
from inforce.web.succession import Succession

router = APIRouter(include_in_schema=False)
_TOLD = ("version", "checksum", "coveredThrough", "counts")


@router.api_route("/health", methods=["GET", "HEAD"])
def health(request: Request) -> Response:
    """Version and coverage; 503 when the store does not answer. `refused` is a current build that cannot be opened."""
    service: Service = request.state.service
    service.store.ask("ASK { ?s ?p ?o }")
    succession: Succession | None = request.app.state.succession
    refused = {"refused": succession.refused} if succession and succession.refused else {}
    return _json(request, {"status": "ok", **_told(service.manifest), **refused}, {"Cache-Control": "no-store"})


@router.api_route("/metrics", methods=["GET", "HEAD"])
def counts(request: Request) -> Response:
    """Counts for Prometheus."""
    return Response(
        request.app.state.metrics.text(), headers={"Content-Type": metrics.MEDIA, "Cache-Control": "no-store"}
    )


@router.api_route("/versions", methods=["GET", "HEAD"])
def versions(request: Request) -> Response:
    """The versions that can be asked: the current one first, then the last made first."""
    kept: Versions = request.app.state.versions
    here: Service = request.state.service
    told = []
    for version, folder in kept.kept().items():
        at = f"/v/{quote(version, safe='+')}"
        about = _told(here.manifest if folder is None or version == here.manifest["version"] else manifest(folder))
        told.append({**about, "api": f"{at}/api/", "dump": f"{at}/dumps/inforce.nq" if folder else None})
    return _json(request, {"current": here.manifest["version"], "versions": told})


@router.api_route("/openapi.json", methods=["GET", "HEAD"])
def openapi(request: Request) -> Response:
    """The description of the API for programs."""
    return reply(request, described(request.state.service, request.app), "application/json")


@router.api_route("/docs", methods=["GET", "HEAD"])
def docs(request: Request) -> Response:
    """The same for people: Swagger UI, from here."""
    return page(request, "docs.html")


def _told(about: dict[str, Any]) -> dict[str, Any]:
    return {name: about[name] for name in _TOLD if name in about}


def _json(request: Request, value: Any, headers: dict[str, str] | None = None) -> Response:
    return reply(request, json.dumps(value, ensure_ascii=False).encode(), "application/json", headers)
