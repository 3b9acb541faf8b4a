"""Queries that mean harm: each ends within its limit and with its status, and leaves the service as it was."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pyoxigraph as ox
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from inforce import settings, worker, workers
from inforce.model import BASE
from inforce.service import Service
from inforce.web import running
from inforce.web.app import create
from inforce.workers import Exceeded, Full, Pool, Task
from live import serving

SRJ = "application/sparql-results+json"
SECONDS = 1.5
LIMITS = {
    "query_seconds": SECONDS,
    "query_memory": 128,
    "query_answer": 1,
    "query_workers": 2,
    "query_queue": 12,
    "query_client": 6,
}
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a a ?b . ?c a ?d . ?e a ?f . ?g a ?h }"


def doubling(times: int) -> str:
    """A text of ten characters, doubled so many times."""
    last = " ".join(f"BIND(CONCAT(?x{i}, ?x{i}) AS ?x{i + 1})" for i in range(times))
    return f"BIND('0123456789' AS ?x0) {last} BIND(?x{times} AS ?x)"


def nested(left: str, inside: str, right: str, times: int = 8_000) -> str:
    return f"SELECT * {{ {left * times}{inside}{right * times} }}"


# The query, and the limit that it reaches, or one of several: which comes first depends on the machine. None: it is
# answered, or refused as bad syntax, or takes too much.
HOSTILE: dict[str, tuple[str, str | None]] = {
    "cross product": (ENDLESS, "time"),
    "cross product of names": ("SELECT (COUNT(DISTINCT ?g) AS ?n) { GRAPH ?g { ?a ?b ?c } GRAPH ?h { ?d ?e ?f } FILTER(?c < ?f) }", "time memory"),
    "paths from everywhere to everywhere": ("SELECT (COUNT(*) AS ?n) { ?a (!<a:b>)* ?b . ?b (!<a:c>|^!<a:d>)* ?c }", "time memory"),
    "path of paths": (f"SELECT * {{ ?a {'(' * 60}!<a:b>{')*' * 60} ?b . ?b (^!<a:c>)* ?c }}", "time"),
    "regex over all pairs": ("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER(REGEX(STR(?c), CONCAT('(a|b|', STR(?f), ')*c'))) }", "time"),
    "regex bomb": ("SELECT (COUNT(*) AS ?n) { ?a ?b ?c FILTER(REGEX(STR(?c), '((((a{1,100}){1,100}){1,100}){1,100}){1,100}')) }", None),
    "backtracking regex": (f"ASK {{ FILTER(REGEX('{'a' * 5000}', '(a+)+(a+)+(a+)+$x')) }}", None),
    "sorting a cross product": ("SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?f", "memory"),
    "literal that doubles": (f"SELECT (STRLEN(?x) AS ?n) {{ {doubling(40)} }}", "memory"),
    "one text of everything": ("SELECT (STRLEN(GROUP_CONCAT(CONCAT(?c, ?f))) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER(ISLITERAL(?c)) }", "memory time"),
    "endless rows": ("SELECT * { ?a ?b ?c . ?d ?e ?f }", "answer"),
    "endless triples": ("CONSTRUCT { ?a ?b ?f } WHERE { ?a ?b ?c . ?d ?e ?f }", "answer"),
    "one huge row": (f"SELECT ?x {{ {doubling(17)} }}", "answer"),
    "parentheses": (nested("FILTER(" + "(" * 8_000, "1", ")" * 8_000 + ")", 1), "nesting"),
    "groups": (nested("{", "", "}"), "nesting"),
    "lists": (nested("(", "1", ")").replace("{ (", "{ ?s ?p (", 1), "nesting time"),
    "subqueries": (nested("{ SELECT * {", "", "}}"), "nesting"),
    "optionals": (nested("OPTIONAL {", "", "}"), "nesting"),
    "blank nodes": (nested("[ <a:b> ", "1", "]").replace("{ [", "{ ?s ?p [", 1), "nesting"),
    "negations": ("SELECT (" + "!" * 20_000 + "1 AS ?x) {}", "nesting"),
    "sums": ("SELECT (1" + "+1" * 20_000 + " AS ?x) {}", "nesting"),
    "a megabyte of unions": ("SELECT * {" + "{ ?s ?p ?o } UNION" * 50_000 + " {} }", "nesting memory time"),
    "a megabyte of patterns": ("SELECT * {" + "?s ?p ?o . " * 90_000 + "}", "nesting memory time"),
    "a megabyte of values": ("SELECT (COUNT(*) AS ?n) { VALUES ?x {" + " 1" * 490_000 + "} }", None),
    "a megabyte of quotes": ("ASK {" + '"\'' * 490_000, None),
    "a megabyte of escapes": (r"ASK {" + r"\u0022" * 160_000, None),
    "a megabyte of nothing": ("ASK {}" + " " * 990_000, None),
}  # fmt: skip
STATUS = {"time": 504, "memory": 422, "answer": 422, "nesting": 422}


@pytest.fixture(scope="module")
def app(service: Service) -> FastAPI:
    return create(service, wanted=settings.load(**LIMITS))


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def ask(client: TestClient, query: str, accept: str = f"{SRJ}, */*;q=0.1") -> Any:
    headers = {"Content-Type": "application/sparql-query", "Accept": accept}
    return client.post("/sparql", content=query.encode(), headers=headers)


def pool_of(app: FastAPI) -> Pool:
    pool: Pool = app.state.pool
    return pool


def children() -> dict[int, str]:
    """The processes that this one has started and that are still there, even dead: their state by id."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == os.getpid():
                found[int(stat.parent.name)] = fields[0]
    return found


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it does not come to pass"
        time.sleep(0.02)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_query_ends_within_its_limit(name: str, client: TestClient) -> None:
    query, limit = HOSTILE[name]
    assert len(query) <= 1_000_000
    assert ask(client, "ASK {}").status_code == 200  # there is a process, and nothing of the last case is left
    start = time.monotonic()
    answer = ask(client, query)
    taken = time.monotonic() - start
    told = answer.json()
    assert taken < SECONDS + 4, "much longer than its limit, even on a busy machine"
    if limit is None and "limit" not in told:
        assert answer.status_code in (200, 400), told
    else:
        assert told["limit"] in (limit or "time memory").split(), told
        assert (answer.status_code, told["type"]) == (STATUS[told["limit"]], BASE + "problems#query-limit")
        assert told.get("most") == {"time": SECONDS, "memory": 128 * 2**20, "answer": 10**6}.get(told["limit"])
    assert "query-limits" in answer.headers


def test_an_answer_is_whole_or_none_at_all(client: TestClient) -> None:
    """What is near the limit is sent to the last byte; what is beyond it is no answer."""
    row = "SELECT ?x {{ VALUES ?y {{ {} }} BIND('{}' AS ?x) }}"
    some, more = (ask(client, row.format("1 " * n, "x" * 990), "text/csv") for n in (1000, 1020))
    assert (some.status_code, more.status_code) == (200, 422)
    assert some.text.split() == ["x", *["x" * 990] * 1000]


def test_no_connection_is_made(client: TestClient, service: Service) -> None:
    """SERVICE is refused; a process could not connect even if it were not. Without all that, the engine does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        port = server.getsockname()[1]
        closed = [f"{kind} <http://127.0.0.1:{port}/>" for kind in ("SERVICE", "SERVICE SILENT", "FROM", "FROM NAMED")]
        for clause in closed:
            query = (
                f"SELECT * {clause} {{ ?s ?p ?o }}" if "FROM" in clause else f"SELECT * {{ {clause} {{ ?s ?p ?o }} }}"
            )
            ask(client, query)
            ask(client, f"LOAD <http://127.0.0.1:{port}/>")
        with pytest.raises(TimeoutError):
            server.accept()
        assert _service_in_a_worker(service, port) != {}
        with pytest.raises(TimeoutError):
            server.accept()
        free = threading.Thread(target=_service_unconfined, args=(port,))
        free.start()
        server.accept()[0].close()  # so the test would see a connection
        free.join()


def _service_in_a_worker(service: Service, port: int) -> dict[str, Any]:
    """What a process says of SERVICE when it is not told to refuse it."""
    assert service.folder is not None
    code = "import inforce.worker as w; w._refuse = lambda query: None; w.main()"
    setup = {"opened": str(service.folder / "inforce.nq"), "seconds": 20, "memory": 10**8, "answer": 10**6, "page": 10**6,
             "base": BASE, "prefixes": {}}  # fmt: skip
    task = {"query": f"SELECT * {{ SERVICE <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}", "default": [], "named": [],
            "media": {"rows": SRJ}, "coding": None}  # fmt: skip
    lines = json.dumps(setup) + "\n" + json.dumps(task) + "\n"
    ended = subprocess.run(
        [sys.executable, "-c", code], input=lines.encode(), capture_output=True, timeout=60, check=True
    )
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[1])
    assert "problem" in told, told
    return told


def _service_unconfined(port: int) -> None:
    with contextlib.suppress(OSError):
        ox.Store().query(f"SELECT * {{ SERVICE <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}")


# The queue


def test_many_at_once_while_others_are_served(service: Service) -> None:
    """200 endless queries of one client: few run or wait, the others are sent away; another client is answered."""
    app = create(service, wanted=settings.load(**{**LIMITS, "query_client": 3}))
    with serving(app) as address:
        host, port = urlsplit(address).netloc.split(":")
        path = "/sparql?" + urlencode({"query": ENDLESS})

        def get(path: str, source: str) -> tuple[int, Any, float]:
            start = time.monotonic()
            connection = http.client.HTTPConnection(host, int(port), timeout=60, source_address=(source, 0))
            with contextlib.closing(connection):
                connection.request("GET", path, headers={"Accept": SRJ})
                answer = connection.getresponse()
                return answer.status, (answer.headers, json.loads(answer.read())), time.monotonic() - start

        assert get("/sparql?query=ASK+%7B%7D", "127.0.0.1")[0] == 200
        with ThreadPoolExecutor(200) as attackers:
            attack = [attackers.submit(get, path, "127.0.0.2") for _ in range(200)]
            until(lambda: any(each.done() for each in attack))
            ordinary = [get("/sparql?query=ASK+%7B%7D", "127.0.0.1") for _ in range(5)]
            others = [get("/health", "127.0.0.1") for _ in range(5)]
            told = [each.result() for each in attack]
        assert [status for status, _, _ in (*ordinary, *others)] == [200] * 10
        counts = Counter(status for status, _, _ in told)
        assert set(counts) <= {429, 503, 504}
        assert counts[429] >= 100  # at once, as one client may have three
        assert counts[504] >= 1
        for status, (headers, problem), _ in told:
            if status in (429, 503):
                assert int(headers["retry-after"]) > 0
                assert problem["type"] == BASE + f"problems#{'too-many-queries' if status == 429 else 'unavailable'}"
        pool = pool_of(app)
        assert len(pool.pids()) <= 2
    assert pool.pids() == []
    assert not [pid for pid, state in children().items() if state == "Z"]


def task(query: str) -> Task:
    return Task(query, [], [], {"rows": SRJ, "boolean": SRJ, "graph": "text/turtle"}, None)


@pytest.fixture
def pool(service: Service) -> Iterator[Pool]:
    assert service.folder is not None
    pool = Pool(service.folder / "inforce.nq", settings.load(**LIMITS))
    yield pool
    pool.close()
    assert pool.pids() == []


def test_places_are_counted(pool: Pool) -> None:
    for _ in range(6):
        pool.enter("a")
    with pytest.raises(Full) as own:
        pool.enter("a")
    assert own.value.own
    for name in "bcdefg":
        pool.enter(name)
    with pytest.raises(Full) as all_:
        pool.enter("h")
    assert not all_.value.own
    pool.leave("a")
    pool.enter("h")


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "/sparql?query=ASK+%7B%7D", {}),
        ("POST", "/sparql", {"data": {"query": "ASK {}"}}),
        ("GET", "/graph-store?graph=https://w3id.org/inforce/graph/cn-mofcom-2025-70", {}),
    ],
)
def test_who_has_no_place_waits_for_a_while(
    method: str, path: str, more: Any, client: TestClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is answered if there is one then; else sent away."""
    pool = pool_of(app)

    def while_waiting(*pause: float) -> float:
        assert pause == running.PAUSE
        if frees:
            pool.leave("testclient")
        return 0

    monkeypatch.setattr(running.random, "uniform", while_waiting)
    for _ in range(6):
        pool.enter("testclient")
    frees = False
    assert client.request(method, path, **more).status_code == 429
    frees = True
    assert client.request(method, path, **more).status_code == 200
    for _ in range(5):
        pool.leave("testclient")
    assert not pool._inside


def test_a_client_has_half_of_the_processes_and_clients_take_turns(pool: Pool) -> None:
    async def asked() -> None:
        start = time.monotonic()
        slow = [asyncio.ensure_future(pool.ask("slow", task(ENDLESS))) for _ in range(3)]
        await asyncio.sleep(0)
        found = await asyncio.gather(*(pool.ask("quick", task("ASK {}")) for _ in range(20)))
        assert all(json.loads(each.body)["boolean"] for each in found)
        assert not all(each.done() for each in slow)
        ended = await asyncio.gather(*slow, return_exceptions=True)
        assert time.monotonic() - start >= 3 * SECONDS, "one after the other"
        assert [getattr(each, "limit", None) for each in ended] == ["time"] * 3

    asyncio.run(asked())


def test_a_turn_that_does_not_come_is_given_up(pool: Pool) -> None:
    pool.limits = settings.load(**LIMITS, query_wait=0.3)

    async def asked() -> None:
        first = asyncio.ensure_future(pool.ask("a", task(ENDLESS)))
        await asyncio.sleep(0)
        with pytest.raises(Full):
            await pool.ask("a", task("ASK {}"))
        with pytest.raises(Exceeded):
            await first

    asyncio.run(asked())


def test_a_long_query_gets_what_the_others_leave(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It loses its priority, and its process is no more used for others."""
    monkeypatch.setattr(workers, "LONG", 0.2)

    async def asked() -> None:
        await pool.ask("a", task("ASK {}"))
        (pid,) = pool.pids()
        assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + worker.NICENESS
        asking = asyncio.ensure_future(pool.ask("a", task(ENDLESS)))
        await asyncio.sleep(0.8)
        assert workers.LAST in {os.getpriority(os.PRIO_PROCESS, each) for each in pool.pids()}
        with pytest.raises(Exceeded):
            await asking
        until(lambda: not pool._running)
        assert workers.LAST not in {os.getpriority(os.PRIO_PROCESS, each) for each in pool.pids()}

    asyncio.run(asked())


def test_whoever_goes_away_frees_the_process(pool: Pool) -> None:
    async def asked() -> None:
        await pool.ask("a", task("ASK {}"))
        before = pool.pids()
        asking = asyncio.ensure_future(pool.ask("a", task(ENDLESS)))
        await asyncio.sleep(0.3)
        start = time.monotonic()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await pool.ask("a", task("ASK {}"))
        assert time.monotonic() - start < SECONDS * 5
        assert not set(before) & set(pool.pids())

    asyncio.run(asked())


def test_a_client_that_hangs_up_frees_its_process(service: Service) -> None:
    app = create(service, wanted=settings.load(**{**LIMITS, "query_seconds": 50}))
    pool = pool_of(app)
    with serving(app) as address:
        host, port = urlsplit(address).netloc.split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"GET /sparql?{urlencode({'query': ENDLESS})} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            until(lambda: bool(pool._running))
            until(lambda: bool(pool.pids()))
        until(lambda: not pool._running and not pool._inside, 20)
    assert pool.pids() == []


def test_a_process_that_is_killed_is_replaced(client: TestClient, app: FastAPI) -> None:
    ask(client, "ASK {}")
    for pid in pool_of(app).pids():
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: children().get(pid, "Z") == "Z")
    assert [ask(client, "ASK {}").status_code for _ in range(4)] == [200] * 4


def test_memory_returns_to_its_level(service: Service) -> None:
    """A process that a query made grow is replaced by a fresh one."""
    assert service.folder is not None
    limits = settings.load(**{**LIMITS, "query_memory": 256, "query_seconds": 30})
    pool = Pool(service.folder / "inforce.nq", limits)

    def resident() -> int:
        sizes = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in pool.pids()]
        return max(sizes, default=0)

    async def asked() -> None:
        await pool.ask("a", task("ASK {}"))
        before = resident()
        for query in (HOSTILE["sorting a cross product"][0], HOSTILE["literal that doubles"][0]):
            with pytest.raises(Exceeded):
                await pool.ask("a", task(query))
        until(lambda: not pool._running)
        pids = pool.pids()
        await pool.ask("a", task("SELECT (COUNT(*) AS ?n) { SELECT DISTINCT * { ?a ?b ?c . ?d ?e ?f } LIMIT 300000 }"))
        until(lambda: not pool._running)
        assert set(pool.pids()) - set(pids), "one that grew is replaced though it answered"
        assert resident() < before + worker.GROWN * 2**20

    asyncio.run(asked())
    pool.close()


def test_a_process_does_not_outlive_its_parent(service: Service) -> None:
    """Neither one that waits nor one that works, however the parent dies."""
    code = """
import asyncio, os, sys
from pathlib import Path
from inforce import settings
from inforce.workers import Pool, Task
pool = Pool(Path(sys.argv[1]), settings.load(query_seconds=2, query_workers=4))
def ask(query, client):
    return pool.ask(client, Task(query, [], [], {"rows": "text/csv", "boolean": "text/csv", "graph": None}, None))
async def main():
    asyncio.ensure_future(ask(sys.argv[2], "a"))
    await ask("SELECT * {}", "b")
    while len(pool.pids()) < 2:
        await asyncio.sleep(0.05)
    print(*pool.pids(), flush=True)
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    assert service.folder is not None
    ended = subprocess.run(
        [sys.executable, "-c", code, str(service.folder / "inforce.nq"), ENDLESS], capture_output=True, timeout=60
    )
    assert ended.returncode == -signal.SIGKILL
    pids = [int(pid) for pid in ended.stdout.split()]
    assert len(pids) >= 2
    until(
        lambda: (
            not any(
                Path(f"/proc/{pid}/cmdline").exists() and b"inforce.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
                for pid in pids
            )
        )
    )


def test_a_build_that_cannot_be_loaded_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pool = Pool(tmp_path / "nothing.nq", settings.load(**LIMITS))
    with pytest.raises(workers.Unavailable, match="does not start"):
        asyncio.run(pool.ask("a", task("ASK {}")))
    pool.close()
    assert "FileNotFoundError" in capfd.readouterr().err


def test_an_idle_process_is_ended(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "IDLE", 0.2)
    asyncio.run(pool.ask("a", task("ASK {}")))
    until(lambda: pool.pids() == [])
    assert asyncio.run(pool.ask("a", task("ASK {}"))).body


# Who is counted, and how long an answer may wait to be taken


@pytest.mark.parametrize(
    ("host", "counted"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("testclient", "testclient"), (None, "")],
)
def test_who_is_counted(host: str | None, counted: str) -> None:
    scope = {"type": "http", "client": (host, 1) if host else None, "headers": []}
    assert running._client(running.Request(scope)) == counted


def test_an_answer_that_nobody_takes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The place of the client is held while its answer is being sent, and no longer than TAKEN."""
    monkeypatch.setattr(running, "TAKEN", 0.1)
    left: list[bool] = []
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 3:
            assert not left
            await asyncio.sleep(60)

    async def receive() -> Any:
        raise AssertionError

    response = running._Taken(running.Response(b"x" * 1_000_000), lambda: left.append(True))
    asyncio.run(response({"type": "http"}, receive, send))
    assert left == [True]
    assert len(sent) == 3 and sent[-1]["more_body"]


def test_the_pool_counts_how_queries_end(client: TestClient) -> None:
    ask(client, "ASK {}")
    ask(client, ENDLESS)
    text = client.get("/metrics").text
    for outcome in ("answered", "time"):
        (line,) = [
            line for line in text.splitlines() if line.startswith(f'inforce_sparql_queries_total{{outcome="{outcome}"')
        ]
        assert float(line.split()[1]) >= 1
