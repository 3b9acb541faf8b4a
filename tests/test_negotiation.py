"""Which form is sent for which Accept header: a table that anyone can read and extend."""

import csv

import pytest
from fastapi.testclient import TestClient

from conftest import TESTS
from inforce.model import BASE
from inforce.web.negotiate import ALIASES, ANSWERS, DOCUMENTS, GRAPHS

with (TESTS / "accept.csv").open(newline="", encoding="utf-8") as file:
    TABLE = [tuple(row.values()) for row in csv.DictReader(file)]


@pytest.mark.parametrize(("header", "path", "expected", "why"), TABLE)
def test_what_is_sent(client: TestClient, header: str, path: str, expected: str, why: str) -> None:
    request = client.build_request("GET", path, headers={"Accept": header})
    if header == "(none)":  # the client would send */*
        del request.headers["Accept"]
    answer = client.send(request)
    assert "Accept" in answer.headers["vary"].split(", ")
    if expected == "406":
        assert answer.status_code == 406, why
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == BASE + "problems#not-acceptable"
        assert len(answer.json()["alternates"]) > 1
    else:
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].partition(";")[0] == expected, why


def test_the_table_is_large_and_says_why() -> None:
    assert len({(header, path) for header, path, _, _ in TABLE}) == len(TABLE) >= 60
    assert all(why for *_, why in TABLE)
    assert {expected for _, _, expected, _ in TABLE} > set(DOCUMENTS.values())


def test_every_other_name_of_a_type_leads_to_one_we_send() -> None:
    assert set(ALIASES.values()) <= {*DOCUMENTS.values(), *ANSWERS.values(), *GRAPHS.values()}
