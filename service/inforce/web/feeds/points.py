"""Turning points of measures: the rows of a question, with all that a feed says about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from rdflib import URIRef

from inforce.catalogue import slug
from inforce.model import ZONES, EffectType
from inforce.service import Answer, Service
from inforce.web.feeds import words
from inforce.web.feeds.effects import Edge, Known, at_edge, origin, runs_out
from inforce.web.site import short, site
from inforce.web.tables import timelines


@dataclass(frozen=True, slots=True)
class Point:
    """A day on which a measure passes from one state to the next.

    `name` stays the same when an act moves the day, and `moved` counts how often that was. `known` is the day since
    which this is known so. `start` is the exact instant, on the clock of the side that imposes the measure.
    """

    name: str
    moved: int
    measure: str
    label: str
    country: str
    act: str
    clause: str
    on: date
    start: datetime
    known: date
    told: date
    what: str
    sentences: Sequence[str]

    @property
    def timed(self) -> bool:
        """Whether the law gives a time of the day."""
        return self.start.time() != time()

    @property
    def seen(self) -> datetime:
        """From when it could be seen: the beginning of its day, or of that on which it became known, if later."""
        return midnight(max(self.on, self.known), self.start.tzinfo)


def midnight(day: date, zone: tzinfo | None) -> datetime:
    """The beginning of a civil day."""
    return datetime.combine(day, time(), zone)


def zone_of(country: str) -> ZoneInfo:
    """The clock of a country of the record."""
    return ZONES[slug(URIRef(country))]


def language(answer: Answer) -> str:
    """The language that an answer was asked for."""
    return str(answer.parameters["lang"][0])


def points(service: Service, answer: Answer) -> list[Point]:
    """The turning points in an answer of `changes`, `upcoming` or `calendar`, in its order."""
    if not answer.rows:
        return []
    lang, known_on = language(answer), date.fromisoformat(str(answer.parameters["knownOn"][0]))
    days = {"from": [answer.rows[0]["on"]], "to": [answer.rows[-1]["on"]]}
    shared = {
        name: [value for asked, value in answer.asked if asked == name]
        for name in answer.query.parameters.keys() - {"from", "to", "days", "until"}
    }
    detailed = service.ask("calendar", {**shared, **days}, known_on).rows
    rows = {(row["measure"], row["on"]): row for row in detailed}
    told = _announced(service, {row["measure"] for row in answer.rows}, shared)
    return [
        _point(service, rows[row["measure"], row["on"]], told[row["measure"]], known_on, lang) for row in answer.rows
    ]


def _announced(
    service: Service, measures: set[str], shared: Mapping[str, list[str]]
) -> Mapping[str, list[Mapping[str, Any]]]:
    """What has been announced for each measure without being law."""
    about = {name: values for name, values in shared.items() if name in ("knownOn", "lang")}
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in service.ask("announced", {**about, "measure": sorted(measures)}, date.min).rows:
        found[row["measure"]].append(row)
    return found


def _point(
    service: Service, row: Mapping[str, Any], announced: Sequence[Mapping[str, Any]], known_on: date, lang: str
) -> Point:
    known, country = site(service), site(service).about[row["measure"]]["imposedBy"]
    before, after = _spans(service, row, known_on)
    effect, edge = _turning(service, row, after["fromInstant"], known_on)
    first, first_edge, moved = origin(service, row["measure"], effect, edge)
    on, start = date.fromisoformat(row["on"]), datetime.fromisoformat(after["fromInstant"]).astimezone(zone_of(country))
    since = date.fromisoformat(max(before["knownFrom"], after["knownFrom"]))
    # What was made public after the searches ended may have moved what has come by itself since.
    certain = min(known_on, words.covered_through(service, country))
    state = words.state(known, row["before"], row["rateBefore"], row["termsBefore"], lang)
    state_after = words.state(known, row["after"], row["rateAfter"], row["termsAfter"], lang)
    day, last = words.day(on, lang), words.day(on - timedelta(days=1), lang)
    sentences = [
        words.said(lang, "was", state=state, state_after=state_after),
        words.said(lang, "day", day=day, before=last, country=words.name(known, country, lang)),
    ]
    if start.time() != time():
        sentences.append(words.said(lang, "moment", **words.clock(start, lang)))
    sentences += [
        words.said(lang, row["how"], clause=short(row["clause"]), summary=row["summary"]),
        words.said(lang, "known", day=words.day(since, lang)),
        *(words.announced(known, about, lang) for about in announced),
        words.covered(service, country, lang),
    ]
    return Point(
        name=".".join([short(row["measure"]), *short(first.iri).split("#"), first_edge]),
        moved=moved,
        measure=row["measure"],
        label=row["label"],
        country=country,
        act=row["act"],
        clause=row["clause"],
        on=on,
        start=start,
        known=since,
        told=max([since, *(date.fromisoformat(about["public"]) for about in announced)]),
        what=words.turn(known, row, edge == "end", on > certain, lang),
        sentences=sentences,
    )


def _turning(service: Service, row: Mapping[str, Any], instant: str, known_on: date) -> tuple[Known, Edge]:
    """The effect that makes the turn, and whether by its beginning or by its end.

    An act that only confirms what comes by itself does not make it: then it is the end of what runs out.
    """
    edge: Edge = "begin" if row["how"] == "byAct" else "end"
    effect = at_edge(service, row["measure"], row["clause"], edge, instant)
    if effect.type is EffectType.CONFIRM and row["change"] != "reasons":
        over = runs_out(service, row["measure"], instant, known_on)
        return (over, "end") if over else (effect, edge)
    return effect, edge


def _spans(service: Service, row: Mapping[str, Any], known_on: date) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The spans of a measure before and after a turning point, of those that last until the end of a day."""
    known = timelines(service, known_on.isoformat())[row["measure"]]
    spans = [span for span in known if span["from"] is None or span["from"] != span["until"]]
    (before,) = [span for span in spans if span["until"] == row["on"]]
    (after,) = [span for span in spans if span["from"] == row["on"]]
    return before, after
