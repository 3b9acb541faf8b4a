"""The API and its description are one: what the description says holds, and what a program makes of it works."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from conftest import TESTS, TODAY
from inforce.service import Service
from inforce.web.app import create
from live import serving


@pytest.fixture(scope="module")
def app(service: Service) -> FastAPI:
    return create(service, today=lambda: TODAY)


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    with serving(app) as address:
        yield address


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    told: dict[str, Any] = answer.json()
    return told


def questions(document: dict[str, Any]) -> dict[str, Any]:
    return {path: item["get"] for path, item in document["paths"].items() if path.startswith("/api/") and "get" in item}


def test_the_contract(document: dict[str, Any], service: Service, golden: Callable[[str, str], None]) -> None:
    """All of the description but what comes from the data: its version, and the names of the things in it."""
    told = deepcopy(document)
    for schema in told["components"]["schemas"].values():
        if len(schema.get("enum", ())) > 6:
            schema["enum"] = ["from the graph"]
    text = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True)
    golden("openapi.json", text.replace(service.manifest["version"], "VERSION") + "\n")


def test_every_question_is_described(document: dict[str, Any], service: Service) -> None:
    assert document["openapi"].startswith("3.1")
    assert {path.removeprefix("/api/") for path in questions(document)} == set(service.queries)
    for path, operation in questions(document).items():
        query = service.queries[path.removeprefix("/api/")]
        named = [p.get("name") or p["$ref"].rpartition("/")[2] for p in operation["parameters"]]
        assert named == [*query.parameters, "limit", "offset", "format"]


def test_the_values_of_parameters_come_from_the_graph(document: dict[str, Any], service: Service) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["Status"]["enum"] == ["annulled", "ended", "inForce", "pending", "suspended"]
    assert {"gallium", "rare-earth"} <= set(schemas["Material"]["enum"])
    assert {"cn", "us"} <= set(schemas["Country"]["enum"])
    assert "cn-gallium-licensing" in schemas["MeasureOrListing"]["enum"]


def test_the_examples_run(client: TestClient, document: dict[str, Any]) -> None:
    """All examples of a question, taken together, are a call; and so are those of what must be given alone."""
    for path, operation in questions(document).items():
        every = {p["name"]: p["example"] for p in operation["parameters"] if "example" in p}
        needed = {p["name"]: p["example"] for p in operation["parameters"] if p.get("required")}
        for given in (every, needed):
            answer = client.get(path, params=given)
            assert answer.status_code == 200, (path, answer.text)


def test_answers_are_as_described(client: TestClient, document: dict[str, Any], service: Service) -> None:
    for path, operation in questions(document).items():
        content = operation["responses"]["200"]["content"]
        if "application/json" not in content:
            continue
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        answer = client.get(path, params={p["name"]: p["example"] for p in operation["parameters"] if "example" in p})
        assert list(answer.json()) == document["components"]["schemas"][name]["required"], path


# What programs make of it. Both are the programs themselves, as anyone would run them (docs/http.md).


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize(
    ("phases", "which"),
    [
        ("examples,fuzzing", []),
        (
            "coverage",
            ["--include-path-regex", "^/(api/(status|explain|acts|in-force)|sparql|graph-store|versions|health)$"],
        ),
    ],
)
def test_schemathesis_finds_nothing(address: str, phases: str, which: list[str]) -> None:
    told = run(
        [str(Path(sys.executable).parent / "schemathesis"), "run", f"{address}/openapi.json", "--no-color",
         "--seed", "1", "--max-examples", "5", "--phases", phases, *which],
        TESTS.parent,
    )  # fmt: skip
    assert " passed" in told


def test_a_generated_client_works(address: str, document: dict[str, Any], tmp_path: Path) -> None:
    """openapi-python-client makes a typed client; its calls give typed rows, and its errors are problem documents."""
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    generator = str(Path(sys.executable).parent / "openapi-python-client")
    made = ["--path", "openapi.json", "--output-path", "inforce_client", "--meta", "none"]
    run([generator, "generate", *made], tmp_path)
    sys.path.insert(0, str(tmp_path))
    try:
        status = importlib.import_module("inforce_client.api.questions.status")
        models = importlib.import_module("inforce_client.models")
        make = importlib.import_module("inforce_client").Client
        day = date(2025, 11, 15)
        measure = models.MeasureOrListing("cn-us-ga-ge-sb-superhard-ban")
        moment = datetime(2025, 11, 15, tzinfo=UTC)
        with make(base_url=address) as client:
            answer = status.sync(client=client, measure=measure, on=day, known_on=day)
            refused = status.sync_detailed(client=client, measure=measure, on=day, at=moment)
        assert answer.rows[0].status == "suspended"
        assert answer.rows[0].from_ == date(2025, 11, 9)
        assert answer.permalink.startswith("https://w3id.org/inforce/v/")
        assert refused.status_code == 422
        assert refused.parsed.parameter == "on"
    finally:
        sys.path.remove(str(tmp_path))
