"""Every row of scenarios.csv, five ways: compiler, oracle, SPARQL on two engines, command line, HTTP."""

import json
from collections import Counter
from datetime import date, datetime
from decimal import Decimal

import pytest
from fastapi.testclient import TestClient
from rdflib import Graph

from conftest import TODAY, scenarios
from inforce import catalogue, cli
from inforce.model import BASE, Effect, Span, day_of
from inforce.record import Record
from inforce.service import Service
from oracle import day_state, state_at

ROWS = scenarios()
UNKNOWN = "unknown"  # the answer for a measure of which nobody could know: no row


def expected(row: dict[str, str]) -> tuple[str, Decimal | None]:
    return row["status"], Decimal(row["rate"]) if row["rate"] else None


def name(row: dict[str, str]) -> str:
    return f"{row['measure']}|{row['on'] or row['at']}|{row['knownOn']}"


@pytest.fixture(scope="module")
def spans(record: Record) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for span in record.spans:
        found.setdefault(span.measure, []).append(span)
    return found


@pytest.fixture(scope="module")
def effects(record: Record) -> dict[str, list[Effect]]:
    found: dict[str, list[Effect]] = {}
    for effect in record.effects:
        for measure in effect.measures:
            found.setdefault(measure, []).append(effect)
    return found


def given(row: dict[str, str]) -> dict[str, list[str]]:
    when = {"at": [row["at"]]} if row["at"] else {"on": [row["on"]]}
    return {"measure": [row["measure"]], "knownOn": [row["knownOn"]], **when}


def told(rows: list[dict[str, object]]) -> tuple[str, Decimal | None]:
    if not rows:
        return UNKNOWN, None
    assert len(rows) == 1, "one measure has one status"
    rate = rows[0]["rate"]
    return str(rows[0]["status"]), None if rate is None else Decimal(str(rate))


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_compiler(row: dict[str, str], record: Record, spans: dict[str, list[Span]]) -> None:
    measure, known = BASE + "measure/" + row["measure"], date.fromisoformat(row["knownOn"])
    zone = record.zones[measure]
    hits = []
    for span in spans[measure]:
        if not (span.known_from <= known and (span.known_until is None or known < span.known_until)):
            continue
        if row["at"]:
            at = datetime.fromisoformat(row["at"])
            holds = (span.start is None or span.start <= at) and (span.end is None or at < span.end)
        else:
            on = date.fromisoformat(row["on"])
            holds = (span.start is None or day_of(span.start, zone) <= on) and (
                span.end is None or on < day_of(span.end, zone)
            )
        if holds:
            hits.append(span.state)
    assert len(hits) <= 1
    assert ((hits[0].status, hits[0].rate) if hits else (UNKNOWN, None)) == expected(row), row["why"]


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_oracle(row: dict[str, str], record: Record, effects: dict[str, list[Effect]]) -> None:
    measure, known = BASE + "measure/" + row["measure"], date.fromisoformat(row["knownOn"])
    if row["at"]:
        state = state_at(measure, datetime.fromisoformat(row["at"]), known, effects[measure], record.after)
    else:
        state = day_state(
            measure, date.fromisoformat(row["on"]), known, effects[measure], record.zones[measure], record.after
        )
    assert ((state.status, state.rate) if state else (UNKNOWN, None)) == expected(row), row["why"]


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_oxigraph(row: dict[str, str], service: Service) -> None:
    answer = service.ask("status", given(row), TODAY)
    assert told(list(answer.rows)) == expected(row), row["why"]


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_rdflib(row: dict[str, str], service: Service, rdflib_graph: Graph) -> None:
    _, sparql = service.bound("status", given(row), TODAY)
    results = rdflib_graph.query(sparql).serialize(format="json")
    assert results is not None
    assert told(catalogue.rows(service.queries["status"], results)) == expected(row), row["why"]


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_http(row: dict[str, str], client: TestClient) -> None:
    response = client.get("/api/status", params={k: v[0] for k, v in given(row).items()})
    assert response.status_code == 200
    assert told(response.json()["rows"]) == expected(row), row["why"]


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_command_line(
    row: dict[str, str], service: Service, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_service", lambda options: service)
    when = ["--at", row["at"]] if row["at"] else ["--on", row["on"]]
    arguments = ["status", "--measure", row["measure"], *when, "--known-on", row["knownOn"], "--format", "json"]
    assert cli.main(arguments) == 0
    assert told(json.loads(capsys.readouterr().out)["rows"]) == expected(row), row["why"]


def test_every_measure_has_its_turning_days(record: Record) -> None:
    """Each measure is asked for at least before it was known or began, and on its first day."""
    seen = Counter(row["measure"] for row in ROWS)
    assert set(seen) == {m.removeprefix(BASE + "measure/") for m in record.zones}
    assert min(seen.values()) >= 3


def test_rows_say_why_and_name_an_act(record: Record) -> None:
    acts = {e.act.removeprefix(BASE + "instrument/") for e in record.effects}
    for row in ROWS:
        assert row["why"], name(row)
        assert row["source"] in acts, name(row)
