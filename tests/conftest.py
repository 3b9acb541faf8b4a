"""One build of the real record for the whole test run, golden files, and the fact sheets beside the checkout."""

import csv
import difflib
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from rdflib import Graph

import engines
from inforce import build
from inforce.record import Record, load, root
from inforce.record import graphs as written
from inforce.service import Service

pytest_plugins = ["browsing"]

TODAY = date(2026, 11, 24)
TESTS = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-goldens", action="store_true", help="write the files of tests/golden/ anew")
    parser.addoption("--every-combination", action="store_true", help="ask Virtuoso with all pairs of parameters")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with a file of tests/golden/; with --rewrite-goldens it writes the file, for review as a diff."""

    def compare(name: str, text: str) -> None:
        file = TESTS / "golden" / name
        if request.config.getoption("--rewrite-goldens"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        wanted = file.read_text(encoding="utf-8") if file.exists() else ""
        if text != wanted:
            lines = difflib.unified_diff(
                wanted.splitlines(), text.splitlines(), f"golden/{name}", "now", lineterm="", n=1
            )
            shown = list(lines)
            more = f"\n… and {len(shown) - 80} more lines" if len(shown) > 80 else ""
            pytest.fail(
                f"golden/{name} differs; if the change is meant: pytest --rewrite-goldens, and read the diff\n"
                + "\n".join(shown[:80])
                + more,
                pytrace=False,
            )

    return compare


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of fact sheets and reference files beside the checkout; on CI it must be there."""
    folder = TESTS.parents[1] / "shared"
    if not (folder / "facts").is_dir():
        reason = "the fact sheets are not here: expected ../shared/facts beside the checkout"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def record() -> Record:
    return load(root())


@pytest.fixture(scope="session")
def graphs() -> dict[str, Graph]:
    """The authored graphs by name, read by another parser than that of the build."""
    return written(root())


@pytest.fixture(scope="session")
def authored(graphs: dict[str, Graph]) -> Graph:
    """All that people wrote, in one graph."""
    whole = Graph(bind_namespaces="none")
    for graph in graphs.values():
        whole += graph
    return whole


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


@pytest.fixture(autouse=True)
def nothing_remembered(request: pytest.FixtureRequest) -> None:
    """Each test begins without cookies: a page that was asked for in a language leaves one."""
    if "client" in request.fixturenames:
        request.getfixturevalue("client").cookies.clear()


@pytest.fixture(autouse=True, scope="session")
def no_user_builds(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing in the tests touches the builds of the user who runs them."""
    os.environ["INFORCE_BUILDS"] = str(tmp_path_factory.mktemp("user-builds"))


def scenarios() -> list[dict[str, str]]:
    """The rows of scenarios.csv, the table that a lawyer can read and extend."""
    with (TESTS / "scenarios.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
