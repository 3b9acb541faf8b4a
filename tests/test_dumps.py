"""The downloads: they hold the build, in each form, whole; the tables say what the record says; programs read them."""

import csv
import gzip
import hashlib
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import frictionless
import pandas as pd
import pyoxigraph as ox
import pytest
from fastapi.testclient import TestClient
from pyarrow import parquet
from rdflib import DCTERMS, RDF, SKOS, Dataset, Graph, URIRef

import engines
from conftest import TESTS, TODAY
from inforce import dumps, examples, frames
from inforce.cli import main
from inforce.compiled import COMPILED
from inforce.model import BASE, NS, InforceError, day_of
from inforce.record import Record, root
from inforce.service import Service
from inforce.timeline import in_order
from inforce.turtle import ELI, INF
from inforce.web.app import create
from live import serving

RDFLIB = {"nq": "nquads", "trig": "trig", "ttl": "turtle", "jsonld": "json-ld"}
OXIGRAPH = {"nq": ox.RdfFormat.N_QUADS, "trig": ox.RdfFormat.TRIG, "ttl": ox.RdfFormat.TURTLE,
            "jsonld": ox.RdfFormat.JSON_LD}  # fmt: skip
TABLES = {frame.name: frame for frame in frames.read(root() / "tables")}
VERSION = BASE + "graph/dataset"


@pytest.fixture(autouse=True)
def csv_as_it_was() -> Iterator[None]:
    """frictionless widens the longest cell that Python's csv reads, for the whole process: not for other tests."""
    limit = csv.field_size_limit()
    yield
    csv.field_size_limit(limit)


@pytest.fixture(scope="module")
def folder(build_folder: Path) -> Path:
    return build_folder / "dumps"


def unpacked(file: Path) -> bytes:
    return gzip.decompress(file.read_bytes())


@lru_cache(maxsize=32)
def quads(file: Path) -> frozenset[ox.Quad]:
    return frozenset(ox.parse(unpacked(file), format=OXIGRAPH[file.suffixes[-2][1:]]))


# The round trip: from a dump into an empty store, and the same answers


@pytest.fixture(scope="module", params=RDFLIB)
def reloaded(request: pytest.FixtureRequest, folder: Path) -> ox.Store:
    """An empty Oxigraph store into which a dump in each form was loaded."""
    store = ox.Store()
    store.load(unpacked(folder / f"inforce.{request.param}.gz"), format=OXIGRAPH[request.param])
    return store


def test_the_catalogue_gives_the_same_rows_from_a_reloaded_dump(reloaded: ox.Store, service: Service) -> None:
    assert len(service.queries) >= 18
    for query in service.queries.values():
        found = reloaded.query(query.sparql, use_default_graph_as_union=True)
        if isinstance(found, ox.QueryTriples):
            lines = found.serialize(format=ox.RdfFormat.N_TRIPLES)
            assert engines.triples(lines) == engines.triples(service.store.construct(query.sparql)), query.name
        else:
            assert isinstance(found, ox.QuerySolutions)
            rows = engines.bag(found.serialize(format=ox.QueryResultsFormat.JSON))
            assert rows == engines.bag(service.store.select(query.sparql)), query.name


def test_rdflib_reads_the_whole_again(folder: Path, rdflib_graph: Graph) -> None:
    """`rdflib_graph` is that on which test_catalogue.py asks every question; so what is equal to it answers alike."""
    read = Dataset()
    read.parse(data=unpacked(folder / "inforce.trig.gz"), format="trig")
    assert {quad[:3] for quad in read.quads()} == set(rdflib_graph)


@pytest.mark.parametrize("form", ["nq", "ttl", "jsonld"])
def test_rdflib_reads_the_other_forms(form: str, folder: Path, rdflib_graph: Graph) -> None:
    read: Graph = Graph() if form == "ttl" else Dataset()
    read.parse(data=unpacked(folder / f"inforce-compiled.{form}.gz"), format=RDFLIB[form])
    found = {(s, p, o) for s, p, o, *_ in (read.quads() if isinstance(read, Dataset) else read)}
    assert found < set(rdflib_graph)
    assert len(found) == len({quad.triple for quad in quads(folder / f"inforce-compiled.{form}.gz")})


@pytest.mark.parametrize("form", ["nq", "trig", "jsonld"])
def test_the_forms_with_named_graphs_hold_the_same_quads(form: str, folder: Path, build_folder: Path) -> None:
    whole = set(ox.parse((build_folder / "inforce.nq").read_bytes(), format=ox.RdfFormat.N_QUADS))
    assert quads(folder / f"inforce.{form}.gz") == whole


@pytest.mark.parametrize("form", ["nq", "trig", "jsonld"])
def test_sources_and_compiled_make_up_the_whole(form: str, folder: Path, graphs: dict[str, Graph]) -> None:
    parts = {part: quads(folder / f"inforce-{part}.{form}.gz") for part in ("sources", "compiled")}
    whole = quads(folder / f"inforce.{form}.gz")
    assert parts["sources"] | parts["compiled"] == whole
    assert {quad.graph_name.value for quad in parts["sources"] & parts["compiled"]} == {VERSION}
    assert {quad.graph_name.value for quad in parts["compiled"]} == {COMPILED, VERSION}
    names = {quad.graph_name.value for quad in parts["sources"]} - {VERSION}
    assert names == {*graphs, examples.GRAPH}
    written = [quad for quad in parts["sources"] if quad.graph_name.value in graphs]
    assert len(written) == sum(len(graph) for graph in graphs.values())


def test_a_part_in_turtle_is_the_union_of_its_graphs(folder: Path) -> None:
    for part in ("inforce", "inforce-sources", "inforce-compiled"):
        triples = {quad.triple for quad in quads(folder / f"{part}.nq.gz")}
        assert {quad.triple for quad in quads(folder / f"{part}.ttl.gz")} == triples


# Files, checksums, the command


def test_the_checksums_are_those_of_the_files(folder: Path) -> None:
    listed = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert listed == {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name != "SHA256SUMS"
    }
    wanted = {f"inforce{part}.{form}.gz" for part in ("", "-sources", "-compiled") for form in RDFLIB}
    wanted |= {f"{table}.{form}" for table in TABLES for form in ("csv", "parquet")}
    assert set(listed) == wanted | {"datapackage.json", "inforce-tables.zip"}
    assert not any(file.stat().st_size > 5_000_000 for file in folder.iterdir())


def test_the_same_build_gives_the_same_bytes(build_folder: Path, tmp_path: Path) -> None:
    """In another process, with other hashes, by the command."""
    command = [sys.executable, "-m", "inforce.cli", "dump", "--builds", str(build_folder.parent), str(tmp_path / "out")]
    env = {**os.environ, "PYTHONHASHSEED": "1"}
    said = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    made = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert made == {file.name: file.read_bytes() for file in (build_folder / "dumps").iterdir()}
    assert all(f"{name}  {len(content)} bytes" in said for name, content in made.items() if name != "SHA256SUMS")


def test_without_pyarrow_there_is_no_parquet(
    build_folder: Path, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "parquet_is_here", lambda: False)
    monkeypatch.setattr(dumps, "_rdf", lambda _: iter(()))
    made = dumps.write(service.store, build_folder, tmp_path)
    assert not [download for download in made if "parquet" in download.name]
    assert {download.name for download in made} == {file.name for file in tmp_path.iterdir()} - {"SHA256SUMS"}
    assert "parquet" not in (tmp_path / "SHA256SUMS").read_text()


def test_the_prefixes_of_turtle_are_in_order(folder: Path) -> None:
    head = [line for line in unpacked(folder / "inforce.ttl.gz").decode().splitlines() if line.startswith("@prefix")]
    assert head == sorted(head)
    assert "@prefix inf: <https://w3id.org/inforce/ns#> ." in head


# Over HTTP


def raw(client: TestClient, path: str, **headers: str) -> Any:
    """An answer with its body as it came, not decoded."""
    with client.stream("GET", path, headers={"Accept-Encoding": "identity", **headers}) as answer:
        answer.body = b"".join(answer.iter_raw())
    return answer


MEDIA = {
    "inforce.nq.gz": "application/gzip",
    "inforce-sources.ttl.gz": "application/gzip",
    "inforce-tables.zip": "application/zip",
    "spans.parquet": "application/vnd.apache.parquet",
    "spans.csv": "text/csv; charset=utf-8",
    "datapackage.json": "application/json",
    "SHA256SUMS": "text/plain; charset=utf-8",
}
PLAIN = {
    "inforce.nq": "application/n-quads; charset=utf-8",
    "inforce.trig": "application/trig; charset=utf-8",
    "inforce-compiled.ttl": "text/turtle; charset=utf-8",
    "inforce.jsonld": "application/ld+json; charset=utf-8",
}


@pytest.mark.parametrize("name", MEDIA)
def test_a_file_is_sent_as_it_is(name: str, client: TestClient, folder: Path, service: Service) -> None:
    answer = raw(client, f"/dumps/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == MEDIA[name]
    assert answer.body == (folder / name).read_bytes()
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.headers["cache-control"] == "public, max-age=0, must-revalidate"
    stays = answer.headers["link"].partition(">")[0].removeprefix("<")
    assert stays == f"/v/{service.manifest['version']}/dumps/{name}"
    permanent = raw(client, stays)
    assert permanent.body == answer.body
    assert permanent.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert permanent.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize("name", [*MEDIA, *PLAIN])
def test_nothing_is_sent_twice_and_head_tells_what_get_would(name: str, client: TestClient) -> None:
    full = raw(client, f"/dumps/{name}")
    again = raw(client, f"/dumps/{name}", **{"If-None-Match": full.headers["etag"]})
    assert (again.status_code, again.body) == (304, b"")
    assert again.headers["etag"] == full.headers["etag"]
    assert "content-type" not in again.headers
    head = client.head(f"/dumps/{name}", headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    assert {k: v for k, v in head.headers.items() if k != "x-request-id"} == {
        k: v for k, v in full.headers.items() if k != "x-request-id"
    }


@pytest.mark.parametrize("name", ["inforce.nq.gz", "inforce-tables.zip", "spans.parquet"])
def test_what_is_compressed_is_not_compressed_again(name: str, client: TestClient, folder: Path) -> None:
    answer = raw(client, f"/dumps/{name}", **{"Accept-Encoding": "gzip, br, zstd"})
    assert "content-encoding" not in answer.headers
    assert answer.body == (folder / name).read_bytes()


@pytest.mark.parametrize("name", PLAIN)
def test_without_gz_the_same_comes_unpacked(name: str, client: TestClient, folder: Path) -> None:
    plain, coded = raw(client, f"/dumps/{name}"), raw(client, f"/dumps/{name}", **{"Accept-Encoding": "br, gzip;q=0.5"})
    assert plain.headers["content-type"] == coded.headers["content-type"] == PLAIN[name]
    assert plain.headers["vary"] == coded.headers["vary"] == "Accept-Encoding"
    assert plain.body == unpacked(folder / f"{name}.gz")
    assert "content-encoding" not in plain.headers
    assert coded.headers["content-encoding"] == "gzip"
    assert coded.body == (folder / f"{name}.gz").read_bytes()
    assert len({plain.headers["etag"], coded.headers["etag"], raw(client, f"/dumps/{name}.gz").headers["etag"]}) == 3
    assert "content-encoding" not in raw(client, f"/dumps/{name}", **{"Accept-Encoding": "gzip;q=0"}).headers


def test_a_part_of_a_file_can_be_had(client: TestClient, folder: Path) -> None:
    whole = (folder / "spans.parquet").read_bytes()
    part = raw(client, "/dumps/spans.parquet", Range="bytes=-8")
    assert (part.status_code, part.body) == (206, whole[-8:])
    assert part.headers["content-range"] == f"bytes {len(whole) - 8}-{len(whole) - 1}/{len(whole)}"
    tag = part.headers["etag"]
    assert raw(client, "/dumps/spans.parquet", Range="bytes=0-3", **{"If-Range": tag}).body == b"PAR1"
    assert raw(client, "/dumps/spans.parquet", Range="bytes=0-3", **{"If-Range": '"other"'}).body == whole
    assert raw(client, "/dumps/spans.parquet", Range=f"bytes={len(whole)}-").status_code == 416


def test_names_that_are_not_there(client: TestClient, service: Service) -> None:
    missing = client.get("/dumps/span.csv")
    assert missing.status_code == 404
    assert "spans.csv" in missing.json()["nearest"]
    assert client.get("/v/9.9.9+none/dumps/spans.csv").json()["versions"] == [service.manifest["version"]]
    assert client.get("/dumps/..%2fmanifest.json").status_code == 404
    assert client.get("/dumps", follow_redirects=False).headers["location"] == "/dataset"


def test_an_earlier_version_keeps_its_own(build_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a build that was made before there were downloads: it has none, and says so."""
    now = shutil.copytree(build_folder, tmp_path / build_folder.name)
    earlier, bare = (shutil.copytree(build_folder, tmp_path / name) for name in ("0.0.0+earlier", "0.0.0+bare"))
    for folder in (earlier, bare):
        for file in ("inforce.nq", "manifest.json"):
            text = (folder / file).read_text(encoding="utf-8").replace(build_folder.name, folder.name)
            (folder / file).write_text(
                text.replace("Export licence for gallium items", "An earlier name"), encoding="utf-8"
            )
    monkeypatch.setattr(dumps, "_rdf", lambda _: iter(()))
    dumps.write(Service.open(earlier).store, earlier, earlier / "dumps")
    shutil.rmtree(bare / "dumps")
    with TestClient(create(Service.open(now), today=lambda: TODAY)) as client:
        here = f"/v/{build_folder.name}/dumps"
        assert "An earlier name" in client.get("/v/0.0.0+earlier/dumps/measures.csv").text
        assert "An earlier name" not in client.get(f"{here}/measures.csv").text
        assert client.get("/v/0.0.0+earlier/dumps/SHA256SUMS").text != client.get(f"{here}/SHA256SUMS").text
        none = client.get("/v/0.0.0+bare/dumps/measures.csv")
        assert none.status_code == 404
        assert "keeps no downloads" in none.json()["detail"]
        assert "keeps no downloads" in client.get("/v/0.0.0+bare", headers={"Accept": "text/html"}).text


# The tables say what the record says


def frame(name: str, service: Service) -> list[dict[str, Any]]:
    return [dict(row) for row in TABLES[name].rows(service.store)]


def short(iri: str, kind: str) -> str:
    return iri.removeprefix(f"{BASE}{kind}/")


CLASSES = {"acts": INF.Instrument, "clauses": INF.Provision, "materials": INF.Material, "entities": INF.Entity,
           "sources": INF.Source}  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_a_table_has_a_row_for_each_thing(name: str, service: Service, authored: Graph) -> None:
    rows = frame(name, service)
    key = TABLES[name].key[0]
    kind = TABLES[name].columns[0].of
    assert kind is not None
    assert len({row[key] for row in rows}) == len(rows)
    assert {row[key] for row in rows} == {short(str(s), kind) for s in authored.subjects(RDF.type, CLASSES[name])}


def test_the_spans_are_those_that_were_compiled(service: Service, record: Record) -> None:
    columns = (
        "measure",
        "status",
        "rate",
        "terms",
        "from",
        "until",
        "fromInstant",
        "untilInstant",
        "knownFrom",
        "knownUntil",
    )
    rows = sorted([str(row[column]) for column in columns] for row in frame("spans", service))
    wanted = sorted(
        list(
            map(
                str,
                (
                    short(span.measure, "measure"),
                    span.state.status.value,
                    None if span.state.rate is None else float(span.state.rate),
                    span.state.terms,
                    span.start and day_of(span.start, record.zone(span.measure)),
                    span.end and day_of(span.end, record.zone(span.measure)),
                    span.start,
                    span.end,
                    span.known_from,
                    span.known_until,
                ),
            )
        )
        for span in record.spans
    )
    assert rows == wanted
    assert len(rows) > 700


def test_the_effects_are_those_that_apply(service: Service, record: Record) -> None:
    rows = [(r["order"], r["effect"], r["measure"], r["type"], r["act"], r["public"], r["rate"])
            for r in frame("effects", service)]  # fmt: skip
    wanted = [
        (record.order[e.id], short(e.id, "instrument"), short(m, "measure"), e.type.value, short(e.act, "instrument"), e.public,
         None if e.rate is None else float(e.rate))
        for e in record.effects.values() for m in sorted(e.measures)
    ]  # fmt: skip
    assert rows == wanted


def test_the_order_of_effects_is_that_of_application_and_tells_the_day(record: Record) -> None:
    in_turn = in_order(record.effects.values(), record.after)
    assert sorted(record.order, key=lambda e: record.order[e]) == [effect.id for effect in in_turn]
    for public, of_day in groupby(in_turn, key=lambda e: e.public):
        places = [record.order[effect.id] for effect in of_day]
        assert places == [f"{public}/{n:04d}" for n in range(1, len(places) + 1)]


def test_measures_and_items_are_those_of_the_record(service: Service, record: Record, authored: Graph) -> None:
    graph = authored
    rows = {row["measure"]: row for row in frame("measures", service)}
    assert set(rows) == {short(name, "measure") for name in record.measures}
    for name in record.measures:
        row, this = rows[short(name, "measure")], URIRef(name)
        assert row["exceptFor"] == sorted(short(str(c), "country") for c in graph.objects(this, INF.exceptFor))
        assert row["entities"] == sorted(short(str(e), "entity") for e in graph.objects(this, INF.entity))
        assert row["flow"] == sorted(str(f).removeprefix(NS) for f in graph.objects(this, INF.flow))
        assert {row["label"], row["labelZh"]} - {None} == {str(o) for o in graph.objects(this, SKOS.prefLabel)}
    items = {(row["measure"], row["item"]): row for row in frame("items", service)}
    assert set(items) == {
        (short(str(m), "measure"), short(str(i), "instrument")) for m, i in graph.subject_objects(INF.item)
    }
    for (_, item), row in items.items():
        this = URIRef(f"{BASE}instrument/{item}")
        assert row["hsCodes"] == sorted(map(str, graph.objects(this, INF.hsCode)))
        assert row["materials"] == sorted(short(str(m), "material") for m in graph.objects(this, INF.material))


def test_acts_have_their_dates_and_issuers(service: Service, authored: Graph) -> None:
    graph = authored
    for row in frame("acts", service):
        act = URIRef(f"{BASE}instrument/{row['act']}")
        assert str(row["madePublic"]) == str(graph.value(act, INF.madePublic))
        assert str(row["signed"]) == str(graph.value(act, ELI.date_document))
        assert row["passedBy"] == sorted(short(str(a), "actor") for a in graph.objects(act, ELI.passed_by))
        assert row["title"] in {str(o) for o in graph.objects(act, DCTERMS.title)}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_same_on_rdflib(name: str, service: Service, rdflib_graph: Graph) -> None:
    class Second:
        version = service.store.version

        def select(self, query: str) -> bytes:
            return rdflib_graph.query(query).serialize(format="json") or b""

    def told(rows: list[Any]) -> list[str]:
        return sorted(json.dumps({k: str(v) for k, v in row.items()}, ensure_ascii=False) for row in rows)

    assert told(TABLES[name].rows(Second())) == told(TABLES[name].rows(service.store))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (("type: text,", "type: prose,"), "cannot be of type prose"),
        (("of: instrument, ", ""), "names need to say of what"),
        (("property: inf:act", "property: nope:act"), "the prefix nope: is not known"),
        (("key: [clause]", "key: [klause]"), "the key klause is not made of columns"),
        (("#+ title: Clauses\n", ""), "title is missing"),
        ((', description: "the clause or act that contains it directly"', ""), "column partOf is not described"),
    ],
)
def test_a_definition_that_is_wrong_is_refused(changed: tuple[str, str], fault: str, tmp_path: Path) -> None:
    text = (root() / "tables" / "clauses.rq").read_text(encoding="utf-8")
    assert changed[0] in text
    (tmp_path / "clauses.rq").write_text(text.replace(*changed), encoding="utf-8")
    with pytest.raises(InforceError, match=rf"clauses\.rq: .*{fault}"):
        frames.read(tmp_path)


def test_columns_that_are_not_selected_are_refused(service: Service) -> None:
    text = (
        (root() / "tables" / "clauses.rq")
        .read_text(encoding="utf-8")
        .replace("?number ?summary WHERE", "?summary WHERE")
    )
    with pytest.raises(InforceError, match="described are other columns than clause, act, partOf, summary"):
        frames.parse("clauses", text).rows(service.store)


def test_a_name_of_another_kind_is_refused(service: Service) -> None:
    text = (root() / "tables" / "clauses.rq").read_text(encoding="utf-8").replace("of: instrument", "of: measure")
    with pytest.raises(InforceError, match=r"column clause: .* does not begin with https://w3id.org/inforce/measure/"):
        frames.parse("clauses", text).rows(service.store)


# Programs read them


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize("name", TABLES)
def test_csv_and_parquet_say_the_same(name: str, folder: Path, service: Service) -> None:
    rows = frame(name, service)
    assert parquet.read_table(folder / f"{name}.parquet").to_pylist() == rows
    text = (folder / f"{name}.csv").read_bytes()
    assert not text.startswith(b"\xef\xbb\xbf")
    with io.StringIO(text.decode(), newline="") as file:
        read = list(csv.DictReader(file))
    assert [list(row) for row in read[:1]] == [[column.name for column in TABLES[name].columns]]

    def cell(value: Any) -> str:
        if isinstance(value, datetime):
            return value.strftime("%Y-%m-%dT%H:%M:%SZ")
        if isinstance(value, float):
            return str(int(value)) if value.is_integer() else str(value)
        return " ".join(value) if isinstance(value, list) else "" if value is None else str(value)

    assert read == [{name: cell(value) for name, value in row.items()} for row in rows]


def test_duckdb_answers_what_the_catalogue_answers(folder: Path, service: Service, database: Any) -> None:
    """What is in force on a day as known on a day is a filter on the spans: the same measures as by the API."""
    for form in ("parquet", "csv"):
        for on, known in (("2025-11-15", "2025-11-15"), ("2025-04-12", "2025-04-11"), ("2026-11-20", "2026-06-01")):
            found = database.execute(
                f"""SELECT measure, rate FROM '{folder}/spans.{form}' WHERE status = 'inForce'
                AND coalesce("from", DATE '0001-01-01') <= $on AND $on < coalesce("until", DATE '9999-12-31')
                AND "knownFrom" <= $known AND $known < coalesce("knownUntil", DATE '9999-12-31')""",
                {"on": date.fromisoformat(on), "known": date.fromisoformat(known)},
            ).fetchall()
            answer = service.ask("in-force", {"on": [on], "knownOn": [known]}, TODAY).rows
            assert sorted(map(str, found)) == sorted(
                str((short(r["measure"], "measure"), None if r["rate"] is None else float(r["rate"]))) for r in answer
            )
            assert found


def test_duckdb_sees_types_and_open_ends(folder: Path, database: Any) -> None:
    types = dict(
        database.execute(
            f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '{folder}/spans.parquet')"
        ).fetchall()
    )
    assert types["from"] == types["knownUntil"] == "DATE"
    assert types["fromInstant"] == "TIMESTAMP WITH TIME ZONE"
    assert types["rate"] == "DOUBLE"
    assert types["because"] == "VARCHAR[]"
    (least, most, still) = database.execute(
        f"""SELECT min("from"), max("until"), count(*) FILTER ("knownUntil" IS NULL) FROM '{folder}/spans.parquet'"""
    ).fetchone()
    assert date(2000, 1, 1) < least < most < date(2100, 1, 1)
    assert still > 100


def test_pandas_reads_both(folder: Path) -> None:
    dates = ["from", "until", "knownFrom", "knownUntil"]
    text = pd.read_csv(folder / "spans.csv", parse_dates=dates)
    binary = pd.read_parquet(folder / "spans.parquet")
    assert len(text) == len(binary) > 700
    assert list(text.columns) == list(binary.columns)
    for column in dates:
        assert str(text[column].dtype).startswith("datetime64")
        assert [None if pd.isna(v) else v.date() for v in text[column]] == [
            None if pd.isna(v) else v for v in binary[column]
        ]
    assert text["rate"].dtype == binary["rate"].dtype == "float64"
    joined = binary.merge(pd.read_parquet(folder / "measures.parquet"), on="measure", validate="many_to_one")
    assert len(joined) == len(binary)


def test_the_parquet_schema_explains_each_column(folder: Path) -> None:
    for name, table in TABLES.items():
        schema = parquet.read_schema(folder / f"{name}.parquet")
        for column in table.columns:
            metadata = schema.field(column.name).metadata
            assert metadata[b"description"].decode() == column.description
            assert metadata.get(b"property", b"").decode() == (column.meaning or "")


def test_a_column_that_holds_a_property_names_one_that_is_used(rdflib_graph: Graph) -> None:
    used = {str(p) for p in rdflib_graph.predicates(unique=True)}
    named = {column.meaning for table in TABLES.values() for column in table.columns} - {None}
    assert named <= used
    assert len(named) > 30


def test_the_data_package_is_valid_with_its_keys_and_types(folder: Path) -> None:
    report = frictionless.validate(str(folder / "datapackage.json"))
    assert report.valid, report.flatten(["fieldName", "type", "note"])[:5]
    assert {task.name for task in report.tasks} == set(TABLES)
    assert report.stats["errors"] == 0


def test_the_data_package_check_can_fail(folder: Path, tmp_path: Path) -> None:
    for file in (folder / "datapackage.json", *folder.glob("*.csv")):
        shutil.copy(file, tmp_path)
    spans = tmp_path / "spans.csv"
    spans.write_text(
        spans.read_text(encoding="utf-8")
        .replace(",inForce,", ",inForce,much", 1)
        .replace("cn-afsl-2025-dec-us-defence,", "no-such-measure,", 2),
        encoding="utf-8",
    )
    types = {each[0] for each in frictionless.validate(str(tmp_path / "datapackage.json")).flatten(["type"])}
    assert {"hash-count", "type-error", "foreign-key"} & types >= {"type-error"}
    assert "foreign-key" in types


def test_the_zipped_package_is_the_same(folder: Path) -> None:
    with zipfile.ZipFile(folder / "inforce-tables.zip") as archive:
        assert set(archive.namelist()) == {"datapackage.json", *(f"{name}.csv" for name in TABLES)}
        for name in archive.namelist():
            assert archive.read(name) == (folder / name).read_bytes()


def test_programs_read_from_the_running_service(service: Service, folder: Path) -> None:
    """By address, as people do: rdflib a dump, pandas a table, frictionless the package with all of its tables."""
    with serving(create(service, today=lambda: TODAY)) as address:
        graph = Graph().parse(f"{address}/dumps/inforce-compiled.ttl")
        assert len(graph) == len(Graph().parse(data=unpacked(folder / "inforce-compiled.ttl.gz"), format="turtle"))
        assert len(pd.read_csv(f"{address}/dumps/spans.csv")) > 700
        assert len(pd.read_parquet(f"{address}/dumps/spans.parquet")) > 700
        report = frictionless.validate(f"{address}/datapackage.json")
        assert report.valid, report.flatten(["fieldName", "type", "note"])[:5]
        assert len(report.tasks) == len(TABLES)


# The command, and what is documented


def test_the_command_says_where_a_build_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump", "--builds", str(tmp_path), str(tmp_path / "out")]) == 1
    assert "no build here" in capsys.readouterr().err


def test_the_page_describes_the_tables_as_they_are() -> None:
    file = TESTS.parent / "docs" / "make_data.py"
    spec = importlib.util.spec_from_file_location("make_data", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.PAGE.read_text(encoding="utf-8")
    assert page == module.text(page), "docs/data.md: run python docs/make_data.py"
    for name, table in TABLES.items():
        assert f"`{name}`" in page
        assert all(f"| `{column.name}` |" in page for column in table.columns)
