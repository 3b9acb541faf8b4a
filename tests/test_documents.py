"""Every IRI of the record and of the vocabulary answers, in every form, with what belongs to it."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from rdflib import RDF, BNode, Dataset, Graph, URIRef
from rdflib.compare import isomorphic

from inforce.model import BASE, NS
from inforce.service import Service
from inforce.turtle import ELI, INF
from inforce.web.description import DATASET, SHAPES, VOCABULARY, describe, dump, in_graphs, index
from inforce.web.negotiate import DOCUMENTS

PARSERS = {"ttl": "turtle", "jsonld": "json-ld", "nt": "nt", "rdf": "xml", "trig": "trig"}
BAN = "/measure/cn-us-ga-ge-sb-superhard-ban"
SAMPLE = [
    BAN,
    "/measure/us-ieepa-fentanyl-cn",
    "/instrument/cn-mofcom-2025-70",
    "/instrument/us-eo-14257",
    "/instrument/cn-mofcom-2026-09-28-kl-extension",
    "/material/gallium",
    "/country/all",
    "/kind/export-licensing",
    "/actor/cn-mofcom",
    "/doctype/announcement",
    "/scheme/status",
    "/coverage/cn",
    "/critical-list/usgs-2025",
    "/measure",
    "/ns",
    "/ns/alignments",
    "/shapes",
    "/dataset",
    "/graph/us-eo-14298",
]


def parsed(text: str, form: str) -> Graph:
    """The triples of a document, whatever graph they stand in; spelt as rdflib spells them."""
    read = Dataset() if form == "trig" else Graph()
    read.parse(data=text, format=PARSERS[form], publicID="http://nowhere.example/")
    triples = Graph()
    for s, p, o, *_ in read.quads() if isinstance(read, Dataset) else read:
        triples.add((s, p, o))
    return triples


def test_every_document_answers_in_turtle_with_all_its_subjects(client: TestClient, service: Service) -> None:
    documents = index(service).documents
    assert len(documents) > 500
    for iri, subjects in documents.items():
        answer = client.get(iri.removeprefix(BASE.removesuffix("/")), headers={"Accept": "text/turtle"})
        assert answer.status_code == 200, iri
        assert answer.headers["content-type"] == "text/turtle; charset=utf-8"
        graph = parsed(answer.text, "ttl")
        assert {URIRef(s) for s in subjects} <= set(graph.subjects()), iri
        if iri != SHAPES:
            assert not any(isinstance(node, BNode) for triple in graph for node in triple), iri


def test_no_subject_of_the_store_is_without_a_document(service: Service) -> None:
    rows = json.loads(service.store.select("SELECT DISTINCT ?s WHERE { ?s ?p ?o }"))["results"]["bindings"]
    listed = {s for subjects in index(service).documents.values() for s in subjects}
    assert {row["s"]["value"] for row in rows} <= listed


def test_the_forms_of_the_rules_say_as_much(client: TestClient) -> None:
    """Without names for blank nodes to compare, how often each property is used must do."""
    counts = [Counter(p for _, p, _ in parsed(client.get(f"/shapes.{form}").text, form)) for form in PARSERS]
    assert all(count == counts[0] for count in counts)


@pytest.mark.parametrize("path", [path for path in SAMPLE if path != "/shapes"])
def test_the_forms_of_a_document_say_the_same(client: TestClient, path: str) -> None:
    forms = {}
    for form in PARSERS:
        answer = client.get(f"{path}.{form}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == f"{DOCUMENTS[form]}; charset=utf-8"
        forms[form] = parsed(answer.text, form)
    for form, graph in forms.items():
        assert isomorphic(graph, forms["nt"]), f"{path}.{form} differs from {path}.nt"


@pytest.mark.parametrize("path", SAMPLE)
def test_a_description_holds_all_that_the_store_says_of_its_subjects(service: Service, path: str) -> None:
    iri = BASE + path.removeprefix("/")
    graph = describe(service, iri)
    for subject in index(service).documents[iri]:
        answer = service.store.select(f"SELECT DISTINCT ?p ?o WHERE {{ <{subject}> ?p ?o }}")
        assert len(set(graph.predicate_objects(URIRef(subject)))) >= len(json.loads(answer)["results"]["bindings"])


def test_what_a_description_mentions_has_a_name_in_it(service: Service) -> None:
    graph = describe(service, BASE + BAN.removeprefix("/"))
    for mentioned in ("country/us", "country/cn", "material/gallium", "instrument/cn-mofcom-2025-72", "kind/"):
        named = [n for n in graph.subjects() if str(n).startswith(BASE + mentioned)]
        assert named, mentioned
    suspension = URIRef(BASE + "instrument/cn-mofcom-2025-72#whole-suspend")
    assert (suspension, INF.affects, URIRef(BASE + BAN.removeprefix("/"))) in graph
    assert not list(graph.subjects(INF.affects, URIRef(BASE + "measure/cn-us-graphite-strict-review")))


def test_an_act_names_the_measures_it_established_and_the_acts_that_change_it(service: Service) -> None:
    graph = describe(service, BASE + "instrument/cn-mofcom-2024-46")
    assert (URIRef(BASE + BAN.removeprefix("/")), INF.establishedBy, None) in graph
    changes = URIRef("http://data.europa.eu/eli/ontology#changes")
    assert (URIRef(BASE + "instrument/cn-mofcom-2025-72"), changes, None) in graph


def test_trig_tells_what_was_authored_from_what_was_compiled(service: Service) -> None:
    iri = BASE + "instrument/cn-mofcom-2025-72"
    graphs = in_graphs(service, describe(service, iri))
    suspension = URIRef(iri + "#whole-suspend")
    assert (suspension, INF.target, None) in graphs[BASE + "graph/cn-mofcom-2025-72"]
    assert (suspension, INF.affects, None) in graphs[BASE + "graph/compiled"]
    assert "" not in graphs


def test_json_ld_reads_like_the_record(client: TestClient) -> None:
    document = client.get("/instrument/cn-mofcom-2025-72.jsonld").json()
    (effect,) = [node for node in document["@graph"] if node["@id"].endswith("#whole-suspend")]
    assert effect["effectType"] == "inf:suspend"
    assert effect["from"] == "2025-11-09"
    assert effect["untilInclusive"] == "2026-11-27"
    assert effect["order"] == pytest.approx(int(effect["order"]))
    used = json.dumps(document)
    assert all(used.count(f'"{name}') > 1 for name in document["@context"])


def test_the_same_bytes_in_every_process(build_folder: Path) -> None:
    program = """
import sys, hashlib
from pathlib import Path
from inforce.service import Service
from inforce.web.description import serialised
service = Service.open(Path(sys.argv[1]))
for path in ("measure/us-ieepa-fentanyl-cn", "country/all", "ns", "shapes", "dataset"):
    for media in sys.argv[2:]:
        print(hashlib.sha256(serialised(service, "https://w3id.org/inforce/" + path, media)).hexdigest(), path, media)
"""
    media = [m for m in DOCUMENTS.values() if m != "text/html"]
    runs = [
        subprocess.run(
            [sys.executable, "-c", program, str(build_folder), *media],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1]


def test_no_document_in_rdf_knows_what_day_it_is(client: TestClient, service: Service) -> None:
    for path in SAMPLE:
        assert "2026-11-24" not in client.get(f"{path}.nt").text


# Content negotiation

HTML, TTL, LD, NT, XML, TRIG = DOCUMENTS.values()
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
NEGOTIATION = [
    (None, HTML),
    ("", HTML),
    ("*/*", HTML),
    (CHROME, HTML),
    ("text/html", HTML),
    ("application/xhtml+xml", HTML),
    ("text/*", HTML),
    ("text/turtle", TTL),
    ("Text/Turtle", TTL),
    ("text/turtle; charset=utf-8", TTL),
    ("text/turtle;q=0.5", TTL),
    ("application/x-turtle", TTL),
    ("text/rdf+n3", TTL),
    ("text/turtle, */*;q=0.1", TTL),
    ("text/html;q=0.5, text/turtle", TTL),
    ("text/html;q=0.2, text/turtle;q=0.9, application/ld+json;q=0.5", TTL),
    ("application/ld+json", LD),
    ("application/ld+json, application/json;q=0.5", LD),
    ('application/ld+json;profile="http://www.w3.org/ns/json-ld#compacted"', LD),
    ("application/rdf+xml;q=0.8, application/ld+json;q=0.9", LD),
    ("application/n-triples", NT),
    ("text/plain", NT),
    ("application/rdf+xml", XML),
    ("application/xml", XML),
    ("application/rdf+xml, text/html;q=0.1", XML),
    ("application/trig", TRIG),
    ("application/trig;q=1.0, text/turtle;q=0.9", TRIG),
    ("application/*", LD),
    ("image/png", None),
    ("text/csv", None),
    ("application/json", None),
    ("text/html;q=0", None),
    ("application/pdf, image/*", None),
    ("*/*;q=0", None),
]


@pytest.mark.parametrize(("accept", "expected"), NEGOTIATION)
def test_negotiation(client: TestClient, accept: str | None, expected: str | None) -> None:
    answer = client.get(BAN, headers={"Accept": accept} if accept is not None else {})
    assert "Accept" in answer.headers["vary"]
    if expected is None:
        assert answer.status_code == 406
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["alternates"] == list(DOCUMENTS.values())
        assert 'rel="alternate"' in answer.headers["link"]
    else:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == f"{expected}; charset=utf-8"
        form = next(f for f, media in DOCUMENTS.items() if media == expected)
        assert answer.headers["content-location"] == f"{BAN}.{form}"


def test_a_suffix_goes_before_accept(client: TestClient) -> None:
    answer = client.get(f"{BAN}.ttl", headers={"Accept": "application/ld+json"})
    assert answer.headers["content-type"].startswith("text/turtle")


def test_links_to_the_other_forms_and_to_the_name(client: TestClient) -> None:
    links = client.get(f"{BAN}.ttl").headers["link"]
    assert f'<{BASE.removesuffix("/")}{BAN}>; rel="canonical"' in links
    for form, media in DOCUMENTS.items():
        assert (f'<{BAN}.{form}>; rel="alternate"; type="{media}"' in links) is (form != "ttl")


@pytest.mark.parametrize("form", DOCUMENTS)
def test_conditional_requests_and_head(client: TestClient, form: str) -> None:
    url = f"{BAN}.{form}"
    full = client.get(url)
    tag = full.headers["etag"]
    assert tag.startswith('"') and not tag.startswith("W/")
    for held in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = client.get(url, headers={"If-None-Match": held})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag
        assert "Accept" in again.headers["vary"]
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    head = client.head(url)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["etag"] == tag
    assert head.headers["content-type"] == full.headers["content-type"]


def test_each_form_has_a_tag_of_its_own(client: TestClient) -> None:
    assert len({client.get(f"{BAN}.{form}").headers["etag"] for form in DOCUMENTS}) == len(DOCUMENTS)


def test_other_sites_may_read(client: TestClient) -> None:
    answer = client.get(f"{BAN}.ttl", headers={"Origin": "https://example.org"})
    assert answer.headers["access-control-allow-origin"] == "*"


# What is not there

MISSING = [
    ("/measure/cn-galium-licensing", "measure/cn-gallium-licensing"),
    ("/material/galium", "material/gallium"),
    ("/instrument/cn-mofcom-2025-7", "instrument/cn-mofcom-2025-70"),
    ("/country/usa", "country/us"),
    ("/measure/CN-gallium-licensing", "measure/cn-gallium-licensing"),
    ("/mesure", "measure"),
]


@pytest.mark.parametrize(("path", "near"), MISSING)
def test_a_missing_document_names_what_is_near(client: TestClient, path: str, near: str) -> None:
    machine = client.get(path, headers={"Accept": "text/turtle"})
    assert machine.status_code == 404
    assert machine.headers["content-type"] == "application/problem+json"
    assert machine.json()["type"] == BASE + "problems#not-found"
    assert BASE + near in machine.json()["nearest"]
    person = client.get(path, headers={"Accept": CHROME})
    assert person.status_code == 404
    assert person.headers["content-type"] == "text/html; charset=utf-8"
    assert f'href="/{near}"' in person.text


@pytest.mark.parametrize("path", ["/measure/x.ttl", "/nothing/at/all", "/measure/", "/%E4%B8%AD", "/measure/a'b\"<c>"])
def test_strange_names_do_no_harm(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": CHROME}, follow_redirects=False)
    assert answer.status_code in (404, 308)
    assert "<c>" not in answer.text


def test_an_unknown_parameter_is_an_error(client: TestClient) -> None:
    answer = client.get(f"{BAN}?onn=2025-11-15", headers={"Accept": "text/turtle"})
    assert answer.status_code == 422
    assert answer.json()["parameter"] == "onn"


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/measure/", "/measure"),
        (BAN + "/", BAN),
        ("/shape/measure-item", "/shapes#measure-item"),
        ("/shape", "/shapes#shape"),
        ("/ns/0.1.0", "/ns"),
    ],
)
def test_redirects(client: TestClient, path: str, to: str) -> None:
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code in (303, 308)
    assert answer.headers["location"] == to


# The vocabulary, the rules, the dataset


def test_the_vocabulary_holds_each_of_its_terms(client: TestClient) -> None:
    graph = parsed(client.get("/ns.ttl").text, "ttl")
    assert {str(INF.Measure), str(INF.suspended), str(INF.knownUntil)} <= {str(s) for s in graph.subjects()}
    assert (URIRef(VOCABULARY), RDF.type, URIRef("http://www.w3.org/2002/07/owl#Ontology")) in graph
    assert all(str(s).startswith((NS, VOCABULARY, BASE)) for s in graph.subjects())


def test_the_dataset_describes_this_build(client: TestClient, service: Service) -> None:
    graph = parsed(client.get("/dataset.ttl").text, "ttl")
    dcat = "http://www.w3.org/ns/dcat#"
    dataset = URIRef(DATASET)
    assert (dataset, RDF.type, URIRef(dcat + "Dataset")) in graph
    assert str(graph.value(dataset, URIRef(dcat + "version"))) == service.manifest["version"]
    assert str(graph.value(dataset, URIRef("http://purl.org/dc/terms/license"))).endswith("/by/4.0/")
    through = {str(c).rpartition("/")[2].upper(): str(day) for c, day in graph.subject_objects(INF.coveredThrough)}
    assert through.items() >= service.manifest["coveredThrough"].items()
    assert all(
        (c, ELI.jurisdiction, None) in graph or (c, INF.issuer, None) in graph
        for c in graph.subjects(INF.coveredThrough)
    )
    distributions = list(graph.objects(dataset, URIRef(dcat + "distribution")))
    (url,) = graph.objects(None, URIRef(dcat + "downloadURL"))
    assert len(distributions) == 2
    download = client.get(str(url).removeprefix(BASE.removesuffix("/")))
    assert download.status_code == 200
    (checksum,) = graph.objects(None, URIRef("https://schema.org/sha256"))
    assert hashlib.sha256(download.content).hexdigest() == str(checksum)


def test_the_dump_is_the_build(service: Service, build_folder: Path) -> None:
    def quads(data: bytes) -> set[tuple[object, ...]]:
        read = Dataset()
        read.parse(data=data.decode(), format="nquads")
        return set(read.quads())

    assert quads(dump(service)) == quads((build_folder / "inforce.nq").read_bytes())
