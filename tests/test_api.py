"""Answers over HTTP: they can be cited for good, come in every form, and in pages that add up."""

import csv
import io
import json
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pyarrow as pa
import pyoxigraph as ox
import pytest
from fastapi.testclient import TestClient
from pyarrow import ipc, parquet
from rdflib import Dataset, Graph
from rdflib.compare import isomorphic
from rdflib.plugins.sparql import processor

from conftest import TODAY
from inforce import catalogue, cli, dumps
from inforce.model import BASE
from inforce.record import root
from inforce.service import Service, settled, settled_triples
from inforce.web import forms
from inforce.web.api import MOST_SHOWN
from inforce.web.app import create
from inforce.web.negotiate import ANSWERS, GRAPHS
from inforce.web.openapi import examples

QUERIES = catalogue.read(root() / "queries")
ROWS = [name for name, query in QUERIES.items() if query.form == "SELECT"]
TRIPLES = [name for name, query in QUERIES.items() if query.form == "CONSTRUCT"]
ASKED = "/api/in-force?on=2025-11-15&knownOn=2025-11-15&material=gallium&destination=US"
EARLIER = "0.0.1+earlier"


def call(name: str) -> str:
    """A call of a question with its examples, but those that are optional."""
    given = examples(QUERIES[name])
    return f"/api/{name}?" + "&".join(f"{k}={v}" for k, values in given.items() for v in values)


def more(url: str, **added: object) -> str:
    """An address with more in its query string."""
    return url + "".join(f"&{name}={value}" for name, value in added.items())


def local(iri: str) -> str:
    assert iri.startswith(BASE)
    return "/" + iri.removeprefix(BASE)


def links(header: str) -> dict[str, str]:
    """The targets of a Link header by relation."""
    return {relation: target for target, relation in re.findall(r'<([^>]*)>; rel="([^"]*)"', header)}


# Answers that can be cited


@pytest.mark.parametrize("name", QUERIES)
def test_every_answer_names_where_it_stays(name: str, client: TestClient, service: Service) -> None:
    latest = client.get(call(name))
    assert latest.status_code == 200, latest.text
    permanent = links(latest.headers["link"])["cite-as"]
    parts = urlsplit(permanent)
    asked = parse_qsl(parts.query)
    assert parts.path == f"/v/{service.manifest['version']}/api/{name}"
    assert asked == sorted(asked)
    again = client.get(permanent)
    assert again.content == latest.content
    assert again.headers["etag"] == latest.headers["etag"]
    assert again.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "Accept-Language" not in again.headers["vary"] or "lang" not in QUERIES[name].parameters
    assert links(again.headers["link"])["cite-as"] == permanent
    if name in ROWS:
        assert local(latest.json()["permalink"]) == permanent


def test_names_in_a_permalink_are_short_and_in_one_order(client: TestClient) -> None:
    one = client.get(ASKED + "&status=suspended&status=inForce").json()
    other = client.get(
        f"/api/in-force?destination={BASE}country/us&material=GALLIUM&status=inForce&status=suspended"
        "&knownOn=2025-11-15&on=2025-11-15"
    ).json()
    assert one == other
    assert one["permalink"].endswith(
        "api/in-force?destination=us&knownOn=2025-11-15&lang=en&material=gallium&on=2025-11-15"
        "&status=inForce&status=suspended"
    )


def test_members_of_an_answer(client: TestClient) -> None:
    answer = client.get(ASKED).json()
    told = ["query", "parameters", "version", "coveredThrough", "permalink", "notices", "total", "rows"]
    assert list(answer) == told
    assert answer["total"] == len(answer["rows"]) > 0
    assert list(client.get(ASKED + "&limit=2").json()) == [*told[:-1], "limit", "offset", "rows"]


def test_a_permanent_address_leaves_nothing_open(client: TestClient, service: Service) -> None:
    version = service.manifest["version"]
    answer = client.get(f"/v/{version}/api/in-force?material=gallium&limit=3&format=csv", follow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["cache-control"] == "no-store"
    to = answer.headers["location"]
    assert to.startswith(f"/v/{version}/api/in-force?knownOn={TODAY}&lang=en&limit=3&material=gallium&on={TODAY}")
    assert client.get(to, follow_redirects=False).headers["content-type"].startswith("text/csv")


@pytest.fixture(scope="module")
def with_earlier(build_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An application with an earlier version beside the current one: another name, another question; and a broken one."""
    builds = tmp_path_factory.mktemp("kept")
    now = shutil.copytree(build_folder, builds / build_folder.name)
    earlier = shutil.copytree(build_folder, builds / EARLIER)
    for file in ("inforce.nq", "manifest.json"):
        text = (earlier / file).read_text(encoding="utf-8").replace(build_folder.name, EARLIER)
        text = text.replace("Export licence for gallium items", "An earlier name")
        (earlier / file).write_text(text, encoding="utf-8")
    question = earlier / "queries" / "in-force.rq"
    question.write_text(question.read_text(encoding="utf-8").replace("?terms ?from", "?from"), encoding="utf-8")
    dumps.write(Service.open(earlier).store, earlier, earlier / "dumps")
    shutil.copytree(earlier, builds / "0.0.0+broken")
    (builds / "0.0.0+broken" / "inforce.nq").unlink()
    with TestClient(create(Service.open(now), today=lambda: TODAY)) as client:
        yield client


def test_an_earlier_version_answers_as_it_did(with_earlier: TestClient) -> None:
    now = with_earlier.get(ASKED).json()
    then = with_earlier.get(local(now["permalink"]).replace(now["version"], EARLIER)).json()
    assert then["version"] == EARLIER
    assert "An earlier name" in {row["label"] for row in then["rows"]}
    assert "Export licence for gallium items" in {row["label"] for row in now["rows"]}
    assert "terms" in now["rows"][0]
    assert "terms" not in then["rows"][0], "the questions are kept as they were, too"
    assert f"/v/{EARLIER}/api/in-force" in then["permalink"]


def test_versions_are_listed(with_earlier: TestClient, build_folder: Path) -> None:
    listed = with_earlier.get("/versions").json()
    assert listed["current"] == build_folder.name == listed["versions"][0]["version"]
    kept = {each["version"]: each for each in listed["versions"]}
    assert EARLIER in kept
    dump = with_earlier.get(kept[EARLIER]["dump"])
    assert dump.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "An earlier name" in dump.text
    assert kept[EARLIER]["coveredThrough"].keys() == {"CN", "US"}


def test_versions_that_are_not_there(with_earlier: TestClient, build_folder: Path) -> None:
    for version in ("9.9.9+none", "%2e%2e", "current", ".link-x"):
        answer = with_earlier.get(f"/v/{version}/api/in-force")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        if version == "9.9.9+none":
            assert {build_folder.name, EARLIER} <= set(answer.json()["versions"])
    broken = with_earlier.get("/v/0.0.0+broken/api/in-force")
    assert (broken.status_code, broken.json()["type"]) == (410, BASE + "problems#gone")


@pytest.mark.parametrize("name", QUERIES)
def test_the_sparql_of_a_call_is_shown_and_runs(name: str, client: TestClient) -> None:
    answer = client.get(call(name))
    described = links(answer.headers["link"])["describedby"]
    text = client.get(described)
    assert text.headers["content-type"] == "application/sparql-query; charset=utf-8"
    form = "application/sparql-results+json" if name in ROWS else "application/n-triples"
    run = client.get("/sparql", params={"query": text.text}, headers={"Accept": form})
    assert run.status_code == 200
    same = client.get(call(name), headers={"Accept": form})
    if name in ROWS:
        assert len(run.json()["results"]["bindings"]) == int(answer.headers["x-total-count"])
    else:
        assert "".join(settled_triples(run.content)) == same.text


def test_a_browser_sees_the_sparql_on_its_page(client: TestClient) -> None:
    described = links(client.get(ASKED).headers["link"])["describedby"]
    page = client.get(described, headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.url.path == "/sparql"
    assert "cn-gallium-licensing" in page.text


# Forms


def plain(row: dict[str, Any]) -> list[str]:
    """A row as the cells of a CSV file."""
    return ["" if v is None else " ".join(v) if isinstance(v, list) else str(v) for v in row.values()]


@pytest.mark.parametrize("name", ROWS)
def test_all_forms_of_rows_say_the_same(name: str, client: TestClient) -> None:
    answer = {form: client.get(more(call(name), format=form)) for form in ANSWERS}
    for form, got in answer.items():
        assert got.status_code == 200, form
        assert got.headers["content-type"].partition(";")[0] == ANSWERS[form]
        by_accept = client.get(call(name), headers={"Accept": ANSWERS[form]})
        assert form == "html" or by_accept.content == got.content
    rows = answer["json"].json()["rows"]
    table = list(csv.reader(io.StringIO(answer["csv"].content.decode("utf-8-sig"))))
    assert answer["csv"].content.startswith(b"\xef\xbb\xbf"), "a spreadsheet must see that it is UTF-8"
    assert table[0] == list(QUERIES[name].variables)
    assert [[cell.removeprefix("'") for cell in row] for row in table[1:]] == [
        [cell.removeprefix("'") for cell in plain(row)] for row in rows
    ]
    assert [json.loads(line) for line in answer["jsonl"].text.splitlines()] == rows
    bindings = answer["srj"].json()["results"]["bindings"]
    assert len(bindings) == len(rows)
    for form, kind in (("srx", ox.QueryResultsFormat.XML), ("tsv", ox.QueryResultsFormat.TSV)):
        parsed = ox.parse_query_results(answer[form].content, format=kind)
        assert isinstance(parsed, ox.QuerySolutions)
        assert sum(1 for _ in parsed) == len(rows)
    assert answer["html"].text.count("<tr>") == len(rows) + bool(rows)
    columns = parquet.read_table(io.BytesIO(answer["parquet"].content))
    assert ipc.open_stream(answer["arrow"].content).read_all().equals(columns)
    assert columns.num_rows == len(rows)
    assert columns.column_names == list(QUERIES[name].variables)


def test_a_table_has_types(client: TestClient) -> None:
    columns = parquet.read_table(io.BytesIO(client.get(more(ASKED, format="parquet")).content))
    assert columns.schema.field("from").type == pa.date32()
    assert columns.schema.field("because").type == pa.list_(pa.string())
    told = json.loads(columns.schema.metadata[b"inforce"])
    assert told["permalink"].startswith(BASE + "v/"), "where it comes from goes with it"


def test_a_form_that_is_not_installed_is_told(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "find_spec", lambda name: None)
    answer = client.get(more(ASKED, limit=7, format="parquet"))
    assert answer.status_code == 406
    assert "inforce[parquet]" in answer.json()["detail"]
    assert "application/json" in answer.json()["alternates"]


PARSERS = {"ttl": "turtle", "jsonld": "json-ld", "nt": "nt", "rdf": "xml", "trig": "trig"}


@pytest.mark.parametrize("name", TRIPLES)
def test_all_forms_of_triples_say_the_same(name: str, client: TestClient) -> None:
    graphs = {}
    assert client.get(call(name)).headers["content-type"] == "text/turtle; charset=utf-8"
    for form, media in GRAPHS.items():
        answer = client.get(more(call(name), format=form))
        assert answer.headers["content-type"] == f"{media}; charset=utf-8"
        if form == "html":
            assert answer.text.count("<tr>") == min(int(answer.headers["x-total-count"]), MOST_SHOWN) + 1
            continue
        read = Dataset() if form == "trig" else Graph()
        read.parse(data=answer.text, format=PARSERS[form])
        graphs[form] = Graph()
        for s, p, o, *_ in read.quads() if isinstance(read, Dataset) else read:
            graphs[form].add((s, p, o))
        assert len(graphs[form]) == int(answer.headers["x-total-count"]) > 0
    assert all(isomorphic(graph, graphs["nt"]) for graph in graphs.values())


def test_nothing_becomes_a_formula(service: Service) -> None:
    answer = service.ask("in-force", {"on": ["2025-11-15"]}, TODAY)
    for risky in ("=1+1", "+cmd", "-cmd", "@x", "\tx", "\r=1"):
        row = {**answer.rows[0], "label": risky}
        table = forms.table(type(answer)(**{**_fields(answer), "rows": [row]}))
        cells = (
            next(csv.reader(io.StringIO(table.splitlines(keepends=True)[1]))) if "\r" not in risky else [f"'{risky}"]
        )
        assert f"'{risky}" in cells


def _fields(answer: Any) -> dict[str, Any]:
    return {name: getattr(answer, name) for name in type(answer).__dataclass_fields__}


@pytest.mark.parametrize(
    ("header", "language"),
    [("zh-CN,zh;q=0.9,en;q=0.5", "zh"), ("en", "en"), ("de, en;q=0.5", "en"), ("de", "en"), ("*", "en"), ("", "en"), ("zh-Hant", "zh"), ("nonsense;;q=x", "en")],
)  # fmt: skip
def test_the_language_of_labels(header: str, language: str, client: TestClient) -> None:
    answer = client.get(ASKED, headers={"Accept-Language": header})
    assert answer.json()["parameters"]["lang"] == language
    assert "Accept-Language" in answer.headers["vary"]
    assert f"lang={language}" in answer.json()["permalink"]
    named = client.get(ASKED + "&lang=en", headers={"Accept-Language": "zh"})
    assert named.json()["parameters"]["lang"] == "en"
    assert "Accept-Language" not in named.headers["vary"]


def test_labels_in_chinese(client: TestClient) -> None:
    rows = client.get(ASKED + "&lang=zh").json()["rows"]
    assert any("镓" in row["label"] for row in rows)


# Pages


@pytest.mark.parametrize("name", QUERIES)
def test_pages_add_up_to_the_whole(name: str, client: TestClient) -> None:
    """Following `next` from the first page gives every row once, in the order of the whole, with a true total."""
    form = "jsonl" if name in ROWS else "nt"
    whole = client.get(more(call(name), format=form))
    lines = whole.text.splitlines()
    total = int(whole.headers["x-total-count"])
    assert total == len(lines)
    size = max(1, -(-total // 3))
    found: list[str] = []
    seen = []
    page = client.get(more(call(name), format=form, limit=size))
    first = links(page.headers["link"])["first"]
    while True:
        assert int(page.headers["x-total-count"]) == total
        found += page.text.splitlines()
        seen.append(links(page.headers["link"])["cite-as"])
        to = links(page.headers["link"])
        assert to["first"] == first
        if "next" not in to:
            break
        page = client.get(to["next"])
    assert found == lines
    assert len(seen) == len(set(seen)) == -(-total // size)
    assert to["last"] == seen[-1]
    assert ("prev" in to) == (len(seen) > 1)
    if len(seen) > 1:
        assert to["prev"] == seen[-2]


def test_a_page_beyond_the_end_is_empty(client: TestClient) -> None:
    answer = client.get(ASKED + "&limit=10&offset=100000")
    assert answer.status_code == 200
    assert answer.json()["rows"] == []
    assert answer.json()["total"] > 0
    assert "prev" in links(answer.headers["link"])
    assert "next" not in links(answer.headers["link"])


@pytest.mark.parametrize(
    "page", ["limit=0", "limit=-1", "limit=10001", "limit=x", "limit=", "limit=1&limit=2", "offset=-1", "offset=1e3", "offset=10000000000", "offset=٣"]
)  # fmt: skip
def test_a_page_that_cannot_be(page: str, client: TestClient) -> None:
    answer = client.get(f"{ASKED}&{page}")
    assert answer.status_code == 422
    assert answer.json()["parameter"] in ("limit", "offset")
    assert "whole number" in answer.json()["expected"]


@pytest.mark.parametrize("name", ROWS)
def test_the_order_is_that_of_no_engine(name: str, service: Service) -> None:
    """Rows that the question's own order leaves tied stand in one order, whatever order they come in."""
    answer = service.ask(name, examples(QUERIES[name]), TODAY)
    order = QUERIES[name].order
    assert set(order) <= set(QUERIES[name].variables), "a question orders by what it tells"
    keyed: dict[str, list[Any]] = {}
    for binding in answer.found:
        keyed.setdefault(json.dumps([binding.get(v, {}).get("value") for v in order]), []).append(binding)
    dice = random.Random(1)
    shuffled = [b for tied in keyed.values() for b in dice.sample(tied, len(tied))]
    results = json.dumps({"head": {"vars": []}, "results": {"bindings": shuffled}}).encode()
    assert settled(QUERIES[name], results) == (answer.found, answer.rows)


@pytest.mark.parametrize("name", QUERIES)
def test_no_question_is_parsed_by_rdflib_when_it_is_asked(
    name: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parser, pyparsing, fails where two threads come to a rule of it for the first time together."""

    def refuse(*_: object) -> None:
        raise AssertionError("rdflib parses")

    monkeypatch.setattr(processor, "parseQuery", refuse)
    with pytest.raises(AssertionError, match="rdflib parses"):
        Graph().query("ASK {}")
    anew = Service(service.store, service.manifest, QUERIES, service.folder)
    assert anew.ask(name, examples(QUERIES[name]), TODAY).found


# What cannot be answered


def test_an_empty_parameter_is_no_default(client: TestClient) -> None:
    """`on=` must not silently mean today."""
    assert client.get("/api/in-force?on=").status_code == 422


@pytest.mark.parametrize(
    ("path", "status", "near"),
    [
        ("/api/in-froce", 404, "in-force"),
        ("/queries/in-froce.rq", 404, "in-force"),
        ("/api/in-force?materail=gallium", 422, "material"),
        ("/api/in-force?limt=1", 422, "limit"),
        ("/api/in-force?material=galium", 422, "gallium"),
        ("/api/in-force?format=jsn", 422, "json"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_near(path: str, status: int, near: str, client: TestClient) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= told.keys()
    assert near in told["nearest"]


# The same on the command line


@pytest.mark.parametrize("name", ["in-force", "explain", "chain"])
def test_the_command_writes_what_the_api_sends(
    name: str, client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any
) -> None:
    monkeypatch.setattr(cli, "_service", lambda options: service)
    monkeypatch.setattr(cli, "_today", lambda: TODAY)
    given = [f"{QUERIES[name].parameters[k].option}={v}" for k, vs in examples(QUERIES[name]).items() for v in vs]
    form = "jsonl" if name in ROWS else "ttl"
    assert cli.main([name, *given, "--format", form, "--limit", "3"]) == 0
    assert capfdbinary.readouterr().out == client.get(more(call(name), format=form, limit=3)).content


def test_the_command_knows_the_forms_of_the_api() -> None:
    assert set(cli.FORMATS) - {"table"} == set(ANSWERS) - {"html"}
    assert set(cli.GRAPH_FORMATS) == set(GRAPHS) - {"html"}
