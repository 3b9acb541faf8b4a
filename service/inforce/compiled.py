"""What follows from the record: the statements of the compiled graph as N-Quads, and the timeline as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pyoxigraph as ox
from rdflib import SKOS, XSD

from inforce.model import ALWAYS, BASE, ESTABLISHING, NS, OPEN, Effect, Span, Status, day_of
from inforce.record import BROADER, EFFECT, INSTRUMENT, NOTE, PROVISION, TYPE, Record, Thing
from inforce.turtle import ELI

COMPILED = BASE + "graph/compiled"
_END = f" <{COMPILED}> .\n"


def of_act(record: Record, things: Mapping[str, Thing]) -> bytes:
    """What follows for what the file of an act says: its effects resolved, and the acts that it changes."""
    lines: set[str] = set()
    for subject, thing in things.items():
        classes = thing.get(TYPE, ())
        if EFFECT in classes:
            lines.update(_effect(record, record.effects[subject], thing))
        if INSTRUMENT in classes:
            lines.add(_link(subject, TYPE, f"{ELI}LegalResource"))
        if PROVISION in classes:
            lines.add(_link(subject, TYPE, f"{ELI}LegalResourceSubdivision"))
    return _sorted(lines)


def of_measure(record: Record, measure: str, spans: Sequence[Span]) -> bytes:
    """What follows for a measure: where goods come from and go to, which clauses established it, and its spans."""
    thing, zone = record.things[measure], record.zone(measure)
    imposer, parties, flows = thing[f"{NS}imposedBy"][0], thing.get(f"{NS}appliesTo", []), thing.get(f"{NS}flow", [])
    lines = {
        _link(measure, f"{NS}establishedBy", effect.clause)
        for effect in record.effects_on(measure)
        if effect.type in ESTABLISHING
    }
    # Goods of an export measure leave the imposing side, those of an import measure reach it; services do both.
    origins = [imposer] * any(flow != f"{NS}import" for flow in flows)
    destinations = [imposer] * any(flow != f"{NS}export" for flow in flows)
    lines.update(_link(measure, f"{NS}origin", place) for place in [*origins, *(parties if destinations else ())])
    lines.update(_link(measure, f"{NS}destination", place) for place in [*destinations, *(parties if origins else ())])
    for number, span in enumerate(spans, 1):
        lines.update(_span(span, f"{measure}#span-{number}", zone, record.effects))
    return _sorted(lines)


def of_scopes(things: Mapping[str, Thing]) -> bytes:
    """What lies within what: each concept and country within itself and all that is broader.

    Engines differ in how they walk a path of any length, and one triple is found faster than a path.
    """
    lines: set[str] = set()
    for narrow, thing in things.items():
        if not _SCOPES.isdisjoint(thing.get(TYPE, ())):
            found, waiting = {narrow}, [narrow]
            while waiting:
                for wide in things.get(waiting.pop(), {}).get(BROADER, ()):
                    if wide not in found:
                        found.add(wide)
                        waiting.append(wide)
            lines.update(_link(narrow, f"{NS}within", wide) for wide in found)
    return _sorted(lines)


_SCOPES = frozenset({str(SKOS.Concept), f"{NS}Country"})
_SPAN_WINDOW = ("from", "until", "fromInstant", "untilInstant")
_EFFECT_WINDOW = ("windowStart", "windowEnd", "windowStartInstant", "windowEndInstant")


def _sorted(lines: Iterable[str]) -> bytes:
    return "".join(sorted(lines)).encode()


def _link(subject: str, predicate: str, value: str) -> str:
    return f"<{subject}> <{predicate}> <{value}>{_END}"


def _text(subject: str, name: str, text: str, lang: str | None = None) -> str:
    return f"<{subject}> <{NS}{name}> {ox.Literal(text, language=lang)}{_END}"


def _value(subject: str, name: str, text: object, datatype: str) -> str:
    return f'<{subject}> <{NS}{name}> "{text}"^^<{datatype}>{_END}'


def _day(subject: str, name: str, day: object) -> str:
    return _value(subject, name, day, f"{XSD}date")


def _window(
    subject: str, start: datetime | None, end: datetime | None, zone: tzinfo, names: tuple[str, ...]
) -> Iterator[str]:
    """A window as days of the jurisdiction and as instants; an open end is written as ALWAYS or OPEN."""
    first_day, end_day, first_instant, end_instant = names
    yield _day(subject, first_day, ALWAYS if start is None else day_of(start, zone))
    yield _day(subject, end_day, OPEN if end is None else day_of(end, zone))
    begins = f"{ALWAYS}T00:00:00Z" if start is None else f"{start:%Y-%m-%dT%H:%M:%SZ}"
    yield _value(subject, first_instant, begins, f"{XSD}dateTime")
    ends = f"{OPEN}T00:00:00Z" if end is None else f"{end:%Y-%m-%dT%H:%M:%SZ}"
    yield _value(subject, end_instant, ends, f"{XSD}dateTime")


def _effect(record: Record, effect: Effect, thing: Thing) -> Iterator[str]:
    node = effect.id
    if remarks := sorted(thing.get(NOTE, ())):
        yield _text(node, "remarks", " ".join(remarks), "en")
    yield _text(node, "order", record.order[node])
    yield _link(node, f"{NS}act", effect.act)
    yield _day(node, "public", effect.public)
    for measure in effect.measures:
        yield _link(node, f"{NS}affects", measure)
        changed = record.establisher.get(measure, effect.act)
        if changed != effect.act:
            yield _link(effect.act, f"{ELI}changes", changed)
    zone = record.zone(effect.measures[0]) if effect.measures else UTC
    yield from _window(node, effect.start, effect.end, zone, _EFFECT_WINDOW)


def _span(span: Span, node: str, zone: ZoneInfo, effects: Mapping[str, Effect]) -> Iterator[str]:
    state = span.state
    yield _link(node, TYPE, f"{NS}Span")
    yield _link(node, f"{NS}measure", span.measure)
    yield _link(node, f"{NS}status", f"{NS}{state.status}")
    if state.rate is not None:
        yield _value(node, "rate", state.rate, f"{XSD}decimal")
    if state.terms is not None:
        yield _text(node, "terms", state.terms, "en")
    yield from _window(node, span.start, span.end, zone, _SPAN_WINDOW)
    yield _day(node, "knownFrom", span.known_from)
    yield _day(node, "knownUntil", span.known_until or OPEN)
    for cause in state.because:
        yield _link(node, f"{NS}because", cause)
    yield _text(node, "chain", " ".join(effects[c].clause for c in state.because))
    yield _link(node, f"{NS}decidedBy", state.because[-1])
    if span.opened_by is not None:
        yield _link(node, f"{NS}openedBy", span.opened_by)
        yield _link(node, f"{NS}opening", f"{NS}byLapse" if span.lapse else f"{NS}byAct")


def timeline_lines(record: Record, spans: Iterable[Span]) -> Iterator[str]:
    """The compiled timeline as text, a line a span: what a change of the data does to the law, as a diff.

    A line names the measure, the days on which one could know it so, the time for which it holds, what holds, the
    clauses that made it so in order, and a window that has run out where that alone opened the span.
    """
    return (_line(span, record.zone(span.measure), record.effects) for span in spans)


_WORDS = {Status.IN_FORCE: "in force"}


def _line(span: Span, zone: ZoneInfo, effects: Mapping[str, Effect]) -> str:
    def told(effect: str) -> str:
        act, _, clause = effects[effect].clause.removeprefix(BASE + "instrument/").partition("#")
        return f"{act} {clause}"

    state = span.state
    known = f"since {span.known_from}"
    if span.known_until is not None:
        known = f"from {span.known_from} through {span.known_until - timedelta(days=1)}"
    what = _WORDS.get(state.status, str(state.status))
    if state.rate is not None:
        what += f" at {state.rate.normalize():f} %"
    if state.terms is not None:
        what += f" “{state.terms}”"
    columns = [
        span.measure.removeprefix(BASE + "measure/"),
        f"as known {known}",
        _period(span.start, span.end, zone),
        what,
        ", then ".join(f"{told(cause)} ({effects[cause].type})" for cause in state.because),
    ]
    if span.opened_by is not None and span.lapse:
        columns.append(f"{told(span.opened_by)} has run out")
    return " | ".join(columns)


def _period(start: datetime | None, end: datetime | None, zone: ZoneInfo) -> str:
    """A time in words: the last day that belongs to it where it ends at midnight, else the minute at which it ends."""
    begins = "" if start is None else _moment(start, zone)
    if end is None:
        return f"from {begins} on" if begins else "always"
    local = end.astimezone(zone)
    if (local.hour, local.minute) == (0, 0):
        ends = f"through {local.date() - timedelta(days=1)}"
    else:
        ends = f"until {_moment(end, zone)}"
    return f"from {begins} {ends}" if begins else ends


def _moment(instant: datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(zone)
    return local.strftime("%Y-%m-%d" if (local.hour, local.minute) == (0, 0) else "%Y-%m-%d %H:%M")
