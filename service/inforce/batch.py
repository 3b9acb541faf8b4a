"""A list of shipments asked in one go: the question `in-force` for each line, thousands at a time.

The parts of that question have only the measure and its span in common (a test holds it to that). So an answer is what
the values of a line have in common: each distinct value is asked once, for the measures it concerns, by the question's
own SPARQL; the spans of all measures are fetched once; and days are compared here.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from rdflib import XSD, Literal

from inforce import catalogue
from inforce.catalogue import Parameter, ParameterError, Query, Term
from inforce.model import ALWAYS, NS, OPEN
from inforce.service import Service
from inforce.shipments import Line, Table, cell

QUESTION = "in-force"
# What these columns may also be called.
ALIASES = {"date": "on", "hscode": "hs"}
SUGGESTIONS = 500  # nearest names are slow to find: after that many unknown values none are sought
AT_ONCE = 500  # values in one query
_TIMES = ("on", "knownOn", "status")
_NEEDED = (("on",), ("destination",), ("material", "hs"))
_SELECTED = re.compile(r"SELECT DISTINCT ([^{}]*?) WHERE")
_FAULT = ("errorName", "errorValue", "errorExpected", "errorNearest")


@dataclass(frozen=True, slots=True)
class Result:
    """What was found for a line: rows of `in-force`, or what in the line cannot be understood."""

    line: Line
    rows: Sequence[Mapping[str, Any]] = ()
    notices: Sequence[str] = ()
    errors: Sequence[ParameterError] = ()

    @property
    def outcome(self) -> str:
        """found, none or error."""
        return "error" if self.errors else "found" if self.rows else "none"


@dataclass(slots=True)
class Tally:
    """How many lines had which outcome, and which lines failed; counted as results pass by."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failed: list[int] = field(default_factory=list)

    def watch(self, results: Iterable[Result]) -> Iterator[Result]:
        for result in results:
            self.outcomes[result.outcome] += 1
            if result.errors:
                self.failed.append(result.line.number)
            yield result


# Asking


def run(
    service: Service,
    table: Table,
    today: date,
    common: Mapping[str, Sequence[str]] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Result]:
    """The result of each line, in the order of the list; a line that cannot be understood stops no other.

    `common` are parameters of `in-force` for all lines whose cell does not say otherwise. Everything is asked before
    the first result is handed out. `progress` is told the lines done and the lines there are. Raises ParameterError for
    columns or common parameters that cannot be understood.
    """
    return _Job(service, table, today, common or {}).results(progress)


class _Job:
    def __init__(self, service: Service, table: Table, today: date, common: Mapping[str, Sequence[str]]) -> None:
        self.service, self.today = service, today
        self.query = service.query(QUESTION)
        if common.get("at"):
            raise ParameterError("at", common["at"][0], "a day for each line, in a column date")
        terms = catalogue.resolve(self.query, common, service.names, today)
        given = {name: tuple(values) for name, values in terms.items() if name != "on" or common.get("on")}
        spoken = {name: values for name, values in given.items() if name not in _of_lines(self.query)}
        self.common = {name: values for name, values in given.items() if name not in spoken}
        self.columns = _columns(self.query, table, self.common)
        self.known: dict[tuple[str, str], Term | ParameterError] = {}
        self.sought = 0
        self.read = [self._line(line) for line in table.lines]
        self.spans = _Spans(service, spoken)
        self.scopes: dict[str, dict[Term, frozenset[str]]] = {}
        for name in _of_lines(self.query):
            if name not in _TIMES:
                values = {term for _, given, _ in self.read for term in given.get(name, ())}
                self.scopes[name] = self.spans.scope(name, sorted(values))

    def results(self, progress: Callable[[int, int], None] | None) -> Iterator[Result]:
        answers: dict[tuple[tuple[str, tuple[Term, ...]], ...], tuple[list[Mapping[str, Any]], list[str]]] = {}
        for done, (line, given, errors) in enumerate(self.read, 1):
            if errors:
                yield Result(line, errors=errors)
            else:
                key = tuple(given.items())
                if key not in answers:
                    answers[key] = self._answer(given)
                yield Result(line, *answers[key])
            if progress is not None:
                progress(done, len(self.read))

    def _line(self, line: Line) -> tuple[Line, dict[str, tuple[Term, ...]], list[ParameterError]]:
        """The terms of a line and all that cannot be understood in it."""
        terms: dict[str, tuple[Term, ...]] = {}
        errors = [] if line.fault is None else [line.fault]
        for name, column in self.columns.items():
            parameter = self.query.parameters[name]
            try:
                values = _values(parameter, column, line.cells.get(column))
            except ParameterError as error:
                errors.append(error)
                terms[name] = ()
                continue
            found = [self._term(parameter, column, value) for value in values]
            errors += [term for term in found if isinstance(term, ParameterError)]
            if values:
                terms[name] = tuple(dict.fromkeys(term for term in found if not isinstance(term, ParameterError)))
        terms = {**self.common, **terms}
        for wanted in _NEEDED:
            if not any(name in terms for name in wanted):
                column = next(self.columns[name] for name in wanted if name in self.columns)
                errors.append(ParameterError(column, None, _expected(self.query, wanted)))
        return line, terms, errors

    def _term(self, parameter: Parameter, column: str, value: str) -> Term | ParameterError:
        key = (parameter.name, value)
        if key not in self.known:
            try:
                if parameter.of and self.service.names.find(parameter.of, value) is None:
                    self.sought += 1
                    if self.sought > SUGGESTIONS:
                        raise ParameterError(parameter.name, value, parameter.expected)
                given = {parameter.name: [re.sub(r"[. ]", "", value) if parameter.name == "hs" else value]}
                self.known[key] = catalogue.resolve(self.query, given, self.service.names, self.today)[parameter.name][
                    0
                ]
            except ParameterError as error:
                self.known[key] = ParameterError(column, value, error.expected, error.nearest)
        return self.known[key]

    def _answer(self, given: Mapping[str, tuple[Term, ...]]) -> tuple[list[Mapping[str, Any]], list[str]]:
        concerned = [
            frozenset().union(*(self.scopes[name][term] for term in terms))
            for name, terms in given.items()
            if name not in _TIMES
        ]
        on, known = str(given["on"][0]), str(given["knownOn"][0])
        rows = self.spans.rows(frozenset.intersection(*concerned), on, known, {str(s) for s in given["status"]})
        return rows, self.service.beyond_coverage({"on": given["on"], "knownOn": given["knownOn"]})


@dataclass(frozen=True, slots=True)
class _Span:
    measure: str
    status: str
    start: str
    end: str
    known_from: str
    known_until: str
    row: Mapping[str, Any]

    def holds(self, on: str, known: str) -> bool:
        """A day belongs to a span when from <= day < until; so does a day of knowledge."""
        return self.start <= on < self.end and self.known_from <= known < self.known_until


class _Spans:
    """All spans of a build with their rows of `in-force`, in its order, and the measures that values concern."""

    def __init__(self, service: Service, spoken: Mapping[str, Sequence[Term]]) -> None:
        self.service, self.query, self.spoken = service, service.query(QUESTION), spoken
        days = json.loads(service.store.select(f"SELECT DISTINCT ?day WHERE {{ ?span <{NS}knownFrom> ?day }}"))
        self.days = sorted(row["day"]["value"] for row in days["results"]["bindings"])
        self.spans = [
            _Span(
                row["measure"],
                NS + row["status"],
                row["from"] or ALWAYS,
                row["until"] or OPEN,
                row["knownFrom"] or ALWAYS,
                row["knownUntil"] or OPEN,
                {name: row[name] for name in self.query.variables},
            )
            for row in self._select(["span", "knownUntil"], {"knownOn": _days(self.days)})
        ]
        self.probe = self._probe()

    def _probe(self) -> dict[str, list[Term]]:
        """Days that find each measure: a single one if it shows them all, else all days of knowledge."""
        last = self.days[-1:]
        shown = {span.measure for span in self.spans for day in last if span.holds(day, day)}
        if shown == {span.measure for span in self.spans}:
            return {"on": _days(last), "knownOn": _days(last)}
        return {"knownOn": _days(self.days)}

    def scope(self, name: str, values: Sequence[Term]) -> dict[Term, frozenset[str]]:
        """The measures that each value of a parameter concerns, in whatever state."""
        found: dict[str, set[str]] = {str(value): set() for value in values}
        shown = {str(value).removeprefix(NS): str(value) for value in values}
        for start in range(0, len(values), AT_ONCE):
            for row in self._select([name, "measure"], {**self.probe, name: values[start : start + AT_ONCE]}):
                found[shown[row[name]]].add(row["measure"])
        return {value: frozenset(found[str(value)]) for value in values}

    def rows(self, measures: frozenset[str], on: str, known: str, statuses: set[str]) -> list[Mapping[str, Any]]:
        return [
            span.row
            for span in self.spans
            if span.measure in measures and span.status in statuses and span.holds(on, known)
        ]

    def _select(self, names: Sequence[str], terms: Mapping[str, Sequence[Term]]) -> list[dict[str, Any]]:
        """Rows of the question with other variables before its own, or in their stead."""
        own = _SELECTED.search(self.query.text)
        assert own is not None, f"{QUESTION}.rq begins with SELECT DISTINCT"
        chosen = " ".join(f"?{name}" for name in names)
        head = f"SELECT DISTINCT {chosen} {own[1] if 'span' in names else ''} WHERE"
        query = catalogue.parse(QUESTION, self.query.text.replace(own[0], head, 1))
        return catalogue.rows(query, self.service.store.select(catalogue.bind(query, {**self.spoken, **terms})))


def _days(days: Sequence[str]) -> list[Term]:
    return [Literal(day, datatype=XSD.date) for day in days]


def _of_lines(query: Query) -> list[str]:
    """The parameters that may differ from line to line: times and filters; not a moment, nor the language of labels."""
    return [p.name for p in query.parameters.values() if p.name in _TIMES or (p.optional and p.name != "at")]


def _columns(query: Query, table: Table, common: Mapping[str, Sequence[Term]]) -> dict[str, str]:
    """Which column holds which parameter.

    Raises ParameterError for a column that is missing or named twice, and for one that only nearly has the name of a
    parameter: taken for a remark, it would widen the answers.
    """
    names = {name.lower(): name for name in query.parameters} | ALIASES
    columns: dict[str, str] = {}
    for column in table.columns:
        plain = re.sub(r"[-_ ]", "", column).lower()
        name = names.get(plain)
        if name in columns:
            raise ParameterError(column, None, f"either {columns[name]} or {column}, not both", (), "is there twice")
        if name in _of_lines(query):
            columns[name] = column
        elif near := [name] if name else difflib.get_close_matches(plain[:80], names, n=2, cutoff=0.8):
            nearest = [n for n in near if names.get(n) in _of_lines(query)]
            raise ParameterError(column, None, "another name for a remark", nearest, "is no column of a list")
    for wanted in _NEEDED if table.lines else ():
        if not any(name in columns or name in common for name in wanted):
            called = ["date" if name == "on" else name for name in wanted]
            near = difflib.get_close_matches(called[0], [c[:80] for c in table.columns], n=2)
            raise ParameterError(called[0], None, f"a column {' or '.join(called)}", near)
    return columns


def _values(parameter: Parameter, column: str, cell: Any) -> list[str]:
    """The values in a cell; where several are allowed, a list or texts between vertical bars."""
    cells = cell if isinstance(cell, list) else [cell]
    values: list[str] = []
    for value in cells:
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ParameterError(column, json.dumps(value, ensure_ascii=False), parameter.expected)
        values += str(value).split("|") if parameter.repeatable else [str(value)]
    values = [value.strip() for value in values if value.strip()]
    if len(values) > 1 and not parameter.repeatable:
        raise ParameterError(column, values[1], f"one value only; {values[0]!r} is given already")
    return values


def _expected(query: Query, names: Sequence[str]) -> str:
    return ", or in its stead ".join(query.parameters[name].expected for name in names)


# Writing


def columns_of(service: Service, table: Table) -> tuple[list[str], list[str]]:
    """The columns of a result as CSV, and what the columns of the list are called there: input_… where two collide."""
    own = ["line", "outcome"]
    found = [*service.query(QUESTION).variables, "notices", *_FAULT]
    taken = {*own, *found}
    given = []
    for column in table.columns:
        name = column
        while name in taken:
            name = f"input_{name}"
        taken.add(name)
        given.append(name)
    return [*own, *given, *found], given


def as_csv(service: Service, table: Table, results: Iterable[Result]) -> Iterator[str]:
    """The results as CSV for spreadsheets: a row a measure, a fault, or a line without any. In pieces of some size."""
    header, _ = columns_of(service, table)
    variables = service.query(QUESTION).variables
    out = io.StringIO()
    writer = csv.writer(out)
    out.write("\ufeff")
    writer.writerow([cell(name) for name in header])
    for result in results:
        given = [cell(result.line.cells.get(column)) for column in table.columns]
        start, end = [str(result.line.number), result.outcome, *given], " ".join(result.notices)
        for error in result.errors:
            fault = (error.name, error.value, error.expected, ", ".join(error.nearest))
            writer.writerow([*start, *[""] * len(variables), end, *map(cell, fault)])
        for row in result.rows:
            writer.writerow([*start, *(cell(row[name]) for name in variables), end, *[""] * 4])
        if result.outcome == "none":
            writer.writerow([*start, *[""] * len(variables), end, *[""] * 4])
        if out.tell() > 65536:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def as_json(service: Service, results: Iterable[Result]) -> Iterator[str]:
    """The results as one JSON document: where the answers come from, results in order, then a count of lines."""
    tally = Tally()
    head = {"query": QUESTION, "version": service.store.version, "coveredThrough": service.manifest["coveredThrough"]}
    piece = json.dumps(head, ensure_ascii=False)[:-1] + ', "results": [\n'
    separator = ""
    for result in tally.watch(results):
        for record in _records(result):
            piece += separator + json.dumps(record, ensure_ascii=False)
            separator = ",\n"
        if len(piece) > 65536:
            yield piece
            piece = ""
    count = {name: tally.outcomes[name] for name in ("found", "none", "error")}
    yield piece + "\n], " + json.dumps({"lines": count, "failed": tally.failed}, ensure_ascii=False)[1:] + "\n"


def _records(result: Result) -> Iterator[dict[str, Any]]:
    """A record for each measure; one for a line without any, or with faults."""
    head = {"line": result.line.number, "outcome": result.outcome, "input": dict(result.line.cells)}
    notices = list(result.notices)
    if result.errors:
        faults = [
            {"name": e.name, "value": e.value, "expected": e.expected, "nearest": e.nearest, "detail": str(e)}
            for e in result.errors
        ]
        yield {**head, "row": None, "notices": notices, "errors": faults}
    elif not result.rows:
        yield {**head, "row": None, "notices": notices, "errors": []}
    for row in result.rows:
        yield {**head, "row": dict(row), "notices": notices, "errors": []}
