"""One build of the real record for the whole test run."""

import csv
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from rdflib import Graph

import engines
from inforce import build
from inforce.record import Record, load, root
from inforce.service import Service

TODAY = date(2026, 11, 24)
TESTS = Path(__file__).parent


@pytest.fixture(scope="session")
def record() -> Record:
    return load(root())


@pytest.fixture(scope="session")
def build_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build.build(tmp_path_factory.mktemp("builds"))


@pytest.fixture(scope="session")
def service(build_folder: Path) -> Service:
    return Service.open(build_folder)


@pytest.fixture(scope="session")
def rdflib_graph(build_folder: Path) -> Graph:
    """The whole build as one rdflib graph: the second engine."""
    return engines.rdflib_graph((build_folder / "inforce.nq").read_bytes())


@pytest.fixture(scope="session")
def client(service: Service) -> Iterator[TestClient]:
    from inforce.web.app import create

    with TestClient(create(service, today=lambda: TODAY), base_url="http://testserver") as client:
        yield client


@pytest.fixture(autouse=True, scope="session")
def no_user_builds(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing in the tests touches the builds of the user who runs them."""
    os.environ["INFORCE_BUILDS"] = str(tmp_path_factory.mktemp("user-builds"))


def scenarios() -> list[dict[str, str]]:
    """The rows of scenarios.csv, the table that a lawyer can read and extend."""
    with (TESTS / "scenarios.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
