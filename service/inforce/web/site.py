"""What the pages of one build need again and again: names, addresses, the choices of the form."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from rdflib import URIRef

from inforce.catalogue import slug
from inforce.model import ALWAYS, BASE, OPEN
from inforce.service import Service, remembered
from inforce.turtle import PREFIXES
from inforce.web.description import index
from inforce.web.language import current, order

# What this host serves besides documents.
SERVED = frozenset({BASE, BASE + "sparql"})


def path(iri: str) -> str:
    """Where an IRI of the record is served."""
    return "/" + iri.removeprefix(BASE)


def in_form(iri: str, form: str) -> str:
    """Where the document of an IRI is served in a form: /measure/x.ttl, /measure/x/on/2025-11-15.ttl?knownOn=…"""
    at, mark, query = path(iri).partition("?")
    return f"{at}.{form}{mark}{query}"


def short(iri: object) -> str:
    """The short name of a thing: cn-mofcom-2025-72#whole."""
    return str(iri).removeprefix(BASE).rpartition("/")[2] or str(iri)


@dataclass(frozen=True, slots=True)
class Name:
    """What a thing of the record is called in English and in Chinese."""

    en: str
    zh: str | None = None


class Site:
    """The names and addresses of the things of one build."""

    def __init__(self, service: Service) -> None:
        self.service, self.index = service, index(service)
        self._names = self._read_names()
        self.about: dict[str, dict[str, str]] = defaultdict(dict)
        for row in self.select(
            "?m ?p ?o { VALUES ?p { inf:imposedBy inf:kind inf:flow } ?m inf:appliesTo ?x ; ?p ?o }"
        ):
            self.about[row["m"]][slug(URIRef(row["p"]))] = row["o"]
        first = "?m (MIN(?d) AS ?day) { ?e inf:affects ?m ; inf:public ?d } GROUP BY ?m"
        acts = "?a ?day ?side { ?a a inf:Instrument ; inf:madePublic ?day ; eli:jurisdiction ?side }"
        self.acts = {row["a"]: (date.fromisoformat(row["day"]), row["side"]) for row in self.select(acts)}
        listed = "?e ?c { ?e a inf:Entity ; inf:country ?c }"
        self.country_of = {row["e"]: row["c"] for row in self.select(listed)}
        self.first_public = {row["m"]: date.fromisoformat(row["day"]) for row in self.select(first)}
        bounds = self.select(
            "(MIN(?day) AS ?first) (MAX(?day) AS ?last) { ?span inf:from|inf:until ?day "
            f'FILTER ("{ALWAYS}"^^xsd:date < ?day && ?day < "{OPEN}"^^xsd:date) }}'
        )[0]
        self.bounds = [date.fromisoformat(day) for day in bounds.values()]
        public = self.select("DISTINCT ?day { ?act inf:madePublic ?day } ORDER BY ?day")
        self._public = [row["day"] for row in public]

    def select(self, where: str) -> list[dict[str, str]]:
        """The rows of a query after its SELECT, each term as its text."""
        prologue = "".join(f"PREFIX {prefix}: <{namespace}>\n" for prefix, namespace in PREFIXES.items())
        found = json.loads(self.service.store.select(f"{prologue}SELECT {where}"))["results"]["bindings"]
        return [{name: cell["value"] for name, cell in row.items()} for row in found]

    def _read_names(self) -> dict[str, Name]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        # Of many entities the record has the Chinese name only beside the proper one.
        for names in ("skos:prefLabel rdfs:label dcterms:title", "skos:altLabel"):
            for row in self.select(
                f"?s ?name (LANG(?name) AS ?language) {{ VALUES ?p {{ {names} }} ?s ?p ?name }} ORDER BY ?s ?name"
            ):
                found[row["s"]].setdefault(row["language"], row["name"])
        return {iri: Name(n.get("en") or next(iter(n.values())), n.get("zh")) for iri, n in found.items()}

    def href(self, iri: str) -> str | None:
        """The address of a thing on this host; what has no document has none."""
        document = iri.partition("#")[0]
        served = document in self.index.documents or iri in self.index.elsewhere or iri in SERVED
        return path(iri) if served else None

    def name(self, iri: str) -> str:
        """The name of a thing in the language of the request, else its English name, else its short one."""
        return (self.zh(iri) if current() == "zh" else None) or self.en(iri)

    def other(self, iri: str) -> str | None:
        """The name of a thing in the language that is not that of the request, where it has both."""
        chinese = self.zh(iri)
        return self.en(iri) if chinese and current() == "zh" else chinese

    def foreign(self, iri: str) -> bool:
        """Whether the name of a thing is English on a page that is not."""
        return current() == "zh" and not self.zh(iri) and any(letter.isalpha() for letter in self.en(iri))

    def en(self, iri: str) -> str:
        """The English name of a thing, else its short name."""
        known = self._names.get(iri)
        return known.en if known else short(iri)

    def zh(self, iri: str) -> str | None:
        """The Chinese name of a thing."""
        known = self._names.get(iri)
        return known.zh if known else None

    def choices(self, kind: str) -> list[tuple[str, str, str]]:
        """Slug, name and name in the other language of all things of a kind, by name."""
        return _choices(self.service, kind, current())

    def learned(self, day: str) -> str:
        """The last day by which anything new was public: what was known on `day` was known since then."""
        before = bisect_right(self._public, day)
        return self._public[before - 1] if before else day

    @cached_property
    def families(self) -> dict[str, str]:
        """The broadest kind that each kind of measure belongs to."""
        found, broadest = {}, ""
        for kind, depth in self.tree("kind"):
            broadest = kind if depth == 0 else broadest
            found[kind] = broadest
        return found

    def imposers(self) -> list[str]:
        """The countries that impose a measure of the record."""
        return sorted({about["imposedBy"] for about in self.about.values()})

    def tree(self, kind: str) -> list[tuple[str, int]]:
        """All things of a kind, each below the first thing that is broader, with their depth."""
        return _tree(self.service, kind, current())

    def slug_of_name(self, kind: str, given: str) -> str:
        """The slug for what a person typed: a name in English or Chinese, or what it was."""
        wanted = given.strip().lower()
        for member in self.index.members(BASE + kind):
            known = self._names.get(member)
            if known and wanted in (known.en.lower(), known.zh):
                return slug(URIRef(member))
        return given


# Both are in the language of the request, which is their last key.
@remembered(64)
def _choices(service: Service, kind: str, _: str) -> list[tuple[str, str, str]]:
    known = site(service)
    named = ((slug(URIRef(m)), known.name(m), known.other(m) or "") for m in known.index.members(BASE + kind))
    return sorted(named, key=lambda choice: (order(choice[1]), choice[0]))


@remembered(64)
def _tree(service: Service, kind: str, _: str) -> list[tuple[str, int]]:
    known = site(service)
    members = known.index.members(BASE + kind)
    broader: dict[str, str] = {}
    for row in known.select("?s ?broader { ?s skos:broader ?broader } ORDER BY ?broader"):
        if row["broader"] in members:
            broader.setdefault(row["s"], row["broader"])
    below: dict[str, list[str]] = defaultdict(list)
    for member in members:
        below[broader.get(member, "")].append(member)

    def walk(top: str, depth: int) -> Iterator[tuple[str, int]]:
        for member in sorted(below[top], key=lambda m: order(known.name(m))):
            yield member, depth
            yield from walk(member, depth + 1)

    return list(walk("", 0))


@remembered()
def site(service: Service) -> Site:
    """The site of a service."""
    return Site(service)
