"""The questions and the cookbook as examples for SPARQL editors: found in the endpoint, well-formed, and each answers."""

import re

import pytest
from fastapi.testclient import TestClient
from rdflib import DCTERMS, RDF, RDFS, Graph, Namespace, URIRef
from rdflib.compare import isomorphic

from inforce import catalogue
from inforce.examples import COOKBOOK, GRAPH, QUESTIONS, triples
from inforce.model import BASE, NS, InforceError
from inforce.record import root
from inforce.service import Service
from inforce.turtle import PREFIXES
from inforce.web.negotiate import DOCUMENTS

SH, SCHEMA = Namespace("http://www.w3.org/ns/shacl#"), Namespace("https://schema.org/")
QUERIES = catalogue.read(root() / "queries")
RECIPES = catalogue.read(root() / "cookbook")
# What an editor of the SIB asks an endpoint for when it opens: the examples, then the prefixes.
EXAMPLES = """PREFIX sh: <http://www.w3.org/ns/shacl#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT DISTINCT ?example ?comment ?query WHERE {
  ?example a sh:SPARQLExecutable ; rdfs:comment ?comment ; sh:select|sh:ask|sh:construct|sh:describe ?query
} ORDER BY ?example"""
DECLARED = """PREFIX sh: <http://www.w3.org/ns/shacl#>
SELECT DISTINCT ?prefix ?namespace WHERE { [] sh:namespace ?namespace ; sh:prefix ?prefix } ORDER BY ?prefix"""


def asked(client: TestClient, query: str) -> list[dict[str, str]]:
    """The rows of a query as such an editor sends it, with the mark that it puts on its own questions."""
    accept = {"Accept": "application/sparql-results+json"}
    response = client.get("/sparql", params={"ac": "1", "query": query}, headers=accept)
    assert response.status_code == 200, response.text
    rows = response.json()["results"]["bindings"]
    return [{name: cell["value"] for name, cell in row.items()} for row in rows]


def test_an_editor_finds_every_question_and_recipe(client: TestClient) -> None:
    listed = asked(client, EXAMPLES)
    wanted = {QUESTIONS + name: q for name, q in QUERIES.items()} | {COOKBOOK + name: r for name, r in RECIPES.items()}
    assert {row["example"]: (row["comment"], row["query"]) for row in listed} == {
        iri: (query.summary, query.sparql) for iri, query in wanted.items()
    }
    assert len(listed) == len(wanted), "each once"


def test_an_editor_finds_the_prefixes(client: TestClient) -> None:
    declared = {row["prefix"]: row["namespace"] for row in asked(client, DECLARED)}
    assert declared["inf"] == NS
    assert declared.items() >= PREFIXES.items()
    for query in (*QUERIES.values(), *RECIPES.values()):
        own = dict(re.findall(r"^PREFIX ([a-z]+): <([^>]*)>", query.sparql, re.MULTILINE))
        assert declared.items() >= own.items()


def test_every_example_finds_something_as_it_stands(client: TestClient) -> None:
    for row in asked(client, EXAMPLES):
        response = client.post("/sparql", data={"query": row["query"]}, headers={"Accept": "text/csv, text/turtle"})
        assert response.status_code == 200
        assert len(response.text.strip().splitlines()) > 1, row["example"]


def test_one_prefix_is_one_namespace_in_all_of_them() -> None:
    other = catalogue.parse("other", "#+ summary: s\nPREFIX inf: <urn:other:>\nSELECT * WHERE { ?s a inf:Measure }\n")
    with pytest.raises(InforceError, match="prefix inf"):
        list(triples(QUERIES, {"other": other}))


FORMS = {suffix: media for suffix, media in DOCUMENTS.items() if suffix not in ("html", "trig")}


@pytest.mark.parametrize("media", FORMS.values())
def test_the_well_known_address(media: str, client: TestClient, service: Service) -> None:
    response = client.get("/.well-known/sparql-examples", headers={"Accept": media})
    assert response.headers["content-type"].startswith(media)
    graph = Graph().parse(data=response.content, format=media)
    wanted = Graph()
    for triple in triples(QUERIES, RECIPES):
        wanted.add(triple)
    assert isomorphic(graph, wanted)
    assert client.get(response.headers["content-location"]).content == response.content
    assert f"<{GRAPH}>" in response.headers["link"]


def test_the_well_known_address_is_turtle_for_browsers_and_refuses_what_is_no_rdf(client: TestClient) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    assert client.get("/.well-known/sparql-examples", headers=browser).headers["content-type"].startswith("text/turtle")
    assert client.get("/.well-known/sparql-examples", headers={"Accept": "image/png"}).status_code == 406
    assert client.head("/.well-known/sparql-examples").headers["etag"]


@pytest.mark.parametrize("name", QUERIES)
def test_a_question_as_turtle_has_its_parameters(name: str, client: TestClient) -> None:
    graph = Graph().parse(data=client.get(f"/queries/{name}.ttl").text, format="turtle")
    this, query = URIRef(QUESTIONS + name), QUERIES[name]
    assert (this, RDF.type, SH[f"SPARQL{query.form.title()}Executable"]) in graph
    assert str(graph.value(this, SH[query.form.lower()])) == query.sparql
    assert str(graph.value(this, RDFS.comment)) == query.summary
    assert str(graph.value(this, DCTERMS.description)) == query.description
    assert graph.value(this, SCHEMA.target) == URIRef(BASE + "sparql")
    nodes = {str(graph.value(node, SH.path)).rpartition("#")[2]: node for node in graph.objects(this, SH.parameter)}
    assert nodes.keys() == query.parameters.keys()
    for parameter in query.parameters.values():
        node = nodes[parameter.name]
        assert str(graph.value(node, SH.name)) == parameter.name
        assert (graph.value(node, SH.maxCount) is None) == parameter.repeatable
        required = parameter.default is None and not parameter.optional
        assert int(str(graph.value(node, SH.minCount))) == required
        if parameter.type == "iri":
            assert graph.value(node, SH.nodeKind) == SH.IRI
            assert {str(c) for c in graph.objects(node, SCHEMA.rangeIncludes)} == set(parameter.of)
        else:
            assert str(graph.value(node, SH.datatype)).endswith("#" + parameter.type)
        if parameter.pattern is not None:
            pattern = str(graph.value(node, SH.pattern))
            assert re.search(pattern, str(parameter.example)) and not re.search(pattern, f"x{parameter.example}\n y")


def test_the_page_of_the_questions_lists_the_cookbook(client: TestClient) -> None:
    page = client.get("/queries", headers={"Accept": "text/html"}).text
    for name, recipe in RECIPES.items():
        assert f'href="/cookbook/{name}"' in page
        shown = client.get(f"/cookbook/{name}", headers={"Accept": "text/html"}).text
        opened = re.search(r'href="(/sparql\?query=[^"]+)"', shown)
        assert opened
        assert (
            client.get(
                opened[1].replace("&amp;", "&"), headers={"Accept": "application/sparql-results+json, text/turtle"}
            ).status_code
            == 200
        )
        assert recipe.description.split("`")[0].split('"')[0].split("'")[0] in shown
