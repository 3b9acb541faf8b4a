"""The page on which people write queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request, Response

from inforce.service import Service
from inforce.web.description import compact
from inforce.web.errors import Problem
from inforce.web.pages import page
from inforce.web.site import site

SHOWN = 1000  # rows on the page; programs get all


def editor(
    request: Request, text: str, results: Mapping[str, Any] | None = None, problem: Problem | None = None
) -> Response:
    """The page on which people write queries, with the answer as a table."""
    service: Service = request.app.state.service
    names: list[str] | None = None
    bindings: list[dict[str, dict[str, str]]] = []
    if results is not None:
        names = results["head"].get("vars", ["answer"])
        boolean = {"type": "literal", "value": str(results.get("boolean")).lower()}
        bindings = results["results"]["bindings"] if "results" in results else [{"answer": boolean}]
    href = site(service).href
    rows = [[_cell(binding.get(name), href) for name in names or ()] for binding in bindings[:SHOWN]]
    shown: dict[str, Any] = {"text": text, "problem": problem, "names": names, "rows": rows, "total": len(bindings)}
    return page(request, "sparql.html", problem.status if problem else 200, queries=service.queries.values(), **shown)


def _cell(term: Mapping[str, str] | None, href: Callable[[str], str | None]) -> dict[str, str | None]:
    if term is None:
        return {"text": "", "href": None}
    if term["type"] != "uri":
        return {"text": term["value"], "href": None}
    return {"text": compact(term["value"]), "href": href(term["value"])}
