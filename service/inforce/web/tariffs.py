"""How duties pile up: the stack on a day, and the stacks on all days on which it changed, from the same question."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request, Response

from inforce.catalogue import ParameterError
from inforce.model import Sentence
from inforce.service import Service, remembered
from inforce.web.answers import sparql_of
from inforce.web.asked import given_parameters
from inforce.web.drawing import Axis, Bar, Stretch, bars
from inforce.web.pages import but, mended, page
from inforce.web.site import site
from inforce.web.wording import percent

router = APIRouter()
ADDITIVE = "additive"
# What a newcomer asks: duties of the one side on all goods of the other.
USUAL = {"origin": ["cn"], "destination": ["us"]}
# The kinds whose measures can be a layer of the stack; their turning days are the only ones on which it can change.
KINDS = (
    "tariff", "tariff-exclusion", "tariff-rate-quota", "minimum-import-price", "anti-dumping-duty",
    "countervailing-duty", "safeguard",
)  # fmt: skip
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """A stretch of days, from `start` until, not including, `until`, on which the stack is the same."""

    start: date
    until: date | None
    sum: float
    rows: Sequence[Row]

    @property
    def due(self) -> list[Row]:
        """The layers that add up."""
        return [row for row in self.rows if row["part"] == ADDITIVE]


@dataclass(frozen=True, slots=True)
class Strip:
    """A layer while it stands outside the sum, ready to be drawn: one bar for each stretch of days.

    `days` are the half-open windows of all its stretches; None is open.
    """

    measure: str
    bars: Sequence[Bar]
    days: Sequence[tuple[date, date | None]]


def series(service: Service, goods: Mapping[str, Sequence[str]], known_on: str) -> list[Step]:
    """The stacks on goods, from the first day on which there is any, as known on a day. Raises ParameterError."""
    return _series(service, tuple((name, tuple(values)) for name, values in sorted(goods.items())), known_on)


@remembered(64)
def _series(service: Service, goods: tuple[tuple[str, tuple[str, ...]], ...], known_on: str) -> list[Step]:
    given, today = {name: list(values) for name, values in goods}, date.fromisoformat(known_on)
    way = {name: given[name] for name in ("origin", "destination")}
    turning = service.ask("timeline", {**way, "kind": KINDS, "flow": ["import"], "knownOn": [known_on]}, today).rows
    days = sorted({row[end] for row in turning for end in ("from", "until") if row[end]})

    def stack(day: str) -> Sequence[Row]:
        return service.ask("tariff-stack", {**given, "on": [day], "knownOn": [known_on]}, today).rows

    # The store works outside Python's lock, so each core takes a share of the days.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        stacks = list(zip(map(date.fromisoformat, days), pool.map(stack, days), strict=True))
    runs = [next(run) for _, run in groupby(stacks, key=lambda found: list(map(_layer, found[1])))]
    while runs and not runs[0][1]:
        runs.pop(0)
    ends = [*(day for day, _ in runs[1:]), None]
    return [Step(day, end, rows[0]["sum"] if rows else 0.0, rows) for (day, rows), end in zip(runs, ends, strict=False)]


def _layer(row: Row) -> tuple[Any, ...]:
    return row["part"], row["measure"], row["rate"], row["terms"]


def strips(steps: Sequence[Step], on: Axis) -> dict[str, list[Strip]]:
    """The layers outside the sum by part, each with the stretches of days on which it stands there."""
    found: dict[tuple[str, str], list[Stretch]] = {}
    for step in steps:
        for row in step.rows:
            if row["part"] != ADDITIVE:
                rate = "" if row["rate"] is None else percent(row["rate"])
                stretches = found.setdefault((row["part"], row["measure"]), [])
                if stretches and (stretches[-1].end, stretches[-1].label) == (step.start, rate):
                    stretches.append(Stretch(row["part"], stretches.pop().start, step.until, rate))
                else:
                    stretches.append(Stretch(row["part"], step.start, step.until, rate))
    ordered: dict[str, list[Strip]] = {}
    for (part, measure), stretches in found.items():
        if drawn := bars(stretches, on):
            ordered.setdefault(part, []).append(Strip(measure, drawn, _joined(stretches)))
    return ordered


def _joined(stretches: Sequence[Stretch]) -> list[tuple[date, date | None]]:
    """The windows of stretches, those that touch as one."""
    windows: list[tuple[date, date | None]] = []
    for stretch in stretches:
        assert stretch.start is not None, "a step has a first day"
        start = windows.pop()[0] if windows and windows[-1][1] == stretch.start else stretch.start
        windows.append((start, stretch.end))
    return windows


def shown(steps: Sequence[Step], since: date | None, *days: date) -> Axis:
    """The days that the chart shows: from the day asked, or else the first sum, until after the last change."""
    first = since or min([*(step.start for step in steps if step.sum or not any(s.sum for s in steps)), *days])
    last = max([*(step.start for step in steps), *days, first])
    room = timedelta(days=max(20, (last - first).days // 20))
    return Axis(first if since else first - room / 2, last + room)


@router.api_route("/tariffs", methods=["GET", "HEAD"], include_in_schema=False)
def tariffs(request: Request) -> Response:
    """The duties on goods from one country to another, on a day and over the years."""
    service: Service = request.state.service
    today: date = request.app.state.today()
    given = given_parameters(request)
    for name in given.keys() & {"material"}:
        given[name] = [site(service).slug_of_name(name, value) for value in given[name]]
    asked = {**USUAL, **given}
    shared: dict[str, Any] = {"given": asked, "today": today}
    try:
        if "at" in asked:
            raise ParameterError("at", None, Sentence("a day, as on"), ["on"], Sentence("is no parameter of this page"))
        since = _since(asked.pop("from", []))
        answer = service.ask("tariff-stack", asked, today)
        on, known_on = (str(answer.parameters[name][0]) for name in ("on", "knownOn"))
        goods = {name: values for name, values in asked.items() if name not in ("on", "knownOn")}
        steps = series(service, goods, known_on)
    except ParameterError as error:
        return page(request, "tariffs.html", 422, error=error, links=mended(request, error), answer=None, **shared)
    axis = shown(steps, since, date.fromisoformat(on), today)
    seen = [step for step in steps if step.until is None or step.until > axis.first]
    order = list(dict.fromkeys(row["measure"] for step in seen for row in step.due))
    return page(
        request,
        "tariffs.html",
        error=None,
        answer=answer,
        chosen={"on": on, "knownOn": known_on},
        parts={part: list(rows) for part, rows in groupby(answer.rows, key=lambda row: row["part"])},
        sum=answer.rows[0]["sum"] if answer.rows else 0.0,
        steps=seen,
        order=order,
        strips=strips(seen, axis),
        axis=axis,
        since=since,
        years=sorted({step.start.year for step in steps} | {today.year}),
        turned=but(goods, origin=goods["destination"], destination=goods["origin"]),
        kept=but(goods, knownOn=[known_on], **({"from": [str(since)]} if since else {})),
        sparql=sparql_of(answer),
        **shared,
    )


def _since(values: Sequence[str]) -> date | None:
    """The day from which the chart is asked. Raises ParameterError."""
    if not values:
        return None
    try:
        return date.fromisoformat(values[0])
    except ValueError:
        raise ParameterError("from", values[0], Sentence("a day such as 2025-01-01")) from None
