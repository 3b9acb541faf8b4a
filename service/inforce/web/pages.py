"""The pages for people that are no document of the record: the question on the home page, problems."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from datetime import date, timedelta
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from cachetools import LRUCache, cached
from fastapi import APIRouter, Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from inforce.catalogue import ParameterError
from inforce.model import BASE, NS, Sentence, Status
from inforce.service import Service, remembered
from inforce.turtle import compact
from inforce.web import language, wording
from inforce.web.asked import given_parameters
from inforce.web.drawing import Window
from inforce.web.errors import TITLES
from inforce.web.language import N_, carried, current
from inforce.web.negotiate import DOCUMENTS
from inforce.web.reply import reply
from inforce.web.site import Site, in_form, path, short, site
from inforce.web.standing import Lives, lives, on_day
from inforce.web.tables import STATUSES, Row, drawn_table

router = APIRouter()
# What a newcomer wants to see: what applies, what is paused, what is to come.
SHOWN = STATUSES[:3]
FILTERS = ("material", "destination", "origin", "imposedBy", "kind", "flow", "hs")
EXAMPLES = (
    (
        N_("Gallium to the United States on 15 November 2025, as known then"),
        {"on": "2025-11-15", "knownOn": "2025-11-15", "material": "gallium", "destination": "us"},
    ),
    (
        N_("Rare earths on 1 December 2025, as known a month before"),
        {"on": "2025-12-01", "knownOn": "2025-11-01", "material": "rare-earth"},
    ),
    (N_("US measures on goods of China on 12 August 2025"), {"on": "2025-08-12", "imposedBy": "us", "origin": "cn"}),
)


def but(given: Mapping[str, Sequence[str]], **changed: Sequence[str]) -> str:
    """The query string of a page with some parameters changed; empty ones are left out, the language stays."""
    return urlencode({**given, **changed, **carried()}, doseq=True)


def following(filters: Mapping[str, Sequence[str]]) -> str:
    """The query string of a feed on what a page shows, in its language."""
    chosen = {} if current() == "en" else {language.PARAMETER: current()}
    return "?" + urlencode({**filters, **chosen}, doseq=True) if filters or chosen else ""


def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("inforce.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    words = (language.gettext, language.ngettext)
    found.install_gettext_callables(  # type: ignore[attr-defined]
        *words, newstyle=True, pgettext=language.pgettext, npgettext=language.npgettext
    )
    found.policies["ext.i18n.trimmed"] = True
    said = (wording.day, wording.last_day, wording.percent, wording.words, wording.days_after, wording.year_before)
    names = (wording.status, wording.role, wording.parameter, wording.counted)
    addresses = (short, compact, path, in_form, urlencode, but, following)
    for function in (*said, *names, language.said, language.english, *addresses):
        found.filters[function.__name__] = function
    found.tests["of_coverage"] = lambda notice: "searched" in getattr(notice, "values", ())
    found.globals |= {"local": wording.local, "base": BASE, "forms": DOCUMENTS, "language": language.current}
    found.globals |= {"all_statuses": STATUSES}
    return found


templates = _environment()


def measure_row(row: Row, window: Window, on: Site) -> Markup:
    """The row of a measure in a table. It is the same on most days, so that a day that moves draws little anew."""
    return _drawing(on.service)(row, window, on)


@remembered()
def _drawing(_: Service) -> Callable[[Row, Window, Site], Markup]:
    """What draws the rows of a build, and keeps them."""

    @cached(LRUCache(8192), key=lambda row, window, on: (row.key, window, current()), lock=Lock())
    def drawn(row: Row, window: Window, on: Site) -> Markup:
        return Markup(templates.get_template("row.html").render(row=row, window=window, site=on))

    return drawn


templates.globals["measure_row"] = measure_row


def page(
    request: Request, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> Response:
    """A page from a template. A page about a document of the record names its `iri`."""
    try:
        language.checked(request)
    except ParameterError as error:
        template, status, headers = "refused.html", 422, None
        values = {"message": error.sentence, "links": mended(request, error)}
    body = rendered(request, template, **values)
    return reply(request, body, "text/html", {**language.headers(request), **(headers or {})}, status)


def rendered(request: Request, template: str, **values: Any) -> bytes:
    """The text of a page, which every page has much of in common."""
    known = site(request.state.service)
    shared = {
        "site": known,
        "manifest": known.service.manifest,
        "iri": None,
        "titled": None,
        "here": request.url.path,
        "today": request.app.state.today(),
        "marked": [],
        "tongues": _others(request),
        "tongue": language.LANGUAGES[language.current()][0],
        "carried": language.carried(),
    }
    return templates.get_template(template).render({**shared, **values}).encode()


def _others(request: Request) -> list[tuple[str, str, str]]:
    """The address of a page in each language, with what HTML calls the language and what it calls itself."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != language.PARAMETER]
    path = request.url.path.removesuffix(".html")  # a page is the same under both of its addresses
    return [
        (code, called, f"{path}?{urlencode([*kept, (language.PARAMETER, name)])}")
        for name, (code, called) in language.LANGUAGES.items()
    ]


@router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
def home(request: Request) -> Response:
    """The question: which measures, on which day, as known on which day."""
    service: Service = request.state.service
    today: date = request.app.state.today()
    given = asked_for(request)
    shared: dict[str, Any] = {"given": given, "today": today, "examples": EXAMPLES}
    try:
        known, view = _known(given), _view(given)
        asked = {name: values for name, values in given.items() if name not in ("known", "view")}
        if known == "today":
            asked.pop("knownOn", None)
        elif known == "then":
            asked["knownOn"] = [day[:10] for day in asked.get("on") or asked.get("at") or [today.isoformat()]]
        terms, _ = service.bound("in-force", {**asked, "status": given.get("status") or SHOWN}, today)
        pinned = {name: str(terms[name][0]) for name in ("on", "at", "knownOn") if name in terms}
        statuses = [str(term).removeprefix(NS) for term in terms["status"]]
        filters = {name: values for name, values in asked.items() if name in FILTERS}
        learned = site(service).learned(pinned["knownOn"])
        found = lives(service.ask("timeline", {**filters, "knownOn": [learned]}, today).rows)
    except ParameterError as error:
        shared["statuses"] = given.get("status") or SHOWN
        return page(request, "home.html", 422, error=error, links=mended(request, error), table=None, **shared)
    on = pinned.get("on") or pinned["at"]
    made = drawn_table(service, found, on, pinned["knownOn"], today, statuses, view)
    return page(
        request,
        "home.html",
        error=None,
        chosen=pinned,
        known=known or ("date" if pinned["knownOn"] != today.isoformat() else "today"),
        statuses=statuses,
        table=made,
        elsewhere=_elsewhere(service, filters, found, on, statuses, today) if pinned["knownOn"] < str(today) else [],
        filters=filters,
        beyond=bool(service.beyond_coverage(terms)),
        announced=announced(service, {row.measure for group in made.groups for row in group.rows}, learned),
        data=but(filters, status=statuses, **{name: [day] for name, day in pinned.items()}),
        **shared,
    )


def asked_for(request: Request) -> dict[str, list[str]]:
    """The parameters of a page; materials and kinds may be called by their names in English or Chinese."""
    given = given_parameters(request)
    for name in given.keys() & {"material", "kind"}:
        given[name] = [site(request.state.service).slug_of_name(name, value) for value in given[name]]
    return given


def one_of(given: Mapping[str, list[str]], name: str, values: Sequence[str]) -> str | None:
    """The one value of a parameter of a page. Raises ParameterError unless it is one of the values."""
    found = given.get(name, [])
    if len(found) > 1 or not set(found) <= set(values):
        raise ParameterError(name, ", ".join(found), Sentence("one of %(names)s", names=", ".join(values)))
    return found[0] if found else None


def _known(given: Mapping[str, list[str]]) -> str | None:
    """Whether to answer as known today, as known on the day asked (then), or on the date in knownOn."""
    return one_of(given, "known", ("today", "then", "date"))


def _view(given: Mapping[str, list[str]]) -> tuple[date, date] | None:
    """The days that the chart shows: 2025-01-01/2027-12-31, the last one included."""
    stated = given.get("view", [])
    if not stated:
        return None
    try:
        (both,) = stated
        first, last = map(date.fromisoformat, both.split("/"))
        if first <= last < date.max:
            return first, last + timedelta(days=1)
    except ValueError:
        pass
    raise ParameterError("view", ", ".join(stated), Sentence("two days, the earlier first: 2025-01-01/2027-12-31"))


def _elsewhere(
    service: Service, filters: Mapping[str, list[str]], found: Lives, on: str, statuses: Sequence[str], today: date
) -> list[str]:
    """The measures that applied or were suspended on the day asked, and of which nobody could know then."""
    learned = site(service).learned(today.isoformat())
    now = lives(service.ask("timeline", {**filters, "knownOn": [learned]}, today).rows)
    states = {m: on_day(life, on[:10]) for m, life in now.items() if m not in found}
    counted = set(statuses) & {Status.IN_FORCE, Status.SUSPENDED}
    return [m for m, state in states.items() if state and state.span["status"] in counted]


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


def announced(service: Service, measures: Container[str], known_on: str) -> list[tuple[Mapping[str, Any], list[str]]]:
    """What has been announced of some measures without being law, each once, with those of which it speaks."""
    found: dict[tuple[str, str], tuple[Mapping[str, Any], list[str]]] = {}
    for row in service.ask("announced", {"knownOn": [known_on]}, date.fromisoformat(known_on)).rows:
        if row["measure"] in measures:
            found.setdefault((row["clause"], row["summary"]), (row, []))[1].append(row["measure"])
    return list(found.values())


@router.api_route("/problems", methods=["GET", "HEAD"], include_in_schema=False)
def problems(request: Request) -> Response:
    """What each type of problem means."""
    return page(request, "problems.html", titles=TITLES)
