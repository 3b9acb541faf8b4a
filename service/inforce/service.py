"""One build, its catalogue and its names: what the web and the command line ask.

The day called today comes from the caller; nothing here looks at a clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rdflib import URIRef

from inforce import build, catalogue
from inforce.catalogue import Names, Query, Term
from inforce.model import BASE, NS, InforceError
from inforce.record import root
from inforce.store import Embedded, Manifest, Store


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question, with all that is needed to cite and to check it.

    `results` are SPARQL results JSON; of a CONSTRUCT question they are N-Triples, and there are no rows.
    """

    query: Query
    parameters: Mapping[str, Sequence[Term]]
    sparql: str
    version: str
    covered_through: Mapping[str, str]
    notices: Sequence[str]
    results: bytes
    rows: Sequence[Mapping[str, Any]]

    def document(self) -> dict[str, Any]:
        """The answer as the JSON of the API: terms as text, repeatable parameters as lists."""
        return {
            "query": self.query.name,
            "parameters": {name: self._shown(name, terms) for name, terms in self.parameters.items()},
            "version": self.version,
            "coveredThrough": dict(self.covered_through),
            "notices": list(self.notices),
            "rows": list(self.rows),
        }

    def _shown(self, name: str, terms: Sequence[Term]) -> Any:
        shown = [str(t).removeprefix(NS) if isinstance(t, URIRef) else t.toPython() for t in terms]
        shown = [v if isinstance(v, int | str) else str(term) for v, term in zip(shown, terms, strict=True)]
        return shown if self.query.parameters[name].repeatable else shown[0]


class Service:
    """Answers the questions of the catalogue from one store."""

    def __init__(self, store: Store, manifest: Manifest, queries: Mapping[str, Query]) -> None:
        self.store, self.manifest, self.queries = store, manifest, queries
        classes = frozenset(c for q in queries.values() for p in q.parameters.values() for c in p.of)
        self.names = Names(store, classes)

    @classmethod
    def open(cls, folder: Path) -> Service:
        """The service of a build folder with the catalogue of this package."""
        store = Embedded.open(folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        return cls(store, manifest, catalogue.read(root() / "queries"))

    @classmethod
    def of_current_build(cls, folder: Path | None = None) -> Service:
        """The service of the sources as they are now, built first if that has not been done."""
        return cls.open(build.build(folder))

    def query(self, name: str) -> Query:
        """A question of the catalogue. Raises InforceError with the known names."""
        if name not in self.queries:
            raise InforceError(f"no question is called {name!r}; known: {', '.join(self.queries)}")
        return self.queries[name]

    def bound(self, name: str, given: Mapping[str, Sequence[str]], today: date) -> tuple[dict[str, list[Term]], str]:
        """The terms of a call and the SPARQL they give. Raises ParameterError."""
        terms = catalogue.resolve(self.query(name), given, self.names, today)
        return terms, catalogue.bind(self.query(name), terms)

    def ask(self, name: str, given: Mapping[str, Sequence[str]], today: date) -> Answer:
        """The answer to a question. Raises ParameterError for parameters that cannot be understood."""
        query = self.query(name)
        terms, sparql = self.bound(name, given, today)
        graph = query.form == "CONSTRUCT"
        results = self.store.construct(sparql) if graph else self.store.select(sparql)
        rows = [] if graph else catalogue.rows(query, results)
        notices = [*self._beyond_coverage(terms), *self._announced(query, terms, rows, today)]
        if "measure" in query.parameters and not rows and not graph and not query.parameters["measure"].optional:
            known = terms["knownOn"][0]
            notices.insert(0, f"No act of the record that was public by {known} says anything of this measure.")
        return Answer(query, terms, sparql, self.store.version, self.manifest["coveredThrough"], notices, results, rows)

    def _beyond_coverage(self, terms: Mapping[str, Sequence[Term]]) -> list[str]:
        """A notice for each day asked that lies beyond what was searched: silence is no certainty there."""
        notices = []
        for name in ("on", "at", "knownOn", "to", "until"):
            for term in terms.get(name, ()):
                late = [f"{c} {day}" for c, day in self.manifest["coveredThrough"].items() if str(term)[:10] > day]
                if late:
                    notices.append(
                        f"{name} = {term} lies beyond the days up to which publications were searched "
                        f"({', '.join(late)}): acts made public after that are not in the record."
                    )
        return notices

    def _announced(
        self, query: Query, terms: Mapping[str, Sequence[Term]], rows: Sequence[Mapping[str, Any]], today: date
    ) -> list[str]:
        if not query.tells_announced:
            return []
        measures = {str(t) for t in terms.get("measure", ())} | {str(r["measure"]) for r in rows if "measure" in r}
        if not measures:
            return []
        given = {"measure": sorted(measures), "knownOn": [str(terms["knownOn"][0])]}
        _, sparql = self.bound("announced", given, today)
        said = {
            f"Announced, no legal act in the record: {row['summary']} "
            f"({row['act'].removeprefix(BASE + 'instrument/')}, {row['public']}, confidence {row['confidence']})"
            for row in catalogue.rows(self.queries["announced"], self.store.select(sparql))
        }
        return sorted(said)
