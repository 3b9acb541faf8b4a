"""Following the record: feeds of what changed and became known, calendars of what is to come, a stream of effects.

Each is made of answers of the catalogue, takes the filters of its questions and is written anew for each day called
today: a program that asks without days sees a window that moves on.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response

from inforce.catalogue import ParameterError
from inforce.model import BASE, Sentence
from inforce.service import Answer, Service
from inforce.web.api import question, version_of
from inforce.web.asked import given_parameters, in_language
from inforce.web.errors import Problem
from inforce.web.feeds import atom, calendar, stream
from inforce.web.feeds.effects import first_year
from inforce.web.feeds.points import language, points
from inforce.web.forms import written
from inforce.web.language import PARAMETER, current, vary
from inforce.web.negotiate import choose
from inforce.web.pages import mended, page
from inforce.web.reply import FOREVER, reply
from inforce.web.site import site

router = APIRouter(include_in_schema=False)

YEAR = timedelta(days=365)
# What is over stays in the calendar of what is to come for a while, or it would vanish on its very day.
KEPT = timedelta(days=31)
FILTERS = ("material", "hs", "imposedBy", "destination", "origin", "kind", "flow")
_FEEDS: Mapping[str, Callable[[Service, Answer, str], list[atom.Entry]]] = {
    "changes": atom.of_law,
    "learned": atom.of_knowledge,
}
_DAYS = ("from", "to", "days", "until", "knownOn")
Given = dict[str, list[str]]


def base(request: Request) -> str:
    """Where this host serves, for links that programs follow; our own name where the client gives no decent one."""
    named = str(request.base_url)
    return named if re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+/", named) else BASE


def _asked(request: Request, service: Service, name: str) -> Given:
    """The parameters of a feed, in the language that the client prefers."""
    given: Given = {}
    for parameter, value in request.query_params.multi_items():
        given.setdefault(parameter, []).append(value)
    return in_language(service.query(name), given)


def _unknown(name: str, known: Sequence[str]) -> None:
    near = difflib.get_close_matches(name[:80], known, n=2)
    raise ParameterError(
        name, None, Sentence("one of %(names)s", names=", ".join(known)), near, Sentence("is no parameter of this feed")
    )


def window(name: str, given: Mapping[str, list[str]], today: date) -> dict[str, list[str]]:
    """The parameters of a feed, with days of its own if it names none; what is known is left to the question."""
    if given.keys() & set(_DAYS) - {"knownOn"}:
        since = {"from": [(today - YEAR).isoformat()]} if name in _FEEDS and "from" not in given else {}
        return {**since, **given}
    match name:
        case "upcoming":
            days = {"from": today - KEPT, "until": today + YEAR}
        case "calendar":
            days = {"from": today - YEAR, "to": today + YEAR}
        case _:
            days = {"from": today - YEAR}
    return {**{bound: [day.isoformat()] for bound, day in days.items()}, **given}


def _query(given: Mapping[str, Sequence[str]]) -> str:
    return "?" + urlencode(sorted(given.items()), doseq=True) if given else ""


def _vary(request: Request) -> dict[str, str]:
    return {"Vary": vary(request)}


# Atom


@router.api_route("/feeds/{name}.atom", methods=["GET", "HEAD"])
def feed(request: Request, name: str) -> Response:
    """The feed to subscribe to: the last year, or the days asked for."""
    service, today = request.state.service, request.app.state.today()
    _known(name, _FEEDS)
    given = _asked(request, service, name)
    answer = service.ask(name, window(name, given, today), today)
    links = {}
    if not given.keys() & set(_DAYS):
        year = min((today - YEAR).year, today.year - 1)
        if year >= first_year(service):
            links["prev-archive"] = f"feeds/{name}/{year}.atom"
    return _atom(request, name, answer, links)


@router.api_route("/feeds/{name}/{year}.atom", methods=["GET", "HEAD"])
def archive(request: Request, name: str, year: str) -> Response:
    """A year that is over, for those who want all of a feed (RFC 5005)."""
    service, today = request.state.service, request.app.state.today()
    _known(name, _FEEDS)
    first, last = first_year(service), today.year - 1
    if not re.fullmatch("[0-9]{4}", year) or not first <= int(year) <= last:
        raise Problem(404, "not-found", f"the feed has archives of {first} to {last}", nearest=[])
    given = _asked(request, service, name)
    for day in given.keys() & {"from", "to", "knownOn"}:
        _unknown(day, [*FILTERS, "lang"])
    days = {"from": [f"{year}-01-01"], "to": [f"{year}-12-31"]}
    answer = service.ask(name, {**given, **days}, today)
    links = {"current": f"feeds/{name}.atom"}
    if int(year) > first:
        links["prev-archive"] = f"feeds/{name}/{int(year) - 1}.atom"
    if int(year) < last:
        links["next-archive"] = f"feeds/{name}/{int(year) + 1}.atom"
    return _atom(request, name, answer, links, archive=True)


def _atom(request: Request, name: str, answer: Answer, links: Mapping[str, str], archive: bool = False) -> Response:
    """A document of a feed, which has one name in its archives and in what is subscribed to."""
    service, here = request.state.service, base(request)
    query = _same(request)
    about = {p: request.query_params.getlist(p) for p in FILTERS if p in request.query_params}
    body = atom.write(
        service,
        _FEEDS[name](service, answer, here),
        name,
        _name(request, f"{name}.atom", answer, () if archive else _DAYS),
        language(answer),
        here,
        {
            "self": f"{here}{request.url.path.removeprefix('/')}{query}",
            "alternate": f"{here}feeds{_query(about)}",
            **{relation: here + to + query for relation, to in links.items()},
        },
        archive,
    )
    return reply(request, body, atom.MEDIA, _vary(request))


def _same(request: Request) -> str:
    """The query string of a request, as we would write it."""
    return "?" + urlencode(request.query_params.multi_items()) if request.query_params else ""


def _name(request: Request, path: str, answer: Answer, days: Sequence[str] = _DAYS) -> str:
    """The name of a feed for good: with its filters, its language if that is not English, and the days asked for."""
    given = {*FILTERS, *(request.query_params.keys() & set(days))}
    named = sorted((p, v) for p, v in answer.asked if p in given or (p, v) == ("lang", "zh"))
    return f"{BASE}feeds/{path}" + ("?" + urlencode(named) if named else "")


def _known(name: str, names: Mapping[str, object] | Sequence[str]) -> None:
    if name not in names:
        near = difflib.get_close_matches(name[:80], names, n=2) or sorted(names)
        raise Problem(404, "not-found", f"there is no such feed: {name}", nearest=near)


# iCalendar


@router.api_route("/feeds/{name}.ics", methods=["GET", "HEAD"])
def ical(request: Request, name: str) -> Response:
    """The turning points of the law as a calendar."""
    service, today = request.state.service, request.app.state.today()
    _known(name, ("upcoming", "calendar"))
    answer = service.ask(name, window(name, _asked(request, service, name), today), today)
    here, file = base(request), f"{name}.ics"
    named, address = _name(request, file, answer), f"{here}feeds/{file}{_same(request)}"
    body = calendar.write(service, answer, points(service, answer), name, named, here, address)
    shown = {"Content-Disposition": f'inline; filename="inforce-{name}.ics"'}
    return reply(request, body, calendar.MEDIA, {**_vary(request), **shown})


# The stream of effects


@router.api_route("/feeds/effects", methods=["GET", "HEAD"])
@router.api_route("/feeds/effects.{form}", methods=["GET", "HEAD"])
@router.api_route("/feeds/effects/{year}", methods=["GET", "HEAD"])
@router.api_route("/feeds/effects/{year}.{form}", methods=["GET", "HEAD"])
def live_stream(request: Request, year: str | None = None, form: str | None = None) -> Response:
    """The stream of the record as it is now."""
    return _stream(request, request.state.service, year, form, frozen=False)


@router.api_route("/v/{version}/feeds/effects", methods=["GET", "HEAD"])
@router.api_route("/v/{version}/feeds/effects.{form}", methods=["GET", "HEAD"])
@router.api_route("/v/{version}/feeds/effects/{year}", methods=["GET", "HEAD"])
@router.api_route("/v/{version}/feeds/effects/{year}.{form}", methods=["GET", "HEAD"])
def frozen_stream(request: Request, version: str, year: str | None = None, form: str | None = None) -> Response:
    """The stream of one version, which never changes."""
    return _stream(request, version_of(request, version), year, form, frozen=True)


def _stream(request: Request, service: Service, year: str | None, form: str | None, frozen: bool) -> Response:
    given: Given = {}
    media = _media(request, form)
    for name, value in request.query_params.multi_items():
        if name == PARAMETER and media == "text/html":
            continue
        if name not in FILTERS:
            _unknown(name, FILTERS)
        given.setdefault(name, []).append(value)
    question(service, "effects")
    found = stream.members(service, service.ask("effects", given, request.app.state.today()))
    years = sorted({member.year for member in found})
    if year is not None and year not in map(str, years):
        raise Problem(404, "not-found", f"the stream has no page {year}", nearest=[str(y) for y in years[-3:]])
    version = service.manifest["version"]
    root = f"{base(request)}v/{quote(version, safe='+')}/feeds/effects" if frozen else f"{base(request)}feeds/effects"
    place = stream.Place(root, _same(request), _query(given), version, frozen)
    headers = {"Cache-Control": FOREVER} if frozen and media != "text/html" else {}
    if media == "text/html":
        told = {"place": place, "years": years, "year": year, "found": found}
        return page(request, "stream.html", 200, headers, **told)
    triples = stream.page_of_year(place, int(year), found) if year else stream.first_page(place, found)
    lines = stream.written(triples)
    body = lines if media in (stream.FORMS["nq"], stream.FORMS["nt"]) else written(lines, media)
    return reply(request, body, media, headers)


def _media(request: Request, form: str | None) -> str:
    if form is None:
        return choose(request, list(stream.FORMS.values()))
    if form not in stream.FORMS:
        raise Problem(404, "not-found", f"there is no form .{form} of the stream", nearest=sorted(stream.FORMS))
    return stream.FORMS[form]


# The page


@router.api_route("/feeds", methods=["GET", "HEAD"])
def overview(request: Request) -> Response:
    """All feeds, on what one wants to follow."""
    service, today = request.state.service, request.app.state.today()
    given = given_parameters(request)
    for name in given.keys() & {"material", "kind"}:
        given[name] = [site(service).slug_of_name(name, value) for value in given[name]]
    for name in given:
        if name not in FILTERS:
            _unknown(name, FILTERS)
    try:
        coming = service.ask("upcoming", given, today)
    except ParameterError as error:
        return page(request, "refused.html", 422, message=error.sentence, links=mended(request, error))
    here = base(request)
    return page(
        request,
        "feeds.html",
        given=given,
        filters=_query(given),
        query=_query({**given, **({PARAMETER: ["zh"]} if current() == "zh" else {})}),
        coming=coming,
        here=here,
        subscribe="webcal://" + here.partition("://")[2],
    )
