"""Clients that people use against the running service, each with a question whose answer is known."""

import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pandas as pd
import pytest
from rdflib import RDF, Graph, URIRef
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from SPARQLWrapper import CSV, GET, JSON, POST, TURTLE, XML, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import QueryBadFormed

from conftest import TODAY
from inforce.model import BASE, NS
from inforce.service import Service
from inforce.turtle import ELI, INF
from inforce.web.app import create
from live import on_node, serving

RARE_EARTHS = BASE + "measure/cn-five-rare-earths-2025"
ACT = BASE + "instrument/cn-mofcom-2025-70"
# What holds of five rare earths on 15 November 2025, as known then: suspended the day before the licences would begin.
STATUS = f"""PREFIX inf: <{NS}> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
SELECT ?status ?from ?until ?act WHERE {{
  ?span inf:measure <{RARE_EARTHS}> ; inf:status ?status ; inf:from ?from ; inf:until ?until ;
    inf:knownFrom ?knownFrom ; inf:knownUntil ?knownUntil ; inf:decidedBy/inf:act ?act .
  FILTER (?from <= "2025-11-15"^^xsd:date && "2025-11-15"^^xsd:date < ?until)
  FILTER (?knownFrom <= "2025-11-15"^^xsd:date && "2025-11-15"^^xsd:date < ?knownUntil)
}}"""
SUSPENDED = {"status": NS + "suspended", "from": "2025-11-08", "until": "2026-11-11", "act": ACT}
# The additional duties on all Chinese goods in their order: with spaces, decimals, quotes and Chinese.
RATES = f"""PREFIX inf: <{NS}> PREFIX skos: <http://www.w3.org/2004/02/skos/core#> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
SELECT ?from ?rate ?name WHERE {{
  ?span inf:measure <{BASE}measure/us-ieepa-fentanyl-cn> ; inf:status inf:inForce ; inf:from ?from ; inf:rate ?rate ;
    inf:knownUntil "9999-12-31"^^xsd:date ; inf:measure/skos:prefLabel ?name .
  FILTER (LANG(?name) = "zh")
}} ORDER BY ?from"""
FENTANYL = [("2025-02-04", 10.0), ("2025-03-04", 20.0), ("2025-11-10", 10.0)]


@pytest.fixture(scope="module")
def endpoint(service: Service) -> Iterator[str]:
    with serving(create(service, today=lambda: TODAY)) as address:
        yield address + "/sparql"


@pytest.mark.parametrize("method", [GET, POST])
def test_sparqlwrapper_select(method: str, endpoint: str) -> None:
    client = SPARQLWrapper(endpoint, returnFormat=JSON)
    client.setMethod(method)
    client.setQuery(STATUS)
    (row,) = client.queryAndConvert()["results"]["bindings"]
    assert {name: cell["value"] for name, cell in row.items()} == SUSPENDED


def test_sparqlwrapper_other_forms(endpoint: str) -> None:
    client = SPARQLWrapper(endpoint)
    client.setQuery(f"ASK {{ <{ACT}> a <{NS}Instrument> }}")
    client.setReturnFormat(XML)
    assert "<boolean>true</boolean>" in client.queryAndConvert().toxml()
    client.setQuery(f"CONSTRUCT WHERE {{ <{ACT}> <{ELI.changes}> ?act }}")
    client.setReturnFormat(TURTLE)
    changed = Graph().parse(data=client.queryAndConvert(), format="turtle")
    assert {str(act).rpartition("/")[2] for act in changed.objects()} == {
        f"cn-mofcom-2025-{number}" for number in (55, 56, 57, 58, 61, 62)
    }
    client.setQuery(RATES)
    client.setReturnFormat(CSV)
    assert client.queryAndConvert().decode().splitlines()[0] == "from,rate,name"
    client.setQuery("SELECT WHERE")
    with pytest.raises(QueryBadFormed):
        client.query()


def test_rdflib_sparql_store(endpoint: str) -> None:
    """A remote graph that is used like one in memory: by queries, and by patterns of triples."""
    graph = Graph(SPARQLStore(endpoint))
    (row,) = graph.query(STATUS)
    assert {name: str(value) for name, value in row.asdict().items()} == SUSPENDED  # type: ignore[union-attr]
    assert row.until.toPython().isoformat() == "2026-11-11"  # type: ignore[union-attr]
    assert graph.value(URIRef(RARE_EARTHS), INF.kind) == URIRef(BASE + "kind/export-licensing")
    assert (URIRef(ACT), RDF.type, INF.Instrument) in graph
    assert len(set(graph.objects(URIRef(ACT), ELI.changes))) == 6


def test_rdflib_sparql_store_on_one_graph(endpoint: str) -> None:
    """The graph of one act alone: what the act says, and nothing of what was compiled."""
    graph = Graph(SPARQLStore(endpoint), identifier=URIRef(BASE + "graph/cn-mofcom-2025-70"))
    assert set(graph.subjects(RDF.type, INF.Instrument)) == {URIRef(ACT)}
    assert not set(graph.objects(URIRef(ACT), ELI.changes))


def test_pandas(endpoint: str) -> None:
    """A data frame from the address of a query, days as days and rates as numbers."""
    frame = pd.read_csv(
        f"{endpoint}?{urlencode({'query': RATES})}", parse_dates=["from"], storage_options={"Accept": "text/csv"}
    )
    assert list(zip(frame["from"].dt.date.map(str), frame["rate"], strict=True)) == FENTANYL
    assert frame["rate"].mean() == pytest.approx(40 / 3)
    assert set(frame["name"]) == {"美国对华芬太尼关税（IEEPA）"}


def curl(*arguments: str) -> str:
    if shutil.which("curl") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("curl is not here")
        pytest.skip("curl is not here")
    command = ["curl", "--silent", "--show-error", "--fail-with-body", "--compressed", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_curl(endpoint: str, tmp_path: Path) -> None:
    """By GET, by a form, by a file that is posted, and with the form of the answer in the header."""
    asked = [
        curl("--get", "--header", "Accept: text/csv", "--data-urlencode", f"query={STATUS}", endpoint),
        curl("--header", "Accept: text/csv", "--data-urlencode", f"query={STATUS}", endpoint),
    ]
    (tmp_path / "status.rq").write_text(STATUS)
    body = ["--header", "Content-Type: application/sparql-query", "--data-binary", f"@{tmp_path / 'status.rq'}"]
    asked.append(curl("--header", "Accept: text/csv", *body, endpoint))
    for answer in asked:
        assert pd.read_csv(io.StringIO(answer)).to_dict("records") == [SUSPENDED]
    rows = json.loads(curl(*body, endpoint))["results"]["bindings"]
    assert {name: cell["value"] for name, cell in rows[0].items()} == SUSPENDED


COMUNICA = "node_modules/@comunica/query-sparql/bin/query.js"


def test_comunica(endpoint: str) -> None:
    """The engine in JavaScript finds out by itself that the address is a SPARQL endpoint, and asks it."""
    (row,) = json.loads(on_node(COMUNICA, endpoint, STATUS))
    assert {name: term.split("^^")[0].strip('"') for name, term in row.items()} == SUSPENDED
