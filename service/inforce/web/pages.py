"""The pages for people that are no document of the record: the question on the home page, problems."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from inforce.catalogue import ParameterError
from inforce.model import BASE
from inforce.service import Answer, Service
from inforce.turtle import compact
from inforce.web import wording
from inforce.web.asked import given_parameters
from inforce.web.errors import TITLES
from inforce.web.negotiate import DOCUMENTS
from inforce.web.reply import reply
from inforce.web.site import in_form, path, short, site
from inforce.web.tables import STATUSES, table

router = APIRouter()
# What a newcomer wants to see: what applies, what is paused, what is to come.
SHOWN = STATUSES[:3]
FILTERS = ("material", "destination", "origin", "imposedBy", "kind", "flow", "hs")
EXAMPLES = (
    (
        "Gallium to the United States on 15 November 2025, as known then",
        {"on": "2025-11-15", "knownOn": "2025-11-15", "material": "gallium", "destination": "us"},
    ),
    (
        "Rare earths on 1 December 2025, as known a month before",
        {"on": "2025-12-01", "knownOn": "2025-11-01", "material": "rare-earth"},
    ),
    ("US measures on goods of China on 12 August 2025", {"on": "2025-08-12", "imposedBy": "us", "origin": "cn"}),
)


def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("inforce.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (
        wording.day, wording.last_day, wording.percent, wording.words, short, compact, path, in_form, urlencode,
    ):  # fmt: skip
        found.filters[function.__name__] = function
    found.globals |= {"count": wording.count, "local": wording.local, "base": BASE, "forms": DOCUMENTS}
    found.globals |= {"all_statuses": STATUSES}
    return found


templates = _environment()


def page(
    request: Request, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> Response:
    """A page from a template. A page about a document of the record names its `iri`."""
    known = site(request.app.state.service)
    shared = {"site": known, "manifest": known.service.manifest, "iri": None}
    body = templates.get_template(template).render({**shared, **values})
    return reply(request, body.encode(), "text/html", headers, status)


@router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
def home(request: Request) -> Response:
    """The question: which measures, on which day, as known on which day."""
    service: Service = request.app.state.service
    today: date = request.app.state.today()
    given = given_parameters(request)
    for name in given.keys() & {"material", "kind"}:
        given[name] = [site(service).slug_of_name(name, value) for value in given[name]]
    asked = {**given, "status": given.get("status") or SHOWN}
    shared: dict[str, Any] = {"given": given, "statuses": asked["status"], "today": today, "examples": EXAMPLES}
    try:
        answer = service.ask("in-force", asked, today)
        coming = _coming(service, answer, {n: v for n, v in given.items() if n in FILTERS}, today)
    except ParameterError as error:
        return page(request, "home.html", 422, error=error, links=mended(request, error), answer=None, **shared)
    pinned = {name: str(answer.parameters[name][0]) for name in ("on", "at", "knownOn") if name in answer.parameters}
    return page(
        request,
        "home.html",
        error=None,
        answer=answer,
        chosen=pinned,
        table=table(service, answer, today),
        coming=coming,
        announced=_announced(service, answer, today),
        data=urlencode({**pinned, **{name: v for name, v in asked.items() if name not in pinned}}, doseq=True),
        **shared,
    )


def mended(request: Request, error: ParameterError) -> list[tuple[str, str]]:
    """For each name or value that comes near, a link to the same question with it in the place of what was wrong."""
    links = []
    for near in error.nearest:
        items = [
            (near if error.value is None and name == error.name else name,
             near if (name, value) == (error.name, error.value) else value)
            for name, value in request.query_params.multi_items()
        ]  # fmt: skip
        links.append((near, f"{request.url.path}?{urlencode(items)}"))
    return links


def _coming(service: Service, answer: Answer, about: Mapping[str, list[str]], today: date) -> Answer | None:
    """What will change by itself in the year after the day asked, among the measures on the same things."""
    if "on" not in answer.parameters:
        return None
    days = {"from": [str(answer.parameters["on"][0])], "knownOn": [str(answer.parameters["knownOn"][0])]}
    return service.ask("upcoming", {**about, **days}, today)


def _announced(service: Service, answer: Answer, today: date) -> list[tuple[Mapping[str, Any], list[str]]]:
    """What has been announced for the measures of an answer, each once, with the measures of which it speaks."""
    measures = sorted({str(row["measure"]) for row in answer.rows})
    if not measures:
        return []
    given = {"measure": measures, "knownOn": [str(answer.parameters["knownOn"][0])]}
    found: dict[tuple[str, str], tuple[Mapping[str, Any], list[str]]] = {}
    for row in service.ask("announced", given, today).rows:
        found.setdefault((row["clause"], row["summary"]), (row, []))[1].append(row["measure"])
    return list(found.values())


@router.api_route("/problems", methods=["GET", "HEAD"], include_in_schema=False)
def problems(request: Request) -> Response:
    """What each type of problem means."""
    return page(request, "problems.html", titles=TITLES)
