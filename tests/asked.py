"""What a row of scenarios.csv asks and what it asserts.

A row asserts status and rate; where a status is known also the act that decides (`source`: the act of the last effect
that made it so) and, where `terms` is filled, words that stand in the terms – or "(none)": there are no terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from conftest import scenarios
from inforce.model import BASE, Span, State, day_of

Row = dict[str, str]
ROWS = scenarios()
UNKNOWN = "unknown"  # the answer for a measure of which nobody could know: no row
NO_TERMS = "(none)"


@dataclass(frozen=True)
class Told:
    """An answer: status, rate, the act that decides, terms; of what nobody could know nothing but that."""

    status: str
    rate: Decimal | None = None
    source: str | None = None
    terms: str | None = None

    def agrees_with(self, row: Row) -> bool:
        """Whether the answer is what the row asserts."""
        if row["status"] == UNKNOWN:
            return self == Told(UNKNOWN)
        rate = Decimal(row["rate"]) if row["rate"] else None
        if (self.status, self.rate, self.source) != (row["status"], rate, row["source"]):
            return False
        return self.terms is None if row["terms"] == NO_TERMS else row["terms"] in (self.terms or "")


def of_state(state: State | None, acts: Mapping[str, str]) -> Told:
    """The answer that a state gives; `acts` has the slug of the act of each effect."""
    if state is None:
        return Told(UNKNOWN)
    return Told(str(state.status), state.rate, acts[state.because[-1]], state.terms)


def of_spans(spans: Iterable[Span], zone: ZoneInfo, row: Row, acts: Mapping[str, str]) -> Told:
    """The answer that the spans of the measure give."""
    known = date.fromisoformat(row["knownOn"])
    hits = []
    for span in spans:
        if not (span.known_from <= known and (span.known_until is None or known < span.known_until)):
            continue
        if row["at"]:
            at = datetime.fromisoformat(row["at"])
            holds = (span.start is None or span.start <= at) and (span.end is None or at < span.end)
        else:
            on = date.fromisoformat(row["on"])
            holds = (span.start is None or day_of(span.start, zone) <= on) and (
                span.end is None or on < day_of(span.end, zone)
            )
        if holds:
            hits.append(span.state)
    assert len(hits) <= 1, "spans do not overlap"
    return of_state(hits[0] if hits else None, acts)


def measure_of(row: Row) -> str:
    """The IRI of the measure."""
    return BASE + "measure/" + row["measure"]


def name(row: Row) -> str:
    """The question in short."""
    return f"{row['measure']}|{row['on'] or row['at']}|{row['knownOn']}"
