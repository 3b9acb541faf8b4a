"""What holds for every answer over HTTP, and for the program that serves: headers, errors, logs, metrics, settings."""

import asyncio
import gzip
import json
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from conftest import TESTS, TODAY
from inforce import build, logs, settings
from inforce.codings import zstd
from inforce.model import BASE, InforceError
from inforce.record import root
from inforce.remote import Remote
from inforce.service import Service, Versions
from inforce.settings import Settings
from inforce.store import Unavailable
from inforce.web.app import create
from inforce.web.errors import RETRY_AFTER, TITLES
from inforce.web.manners import Manners
from inforce.web.metrics import Metrics
from live import serving

ASKED = "/api/in-force?on=2025-11-15&knownOn=2025-11-15&material=gallium&destination=US"
READ = [ASKED, "/api/chain?act=cn-mofcom-2025-72", "/queries/in-force.rq", "/versions", "/openapi.json", "/docs", "/",
        "/measure/cn-gallium-licensing.ttl", "/static/vendor/swagger-ui/swagger-ui-bundle.js", "/sparql?query=SELECT*%7B%3Fs%20a%20%3Fc%7D",
        "/dumps/spans.csv"]  # fmt: skip
OPEN = {"zstd": zstd.decompress, "br": brotli.decompress, "gzip": gzip.decompress}


def raw(client: TestClient, path: str, **headers: str) -> Any:
    """An answer with its body as it came, not decoded."""
    with client.stream("GET", path, headers={"Accept-Encoding": "identity", **headers}) as answer:
        answer.body = b"".join(answer.iter_raw())
    return answer


# Validators, codings, methods


@pytest.mark.parametrize("path", READ)
def test_an_answer_is_sent_once(path: str, client: TestClient) -> None:
    """A strong tag; with it, nothing is sent again; HEAD tells all but the body."""
    full = raw(client, path)
    tag = full.headers["etag"]
    assert full.status_code == 200
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    assert int(full.headers["content-length"]) == len(full.body)
    for held in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        again = raw(client, path, **{"If-None-Match": held})
        assert (again.status_code, again.body) == (304, b"")
        for name in ("etag", "vary", "cache-control"):
            assert again.headers[name] == full.headers[name]
    assert raw(client, path, **{"If-None-Match": '"x"'}).status_code == 200
    head = client.head(path, headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    passing = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in passing} == {
        k: v for k, v in full.headers.items() if k not in passing
    }


@pytest.mark.parametrize("path", [path for path in READ if path != "/versions"])
@pytest.mark.parametrize("coding", OPEN)
def test_codings(path: str, coding: str, client: TestClient) -> None:
    """Each coding gives the same bytes when opened, under a tag of its own."""
    bare, packed = raw(client, path), raw(client, path, **{"Accept-Encoding": coding})
    assert packed.headers["content-encoding"] == coding
    assert OPEN[coding](packed.body) == bare.body
    assert len(packed.body) == int(packed.headers["content-length"]) < len(bare.body)
    assert packed.headers["etag"] == f'{bare.headers["etag"][:-1]}-{coding}"'
    assert "Accept-Encoding" in packed.headers["vary"]
    assert "Accept-Encoding" in bare.headers["vary"]
    again = raw(client, path, **{"Accept-Encoding": coding, "If-None-Match": packed.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("accepted", "sent"),
    [("gzip, deflate, br, zstd", "zstd"), ("gzip;q=1, br;q=0.5", "gzip"), ("gzip, br", "br"), ("zstd;q=0", None), ("*", "zstd"), ("deflate", None), ("identity", None), ("", None)],
)  # fmt: skip
def test_which_coding(accepted: str, sent: str | None, client: TestClient) -> None:
    assert raw(client, ASKED, **{"Accept-Encoding": accepted}).headers.get("content-encoding") == sent


def test_what_is_small_or_packed_already_is_sent_as_it_is(client: TestClient) -> None:
    for path in ("/health", ASKED + "&format=parquet"):
        assert "content-encoding" not in raw(client, path, **{"Accept-Encoding": "gzip"}).headers


def test_an_answer_depends_on_what_it_names(client: TestClient) -> None:
    answer = client.get(ASKED)
    assert set(answer.headers["vary"].split(", ")) == {"Accept", "Accept-Language", "Cookie", "Accept-Encoding"}
    assert "origin" not in answer.headers["vary"].lower(), "everyone gets the same: no need to keep it for each site"


METHODS = [
    (ASKED, "GET, HEAD, OPTIONS"),
    ("/v/x/api/in-force", "GET, HEAD, OPTIONS"),
    ("/sparql", "GET, HEAD, OPTIONS, POST"),
    ("/api/batch", "OPTIONS, POST"),
    ("/health", "GET, HEAD, OPTIONS"),
    ("/measure/cn-gallium-licensing", "GET, HEAD, OPTIONS"),
]


@pytest.mark.parametrize(("path", "allowed"), METHODS)
def test_methods(path: str, allowed: str, client: TestClient) -> None:
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - set(allowed.split(", ")):
        refused = client.request(method, path)
        assert (refused.status_code, refused.headers["allow"]) == (405, allowed), method
        assert refused.json()["type"] == BASE + "problems#method-not-allowed"
    told = client.options(path)
    assert (told.status_code, told.content, told.headers["allow"]) == (204, b"", allowed)


def test_other_sites_may_ask(client: TestClient) -> None:
    for path in (ASKED, "/nothing", "/api/in-force?on=x"):
        answer = client.get(path, headers={"Origin": "https://example.org"})
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        assert {"ETag", "Link", "X-Total-Count"} <= set(answer.headers["access-control-expose-headers"].split(", "))
        assert "access-control-allow-credentials" not in answer.headers
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    before = client.options("/api/batch", headers={**asked, "Access-Control-Request-Headers": "content-type"})
    assert before.status_code == 204
    assert "POST" in before.headers["access-control-allow-methods"]
    assert before.headers["access-control-allow-headers"] == "*"


# Errors


def test_every_error_is_a_problem_document(client: TestClient) -> None:
    calls = {
        400: client.get("/sparql", params={"query": "SELECT"}),
        404: client.get("/nothing/here"),
        405: client.delete(ASKED),
        406: client.get(ASKED, headers={"Accept": "image/png"}),
        413: client.post("/sparql", content=b"x" * 1_000_001, headers={"Content-Type": "application/sparql-query"}),
        415: client.post("/sparql", content=b"x", headers={"Content-Type": "text/plain"}),
        422: client.get("/api/in-force?on=yesterday"),
    }
    for status, answer in calls.items():
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        told = answer.json()
        assert told["status"] == status
        assert told["type"].removeprefix(BASE + "problems#") in TITLES
        assert told["title"] == TITLES[told["type"].rpartition("#")[2]]
    assert calls[406].json()["alternates"][0] == "application/json"


def test_a_body_is_read_no_further_than_it_may_go(service: Service) -> None:
    """A body without end is refused once it is longer than allowed."""
    asked, told = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b" " * 100_000, "more_body": True}

    async def send(message: Any) -> None:
        told.append(message.get("status"))

    kind = (b"content-type", b"application/sparql-query")
    scope = {"type": "http", "method": "POST", "path": "/sparql", "query_string": b"", "headers": [kind]}
    asyncio.run(create(service)(scope, receive, send))
    assert told[0] == 413
    assert asked == 11


def test_who_hangs_up_while_he_is_read_is_no_failure(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        raise AssertionError("nobody is there")

    kind = (b"content-type", b"application/sparql-query")
    scope = {"type": "http", "method": "POST", "path": "/sparql", "query_string": b"", "headers": [kind]}
    with caplog.at_level(logging.INFO, logger="inforce.http"):
        asyncio.run(create(service)(scope, receive, send))
    (record,) = caplog.records
    assert (record.levelno, record.__dict__["status"]) == (logging.INFO, 499)


@pytest.fixture
def broken(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A service that fails at every question."""

    def fail(*_: Any) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(service, "ask", fail)
    with TestClient(create(service, today=lambda: TODAY)) as client:
        yield client


def test_what_breaks_is_logged_not_shown(broken: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    answer = broken.get(ASKED, headers={"X-Request-ID": "case-7"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "case-7"
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert "case-7" in answer.json()["detail"]
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.exc_info is not None and "secret of the house" in str(record.exc_info[1])


def test_a_store_that_does_not_answer(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    queries, manifest = service.queries, service.manifest
    remote = Service.__new__(Service)
    remote.__dict__.update(service.__dict__, store=Remote("http://127.0.0.1:9/sparql", timeout=1))
    assert (remote.queries, remote.manifest) == (queries, manifest)
    with TestClient(create(remote, today=lambda: TODAY)) as client:
        for path in (ASKED, "/health"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == str(RETRY_AFTER)
            assert answer.json()["type"] == BASE + "problems#unavailable"


# Ids, logs, metrics, health


def test_every_answer_has_an_id(client: TestClient) -> None:
    made = {client.get(path).headers["x-request-id"] for path in (ASKED, "/nothing", "/")}
    assert len(made) == 3
    assert client.get(ASKED, headers={"X-Request-ID": "a-1.b_2"}).headers["x-request-id"] == "a-1.b_2"
    for indecent in ("", "x" * 129, 'a"b', "a b", "<script>"):
        assert client.get(ASKED, headers={"X-Request-ID": indecent}).headers["x-request-id"] != indecent


def test_a_request_is_a_line_of_json(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "inforce.http")
    client.get(ASKED, headers={"X-Request-ID": "case-8"})
    (record,) = [r for r in caplog.records if r.name == "inforce.http"]
    line = logs.Lines().format(record)
    told = json.loads(line)
    assert "\n" not in line
    assert (told["request_id"], told["method"], told["status"]) == ("case-8", "GET", 200)
    assert told["path"] == "/api/in-force"
    assert told["query"] == ASKED.partition("?")[2]
    assert told["ms"] >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", told["time"])


def test_metrics_count_by_route(service: Service) -> None:
    """By routes, not by paths: what strangers ask for makes no new series."""
    with TestClient(create(service, today=lambda: TODAY)) as client:
        for path in (ASKED, ASKED, "/api/in-force?on=x", "/api/nothing", "/measure/a", "/measure/b", "/health"):
            client.get(path)
        text = client.get("/metrics")
    assert text.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(text.text)}
    counted = {
        (s.labels["route"], s.labels["status"]): s.value for s in families["inforce_http_requests"].samples
    }  # fmt: skip
    assert counted["/api/in-force", "200"] == 2
    assert counted["/api/in-force", "422"] == 1
    assert counted["/{path:path}", "404"] == 2
    assert counted["none", "404"] == 1
    assert families["inforce_build"].samples[0].labels["version"] == service.manifest["version"]
    assert families["inforce_http_request_seconds"].type == "histogram"


def test_health(client: TestClient, service: Service) -> None:
    answer = client.get("/health")
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told["status"] == "ok"
    assert told["version"] == service.manifest["version"]
    assert set(told["coveredThrough"]) == {"CN", "US"}


def test_nothing_is_held_back(service: Service) -> None:
    """The outermost layer passes each part of an answer on before the next one comes."""
    passed: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"a", b"b"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            passed.append(f"after {part.decode()}")
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        passed.append(message.get("body", b"start").decode())

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    asyncio.run(Manners(app, Metrics("x"), Versions(service))(scope, None, send))  # type: ignore[arg-type]
    assert passed == ["start", "a", "after a", "b", "after b", ""]


def test_the_docs_come_from_here(client: TestClient) -> None:
    page = client.get("/docs")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    for path in {p for p in loaded if p.endswith((".js", ".css", ".svg"))}:
        assert path.startswith("/")
        assert client.get(path).status_code == 200
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*src=)", page.text)
    assert client.get("/static/vendor/swagger-ui/LICENSE").status_code == 404
    vendor = root() / "service" / "inforce" / "web" / "static" / "vendor" / "swagger-ui"
    assert (vendor / "LICENSE").is_file()


# Settings and the server


def test_settings_are_found_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.toml"
    file.write_text('port = 1\nhost = "file"\nworkers = 3\n')
    monkeypatch.setenv("INFORCE_CONFIG", str(file))
    monkeypatch.setenv("INFORCE_HOST", "environment")
    monkeypatch.setenv("INFORCE_PORT", "2")
    found = settings.load(port=3, workers=None)
    assert (found.port, found.host, found.workers) == (3, "environment", 3)
    with pytest.raises(ValueError, match="frozen"):
        found.port = 4  # type: ignore[misc]


def test_the_settings_file_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("inforce.toml").write_text("cache = 7\n")
    assert settings.load().cache == 7


@pytest.mark.parametrize(
    ("text", "told"),
    [("port = 'x'", "setting port"), ("port = 70000", "setting port"), ("prot = 1", "setting prot"), ("port =", "x.toml"), ("workers = 0", "setting workers"), ("endpoint = 'no'", "setting endpoint")],
)  # fmt: skip
def test_what_is_no_setting_is_told(text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.toml").write_text(text)
    monkeypatch.setenv("INFORCE_CONFIG", str(tmp_path / "x.toml"))
    with pytest.raises(InforceError, match=told):
        settings.load()


def test_what_is_no_setting_of_the_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFORCE_PROT", "1")
    with pytest.raises(InforceError, match="INFORCE_PROT is no setting; nearest: INFORCE_PORT"):
        settings.load()


def test_a_settings_file_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFORCE_CONFIG", "/nowhere/x.toml")
    with pytest.raises(InforceError, match="no such settings file"):
        settings.load()


def test_settings_go_on_to_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    stated = settings.load(port=1234, cache=0, endpoint="http://localhost:3030/x", log="error")
    for name, value in stated.environment().items():
        monkeypatch.setenv(name, value)
    assert settings.load() == stated


def test_every_setting_is_documented() -> None:
    text = (root() / "docs" / "configuration.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert f"| `{name}` | `INFORCE_{name.upper()}` |" in text
        assert field.description is not None and field.description in text, name


def test_every_address_is_documented() -> None:
    text = (root() / "docs" / "http.md").read_text(encoding="utf-8")
    for path in ("/api/", "/v/", "/versions", "/queries/", "/sparql", "/health", "/metrics", "/docs", "/openapi.json"):
        assert f"`{path}" in text, path
    for name in TITLES:
        assert f"`{name}`" in text, name


def test_another_store_answers_the_same(service: Service, client: TestClient) -> None:
    """The same questions of a SPARQL endpoint: here, of this very service behind HTTP."""
    with serving(create(service, today=lambda: TODAY)) as address:
        other = Service.of(settings.load(endpoint=f"{address}/sparql"))
        assert other.folder is None
        assert {k: v for k, v in service.manifest.items() if k != "checksum"} | {
            "counts": other.manifest["counts"]
        } == (other.manifest)
        with TestClient(create(other, today=lambda: TODAY)) as remote:
            for path in (ASKED, "/api/explain?measure=cn-gallium-licensing&knownOn=2025-11-15&on=2025-11-15",
                         "/api/chain?act=cn-mofcom-2025-72&format=nt"):  # fmt: skip
                assert remote.get(path).content == client.get(path).content
            assert remote.get("/health").json()["version"] == service.manifest["version"]
            kept = remote.get("/versions").json()
            assert [each["dump"] for each in kept["versions"]] == [None]
            assert remote.get(f"/v/{kept['current']}/dumps/inforce.nq").status_code == 404
        other.manifest = {**other.manifest, "version": "0.0.0+before"}
        with pytest.raises(Unavailable, match="start anew"):
            other.ask("status", {"measure": ["cn-gallium-licensing"]}, TODAY)


def test_another_record_is_served(tmp_path: Path) -> None:
    """`--data` names the root of a record: its own measures, with the questions of the package."""
    for part in ("ontology", "data"):
        shutil.copytree(root() / part, tmp_path / "record" / part)
    for file in (tmp_path / "record" / "data").rglob("*.ttl"):
        text = file.read_text(encoding="utf-8")
        if "Export licence for gallium items" in text:
            file.write_text(text.replace("Export licence for gallium items", "Another record"), encoding="utf-8")
    other = Service.of(settings.load(builds=tmp_path / "builds", data=tmp_path / "record"))
    rows = other.ask("status", {"measure": ["cn-gallium-licensing"], "on": ["2025-11-15"]}, TODAY).rows
    assert rows[0]["label"] == "Another record"
    assert [folder.name for folder in build.kept(tmp_path / "builds")] == [other.manifest["version"]]


def test_a_build_is_used_again_as_long_as_its_sources_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, builds = tmp_path / "record", tmp_path / "builds"
    for part in ("ontology", "data", "queries"):
        shutil.copytree(root() / part, record / part)
    first = Service.of_current_build(builds, record).manifest["version"]

    def compiled(*_: object) -> None:
        raise InforceError("compiled")

    with monkeypatch.context() as patched:
        patched.setattr(build, "_compile", compiled)
        assert Service.of_current_build(builds, record).manifest["version"] == first
        other = record / "queries" / "another.rq"
        other.write_text((record / "queries" / "acts.rq").read_text())
        with pytest.raises(InforceError, match="compiled"):
            Service.of_current_build(builds, record)
        other.unlink()
        build.current(builds).unlink()
        build.current(builds).symlink_to("another")
        with pytest.raises(InforceError, match="compiled"):
            Service.of_current_build(builds, record)
    assert Service.of_current_build(builds, record).manifest["version"] == first
    assert build.current(builds).resolve().name == first


def test_several_processes_serve_and_count_together(build_folder: Path, tmp_path: Path) -> None:
    """`inforce serve --workers 2`: two processes on one build, one count; they end when they are told to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "inforce.cli", "serve", "--port", port, "--workers", "2", "--log", "warning"]
    environment = {**os.environ, "INFORCE_BUILDS": str(tmp_path), "INFORCE_CONFIG": ""}
    shutil.copytree(build_folder, tmp_path / build_folder.name)
    with subprocess.Popen(command, cwd=TESTS, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            deadline = time.monotonic() + 90
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
                        assert json.load(answer)["status"] == "ok"
                    break
                except OSError:
                    assert server.poll() is None and time.monotonic() < deadline
                    time.sleep(0.3)
            for _ in range(20):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/versions").close()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                text = answer.read().decode()
            assert 'inforce_http_requests_total{method="GET",route="/versions",status="200"} 20.0' in text
        finally:
            server.terminate()
            server.wait(30)
