"""The effects of the record as a Linked Data Event Stream, in pages by the year in which they became public.

A member is an effect as one version of the record states it: its name holds a digest of its statements, so that what a
member says never changes. Why the stream as a whole may, and that of a version may not, is told in docs/decisions/.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import pyoxigraph as ox
from rdflib import DCTERMS, PROV, RDF, SH, XSD, Literal, Namespace, URIRef

from inforce.model import BASE
from inforce.service import Answer, Service
from inforce.turtle import INF, PREFIXES
from inforce.web.description import DATASET
from inforce.web.feeds.atom import jurisdictions
from inforce.web.feeds.effects import Known, read
from inforce.web.feeds.points import midnight, zone_of
from inforce.web.negotiate import GRAPHS
from inforce.web.site import short

TREE, LDES, DCAT = (Namespace(PREFIXES[name]) for name in ("tree", "ldes", "dcat"))
FORMS: Mapping[str, str] = {**GRAPHS, "nq": "application/n-quads"}
SHAPE = URIRef(BASE + "feeds/effects#shape")
_LICENCE = URIRef("https://creativecommons.org/licenses/by/4.0/")

Triple = tuple[URIRef, URIRef, URIRef | Literal | ox.NamedNode | ox.Literal]
# The statements of a member: least, most, datatype or nothing for an IRI.
_STATED: Mapping[URIRef, tuple[int, int | None, URIRef | None]] = {
    DCTERMS.isVersionOf: (1, 1, None),
    PROV.generatedAtTime: (1, 1, XSD.dateTime),
    INF.act: (1, 1, None),
    INF.clause: (1, 1, None),
    INF.effectType: (1, 1, None),
    INF.target: (1, None, None),
    INF.affects: (1, None, None),
    INF.public: (1, 1, XSD.date),
    INF.windowStart: (1, 1, XSD.date),
    INF.windowEnd: (1, 1, XSD.date),
    INF.windowStartInstant: (1, 1, XSD.dateTime),
    INF.windowEndInstant: (1, 1, XSD.dateTime),
    INF.confidence: (1, 1, None),
    INF.extends: (0, 1, None),
    INF.rate: (0, 1, XSD.decimal),
    PROV.hadPrimarySource: (0, None, None),
}


@dataclass(frozen=True, slots=True)
class Member:
    """An effect as the record states it: its statements, and the instant from which it was public."""

    effect: Known
    public: datetime
    digest: str

    @property
    def year(self) -> int:
        """The year of its page, of the clock of UTC."""
        return self.public.year

    @property
    def iri(self) -> URIRef:
        """Its name, which leads to its page."""
        return URIRef(f"{BASE}feeds/effects/{self.year}#{short(self.effect.iri).replace('#', '.')}.{self.digest}")

    def triples(self) -> Iterator[Triple]:
        """Its statements, with those that make it a version."""
        yield self.iri, DCTERMS.isVersionOf, URIRef(self.effect.iri)
        yield self.iri, PROV.generatedAtTime, _instant(self.public)
        for predicate, values in self.effect.said.items():
            for value in values:
                yield self.iri, URIRef(predicate), value


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream is read, and whether it is that of one version for good.

    `root` and `query` make the address of its first page, as asked for; `filters` is the query as it names the stream.
    """

    root: str
    query: str
    filters: str
    version: str
    frozen: bool

    @property
    def stream(self) -> URIRef:
        """The name of the stream, wherever it is read."""
        return self._name(self.frozen)

    def _name(self, frozen: bool) -> URIRef:
        of = f"v/{quote(self.version, safe='+')}/" if frozen else ""
        return URIRef(f"{BASE}{of}feeds/effects{self.filters}#stream")

    @property
    def view(self) -> URIRef:
        """Its first page."""
        return URIRef(self.root + self.query)

    def page(self, year: int) -> URIRef:
        """The page of a year."""
        return URIRef(f"{self.root}/{year}{self.query}")

    def related(self) -> Iterator[Triple]:
        """How the stream that goes on and that of this version belong together."""
        yield self._name(frozen=False), DCTERMS.hasVersion, self._name(frozen=True)


def members(service: Service, answer: Answer) -> list[Member]:
    """The effects in an answer of the question `effects`, in the order in which they became public."""
    countries = jurisdictions(service)
    found = []
    for effect in read(answer):
        public = midnight(effect.public, zone_of(countries[str(effect.one("act"))])).astimezone(UTC)
        found.append(Member(effect, public, _digest(effect)))
    return sorted(found, key=lambda member: member.public)


def _digest(effect: Known) -> str:
    lines = sorted(f"{predicate} {value}" for predicate, values in effect.said.items() for value in values)
    return hashlib.sha256("\n".join([effect.iri, *lines]).encode()).hexdigest()[:16]


def first_page(place: Place, found: Sequence[Member]) -> Iterator[Triple]:
    """What the stream is, the shape of its members, and which page holds which time."""
    stream, view = place.stream, place.view
    yield stream, RDF.type, LDES.EventStream
    yield stream, DCTERMS.title, Literal("The effects of the record of trade measures, as they became public", "en")
    yield stream, DCTERMS.title, Literal("中美贸易措施记录中的各项法律效果（按公布时间）", "zh")
    yield stream, DCTERMS.license, _LICENCE
    yield stream, DCTERMS.isPartOf, URIRef(DATASET)
    yield stream, DCAT.version, Literal(place.version)
    yield stream, LDES.versionOfPath, DCTERMS.isVersionOf
    yield stream, TREE.shape, SHAPE
    yield stream, TREE.view, view
    yield from place.related()
    yield view, RDF.type, TREE.Node
    if place.frozen:
        # Here nothing is added any more, so that the order of the public days is that of the stream.
        yield stream, LDES.timestampPath, PROV.generatedAtTime
        yield view, RDF.type, LDES.EventSource
        yield view, LDES.immutable, Literal(True)
    else:
        policy = URIRef(f"{view}#retention")
        yield view, LDES.retentionPolicy, policy
        yield policy, RDF.type, LDES.RetentionPolicy
        yield policy, RDF.type, LDES.LatestVersionSubset  # as clients older than LDES 1.0 know it
        yield policy, LDES.versionAmount, Literal(1)
        yield policy, LDES.amount, Literal(1)
    for year in sorted({member.year for member in found}):
        bounds = ((TREE.GreaterThanOrEqualToRelation, year, "from"), (TREE.LessThanRelation, year + 1, "until"))
        for relation, bound, name in bounds:
            node = URIRef(f"{view}#{year}-{name}")
            yield view, TREE.relation, node
            yield node, RDF.type, relation
            yield node, TREE.path, PROV.generatedAtTime
            yield node, TREE.value, _instant(datetime(bound, 1, 1, tzinfo=UTC))
            yield node, TREE.node, place.page(year)
    yield from _shape()


def page_of_year(place: Place, year: int, found: Iterable[Member]) -> Iterator[Triple]:
    """The members of a year."""
    page = place.page(year)
    yield place.stream, RDF.type, LDES.EventStream
    yield place.stream, TREE.view, place.view
    yield page, RDF.type, TREE.Node
    yield page, DCTERMS.isPartOf, place.view
    if place.frozen:
        yield page, LDES.immutable, Literal(True)
    for member in found:
        if member.year == year:
            yield place.stream, TREE.member, member.iri
            yield from member.triples()


def _shape() -> Iterator[Triple]:
    """The SHACL shape of the members."""
    yield SHAPE, RDF.type, SH.NodeShape
    yield SHAPE, SH.targetClass, INF.Effect
    for path, (least, most, datatype) in _STATED.items():
        of = URIRef(f"{SHAPE}-{short(path).replace('#', '-')}")
        yield SHAPE, SH.property, of
        yield of, RDF.type, SH.PropertyShape
        yield of, SH.path, path
        if least:
            yield of, SH.minCount, Literal(least)
        if most is not None:
            yield of, SH.maxCount, Literal(most)
        if datatype is None:
            yield of, SH.nodeKind, SH.IRI
        else:
            yield of, SH.datatype, datatype


def written(triples: Iterable[Triple]) -> bytes:
    """Triples as sorted N-Triples, each once."""
    return "".join(sorted({f"{s.n3()} {p.n3()} {_text(o)} .\n" for s, p, o in triples})).encode()


def _text(term: URIRef | Literal | ox.NamedNode | ox.Literal) -> str:
    return term.n3() if isinstance(term, URIRef | Literal) else str(term)


def _instant(moment: datetime) -> Literal:
    return Literal(f"{moment:%Y-%m-%dT%H:%M:%SZ}", datatype=XSD.dateTime, normalize=False)
