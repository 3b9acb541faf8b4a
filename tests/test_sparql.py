"""The SPARQL endpoint: protocol, dataset, forms, errors; and the graph store, read side."""

import re
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pyoxigraph import QueryResultsFormat, parse_query_results
from rdflib import Graph
from rdflib.compare import isomorphic

from inforce.model import BASE
from inforce.remote import Remote
from inforce.service import Service
from inforce.web.app import create
from inforce.web.negotiate import GRAPHS, RESULTS

COMPILED, ONTOLOGY = BASE + "graph/compiled", BASE + "graph/ontology"
COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
IN_GRAPHS = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
SRJ, SRX = RESULTS["srj"], RESULTS["srx"]
QUERY, FORM = "application/sparql-query", "application/x-www-form-urlencoded"


def ask(client: TestClient, query: str, accept: str = SRJ, **parameters: Any) -> Any:
    named = {name.replace("_", "-"): value for name, value in parameters.items()}
    return client.get("/sparql", params={"query": query, **named}, headers={"Accept": accept})


def number(answer: Any) -> int:
    assert answer.status_code == 200, answer.text
    (row,) = answer.json()["results"]["bindings"]
    return int(row["n"]["value"])


@pytest.fixture(scope="module")
def sizes(service: Service) -> dict[str, int]:
    """The triples of each graph, counted in the dump."""
    assert service.folder is not None
    found: dict[str, int] = {}
    for line in (service.folder / "inforce.nq").read_text(encoding="utf-8").splitlines():
        name = line.rpartition("<")[2].partition(">")[0]
        found[name] = found.get(name, 0) + 1
    return found


# The protocol


def test_the_three_ways_to_ask(client: TestClient) -> None:
    dataset = {"default-graph-uri": COMPILED}
    ways = [
        client.get("/sparql", params={"query": COUNT, **dataset}, headers={"Accept": SRJ}),
        client.post("/sparql", data={"query": COUNT, **dataset}, headers={"Accept": SRJ}),
        client.post("/sparql", data={"query": COUNT}, params=dataset, headers={"Accept": SRJ}),
        client.post("/sparql", content=COUNT, params=dataset, headers={"Accept": SRJ, "Content-Type": QUERY}),
        client.post("/sparql", content=COUNT, params=dataset,
                    headers={"Accept": SRJ, "Content-Type": QUERY + "; charset=utf-8"}),
    ]  # fmt: skip
    assert len({number(way) for way in ways}) == 1
    assert number(ways[0]) < number(ask(client, COUNT))


@pytest.mark.parametrize(
    ("sent", "status", "problem"),
    [
        ({"params": {"query": ["ASK {}", "ASK {}"]}}, 400, "sparql-syntax"),
        ({"params": {"default-graph-uri": COMPILED}}, 400, "sparql-syntax"),
        ({"params": {"update": "CLEAR ALL"}}, 400, "sparql-refused"),
        ({"data": {"update": "CLEAR ALL"}}, 400, "sparql-refused"),
        ({"data": {"query": ["ASK {}", "ASK {}"]}}, 400, "sparql-syntax"),
        ({"data": {"x": "y"}}, 400, "sparql-syntax"),
        ({"content": "&".join(["x=y"] * 2000), "headers": {"Content-Type": FORM}}, 400, "sparql-syntax"),
        ({"content": "query=%FF", "headers": {"Content-Type": FORM}}, 400, "sparql-syntax"),
        ({"content": "ASK { ?s ?p 'ü' }".encode("latin-1"), "headers": {"Content-Type": QUERY}}, 400, "sparql-syntax"),
        ({"content": "CLEAR ALL", "headers": {"Content-Type": QUERY}}, 400, "sparql-refused"),
        ({"content": "CLEAR ALL", "headers": {"Content-Type": "application/sparql-update"}}, 400, "sparql-refused"),
        ({"content": "ASK {}", "headers": {"Content-Type": "text/plain"}}, 415, "unsupported-media-type"),
        ({"content": "ASK {}"}, 415, "unsupported-media-type"),
        ({"content": "#" * 1_000_001, "headers": {"Content-Type": QUERY}}, 413, "too-large"),
        ({"content": "query=" + "%20" * 1_000_001, "headers": {"Content-Type": FORM}}, 413, "too-large"),
        ({"content": "query=" + "x" * 3_000_000, "headers": {"Content-Type": FORM}}, 413, "too-large"),
    ],
)  # fmt: skip
def test_what_is_no_request(sent: dict[str, Any], status: int, problem: str, client: TestClient) -> None:
    answer = client.request("GET" if "params" in sent else "POST", "/sparql", **sent)
    assert (answer.status_code, answer.json()["type"]) == (status, f"{BASE}problems#{problem}")


def test_a_query_of_almost_a_megabyte_is_answered(client: TestClient) -> None:
    query = "ASK {}" + "#" * 999_000
    assert client.post("/sparql", content=query, headers={"Content-Type": QUERY, "Accept": SRJ}).json()["boolean"]
    assert client.post("/sparql", data={"query": query}, headers={"Accept": SRJ}).json()["boolean"]


@pytest.mark.parametrize(
    ("query", "place"), [("SELECT *\nWHERE {\n  ?s ?p", (3, 8)), ("SELECT * { ?s nope:x 1 }", None), ("", (1, 1))]
)
def test_a_fault_has_its_place(query: str, place: tuple[int, int] | None, client: TestClient) -> None:
    told = ask(client, query).json()
    assert told["type"] == BASE + "problems#sparql-syntax"
    if place is not None:
        assert (told["line"], told["column"]) == place


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }",
        "SELECT * { service silent <http://127.0.0.1/> { ?s ?p ?o } }",
        "SELECT * { ?s ?p '#' SERVICE <http://127.0.0.1/> { ?s ?p ?o } }",
        "SELECT * { ?s ?p '''\n'''SERVICE?x { ?s ?p ?o } }",
        "SELECT * { FILTER(1<2)SERVICE<http://127.0.0.1/>{ ?s ?p ?o } }",
        r"SELECT * { S\u0045RVICE <http://127.0.0.1/> { ?s ?p ?o } }",
        r"SELECT * { \U00000053ERVICE <http://127.0.0.1/> { ?s ?p ?o } }",
        r"SELECT * { ?s ?p '\u0027SERVICE <http://127.0.0.1/> { ?s ?p '' } }",
        "PREFIX a: <urn:a> BASE <urn:b> INSERT DATA { a:b a:c 1 }",
        "LOAD <file:///etc/passwd>", "WITH <urn:x> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }", "drop all",
    ],
)  # fmt: skip
def test_what_is_refused(query: str, client: TestClient) -> None:
    answer = ask(client, query)
    assert (answer.status_code, answer.json()["type"]) == (400, BASE + "problems#sparql-refused")


@pytest.mark.parametrize(
    "query",
    [
        "PREFIX SERVICE: <urn:service> SELECT ?service { SERVICE:service ?load 'SERVICE'@service # SERVICE\n }",
        'ASK { <urn:SERVICE> <urn:load> """ SERVICE "\'" """ }',
        "PREFIX : <urn:> ASK { :SERVICE :insert _:SERVICE }",
    ],
)
def test_words_that_only_look_like_it(query: str, client: TestClient) -> None:
    assert ask(client, query).status_code == 200


def test_relative_names_are_those_of_the_record(client: TestClient) -> None:
    assert ask(client, "ASK { <measure/cn-gallium-licensing> a <ns#Measure> }").json()["boolean"]


def test_the_answer_tells_what_a_query_may_need(client: TestClient) -> None:
    told = "seconds=20, memory=268435456, answer=20000000, length=1000000"
    for answer in (ask(client, COUNT), ask(client, "SELECT"), client.get("/sparql", headers={"Accept": "text/turtle"})):
        assert answer.headers["query-limits"] == told
        assert "Query-Limits" in answer.headers["access-control-expose-headers"]


def test_a_service_without_a_store_of_its_own(service: Service) -> None:
    remote = Service.__new__(Service)
    remote.__dict__.update(service.__dict__, store=Remote("http://127.0.0.1:9/sparql", timeout=1), folder=None)
    with TestClient(create(remote)) as client:
        answer = ask(client, COUNT)
        assert (answer.status_code, answer.json()["type"]) == (503, BASE + "problems#unavailable")


# The dataset


def test_the_default_graph_is_the_union_of_all(client: TestClient, sizes: dict[str, int]) -> None:
    assert number(ask(client, COUNT)) == sum(sizes.values())  # no triple stands in two graphs
    assert number(ask(client, IN_GRAPHS)) == sum(sizes.values())
    each = "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g"
    rows = ask(client, each).json()["results"]["bindings"]
    assert {row["g"]["value"]: int(row["n"]["value"]) for row in rows} == sizes
    assert len(sizes) > 200


@pytest.mark.parametrize(
    ("clause", "protocol", "default", "named"),
    [
        (f"FROM <{COMPILED}>", {}, [COMPILED], []),
        (f"FROM <{COMPILED}> FROM <{ONTOLOGY}>", {}, [COMPILED, ONTOLOGY], []),
        (f"FROM NAMED <{COMPILED}>", {}, [], [COMPILED]),
        (f"FROM <{ONTOLOGY}> FROM NAMED <{COMPILED}>", {}, [ONTOLOGY], [COMPILED]),
        ("", {"default_graph_uri": COMPILED}, [COMPILED], []),
        ("", {"default_graph_uri": [COMPILED, ONTOLOGY]}, [COMPILED, ONTOLOGY], []),
        ("", {"named_graph_uri": COMPILED}, [], [COMPILED]),
        ("", {"default_graph_uri": ONTOLOGY, "named_graph_uri": COMPILED}, [ONTOLOGY], [COMPILED]),
        # The protocol's dataset wins.
        (f"FROM <{ONTOLOGY}> FROM NAMED <{ONTOLOGY}>", {"default_graph_uri": COMPILED}, [COMPILED], []),
        # What is no graph of the build is empty, as it is in SPARQL; nothing is fetched.
        ("FROM <http://127.0.0.1/x>", {}, [], []),
        ("FROM <file:///etc/passwd>", {}, [], []),
        ("", {"default_graph_uri": "http://127.0.0.1/x"}, [], []),
        ("", {"default_graph_uri": "file:///etc/passwd", "named_graph_uri": COMPILED}, [], [COMPILED]),
    ],
)  # fmt: skip
def test_datasets(clause: str, protocol: dict[str, Any], default: list[str], named: list[str], client: TestClient,
                  sizes: dict[str, int]) -> None:  # fmt: skip
    for query, graphs in ((COUNT, default), (IN_GRAPHS, named)):
        asked = query.replace(" {", f" {clause} {{", 1)
        assert number(ask(client, asked, **protocol)) == sum(sizes[graph] for graph in graphs), asked


def test_a_graph_has_an_iri(client: TestClient) -> None:
    answer = ask(client, COUNT, default_graph_uri="no iri")
    assert (answer.status_code, answer.json()["type"]) == (400, BASE + "problems#sparql-syntax")


# Forms


ROWS = "SELECT ?measure { ?measure a <ns#Measure> } ORDER BY ?measure LIMIT 3"
TRIPLES = "DESCRIBE <measure/cn-gallium-licensing>"
TURTLE = GRAPHS["ttl"]


@pytest.mark.parametrize(
    ("query", "accept", "sent"),
    [
        (ROWS, "*/*", SRJ), (ROWS, "", SRJ), (ROWS, "application/json", SRJ), (ROWS, "application/xml", SRX),
        (ROWS, "text/xml", SRX), (ROWS, "application/*", SRJ), (ROWS, "text/csv", "text/csv"), (ROWS, "text/*", "text/csv"),
        (ROWS, "text/csv;q=0.3, application/json;q=0.2", "text/csv"),
        (ROWS, "text/html;q=0.4, application/json;q=0.5", SRJ), (ROWS, "text/html;q=0.5, application/json;q=0.4", "text/html"),
        (ROWS, "application/sparql-results+json;q=0, */*;q=0.1", SRX), (ROWS, "TEXT/TAB-SEPARATED-VALUES", "text/tab-separated-values"),
        (ROWS, "text/turtle", None), (ROWS, "image/png, text/csv;q=0.01", "text/csv"),
        ("ASK {}", "*/*", SRJ), ("ASK {}", "application/xml", SRX), ("ASK {}", "text/csv", None),
        ("ASK {}", "text/csv, application/xml;q=0.1", SRX),
        (TRIPLES, "*/*", TURTLE), (TRIPLES, "application/xml", GRAPHS["rdf"]), (TRIPLES, "text/plain", GRAPHS["nt"]),
        (TRIPLES, "application/n-triples, text/turtle;q=0.9", GRAPHS["nt"]), (TRIPLES, "application/ld+json", GRAPHS["jsonld"]),
        (TRIPLES, "text/csv", None), (TRIPLES, "application/sparql-results+json, text/turtle;q=0.1", TURTLE),
        (TRIPLES, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        (ROWS, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("ASK {}", "text/html", "text/html"),
    ],
)  # fmt: skip
def test_the_form_is_what_is_accepted(query: str, accept: str, sent: str | None, client: TestClient) -> None:
    answer = ask(client, query, accept)
    if sent is None:
        assert (answer.status_code, answer.json()["type"]) == (406, BASE + "problems#not-acceptable")
        assert answer.json()["alternates"]
    else:
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, sent)
        assert "Accept" in answer.headers["vary"].split(", ")


@pytest.mark.parametrize(("form", "engine"), [("srj", QueryResultsFormat.JSON), ("srx", QueryResultsFormat.XML),
                                              ("tsv", QueryResultsFormat.TSV)])  # fmt: skip
def test_rows_are_the_same_in_each_form(form: str, engine: QueryResultsFormat, client: TestClient) -> None:
    wanted = [row["measure"]["value"] for row in ask(client, ROWS).json()["results"]["bindings"]]
    parsed: Any = parse_query_results(ask(client, ROWS, "text/html", format=form).content, format=engine)
    assert [row["measure"].value for row in parsed] == wanted
    assert len(wanted) == 3
    assert ask(client, ROWS, format="csv").text.split() == ["measure", *wanted]


@pytest.mark.parametrize("form", [name for name in GRAPHS if name != "html"])
def test_triples_are_the_same_in_each_form(form: str, client: TestClient, service: Service) -> None:
    parser = {"ttl": "turtle", "jsonld": "json-ld", "nt": "nt", "rdf": "xml", "trig": "trig"}[form]
    query = "CONSTRUCT WHERE { <measure/cn-gallium-licensing> ?p ?o }"
    found = Graph().parse(data=ask(client, query, "text/csv", format=form).text, format=parser)
    wanted = service.store.construct(query.replace("<measure", f"<{BASE}measure"))
    assert isomorphic(found, Graph().parse(data=wanted, format="nt"))
    assert len(found) > 5


def test_what_clients_call_their_forms_is_no_error(client: TestClient) -> None:
    """SPARQLWrapper names them thus, and sends Accept as well."""
    answer = ask(client, ROWS, "application/sparql-results+json", format="json", output="json", results="json")
    assert answer.status_code == 200
    assert len(answer.json()["results"]["bindings"]) == 3


def test_the_page_shows_answers_and_problems(client: TestClient) -> None:
    assert "cn-gallium-licensing" in ask(client, TRIPLES, "text/html").text
    wrong = ask(client, "SELECT", "text/html")
    assert (wrong.status_code, wrong.headers["cache-control"]) == (400, "no-store")
    assert "expected" in wrong.text
    large = ask(client, "SELECT * { ?s ?p ?o }", "text/html")
    assert large.status_code == 422
    assert "2,000,000 bytes of results on a page" in large.text


def test_each_process_sends_the_same_bytes(client: TestClient) -> None:
    """So a tag that one process gave holds for the answer of another."""
    pool = client.app.state.pool  # type: ignore[attr-defined]
    before = ask(client, "SELECT * { ?s ?p ?o } LIMIT 1000").headers["etag"]
    known = pool.pids()
    ask(client, "SELECT * { FILTER(" + "(" * 5000 + "1" + ")" * 5000 + ") }")
    deadline = time.monotonic() + 20
    while pool.pids() == known or not pool.pids():
        assert time.monotonic() < deadline, "the process that fell is not replaced"
        time.sleep(0.05)
    for _ in range(3):
        assert ask(client, "SELECT * { ?s ?p ?o } LIMIT 1000").headers["etag"] == before


# The graph store


@pytest.mark.parametrize("graph", ["ontology", "compiled", "dataset", "cn-mofcom-2025-72"])
def test_a_graph_is_there_under_its_own_name_and_in_the_store(graph: str, client: TestClient, service: Service,
                                                              sizes: dict[str, int]) -> None:  # fmt: skip
    """Direct and indirect identification give the very triples of the dump."""
    iri = f"{BASE}graph/{graph}"
    accept = {"Accept": "application/n-triples"}
    indirect = client.get("/graph-store", params={"graph": iri}, headers=accept)
    direct = client.get(f"/graph/{graph}", headers=accept)
    for answer in (indirect, direct):
        assert answer.headers["content-type"] == "application/n-triples; charset=utf-8"
        assert len(set(answer.text.splitlines())) == sizes[iri]
    wanted = service.store.construct(f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{iri}> {{ ?s ?p ?o }} }}").decode()
    if "_:" not in wanted:
        assert set(indirect.text.splitlines()) == set(wanted.splitlines())
    if sizes[iri] < 2000:
        assert isomorphic(Graph().parse(data=direct.text, format="nt"), Graph().parse(data=wanted, format="nt"))
        assert isomorphic(Graph().parse(data=indirect.text, format="nt"), Graph().parse(data=wanted, format="nt"))


def test_the_default_graph_whole(client: TestClient, sizes: dict[str, int]) -> None:
    answer = client.get("/graph-store?default", headers={"Accept": "application/n-triples"})
    assert len(answer.text.splitlines()) == sum(sizes.values())
    again = client.get(
        "/graph-store?default", headers={"Accept": "application/n-triples", "If-None-Match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    head = client.head("/graph-store?default", headers={"Accept": "application/n-triples"})
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", answer.headers["etag"])


def test_what_is_no_graph(client: TestClient) -> None:
    unknown = client.get("/graph-store", params={"graph": ONTOLOGY + "x"})
    assert (unknown.status_code, unknown.json()["nearest"][0]) == (404, ONTOLOGY)
    assert client.get("/graph-store", params={"graph": BASE + "measure/cn-gallium-licensing"}).status_code == 404
    for wrong in ("", "?graph=a&graph=b", f"?graph={ONTOLOGY}&default", "?default=x", "?graph="):
        assert client.get("/graph-store" + wrong).status_code == 400, wrong
    assert client.get(f"/graph-store?graph={ONTOLOGY}&grph=x").status_code == 422
    assert client.get(f"/graph-store?graph={ONTOLOGY}", headers={"Accept": "text/csv"}).status_code == 406
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        answer = client.request(method, f"/graph-store?graph={ONTOLOGY}")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_turtle_declares_the_prefixes_that_it_bears(client: TestClient) -> None:
    query = "CONSTRUCT { ?s a ?o } WHERE { ?s a ?o . FILTER (?o = <https://w3id.org/inforce/ns#Span>) }"
    text = client.get("/sparql", params={"query": query}, headers={"Accept": "text/turtle"}).text
    assert set(re.findall(r"^@prefix (\w+):", text, re.MULTILINE)) == {"inf", "measure"}
    whole = client.get("/sparql", params={"query": query}, headers={"Accept": "application/n-triples"}).text
    assert isomorphic(Graph().parse(data=text, format="turtle"), Graph().parse(data=whole, format="nt"))
