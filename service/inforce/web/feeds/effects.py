"""The effects of the record, as the question of that name gives them, and where a turning point first lay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import pyoxigraph as ox

from inforce.model import ALWAYS, ESTABLISHING, NS, EffectType, natural
from inforce.service import Answer, Service, remembered

Edge = Literal["begin", "end"]


@dataclass(frozen=True, slots=True)
class Known:
    """An effect: its statements, by property."""

    iri: str
    said: Mapping[str, Sequence[ox.NamedNode | ox.Literal]]

    def one(self, name: str) -> str | None:
        """The value of a property of the vocabulary that has one, as text."""
        values = self.said.get(NS + name)
        return values[0].value if values else None

    def all(self, name: str) -> set[str]:
        """The values of a property of the vocabulary, as text."""
        return {value.value for value in self.said.get(NS + name, ())}

    @property
    def type(self) -> EffectType:
        """What it does."""
        return EffectType(str(self.one("effectType")).removeprefix(NS))

    @property
    def public(self) -> date:
        """The day on which it became public."""
        return date.fromisoformat(str(self.one("public")))

    def at(self, edge: Edge) -> str:
        """The instant at which it begins or is over; in the years of ALWAYS and OPEN where there is none."""
        return str(self.one("windowStartInstant" if edge == "begin" else "windowEndInstant"))


def read(answer: Answer) -> list[Known]:
    """The effects in an answer, in the order of their public days and names."""
    said: dict[str, dict[str, list[ox.NamedNode | ox.Literal]]] = defaultdict(lambda: defaultdict(list))
    for triple in ox.parse(answer.results, format=ox.RdfFormat.N_TRIPLES):
        assert isinstance(triple.subject, ox.NamedNode) and isinstance(triple.object, ox.NamedNode | ox.Literal)
        said[triple.subject.value][triple.predicate.value].append(triple.object)
    return sorted((Known(iri, about) for iri, about in said.items()), key=lambda e: (e.public, natural(e.iri)))


@remembered()
def every(service: Service) -> Mapping[str, Known]:
    """All effects of a build by their IRIs."""
    return {effect.iri: effect for effect in read(service.ask("effects", {}, date.min))}


@remembered()
def _on(service: Service) -> Mapping[str, Sequence[Known]]:
    """The effects on each measure."""
    found: dict[str, list[Known]] = defaultdict(list)
    for effect in every(service).values():
        for measure in effect.all("affects"):
            found[measure].append(effect)
    return found


def first_year(service: Service) -> int:
    """The year in which the record begins, on either clock."""
    days = [day for effect in every(service).values() for day in (effect.public.isoformat(), effect.at("begin"))]
    return int(min(day for day in days if not day.startswith(ALWAYS))[:4])


def at_edge(service: Service, measure: str, clause: str, edge: Edge, instant: str) -> Known:
    """The effect of a clause on a measure that begins or ends at an instant; of several the one applied last."""
    found = [e for e in _on(service)[measure] if e.one("clause") == clause and e.at(edge) == instant]
    return max(found, key=lambda e: (e.type not in ESTABLISHING, natural(e.iri)))


def runs_out(service: Service, measure: str, instant: str, known_on: date) -> Known | None:
    """The last effect on a measure, of those known on a day, that is over at an instant."""
    found = [e for e in _on(service)[measure] if e.at("end") == instant and e.public <= known_on]
    return found[-1] if found else None


def origin(service: Service, measure: str, effect: Known, edge: Edge) -> tuple[Known, Edge, int]:
    """The edge of an effect at which a turning point of a measure first lay, and how often it has been moved since.

    The end of an extension is the end of what it extends, moved; the end of a postponement is the beginning of what it
    postpones, moved.
    """
    moved = 0
    while (before := _before(service, measure, effect, edge)) is not None:
        (effect, edge), moved = before, moved + 1
    return effect, edge, moved


def _before(service: Service, measure: str, effect: Known, edge: Edge) -> tuple[Known, Edge] | None:
    """Where a turning point lay before this effect moved it."""
    if edge == "begin":
        return None
    if (extended := effect.one("extends")) is not None:
        return every(service)[extended], "end"
    if effect.type is EffectType.POSTPONE:
        return next(_postponed(service, measure, effect), None)
    return None


def _postponed(service: Service, measure: str, effect: Known) -> Iterator[tuple[Known, Edge]]:
    """What would have come where a postponement begins: the end of an earlier one, or an establishment."""
    others = [other for other in _on(service)[measure] if other is not effect]
    for other in others:
        if other.type is EffectType.POSTPONE and other.at("end") == effect.at("begin"):
            yield other, "end"
    for other in others:
        if other.type in ESTABLISHING and other.at("begin") == effect.at("begin"):
            yield other, "begin"
