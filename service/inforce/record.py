"""The record: Turtle files → what they say → effects in order of application and, measure by measure, spans."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from zoneinfo import ZoneInfo

import pyoxigraph as ox
from rdflib import RDF, SKOS, Graph

from inforce.model import (
    BASE,
    ESTABLISHING,
    NS,
    ZONES,
    Effect,
    EffectType,
    InforceError,
    Span,
    TimelineError,
    window,
)
from inforce.timeline import compile_measure, in_order
from inforce.turtle import ELI

# What a graph says of one thing: values by property, of IRIs and literals alike their text.
Thing = Mapping[str, list[str]]
TYPE, BROADER, NOTE = str(RDF.type), str(SKOS.broader), str(SKOS.editorialNote)
PART_OF, JURISDICTION = str(ELI.is_part_of), str(ELI.jurisdiction)
INSTRUMENT, PROVISION, EFFECT, MEASURE, LISTING = (
    NS + name for name in ("Instrument", "Provision", "Effect", "Measure", "Listing")
)
COVERED, ISSUER, PUBLIC = NS + "coveredThrough", NS + "issuer", NS + "madePublic"
_TARGET, _AFTER = NS + "target", NS + "after"
# What the compiler asks for, beside the classes of things.
_ASKED = frozenset(
    {BROADER, NOTE, PART_OF, JURISDICTION, COVERED, ISSUER}
    | {NS + name for name in ("clause", "effectType", "target", "from", "until", "untilInclusive", "rate", "terms")}
    | {NS + name for name in ("extends", "madePublic", "after", "imposedBy", "appliesTo", "flow")}
)
_OWN = frozenset({INSTRUMENT, PROVISION, EFFECT})  # what an act says of itself, in its own file
_KEPT = _OWN | {MEASURE, LISTING, str(SKOS.Concept), NS + "Country"}
_TYPES = {str(effect): effect for effect in EffectType}
_IN_A_DAY = 10_000  # four digits tell the place of an effect within a day
SHARED = (BASE + "graph/ontology", BASE + "graph/reference")  # the graphs that are no act's


def root() -> Path:
    """The folder of ontology/, data/, shapes/, queries/, cookbook/: in the wheel its own copy, else the checkout."""
    packaged = Path(__file__).parent / "_record"
    return packaged if packaged.is_dir() else Path(__file__).parents[2]


def sources(folder: Path) -> dict[str, list[Path]]:
    """The Turtle files of a record by the IRI of the named graph that they make up, in the order of the build."""
    found: dict[str, list[Path]] = {}
    for file in [*sorted((folder / "ontology").glob("*.ttl")), *sorted((folder / "data").rglob("*.ttl"))]:
        found.setdefault(graph_name(folder, file), []).append(file)
    if not found:
        raise InforceError(f"{folder}: no record here: expected ontology/ and data/ with Turtle files")
    shared = [name for name in SHARED if name in found]
    return {name: found[name] for name in [*shared, *sorted(found.keys() - set(shared))]}


def graph_name(folder: Path, file: Path) -> str:
    """The IRI of the named graph of a file: graph/ontology, graph/reference or graph/<act>."""
    area = file.relative_to(folder).parts
    if area[0] == "ontology":
        return BASE + "graph/ontology"
    return BASE + "graph/" + (file.stem if area[1] in ZONES else "reference")


@dataclass(frozen=True, slots=True)
class Said:
    """What a named graph says: its N-Quads in order, how many things of each class it has, and of some what is said."""

    lines: tuple[bytes, ...]
    classes: Mapping[str, int]
    things: Mapping[str, Thing]


def graph_of(part: str) -> str:
    """The IRI of the named graph of an act, given the IRI of the act or of a part of it."""
    return BASE + "graph/" + part.partition("#")[0].removeprefix(BASE + "instrument/")


def read(folder: Path, name: str, files: Iterable[Path]) -> Said:
    """Read the files of a named graph.

    Raises InforceError for what is no Turtle, and for an act or a part of one that stands in another file than its own.
    """
    triples: list[ox.Triple] = []
    for file in files:
        try:
            triples += (quad.triple for quad in ox.parse(file.read_bytes(), format=ox.RdfFormat.TURTLE))
        except (SyntaxError, ValueError) as error:
            raise InforceError(f"{file.relative_to(folder)}: no Turtle: {error}") from error
    things = things_of(triples)
    classes = Counter(cls for thing in things.values() for cls in thing.get(TYPE, ()))
    things = {s: thing for s, thing in things.items() if len(thing) > 1 or not _KEPT.isdisjoint(thing.get(TYPE, ()))}
    for subject, thing in things.items():
        if graph_of(subject) != name and not _OWN.isdisjoint(thing.get(TYPE, ())):
            where = ", ".join(str(file.relative_to(folder)) for file in files)
            raise InforceError(f"{where}: {subject} belongs into the file of its act, data/<cc>/<act>.ttl")
    end = f"<{name}> .\n".encode()
    lines = {*(ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES) or b"").splitlines()}
    return Said(tuple(line[:-1] + end for line in sorted(lines)), classes, things)


def graphs(folder: Path) -> dict[str, Graph]:
    """The named graphs of a record, for those who look at all that people wrote."""
    found = {name: Graph(bind_namespaces="none") for name in sources(folder)}
    for name, files in sources(folder).items():
        for file in files:
            found[name].parse(file, format="turtle")
    return found


def things_of(triples: Iterable[ox.Triple]) -> dict[str, Thing]:
    """What triples say of things, as far as the compiler asks for it."""
    things: dict[str, dict[str, list[str]]] = {}
    for triple in triples:
        subject, predicate, value = triple.subject, triple.predicate.value, triple.object
        if isinstance(subject, ox.Triple) or isinstance(value, ox.Triple):
            continue  # statements on statements are nothing to the compiler
        if predicate == TYPE or predicate in _ASKED:
            values = things.setdefault(subject.value, {}).setdefault(predicate, [])
            if value.value not in values:
                values.append(value.value)
    return dict(things)


def merged(graphs: Iterable[Mapping[str, Thing]]) -> dict[str, Thing]:
    """What several graphs say of things."""
    result: dict[str, Thing] = {}
    for things in graphs:
        for subject, thing in things.items():
            if subject in result:
                both = {p: [*values] for p, values in result[subject].items()}
                for predicate, values in thing.items():
                    known = both.setdefault(predicate, [])
                    known += [value for value in values if value not in known]
                result[subject] = both
            else:
                result[subject] = thing
    return result


def is_measure(thing: Thing) -> bool:
    """Whether this is a measure; a listing is one."""
    classes = thing.get(TYPE, ())
    return MEASURE in classes or LISTING in classes


def load(folder: Path) -> Record:
    """Read the whole record below a folder.

    Raises InforceError for a file that is no Turtle or a reference that leads nowhere, TimelineError for an effect
    that is aimed at nothing and for acts that follow each other in a circle.
    """
    return Record(merged(read(folder, name, files).things for name, files in sources(folder).items()))


class Record:
    """The effects of a record and the measures on which they act.

    It can be made of a part of the record: what the part says of the order of effects on one day, of the targets of
    the acts of the named `graphs` and of the measures that these affect has to be whole, and all else does not matter.
    """

    def __init__(self, things: Mapping[str, Thing], graphs: Container[str] | None = None) -> None:
        self.things = things
        self.after = {s: frozenset(t[_AFTER]) for s, t in things.items() if _AFTER in t}
        stated = [self._effect(s, t) for s, t in things.items() if EFFECT in t.get(TYPE, ())]
        self._established = self._established_by(stated)
        self.order: dict[str, str] = {}
        self.effects: dict[str, Effect] = {}
        self._of_measure: dict[str, list[Effect]] = defaultdict(list)
        self.establisher: dict[str, str] = {}
        for effect in self._numbered(stated):
            if effect.type in ESTABLISHING:
                self.establisher |= dict.fromkeys(things[effect.id][_TARGET], effect.act)
            if graphs is None or graph_of(effect.act) in graphs:
                resolved = replace(effect, measures=self._targets(effect.id))
                self.effects[effect.id] = resolved
                for measure in resolved.measures:
                    self._of_measure[measure].append(resolved)

    @property
    def measures(self) -> list[str]:
        """All measures, in the order of their names."""
        return sorted(self._of_measure.keys() | {s for s, t in self.things.items() if is_measure(t)})

    def effects_on(self, measure: str) -> list[Effect]:
        """The effects on a measure in order of application."""
        return self._of_measure.get(measure, [])

    def spans_of(self, measure: str) -> list[Span]:
        """What holds of a measure, when, as known when. Raises TimelineError for effects that contradict each other."""
        effects = self.effects_on(measure)
        if not effects:
            raise TimelineError(f"{measure}: no effect establishes this measure")
        return compile_measure(measure, effects)

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The spans of all measures."""
        return tuple(span for measure in self.measures for span in self.spans_of(measure))

    def zone(self, measure: str) -> ZoneInfo:
        """The clock of a measure: that of the side that imposes it."""
        return self._clock(measure, NS + "imposedBy")

    def _numbered(self, stated: Iterable[Effect]) -> Iterator[Effect]:
        """Effects in order of application; the order of each is its public day and its place within that day.

        It is text: Virtuoso reads whole numbers of that many digits as decimals.
        """
        for public, of_day in groupby(in_order(stated, self.after), key=attrgetter("public")):
            for place, effect in enumerate(of_day, 1):
                if place >= _IN_A_DAY:
                    raise TimelineError(f"{effect.id}: more than {_IN_A_DAY - 1} effects became public on {public}")
                self.order[effect.id] = f"{public}/{place:04d}"
                yield effect

    def _established_by(self, stated: Iterable[Effect]) -> dict[str, set[str]]:
        """The measures that an act, a clause or a part of a clause established."""
        established: dict[str, set[str]] = defaultdict(set)
        for effect in stated:
            if effect.type in ESTABLISHING:
                for whole in self._wholes(effect.clause):
                    established[whole].update(self.things[effect.id].get(_TARGET, ()))
        return established

    def _wholes(self, clause: str) -> Iterator[str]:
        """A clause, what it is part of, and so on: the act last."""
        part: str | None = clause
        while part is not None:
            yield part
            part = next(iter(self.things.get(part, {}).get(PART_OF, ())), None)

    def _need(self, subject: str, predicate: str) -> str:
        values = self.things.get(subject, {}).get(predicate)
        if not values:
            raise InforceError(f"{subject}: {predicate.removeprefix(BASE)} is missing")
        return values[0]

    def _clock(self, subject: str, predicate: str) -> ZoneInfo:
        country = self._need(subject, predicate).removeprefix(BASE + "country/")
        if country not in ZONES:
            raise InforceError(f"{subject}: the clock of {country} is not known; known: {', '.join(ZONES)}")
        return ZONES[country]

    def _targets(self, effect: str) -> tuple[str, ...]:
        """The measures an effect is aimed at: those named, and those that a named clause or act established."""
        found: set[str] = set()
        for target in self.things[effect].get(_TARGET, ()):
            if target in self._established:
                found |= self._established[target]
            elif is_measure(self.things.get(target, {})):
                found.add(target)
            else:
                raise TimelineError(f"{effect}: its target {target} is no measure of the record and established none")
        return tuple(sorted(found))

    def _effect(self, node: str, thing: Thing) -> Effect:
        """An effect as its act states it, with its measures yet to be found."""
        name = self._need(node, NS + "effectType").removeprefix(NS)
        if name not in _TYPES:
            raise InforceError(f"{node}: {name} is no effect type; known: {', '.join(EffectType)}")
        clause = self._need(node, NS + "clause")
        *_, act = self._wholes(clause)
        try:
            start, end = window(
                _moment(thing, NS + "from"),
                _moment(thing, NS + "until"),
                _moment(thing, NS + "untilInclusive"),
                self._clock(act, JURISDICTION),
            )
            public = _moment({PUBLIC: [self._need(act, PUBLIC)]}, PUBLIC)
        except InforceError as error:
            raise InforceError(f"{node}: {error}") from None
        assert public is not None
        rate, terms, extends = (next(iter(thing.get(NS + name, ())), None) for name in ("rate", "terms", "extends"))
        return Effect(
            id=node,
            type=_TYPES[name],
            act=act,
            clause=clause,
            measures=(),
            public=public,
            start=start,
            end=end,
            rate=None if rate is None else Decimal(rate),
            terms=terms,
            extends=extends,
        )


def _moment(thing: Thing, predicate: str) -> date | datetime | None:
    """A day or a moment, if one is stated."""
    values = thing.get(predicate)
    if not values:
        return None
    try:
        return datetime.fromisoformat(values[0]) if "T" in values[0] else date.fromisoformat(values[0])
    except ValueError:
        raise InforceError(f"{values[0]} is neither a day nor a moment") from None
