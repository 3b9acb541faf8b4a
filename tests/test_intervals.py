"""The index of spans: it makes questions faster and changes no row, and one that is wrong is found out or not used."""

from __future__ import annotations

import json
import logging
import random
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph, Literal

from conftest import TODAY
from inforce import build, catalogue, intervals
from inforce.catalogue import Parameter
from inforce.intervals import LAST, Index, Sought
from inforce.model import NS, InforceError, Span, Status, day_of
from inforce.record import Record, load, root
from inforce.service import Service, settled

sys.path.append(str(root() / "benchmarks"))
import synthetic

ROUNDS = 10  # calls of each question


@dataclass(frozen=True)
class Call:
    """A call of a question, its SPARQL and what that gives without an index."""

    name: str
    terms: Mapping[str, Sequence[catalogue.Term]]
    plain: str
    rows: Any

    @classmethod
    def of(cls, service: Service, name: str, given: Mapping[str, Sequence[str]]) -> Call:
        terms, plain = service.bound(name, given, TODAY)
        return cls(name, terms, plain, settled(service.query(name), service.store.select(plain)))

    def narrowed(self, service: Service) -> bool:
        """Whether the index of a service narrows it."""
        return service.narrowed(service.query(self.name), self.terms) != self.plain

    def differs(self, service: Service) -> bool:
        """Whether it gives other rows with the index of a service."""
        query = service.query(self.name)
        return self.rows != settled(query, service.store.select(service.narrowed(query, self.terms)))


def turns(record: Record) -> list[date]:
    """Days on which something turns, in law or in what is known."""
    found = {day for span in record.spans for day in (span.known_from, *days_of(span, record))}
    return sorted(found - {date.min, date.max})


def days_of(span: Span, record: Record) -> tuple[date, date]:
    """The first day of a span and the day on which it has ended."""
    zone = record.zone(span.measure)
    return (
        date.min if span.start is None else day_of(span.start, zone),
        date.max if span.end is None else day_of(span.end, zone),
    )


GOODS = "?measure inf:item/inf:material ?value"
HAVING = {
    "material": GOODS,
    "goods": f"""{{ {GOODS} }} UNION
        {{ ?measure inf:flow inf:import FILTER NOT EXISTS {{ ?measure inf:item ?any }} BIND ("" AS ?value) }}""",
    "hs": """{ ?measure inf:item/inf:hsCode ?value } UNION
        { ?measure inf:item/inf:material <https://w3id.org/inforce/material/all-goods> BIND ("" AS ?value) }""",
    **{
        name: f"?measure inf:{name} ?value" for name in ("imposedBy", "destination", "origin", "kind", "flow", "entity")
    },
    "measure": "?span inf:measure ?measure BIND (?measure AS ?value)",
}


def values(service: Service) -> dict[str, list[str]]:
    """For each feature the values that measures of a record have, and what these are within."""
    found = {}
    for name, where in HAVING.items():
        own = where.replace("?value", "?own")
        either = f"{{ {where} }} UNION {{ {{ {own} }} ?own inf:within ?value }}"
        answer = service.store.select(f"PREFIX inf: <{NS}> SELECT DISTINCT ?value WHERE {{ {either} }} ORDER BY ?value")
        found[name] = [row["value"]["value"] for row in json.loads(answer)["results"]["bindings"]]
    return found


def calls(service: Service, days: Sequence[date], seed: int) -> Iterator[Call]:
    """Calls of every question that describes its spans, on days at or beside those on which something turns."""
    chance, had = random.Random(seed), values(service)

    def value(parameter: Parameter) -> str:
        day = (chance.choice(days) + timedelta(chance.choice((-1, 0, 0, 0, 1)))).isoformat()
        match parameter.type:
            case "date":
                return day
            case "dateTime":
                return f"{day}T{chance.choice(('00:00', '00:01', '12:30', '23:59'))}:00{chance.choice(('+08:00', '-04:00'))}"
            case "integer":
                return str(chance.randint(0, 500))
            case "iri" if parameter.name in ("imposedBy", "origin", "destination") and chance.random() < 0.8:
                return chance.choice(("CN", "US"))
            case "iri":
                return chance.choice(had.get(parameter.name) or service.names.of(parameter.of))
            case _:
                return (
                    "zh" if parameter.name == "lang" else chance.choice(had["hs"])[: chance.choice((2, 4, 6))] or "81"
                )

    for name, query in service.queries.items():
        optional = [p.name for p in query.parameters.values() if p.optional or p.name in ("status", "lang", "days")]
        for _ in range(ROUNDS if query.windows else 0):
            chosen = chance.sample(optional, min(chance.choice((0, 1, 1, 2)), len(optional)))
            given = {
                p.name: [value(p) for _ in range(chance.choice((1, 1, 2)) if p.repeatable else 1)]
                for p in query.parameters.values()
                if p.name in chosen or (p.name not in optional and not isinstance(p.default, dict))
            }
            excluded = [p.name for p in query.parameters.values() if p.unless in given]
            yield Call.of(service, name, {n: v for n, v in given.items() if n not in excluded})


def turning(service: Service, record: Record, seed: int) -> Iterator[Call]:
    """Calls on the first and on the last day of spans, in law and in knowledge."""
    for span in random.Random(seed).sample(record.spans, 9):
        (since, until), (known, forgotten) = days_of(span, record), (span.known_from, span.known_until or date.max)
        if since < until:
            for on in {since, until - timedelta(1)}:
                for known_on in {known, forgotten - timedelta(1)}:
                    given = {"on": [on.isoformat()], "knownOn": [known_on.isoformat()]}
                    yield Call.of(service, "status", given | {"measure": [span.measure]})
                    yield Call.of(service, "in-force", given | {"status": [span.state.status]})


def folder_of(folder: Path, quads: bytes, manifest: Mapping[str, Any]) -> Path:
    """A folder into which some quads are put as a build."""
    (folder / "inforce.nq").write_bytes(quads)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def with_index(service: Service, folder: Path) -> Service:
    """The same service with the index in another folder."""
    copy = Service(service.store, service.manifest, service.queries)
    copy.index = Index.open(folder, service.store.version)
    assert copy.index is not None
    return copy


@pytest.fixture(scope="module")
def asked(service: Service, record: Record) -> list[Call]:
    return [*calls(service, turns(record), seed=1), *turning(service, record, seed=1)]


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[Service, Record]:
    """A service of a made-up record with long histories, and the record."""
    folder = tmp_path_factory.mktemp("made-up")
    synthetic.write(folder / "record", measures=60, seed=3)
    made = build.build(folder / "builds", folder / "record", downloads=False)
    return Service.open(made), load(folder / "record")


# The rows


@pytest.mark.parametrize("limits", [{}, {"_FEW": -1}, {"_FEW": -1, "_SCANNED": 10}, {"AT_MOST": 30}], ids=str)
def test_rows_are_the_same_with_and_without_the_index(
    limits: dict[str, int], service: Service, asked: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way it finds them: by what the measures have, by the tree, by either, or not where they are too many."""
    for name, value in limits.items():
        monkeypatch.setattr(intervals, name, value)
    assert [call for call in asked if call.differs(service)] == []
    assert sum(bool(call.rows[0]) for call in asked) > len(asked) / 3
    assert sum(call.narrowed(service) for call in asked) > len(asked) / 3


def test_rows_are_the_same_in_a_record_of_long_histories(made_up: tuple[Service, Record]) -> None:
    service, record = made_up
    asked = list(calls(service, turns(record), seed=2))
    assert [call for call in asked if call.differs(service)] == []
    assert sum(bool(call.rows[0]) for call in asked) > len(asked) / 4
    assert sum(call.narrowed(service) for call in asked) > len(asked) * 0.9


def test_what_is_shown_is_the_plain_query(service: Service) -> None:
    answer = service.ask("in-force", {"material": ["gallium"], "on": ["2025-11-15"], "knownOn": ["2025-11-15"]}, TODAY)
    assert answer.sparql == catalogue.bind(answer.query, answer.parameters)
    assert answer.sparql != service.narrowed(answer.query, answer.parameters)


# What is wrong is found out by these tests: each of these faults changes rows of the calls above.

FAULTS = {
    "a window ends a day early": "UPDATE span SET until = until - 1",
    "a window begins a day late": "UPDATE span SET since = since + 1",
    "known a day late": "UPDATE span SET known_since = known_since + 1",
    "known no more a day early": "UPDATE span SET known_until = known_until - 1",
    "holes in the tree": "DELETE FROM tree WHERE id % 5 = 0",
    "one status taken for another": "UPDATE status SET name = name || '?' WHERE name LIKE '%suspended'",
    "nothing within anything": "DELETE FROM within WHERE narrow != wide",
    **{f"no {feature}": f"DELETE FROM value WHERE feature = '{feature}'" for feature in intervals.FEATURES},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_index_gives_other_rows(
    fault: str, service: Service, asked: list[Call], build_folder: Path, tmp_path: Path
) -> None:
    changed(build_folder, tmp_path, FAULTS[fault])
    wrong = with_index(service, tmp_path)
    assert any(call.differs(wrong) for call in asked)


def changed(build_folder: Path, folder: Path, statements: str) -> None:
    """A copy of the index of a build with something changed, signed as if it were right."""
    shutil.copy(build_folder / intervals.FILE, folder)
    with closing(sqlite3.connect(folder / intervals.FILE)) as db:
        db.executescript(statements)
    intervals.sign(folder / intervals.FILE)


# Finding


def test_the_index_finds_just_the_spans_of_these_days_and_statuses(service: Service, record: Record) -> None:
    """Held against the spans as they were compiled."""
    chance, days = random.Random(4), turns(record)
    windows = [(span, days_of(span, record)) for span in record.spans]
    assert service.index is not None
    hits = 0
    for _ in range(100):
        on, known, status = chance.choice(days), chance.choice(days), chance.choice([*Status])
        bounds = (0, on.toordinal()), (on.toordinal() + 1, LAST)
        found = service.index.find(Sought(*bounds, known.toordinal(), (NS + status,)))
        assert found is not None
        wanted = sorted(
            span.measure
            for span, (since, until) in windows
            if span.state.status is status
            and since <= on < until
            and span.known_from <= known < (span.known_until or date.max)
        )
        assert sorted(measure for _, measure in found) == wanted
        hits += len(wanted)
    assert hits > 500


def test_an_unknown_status_finds_nothing(service: Service) -> None:
    assert service.index is not None
    assert service.index.find(Sought(status=(NS + "nothing",))) == []


# A file that is not to be used


def test_a_build_without_index_is_asked_without(service: Service, build_folder: Path, tmp_path: Path) -> None:
    assert Index.open(tmp_path, service.store.version) is None
    older = Service(service.store, service.manifest, service.queries, tmp_path)
    call = {"on": ["2025-11-15"], "knownOn": ["2025-11-15"]}
    assert older.ask("in-force", call, TODAY).rows == service.ask("in-force", call, TODAY).rows


def _flipped(data: bytearray) -> None:
    data[len(data) // 2] ^= 1


def _cut(data: bytearray) -> None:
    del data[len(data) * 2 // 3 :]


def _foreign(data: bytearray) -> None:
    data[:] = b"something else " * 100


def _later(data: bytearray) -> None:
    data[71] += 1


@pytest.mark.parametrize(
    ("damage", "told"), [(_flipped, "damaged"), (_cut, "damaged"), (_foreign, "no index"), (_later, "no index")]
)
def test_a_damaged_file_is_told_of_and_not_used(
    damage: Callable[[bytearray], None],
    told: str,
    service: Service,
    build_folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = bytearray((build_folder / intervals.FILE).read_bytes())
    damage(data)
    (tmp_path / intervals.FILE).write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert Index.open(tmp_path, service.store.version) is None
    assert told in caplog.text
    assert intervals.FILE in caplog.text


def test_the_index_of_another_build_is_told_of_and_not_used(
    build_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert Index.open(build_folder, "0.0.0+another") is None
    assert "belongs to the build" in caplog.text


def test_a_span_whose_name_is_not_of_its_measure_is_refused(tmp_path: Path) -> None:
    days = "".join(
        f' <{NS}{name}> "2025-01-01"^^<http://www.w3.org/2001/XMLSchema#date> ;'
        for name in ("from", "until", "knownFrom", "knownUntil")
    )
    turtle = f"<urn:span> <{NS}measure> <urn:m> ;{days} <{NS}status> <{NS}inForce> ."
    quads = Graph().parse(data=turtle, format="turtle").serialize(format="nt", encoding="utf-8")
    with pytest.raises(InforceError, match=r"urn:span: no name of a span: expected urn:m#span-1"):
        intervals.write(folder_of(tmp_path, quads, {"version": "0"}))


def test_spans_out_of_order_are_refused(tmp_path: Path) -> None:
    spans = [_span("urn:b"), _span("urn:a")]
    with pytest.raises(InforceError, match=r"urn:a#span-1: expected after the spans of urn:b"):
        intervals.write(folder_of(tmp_path, b"".join(spans), {"version": "0"}))


def _span(measure: str) -> bytes:
    says = [("measure", f"<{measure}>"), ("status", f"<{NS}inForce>")]
    says += [(name, '"2025-01-01"') for name in ("from", "until", "knownFrom", "knownUntil")]
    return "".join(f"<{measure}#span-1> <{NS}{name}> {value} <urn:g> .\n" for name, value in says).encode()


def test_a_value_is_read_as_it_is_meant(tmp_path: Path) -> None:
    says = [("item", "<urn:item>"), ("hsCode", r'"a \"\u0041\\ b"')]
    things = [
        f"<urn:{thing}> <{NS}{name}> {value} <urn:g> .\n"
        for thing, (name, value) in zip(("m", "item"), says, strict=True)
    ]
    intervals.write(folder_of(tmp_path, "".join(things).encode() + _span("urn:m"), {"version": "0"}))
    with closing(sqlite3.connect(tmp_path / intervals.FILE)) as db:
        assert db.execute("SELECT name FROM value WHERE feature = 'hs'").fetchall() == [('a "A\\ b',)]


def test_it_holds_what_the_store_says(made_up: tuple[Service, Record]) -> None:
    """The values that measures have, by SPARQL and in the file; the build was made without downloads."""
    service, _ = made_up
    assert service.folder
    with closing(sqlite3.connect(service.folder / intervals.FILE)) as db:
        kept = {
            name: db.execute(
                "SELECT measure.name, value.name FROM has JOIN value ON value.id = has.value"
                " JOIN measure ON measure.id = has.measure WHERE feature = ?",
                (name,),
            ).fetchall()
            for name in HAVING
        }
        spans = db.execute(
            "SELECT name || '#span-' || (span.id % 65536), since, until, known_since, known_until FROM span"
            " JOIN measure ON measure.id = span.id / 65536"
        ).fetchall()
    for name, where in HAVING.items():
        rows = asked_of(service, f"SELECT DISTINCT ?measure ?value {{ {where} }}")
        assert sorted(kept[name]) == sorted(rows), name
    assert kept.keys() == intervals.FEATURES.keys()
    days = "?from ; inf:until ?until ; inf:knownFrom ?knownFrom ; inf:knownUntil ?knownUntil"
    said = asked_of(service, f"SELECT * {{ ?span inf:measure [] ; inf:from {days} }}")
    assert sorted((span, *map(str, map(date.fromordinal, days))) for span, *days in spans) == sorted(said)


def asked_of(service: Service, query: str) -> list[tuple[str, ...]]:
    answer = json.loads(service.store.select(f"PREFIX inf: <{NS}> {query}"))
    names = sorted(
        answer["head"]["vars"], key=["span", "measure", "value", "from", "until", "knownFrom", "knownUntil"].index
    )
    return [tuple(row[name]["value"] for name in names) for row in answer["results"]["bindings"]]


def test_it_comes_with_every_build(build_folder: Path, tmp_path: Path) -> None:
    made = build.build(tmp_path, downloads=False)
    assert (made / intervals.FILE).read_bytes() == (build_folder / intervals.FILE).read_bytes()


# What a question says of its spans


QUESTION = """#+ params: {{on: {{default: today}}}}
#+ spans: [{about}]
SELECT * WHERE {{ VALUES ?on {{ "2025-01-01"^^<http://www.w3.org/2001/XMLSchema#date> }}
  ?span <urn:measure> ?measure ; <urn:from> ?from FILTER (?from <= ?on) }}
"""


@pytest.mark.parametrize(
    ("about", "fault"),
    [
        ("{span: span, measure: measure, on: day}", "described by day, which is no parameter"),
        ("{span: span, measure: measure, by: [on]}", "not found by on; known: status, material"),
        ("{span: spam, measure: measure}", "described under [?]spam"),
        ("{span: span, measure: measure, when: on}", "not described by when"),
    ],
)
def test_a_faulty_description_of_spans_is_refused(about: str, fault: str) -> None:
    with pytest.raises(InforceError, match=fault):
        catalogue.parse("t", QUESTION.format(about=about))


def test_tables_stand_where_spans_and_measures_are_spoken_of() -> None:
    """Joined with a parameter of triples, beside one of filters; not under EXISTS, and not before a SELECT."""
    query = catalogue.parse(
        "t",
        """#+ params: {x: {}, y: {}}
#+ spans: [{span: s, measure: m}]
SELECT * WHERE { { VALUES ?x { 1 } ?s <urn:m> ?m ; <urn:n> ?n FILTER (?n < ?x) }
  { SELECT ?m WHERE { VALUES ?y { 2 } ?m <urn:y> ?y FILTER NOT EXISTS { ?m <urn:z> ?z } } }
  OPTIONAL { ?other <urn:o> ?o } OPTIONAL { ?s <urn:p> ?p } }
""",
    )
    bound = catalogue.bind(query, {"x": [Literal(3)], "y": [Literal(4), Literal(5)]}, [[("urn:m1#span-1", "urn:m1")]])
    three, four, five = (f'"{n}"^^<http://www.w3.org/2001/XMLSchema#integer>' for n in (3, 4, 5))
    assert " ".join(bound.split()) == (
        f"SELECT * WHERE {{ {{ VALUES (?s ?m) {{ (<urn:m1#span-1> <urn:m1>) }} VALUES ?x {{ {three} }}"
        " ?s <urn:m> ?m ; <urn:n> ?n FILTER (?n < ?x) }"
        f" {{ SELECT ?m WHERE {{ VALUES (?m ?y) {{ (<urn:m1> {four}) (<urn:m1> {five}) }} ?m <urn:y> ?y"
        " FILTER NOT EXISTS { ?m <urn:z> ?z } } }"
        " OPTIONAL { ?other <urn:o> ?o } OPTIONAL { VALUES (?s) { (<urn:m1#span-1>) } ?s <urn:p> ?p } }"
    )
    assert "VALUES (?m ?y) {  }" in " ".join(
        catalogue.bind(query, {"x": [Literal(3)], "y": [Literal(4)]}, [[]]).replace("\n", " ").split(" ")
    ), "where nothing is found, nothing is looked at"
