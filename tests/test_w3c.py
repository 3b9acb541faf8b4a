"""The W3C's SPARQL 1.1 tests, asked over HTTP of the service: protocol, evaluation of queries, result formats, syntax,
and of its description of itself.

All data of the tests lie in one build, each file as a named graph; a test names its dataset by the protocol. What differs
from the expected answer is listed in w3c_exceptions.csv with its reason, and must differ in just that way.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx2
import pyoxigraph as ox
import pytest
from rdflib import RDF, BNode, Graph, Literal, URIRef
from rdflib.compare import isomorphic
from rdflib.term import Node

from conftest import TESTS, TODAY
from inforce.service import Service
from inforce.web.app import create
from live import serving

SUITE = TESTS.parents[1] / "shared" / "conformance" / "sparql11"
AT = "http://www.w3.org/2009/sparql/docs/tests/data-sparql11/"
NOTHING = AT + "nothing"  # the name of a graph that is not there
FORMATS = {".srx": ox.QueryResultsFormat.XML, ".srj": ox.QueryResultsFormat.JSON, ".tsv": ox.QueryResultsFormat.TSV}
DATA = {".ttl": ox.RdfFormat.TURTLE, ".rdf": ox.RdfFormat.RDF_XML, ".nt": ox.RdfFormat.N_TRIPLES}
PREFIXES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "mf": "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#",
    "qt": "http://www.w3.org/2001/sw/DataAccess/tests/test-query#",
    "ut": "http://www.w3.org/2009/sparql/tests/test-update#",
    "ht": "http://www.w3.org/2011/http#",
    "cnt": "http://www.w3.org/2011/content#",
    "rs": "http://www.w3.org/2001/sw/DataAccess/tests/result-set#",
}


def file_of(iri: str) -> Path:
    return SUITE / unquote(iri.removeprefix(AT))


def triples(file: Path, base: str) -> Iterator[ox.Quad]:
    """The triples of a file, with names of blank nodes that no other file has."""
    return iter(ox.parse(path=file, format=DATA[file.suffix], base_iri=base, rename_blank_nodes=True))


class Manifests:
    """The manifests of the suite as one store."""

    def __init__(self) -> None:
        self.store = ox.Store()
        for file in sorted(SUITE.glob("*/manifest.ttl")):
            self.store.extend(triples(file, f"{AT}{file.parent.name}/manifest.ttl"))

    def select(self, where: str) -> list[dict[str, Any]]:
        prologue = "".join(f"PREFIX {prefix}: <{space}>\n" for prefix, space in PREFIXES.items())
        found = self.store.query(f"{prologue}SELECT * WHERE {{ {where} }}")
        assert isinstance(found, ox.QuerySolutions)
        names = [v.value for v in found.variables]
        return [{name: row[name] for name in names if row[name] is not None} for row in found]

    def listed(self, head: Any) -> Iterator[Any]:
        """The members of an RDF list."""
        first, rest = (ox.NamedNode(PREFIXES["rdf"] + name) for name in ("first", "rest"))
        while head.value != PREFIXES["rdf"] + "nil":
            yield next(self.store.quads_for_pattern(head, first, None)).object
            head = next(self.store.quads_for_pattern(head, rest, None)).object


@dataclass(frozen=True)
class Evaluation:
    """One evaluation test: its query, the graphs of its dataset, and the file with the expected result."""

    name: str
    query: str
    default: Sequence[str]
    named: Sequence[str]
    result: str


@dataclass(frozen=True)
class Exchange:
    """One request of a protocol test and what is expected of the answer."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None
    statuses: frozenset[str]
    boolean: bool | None
    format: str | None


def short(test: Any) -> str:
    """The name of a test: aggregates#agg01."""
    return str(test.value).removeprefix(AT).replace("/manifest#", "#")


MANIFESTS = Manifests()
LISTED = (TESTS / "w3c_exceptions.csv").read_text(encoding="utf-8")
EXCEPTIONS = {row["test"]: row for row in csv.DictReader(io.StringIO(LISTED))}


def evaluations() -> dict[str, Evaluation]:
    found: dict[str, Evaluation] = {}
    for row in MANIFESTS.select(
        "?test a ?class ; mf:action ?action ; mf:result ?result . ?action qt:query ?query "
        "FILTER (?class IN (mf:QueryEvaluationTest, mf:CSVResultFormatTest))"
    ):
        graphs = MANIFESTS.select(
            f"{row['test']} mf:action ?a . {{ ?a qt:data ?default }} UNION {{ ?a qt:graphData ?named }}"
        )
        default, named = (sorted(g[kind].value for g in graphs if kind in g) for kind in ("default", "named"))
        name = short(row["test"])
        found[name] = Evaluation(name, row["query"].value, default, named, row["result"].value)
    return dict(sorted(found.items()))


def syntaxes() -> dict[str, tuple[str, bool]]:
    """The syntax tests: the query of each, and whether it is right."""
    rows = MANIFESTS.select("?test a ?class ; mf:action ?query FILTER (STRENDS(STR(?class), 'SyntaxTest11'))")
    return dict(sorted((short(r["test"]), (r["query"].value, "Positive" in r["class"].value)) for r in rows))


def exchanges() -> dict[str, list[Exchange]]:
    """The protocol tests: the requests of each, in order."""
    found = {}
    for row in MANIFESTS.select("?test a mf:ProtocolTest ; mf:action/ht:requests ?requests"):
        found[short(row["test"])] = [_exchange(request) for request in MANIFESTS.listed(row["requests"])]
    return dict(sorted(found.items()))


def _exchange(request: ox.BlankNode) -> Exchange:
    rows = [
        {p.predicate.value.rpartition("#")[2]: p.object for p in MANIFESTS.store.quads_for_pattern(request, None, None)}
    ]
    about = rows[0]
    headers: dict[str, str] = {}
    for header in MANIFESTS.listed(about["headers"]) if "headers" in about else ():
        said = {
            q.predicate.value.rpartition("#")[2]: q.object
            for q in MANIFESTS.store.quads_for_pattern(header, None, None)
        }
        headers[said["fieldName"].value] = said["fieldValue"].value
    body = None
    if "body" in about:
        said = {
            q.predicate.value.rpartition("#")[2]: q.object
            for q in MANIFESTS.store.quads_for_pattern(about["body"], None, None)
        }
        body = said["chars"].value.encode(said["characterEncoding"].value)
    wanted: dict[str, list[str]] = {}
    for quad in MANIFESTS.store.quads_for_pattern(about["resp"], None, None):
        wanted.setdefault(quad.predicate.value.rpartition("#")[2], []).append(quad.object.value)
    return Exchange(
        method=about["methodName"].value,
        path=about["absolutePath"].value.replace("/sparql/", "/sparql", 1),
        headers=headers,
        body=body,
        statuses=frozenset(status[-3] for status in wanted["expectedStatus"]),
        boolean=wanted["expectedBoolean"][0] == "true" if "expectedBoolean" in wanted else None,
        format=wanted["expectedFormat"][0] if "expectedFormat" in wanted else None,
    )


EVALUATIONS, SYNTAXES, EXCHANGES = evaluations(), syntaxes(), exchanges()


@pytest.fixture(scope="session")
def endpoint(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """The service on a build that holds the data of the tests, behind a real server."""
    folder = tmp_path_factory.mktemp("w3c")
    quads = {iri: file_of(iri) for test in EVALUATIONS.values() for iri in (*test.default, *test.named)}
    for row in MANIFESTS.select("?data ut:graph ?file ; rdfs:label ?name"):
        quads[row["name"].value] = file_of(row["file"].value)
    with (folder / "inforce.nq").open("wb") as file:
        for iri, source in sorted(quads.items()):
            graph = ox.NamedNode(iri)
            placed = (ox.Quad(q.subject, q.predicate, q.object, graph) for q in triples(source, iri))
            ox.serialize(placed, output=file, format=ox.RdfFormat.N_QUADS)
    (folder / "manifest.json").write_text(json.dumps({"version": "w3c", "coveredThrough": {}, "counts": {}}))
    with (
        serving(create(Service.open(folder), today=lambda: TODAY)) as address,
        httpx2.Client(base_url=address, timeout=60) as client,
    ):
        yield client


# Protocol


def answered(client: httpx2.Client, exchange: Exchange) -> None:
    response = client.request(exchange.method, exchange.path, headers=exchange.headers, content=exchange.body)
    assert str(response.status_code)[0] in exchange.statuses, response.text[:300]
    kind = response.headers["content-type"].split(";")[0]
    if exchange.boolean is not None:
        assert response.json()["boolean"] is exchange.boolean
    match exchange.format:
        case "boolean":
            assert kind in ("application/sparql-results+json", "application/sparql-results+xml")
        case "tabular":
            assert kind in (
                "application/sparql-results+json",
                "application/sparql-results+xml",
                "text/csv",
                "text/tab-separated-values",
            )
        case "RDF":
            assert kind in ("text/turtle", "application/rdf+xml", "application/n-triples", "application/ld+json")
            Graph().parse(data=response.text, format=kind)


@pytest.mark.parametrize("name", [name for name in EXCHANGES if "#update_" not in name])
def test_protocol(name: str, endpoint: httpx2.Client) -> None:
    """Every test of queries passes, and every request that is wrong is refused, updates included."""
    for exchange in EXCHANGES[name]:
        answered(endpoint, exchange)


@pytest.mark.parametrize("name", [name for name in EXCHANGES if "#update_" in name])
def test_no_update_is_taken(name: str, endpoint: httpx2.Client) -> None:
    """This endpoint answers queries: what the protocol has on updates is refused, and changes nothing."""

    def everything() -> str:
        return endpoint.get("/sparql", params={"query": "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"}).text

    before = everything()
    updates = [
        e
        for e in EXCHANGES[name]
        if "sparql-update" in e.headers.get("content-type", "") or (e.body or b"").startswith(b"update=")
    ]
    assert updates
    for exchange in updates:
        response = endpoint.request(exchange.method, exchange.path, headers=exchange.headers, content=exchange.body)
        assert response.status_code in (400, 415)
    assert everything() == before


# Syntax


@pytest.mark.parametrize("name", SYNTAXES)
def test_syntax(name: str, endpoint: httpx2.Client) -> None:
    query, right = SYNTAXES[name]
    right = right != (name in EXCEPTIONS)
    headers = {"Content-Type": "application/sparql-query"}
    response = endpoint.post("/sparql", content=file_of(query).read_bytes(), headers=headers)
    assert response.status_code == (200 if right else 400), response.text[:300]
    if not right:
        assert response.json()["type"].endswith("#sparql-syntax")


# Evaluation: how an answer differs from the expected one

SAME, LEXICAL, DIFFERENT = "same", "lexical", "different"
WRITTEN_VARIOUSLY = {
    "boolean",
    "integer",
    "decimal",
    "double",
    "float",
    "int",
    "long",
    "short",
    "byte",
    "nonNegativeInteger",
    "positiveInteger",
}
DOUBLE = ox.NamedNode("http://www.w3.org/2001/XMLSchema#double")


def by_value(term: Any) -> Any:
    """A term with its number or truth value written in one way: 1.0 and 1.00 are one xsd:decimal."""
    if isinstance(term, ox.Literal) and term.datatype.value.rpartition("#")[2] in WRITTEN_VARIOUSLY:
        literal = Literal(term.value, datatype=URIRef(term.datatype.value))
        if not literal.ill_typed:
            value = literal.toPython()
            text = f"{value!r}" if isinstance(value, float) else f"{Decimal(value).normalize():f}"
            return ox.Literal(text, datatype=term.datatype)
    return term


def node(term: Any) -> Node:
    """A term for rdflib, which compares graphs with blank nodes; literals by their spelling."""
    if isinstance(term, ox.BlankNode):
        return BNode(term.value)
    if isinstance(term, ox.NamedNode):
        return URIRef(term.value)
    kind = None if term.language else URIRef(term.datatype.value)
    return Literal(term.value, term.language, kind, normalize=False)


def graph_of(rows: Sequence[Mapping[str, Any]]) -> Graph:
    """Rows as a graph: they are alike when the graphs are isomorphic. Equal rows are one node with their number.

    Rows of s, p and o are triples, and their graph is the one that they make.
    """
    graph = Graph()
    if all(row.keys() == {"s", "p", "o"} and isinstance(row["p"], ox.NamedNode) for row in rows):
        for row in rows:
            graph.add((node(row["s"]), node(row["p"]), node(row["o"])))
        return graph
    counted = Counter(frozenset(row.items()) for row in rows)
    for row, count in counted.items():
        this = BNode()
        graph.add((this, URIRef("urn:count"), Literal(count)))
        for name, term in row:
            graph.add((this, URIRef("urn:variable:" + name), node(term)))
    return graph


def alike(found: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]], ordered: bool) -> bool:
    if not any(isinstance(term, ox.BlankNode) for row in (*found, *wanted) for term in row.values()):
        same = Counter(frozenset(r.items()) for r in found) == Counter(frozenset(r.items()) for r in wanted)
    else:
        same = isomorphic(graph_of(found), graph_of(wanted))
    return same and (not ordered or [*map(unnamed, found)] == [*map(unnamed, wanted)])


def unnamed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row in which all blank nodes have one name."""
    return {name: ox.BlankNode("b") if isinstance(term, ox.BlankNode) else term for name, term in row.items()}


def compared(found: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]], ordered: bool) -> str:
    if alike(found, wanted, ordered):
        return SAME
    plain = [[{name: by_value(term) for name, term in row.items()} for row in rows] for rows in (found, wanted)]
    return LEXICAL if alike(plain[0], plain[1], ordered) else DIFFERENT


def solutions(data: bytes, form: ox.QueryResultsFormat) -> tuple[list[str], list[dict[str, Any]]] | bool:
    """The variables, sorted, and the rows of a result, or the answer to an ASK."""
    results = ox.parse_query_results(data, format=form)
    if isinstance(results, ox.QueryBoolean):
        return bool(results)
    names = [v.value for v in results.variables]
    return sorted(names), [{name: row[name] for name in names if row[name] is not None} for row in results]


def separated(data: bytes) -> tuple[list[str], list[dict[str, Any]]]:
    """Variables and rows of a result in CSV, which tells blank nodes only; what looks like a number is taken for one."""

    def term(cell: str) -> ox.BlankNode | ox.Literal:
        if cell.startswith("_:"):
            return ox.BlankNode(cell[2:])
        return ox.Literal(cell, datatype=DOUBLE if re.fullmatch(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?", cell) else None)

    lines = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    rows = [{name: term(cell) for name, cell in line.items()} for line in lines]
    return sorted(lines.fieldnames or ()), rows


def described(quads: Iterator[ox.Quad]) -> tuple[list[str], list[dict[str, Any]]]:
    """Variables and rows of a result that is given as RDF."""
    store = ox.Store()
    store.extend(quads)

    def values(subject: Any, name: str) -> list[Any]:
        return [q.object for q in store.quads_for_pattern(subject, ox.NamedNode(PREFIXES["rs"] + name), None)]

    return sorted(v.value for v in values(None, "resultVariable")), [
        {values(b, "variable")[0].value: values(b, "value")[0] for b in values(solution, "binding")}
        for solution in values(None, "solution")
    ]


JSON = "application/sparql-results+json"
ACCEPT = {
    ".srx": "application/sparql-results+xml",
    ".srj": JSON,
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".ttl": "text/turtle",
}


def outcome(test: Evaluation, client: httpx2.Client) -> tuple[str, str]:
    """How the answer of the service compares with the expected one, and the answer."""
    query = file_of(test.query).read_text(encoding="utf-8")
    asked = {"query": f"BASE <{test.query}>\n{query}"}
    if not re.search(r"\bFROM\b", query):  # else the query names its dataset itself
        asked |= {"default-graph-uri": test.default or [NOTHING], "named-graph-uri": test.named}
    suffix = Path(test.result).suffix
    graph = suffix == ".ttl" and "CONSTRUCT" in query
    accept = JSON if suffix == ".ttl" and not graph else ACCEPT[suffix]
    response = client.post("/sparql", data=asked, headers={"Accept": accept})
    if response.status_code != 200:
        return DIFFERENT, response.text
    assert response.headers["content-type"].startswith(accept)
    return judged(response.content, file_of(test.result).read_bytes(), test, graph), response.text


def judged(answer: bytes, expected: bytes, test: Evaluation, graph: bool) -> str:
    """How an answer compares with the expected result, by the form of the latter."""
    if graph:
        parsed = (iter(ox.parse(text, ox.RdfFormat.TURTLE, base_iri=test.result)) for text in (answer, expected))
        found, wanted = ([{"s": q.subject, "p": q.predicate, "o": q.object} for q in quads] for quads in parsed)
        return compared(found, wanted, ordered=False)
    results: list[Any]
    match Path(test.result).suffix:
        case ".ttl":
            results = [
                solutions(answer, ox.QueryResultsFormat.JSON),
                described(triples(file_of(test.result), test.result)),
            ]
        case ".csv":
            results = [separated(answer), separated(expected)]
        case suffix:
            results = [solutions(text, FORMATS[suffix]) for text in (answer, expected)]
    if any(isinstance(result, bool) for result in results):
        return SAME if results[0] is results[1] else DIFFERENT
    (names, found), (others, wanted) = results
    ordered = re.search(r"\}\s*ORDER\s+BY[^{}]*$", file_of(test.query).read_text(encoding="utf-8"), re.I)
    return compared(found, wanted, ordered is not None) if names == others else DIFFERENT


@pytest.mark.parametrize("name", EVALUATIONS)
def test_evaluation(name: str, endpoint: httpx2.Client) -> None:
    expected = EXCEPTIONS[name]["outcome"] if name in EXCEPTIONS else SAME
    found, answer = outcome(EVALUATIONS[name], endpoint)
    assert found == expected, f"{EXCEPTIONS.get(name, {}).get('reason', 'expected to pass')}\n{answer[:1500]}"


def directly(test: Evaluation) -> str:
    """How the answer of the engine by itself compares, on a store that holds just the dataset of the test."""
    store = ox.Store()
    for iri in test.default:
        store.extend(ox.Quad(q.subject, q.predicate, q.object) for q in triples(file_of(iri), iri))
    for iri in test.named:
        name = ox.NamedNode(iri)
        store.extend(ox.Quad(q.subject, q.predicate, q.object, name) for q in triples(file_of(iri), iri))
    query = file_of(test.query).read_text(encoding="utf-8")
    results: Any = store.query(query, base_iri=test.query)
    suffix = Path(test.result).suffix
    graph = suffix == ".ttl" and "CONSTRUCT" in query
    forms = {**FORMATS, ".csv": ox.QueryResultsFormat.CSV, ".ttl": ox.QueryResultsFormat.JSON}
    answer = results.serialize(format=ox.RdfFormat.TURTLE if graph else forms[suffix])
    return judged(answer, file_of(test.result).read_bytes(), test, graph)


# Service description: the manifest names these tests, but leaves it to the reader to make them


SD = "http://www.w3.org/ns/sparql-service-description#"
# The classes of the subjects of a property and of its objects, where these are described here as well.
SCHEMA = {
    "endpoint": ("Service", None),
    "supportedLanguage": ("Service", None),
    "feature": ("Service", None),
    "resultFormat": ("Service", None),
    "defaultDataset": ("Service", "Dataset"),
    "defaultGraph": ("Dataset", "Graph"),
    "namedGraph": ("Dataset", "NamedGraph"),
    "name": ("NamedGraph", None),
    "graph": ("NamedGraph", "Graph"),
}


def description(endpoint: httpx2.Client, accept: str = "*/*") -> Graph:
    """What a GET of the endpoint without a query returns."""
    response = endpoint.get("/sparql", headers={"Accept": accept})
    assert response.status_code == 200
    return Graph().parse(data=response.text, format=response.headers["content-type"].split(";")[0])


def returns_rdf(endpoint: httpx2.Client) -> None:
    graph = description(endpoint)
    assert len(graph) > 20
    for accept in ("application/rdf+xml", "application/n-triples", "application/ld+json"):
        assert isomorphic(description(endpoint, accept), graph)


def has_endpoint_triple(endpoint: httpx2.Client) -> None:
    asked = URIRef(str(endpoint.base_url.join("/sparql")))
    assert list(description(endpoint).subjects(URIRef(SD + "endpoint"), asked))


def conforms_to_schema(endpoint: httpx2.Client) -> None:
    graph = description(endpoint)
    assert {p.removeprefix(SD) for p in graph.predicates() if p.startswith(SD)} == SCHEMA.keys()
    for name, (domain, range_) in SCHEMA.items():
        for subject, thing in graph.subject_objects(URIRef(SD + name)):
            assert isinstance(thing, URIRef)
            assert (subject, RDF.type, URIRef(SD + domain)) in graph
            assert range_ is None or (thing, RDF.type, URIRef(SD + range_)) in graph


DESCRIPTIONS = [short(row["test"]) for row in MANIFESTS.select("?test a mf:ServiceDescriptionTest")]


@pytest.mark.parametrize("name", sorted(DESCRIPTIONS))
def test_service_description(name: str, endpoint: httpx2.Client) -> None:
    {
        "service-description#returns-rdf": returns_rdf,
        "service-description#has-endpoint-triple": has_endpoint_triple,
        "service-description#conforms-to-schema": conforms_to_schema,
    }[name](endpoint)


# The list of exceptions


def test_each_exception_is_a_test_and_has_its_reason(shared: Path) -> None:
    assert EXCEPTIONS.keys() <= EVALUATIONS.keys() | SYNTAXES.keys()
    for row in EXCEPTIONS.values():
        assert row["outcome"] in (LEXICAL, DIFFERENT)
        assert len(row["reason"]) > 20


@pytest.mark.parametrize("name", [name for name in EXCEPTIONS if name in EVALUATIONS])
def test_each_exception_is_the_engine_s_own(name: str, shared: Path) -> None:
    """The service passes whatever the engine by itself passes."""
    assert directly(EVALUATIONS[name]) == EXCEPTIONS[name]["outcome"]


def test_the_whole_suite_is_here(shared: Path) -> None:
    assert (len(EVALUATIONS), len(SYNTAXES), len(EXCHANGES), len(DESCRIPTIONS)) == (235, 103, 34, 3)


@pytest.mark.parametrize(
    ("found", "wanted", "result"),
    [
        ("1 1.0", "1 1.0", SAME),
        ("1.0", "1.00", LEXICAL),
        ("1.0", "1", DIFFERENT),  # xsd:decimal and xsd:integer
        ("1.0", "1.1", DIFFERENT),
        ('"1.0"', '"1.00"', DIFFERENT),
        ("_:a _:b", "_:b _:a", SAME),
        ("_:a _:a", "_:a _:b", DIFFERENT),
        ("1 1", "1", DIFFERENT),
        ("1 2", "2 1", SAME),
    ],
)
def test_the_comparison_tells_what_differs(found: str, wanted: str, result: str) -> None:
    """Of one column of values, a row each; blank nodes may have other names, but not be told apart differently."""

    def rows(values: str) -> list[dict[str, Any]]:
        text = "".join(f"<urn:{n}> <urn:p> {value} ." for n, value in enumerate(values.split()))
        return [{"x": quad.object} for quad in ox.parse(text, ox.RdfFormat.TURTLE)]

    assert compared(rows(found), rows(wanted), ordered=False) == result
    assert compared(rows("1 2"), rows("2 1"), ordered=True) == DIFFERENT
