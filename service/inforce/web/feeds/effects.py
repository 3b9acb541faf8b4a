"""The effects of the record, as the question of that name gives them, and where a turning point first lay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

import pyoxigraph as ox

from inforce.model import ALWAYS, ESTABLISHING, NS, OPEN, EffectType, natural
from inforce.service import Answer, Service

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

    @property
    def begins(self) -> str:
        """Its first day; ALWAYS where it has none."""
        return self.one("windowStart") or ALWAYS

    @property
    def ends(self) -> str:
        """The first day on which it is over; OPEN where it has no end."""
        return self.one("windowEnd") or OPEN


def read(answer: Answer) -> list[Known]:
    """The effects in an answer, in the order of their public days and names."""
    said: dict[str, dict[str, list[ox.NamedNode | ox.Literal]]] = defaultdict(lambda: defaultdict(list))
    for triple in ox.parse(answer.results, format=ox.RdfFormat.N_TRIPLES):
        assert isinstance(triple.subject, ox.NamedNode) and isinstance(triple.object, ox.NamedNode | ox.Literal)
        said[triple.subject.value][triple.predicate.value].append(triple.object)
    return sorted((Known(iri, about) for iri, about in said.items()), key=lambda e: (e.public, natural(e.iri)))


@lru_cache(maxsize=8)
def every(service: Service) -> Mapping[str, Known]:
    """All effects of a build by their IRIs."""
    return {effect.iri: effect for effect in read(service.ask("effects", {}, date.min))}


@lru_cache(maxsize=8)
def _on(service: Service) -> Mapping[str, Sequence[Known]]:
    """The effects on each measure."""
    found: dict[str, list[Known]] = defaultdict(list)
    for effect in every(service).values():
        for measure in effect.all("affects"):
            found[measure].append(effect)
    return found


def first_year(service: Service) -> int:
    """The year in which the record begins, on either clock."""
    days = [day for effect in every(service).values() for day in (effect.public.isoformat(), effect.begins)]
    return int(min(day for day in days if day != ALWAYS)[:4])


def at_edge(service: Service, measure: str, clause: str, edge: Edge, day: str) -> Known:
    """The effect of a clause on a measure that begins or ends on a day."""
    found = [
        effect
        for effect in _on(service)[measure]
        if effect.one("clause") == clause and (effect.begins if edge == "begin" else effect.ends) == day
    ]
    return found[-1]


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
    for other in _on(service)[measure]:
        if other.type is EffectType.POSTPONE and other.ends == effect.begins:
            yield other, "end"
    for other in _on(service)[measure]:
        if other.type in ESTABLISHING and other.begins == effect.begins:
            yield other, "begin"
