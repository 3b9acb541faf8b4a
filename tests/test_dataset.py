"""What is said of the dataset: by DCAT, VoID, schema.org, sitemap and citation file – checked against standards and counts."""

import hashlib
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import jsonschema
import pyoxigraph as ox
import pyshacl
import pytest
import yaml
from fastapi.testclient import TestClient
from playwright.sync_api import Page
from rdflib import DCTERMS, FOAF, PROV, RDF, RDFS, SKOS, VOID, BNode, Dataset, Graph, Literal, Namespace, URIRef

from conftest import TESTS, TODAY
from inforce import __version__, dataset, void
from inforce.model import BASE
from inforce.record import root
from inforce.service import Service
from inforce.turtle import INF, PREFIXES
from inforce.web.app import create
from inforce.web.description import describe, index
from inforce.web.reply import POLICY
from live import serving

DCAT, SPDX, VOID_EXT = (Namespace(PREFIXES[prefix]) for prefix in ("dcat", "spdx", "void-ext"))
THIS = URIRef(BASE + "dataset")


def local(iri: object) -> str:
    return str(iri).removeprefix(BASE.removesuffix("/"))


@pytest.fixture(scope="module")
def catalogued(client: TestClient) -> Graph:
    return Graph().parse(data=client.get("/dataset.ttl").text, format="turtle")


@pytest.fixture(scope="module")
def counted(client: TestClient) -> Graph:
    return Graph().parse(data=client.get("/void.ttl").text, format="turtle")


# DCAT


def violations(graph: Graph) -> Counter[str]:
    """What the shapes of DCAT-AP 3 find wrong, by path."""
    shapes = Graph().parse(TESTS / "standards" / "dcat-ap-3.0.0-shacl.jsonld", format="json-ld")
    checked = Graph() + graph
    for node in {node for triple in graph for node in triple if isinstance(node, URIRef)}:
        checked.add((node, RDF.type, RDFS.Resource))  # as RDFS has it of everything; the shapes ask for it
    _, report, _ = pyshacl.validate(checked, shacl_graph=shapes, inference="none")
    assert isinstance(report, Graph)
    sh = Namespace("http://www.w3.org/ns/shacl#")
    return Counter(str(report.value(found, sh.resultPath)) for found in report.subjects(RDF.type, sh.ValidationResult))


def test_the_shapes_of_dcat_ap_find_nothing(catalogued: Graph) -> None:
    assert not violations(catalogued)


def test_the_shapes_of_dcat_ap_would_find_something(catalogued: Graph) -> None:
    broken = Graph() + catalogued
    broken.remove((THIS, DCTERMS.title, None))
    broken.remove((THIS, DCTERMS.license, None))
    distribution = broken.value(THIS, DCAT.distribution)
    broken.remove((distribution, DCAT.accessURL, None))
    broken.add((THIS, DCAT.theme, Literal("trade")))
    checksum = broken.value(None, RDF.type, SPDX.Checksum)
    broken.remove((checksum, SPDX.checksumValue, None))
    assert {str(DCTERMS.title), str(DCAT.accessURL), str(DCAT.theme), str(SPDX.checksumValue)} <= set(
        violations(broken)
    )


def test_every_distribution_is_what_it_is_said_to_be(catalogued: Graph, client: TestClient, service: Service) -> None:
    downloads = list(catalogued.subject_objects(DCAT.downloadURL))
    assert {local(url).rpartition("/")[2] for _, url in downloads} == {d.name for d in service.downloads}
    assert len(downloads) > 30
    for node, url in downloads:
        with client.stream("GET", local(url), headers={"Accept-Encoding": "identity"}) as answer:
            content = b"".join(answer.iter_raw())
        assert answer.status_code == 200
        assert int(str(catalogued.value(node, DCAT.byteSize))) == len(content)
        checksum = catalogued.value(node, SPDX.checksum)
        assert catalogued.value(checksum, SPDX.algorithm) == SPDX.checksumAlgorithm_sha256
        assert str(catalogued.value(checksum, SPDX.checksumValue)) == hashlib.sha256(content).hexdigest()
        media, packing, package = (
            catalogued.value(node, p) for p in (DCAT.mediaType, DCAT.compressFormat, DCAT.packageFormat)
        )
        assert str(packing or package or media).endswith("/" + answer.headers["content-type"].partition(";")[0])
        assert client.get(local(catalogued.value(node, DCAT.accessURL))).status_code == 200
    for part in ("sources", "compiled", "tables"):
        assert (THIS, DCTERMS.hasPart, URIRef(f"{THIS}#{part}")) in catalogued
        assert list(catalogued.objects(URIRef(f"{THIS}#{part}"), DCAT.distribution)), part


def test_the_services_answer(catalogued: Graph, client: TestClient) -> None:
    services = {local(catalogued.value(s, DCAT.endpointURL)): local(catalogued.value(s, DCAT.endpointDescription))
                for s in catalogued.subjects(RDF.type, DCAT.DataService)}  # fmt: skip
    assert services == {"/sparql": "/sparql", "/api/": "/openapi.json"}
    assert all(client.get(path).status_code == 200 for path in services.values())
    assert client.get("/sparql", params={"query": "ASK { ?s ?p ?o }"}).json()["boolean"]


def test_who_made_it_and_what_it_covers(catalogued: Graph, service: Service, rdflib_graph: Graph) -> None:
    version = service.manifest["version"]
    assert str(catalogued.value(THIS, DCAT.version)) == version
    assert str(catalogued.value(catalogued.value(THIS, DCTERMS.creator), FOAF.name)) == "The inforce maintainers"
    assert set(catalogued.objects(THIS, DCTERMS.spatial)) == {URIRef(BASE + "country/cn"), URIRef(BASE + "country/us")}
    days = sorted(str(day) for day in rdflib_graph.objects(None, INF.madePublic))
    period = catalogued.value(THIS, DCTERMS.temporal)
    assert [str(catalogued.value(period, p)) for p in (DCAT.startDate, DCAT.endDate)] == [days[0], days[-1]]
    activity = catalogued.value(THIS, PROV.wasGeneratedBy)
    assert __version__ in str(catalogued.value(catalogued.value(activity, PROV.wasAssociatedWith), RDFS.label))
    assert catalogued.value(URIRef(f"{THIS}#compiled"), PROV.wasDerivedFrom) == URIRef(f"{THIS}#sources")
    searched = dict(rdflib_graph.subject_objects(INF.coveredThrough))
    assert dict(catalogued.subject_objects(INF.coveredThrough)) == searched
    assert {BASE + "coverage/cn-mofcom", BASE + "coverage/us"} <= {str(c) for c in searched}
    assert set(catalogued.objects(THIS, DCTERMS.relation)) == set(searched)
    assert not list(catalogued.objects(THIS, DCTERMS.issued)), "no day is known for a version"


def test_versions_follow_each_other(build_folder: Path, tmp_path: Path) -> None:
    now = shutil.copytree(build_folder, tmp_path / build_folder.name)
    earlier = shutil.copytree(build_folder, tmp_path / "0.0.0+earlier")
    for file in ("inforce.nq", "manifest.json"):
        text = (earlier / file).read_text(encoding="utf-8")
        (earlier / file).write_text(text.replace(build_folder.name, earlier.name), encoding="utf-8")
    os.utime(earlier / "manifest.json", (1, 1))
    versions = [dataset.version_iri(version) for version in (build_folder.name, earlier.name)]
    with TestClient(create(Service.open(now), today=lambda: TODAY)) as client:
        graph = Graph().parse(data=client.get("/dataset.ttl").text, format="turtle")
        assert set(graph.objects(THIS, DCAT.hasVersion)) == set(versions)
        assert list(graph.objects(THIS, DCAT.hasCurrentVersion)) == versions[:1]
        assert list(graph.subject_objects(DCAT.previousVersion)) == [tuple(versions)]
        for version in versions:
            there = client.get(local(version), headers={"Accept": "text/turtle"})
            read = Graph().parse(data=there.text, format="turtle")
            assert (version, DCAT.isVersionOf, THIS) in read
            assert str(read.value(version, DCAT.version)) == local(version).rpartition("/")[2]
            assert all(str(url).startswith(f"{version}/dumps/") for url in read.objects(None, DCAT.downloadURL))
            page = client.get(local(version), headers={"Accept": "text/html"}).text
            assert f'href="{local(version)}/dumps/spans.csv"' in page
            assert 'href="/v/0.0.0+earlier"' in page
        assert client.get("/v/9.9.9+none").json()["versions"] == [build_folder.name, earlier.name]
        assert client.get(local(versions[1]) + "?format=nt").headers["content-type"].startswith("application/n-triples")
        assert client.get(local(versions[1]) + "?format=docx").status_code == 422
        assert client.get(local(versions[1]) + "?forma=nt").json()["nearest"] == ["format"]


def test_no_node_is_without_a_name(catalogued: Graph, counted: Graph) -> None:
    assert not any(isinstance(node, BNode) for graph in (catalogued, counted) for triple in graph for node in triple)


def test_a_store_without_downloads_is_described_all_the_same(service: Service) -> None:
    with serving(create(service, today=lambda: TODAY)) as address:
        from inforce import settings

        other = Service.of(settings.load(endpoint=f"{address}/sparql"))
        assert other.downloads == []
        found = describe(other, str(THIS))
        assert not list(found.objects(None, DCAT.downloadURL))
        assert not violations(found)
        assert set(describe(other, void.DESCRIPTION)) >= set(void.of(service.store, service.folder))
        with TestClient(create(other, today=lambda: TODAY)) as remote:
            for path in ("/dumps/spans.csv", "/dumps/SHA256SUMS", "/datapackage.json"):
                assert remote.get(path).status_code == 404, path
            assert "keeps no downloads" in remote.get("/dataset", headers={"Accept": "text/html"}).text


# VoID: counted again by rdflib, without SPARQL


def number(graph: Graph, subject: object, predicate: URIRef) -> int:
    return int(str(graph.value(subject, predicate)))  # type: ignore[call-overload]


def test_the_totals_are_true(counted: Graph, rdflib_graph: Graph) -> None:
    assert number(counted, THIS, VOID.triples) == len(rdflib_graph)
    assert number(counted, THIS, VOID.distinctSubjects) == len(set(rdflib_graph.subjects()))
    assert number(counted, THIS, VOID.distinctObjects) == len(set(rdflib_graph.objects()))
    assert number(counted, THIS, VOID.properties) == len(set(rdflib_graph.predicates()))
    assert number(counted, THIS, VOID.classes) == len(set(rdflib_graph.objects(None, RDF.type)))
    entities = {s for s in rdflib_graph.subjects() if re.search(str(counted.value(THIS, VOID.uriRegexPattern)), str(s))}
    assert number(counted, THIS, VOID.entities) == len(entities)
    assert all(str(s).startswith(str(counted.value(THIS, VOID.uriSpace))) for s in entities)
    examples = set(counted.objects(THIS, VOID.exampleResource))
    assert len(examples) == 3
    assert examples <= set(rdflib_graph.subjects())


def test_the_partitions_are_true(counted: Graph, rdflib_graph: Graph) -> None:
    properties = {counted.value(part, VOID.property): part for part in counted.objects(THIS, VOID.propertyPartition)}
    assert set(properties) == set(rdflib_graph.predicates())
    for p, part in properties.items():
        triples = list(rdflib_graph.subject_objects(p))  # type: ignore[arg-type]
        assert number(counted, part, VOID.triples) == len(triples), p
        assert number(counted, part, VOID.distinctSubjects) == len({s for s, _ in triples}), p
        assert number(counted, part, VOID.distinctObjects) == len({o for _, o in triples}), p
    classes = {counted.value(part, VOID["class"]): part for part in counted.objects(THIS, VOID.classPartition)}
    assert set(classes) == set(rdflib_graph.objects(None, RDF.type))
    for cls, part in classes.items():
        members = set(rdflib_graph.subjects(RDF.type, cls))
        assert number(counted, part, VOID.entities) == len(members), cls
        wanted = Counter(p for s in members for p in rdflib_graph.predicates(s))
        found = {counted.value(each, VOID.property): number(counted, each, VOID.triples)
                 for each in counted.objects(part, VOID.propertyPartition)}  # fmt: skip
        assert found == wanted, cls


def test_where_the_properties_of_a_class_lead(counted: Graph, rdflib_graph: Graph) -> None:
    """In the form of SIB: below a property of a class, the classes and the datatypes of its values."""
    store = ox.Store()
    store.load(counted.serialize(format="nt", encoding="utf-8"), format=ox.RdfFormat.N_TRIPLES)
    rows = store.query(
        f"""PREFIX void: <{VOID}> PREFIX void-ext: <{VOID_EXT}> SELECT ?class ?property ?target ?n WHERE {{
          ?dataset void:classPartition ?c . ?c void:class ?class ; void:propertyPartition ?p . ?p void:property ?property .
          {{ ?p void:classPartition ?t . ?t void:class ?target }}
          UNION {{ ?p void-ext:datatypePartition ?t . ?t void-ext:datatype ?target }}
          ?t void:triples ?n }}"""
    )
    assert isinstance(rows, ox.QuerySolutions)
    found = {
        tuple(URIRef(row[name].value) for name in ("class", "property", "target")): int(row["n"].value) for row in rows
    }
    wanted: Counter[tuple[object, ...]] = Counter()
    for s, cls in rdflib_graph.subject_objects(RDF.type):
        for p, o in rdflib_graph.predicate_objects(s):
            if isinstance(o, Literal):
                wanted[
                    cls,
                    p,
                    RDF.langString if o.language else o.datatype or URIRef("http://www.w3.org/2001/XMLSchema#string"),
                ] += 1
            else:
                wanted.update((cls, p, target) for target in rdflib_graph.objects(o, RDF.type))
    assert found == wanted
    assert found[INF.Measure, INF.kind, INF.Kind] == 151


def test_the_links_are_true(counted: Graph, rdflib_graph: Graph) -> None:
    links = {}
    for part in counted.subjects(RDF.type, VOID.Linkset):
        assert (THIS, VOID.subset, part) in counted
        assert counted.value(part, VOID.subjectsTarget) == THIS
        space = str(counted.value(counted.value(part, VOID.objectsTarget), VOID.uriSpace))
        links[counted.value(part, VOID.linkPredicate), space] = number(counted, part, VOID.triples)
    for (p, space), count in links.items():
        found = [
            o
            for o in rdflib_graph.objects(None, p)
            if str(o).startswith(space) and not re.search("[/#]", str(o)[len(space) :])
        ]
        assert len(found) == count, (p, space)
    wikidata = [
        o for o in rdflib_graph.objects(None, SKOS.exactMatch) if str(o).startswith("http://www.wikidata.org/entity/")
    ]
    assert links[SKOS.exactMatch, "http://www.wikidata.org/entity/"] == len(wikidata) > 50


def test_the_vocabularies_are_those_that_are_used(counted: Graph, rdflib_graph: Graph) -> None:
    used = {*rdflib_graph.predicates(), *rdflib_graph.objects(None, RDF.type)}
    spaces = {re.sub(r"[^/#]*$", "", str(term)) for term in used}
    assert {str(v) for v in counted.objects(THIS, VOID.vocabulary)} == spaces


def test_void_is_well_known(client: TestClient, counted: Graph) -> None:
    answer = client.get("/.well-known/void", headers={"Accept": "text/turtle"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "/void")
    read = Graph().parse(data=client.get("/.well-known/void", headers={"Accept": "text/turtle"}).text, format="turtle")
    assert set(read) == set(counted)
    description = URIRef(BASE + "void")
    assert (description, RDF.type, VOID.DatasetDescription) in counted
    assert counted.value(description, FOAF.primaryTopic) == THIS
    assert counted.value(THIS, VOID.sparqlEndpoint) == URIRef(BASE + "sparql")
    assert {local(url).rpartition(".")[0].rpartition("/")[2] for url in counted.objects(THIS, VOID.dataDump)} == {
        f"inforce.{form}" for form in ("nq", "trig", "ttl", "jsonld")
    }


def test_counting_a_store_gives_what_its_build_keeps(service: Service) -> None:
    kept = void.of(service.store, service.folder)
    assert set(void.of(service.store, None)) == set(kept)
    assert len(kept) > 4000


# schema.org, in the page of the dataset


@pytest.fixture(scope="module")
def markup(client: TestClient) -> dict[str, object]:
    text = client.get("/dataset", headers={"Accept": "text/html"}).text
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    read: dict[str, object] = json.loads(found)
    return read


def test_search_engines_read_what_they_need(markup: dict[str, object], service: Service) -> None:
    """What Google asks of a dataset: a name, a description of 50 to 5000 characters, a licence, downloads, a creator."""
    assert (markup["@context"], markup["@type"], markup["@id"]) == ("https://schema.org/", "Dataset", str(THIS))
    assert 50 <= len(str(markup["description"])) <= 5000
    assert markup["version"] == service.manifest["version"]
    assert markup["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert markup["creator"]["name"] == "The inforce maintainers"  # type: ignore[index]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d/\d{4}-\d\d-\d\d", str(markup["temporalCoverage"]))
    assert [place["name"] for place in markup["spatialCoverage"]] == ["China", "United States"]  # type: ignore[attr-defined]
    files = {file["contentUrl"]: file["sha256"] for file in markup["distribution"]}  # type: ignore[attr-defined]
    assert files == {str(dataset.address(service.manifest["version"], d.name)): d.sha256 for d in service.downloads}


def test_the_markup_cannot_end_its_element(client: TestClient) -> None:
    text = client.get("/dataset", headers={"Accept": "text/html"}).text
    inside = text.partition('<script type="application/ld+json">')[2].partition("</script>")[0]
    assert "<" not in inside


def test_a_browser_lets_the_markup_be(page: Page) -> None:
    """The policy of the pages allows no script inline; a block of data is none, and stays readable."""
    answer = page.goto("/dataset")
    assert answer is not None
    assert answer.headers["content-security-policy"] == POLICY
    assert "unsafe-inline" not in POLICY
    read = page.evaluate(
        """() => JSON.parse(document.querySelector('script[type="application/ld+json"]').textContent)"""
    )
    assert read["@type"] == "Dataset"
    with page.expect_download() as started:
        page.click("text=spans.csv")
    with started.value.path().open(encoding="utf-8") as file:
        assert file.readline().startswith("span,measure,label,status")


def test_the_page_of_the_dataset_shows_each_file(client: TestClient, service: Service) -> None:
    text = client.get("/dataset", headers={"Accept": "text/html"}).text
    for download in service.downloads:
        assert f"/dumps/{download.name}" in text
        assert download.sha256 in text
    assert 'href="/versions"' in text
    assert "the first day in law; empty: since ever" in text, "columns are explained"


def test_the_page_of_the_counts_is_readable(client: TestClient) -> None:
    text = client.get("/void", headers={"Accept": "text/html"}).text
    assert "inf:Measure – 151 things" in text
    assert "http://www.wikidata.org/entity/" in text


# Sitemap, robots, citation


def test_the_sitemap_lists_the_documents(client: TestClient, service: Service) -> None:
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    answer = client.get("/sitemap.xml")
    assert answer.headers["content-type"].startswith("application/xml")
    tree = ElementTree.fromstring(answer.content)
    places = [str(loc.text) for loc in tree.iter(f"{space}loc")]
    assert tree.tag == f"{space}urlset"
    assert len(places) == len(set(places)) < 50_000
    assert all(place.startswith("http://testserver/") for place in places)
    paths = {place.removeprefix("http://testserver") for place in places}
    wanted = {local(iri) for iri in index(service).documents if not iri.startswith(BASE + "graph")}
    assert paths == wanted | {"/", "/queries", "/docs", "/sparql"}
    for path in sorted(paths)[:: len(paths) // 40]:
        assert client.get(path, headers={"Accept": "text/html"}).status_code == 200, path


def test_the_sitemap_lists_each_language(client: TestClient) -> None:
    space, link = "{http://www.sitemaps.org/schemas/sitemap/0.9}", "{http://www.w3.org/1999/xhtml}link"
    answer = client.get("/sitemap.xml")
    assert len(answer.content) < 2_000_000
    pages = ElementTree.fromstring(answer.content).findall(f"{space}url")
    for page in pages:
        at = page.findtext(f"{space}loc")
        others = {each.get("hreflang"): each.get("href") for each in page.findall(link)}
        assert others == {"x-default": at, "en": f"{at}?lang=en", "zh-Hans": f"{at}?lang=zh"}
    for page in pages[:: len(pages) // 10]:
        for each in page.findall(link)[1:]:
            answer = client.get(each.get("href", ""), headers={"Accept": "text/html"})
            client.cookies.clear()
            assert (answer.status_code, answer.headers["content-language"]) == (200, each.get("hreflang"))


def test_robots_walk_documents_and_not_answers(client: TestClient) -> None:
    text = client.get("/robots.txt").text
    robots = RobotFileParser()
    robots.parse(text.splitlines())
    assert robots.site_maps() == ["http://testserver/sitemap.xml"]
    assert robots.can_fetch("*", "http://testserver/measure/cn-gallium-licensing")
    assert robots.can_fetch("*", "http://testserver/dataset")
    assert robots.can_fetch("*", "http://testserver/dumps/spans.csv")
    assert not robots.can_fetch("*", "http://testserver/api/in-force?on=2025-01-01")
    assert not robots.can_fetch("*", "http://testserver/sparql?query=ASK%7B%7D")


@pytest.fixture(scope="module")
def citation() -> Iterator[dict[str, object]]:
    file = TESTS.parent / "CITATION.cff"
    yield yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def test_the_citation_file_is_valid(citation: dict[str, object]) -> None:
    schema = json.loads((TESTS / "standards" / "cff-1.2.0-schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(citation, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**citation, "license": "CC-BY"}, schema)


def test_the_citation_file_says_what_the_dataset_says(citation: dict[str, object]) -> None:
    assert citation["version"] == __version__
    assert citation["type"] == "dataset"
    assert citation["license"] == dataset.LICENCE_ID
    assert citation["keywords"] == list(dataset.KEYWORDS)
    assert citation["authors"] == [{"name": dataset.CREATOR}]
    assert citation["url"] == BASE
    assert "date-released" not in citation, "NEWS.md: unreleased"
    assert (
        "unreleased"
        in (TESTS.parent / "NEWS.md").read_text(encoding="utf-8").split(f"## {__version__}")[1].splitlines()[0]
    )
    assert "SPDX-License-Identifier: CC-BY-4.0" in (root() / "data" / "LICENSE").read_text(encoding="utf-8")


def test_the_description_in_every_form_is_one(client: TestClient, catalogued: Graph) -> None:
    read = Dataset()
    read.parse(data=client.get("/dataset.jsonld").text, format="json-ld")
    assert {(s, p, o) for s, p, o, _ in read.quads()} == set(catalogued)


# The service description of the endpoint


SD = Namespace("http://www.w3.org/ns/sparql-service-description#")


@pytest.fixture(scope="module")
def endpoint(client: TestClient) -> Graph:
    return Graph().parse(data=client.get("/sparql", headers={"Accept": "text/turtle"}).text, format="turtle")


def test_the_endpoint_describes_what_it_holds(endpoint: Graph, counted: Graph, build_folder: Path) -> None:
    (service,) = endpoint.subjects(RDF.type, SD.Service)
    assert set(endpoint.objects(service, SD.endpoint)) == {URIRef(BASE + "sparql"), URIRef("http://testserver/sparql")}
    assert list(endpoint.objects(service, SD.supportedLanguage)) == [SD.SPARQL11Query]
    assert list(endpoint.objects(service, SD.feature)) == [SD.UnionDefaultGraph]
    assert not list(endpoint.objects(service, SD.languageExtension))
    held = endpoint.value(service, SD.defaultDataset)
    default = endpoint.value(held, SD.defaultGraph)
    assert default == THIS
    access = (VOID.dataDump, VOID.sparqlEndpoint)
    about = {(s, p, o) for s, p, o in counted if s != URIRef(BASE + "void") and p not in access}
    assert about <= set(endpoint)
    wanted = Counter(
        quad.graph_name.value
        for quad in ox.parse((build_folder / "inforce.nq").read_bytes(), format=ox.RdfFormat.N_QUADS)
    )  # type: ignore[union-attr]
    graphs = {}
    for entry in endpoint.objects(held, SD.namedGraph):
        graphs[str(endpoint.value(entry, SD.name))] = number(endpoint, endpoint.value(entry, SD.graph), VOID.triples)
    assert graphs == wanted


def test_the_formats_it_names_are_those_that_it_gives(endpoint: Graph, client: TestClient) -> None:
    named = {str(form).rpartition("/")[2] for form in endpoint.objects(None, SD.resultFormat)}
    asked = {
        "SPARQL_Results_JSON": ("SELECT * { ?s ?p ?o } LIMIT 1", "application/sparql-results+json"),
        "SPARQL_Results_XML": ("ASK { ?s ?p ?o }", "application/sparql-results+xml"),
        "SPARQL_Results_CSV": ("SELECT * { ?s ?p ?o } LIMIT 1", "text/csv"),
        "SPARQL_Results_TSV": ("SELECT * { ?s ?p ?o } LIMIT 1", "text/tab-separated-values"),
        "Turtle": ("CONSTRUCT WHERE { ?s ?p ?o } LIMIT 1", "text/turtle"),
        "JSON-LD": ("CONSTRUCT WHERE { ?s ?p ?o } LIMIT 1", "application/ld+json"),
        "N-Triples": ("CONSTRUCT WHERE { ?s ?p ?o } LIMIT 1", "application/n-triples"),
        "RDF_XML": ("CONSTRUCT WHERE { ?s ?p ?o } LIMIT 1", "application/rdf+xml"),
        "TriG": ("CONSTRUCT WHERE { ?s ?p ?o } LIMIT 1", "application/trig"),
    }
    assert named == set(asked)
    for query, media in asked.values():
        answer = client.get("/sparql", params={"query": query}, headers={"Accept": media})
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == media


@pytest.mark.parametrize("media", ["application/ld+json", "application/n-triples", "application/rdf+xml"])
def test_the_endpoint_describes_itself_in_every_form(media: str, endpoint: Graph, client: TestClient) -> None:
    answer = client.get("/sparql", headers={"Accept": media})
    assert answer.headers["content-type"].partition(";")[0] == media
    assert len(Graph().parse(data=answer.text, format=media)) == len(endpoint)
