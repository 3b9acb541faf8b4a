"""Every row of scenarios.csv, six ways: compiler, oracle, SPARQL on two engines, HTTP, command line."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache

import pytest
from fastapi.testclient import TestClient
from rdflib import Graph, URIRef

from asked import ROWS, UNKNOWN, Row, Told, measure_of, name, of_spans, of_state
from conftest import TODAY
from inforce import catalogue, cli
from inforce.model import BASE, Effect, Span
from inforce.record import Record
from inforce.service import Service
from oracle import day_state, state_at


def check(told: Told, row: Row) -> None:
    wanted = {k: row[k] for k in ("status", "rate", "source", "terms")}
    assert told.agrees_with(row), f"{row['why']}: {wanted} is asserted, {told} is told"


def of_rows(rows: list[dict[str, object]]) -> Told:
    if not rows:
        return Told(UNKNOWN)
    assert len(rows) == 1, "one measure has one status"
    row = rows[0]
    rate = None if row["rate"] is None else Decimal(str(row["rate"]))
    terms = None if row["terms"] is None else str(row["terms"])
    return Told(str(row["status"]), rate, str(row["act"]).removeprefix(BASE + "instrument/"), terms)


def given(row: Row) -> dict[str, list[str]]:
    when = {"at": [row["at"]]} if row["at"] else {"on": [row["on"]]}
    return {"measure": [row["measure"]], "knownOn": [row["knownOn"]], **when}


@pytest.fixture(scope="module")
def spans(record: Record) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = defaultdict(list)
    for span in record.spans:
        found[span.measure].append(span)
    return found


@pytest.fixture(scope="module")
def effects(record: Record) -> dict[str, list[Effect]]:
    found: dict[str, list[Effect]] = defaultdict(list)
    for effect in record.effects.values():
        for measure in effect.measures:
            found[measure].append(effect)
    return found


@pytest.fixture(scope="module")
def acts(record: Record) -> dict[str, str]:
    """The slug of the act of each effect."""
    return {e.id: e.act.removeprefix(BASE + "instrument/") for e in record.effects.values()}


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_compiler(row: Row, record: Record, spans: dict[str, list[Span]], acts: dict[str, str]) -> None:
    measure = measure_of(row)
    check(of_spans(spans[measure], record.zone(measure), row, acts), row)


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_oracle(row: Row, record: Record, effects: dict[str, list[Effect]], acts: dict[str, str]) -> None:
    measure, known = measure_of(row), date.fromisoformat(row["knownOn"])
    if row["at"]:
        state = state_at(measure, datetime.fromisoformat(row["at"]), known, effects[measure], record.after)
    else:
        state = day_state(
            measure, date.fromisoformat(row["on"]), known, effects[measure], record.zone(measure), record.after
        )
    check(of_state(state, acts), row)


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_oxigraph(row: Row, service: Service) -> None:
    check(of_rows([dict(r) for r in service.ask("status", given(row), TODAY).rows]), row)


BATCHES: dict[tuple[str, str], list[Row]] = defaultdict(list)
for _row in ROWS:
    BATCHES[_row["on"] or _row["at"], _row["knownOn"]].append(_row)


@pytest.mark.parametrize("rows", BATCHES.values(), ids=lambda rows: "|".join(name(rows[0]).split("|")[1:]))
def test_rdflib(rows: list[Row], service: Service, rdflib_graph: Graph) -> None:
    """All rows of one day, or moment, and one day of knowledge at once: rdflib is slow, but measures can be listed."""
    terms, _ = service.bound("status", given(rows[0]), TODAY)
    terms["measure"] = [URIRef(measure_of(row)) for row in rows]
    query = service.queries["status"]
    results = rdflib_graph.query(catalogue.bind(query, terms)).serialize(format="json")
    assert results is not None
    answers = defaultdict(list)
    for answer in catalogue.rows(query, results):
        answers[answer["measure"]].append(answer)
    assert set(answers) <= {measure_of(row) for row in rows}
    for row in rows:
        check(of_rows(answers[measure_of(row)]), row)


def test_rdflib_is_asked_every_row() -> None:
    assert sum(len(rows) for rows in BATCHES.values()) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_http(row: Row, client: TestClient) -> None:
    response = client.get("/api/status", params={k: v[0] for k, v in given(row).items()})
    assert response.status_code == 200
    check(of_rows(response.json()["rows"]), row)


@pytest.fixture(scope="module")
def _command_line(service: Service) -> Iterator[None]:
    """The command line on the build of the tests, with the catalogue read once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "_service", lambda options: service)
        patch.setattr(catalogue, "read", cache(catalogue.read))
        yield


@pytest.mark.usefixtures("_command_line")
@pytest.mark.parametrize("row", ROWS, ids=name)
def test_command_line(row: Row, capsys: pytest.CaptureFixture[str]) -> None:
    when = ["--at", row["at"]] if row["at"] else ["--on", row["on"]]
    arguments = ["status", "--measure", row["measure"], *when, "--known-on", row["knownOn"], "--format", "json"]
    assert cli.main(arguments) == 0
    check(of_rows(json.loads(capsys.readouterr().out)["rows"]), row)


def test_every_measure_has_its_turning_days(record: Record) -> None:
    """Each measure is asked for at least before it was known or began, and on its first day."""
    seen = Counter(row["measure"] for row in ROWS)
    assert set(seen) == {m.removeprefix(BASE + "measure/") for m in record.measures}
    assert min(seen.values()) >= 3


def test_rows_say_why_and_name_an_act(acts: dict[str, str]) -> None:
    for row in ROWS:
        assert row["why"], name(row)
        assert row["source"] in acts.values(), name(row)
        assert bool(row["on"]) != bool(row["at"]), name(row)


def test_rows_are_in_order(record: Record) -> None:
    """By measure, in the order in which the measures became known; then by day of knowledge; then by day or moment."""
    places: dict[str, int] = {}
    for effect in record.effects.values():
        for measure in effect.measures:
            places.setdefault(measure, len(places))

    def key(row: Row) -> tuple[object, ...]:
        moment = datetime.fromisoformat(row["at"] or row["on"] + "T23:59:59.999999")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=record.zone(measure_of(row)))
        return places[measure_of(row)], row["knownOn"], moment.astimezone(UTC)

    keys = [key(row) for row in ROWS]
    assert keys == sorted(keys)
    assert len(keys) == len(set(keys)), "a question is asked once"
