"""Another build takes the place of the one that is served; a build on disk is shared by processes."""

import asyncio
import gc
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import weakref
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from conftest import TESTS, TODAY
from inforce import build, catalogue, intervals, settings
from inforce.model import BASE, InforceError
from inforce.service import Service, Versions
from inforce.store import FOLDER, Embedded, manifest, shared
from inforce.web import succession
from inforce.web.app import create
from inforce.workers import Pool, Task
from test_catalogue import BASE as CALLS

LABEL = "Export licence for gallium items"
STATUS = "/api/status?measure=cn-gallium-licensing&on=2025-11-15&knownOn=2025-11-15"
SPARQL = f"SELECT ?label {{ <{BASE}measure/cn-gallium-licensing> <http://www.w3.org/2004/02/skos/core#prefLabel> ?label FILTER(LANG(?label) = 'en') }}"
# What answers from the store in each of its ways: catalogue, page, document, feed, process for queries.
ASKED = [STATUS, "/measure/cn-gallium-licensing", "/measure/cn-gallium-licensing.ttl",
         "/feeds/changes.atom?material=gallium&from=2023-07-01&to=2023-08-31"]  # fmt: skip


def another(of: Path, mark: str) -> Path:
    """A build beside one that differs from it in the label of a measure and in its version."""
    old, new = manifest(of)["version"], f"0.1.0+{mark:0>12}"
    made = of.parent / new
    shutil.copytree(of, made, ignore=shutil.ignore_patterns(FOLDER, intervals.FILE, "pieces.json"))
    for name in ("inforce.nq", "manifest.json"):
        text = (of / name).read_text(encoding="utf-8")
        (made / name).write_text(text.replace(old, new).replace(LABEL, f"{LABEL} {mark}"), encoding="utf-8")
    return made


def point(to: Path) -> None:
    """Make a build the current one."""
    link = to.parent / ".link"
    link.symlink_to(to.name)
    link.replace(build.current(to.parent))


@pytest.fixture
def first(build_folder: Path, tmp_path: Path) -> Path:
    """A build that is current in a folder of its own."""
    shutil.copytree(build_folder, tmp_path / build_folder.name)
    point(tmp_path / build_folder.name)
    return tmp_path / build_folder.name


def served(first: Path, **wanted: Any) -> FastAPI:
    return create(Service.open(first), today=lambda: TODAY, wanted=settings.load(builds=first.parent, **wanted))


def swapped(app: FastAPI, to: Path) -> None:
    """Make a build the current one and have it noticed; without a lifespan nothing else looks."""
    point(to)
    app.state.succession.look()


def labels(client: TestClient) -> Counter[tuple[str, bool, bool]]:
    """How the answers name their version, and which label is in them: that of the second build, any."""
    found: Counter[tuple[str, bool, bool]] = Counter()
    answers = [client.get(path) for path in ASKED]
    answers.append(client.get("/sparql", params={"query": SPARQL, "format": "csv"}))
    for answer in answers:
        assert answer.status_code == 200, answer.text
        found[answer.headers["dataset-version"], f"{LABEL} second" in answer.text, LABEL in answer.text] += 1
    return found


def test_the_next_build_takes_over(first: Path) -> None:
    """Every answer is of the new one; what was cited stays; a tag of the old one holds no more."""
    app, old, second = served(first), first.name, another(first, "second")
    client = TestClient(app)
    try:
        assert labels(client) == {(old, False, True): 5}
        before = client.get(STATUS)
        cited = before.links["cite-as"]["url"]
        swapped(app, second)
        new = second.name
        assert labels(client) == {(new, True, True): 5}
        after = client.get(STATUS, headers={"If-None-Match": before.headers["etag"]})
        assert (after.status_code, after.json()["version"]) == (200, new)
        assert after.json()["rows"][0]["label"] == f"{LABEL} second"
        for _ in range(2):  # made, and off the shelf
            stays = client.get(cited)
            assert (stays.headers["dataset-version"], stays.json()["rows"]) == (old, before.json()["rows"])
        assert client.get("/health").json()["version"] == client.get("/versions").json()["current"] == new
        assert f'inforce_build{{software="0.1.0",version="{new}"}} 1.0' in client.get("/metrics").text
        assert old not in client.get("/metrics").text
        swapped(app, first)
        assert labels(client) == {(old, False, True): 5}, "and back again"
    finally:
        app.state.pool.close()


def test_a_request_ends_on_the_build_on_which_it_began(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, second = served(first), another(first, "second")
    client = TestClient(app)
    begun, go_on = threading.Event(), threading.Event()
    service = app.state.versions.current
    ask = service.ask

    def slowly(*asked: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return ask(*asked)

    monkeypatch.setattr(service, "ask", slowly)
    with ThreadPoolExecutor() as threads:
        answers = [threads.submit(client.get, path) for path in (STATUS, "/?on=2025-11-15&material=gallium")]
        assert begun.wait(30)
        while sum(thread.name.startswith("AnyIO") for thread in threading.enumerate()) < 2:
            time.sleep(0.01)
        swapped(app, second)
        assert client.get(STATUS).json()["version"] == second.name, "nobody waits for them"
        go_on.set()
        for answer in (each.result(30) for each in answers):
            assert (answer.status_code, answer.headers["dataset-version"]) == (200, first.name)
            assert first.name in answer.text and f"{LABEL} second" not in answer.text


def test_a_store_is_closed_when_nobody_uses_it_any_more(first: Path) -> None:
    """At once, with all that was made of it: no search for garbage is needed."""
    app, builds = served(first, versions=1), [another(first, mark) for mark in ("second", "third")]
    client = TestClient(app)
    for path in (*ASKED, "/", "/coming", "/tariffs", "/ns", "/sparql", "/openapi.json", "/feeds", "/changed"):
        assert client.get(path, headers={"Accept": "text/html, */*;q=0.5"}).status_code == 200
    store = weakref.ref(app.state.versions.current.store)
    gc.collect()
    gc.disable()
    try:
        swapped(app, builds[0])
        assert store() is not None, "an earlier version is open for those who cite it"
        swapped(app, builds[1])
        assert store() is None
    finally:
        gc.enable()


def test_earlier_versions_that_nobody_asks_for_are_closed(first: Path) -> None:
    """What was current keeps only its store for those who cite it, then not even that."""
    second = another(first, "second")
    versions = Versions(Service.open(first))
    versions.current.ask("acts", {}, TODAY)
    versions.succeed(Service.open(second))
    versions.rest(done=60, closed=60)
    assert versions.find(first.name).made
    versions.rest(done=0, closed=60)
    assert not versions.find(first.name).made
    store = weakref.ref(versions.find(first.name).store)
    versions.find(first.name).ask("acts", {}, TODAY)
    gc.collect()  # the errors of a parser hold on to those who called it
    versions.rest(done=0, closed=0)
    assert store() is None
    assert versions.find(first.name).version == first.name, "it is opened again"


def test_a_build_that_cannot_be_opened_changes_nothing(first: Path, caplog: pytest.LogCaptureFixture) -> None:
    app, second = served(first), another(first, "second")
    client, whole = TestClient(app), (second / "inforce.nq").read_bytes()
    (second / "inforce.nq").write_bytes(whole[: len(whole) // 2])
    swapped(app, second)
    told = client.get("/health").json()
    assert (told["status"], told["version"], told["refused"]["build"]) == ("ok", first.name, second.name)
    assert "cannot be opened" in told["refused"]["reason"]
    assert client.get(STATUS).json()["version"] == first.name
    assert [record.levelno for record in caplog.records if record.name == "inforce.builds"].count(logging.ERROR) == 1
    (second / "inforce.nq").write_bytes(whole)
    app.state.succession.look()
    assert client.get("/health").json()["version"] == first.name, "it is not tried again and again"
    app.state.succession.look(again=True)
    told = client.get("/health").json()
    assert (told["version"], "refused" in told) == (second.name, False)
    for name, damage in {
        "gone": shutil.rmtree,
        "bare": lambda folder: (folder / "manifest.json").write_text("{"),
    }.items():
        damage(broken := another(first, name))
        swapped(app, broken)
        assert client.get("/health").json()["refused"]["build"] == broken.name
    swapped(app, second)
    assert "refused" not in client.get("/health").json(), "the one that is served is current again"


def test_a_build_without_processes_for_queries_is_refused(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers at one place answers at all."""
    app, second = served(first), another(first, "second")
    client = TestClient(app)
    try:
        assert client.get("/sparql", params={"query": SPARQL}).status_code == 200
        pids = app.state.pool.pids()
        with monkeypatch.context() as patched:
            patched.setenv("PYTHONPATH", "")
            patched.setattr(sys, "executable", "/bin/false")
            swapped(app, second)
        assert client.get("/health").json()["refused"]["build"] == second.name
        assert labels(client) == {(first.name, False, True): 5}
        assert app.state.pool.pids() == pids
    finally:
        app.state.pool.close()


def test_an_old_build_may_be_deleted_while_it_is_in_use(first: Path) -> None:
    app, second = served(first), another(first, "second")
    client = TestClient(app)
    old = app.state.versions.current
    swapped(app, second)
    shutil.rmtree(first)
    assert old.ask("in-force", {"on": ["2025-11-15"]}, TODAY).rows, "who has it open goes on"
    assert client.get(f"/v/{first.name}/api/status?measure=cn-gallium-licensing").status_code == 404
    assert client.get(STATUS).json()["version"] == second.name
    assert client.get("/dumps/spans.csv").status_code == 200
    shutil.rmtree(second / "dumps")
    assert client.get("/dumps/spans.csv").status_code == 410


def test_only_the_builds_that_are_set_are_followed(service: Service, first: Path) -> None:
    assert create(service).state.succession is None
    assert served(first).state.succession is not None


# The processes for queries


def task(query: str) -> Task:
    return Task(query, [], [], {"rows": "text/csv", "boolean": "text/csv", "graph": None}, None)


def test_queries_that_run_end_on_their_build_and_the_next_find_a_process_ready(first: Path) -> None:
    second = another(first, "second")
    pool = Pool(first / "inforce.nq", settings.load(query_workers=2, query_seconds=30))

    async def asked() -> None:
        assert LABEL.encode() in (await pool.ask("a", task(SPARQL))).body
        (at_work,) = pool.pids()
        os.kill(at_work, signal.SIGSTOP)
        running, queued = [asyncio.ensure_future(pool.ask("a", task(SPARQL))) for _ in range(2)]
        while not pool._running:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(pool.prepare, second / "inforce.nq")
        pids = set(pool.pids())
        pool.turn(second / "inforce.nq")
        assert b"second" in (await pool.ask("b", task(SPARQL))).body
        assert set(pool.pids()) <= pids, "no process had to be started for it"
        os.kill(at_work, signal.SIGCONT)
        for each in (running, queued):
            assert b"second" not in (await each).body, "they were asked of the build before"
        assert b"second" in (await pool.ask("a", task(SPARQL))).body
        assert b"second" not in (await pool.ask("a", task(SPARQL), first / "inforce.nq")).body

    asyncio.run(asked())
    pool.close()
    assert pool.pids() == []


def test_processes_that_wait_change_over(first: Path) -> None:
    """So that none holds a build that is not current any more."""
    second = another(first, "second")
    pool = Pool(first / "inforce.nq", settings.load(query_workers=2))
    asyncio.run(pool.ask("a", task("ASK {}")))
    (before,) = pool.pids()
    pool.prepare(second / "inforce.nq")
    pool.turn(second / "inforce.nq")
    deadline = time.monotonic() + 30
    while before in pool.pids() or Path(f"/proc/{before}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(pool.pids()) == 1
    pool.close()


# On disk


@pytest.fixture(scope="module")
def on_disk(build_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Service:
    folder = tmp_path_factory.mktemp("disk") / build_folder.name
    shutil.copytree(build_folder, folder)
    return Service.open(folder, "disk")


@pytest.mark.parametrize("name", CALLS)
def test_on_disk_the_same_is_found(name: str, on_disk: Service, service: Service) -> None:
    given = {parameter: [value] for parameter, value in CALLS[name].items()}
    here, there = on_disk.ask(name, given, TODAY), service.ask(name, given, TODAY)
    assert here.rows == there.rows and here.found == there.found and here.notices == there.notices
    assert here.found


def test_every_question_is_asked_on_disk(service: Service) -> None:
    assert set(CALLS) == set(service.queries)


def test_a_store_on_disk_is_made_once_by_however_many(first: Path) -> None:
    """All find the same, none of them writes to it, and it answers though its folder is deleted."""
    code = "import sys; from pathlib import Path; from inforce.store import Embedded\n"
    code += "print(Embedded.open(Path(sys.argv[1]), 'disk').ask('ASK { ?s ?p ?o }'))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    opening = [
        subprocess.Popen([sys.executable, "-c", code, str(first)], stdout=subprocess.PIPE, env=environment, text=True)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=120)[0] for process in opening] == ["True\n"] * 3
    made = first / FOLDER
    files = {file.name: file.stat().st_mtime_ns for file in made.iterdir()}
    stores = [Embedded.open(first, "disk") for _ in range(2)]
    assert {file.name: file.stat().st_mtime_ns for file in made.iterdir()} == files
    assert [file.name for file in first.glob(f".{FOLDER}*")] == [f".{FOLDER}.lock"]
    shutil.rmtree(first)
    count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
    assert stores[0].select(count) == stores[1].select(count)
    with pytest.raises(InforceError):
        Embedded.open(first, "disk")


def test_a_store_that_cannot_be_written_is_told(first: Path) -> None:
    (first / "inforce.nq").write_text("no quads")
    with pytest.raises(InforceError, match="cannot be written: SyntaxError"):
        Embedded.open(first, "disk")
    assert not (first / FOLDER).exists()


def test_a_store_that_was_left_half_made_is_made_anew(first: Path) -> None:
    (first / f".{FOLDER}.new").mkdir()
    (first / f".{FOLDER}.new" / "CURRENT").write_text("nonsense")
    assert Embedded.open(first, "disk").ask(f"ASK {{ <{BASE}measure/cn-gallium-licensing> ?p ?o }}")


def test_large_builds_are_held_on_disk_unless_set(first: Path) -> None:
    assert shared(first, "auto") is None and shared(first, "memory") is None
    about = manifest(first)
    about["counts"]["triples"] = 10_000_000
    (first / "manifest.json").write_text(json.dumps(about))
    assert shared(first, "memory") is None
    assert shared(first, "auto") == first / FOLDER == Embedded.open(first, "auto").opened


def test_processes_for_queries_share_what_is_on_disk(on_disk: Service, service: Service) -> None:
    """Within their limits; the default graph is the union, a triple of two graphs counts once, FROM is obeyed."""
    assert isinstance(on_disk.store, Embedded) and isinstance(service.store, Embedded)
    pools = [Pool(store.opened, settings.load(query_workers=2)) for store in (on_disk.store, service.store)]
    assert pools[0]._current.name == FOLDER

    async def asked(query: str) -> None:
        here, there = [await pool.ask("a", task(query)) for pool in pools]
        assert here.said["tag"] == there.said["tag"] and len(here.body) > 5, query

    async def all_() -> None:
        for query in (
            "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }",
            "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g ORDER BY ?g",
            f"SELECT (COUNT(*) AS ?n) FROM <{BASE}graph/ontology> {{ ?s ?p ?o }}",
            catalogue.bind(service.query("in-force"), service.bound("in-force", {"on": ["2025-11-15"]}, TODAY)[0]),
        ):
            await asked(query)

    asyncio.run(all_())
    for pool in pools:
        pool.close()


def test_a_store_of_many_files_is_read_to_the_last(tmp_path: Path) -> None:
    """A process for queries may open no file but those; the engine opens most of them only when it needs them."""
    store = ox.Store(str(tmp_path / FOLDER))
    for n in range(30):
        quads = f'<a:{n}> <a:p> "{n}" <a:g{n}> .\n<a:{n}> <a:p> "{n}" .\n'
        store.bulk_load(input=quads, format=ox.RdfFormat.N_QUADS)
    store.flush()
    del store
    assert len(list((tmp_path / FOLDER).glob("*.sst"))) > 100
    pool = Pool(tmp_path / FOLDER, settings.load(query_workers=2))

    async def asked() -> None:
        for pattern in ("?s ?p ?o", '?s ?p "7"', "<a:7> ?p ?o", "?s <a:p> ?o"):
            for where in (pattern, f"GRAPH ?g {{ {pattern} }}", f"GRAPH <a:g7> {{ {pattern} }}"):
                assert len((await pool.ask("a", task(f"SELECT * {{ {where} }}"))).body.splitlines()) > 1, where

    asyncio.run(asked())
    pool.close()


def test_the_next_build_takes_over_on_disk(first: Path) -> None:
    wanted = settings.load(builds=first.parent, store="disk")
    app = create(Service.open(first, "disk"), today=lambda: TODAY, wanted=wanted)
    client, second = TestClient(app), another(first, "second")
    try:
        assert labels(client) == {(first.name, False, True): 5}
        swapped(app, second)
        assert labels(client) == {(second.name, True, True): 5}
        assert app.state.versions.current.store.opened == second / FOLDER
    finally:
        app.state.pool.close()


# The program


@contextmanager
def running(builds: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`inforce serve` with two processes, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "inforce.cli", "serve", "--port", str(port), "--workers", "2", *arguments]
    environment = {**os.environ, "INFORCE_BUILDS": str(builds), "INFORCE_CONFIG": "", "INFORCE_LOG": "error"}
    environment["INFORCE_QUERY_WAIT"] = "120"
    with subprocess.Popen(
        command, cwd=TESTS, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 300
            while True:
                with suppress(OSError):
                    urllib.request.urlopen(f"{address}/health").close()
                    break
                assert server.poll() is None and time.monotonic() < deadline
                time.sleep(0.2)
            yield server, address
        finally:
            server.terminate()
            server.wait(30)


def health(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}/health") as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def told_by_all(address: str, name: str, value: Any) -> None:
    """Wait until ten answers in a row say the same of their health: by then both processes have been asked."""
    deadline, same = time.monotonic() + 60, 0
    while same < 10:
        same = same + 1 if health(address).get(name) == value else 0
        assert time.monotonic() < deadline, health(address)
        time.sleep(0.02)


def test_no_request_fails_while_processes_change_over(first: Path) -> None:
    """Two swaps under load, one of them by SIGHUP; each answer is right for the version that it names."""
    second, third = another(first, "second"), another(first, "third")
    wanted = {first.name: LABEL, second.name: f"{LABEL} second", third.name: f"{LABEL} third"}
    point(first)
    (first.parent / "current.txt").write_text(f"{first.name} {build._fingerprint(build._digests(TESTS.parent))}\n")
    seen: Counter[str] = Counter()
    done = threading.Event()

    def load(path: str) -> None:
        while not done.is_set():
            with urllib.request.urlopen(address + path, timeout=60) as answer:
                version = answer.headers["Dataset-Version"]
                assert f'"{wanted[version]}"' in answer.read().decode(), (path, version)
            seen[version] += 1

    paths = [STATUS, "/measure/cn-gallium-licensing.ttl", "/sparql?format=srj&query=" + urllib.request.quote(SPARQL)]
    with running(first.parent) as (server, address), ThreadPoolExecutor() as threads:
        try:
            loading = [threads.submit(load, path) for path in paths]
            told_by_all(address, "version", first.name)
            point(second)
            told_by_all(address, "version", second.name)
            whole = (third / "inforce.nq").read_bytes()
            (third / "inforce.nq").unlink()
            point(third)
            deadline = time.monotonic() + 60
            for _ in range(2):  # one after the other, so that both are seen to refuse it
                while "refused" not in health(address):
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            time.sleep(2 * succession.LOOK)
            assert health(address)["version"] == second.name
            (third / "inforce.nq").write_bytes(whole)
            server.send_signal(signal.SIGHUP)
            told_by_all(address, "version", third.name)
        finally:
            done.set()
        for each in loading:
            each.result(60)
        assert server.poll() is None
    assert set(seen) == set(wanted)
