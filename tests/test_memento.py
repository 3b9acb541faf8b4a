"""States on a day as documents, and earlier states of documents by the Memento protocol (RFC 7089)."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from fastapi.testclient import TestClient
from memento_client import MementoClient
from rdflib import DCTERMS, PROV, RDF, RDFS, SKOS, Graph, Literal, URIRef

from conftest import TODAY, scenarios
from inforce.model import BASE, OPEN
from inforce.service import Service
from inforce.turtle import ELI, INF
from inforce.web.app import create
from inforce.web.description import describe, index
from inforce.web.known import days, known
from live import serving

BAN = "/measure/cn-us-ga-ge-sb-superhard-ban"
FENTANYL = "/measure/us-ieepa-fentanyl-cn"
ACT = "/instrument/cn-mofcom-2024-46"
CHANGED = [BAN, FENTANYL, ACT, "/instrument/us-eo-14257", "/measure/cn-five-rare-earths-2025"]


@pytest.fixture(scope="module")
def host(service: Service) -> Iterator[str]:
    """The record behind a real server."""
    with serving(create(service, today=lambda: TODAY)) as address:
        yield address


def graph(client: TestClient, path: str) -> Graph:
    answer = client.get(path, headers={"Accept": "text/turtle"})
    assert answer.status_code == 200, answer.text
    return Graph().parse(data=answer.text, format="turtle")


# The state of a day


def test_a_state_says_what_holds_and_why(client: TestClient) -> None:
    at = f"{BAN}/on/2025-11-15?knownOn=2025-11-15"
    found, this = graph(client, at), URIRef(BASE + at.removeprefix("/"))
    said = {(p, o) for p, o in found.predicate_objects(this)}
    assert {
        (RDF.type, INF.State),
        (PROV.specializationOf, URIRef(BASE + BAN.removeprefix("/"))),
        (INF.status, INF.suspended),
        (INF.on, Literal(date(2025, 11, 15))),
        (INF.knownOn, Literal(date(2025, 11, 15))),
        (INF["from"], Literal(date(2025, 11, 9))),
        (INF.until, Literal(date(2026, 11, 28))),
        (INF.decidedBy, URIRef(BASE + "instrument/cn-mofcom-2025-72#whole-suspend")),
    } <= said
    for effect in found.objects(this, INF.because):
        clause, source = found.value(effect, INF.clause), found.value(effect, PROV.hadPrimarySource)
        assert found.value(clause, INF.summary)
        assert found.value(source, DCTERMS.publisher)
    assert not list(found.subjects(RDF.type, INF.Span)), "one state, not the timeline"


def test_what_only_a_later_act_says_is_in_no_state_of_before(client: TestClient) -> None:
    """Known a day earlier, the same day looks otherwise, and nothing speaks of the act to come."""
    before = client.get(f"{BAN}/on/2025-11-15.ttl?knownOn=2025-11-08").text
    after = client.get(f"{BAN}/on/2025-11-15.ttl?knownOn=2025-11-09").text
    assert ("inf:status inf:inForce" in before, "inf:status inf:suspended" in after) == (True, True)
    assert ("cn-mofcom-2025-72" in before, "cn-mofcom-2025-72" in after) == (False, True)
    assert "suspend" not in before


def test_states_agree_with_the_scenarios(client: TestClient) -> None:
    """A sample of the lawyers' table, through the documents."""
    rows = [row for row in scenarios() if row["on"] and row["status"] != "unknown"][::60]
    assert len(rows) > 15
    for row in rows:
        at = f"/measure/{row['measure']}/on/{row['on']}?knownOn={row['knownOn']}"
        found = graph(client, at)
        assert found.value(URIRef(BASE + at.removeprefix("/")), INF.status) == INF[row["status"]], at


def test_a_state_has_one_address(client: TestClient) -> None:
    """Without a day of knowledge it leads to the one with today's; forms, links and tags are as for any document."""
    short = client.get(f"{BAN}/on/2025-11-15.ttl", follow_redirects=False)
    assert short.status_code == 307
    assert short.headers["location"] == f"{BAN}/on/2025-11-15.ttl?knownOn={TODAY}"
    assert short.headers["cache-control"] == "no-store"
    at = f"{BAN}/on/2025-11-15"
    answer = client.get(f"{at}?knownOn=2025-11-15", headers={"Accept": "application/ld+json"})
    assert answer.headers["content-location"] == f"{at}.jsonld?knownOn=2025-11-15"
    name = BASE.removesuffix("/") + f"{at}?knownOn=2025-11-15"
    assert f'<{name}>; rel="canonical"' in answer.headers["link"]
    assert f'<{at}.nt?knownOn=2025-11-15>; rel="alternate"; type="application/n-triples"' in answer.headers["link"]
    assert BASE + answer.json()["id"] == name
    tag = answer.headers["etag"]
    again = client.get(f"{at}?knownOn=2025-11-15", headers={"Accept": "application/ld+json", "If-None-Match": tag})
    assert again.status_code == 304
    page = client.get(f"{at}?knownOn=2025-11-15", headers={"Accept": "text/html"}).text
    assert f'href="{at}.ttl?knownOn=2025-11-15"' in page
    assert "suspended" in page and "cn-mofcom-2025-72" in page


def test_a_state_of_a_version_stays(client: TestClient, service: Service) -> None:
    """The link to cite leads to the same bytes, which caches may keep for good."""
    answer = client.get(f"{BAN}/on/2025-11-15.ttl?knownOn=2025-11-15")
    (cited,) = re.findall(r'<(/v/[^>]+)>; rel="cite-as"', answer.headers["link"])
    assert cited == f"/v/{service.manifest['version']}{BAN}/on/2025-11-15?knownOn=2025-11-15"
    frozen = client.get(cited, headers={"Accept": "text/turtle"})
    assert frozen.content == answer.content
    assert "immutable" in frozen.headers["cache-control"]
    assert "immutable" not in answer.headers["cache-control"]
    assert "immutable" not in client.get(cited, headers={"Accept": "text/html"}).headers["cache-control"]
    assert client.get("/v/0.0.0/measure/x/on/2025-11-15").status_code == 404


@pytest.mark.parametrize(
    ("path", "status", "named"),
    [
        (f"{BAN}/on/2025-11-31?knownOn=2025-11-15", 422, "on"),
        (f"{BAN}/on/yesterday", 422, "on"),
        (f"{BAN}/on/2025-11-15?knownOn=soon", 422, "knownOn"),
        (f"{BAN}/on/2025-11-15?knownOn=2025-11-15&knownOn=2025-11-16", 422, "knownOn"),
        (f"{BAN}/on/2025-11-15?knownon=2025-11-15&knownOn=2025-11-15", 422, "knownon"),
        (f"{BAN}/on/2024-12-24?knownOn=2024-12-02", 404, "2024-12-02"),
        ("/measure/cn-galium-licensing/on/2025-11-15", 404, "cn-gallium-licensing"),
    ],
)
def test_what_has_no_state_is_told(client: TestClient, path: str, status: int, named: str) -> None:
    answer = client.get(path, headers={"Accept": "text/turtle"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in json.dumps(answer.json())
    assert client.get(path, headers={"Accept": "text/html"}).status_code == status


def test_a_state_beyond_what_was_searched_says_so(client: TestClient) -> None:
    at = f"{BAN}/on/2026-11-20?knownOn=2026-11-20"
    notes = list(graph(client, at).objects(URIRef(BASE + at.removeprefix("/")), SKOS.note))
    assert any("lies beyond the days up to which publications were searched" in note for note in notes)


# What was known


def public_days(service: Service) -> dict[str, date]:
    """The day on which each act became public."""
    query = f"SELECT ?a ?d {{ ?a <{INF.madePublic}> ?d }}"
    rows = json.loads(service.store.select(query))["results"]["bindings"]
    return {row["a"]["value"]: date.fromisoformat(row["d"]["value"]) for row in rows}


@pytest.mark.parametrize("path", CHANGED)
def test_no_memento_knows_more_than_its_day(service: Service, path: str) -> None:
    iri, public = BASE + path.removeprefix("/"), public_days(service)
    assert len(days(service, iri)) > 1
    last: set[object] = set()
    for day in days(service, iri):
        found = known(service, iri, day)
        for triple in found:
            for node in triple:
                act = str(node).partition("#")[0]
                assert public.get(act, day) <= day, (day, triple)
        later = [act for act, when in public.items() if when > day]
        texts = " ".join(str(o) for o in found.objects() if isinstance(o, Literal) and o.language is None)
        assert not [act for act in later if f"{act}#" in texts], "nor in the text of a chain"
        for source, when in found.subject_objects(DCTERMS.date):
            assert str(when) <= day.isoformat(), source
        for span in found.subjects(RDF.type, INF.Span):
            assert str(found.value(span, INF.knownFrom)) <= day.isoformat()
            assert str(found.value(span, INF.knownUntil)) == OPEN
        assert not {SKOS.editorialNote, INF.remarks} & set(found.predicates())
        assert set(found) != last, "each memento differs from the one before"
        last = set(found)
        assert set(known(service, iri, day - timedelta(days=1))) != last


@pytest.mark.parametrize("path", CHANGED)
def test_the_last_memento_says_what_the_document_of_today_says(service: Service, path: str) -> None:
    """But for remarks of the editors, and spans of which later acts made something else."""
    iri = BASE + path.removeprefix("/")
    now, then = set(describe(service, iri)), set(known(service, iri, date(9999, 1, 1)))
    left = {(s, p, o) for s, p, o in now - then if p not in (SKOS.editorialNote, INF.remarks)}
    over = {s for s, p, o in now if p == INF.knownUntil and str(o) != OPEN}
    assert then <= now
    assert {s for s, _, _ in left} <= over | {s for s, p, _ in left if p in (RDFS.label, SKOS.prefLabel)}


def test_a_memento_before_and_after_a_suspension(client: TestClient) -> None:
    before, after = graph(client, f"{BAN}/known/2024-12-03"), graph(client, f"{BAN}/known/2025-11-09")
    assert {str(s).removeprefix(str(INF)) for s in before.objects(None, INF.status)} == {"pending", "inForce"}
    assert {str(s).removeprefix(str(INF)) for s in after.objects(None, INF.status)} == {
        "pending", "inForce", "suspended",
    }  # fmt: skip
    assert "2025-72" not in before.serialize() and "suspend" not in before.serialize()
    changes = (URIRef(BASE + "instrument/cn-mofcom-2025-72"), ELI.changes, URIRef(BASE + ACT.removeprefix("/")))
    assert changes not in graph(client, f"{ACT}/known/2024-12-03")
    assert changes in graph(client, f"{ACT}/known/2025-11-09")


# The protocol


def links(header: str) -> list[tuple[str, str, str]]:
    """Address, relations and datetime of each link."""
    return [
        (url, relation, (re.findall(r'; datetime="([^"]+)"', rest) or [""])[0])
        for url, relation, rest in re.findall(r'<([^>]+)>; rel="([^"]+)"((?:; [a-z]+="[^"]*")*)', header)
    ]


def at(relation: str, header: str) -> list[str]:
    return [url for url, relations, _ in links(header) if relation in relations.split()]


def gate(client: TestClient, path: str, when: str | None) -> object:
    headers = {} if when is None else {"Accept-Datetime": when}
    return client.get(f"/timegate{path}", headers=headers, follow_redirects=False)


@pytest.mark.parametrize(
    ("path", "when", "day"),
    [
        (BAN, "Sat, 15 Nov 2025 12:00:00 GMT", "2025-11-09"),
        (BAN, "Sat, 08 Nov 2025 16:00:00 GMT", "2025-11-09"),  # midnight in Beijing
        (BAN, "Sat, 08 Nov 2025 15:59:59 GMT", "2024-12-03"),
        (BAN, "Tue, 01 Jan 2030 00:00:00 GMT", "2025-11-09"),
        (BAN, None, "2025-11-09"),
        (FENTANYL, "Mon, 03 Mar 2025 05:00:00 GMT", "2025-03-03"),  # midnight in Washington
        (FENTANYL, "Mon, 03 Mar 2025 04:59:59 GMT", "2025-02-07"),
        (FENTANYL, "Wed, 02 Apr 2025 04:00:00 GMT", "2025-04-02"),  # and in summer
        (ACT, "Sat, 15 Nov 2025 12:00:00 GMT", "2025-11-09"),
    ],
)
def test_a_time_gate_leads_to_what_was_known_at_the_moment(
    client: TestClient, path: str, when: str | None, day: str
) -> None:
    answer = gate(client, path, when)
    here = "http://testserver"
    assert answer.status_code == 302
    assert answer.headers["location"] == f"{here}{path}/known/{day}"
    assert "Accept-Datetime" in answer.headers["vary"]
    assert "memento-datetime" not in answer.headers, "a time gate is no memento (RFC 7089, 4.2.1)"
    told = answer.headers["link"]
    assert at("original", told) == [here + path]
    assert at("timemap", told) == [f"{here}/timemap{path}"]
    assert f"{here}{path}/known/{day}" in at("memento", told)
    memento = client.get(answer.headers["location"], headers={"Accept": "text/turtle"})
    assert memento.status_code == 200
    when_held = parsedate_to_datetime(memento.headers["memento-datetime"])
    if when:
        assert when_held <= parsedate_to_datetime(when)
    assert (f"{here}{path}/known/{day}", memento.headers["memento-datetime"]) in [
        (url, moment) for url, _, moment in links(memento.headers["link"])
    ]
    assert at("timegate", memento.headers["link"]) == [f"{here}/timegate{path}"]
    assert at("original", memento.headers["link"]) == [here + path]


def test_the_document_of_today_names_its_time_gate(client: TestClient) -> None:
    for path in (BAN, ACT):
        told = client.get(path).headers["link"]
        assert at("timegate", told) == [f"http://testserver/timegate{path}"]
        assert at("timemap", told) == [f"http://testserver/timemap{path}"]
    for path in ("/material/gallium", "/measure", "/ns"):
        assert not at("timegate", client.get(path).headers["link"])


def test_a_time_gate_takes_the_name_of_a_thing_too(client: TestClient) -> None:
    for name in (BASE.removesuffix("/") + BAN, f"http://testserver{BAN}"):
        answer = client.get(f"/timegate/{name}", follow_redirects=False)
        assert answer.headers["location"] == f"http://testserver{BAN}/known/2025-11-09"


@pytest.mark.parametrize("path", CHANGED)
def test_a_time_map_lists_all_mementos(client: TestClient, path: str) -> None:
    answer = client.get(f"/timemap{path}")
    assert answer.headers["content-type"] == "application/link-format"
    listed = links(answer.text)
    mementos = [(url, moment) for url, relations, moment in listed if "memento" in relations.split()]
    assert len(mementos) > 1
    moments = [parsedate_to_datetime(moment) for _, moment in mementos]
    assert moments == sorted(set(moments))
    assert max(moments) < datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) + timedelta(days=1)
    assert at("first", answer.text) == [mementos[0][0]]
    assert at("last", answer.text) == [mementos[-1][0]]
    assert at("self", answer.text) == [f"http://testserver/timemap{path}"]
    for number, (url, moment) in enumerate(mementos):
        held = client.head(url)
        assert (held.status_code, held.headers["memento-datetime"]) == (200, moment)
        told = held.headers["link"]
        assert at("prev", told) == ([mementos[number - 1][0]] if number else [])
        assert at("next", told) == ([mementos[number + 1][0]] if number + 1 < len(mementos) else [])
    same = client.get(f"/timemap{path}", headers={"Accept": "application/json"}).json()
    assert [memento["uri"] for memento in same["mementos"]["list"]] == [url for url, _ in mementos]
    assert same["mementos"]["first"]["uri"] == mementos[0][0]
    assert same["original_uri"] == f"http://testserver{path}"


def test_a_moment_before_the_record_is_refused_openly(client: TestClient) -> None:
    """RFC 7089 would lead to the first memento; that one says what nobody could know by then."""
    answer = gate(client, BAN, "Mon, 02 Dec 2024 15:59:59 GMT")
    assert answer.status_code == 404
    assert answer.json()["firstKnown"] == "2024-12-03"
    assert "nothing was known by Mon, 02 Dec 2024" in answer.json()["detail"]
    assert at("first", answer.headers["link"]) == [f"http://testserver{BAN}/known/2024-12-03"]
    assert client.get(f"{BAN}/known/2024-12-02").status_code == 404
    assert client.get(f"{BAN}/known/2024-12-02", headers={"Accept": "text/html"}).status_code == 404


@pytest.mark.parametrize(
    "when", ["yesterday", "2025-11-15", "Sat, 15 Nov 2025 12:00:00 +0800", "Sat, 35 Nov 2025 12:00:00 GMT", ""]
)
def test_a_moment_that_cannot_be_read_is_400(client: TestClient, when: str) -> None:
    answer = gate(client, BAN, when)
    assert answer.status_code == 400
    assert answer.json()["type"] == BASE + "problems#invalid-datetime"
    assert "Accept-Datetime" in answer.headers["vary"]


@pytest.mark.parametrize("service_", ["timegate", "timemap"])
@pytest.mark.parametrize(("path", "near"), [("/measure/cn-galium-licensing", "cn-gallium-licensing"), ("/material/gallium", "has no states in time"), ("/measure", "has no states in time"), ("/nothing", "there is no document")])  # fmt: skip
def test_what_has_no_mementos(client: TestClient, service_: str, path: str, near: str) -> None:
    answer = client.get(f"/{service_}{path}")
    assert answer.status_code == 404
    assert near in json.dumps(answer.json())


def test_a_day_without_news_leads_to_the_memento_that_held(client: TestClient) -> None:
    answer = client.get(f"{BAN}/known/2025-11-08.jsonld", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, f"{BAN}/known/2024-12-03.jsonld")
    assert client.get(f"{BAN}/known/never").status_code == 404


def test_a_memento_as_a_page(client: TestClient) -> None:
    page = client.get(f"{BAN}/known/2024-12-03", headers={"Accept": "text/html"})
    assert page.headers["memento-datetime"] == "Mon, 02 Dec 2024 16:00:00 GMT"
    assert f'href="{BAN}/known/2025-11-09"' in page.text
    assert f'href="{BAN}/known/2024-12-03.ttl"' in page.text
    assert "cn-mofcom-2025-72" not in page.text
    act = client.get(f"{ACT}/known/2025-11-09.html").text
    assert "Announcement suspending clause 2" in act


def test_every_measure_and_act_has_mementos(service: Service) -> None:
    """The first day is that on which the thing became public; days are in order."""
    public = public_days(service)
    members = index(service).members
    for iri in [*members(BASE + "measure")[::9], *members(BASE + "instrument")[::9]]:
        found = days(service, iri)
        assert list(found) == sorted(set(found))
        assert iri not in public or found[0] == public[iri]
        assert len(known(service, iri, found[0])) > 0
        assert len(known(service, iri, found[0] - timedelta(days=1))) == 0


@pytest.mark.parametrize(
    ("when", "status"), [(datetime(2025, 11, 8, 12), "inForce"), (datetime(2025, 11, 9, 12), "suspended")]
)
def test_a_memento_client_finds_the_state_of_a_day(host: str, when: datetime, status: str) -> None:
    """py-memento-client finds the time gate by itself, from the document of today."""
    with MementoClient() as asking:
        found = asking.get_memento_info(host + BAN, when)
    assert found["timegate_uri"] == f"{host}/timegate{BAN}"
    closest = found["mementos"]["closest"]
    assert closest["datetime"] <= when
    assert closest["http_status_code"] == 200
    read = Graph().parse(closest["uri"][0], format="turtle")
    known_states = {str(s).removeprefix(str(INF)) for s in read.objects(None, INF.status)}
    assert status in known_states
    assert ("suspended" in known_states) is (status == "suspended")
    assert {"first", "last"} <= found["mementos"].keys()
