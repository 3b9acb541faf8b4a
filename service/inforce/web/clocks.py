"""What was believed of a measure, and when: its spans on the plane of legal time and public time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from rdflib import URIRef

from inforce.catalogue import serialise
from inforce.model import ALWAYS, OPEN
from inforce.service import Service
from inforce.web.drawing import Axis, Stretch, axis
from inforce.web.site import site


@dataclass(frozen=True, slots=True)
class Belief:
    """A status on a window of the law, believed until a later act; None is open. `anchor` is behind the # of its span.

    Like all windows `until` and `known_until` are the first days on which it no longer holds.
    """

    anchor: str
    status: str
    rate: str | None
    terms: str | None
    start: date | None
    until: date | None
    known_until: date | None
    clause: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A day on which acts became public: what they do to the measure, and what was believed from that day on."""

    public: date
    effects: Sequence[Mapping[str, str | None]]
    beliefs: Sequence[Belief]


@dataclass(frozen=True, slots=True)
class Plane:
    """The turns of a measure with the days of law to be shown; its last day of knowledge is `horizon`."""

    turns: Sequence[Turn]
    axis: Axis
    horizon: date


_SPANS = """?s ?status ?rate ?terms ?from ?until ?knownFrom ?knownUntil ?clause {
  VALUES ?measure { %s } ?s a inf:Span ; inf:measure ?measure ; inf:status ?status ; inf:from ?from ; inf:until ?until ;
    inf:fromInstant ?instant ; inf:knownFrom ?knownFrom ; inf:knownUntil ?knownUntil ; inf:decidedBy/inf:clause ?clause
  OPTIONAL { ?s inf:rate ?rate } OPTIONAL { ?s inf:terms ?terms }
} ORDER BY ?knownFrom ?instant"""
_EFFECTS = """?public ?order ?type ?act ?clause ?rate ?terms ?summary {
  VALUES ?measure { %s } ?e inf:affects ?measure ; inf:public ?public ; inf:order ?order ; inf:effectType ?type ;
    inf:act ?act ; inf:clause ?clause . ?clause inf:summary ?summary FILTER (LANG(?summary) = "en")
  OPTIONAL { ?e inf:rate ?rate } OPTIONAL { ?e inf:terms ?terms }
} ORDER BY ?public ?order"""


def plane(service: Service, measure: str, *days: date) -> Plane | None:
    """The two clocks of a measure, as far as was known on the last of some days; None where nothing was."""
    this, horizon = serialise(URIRef(measure)), max(days)
    spans, effects = (site(service).select(query % this) for query in (_SPANS, _EFFECTS))
    turns = [
        Turn(
            date.fromisoformat(public),
            [{"rate": None, **row} for row in effects if row["public"] == public],
            [_belief(row) for row in spans if row["knownFrom"] == public],
        )
        for public in sorted({row["public"] for row in effects})
        if date.fromisoformat(public) <= horizon
    ]
    if not turns:
        return None
    bounds = [Stretch(b.status, b.start, b.until) for turn in turns for b in turn.beliefs]
    shown = axis(bounds, turns[0].public, *days)
    return Plane(turns, shown, max(horizon, turns[-1].public + timedelta(days=1)))


def _belief(row: Mapping[str, str]) -> Belief:
    def day(text: str) -> date | None:
        return None if text in (ALWAYS, OPEN) else date.fromisoformat(text)

    return Belief(
        row["s"].partition("#")[2],
        row["status"].rpartition("#")[2],
        row.get("rate"),
        row.get("terms"),
        day(row["from"]),
        day(row["until"]),
        day(row["knownUntil"]),
        row["clause"],
    )
