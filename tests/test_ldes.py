"""The stream of effects: a client of others replays it to exactly the effects of the record."""

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyoxigraph as ox
import pytest
from fastapi.testclient import TestClient
from pyshacl import validate
from rdflib import DCTERMS, PROV, RDF, Dataset, Graph, Namespace, URIRef

from conftest import TODAY
from inforce.model import BASE, NS
from inforce.record import root
from inforce.service import Service
from inforce.turtle import INF, PREFIXES
from inforce.web.app import create
from inforce.web.negotiate import GRAPHS
from live import on_node, serving

TREE, LDES = Namespace(PREFIXES["tree"]), Namespace(PREFIXES["ldes"])
GALLIUM = "?material=gallium"


@pytest.fixture(scope="module")
def address(service: Service) -> Iterator[str]:
    with serving(create(service, today=lambda: TODAY)) as address:
        yield address


@pytest.fixture(scope="module")
def record_effects(service: Service) -> dict[str, set[str]]:
    """What the record says of each effect, as N-Triples of its subject – save its place in the order of this build."""
    said: dict[str, set[str]] = defaultdict(set)
    triples = service.store.construct(f"CONSTRUCT {{ ?e ?p ?o }} WHERE {{ ?e a <{NS}Effect> ; ?p ?o }}")
    for triple in ox.parse(triples, format=ox.RdfFormat.N_TRIPLES):
        if triple.predicate.value != NS + "order":
            said[triple.subject.value].add(f"{triple.subject} {triple.predicate} {spelled(triple.object)}")
    return said


def spelled(term: Any) -> str:
    """A term as the script on Node spells it."""
    if isinstance(term, ox.NamedNode):
        return f"<{term.value}>"
    end = f"@{term.language}" if term.language else f"^^<{term.datatype.value}>"
    value = term.value
    if term.datatype.value.endswith("#decimal") and "." not in value:  # as our RDF writes it: 10.0
        value += ".0"
    return json.dumps(value, ensure_ascii=False) + end


def replayed(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in on_node("replay.js", *arguments).splitlines()]


def test_a_client_replays_the_record(address: str, record_effects: dict[str, set[str]]) -> None:
    """Materialised, that is with each version said of what it is a version of: the very statements of the record."""
    members = replayed(f"{address}/feeds/effects", "none", "materialize")
    assert len(members) == len(record_effects) == 319
    found = {}
    for member in members:
        generated = [t for t in member["triples"] if f"<{PROV.generatedAtTime}>" in t]
        assert len(generated) == 1
        found[member["id"]] = set(member["triples"]) - set(generated)
    assert found == record_effects


def test_a_client_replays_a_version_in_order(
    address: str, service: Service, record_effects: dict[str, set[str]]
) -> None:
    members = replayed(f"{address}/v/{service.manifest['version']}/feeds/effects", "ascending")
    times = [member["timestamp"] for member in members]
    assert times == sorted(times)
    assert times[0] == "2018-03-31T16:00:00.000Z", "1 April 2018 in Beijing"
    versions = [
        line.rpartition(" ")[2][1:-1] for m in members for line in m["triples"] if f"<{DCTERMS.isVersionOf}>" in line
    ]
    assert sorted(versions) == sorted(record_effects)
    assert len({member["id"] for member in members}) == len(members)


def test_a_client_replays_a_part(address: str, service: Service) -> None:
    members = replayed(f"{address}/feeds/effects{GALLIUM}")
    graph = Graph().parse(data=service.ask("effects", {"material": ["gallium"]}, TODAY).results, format="nt")
    wanted = {str(effect) for effect in graph.subjects()}
    ours = {
        line.rpartition(" ")[2][1:-1] for m in members for line in m["triples"] if f"<{DCTERMS.isVersionOf}>" in line
    }
    assert ours == wanted
    assert 50 < len(wanted) < 319


# The pages


def graph_of(client: TestClient, path: str) -> Graph:
    answer = client.get(path, headers={"Accept": "application/n-triples"})
    assert answer.status_code == 200, answer.text
    return Graph().parse(data=answer.text, format="nt")


def pages(client: TestClient, root_: str) -> tuple[Graph, dict[str, Graph]]:
    """The first page of a stream, and those to which it leads."""
    first = graph_of(client, root_)
    nodes = {str(node) for node in first.objects(None, TREE.node)}
    return first, {node: graph_of(client, node.removeprefix("http://testserver")) for node in sorted(nodes)}


@pytest.fixture(scope="module")
def whole(client: TestClient) -> tuple[Graph, dict[str, Graph]]:
    return pages(client, "/feeds/effects")


@pytest.mark.parametrize("query", ["", "?material=gallium&kind=export-measure"])  # in no order of names
def test_the_first_page_tells_which_page_holds_what(
    query: str, client: TestClient, whole: tuple[Graph, dict[str, Graph]]
) -> None:
    first, found = pages(client, f"/feeds/effects{query}") if query else whole
    (stream,) = first.subjects(RDF.type, LDES.EventStream)
    view = URIRef(f"http://testserver/feeds/effects{query}")
    assert set(first.objects(stream, TREE.view)) == {view}
    relations = list(first.objects(view, TREE.relation))
    assert len(relations) == 2 * len(found)
    for relation in relations:
        (kind,) = first.objects(relation, RDF.type)
        (node,) = first.objects(relation, TREE.node)
        (bound,) = (value.toPython() for value in first.objects(relation, TREE.value))
        assert list(first.objects(relation, TREE.path)) == [PROV.generatedAtTime]
        times = [time.toPython() for time in found[str(node)].objects(None, PROV.generatedAtTime)]
        assert times
        if kind == TREE.GreaterThanOrEqualToRelation:
            assert all(time >= bound for time in times)
        else:
            assert kind == TREE.LessThanRelation
            assert all(time < bound for time in times)
    for node, graph in found.items():
        assert set(graph.objects(stream, TREE.view)) == {view}
        assert (URIRef(node), RDF.type, TREE.Node) in graph
        members = set(graph.objects(stream, TREE.member))
        assert members == set(graph.subjects(RDF.type, INF.Effect))
        # The name of a member leads to the page that holds it.
        assert {str(m).partition("#")[0].replace(BASE, "http://testserver/") + query for m in members} == {node}


def test_every_member_keeps_to_the_shape(whole: tuple[Graph, dict[str, Graph]]) -> None:
    first, found = whole
    (shape,) = first.objects(None, TREE.shape)
    assert shape == URIRef(f"{BASE}feeds/effects#shape")
    members = Graph()
    for graph in found.values():
        members += graph
    assert validate(members, shacl_graph=first)[0]
    few = Graph() + found["http://testserver/feeds/effects/2018"]
    few.remove((next(few.subjects(RDF.type, INF.Effect)), INF.clause, None))
    assert not validate(few, shacl_graph=first)[0]


@pytest.mark.parametrize("path", ["/feeds/effects", "/feeds/effects/2018", "/feeds/effects/2026?material=gallium"])
def test_all_forms_say_the_same(path: str, client: TestClient) -> None:
    wanted = set(Graph().parse(data=client.get(path, headers={"Accept": "application/n-triples"}).content, format="nt"))
    assert len(wanted) > 40
    for form, media in {**GRAPHS, "nq": "application/n-quads"}.items():
        plain, _, query = path.partition("?")
        by_suffix = client.get(f"{plain}.{form}?{query}")
        negotiated = client.get(path, headers={"Accept": media})
        assert by_suffix.content == negotiated.content
        assert negotiated.headers["content-type"].startswith(media)
        if form == "html":
            continue
        assert negotiated.headers["vary"] == "Accept, Accept-Encoding"
        dataset = Dataset()
        dataset.parse(data=negotiated.content, format=media)
        assert {(s, p, o) for s, p, o, _ in dataset.quads()} == wanted, form


def test_people_see_a_page(client: TestClient) -> None:
    first = client.get("/feeds/effects", headers={"Accept": "text/html,*/*;q=0.1"}).text
    assert "319 effects in 9 pages" in first
    assert '<a href="http://testserver/feeds/effects/2025">2025</a>, 184 effects' in first
    year = client.get("/feeds/effects/2018.html").text
    assert year.count('<tr id="') == 10
    assert 'id="cn-sctc-2018-notice-13.whole-establish-part1.' in year, "the place that the name of a member leads to"


# What changes and what does not


def test_only_a_version_is_immutable(client: TestClient, service: Service) -> None:
    live, frozen = "/feeds/effects", f"/v/{service.manifest['version']}/feeds/effects"
    for path in (live, live + "/2018"):
        answer = client.get(path)
        assert answer.headers["cache-control"] == "public, max-age=0, must-revalidate"
        assert client.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        graph = Graph().parse(data=answer.text, format="turtle")
        assert not list(graph.objects(None, LDES.immutable))
        assert not list(graph.objects(None, LDES.timestampPath)), "an act may be found late: no order is promised"
    for path in (frozen, frozen + "/2018"):
        answer = client.get(path)
        assert answer.headers["cache-control"].endswith("immutable")
        assert list(Graph().parse(data=answer.text, format="turtle").objects(None, LDES.immutable))
    first = graph_of(client, frozen)
    (stream,) = first.subjects(RDF.type, LDES.EventStream)
    assert list(first.objects(stream, LDES.timestampPath)) == [PROV.generatedAtTime]
    assert (URIRef(f"{BASE}feeds/effects#stream"), DCTERMS.hasVersion, stream) in first
    members = {m for page in (live, frozen) for m in graph_of(client, page + "/2018").objects(None, TREE.member)}
    assert len(members) == 10, "the same members in both"


def test_a_correction_is_a_new_version_of_the_effect(
    tmp_path_factory: pytest.TempPathFactory, whole: tuple[Graph, dict[str, Graph]]
) -> None:
    """A date of ours was wrong: the effect gets a new member, all others keep theirs, and the old version keeps its own."""
    folder = tmp_path_factory.mktemp("corrected")
    for part in ("ontology", "data/reference"):
        shutil.copytree(root() / part, folder / part)
    (folder / "data" / "cn").mkdir()
    for act in ("2024-46", "2025-72"):
        shutil.copy(root() / "data" / "cn" / f"cn-mofcom-{act}.ttl", folder / "data" / "cn")
    builds = tmp_path_factory.mktemp("corrected-builds")
    wrong = Service.of_current_build(builds, folder)
    file = folder / "data" / "cn" / "cn-mofcom-2025-72.ttl"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('untilInclusive "2026-11-27"', 'untilInclusive "2026-11-26"'), encoding="utf-8")
    mended = Service.of_current_build(builds, folder)
    streams = []
    for service in (wrong, mended):
        with TestClient(create(service, today=lambda: TODAY), base_url="http://testserver") as there:
            _, found = pages(there, "/feeds/effects")
            graph = sum(found.values(), Graph())
            streams.append({str(o): str(s) for s, o in graph.subject_objects(DCTERMS.isVersionOf)})
    before, after = streams
    assert before.keys() == after.keys()
    changed = {effect for effect in before if before[effect] != after[effect]}
    assert changed == {f"{BASE}instrument/cn-mofcom-2025-72#whole-suspend"}
    with TestClient(create(mended, today=lambda: TODAY), base_url="http://testserver") as there:
        _, found = pages(there, f"/v/{wrong.manifest['version']}/feeds/effects")
        kept = {str(m) for graph in found.values() for m in graph.objects(None, TREE.member)}
    assert kept == set(before.values())
    # A build with other acts around it gives the same members: they depend on nothing but what is said of the effect.
    here = {str(m) for graph in whole[1].values() for m in graph.objects(None, TREE.member)}
    assert before[f"{BASE}instrument/cn-mofcom-2025-72#whole-suspend"] in here


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/feeds/effects?matrial=gallium", 422, "material"),
        ("/feeds/effects?material=galium", 422, "gallium"),
        ("/feeds/effects?from=2025-01-01", 422, "material"),
        ("/feeds/effects?lang=zh", 422, ""),
        ("/feeds/effects/1066", 404, "2026"),
        ("/feeds/effects.xlsx", 404, "ttl"),
        ("/v/0.0.0/feeds/effects", 404, "versions"),
    ],
)
def test_what_cannot_be_answered_is_told(path: str, status: int, told: str, client: TestClient) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert told in answer.text
    assert client.get("/feeds/effects", headers={"Accept": "image/png"}).status_code == 406
