"""Each effect of the record decides at least one row of scenarios.csv: without it, or with another day, rate or terms,
a row fails. So no effect can be lost, and none can go wrong by a day, without a test that says so.

Ends of collection have no status and are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pytest

from asked import ROWS, Row, Told, measure_of, of_spans, of_state
from inforce.model import BASE, WITHOUT_STATUS, Effect, Span, TimelineError
from inforce.record import Record
from inforce.timeline import compile_measure

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Histories:
    """The effects, spans and rows of each measure."""

    record: Record
    acts: dict[str, str]
    effects: dict[str, list[Effect]]
    spans: dict[str, list[Span]]
    rows: dict[str, list[Row]]

    def with_status(self) -> Iterator[Effect]:
        yield from (e for e in self.record.effects.values() if e.type not in WITHOUT_STATUS)

    def a_row_fails(self, measure: str, spans: list[Span]) -> bool:
        zone = self.record.zone(measure)
        return not all(of_spans(spans, zone, row, self.acts).agrees_with(row) for row in self.rows[measure])

    def tells_the_same(self, measure: str, spans: list[Span]) -> bool:
        """Whether these spans give the answers of the record at every instant, as known on every day."""
        both = [*spans, *self.spans[measure]]
        days = {k for s in both for k in (s.known_from, s.known_until) if k is not None}
        instants = {t for s in both for t in (s.start, s.end) if t is not None}
        return all(
            self.told(spans, t, k) == self.told(self.spans[measure], t, k) for k in days for t in (None, *instants)
        )

    def told(self, spans: list[Span], instant: datetime | None, known: date) -> Told:
        """The answer at an instant, or before all (None)."""
        for span in spans:
            if (
                span.known_from <= known
                and (span.known_until is None or known < span.known_until)
                and (span.start is None or (instant is not None and span.start <= instant))
                and (span.end is None or instant is None or instant < span.end)
            ):
                return of_state(span.state, self.acts)
        return of_state(None, self.acts)


@pytest.fixture(scope="module")
def histories(record: Record) -> Histories:
    acts = {e.id: e.act.removeprefix(BASE + "instrument/") for e in record.effects.values()}
    found = Histories(record, acts, defaultdict(list), defaultdict(list), defaultdict(list))
    for effect in record.effects.values():
        for measure in effect.measures:
            found.effects[measure].append(effect)
    for span in record.spans:
        found.spans[span.measure].append(span)
    for row in ROWS:
        found.rows[measure_of(row)].append(row)
    return found


def compiled(measure: str, effects: list[Effect]) -> list[Span] | None:
    """The spans, or None where these effects make no timeline."""
    try:
        return compile_measure(measure, effects)
    except TimelineError:
        return None


def test_without_an_effect_a_row_fails(histories: Histories) -> None:
    idle = []
    for effect in histories.with_status():
        for measure in effect.measures:
            spans = compiled(measure, [e for e in histories.effects[measure] if e is not effect])
            if spans is not None and not histories.a_row_fails(measure, spans):
                idle.append(f"{effect} on {measure.removeprefix(BASE)}")
    assert not idle, "no row of scenarios.csv depends on: " + "; ".join(idle)


def variants(effect: Effect) -> Iterator[tuple[str, Effect]]:
    if effect.start is not None:
        yield "begins a day later", replace(effect, start=effect.start + DAY)
        yield "begins a day earlier", replace(effect, start=effect.start - DAY)
    if effect.end is not None:
        yield "ends a day later", replace(effect, end=effect.end + DAY)
        yield "ends a day earlier", replace(effect, end=effect.end - DAY)
    if effect.rate is not None:
        yield "has another rate", replace(effect, rate=effect.rate + 1)
    if effect.terms is not None:
        yield "has other terms", replace(effect, terms="other")


def test_with_another_day_rate_or_terms_a_row_fails(histories: Histories) -> None:
    """Unless the compiler refuses the variant, or it gives the same answers everywhere (a staged rate that ends later
    than the next one begins, a suspension that begins before the measure)."""
    unseen = []
    for effect in histories.with_status():
        for how, other in variants(effect):
            for measure in effect.measures:
                spans = compiled(measure, [other if e is effect else e for e in histories.effects[measure]])
                if spans is None or histories.tells_the_same(measure, spans):
                    continue
                if not histories.a_row_fails(measure, spans):
                    unseen.append(f"{effect} on {measure.removeprefix(BASE)} {how}")
    assert not unseen, "no row of scenarios.csv sees it when " + "; ".join(unseen)
