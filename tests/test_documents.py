"""Every IRI of the record and of the vocabulary answers, in every form, with what belongs to it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from rdflib import DCTERMS, RDF, BNode, Dataset, Graph, URIRef
from rdflib.compare import isomorphic

from conftest import TESTS, TODAY
from inforce import build
from inforce.examples import GRAPH as EXAMPLES
from inforce.model import BASE, NS
from inforce.record import root
from inforce.service import Service
from inforce.turtle import INF, PREFIXES, compact
from inforce.web import vocabulary
from inforce.web.app import create
from inforce.web.description import SHAPES, VOCABULARY, describe, in_graphs, index, serialised
from inforce.web.jsonld import context
from inforce.web.negotiate import DOCUMENTS

PARSERS = {"ttl": "turtle", "jsonld": "json-ld", "nt": "nt", "rdf": "xml", "trig": "trig"}
BAN = "/measure/cn-us-ga-ge-sb-superhard-ban"
EXAMPLE = "us-example-gallium-duty"
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
    "/void",
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


def test_json_ld_reads_like_plain_json(client: TestClient) -> None:
    """A thing with what belongs to it inside: short names, words for statuses, texts by language."""
    act = client.get("/instrument/cn-mofcom-2025-72.jsonld").json()
    assert act["id"] == "instrument/cn-mofcom-2025-72"
    assert "Instrument" in act["type"]
    assert act["title"]["en"].startswith("Announcement suspending clause 2")
    assert act["changes"][0]["id"] == "instrument/cn-mofcom-2024-46"
    (clause,) = act["clauses"]
    (effect,) = clause["does"]
    assert (effect["effectType"], effect["from"], effect["untilInclusive"]) == ("suspend", "2025-11-09", "2026-11-27")
    assert re.fullmatch(r"2025-11-09/[0-9]{4}", effect["order"])
    measure = client.get(BAN + ".jsonld").json()
    assert {span["status"] for span in measure["spans"]} == {"pending", "inForce", "suspended"}
    assert measure["appliesTo"] == [{"id": "country/us", "prefLabel": {"en": "United States", "zh": "美国"}}]
    assert measure["destination"] == measure["appliesTo"][0], "what is only named is named wherever it is mentioned"
    assert all(item["controlCode"] for item in measure["item"]), "a list, also of one"


def test_a_json_ld_document_carries_the_part_of_the_context_that_it_needs(client: TestClient) -> None:
    answer = client.get("/context.jsonld")
    assert answer.headers["content-type"] == "application/ld+json; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=86400"
    assert answer.headers["access-control-allow-origin"] == "*"
    whole = answer.json()["@context"]
    assert "@base" not in whole, "names of things begin where a document says so"
    for path in SAMPLE:
        own = client.get(f"{path}.jsonld").json()["@context"]
        assert own.pop("@base") == BASE
        assert {name: told for name, told in own.items() if name not in PREFIXES}.items() <= whole.items(), path
    assert len(own) < len(whole) / 2


def test_the_context_has_a_name_for_each_property_of_the_record(service: Service) -> None:
    """And no name for two of them; what is not in it begins with the vocabulary's own namespace.

    The examples of queries are written in the words of SHACL, with their prefix.
    """
    record = f"SELECT DISTINCT ?p WHERE {{ GRAPH ?g {{ ?s ?p ?o }} FILTER (?g != <{EXAMPLES}>) }}"
    rows = json.loads(service.store.select(record))["results"]["bindings"]
    told = {n: v for n, v in context().items() if n[0] != "@" and not (isinstance(v, dict) and "@reverse" in v)}
    names = {v["@id"] if isinstance(v, dict) else v: n for n, v in told.items()}
    assert len(names) == len(told)
    whole = {str(RDF.type), PREFIXES["dcat"] + "version", PREFIXES["schema"] + "url"}  # written with their prefixes
    for p in {row["p"]["value"] for row in rows} - whole:
        assert compact(p) in names, p


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

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"


@pytest.mark.parametrize(("form", "media"), DOCUMENTS.items())
def test_a_document_has_an_address_of_its_own(client: TestClient, form: str, media: str) -> None:
    """200 for the name of a thing is an answer about it, and Content-Location is what was sent (RFC 9110, 8.7)."""
    answer = client.get(BAN, headers={"Accept": media})
    assert answer.status_code == 200
    assert answer.headers["content-location"] == f"{BAN}.{form}"
    again = client.get(f"{BAN}.{form}")
    assert (again.content, again.headers["etag"]) == (answer.content, answer.headers["etag"])
    refused = client.get(BAN, headers={"Accept": "image/png"})
    assert f'<{BAN}.{form}>; rel="alternate"; type="{media}"' in refused.headers["link"]


def test_a_suffix_goes_before_accept(client: TestClient) -> None:
    answer = client.get(f"{BAN}.ttl", headers={"Accept": "application/ld+json"})
    assert answer.headers["content-type"].startswith("text/turtle")


def test_links_to_the_other_forms_and_to_the_name(client: TestClient) -> None:
    links = client.get(f"{BAN}.ttl").headers["link"]
    assert f'<{BASE.removesuffix("/")}{BAN}>; rel="canonical"' in links
    name = BASE.removesuffix("/") + BAN
    assert f'<{BAN}.ttl>; rel="describedby"; type="text/turtle"; anchor="{name}"' in links
    assert '<https://creativecommons.org/licenses/by/4.0/>; rel="license"' in links
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
    ],
)
def test_redirects(client: TestClient, path: str, to: str) -> None:
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code in (303, 308)
    assert answer.headers["location"] == to


# Names that were given up

FORMER = """
<https://w3id.org/inforce/measure/us-example-old> a inf:FormerName ;
    dcterms:isReplacedBy measure:us-example-gallium-duty ;
    inf:reason "The name told nothing of the goods."@en .

<https://w3id.org/inforce/measure/us-example-never> a inf:FormerName ;
    inf:reason "It was entered by mistake: there is no such measure."@en .
"""


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A made-up record of one act, of which one measure was renamed and another withdrawn."""
    folder = tmp_path_factory.mktemp("renamed")
    shutil.copytree(root() / "ontology", folder / "source" / "ontology")
    heads = "".join(f"@prefix {p}: <{PREFIXES[p]}> .\n" for p in ("inf", "dcterms", "measure"))
    for name, text in {
        "reference/reference.ttl": (TESTS / "shapes" / "reference.ttl").read_text(),
        "us/us-example-2025-1.ttl": (TESTS / "shapes" / "act-title-en" / "pass.ttl").read_text(),
        "reference/former-names.ttl": heads + FORMER,
    }.items():
        file = folder / "source" / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    made = Service.open(build.build(folder / "builds", folder / "source"))
    with TestClient(create(made, today=lambda: TODAY), base_url="http://testserver", follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("us-example-old", EXAMPLE),
        ("us-example-old.ttl", f"{EXAMPLE}.ttl"),
        ("us-example-old?on=2025-06-01", f"{EXAMPLE}?on=2025-06-01"),
        ("us-example-old/on/2025-06-01.nt?knownOn=2025-06-01", f"{EXAMPLE}/on/2025-06-01.nt?knownOn=2025-06-01"),
        ("us-example-old/known/2025-06-01", f"{EXAMPLE}/known/2025-06-01"),
    ],
)
def test_a_former_name_leads_to_the_present_one(renamed: TestClient, old: str, new: str) -> None:
    answer = renamed.get(f"/measure/{old}")
    assert (answer.status_code, answer.headers["location"]) == (301, f"/measure/{new}")
    assert renamed.get(answer.headers["location"], follow_redirects=True).status_code == 200


def test_a_withdrawn_name_says_why(renamed: TestClient) -> None:
    for path in ("/measure/us-example-never", "/measure/us-example-never.ttl", "/timegate/measure/us-example-never"):
        machine = renamed.get(path, headers={"Accept": "text/turtle"})
        assert machine.status_code == 410
        assert machine.json()["type"] == BASE + "problems#gone"
        assert machine.json()["reason"].startswith("It was entered by mistake")
    person = renamed.get("/measure/us-example-never", headers={"Accept": CHROME})
    assert (person.status_code, "It was entered by mistake" in person.text) == (410, True)


def test_a_thing_knows_its_former_names(renamed: TestClient) -> None:
    graph = parsed(renamed.get(f"/measure/{EXAMPLE}.ttl").text, "ttl")
    assert (URIRef(BASE + "measure/us-example-old"), DCTERMS.isReplacedBy, URIRef(f"{BASE}measure/{EXAMPLE}")) in graph
    assert "us-example-old" not in renamed.get("/measure", headers={"Accept": CHROME}).text


# The vocabulary, the rules, the dataset


@pytest.mark.parametrize("form", DOCUMENTS)
def test_a_version_of_the_vocabulary_has_an_address(client: TestClient, service: Service, form: str) -> None:
    (version,) = index(service).versions
    assert version == f"{VOCABULARY}/0.1.0"
    own, latest = client.get(f"/ns/0.1.0.{form}"), client.get(f"/ns.{form}")
    assert own.status_code == 200
    assert own.headers["content-location"] == f"/ns/0.1.0.{form}"
    assert f'<{version}>; rel="canonical"' in own.headers["link"]
    if form != "html":
        assert own.content == latest.content
    assert client.get("/ns/0.2.0", headers={"Accept": "text/turtle"}).status_code == 404


def test_an_earlier_version_of_the_vocabulary_is_that_of_a_build_that_is_kept(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(root() / "ontology", source / "ontology")
    (source / "data").mkdir()
    shutil.copy(TESTS / "shapes" / "reference.ttl", source / "data")
    earlier = build.build(tmp_path / "builds", source)
    file = source / "ontology" / "inforce.ttl"
    text = file.read_text()
    file.write_text(text.replace("ns/0.1.0>", "ns/9.9.9>").replace('versionInfo "0.1.0"', 'versionInfo "9.9.9"'))
    later = Service.open(build.build(tmp_path / "builds", source))
    with TestClient(create(later, today=lambda: TODAY)) as client:
        for version, build_of in {"0.1.0": Service.open(earlier), "9.9.9": later}.items():
            answer = client.get(f"/ns/{version}", headers={"Accept": "text/turtle"})
            assert answer.status_code == 200
            assert answer.content == serialised(build_of, VOCABULARY, "text/turtle")
            assert f'owl:versionInfo "{version}"' in answer.text
            assert client.get(f"/ns/{version}.html").status_code == 200


def test_the_drawing_of_the_vocabulary_shows_what_the_record_holds(client: TestClient, service: Service) -> None:
    page = client.get("/ns.html").text
    for source, name, target in vocabulary.PROPERTIES:
        assert service.store.ask(f"ASK {{ ?s a <{source}> ; <{name}> ?o . ?o a <{target}> }}"), (source, name, target)
        for told in (source, target):
            assert f'<a href="#{told.removeprefix(NS)}"><rect' in page
    assert {cls for s, _, t in vocabulary.PROPERTIES for cls in (s, t)} == set(vocabulary.CLASSES)
    assert len(set(vocabulary.CLASSES.values())) == len(vocabulary.CLASSES)


def test_the_vocabulary_tells_where_the_record_uses_a_term(client: TestClient, service: Service) -> None:
    page = client.get("/ns.html").text
    spans = service.manifest["counts"]["spans"]
    assert f"In the record {spans} times" in page
    assert 'href="/kind/export-licensing"' in page


def test_the_vocabulary_holds_each_of_its_terms(client: TestClient) -> None:
    graph = parsed(client.get("/ns.ttl").text, "ttl")
    assert {str(INF.Measure), str(INF.suspended), str(INF.knownUntil)} <= {str(s) for s in graph.subjects()}
    assert (URIRef(VOCABULARY), RDF.type, URIRef("http://www.w3.org/2002/07/owl#Ontology")) in graph
    assert all(str(s).startswith((NS, VOCABULARY, BASE)) for s in graph.subjects())
