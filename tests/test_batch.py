"""Lists of shipments: each line gets the answer that `in-force` alone would give; nothing is lost, nothing half-done."""

import csv
import io
import json
import random
import re
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from rdflib import URIRef

from conftest import TODAY
from inforce import batch, catalogue
from inforce.batch import Result, Tally
from inforce.catalogue import ParameterError
from inforce.model import InforceError
from inforce.record import root
from inforce.service import Service
from inforce.shipments import Table, cell, read, read_csv, read_json
from inforce.web.batch import MOST_LINES

IN_FORCE = catalogue.read(root() / "queries")["in-force"]
HEAD = "id,material,destination,date\n"


def ask(service: Service, text: str | bytes, **common: list[str]) -> list[Result]:
    data = text.encode() if isinstance(text, str) else text
    return list(batch.run(service, read_csv(data), TODAY, common))


def measures(result: Result) -> list[str]:
    return [row["measure"].rsplit("/", 1)[-1] for row in result.rows]


# Answers


def test_the_parts_of_the_question_share_nothing_but_measure_span_and_status() -> None:
    """What batch.py stands upon: so the spans that a line finds are those that each of its values finds alone."""
    text = IN_FORCE.sparql
    groups = {b.name: b.group for b in catalogue._blocks(text) if b.name in batch._of_lines(IN_FORCE)}
    for name, group in groups.items():
        assert group is not None
        inside = set(re.findall(r"\?(\w+)", text[slice(*group)]))
        outside = set(re.findall(r"\?(\w+)", text[: group[0]] + text[group[1] :]))
        shared = {"on": {"span"}, "status": {"span", "status"}}.get(name, {"measure"})
        if name != "knownOn":  # the group that says what a span is
            assert inside & outside == shared, name


def lines(service: Service, count: int) -> list[dict[str, Any]]:
    """Lines of every sort: days at the edges of spans, several values, all filters."""
    dice = random.Random(20251110)
    rows = service.ask("timeline", {"knownOn": ["2026-10-01"]}, TODAY).rows
    days = sorted({date.fromisoformat(day) for row in rows for day in (row["from"], row["until"]) if day})

    def day() -> str:
        return (dice.choice(days) + timedelta(days=dice.choice([-1, 0, 0, 1]))).isoformat()

    def names(parameter: str, most: int = 1) -> list[str]:
        known = service.names.of(IN_FORCE.parameters[parameter].of)
        return [catalogue.slug(URIRef(iri)) for iri in dice.sample(known, dice.randint(1, most))]

    made = []
    for _ in range(count):
        line: dict[str, Any] = {"date": day(), "destination": dice.choice(["US", "us", "CN", "DE", "NL"])}
        if dice.random() < 0.5:
            line["material"] = dice.choice(["gallium", "dysprosium", "graphite", "rare-earth", *names("material", 3)])
        else:
            line["hs"] = dice.choice(["8112", "81", "811292", "2805", "850511", "270900", ["8112", "2504"]])
        if dice.random() < 0.6:
            line["knownOn"] = dice.choice([line["date"], day()])
        for name, chance in {"status": 0.4, "kind": 0.2, "flow": 0.2, "imposedBy": 0.2, "origin": 0.2}.items():
            if dice.random() < chance:
                line[name] = ["CN"] if name == "origin" else names(name, 2)
        made.append(line)
    return made


def test_a_line_gets_the_answer_that_it_would_get_alone(service: Service) -> None:
    asked = lines(service, 50)
    results = list(batch.run(service, read_json(json.dumps(asked).encode()), TODAY))
    found = 0
    for line, result in zip(asked, results, strict=True):
        given = {("on" if k == "date" else k): v if isinstance(v, list) else [v] for k, v in line.items()}
        answer = service.ask("in-force", given, TODAY)
        assert list(result.rows) == list(answer.rows), line
        assert list(result.notices) == list(answer.notices), line
        found += bool(answer.rows)
    assert found > 15, "most lines find something, or this would prove nothing"


def test_results_come_in_the_order_of_the_list_with_its_line_numbers(service: Service) -> None:
    text = (
        HEAD
        + 'a,graphite,US,2025-11-15\n\n"b\nb",gallium,US,2010-01-01\nc,gallium,US,2025-11-15\na,graphite,US,2025-11-15\n'
    )
    results = ask(service, text)
    assert [r.line.number for r in results] == [2, 4, 6, 7]
    assert [r.line.cells["id"] for r in results] == ["a", "b\nb", "c", "a"]
    assert [r.outcome for r in results] == ["found", "none", "found", "found"]
    assert results[0].rows == results[3].rows
    assert "cn-gallium-licensing" in measures(results[2])
    assert "cn-us-ga-ge-sb-superhard-ban" not in measures(results[2]), "suspended on that day"


def test_columns_may_be_called_in_many_ways(service: Service) -> None:
    plain = ask(service, "hs,destination,date,knownOn\n811292,US,2025-11-15,2025-11-15\n")
    other = ask(service, "HS code;Destination;On;known-on;Price\n8112.92;us;2025-11-15;2025-11-15;1,5\n")
    assert plain[0].rows == other[0].rows != ()
    assert other[0].line.cells == {"HS code": "8112.92", "Destination": "us", "On": "2025-11-15",
                                   "known-on": "2025-11-15", "Price": "1,5"}  # fmt: skip


def test_several_values_stand_between_bars(service: Service) -> None:
    both, one, other = ask(
        service, HEAD + "".join(f"x,{m},US,2025-11-15\n" for m in ("gallium | graphite", "gallium", "graphite"))
    )
    assert set(measures(both)) == {*measures(one), *measures(other)}
    assert len(measures(both)) == len(set(measures(both)))


def test_what_all_lines_have_in_common_is_said_once(service: Service) -> None:
    text = "material,date,status\ngallium,2025-11-15,\ngallium,2025-11-15,suspended\n"
    early, suspended = ask(service, text, destination=["US"], knownOn=["2025-11-15"])
    assert "cn-gallium-licensing" in measures(early)
    assert "cn-us-ga-ge-sb-superhard-ban" in measures(suspended)
    given = {"material": ["gallium"], "destination": ["US"], "on": ["2025-11-15"], "knownOn": ["2025-11-15"]}
    assert list(early.rows) == list(service.ask("in-force", given, TODAY).rows)


@pytest.mark.parametrize(
    "common", [{"at": ["2025-11-15T00:00:00Z"]}, {"knwonOn": ["2025-11-15"]}, {"status": ["in-force"]}]
)
def test_common_parameters_that_cannot_be_understood(service: Service, common: dict[str, list[str]]) -> None:
    with pytest.raises(ParameterError) as error:
        ask(service, HEAD, **common)
    assert error.value.name in common


# Faults


FAULTS = [
    ("galium,US,2025-11-15", [("material", "galium", "gallium")]),
    ("gallium,USSR,2025-11-15", [("destination", "USSR", None)]),
    ("gallium,US,15.11.2025", [("date", "15.11.2025", None)]),
    ("gallium,US,2025-02-30", [("date", "2025-02-30", None)]),
    ("gallium,US,", [("date", None, None)]),
    (",US,2025-11-15", [("material", None, None)]),
    ("gallium,,2025-11-15", [("destination", None, None)]),
    ("galium,USSR,today", [("material", "galium", "gallium"), ("destination", "USSR", None), ("date", "today", None)]),
    ("|,|,", [("material", None, None), ("destination", None, None), ("date", None, None)]),
    ("gallium,US,2025-11-15,more", [("line", "more", None)]),
]


def test_a_faulty_line_is_told_and_stops_no_other(service: Service) -> None:
    good = "1,gallium,US,2025-11-15\n"
    results = ask(service, HEAD + "".join(f"{good}x,{line}\n" for line, _ in FAULTS))
    for place, (line, faults) in enumerate(FAULTS):
        right, wrong = results[2 * place : 2 * place + 2]
        assert right.outcome == "found"
        assert (wrong.line.number, wrong.outcome, wrong.rows) == (2 * place + 3, "error", ())
        assert sorted((e.name, e.value or "") for e in wrong.errors) == sorted((n, v or "") for n, v, _ in faults), line
        for error, (_, _, nearest) in zip(wrong.errors, faults, strict=True):
            assert error.expected
            assert nearest is None or nearest in error.nearest


def test_faults_in_json_are_told_the_same_way(service: Service) -> None:
    line = {"material": "gallium", "destination": "US", "date": "2025-11-15"}
    wrong: list[dict[str, Any]] = [
        {"hs": 8112.92},
        {"date": True},
        {"destination": {"a": 1}},
        {"date": ["2025-11-15"] * 2},
    ]
    results = list(
        batch.run(service, read_json(json.dumps([line, *({**line, **w} for w in wrong), {}]).encode()), TODAY)
    )
    assert [r.outcome for r in results] == ["found", *["error"] * 5]
    assert [[e.name for e in r.errors] for r in results[1:]] == [
        ["hs"],
        ["date"],
        ["destination"],
        ["date"],
        ["date", "destination", "material"],
    ]
    number = read_json(json.dumps([line | {"material": None, "hs": 8112}]).encode())
    assert next(batch.run(service, number, TODAY)).rows


def test_ten_thousand_unknown_names_are_told_in_time(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    sought = []
    monkeypatch.setattr(catalogue.Names, "nearest", lambda *given: sought.append(given) or [])
    results = ask(service, HEAD + "".join(f"{i},unknown {i},US,2025-11-15\n" for i in range(10_000)))
    assert all(len(r.errors) == 1 for r in results)
    assert len(sought) == batch.SUGGESTIONS


COLUMNS = [
    ("materail,destination,date", "materail", "material"),
    ("material,destination,dates", "dates", "date"),
    ("material,destination,date,known", "known", "knownon"),
    ("material,destination,date,at", "at", None),
    ("material,destination,date,lang", "lang", None),
    ("material,destination,date,on", "on", None),
    ("id,destination,date", "material", None),
    ("material,country,date", "destination", None),
    ("Materials of ours,destination,date", "material", None),
    ("material,destination", "date", None),
]


@pytest.mark.parametrize(("head", "name", "nearest"), COLUMNS)
def test_columns_that_cannot_be_understood(service: Service, head: str, name: str, nearest: str | None) -> None:
    """A slip in the name of a column must not widen ten thousand answers."""
    with pytest.raises(ParameterError) as error:
        ask(service, f"{head}\na,b,c\n")
    assert error.value.name == name
    assert nearest is None or nearest in error.value.nearest


# Files


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_of_every_spreadsheet(mark: str, delimiter: str, end: str) -> None:
    rows = [["material", "destination", "date", "note, or; remark"], ["gallium", "US", "2025-11-15", 'a "b", c; d\te']]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
    table = read_csv((mark + out.getvalue()).encode())
    assert list(table.columns) == rows[0]
    assert [dict(line.cells) for line in table.lines] == [dict(zip(*rows, strict=True))]


REFUSED = [
    (read_csv, HEAD.encode() + "镓,US".encode("gb18030"), "line 2: no UTF-8"),
    (read_csv, HEAD.encode("utf-16"), "no UTF-8"),
    (read_csv, HEAD.encode() + b'1,"gallium,US,2025-11-15\n2,gallium,US,2025-11-15\n', "line 2: no CSV"),
    (read_csv, HEAD.encode() + b"1,gallium,US,2025-11-15\n" + b"x" * 200_000, "line 3: no CSV"),
    (read_csv, b"material,destination,date,material\n", "two columns are called 'material'"),
    (read_json, b"{}", "no list"),
    (read_json, b"[1]", "no list"),
    (read_json, b"[", "no JSON"),
    (read_json, b"[" * 100_000, "no JSON"),
    (read_json, b'[{"a": NaN}]', "no JSON"),
    (read_json, b'[{"a": 1e999}]', "no JSON"),
    (read_json, b'[{"a": "\\ud800"}]', "no JSON"),
    (read_json, b"\xff", "no UTF-8"),
]


@pytest.mark.parametrize(("reader", "data", "told"), REFUSED)
def test_what_is_no_list_is_refused_whole(reader: Any, data: bytes, told: str) -> None:
    with pytest.raises(InforceError, match=re.escape(told)):
        reader(data)


def test_either_kind_of_file_is_known_by_its_beginning() -> None:
    assert read(b'\xef\xbb\xbf [{"material": "gallium"}]').lines[0].cells == {"material": "gallium"}
    assert read(b"\xef\xbb\xbfmaterial\ngallium\n").lines[0].cells == {"material": "gallium"}


def test_an_empty_list_has_an_empty_result(service: Service) -> None:
    for data in (b"", b"\n", HEAD.encode()):
        assert ask(service, data) == []
    assert list(batch.run(service, read_json(b"[]"), TODAY)) == []


HOSTILE = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", " =1+1", "\r=1", "＝1", "=cmd|'/c calc'!A1"]
HARMLESS = ["a", "", "-5", "+3.5", "-1,5", "1-1", "'=1", "中"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == "'" + text


@pytest.mark.parametrize("text", HARMLESS)
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert cell(text) == text


def as_rows(service: Service, table: Table) -> list[dict[str, str]]:
    text = "".join(batch.as_csv(service, table, batch.run(service, table, TODAY)))
    assert text.startswith("\ufeffline,outcome,")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_a_result_as_csv(service: Service) -> None:
    table = read_csv(
        b"=id,material,destination,date,status,label,errorName\n=1+1,gallium,US,2025-11-15,,mine,\n"
        b"2,gallium,US,2010-01-01,,,\n3,galium,USSR,2025-11-15,,,\n"
    )
    rows = as_rows(service, table)
    found = [row for row in rows if row["line"] == "2"]
    alone = service.ask("in-force", {"material": ["gallium"], "destination": ["US"], "on": ["2025-11-15"]}, TODAY).rows
    assert [row["measure"] for row in found] == [row["measure"] for row in alone]
    assert {(row["'=id"], row["input_label"], row["outcome"], row["errorName"]) for row in found} == {
        ("'=1+1", "mine", "found", "")
    }
    assert found[0]["label"] == alone[0]["label"]
    assert found[0]["because"].split() == alone[0]["because"]
    rest = [
        (row["line"], row["outcome"], row["measure"], row["errorName"], row["errorValue"]) for row in rows[len(found) :]
    ]
    assert rest == [
        ("3", "none", "", "", ""),
        ("4", "error", "", "material", "galium"),
        ("4", "error", "", "destination", "USSR"),
    ]
    assert "gallium" in rows[-2]["errorNearest"]


def test_a_result_as_json(service: Service) -> None:
    table = read_json(
        b'[{"id": 7, "material": "gallium", "destination": "US", "date": "2025-11-15"}, {"material": "galium"}]'
    )
    document = json.loads("".join(batch.as_json(service, batch.run(service, table, TODAY))))
    assert document["version"] == service.store.version
    assert document["lines"] == {"found": 1, "none": 0, "error": 1}
    assert document["failed"] == [2]
    *found, failed = document["results"]
    assert {r["input"]["id"] for r in found} == {7}
    assert "cn-gallium-licensing" in {r["row"]["measure"].rsplit("/", 1)[-1] for r in found}
    assert failed["row"] is None
    assert [e["name"] for e in failed["errors"]] == ["material", "date", "destination"]
    assert failed["errors"][0]["nearest"]


# Size


def test_ten_thousand_lines_cost_a_handful_of_queries(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = []
    select = service.store.select
    monkeypatch.setattr(service.store, "select", lambda sparql: queries.append(sparql) or select(sparql))
    dice = random.Random(1)
    names = [catalogue.slug(URIRef(iri)) for iri in service.names.of(IN_FORCE.parameters["material"].of)]
    text = "material,destination,date,knownOn\n" + "".join(
        f"{dice.choice(names)},{dice.choice(['US', 'CN', 'DE', 'JP', 'IN'])},{day},{day}\n"
        for day in (date(2023, 1, 1) + timedelta(days=dice.randrange(1300)) for _ in range(10_000))
    )
    told: list[tuple[int, int]] = []
    table = read_csv(text.encode())
    tally = Tally()
    results = batch.run(service, table, TODAY, progress=lambda done, total: told.append((done, total)))
    size = sum(len(piece) for piece in batch.as_csv(service, table, tally.watch(results)))
    assert len(queries) <= 5
    assert tally.outcomes.total() == 10_000
    assert tally.outcomes["found"] > 3000
    assert not tally.failed
    assert told == [(n, 10_000) for n in range(1, 10_001)]
    assert size > 1_000_000


# HTTP


def test_a_list_over_http(client: TestClient, service: Service) -> None:
    text = HEAD + "1,gallium,US,2025-11-15\n2,galium,US,2025-11-15\n"
    answer = client.post("/api/batch?knownOn=2025-11-15", content=text, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    given = {"material": ["gallium"], "destination": ["US"], "on": ["2025-11-15"], "knownOn": ["2025-11-15"]}
    assert len(rows) == len(service.ask("in-force", given, TODAY).rows) + 1
    same = client.post(
        "/api/batch?knownOn=2025-11-15&format=json", content=text, headers={"Content-Type": "text/csv; charset=utf-8"}
    )
    assert same.json()["failed"] == [3]
    assert [r["row"]["measure"] for r in same.json()["results"][:-1]] == [row["measure"] for row in rows[:-1]]
    listed = client.post(
        "/api/batch",
        json=[{"material": "gallium", "destination": "US", "date": "2025-11-15"}],
        headers={"Accept": "text/csv"},
    )
    assert listed.headers["content-type"] == "text/csv; charset=utf-8"


def test_http_refusals_are_problems(client: TestClient) -> None:
    line = {"material": "gallium", "destination": "US", "date": "2025-11-15"}
    cases: list[tuple[str, bytes, str, int, dict[str, Any]]] = [
        ("", json.dumps([line] * (MOST_LINES + 1)).encode(), "application/json", 413, {"most": MOST_LINES}),
        ("", b" " * 8_000_001, "application/json", 413, {}),
        ("", b"[]", "text/html", 415, {"alternates": ["text/csv", "application/json"]}),
        ("", b"[", "application/json", 422, {"parameter": "body"}),
        (
            "",
            b"materail,destination,date\n1,2,3\n",
            "text/csv",
            422,
            {"parameter": "materail", "nearest": ["material"]},
        ),
        ("?knwonOn=2025-11-15", b"[]", "application/json", 422, {"parameter": "knwonOn", "nearest": ["knownOn"]}),
        ("?format=xml", b"[]", "application/json", 422, {"parameter": "format"}),
        ("?limit=1", b"[]", "application/json", 422, {"parameter": "limit"}),
    ]
    for query, body, kind, status, members in cases:
        answer = client.post(f"/api/batch{query}", content=body, headers={"Content-Type": kind})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert members.items() <= answer.json().items()
    assert client.post("/api/batch", json=[], headers={"Accept": "text/turtle"}).status_code == 406


def test_ten_thousand_lines_over_http(client: TestClient) -> None:
    line = {"material": "gallium", "destination": "US", "date": "2010-01-01"}
    answer = client.post("/api/batch", json=[line] * MOST_LINES)
    assert answer.json()["lines"] == {"found": 0, "none": MOST_LINES, "error": 0}
