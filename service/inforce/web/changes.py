"""The pages on change: what is coming up by itself, and what changed between two days, in law or in what was known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from inforce.catalogue import ParameterError
from inforce.model import Sentence
from inforce.service import Service
from inforce.web.feeds import base
from inforce.web.pages import FILTERS, announced, asked_for, mended, one_of, page
from inforce.web.site import site
from inforce.web.standing import lives, way

router = APIRouter(include_in_schema=False)
CLOCKS = ("law", "public")
# In the order in which people look for them; "new" is what nobody could know of before.
WAYS = ("paused", "ends", "annulled", "returns", "begins", "changes", "new", "gone")
_SPANS = (30, 90, 365, 1000)
_MONTH = timedelta(days=30)

Row = Mapping[str, Any]


@router.api_route("/coming", methods=["GET", "HEAD"])
def coming(request: Request) -> Response:
    """The turning points ahead that need no further act, and what has only been announced."""
    service: Service = request.state.service
    today: date = request.app.state.today()
    given = asked_for(request)
    shared: dict[str, Any] = {"given": given, "today": today, "spans": _SPANS}
    try:
        answer = service.ask("upcoming", given, today)
    except ParameterError as error:
        return page(request, "coming.html", 422, error=error, links=mended(request, error), answer=None, **shared)
    chosen = {name: str(answer.parameters[name][0]) for name in ("from", "until", "knownOn")}
    filters = {name: values for name, values in given.items() if name in FILTERS}
    learned = site(service).learned(chosen["knownOn"])
    found = lives(service.ask("timeline", {**filters, "knownOn": [learned]}, today).rows)
    said = announced(service, found, learned)
    return page(
        request,
        "coming.html",
        error=None,
        answer=answer,
        chosen=chosen,
        filters=filters,
        from_day=date.fromisoformat(chosen["from"]),
        agenda=_by(answer.rows, "on"),
        ways={name: len(rows) for name, rows in _by_way(answer.rows).items()},
        announced=sorted(said, key=lambda item: (item[0]["announcedUntil"] or "9999", item[0]["public"])),
        spoken_of={measure for _, about in said for measure in about},
        data=urlencode(answer.asked),
        subscribe="webcal://" + base(request).partition("://")[2],
        **shared,
    )


@router.api_route("/changed", methods=["GET", "HEAD"])
def changed(request: Request) -> Response:
    """What is different between two days: in law as known on one day, or of one day as known on the two."""
    service: Service = request.state.service
    today: date = request.app.state.today()
    given = asked_for(request)
    shared: dict[str, Any] = {"given": given, "today": today}
    try:
        clock = one_of(given, "clock", CLOCKS) or "law"
        for name in given.keys() - {"clock", "from", "to", "on", "knownOn", *FILTERS}:
            expected = Sentence("clock, from, to, on, knownOn or a filter")
            raise ParameterError(name, None, expected, fault=Sentence("is no parameter here"))
        filters = {name: values for name, values in given.items() if name in FILTERS}
        before, after = _days(service, given, today)
        if clock == "law":
            asked = {"on": [after], "againstOn": [before], **{n: given[n] for n in ("knownOn",) if n in given}}
            question = "changes"
        else:
            asked = {"on": given.get("on") or [after], "knownOn": [after], "againstKnownOn": [before]}
            question = "learned"
        difference = service.ask("diff", {**asked, **filters}, today)
        period = {"from": [_next(before)], "to": [after], **filters}
        if clock == "law":
            period["knownOn"] = [str(difference.parameters["knownOn"][0])]
        steps = service.ask(question, period, today) if before < after else None
    except ParameterError as error:
        links = mended(request, error)
        return page(request, "changed.html", 422, error=error, links=links, difference=None, clock="law", **shared)
    return page(
        request,
        "changed.html",
        error=None,
        clock=clock,
        before=before,
        after=after,
        chosen={name: str(difference.parameters[name][0]) for name in ("on", "knownOn")},
        filters=filters,
        difference=difference,
        ways=_by_way(difference.rows),
        steps=steps,
        acts=_by(steps.rows, "act") if steps and clock == "public" else {},
        days=_by(steps.rows, "on") if steps and clock == "law" else {},
        **shared,
    )


def _days(service: Service, given: Mapping[str, list[str]], today: date) -> tuple[str, str]:
    """The two days compared, the earlier first; a month up to today unless given. Raises ParameterError."""
    terms, _ = service.bound("learned", {"from": [str(today - _MONTH)], **_only(given, "from", "to")}, today)
    before, after = (str(terms[name][0]) for name in ("from", "to"))
    if before > after:
        raise ParameterError("from", before, Sentence("a day not after %(day)s", day=after))
    return before, after


def _only(given: Mapping[str, list[str]], *names: str) -> dict[str, list[str]]:
    return {name: values for name, values in given.items() if name in names}


def _next(day: str) -> str:
    return str(date.fromisoformat(day) + timedelta(days=1))


def _by(rows: Iterable[Row], name: str) -> dict[str, list[Row]]:
    """Rows by a value of theirs, in their order."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return dict(found)


def _by_way(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of a difference by what happened to the measure."""
    found: dict[str, list[Row]] = {name: [] for name in WAYS}
    for row in rows:
        if row["before"] is None:
            found["new"].append(row)
        elif row["after"] is None:
            found["gone"].append(row)
        else:
            found[way(row["before"], row["after"])].append(row)
    return {name: members for name, members in found.items() if members}
