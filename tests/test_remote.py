"""The remote store against servers that fail in every way: what is asked again, what is told, and what is never shown."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr

from inforce import remote, settings
from inforce.model import InforceError
from inforce.remote import Access, Remote
from inforce.store import Unavailable

QUERY = "SELECT ?x WHERE { ?s ?p ?x }"
RESULTS = "application/sparql-results+json"
SECRET = "s3cr3t-of-the-house"


def results(*rows: dict[str, dict[str, str]]) -> bytes:
    return json.dumps({"head": {"vars": ["x"]}, "results": {"bindings": list(rows)}}).encode()


ONE = results({"x": {"type": "literal", "value": "1"}})


class Server(ThreadingHTTPServer):
    """A server that answers as its script says, and remembers what it was asked and over how many connections."""

    daemon_threads = True

    def __init__(self, answer: Callable[["Asked"], None]) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.answer, self.requests, self.connections = answer, 0, 0
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/sparql"


class Asked(BaseHTTPRequestHandler):
    """One connection, and the request on it."""

    protocol_version = "HTTP/1.1"
    server: Server
    number: int
    query: str

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def do_POST(self) -> None:
        with self.server.lock:
            self.server.requests += 1
            self.number = self.server.requests
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.query = parse_qs(body)["query"][0]
        self.server.answer(self)

    def say(self, status: int, body: bytes = b"", media: str = RESULTS, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": media, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(answer: Callable[[Asked], None]) -> Iterator[Server]:
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_FIRST_WAIT", 0.01)


def test_connections_are_kept() -> None:
    with serving(lambda asked: asked.say(200, ONE)) as server:
        store = Remote(server.address)
        for _ in range(5):
            assert json.loads(store.select(QUERY)) == json.loads(ONE)
        assert (server.requests, server.connections) == (5, 1)


def test_threads_share_a_store() -> None:
    """Each gets the answer to its own query."""

    def echo(asked: Asked) -> None:
        asked.say(200, results({"x": {"type": "literal", "value": asked.query}}))

    with serving(echo) as server, ThreadPoolExecutor(8) as pool:
        store = Remote(server.address)
        queries = [f"SELECT ?x WHERE {{ ?s <urn:{n}> ?x }}" for n in range(80)]
        answers = [json.loads(a)["results"]["bindings"][0]["x"]["value"] for a in pool.map(store.select, queries)]
        assert answers == queries
        assert server.connections <= 8


@pytest.mark.parametrize("status", [429, 502, 503])
@pytest.mark.parametrize("headers", [{}, {"Retry_After": "0"}, {"Retry_After": "Wed, 21 Oct 2015 07:28:00 GMT"}])
def test_what_passes_is_asked_again(status: int, headers: dict[str, str]) -> None:
    with serving(
        lambda a: a.say(200, ONE) if a.number == 3 else a.say(status, b"busy", "text/plain", **headers)
    ) as server:
        assert json.loads(Remote(server.address).select(QUERY)) == json.loads(ONE)
        assert server.requests == 3


def test_what_does_not_pass_is_told_after_a_few_tries() -> None:
    page = b"<html><body><h1>Sorry</h1>Back at noon</body></html>"
    with serving(lambda asked: asked.say(503, page, "text/html")) as server:
        with pytest.raises(Unavailable, match="answers 503: Sorry Back at noon"):
            Remote(server.address).select(QUERY)
        assert server.requests == remote.TRIES


def test_a_server_that_wants_much_patience_is_not_waited_for() -> None:
    with serving(lambda asked: asked.say(503, Retry_After="3600")) as server:
        with pytest.raises(Unavailable, match="answers 503"):
            Remote(server.address).select(QUERY)
        assert server.requests == 1


class Clock:
    """A clock that only waiting moves on."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_all_tries_end_within_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(remote, "time", clock)
    with serving(lambda asked: asked.say(503, Retry_After="3")) as server:
        with pytest.raises(Unavailable):
            Remote(server.address, timeout=5).select(QUERY)
        assert (server.requests, clock.now) == (2, 3)


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (400, InforceError, r"refuses a request \(400\): line 1: no such thing"),
        (401, InforceError, "who asks"),
        (403, InforceError, "who asks"),
        (404, InforceError, "no endpoint"),
        (301, InforceError, "sends on to"),
        (500, Unavailable, "answers 500: line 1: no such thing"),
        (504, Unavailable, "answers 504"),
    ],
)
def test_what_does_not_pass_is_asked_once(status: int, error: type[InforceError], told: str) -> None:
    with serving(lambda asked: asked.say(status, b"line 1:  no such thing", "text/plain")) as server:
        with pytest.raises(InforceError, match=told) as raised:
            Remote(server.address).select(QUERY)
        assert type(raised.value) is error
        assert server.requests == 1


def broken(asked: Asked) -> None:
    """Half of an answer, then the end of the connection."""
    asked.send_response(200)
    asked.send_header("Content-Type", RESULTS)
    asked.send_header("Content-Length", str(len(ONE)))
    asked.end_headers()
    asked.wfile.write(ONE[: len(ONE) // 2])
    asked.close_connection = True


def hung_up(asked: Asked) -> None:
    asked.close_connection = True


@pytest.mark.parametrize("fault", [broken, hung_up])
def test_an_answer_that_breaks_off_is_asked_again(fault: Callable[[Asked], None]) -> None:
    with serving(lambda asked: fault(asked) if asked.number < 3 else asked.say(200, ONE)) as server:
        assert json.loads(Remote(server.address).select(QUERY)) == json.loads(ONE)
    with serving(fault) as server:
        with pytest.raises(Unavailable, match="does not answer"):
            Remote(server.address).select(QUERY)
        assert server.requests == remote.TRIES


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(Unavailable, match=r"^http://127.0.0.1:9/sparql does not answer"):
        Remote("http://127.0.0.1:9/sparql", timeout=1).select(QUERY)


def silent(asked: Asked) -> None:
    time.sleep(1.5)


def dripping(asked: Asked) -> None:
    """An answer that comes byte by byte, without end."""
    asked.send_response(200)
    asked.send_header("Content-Type", RESULTS)
    asked.send_header("Content-Length", "100000")
    asked.end_headers()
    for _ in range(30):
        asked.wfile.write(b" ")
        time.sleep(0.05)
    asked.close_connection = True


@pytest.mark.parametrize("fault", [silent, dripping])
def test_a_server_that_is_slow_is_given_up(fault: Callable[[Asked], None]) -> None:
    with serving(fault) as server:
        with pytest.raises(Unavailable, match=r"does not answer within 0\.5 s"):
            Remote(server.address, timeout=0.5).select(QUERY)
        assert server.requests == 1


@pytest.mark.parametrize(
    ("body", "media", "told"),
    [
        (
            b"<html>Please <b>log in</b></html>",
            "text/html; charset=utf-8",
            "text/html where .* expected: Please log in",
        ),
        (ONE[:-2], RESULTS, "no SPARQL results"),
        (b"[]", RESULTS, "no SPARQL results"),
        (b"{}", "application/json", "no SPARQL results"),
    ],
)
def test_what_is_no_answer_is_told(body: bytes, media: str, told: str) -> None:
    with serving(lambda asked: asked.say(200, body, media)) as server, pytest.raises(Unavailable, match=told):
        Remote(server.address).select(QUERY)


def test_triples_that_are_none_are_told() -> None:
    half = b"<urn:s> <urn:p>"
    with serving(lambda a: a.say(200, half, "text/plain")) as server, pytest.raises(Unavailable, match="no text/plain"):
        Remote(server.address).construct("CONSTRUCT WHERE { ?s ?p ?o }")


LATE = {"X_SQL_State": "S1TAT", "X_SQL_Message": "RC...: Returning incomplete results, query interrupted"}


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"X_SPARQL_MaxRows": "1"}, "cuts answers off after 1 rows"),
        (LATE, r"part of the answer: RC\.\.\.: Returning incomplete results, query interrupted$"),
    ],
)
def test_an_answer_that_is_cut_off_is_no_answer(headers: dict[str, str], told: str) -> None:
    """Virtuoso says so in headers only, with status 200."""
    with serving(lambda a: a.say(200, ONE, **headers)) as server, pytest.raises(InforceError, match=told):
        Remote(server.address).select(QUERY)


# In the words of the standard


XSD = "http://www.w3.org/2001/XMLSchema#"


@pytest.mark.parametrize(
    ("there", "here"),
    [("P90D", "P90D"), ("7.776e+06", "P90D"), ("1.296e+07", "P150D"), ("86400", "P1D"), ("12", "P1Y"), ("18", "P1Y6M"), ("6", "P6M"), ("0", "P0M")],
)  # fmt: skip
def test_durations_of_virtuoso(there: str, here: str) -> None:
    term = {"type": "typed-literal", "datatype": XSD + "duration", "value": there}
    triple = f'<urn:s> <urn:p> "{there}"^^<{XSD}duration> .\n'.encode()

    def answer(asked: Asked) -> None:
        if asked.query.startswith("SELECT"):
            asked.say(200, results({"x": term}))
        else:
            asked.say(200, triple, "application/n-triples; charset=UTF-8")

    with serving(answer) as server:
        store = Remote(server.address)
        (row,) = json.loads(store.select(QUERY))["results"]["bindings"]
        assert row["x"] == {"type": "literal", "datatype": XSD + "duration", "value": here}
        assert store.construct("CONSTRUCT WHERE { ?s ?p ?o }") == triple.replace(
            f'"{there}"'.encode(), f'"{here}"'.encode()
        )


@pytest.mark.parametrize(
    ("answer", "yes"),
    [
        (b'{"head": {}, "boolean": true}', True),
        (b'{"head": {}, "boolean": false}', False),
        (ONE, True),
        (results(), False),
    ],
)
def test_ask(answer: bytes, yes: bool) -> None:
    """Virtuoso answers ASK with rows."""
    with serving(lambda asked: asked.say(200, answer)) as server:
        assert Remote(server.address).ask("ASK { ?s ?p ?o }") is yes


@pytest.mark.parametrize("rows", [[], ["1", "2"]])
def test_a_store_without_one_version_is_not_available(rows: list[str]) -> None:
    found = results(*({"v": {"type": "literal", "value": v}} for v in rows))
    with serving(lambda asked: asked.say(200, found)) as server, pytest.raises(Unavailable, match="holds no build"):
        _ = Remote(server.address).version


# Who asks


def digest(asked: Asked) -> None:
    """RFC 7616 with MD5 and qop=auth, as Virtuoso asks for it."""
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', asked.headers.get("Authorization", "")))
    assert "Basic" not in asked.headers.get("Authorization", ""), "no password for one who asks for a digest"
    if not given:
        asked.say(401, WWW_Authenticate='Digest realm="SPARQL", nonce="abc", opaque="def", qop="auth", algorithm="MD5"')
        return

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    ours = md5(f"loader:SPARQL:{SECRET}"), md5(f"POST:{asked.path}")
    right = md5(f"{ours[0]}:abc:{given['nc']}:{given['cnonce']}:auth:{ours[1]}")
    asked.say(200 if given["response"] == right else 403, ONE)


def basic(asked: Asked) -> None:
    given = asked.headers.get("Authorization")
    if given is None:
        asked.say(401, WWW_Authenticate='Basic realm="x"')
    else:
        asked.say(200 if given == "Basic bG9hZGVyOnMzY3IzdC1vZi10aGUtaG91c2U=" else 403, ONE)


def bearer(asked: Asked) -> None:
    asked.say(200 if asked.headers.get("Authorization") == f"Bearer {SECRET}" else 401, ONE)


USER, TOKEN = Access("loader", SECRET), Access(token=SECRET)


@pytest.mark.parametrize(("way", "access"), [(digest, USER), (basic, USER), (bearer, TOKEN)])
def test_who_asks_is_told_in_the_way_that_is_wanted(way: Callable[[Asked], None], access: Access) -> None:
    with serving(way) as server:
        store = Remote(server.address, access=access)
        for _ in range(3):
            assert json.loads(store.select(QUERY)) == json.loads(ONE)
        assert server.requests <= 5, "who asks is known after the first question"
        for wrong in (Access("loader", "wrong"), Access(token="wrong")):
            with pytest.raises(InforceError, match="who asks"):
                Remote(server.address, access=wrong).select(QUERY)


def test_a_user_without_a_challenge_is_not_told() -> None:
    def open_to_all(asked: Asked) -> None:
        assert "Authorization" not in asked.headers
        asked.say(200, ONE)

    with serving(open_to_all) as server:
        Remote(server.address, access=USER).select(QUERY)


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("INFORCE_ENDPOINT_PASSWORD", SECRET)
    monkeypatch.setenv("INFORCE_ENDPOINT_USER", "loader")
    stated = settings.load(endpoint="http://127.0.0.1:9/sparql")
    assert Access.of(stated) == USER
    assert SECRET not in repr(stated) + str(stated) + repr(Access.of(stated))
    with serving(lambda asked: asked.say(403)) as server, pytest.raises(InforceError, match="who asks") as refused:
        Remote(server.address, access=USER).select(QUERY)
    with pytest.raises(InforceError, match="/sparql: user and password belong into the settings") as in_address:
        Remote(f"http://loader:{SECRET}@127.0.0.1:9/sparql").select(QUERY)
    assert SECRET not in f"{refused.value} {in_address.value} {caplog.text}"
    monkeypatch.setenv("INFORCE_ENDPOINT_TOKEN", SECRET)
    with pytest.raises(InforceError, match="only one of them") as both:
        Access.of(settings.load(endpoint="http://127.0.0.1:9/sparql"))
    assert SECRET not in str(both.value)


def test_secrets_go_on_to_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFORCE_ENDPOINT_TOKEN", SECRET)
    stated = settings.load()
    monkeypatch.delenv("INFORCE_ENDPOINT_TOKEN")
    assert stated.environment()["INFORCE_ENDPOINT_TOKEN"] == SECRET
    assert stated.endpoint_token == SecretStr(SECRET)
