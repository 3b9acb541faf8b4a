"""Every question of the catalogue on a real Virtuoso: the rows are those of the embedded store.

What differs there is listed in virtuoso_exceptions.csv with its reason, and must differ. Virtuoso plans each query for up to some
seconds, so the filters, which are the same text in eight questions, are asked one by one in one of them only;
`--every-combination` asks all questions with each parameter and with all pairs.
"""

import csv
from collections.abc import Iterator, Mapping
from itertools import combinations

import pytest
from fastapi.testclient import TestClient
from rdflib import RDF

import engines
import virtuoso
from conftest import TESTS, TODAY
from inforce import build, catalogue, load, settings, void
from inforce.load import GraphStore
from inforce.record import root
from inforce.remote import Access, Connection, Remote
from inforce.service import Answer, Service
from inforce.web.app import create
from test_catalogue import BASE, FILTERS, OTHER

QUERIES = catalogue.read(root() / "queries")
USER = Access(virtuoso.USER, virtuoso.PASSWORD)
FILTERED = "changes"  # the question of which each filter is asked
# Pairs that are always asked of it: scopes of different kinds together. The first is asked of the others, too.
PAIRS = [
    ("material", "destination"),
    ("hs", "origin"),
    ("destination", "origin"),
    ("kind", "flow"),
    ("imposedBy", "lang"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[virtuoso.Virtuoso]:
    virtuoso.needed()
    with virtuoso.running(tmp_path_factory.mktemp("virtuoso")) as server:
        yield server


@pytest.fixture(scope="module")
def there(server: virtuoso.Virtuoso, service: Service) -> Service:
    """The service of the same build, in Virtuoso."""
    assert service.folder is not None
    target = GraphStore(server.graph_store, Connection(USER, 60))
    load.load(service.folder / "inforce.nq", service.folder.name, Remote(server.endpoint), target, lambda _: None)
    return Service.of(settings.load(endpoint=server.endpoint, timeout=300))


Call = tuple[str, Mapping[str, str]]


def calls(every: bool) -> Iterator[Call]:
    """The base call of each question, with one more parameter or another value of it, and with two."""
    for name, base in BASE.items():
        yield name, base
        other = [p for p in OTHER[name] if p in QUERIES[name].parameters]
        whole = every or name == FILTERED or not set(FILTERS) <= {*other, "lang"}
        for parameter in other:
            if whole or parameter not in FILTERS:
                yield name, changed(name, parameter)
        optional = [p for p in other if p not in base]
        for pair in combinations(optional, 2) if every else PAIRS if whole else PAIRS[:1]:
            if set(pair) <= set(optional):
                yield name, changed(name, *pair)


def changed(name: str, *parameters: str) -> Mapping[str, str]:
    base = {k: v for k, v in BASE[name].items() if not ("at" in parameters and k == "on")}
    return base | {parameter: OTHER[name][parameter] for parameter in parameters}


def label(call: Call) -> str:
    name, given = call
    return " ".join([name, *(f"{k}={v}" for k, v in given.items() if BASE[name].get(k) != v)])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "call" in metafunc.fixturenames:
        asked = list(calls(metafunc.config.getoption("--every-combination")))
        metafunc.parametrize("call", asked, ids=map(label, asked))


def exceptions() -> dict[str, str]:
    with (TESTS / "virtuoso_exceptions.csv").open(newline="", encoding="utf-8") as file:
        return {row["call"]: row["reason"] for row in csv.DictReader(file)}


LISTED = exceptions()


def told(answer: Answer) -> object:
    """What an answer says: its rows in order, and their terms."""
    if answer.is_graph:
        return engines.triples(answer.results)
    return [list(answer.rows), engines.bag(answer.results), list(answer.notices)]


def test_a_question(call: Call, service: Service, there: Service) -> None:
    name, given = call
    asked = {k: [v] for k, v in given.items()}
    here, other = told(service.ask(name, asked, TODAY)), told(there.ask(name, asked, TODAY))
    if label(call) in LISTED:
        assert other != here, "listed in virtuoso_exceptions.csv, and right now"
    else:
        assert other == here


def test_what_is_listed_is_asked() -> None:
    assert set(LISTED) <= {label(call) for call in calls(every=True)}
    assert all(LISTED.values())


ROUTES = [
    "/?on=2025-11-15&knownOn=2025-11-15",
    "/api/in-force?on=2025-11-15&knownOn=2025-11-15&material=gallium&destination=US",
    "/api/chain?act=cn-mofcom-2025-72&knownOn=2025-11-30&format=ttl",
    "/api/effects?from=2025-11-07&to=2025-11-09&format=nt",
    "/measure/cn-gallium-licensing",
    "/measure/cn-gallium-licensing.ttl",
    "/coming?from=2025-11-15&knownOn=2025-11-15",
    "/feeds/upcoming.ics?material=gallium&imposedBy=CN",
]


@pytest.mark.parametrize("route", ROUTES)
def test_a_service_in_front_of_it(route: str, client: TestClient, there: Service) -> None:
    """The same bytes as from the embedded store."""
    with TestClient(create(there, today=lambda: TODAY), base_url="http://testserver") as remote:
        here, other = client.get(route), remote.get(route)
    assert here.status_code == other.status_code == 200
    assert other.text == here.text


@pytest.mark.parametrize(
    ("route", "status"), [("/sparql?query=ASK%7B%7D", 503), ("/dumps/spans.csv", 404), ("/health", 200), ("/void", 200)]
)
def test_what_needs_a_folder(route: str, status: int, there: Service) -> None:
    with TestClient(create(there, today=lambda: TODAY), base_url="http://testserver") as remote:
        assert remote.get(route, headers={"Accept": "*/*"}).status_code == status


def test_what_is_counted_there(service: Service, there: Service) -> None:
    """The counts of what only the record has; Virtuoso has graphs of its own beside it."""
    ours = {triple for triple in void.counted(service.store) if str(triple[0]).startswith(f"{void.DESCRIPTION}#inf.")}
    assert any(kind == RDF.langString for _, _, kind in ours)
    assert ours <= set(void.counted(there.store))
    assert void.graphs(service.store).items() <= void.graphs(there.store).items()


def test_the_build_describes_itself(service: Service, there: Service) -> None:
    about = build.described(there.store)
    assert {k: about[k] for k in ("version", "coveredThrough", "namespace")} == {
        k: service.manifest[k] for k in ("version", "coveredThrough", "namespace")
    }
    assert about["counts"] == {k: v for k, v in service.manifest["counts"].items() if k != "triples"}
    assert there.store.ask("ASK { ?s ?p ?o }")
    assert not there.store.ask("ASK { ?s <urn:never> ?o }")
