"""One build, its catalogue and its names: what the web and the command line ask.

The day called today comes from the caller; nothing here looks at a clock. A build never changes, so an answer depends
on nothing but its version, its question and the parameters as resolved – and can be cited by them.
"""

from __future__ import annotations

import json
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache, partial, wraps
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote, urlencode
from weakref import ref

from rdflib import URIRef

from inforce import build, catalogue, dumps
from inforce.catalogue import Names, Parameter, Query, Term, slug
from inforce.dataset import Download
from inforce.intervals import Index
from inforce.model import BASE, NS, InforceError, Sentence
from inforce.record import root
from inforce.remote import Remote
from inforce.settings import Held, Settings
from inforce.store import Embedded, Manifest, Store, Unavailable, manifest

REMEMBERED = 256  # answers that a service keeps
Binding = Mapping[str, Mapping[str, str]]
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question, or a page of it, with all that is needed to cite and to check it.

    `found` are bindings as in SPARQL results JSON, of which `rows` are the flat form; of a CONSTRUCT question they are
    lines of N-Triples, and there are no rows. `total` counts what is found on all pages; `asked` are the parameters as
    they stand in an address.
    """

    query: Query
    parameters: Mapping[str, Sequence[Term]]
    asked: Sequence[tuple[str, str]]
    sparql: str
    version: str
    covered_through: Mapping[str, str]
    notices: Sequence[str]
    found: Sequence[Any]
    rows: Sequence[Mapping[str, Any]]
    total: int
    limit: int | None = None
    offset: int = 0

    @property
    def is_graph(self) -> bool:
        """Whether the answer consists of triples."""
        return self.query.form == "CONSTRUCT"

    @property
    def results(self) -> bytes:
        """SPARQL results JSON; of a CONSTRUCT question N-Triples."""
        if self.is_graph:
            return "".join(self.found).encode()
        head = {"vars": list(self.query.variables)}
        return json.dumps({"head": head, "results": {"bindings": self.found}}, ensure_ascii=False).encode()

    @property
    def permalink(self) -> str:
        """The IRI under which this very answer can be had as long as its version is kept."""
        return self.at(self.offset)

    def at(self, offset: int) -> str:
        """The permanent IRI of the page that begins with the row of this number, counted from 0."""
        page = [("limit", str(self.limit))] if self.limit is not None else []
        page += [("offset", str(offset))] if offset else []
        return (
            f"{BASE}v/{quote(self.version, safe='+')}/api/{self.query.name}?{urlencode(sorted([*self.asked, *page]))}"
        )

    def page(self, limit: int | None, offset: int = 0) -> Answer:
        """At most `limit` of what was found, from the row numbered `offset` on."""
        part = slice(offset, None if limit is None else offset + limit)
        return replace(self, found=self.found[part], rows=self.rows[part], limit=limit, offset=offset)

    def document(self) -> dict[str, Any]:
        """The answer as the JSON of the API: terms as text, repeatable parameters as lists."""
        paged = {} if self.limit is None and not self.offset else {"limit": self.limit, "offset": self.offset}
        return {
            "query": self.query.name,
            "parameters": {name: self._shown(name, terms) for name, terms in self.parameters.items()},
            "version": self.version,
            "coveredThrough": dict(self.covered_through),
            "permalink": self.permalink,
            "notices": list(self.notices),
            "total": self.total,
            **paged,
            "rows": list(self.rows),
        }

    def _shown(self, name: str, terms: Sequence[Term]) -> Any:
        shown = [str(t).removeprefix(NS) if isinstance(t, URIRef) else t.toPython() for t in terms]
        shown = [v if isinstance(v, int | str) else str(term) for v, term in zip(shown, terms, strict=True)]
        return shown if self.query.parameters[name].repeatable else shown[0]


def remembered(
    most: int = 1,
) -> Callable[[Callable[Concatenate[Service, P], T]], Callable[Concatenate[Service, P], T]]:
    """Keeps the last results of a function of a service, at most so many, with the service: they go when it goes."""

    def around(function: Callable[Concatenate[Service, P], T]) -> Callable[Concatenate[Service, P], T]:
        @wraps(function)
        def found(service: Service, /, *asked: P.args, **named: P.kwargs) -> T:
            kept = service.made.get(function)
            if kept is None:
                kept = service.made.setdefault(function, lru_cache(maxsize=most)(partial(function, service)))
            result: T = kept(*asked, **named)
            return result

        return found

    return around


class Service:
    """Answers the questions of the catalogue from one store; `folder` is that of its build, where it has one.

    `made` is what was made of the build so far and is worth keeping.
    """

    def __init__(
        self, store: Store, manifest: Manifest, queries: Mapping[str, Query], folder: Path | None = None
    ) -> None:
        self.store, self.manifest, self.queries, self.folder = store, manifest, queries, folder
        self.names = Names(store)
        self.index = Index.open(folder, store.version) if folder and isinstance(store, Embedded) else None
        self.made: dict[Callable[..., Any], Callable[..., Any]] = {}

    @classmethod
    def open(cls, folder: Path, held: Held = "memory") -> Service:
        """The service of a build folder with the catalogue that was built with it."""
        return cls(Embedded.open(folder, held), manifest(folder), catalogue.read(build.questions(folder)), folder)

    @classmethod
    def of_current_build(cls, folder: Path | None = None, source: Path | None = None, held: Held = "memory") -> Service:
        """The service of the sources as they are now, built first if that has not been done."""
        return cls.open(build.up_to_date(folder, source) or build.build(folder, source), held)

    @classmethod
    def of(cls, settings: Settings) -> Service:
        """The service that the settings name: of an endpoint if they name one, else of the sources as they are now."""
        if settings.endpoint is None:
            return cls.of_current_build(settings.builds, settings.data, settings.store)
        store = Remote.of(settings)
        return cls(store, build.described(store), catalogue.read(build.questions(settings.data or root())))

    @cached_property
    def downloads(self) -> Sequence[Download]:
        """The downloads of its build, as they were when first asked for; none where it keeps none."""
        return dumps.kept(self.folder) if self.folder else []

    @property
    def kept(self) -> list[str]:
        """The versions beside its build and its own, the last made first."""
        return [each.name for each in build.kept(self.folder.parent)] if self.folder else [self.manifest["version"]]

    @property
    def version(self) -> str:
        """The version of its build."""
        version: str = self.manifest["version"]
        return version

    def retire(self) -> None:
        """Let go of what was made of the build; whoever asks has it made again.

        What is kept leads back to the service. Without it the store is closed when the last who uses it is done.
        """
        self.made.clear()

    def query(self, name: str) -> Query:
        """A question of the catalogue. Raises InforceError with the known names."""
        if name not in self.queries:
            raise InforceError(f"no question is called {name!r}; known: {', '.join(self.queries)}")
        return self.queries[name]

    def bound(self, name: str, given: Mapping[str, Sequence[str]], today: date) -> tuple[dict[str, list[Term]], str]:
        """The terms of a call, in an order of their own, and the SPARQL they give. Raises ParameterError."""
        resolved = catalogue.resolve(self.query(name), given, self.names, today)
        terms = {parameter: sorted(values, key=str) for parameter, values in resolved.items()}
        return terms, catalogue.bind(self.query(name), terms)

    def ask(self, name: str, given: Mapping[str, Sequence[str]], today: date) -> Answer:
        """The answer to a question. Raises ParameterError for parameters that cannot be understood."""
        terms = catalogue.resolve(self.query(name), given, self.names, today)
        if self.store.version != self.manifest["version"]:
            raise Unavailable(f"the store now holds {self.store.version}, not {self.manifest['version']}: start anew")
        return self._answer(name, tuple((parameter, tuple(sorted(v, key=str))) for parameter, v in terms.items()))

    @remembered(REMEMBERED)
    def _answer(self, name: str, asked: tuple[tuple[str, tuple[Term, ...]], ...]) -> Answer:
        query, terms = self.query(name), dict(asked)
        sparql, asked_of_store = catalogue.bind(query, terms), self.narrowed(query, terms)
        found: Sequence[Any]
        rows: Sequence[Mapping[str, Any]] = ()
        if query.form == "CONSTRUCT":
            found = settled_triples(self.store.construct(asked_of_store))
        else:
            found, rows = settled(query, self.store.select(asked_of_store))
        return Answer(
            query=query,
            parameters=terms,
            asked=[(p, self.short(query.parameters[p], term)) for p, values in asked for term in values],
            sparql=sparql,
            version=self.manifest["version"],
            covered_through=self.manifest["coveredThrough"],
            notices=[
                *self._silence(query, terms, found),
                *self.beyond_coverage(terms),
                *self._announced(query, terms, rows),
            ],
            found=found,
            rows=rows,
            total=len(found),
        )

    def narrowed(self, query: Query, terms: Mapping[str, Sequence[Term]]) -> str:
        """The SPARQL of a call as the store is asked it: with what is worth a look, where an index tells that."""
        found = []
        if self.index is not None:
            for window in query.windows:
                if (spans := self.index.find(window.sought(terms))) is None:
                    return catalogue.bind(query, terms)
                found.append(spans)
        return catalogue.bind(query, terms, found)

    def short(self, parameter: Parameter, value: Term | str) -> str:
        """A value of a parameter in an address: the short name of an IRI where that leads back to it."""
        if parameter.type != "iri":
            return str(value)
        name = slug(URIRef(value))
        return name if self.names.find(parameter.of, name) == str(value) else str(value)

    def _silence(self, query: Query, terms: Mapping[str, Sequence[Term]], found: Sequence[Any]) -> Sequence[str]:
        """A notice where nothing is said of the measure that was asked for."""
        about = query.parameters.get("measure")
        if found or about is None or about.optional or "knownOn" not in terms:
            return []
        day = str(terms["knownOn"][0])
        return [Sentence("No act of the record that was public by %(day)s says anything of this measure.", day=day)]

    def beyond_coverage(self, terms: Mapping[str, Sequence[Term]]) -> list[str]:
        """A notice for each day asked that lies beyond what was searched: silence is no certainty there."""
        notices: list[str] = []
        for name in ("on", "at", "knownOn", "againstOn", "againstKnownOn", "to", "until"):
            for term in terms.get(name, ()):
                late = [f"{c} {day}" for c, day in self.manifest["coveredThrough"].items() if str(term)[:10] > day]
                if late:
                    notices.append(
                        Sentence(
                            "%(name)s = %(day)s lies beyond the days up to which publications were searched "
                            "(%(searched)s): acts made public after that are not in the record.",
                            name=name,
                            day=str(term),
                            searched=", ".join(late),
                        )
                    )
        return notices

    def _announced(
        self, query: Query, terms: Mapping[str, Sequence[Term]], rows: Sequence[Mapping[str, Any]]
    ) -> list[str]:
        """A notice for what has been announced for the measures of an answer without being law."""
        if not query.tells_announced:
            return []
        measures = {str(t) for t in terms.get("measure", ())} | {str(r["measure"]) for r in rows if "measure" in r}
        if not measures:
            return []
        about = self.query("announced")
        shared = {name: terms[name] for name in about.parameters if name in terms}
        sparql = catalogue.bind(about, shared | {"measure": [URIRef(m) for m in sorted(measures)]})
        said = {
            Sentence(
                "Announced, no legal act in the record: %(summary)s (%(act)s, %(day)s, confidence %(confidence)s)",
                summary=row["summary"],
                act=row["act"].removeprefix(BASE + "instrument/"),
                day=row["public"],
                confidence=row["confidence"],
            )
            for row in catalogue.rows(about, self.store.select(sparql))
        }
        return sorted(said)


def settled(query: Query, results: bytes) -> tuple[list[Binding], list[dict[str, Any]]]:
    """Bindings and rows in an order that no engine can change: where the question's own has ties, by their text.

    A row that is to be distinct is there once: Virtuoso 7 repeats some in which an optional value is missing.
    """
    pairs = list(zip(json.loads(results)["results"]["bindings"], catalogue.rows(query, results), strict=True))
    if query.distinct:
        pairs = list({json.dumps(binding, sort_keys=True): (binding, row) for binding, row in pairs}.values())
    if set(query.order) <= set(query.variables):
        runs = groupby(pairs, key=lambda pair: [pair[0].get(name, {}).get("value") for name in query.order])
        pairs = [pair for _, run in runs for pair in sorted(run, key=lambda pair: json.dumps(pair[0], sort_keys=True))]
    return [binding for binding, _ in pairs], [row for _, row in pairs]


def settled_triples(triples: bytes) -> list[str]:
    """The lines of N-Triples, each once, in the order of their text, decimals as Turtle writes them: 10.0.

    A graph is a set, but an engine may construct a triple from several solutions.
    """
    return sorted({_WHOLE.sub(r'"\1.0"^^\2 .', line) + "\n" for line in triples.decode().split("\n") if line})


_WHOLE = re.compile(r'"([+-]?[0-9]+)"\^\^(<http://www\.w3\.org/2001/XMLSchema#decimal>) \.$')


class Versions:
    """The build that is served, and the earlier ones beside it, which are opened when they are first asked.

    At most so many of these are open at once, and none that nobody has asked for a while.
    """

    def __init__(self, current: Service, at_once: int = 2, held: Held = "memory") -> None:
        self.current = current
        self._at_once, self._held = at_once, held
        self._lock, self._opening = Lock(), Lock()
        self._open: OrderedDict[str, tuple[Service, float]] = OrderedDict()  # with the time when last asked
        self._before: deque[tuple[ref[Service], float]] = deque()  # were current, with the time until when

    def kept(self) -> dict[str, Path | None]:
        """The folders of the versions that can be asked: the current one first, then the last made first."""
        here = self.current.folder
        others = {folder.name: folder for folder in build.kept(here.parent)} if here else {}
        return {self.current.version: here, **others}

    def find(self, version: str) -> Service:
        """The service of a version. Raises KeyError if it is not kept, InforceError if it cannot be read any more."""
        current = self.current
        if version == current.version:
            return current
        folder = self.kept()[version]
        assert folder is not None, "only the current build may have no folder"
        return self.opened(folder)

    def opened(self, folder: Path) -> Service:
        """The service of a build folder. Raises InforceError if it cannot be read."""
        found = self._asked(folder.name)
        if found is None:
            with self._opening:
                found = self._asked(folder.name) or self._add(Service.open(folder, self._held))
        return found

    def succeed(self, service: Service) -> None:
        """Let another build be the current one. The one before it stays open as the last asked of the earlier ones."""
        before, self.current = self.current, service
        with self._lock:
            self._open.pop(service.version, None)
        if before.version != service.version:
            self._before.append((ref(before), time.monotonic()))
            self._add(before)

    def rest(self, done: float, closed: float) -> None:
        """Close those that nobody has asked for so many seconds (`closed`).

        Of those that were current, keep the store only, so many seconds (`done`) after they were: by then the requests
        that began on them have ended, and few will come.
        """
        with self._lock:
            now = time.monotonic()
            while self._before and now - self._before[0][1] >= done:
                if before := self._before.popleft()[0]():
                    before.retire()
            for version in [version for version, (_, asked) in self._open.items() if now - asked >= closed]:
                self._open.pop(version)[0].retire()

    def _asked(self, version: str) -> Service | None:
        with self._lock:
            if version not in self._open:
                return None
            found, _ = self._open.pop(version)
            self._open[version] = found, time.monotonic()
            return found

    def _add(self, service: Service) -> Service:
        with self._lock:
            self._open[service.version] = service, time.monotonic()
            while len(self._open) > self._at_once:
                self._open.popitem(last=False)[1][0].retire()
        return service
