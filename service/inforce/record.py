"""The record: Turtle files ⇄ effects, and compiled spans → triples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from rdflib import RDF, SKOS, XSD, Graph, Literal, URIRef
from rdflib.term import Node

from inforce.model import (
    ALWAYS,
    BASE,
    ESTABLISHING,
    OPEN,
    ZONES,
    Effect,
    EffectType,
    InforceError,
    Span,
    Status,
    TimelineError,
    day_of,
    window,
)
from inforce.timeline import compile_measure, in_order
from inforce.turtle import ELI, INF

Triple = tuple[Node, Node, Node]
COMPILED = BASE + "graph/compiled"


def root() -> Path:
    """The folder of ontology/, data/, shapes/, queries/, cookbook/: in the wheel its own copy, else the checkout."""
    packaged = Path(__file__).parent / "_record"
    return packaged if packaged.is_dir() else Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Record:
    """The record: its authored graphs, effects in order of application, clocks of the measures, spans.

    `graphs` are the authored graphs by name, `authored` is all of them in one. `after` tells which act follows which
    others that became public on the same day.
    """

    graphs: dict[str, Graph]
    authored: Graph
    effects: tuple[Effect, ...]
    after: dict[str, frozenset[str]]
    zones: dict[str, ZoneInfo]
    spans: tuple[Span, ...]


def sources(folder: Path) -> list[Path]:
    """The Turtle files of a record, in a fixed order."""
    return [*sorted((folder / "ontology").glob("*.ttl")), *sorted((folder / "data").rglob("*.ttl"))]


def graph_name(folder: Path, file: Path) -> str:
    """The IRI of the named graph of a file: graph/ontology, graph/reference or graph/<act>."""
    area = file.relative_to(folder).parts
    if area[0] == "ontology":
        return BASE + "graph/ontology"
    return BASE + "graph/" + (file.stem if area[1] in ZONES else "reference")


def load(folder: Path) -> Record:
    """Read and compile the record below a folder.

    Raises InforceError for a file that is no Turtle or a reference that leads nowhere, TimelineError for effects that
    contradict each other.
    """
    graphs: dict[str, Graph] = {}
    for file in sources(folder):
        graph = graphs.setdefault(graph_name(folder, file), Graph(bind_namespaces="none"))
        try:
            graph.parse(file, format="turtle")
        except Exception as error:  # rdflib raises what its parser meets
            raise InforceError(f"{file.relative_to(folder)}: no Turtle: {' '.join(str(error).split())}") from error
    if not graphs:
        raise InforceError(f"{folder}: no record here: expected ontology/ and data/ with Turtle files")
    return compiled(graphs)


def compiled(graphs: dict[str, Graph]) -> Record:
    """The record of some graphs, with its effects in order of application and its spans."""
    reader = _Reader(graphs)
    after = reader.after()
    effects = tuple(in_order(reader.effects(), after))
    zones = {str(m): reader.zone(m, INF.imposedBy) for m in reader.measures()}
    of_measure: dict[str, list[Effect]] = defaultdict(list)
    for effect in effects:
        for measure in effect.measures:
            of_measure[measure].append(effect)
    for measure in sorted(zones.keys() - of_measure.keys()):
        raise TimelineError(f"{measure}: no effect establishes this measure")
    spans = [span for m in sorted(of_measure) for span in compile_measure(m, of_measure[m])]
    return Record(graphs, reader.graph, effects, after, zones, tuple(spans))


class _Reader:
    """Reads effects out of the authored graphs and resolves what they are aimed at."""

    def __init__(self, graphs: dict[str, Graph]) -> None:
        self.graph = Graph(bind_namespaces="none")
        for graph in graphs.values():
            self.graph += graph
        self.established: dict[Node, set[str]] = defaultdict(set)
        for effect in self.graph.subjects(RDF.type, INF.Effect):
            if self.type_of(effect) in ESTABLISHING:
                clause = self.need(effect, INF.clause)
                measures = {str(m) for m in self.graph.objects(effect, INF.target)}
                for whole in self.graph.transitive_objects(clause, ELI.is_part_of):
                    if whole is not None:
                        self.established[whole] |= measures

    def need(self, subject: Node, predicate: URIRef) -> Node:
        value = self.graph.value(subject, predicate)
        if value is None:
            raise InforceError(f"{subject}: {predicate.removeprefix(BASE)} is missing")
        return value

    def measures(self) -> Iterator[Node]:
        for cls in (INF.Measure, INF.Listing):
            yield from self.graph.subjects(RDF.type, cls)

    def type_of(self, effect: Node) -> EffectType:
        name = str(self.need(effect, INF.effectType)).removeprefix(str(INF))
        try:
            return EffectType(name)
        except ValueError:
            raise InforceError(f"{effect}: {name} is no effect type; known: {', '.join(EffectType)}") from None

    def zone(self, subject: Node, predicate: URIRef) -> ZoneInfo:
        country = str(self.need(subject, predicate)).removeprefix(BASE + "country/")
        if country not in ZONES:
            raise InforceError(f"{subject}: the clock of {country} is not known; known: {', '.join(ZONES)}")
        return ZONES[country]

    def act_of(self, clause: Node) -> Node:
        *_, act = self.graph.transitive_objects(clause, ELI.is_part_of)
        assert act is not None
        return act

    def after(self) -> dict[str, frozenset[str]]:
        return {
            str(act): frozenset(str(o) for o in self.graph.objects(act, INF.after))
            for act in self.graph.subjects(INF.after)
        }

    def targets(self, effect: Node) -> tuple[str, ...]:
        """The measures an effect is aimed at: those named, and those that a named clause or act established."""
        found: set[str] = set()
        for target in self.graph.objects(effect, INF.target):
            if target in self.established:
                found |= self.established[target]
            elif (target, RDF.type, INF.Measure) in self.graph or (target, RDF.type, INF.Listing) in self.graph:
                found.add(str(target))
            else:
                raise TimelineError(f"{effect}: its target {target} is no measure of the record and established none")
        return tuple(sorted(found))

    def effects(self) -> Iterator[Effect]:
        for node in self.graph.subjects(RDF.type, INF.Effect):
            clause = self.need(node, INF.clause)
            act = self.act_of(clause)
            zone = self.zone(act, ELI.jurisdiction)
            inclusive = self.python(node, INF.untilInclusive)
            try:
                start, end = window(self.python(node, INF["from"]), self.python(node, INF.until), inclusive, zone)
            except InforceError as error:
                raise InforceError(f"{node}: {error}") from None
            rate = self.graph.value(node, INF.rate)
            terms = self.graph.value(node, INF.terms)
            extends = self.graph.value(node, INF.extends)
            public = self.need(act, INF.madePublic)
            assert isinstance(public, Literal)
            yield Effect(
                id=str(node),
                type=self.type_of(node),
                act=str(act),
                clause=str(clause),
                measures=self.targets(node),
                public=public.toPython(),
                start=start,
                end=end,
                rate=None if rate is None else Decimal(str(rate)),
                terms=None if terms is None else str(terms),
                extends=None if extends is None else str(extends),
            )

    def python(self, subject: Node, predicate: URIRef) -> date | datetime | None:
        value = self.graph.value(subject, predicate)
        if value is None:
            return None
        assert isinstance(value, Literal)
        result = value.toPython()
        if not isinstance(result, date):
            raise InforceError(f"{subject}: {value} is neither a day nor a moment")
        return result


def compiled_triples(record: Record) -> Iterator[Triple]:
    """What follows from the authored record: resolved effects, where goods come from and go to, scopes, and spans."""
    yield from _effect_triples(record)
    yield from _scope_triples(record)
    yield from _measure_triples(record)
    numbers: dict[str, int] = defaultdict(int)
    decided = {e.id: e for e in record.effects}
    for span in record.spans:
        numbers[span.measure] += 1
        yield from _span_triples(span, numbers[span.measure], record.zones[span.measure], decided)


_SPAN_WINDOW = (INF["from"], INF.until, INF.fromInstant, INF.untilInstant)
_EFFECT_WINDOW = (INF.windowStart, INF.windowEnd, INF.windowStartInstant, INF.windowEndInstant)


def _window(
    node: URIRef, start: datetime | None, end: datetime | None, zone: tzinfo, names: tuple[URIRef, ...]
) -> Iterator[Triple]:
    """A window as days of the jurisdiction and as instants; an open end is written as ALWAYS or OPEN."""
    first_day, end_day, first_instant, end_instant = names
    yield node, first_day, _day(ALWAYS if start is None else day_of(start, zone).isoformat())
    yield node, end_day, _day(OPEN if end is None else day_of(end, zone).isoformat())
    yield node, first_instant, _instant(f"{ALWAYS}T00:00:00Z" if start is None else f"{start:%Y-%m-%dT%H:%M:%SZ}")
    yield node, end_instant, _instant(f"{OPEN}T00:00:00Z" if end is None else f"{end:%Y-%m-%dT%H:%M:%SZ}")


def _day(text: str) -> Literal:
    return Literal(text, datatype=XSD.date)


def _instant(text: str) -> Literal:
    return Literal(text, datatype=XSD.dateTime, normalize=False)


def _effect_triples(record: Record) -> Iterator[Triple]:
    authored = record.authored
    for order, effect in enumerate(record.effects, 1):
        node, act = URIRef(effect.id), URIRef(effect.act)
        remarks = sorted(str(note) for note in authored.objects(node, SKOS.editorialNote))
        if remarks:
            yield node, INF.remarks, Literal(" ".join(remarks), lang="en")
        yield node, INF.order, Literal(order)
        yield node, INF.act, act
        yield node, INF.public, _day(effect.public.isoformat())
        for measure in effect.measures:
            yield node, INF.affects, URIRef(measure)
            if effect.type in ESTABLISHING:
                yield URIRef(measure), INF.establishedBy, URIRef(effect.clause)
        zone = record.zones[effect.measures[0]] if effect.measures else UTC
        yield from _window(node, effect.start, effect.end, zone, _EFFECT_WINDOW)


def _scope_triples(record: Record) -> Iterator[Triple]:
    """What lies within what: each concept and country within itself and all that is broader.

    Engines differ in how they walk a path of any length, and one triple is found faster than a path.
    """
    graph = record.authored
    for kind in (SKOS.Concept, INF.Country):
        for narrow in graph.subjects(RDF.type, kind):
            for wide in graph.transitive_objects(narrow, SKOS.broader):
                if wide is not None:
                    yield narrow, INF.within, wide


def _measure_triples(record: Record) -> Iterator[Triple]:
    """Where goods come from and go to, and the coarse relations between acts that follow from effects."""
    graph = record.authored
    for name in record.zones:
        measure = URIRef(name)
        imposer, parties = graph.value(measure, INF.imposedBy), list(graph.objects(measure, INF.appliesTo))
        assert imposer is not None
        flows = set(graph.objects(measure, INF.flow))
        # Goods of an export measure leave the imposing side, those of an import measure reach it; services do both.
        if flows - {INF["import"]}:
            yield measure, INF.origin, imposer
            for party in parties:
                yield measure, INF.destination, party
        if flows - {INF.export}:
            yield measure, INF.destination, imposer
            for party in parties:
                yield measure, INF.origin, party
    establisher = {m: URIRef(e.act) for e in record.effects if e.type in ESTABLISHING for m in e.measures}
    for effect in record.effects:
        for changed in {establisher[m] for m in effect.measures if m in establisher} - {URIRef(effect.act)}:
            yield URIRef(effect.act), ELI.changes, changed
    for act in graph.subjects(RDF.type, INF.Instrument):
        yield act, RDF.type, ELI.LegalResource
    for clause in graph.subjects(RDF.type, INF.Provision):
        yield clause, RDF.type, ELI.LegalResourceSubdivision


def _span_triples(span: Span, number: int, zone: ZoneInfo, effects: dict[str, Effect]) -> Iterator[Triple]:
    node = URIRef(f"{span.measure}#span-{number}")
    state = span.state
    yield node, RDF.type, INF.Span
    yield node, INF.measure, URIRef(span.measure)
    yield node, INF.status, INF[state.status]
    if state.rate is not None:
        yield node, INF.rate, Literal(state.rate)
    if state.terms is not None:
        yield node, INF.terms, Literal(state.terms, lang="en")
    yield from _window(node, span.start, span.end, zone, _SPAN_WINDOW)
    yield node, INF.knownFrom, _day(span.known_from.isoformat())
    yield node, INF.knownUntil, _day(span.known_until.isoformat() if span.known_until else OPEN)
    for cause in state.because:
        yield node, INF.because, URIRef(cause)
    yield node, INF.chain, Literal(" ".join(effects[c].clause for c in state.because))
    yield node, INF.decidedBy, URIRef(state.because[-1])
    if span.opened_by is not None:
        yield node, INF.openedBy, URIRef(span.opened_by)
        yield node, INF.opening, INF.byLapse if span.lapse else INF.byAct


def timeline_lines(record: Record) -> list[str]:
    """The compiled timeline as text, a line a span: what a change of the data does to the law, as a diff.

    A line names the measure, the days on which one could know it so, the time for which it holds, what holds, the
    clauses that made it so in order, and a window that has run out where that alone opened the span.
    """
    effects = {e.id: e for e in record.effects}
    return [_line(span, record.zones[span.measure], effects) for span in record.spans]


_WORDS = {Status.IN_FORCE: "in force"}


def _line(span: Span, zone: ZoneInfo, effects: dict[str, Effect]) -> str:
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
