"""A SPARQL 1.1 endpoint that holds a build, as a store.

SPARQLWrapper makes the requests; an HTTP client with a pool of connections sends them (docs/decisions tells why). What
engines write in ways of their own is put into the words of the W3C here and nowhere else.
"""

from __future__ import annotations

import email.utils
import json
import random
import re
import time
import weakref
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pyoxigraph as ox
from SPARQLWrapper import POST, SPARQLWrapper

from inforce import __version__
from inforce.model import InforceError
from inforce.settings import Settings
from inforce.store import Unavailable

# What passes: too many requests, a proxy without its server, a server that starts or is busy.
PASSING = frozenset({429, 502, 503})
TRIES = 4
_FIRST_WAIT = 0.2  # seconds before the second try; twice as many before each further one, give or take a half
_MOST_WAIT = 8.0  # an endpoint that wants more patience than this is not available

_RESULTS = "application/sparql-results+json"
_TRIPLES = "application/n-triples"


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks an endpoint: nobody in particular, a user with a password, or the bearer of a token."""

    user: str | None = None
    password: str = field(default="", repr=False)
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Access:
        """Who asks as the settings say. Raises InforceError where they name a user and a token."""
        token, password = settings.endpoint_token, settings.endpoint_password
        if token is not None and settings.endpoint_user is not None:
            raise InforceError("settings endpoint_token and endpoint_user: only one of them can say who asks")
        return cls(
            settings.endpoint_user,
            "" if password is None else password.get_secret_value(),
            None if token is None else token.get_secret_value(),
        )

    def auth(self) -> httpx2.Auth | None:
        """How that is told over HTTP."""
        if self.token is not None:
            return _Bearer(self.token)
        return None if self.user is None else _Challenged(self.user, self.password)


class _Bearer(httpx2.Auth):
    """RFC 6750."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class _Challenged(httpx2.Auth):
    """Basic or digest (RFC 7617, 7616), whichever the server asks for; before it asks, nothing is told."""

    def __init__(self, user: str, password: str) -> None:
        self._ways = {"basic": httpx2.BasicAuth(user, password), "digest": httpx2.DigestAuth(user, password)}
        self._way: httpx2.Auth | None = None

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        if self._way is None:
            response = yield request
            if response.status_code != 401:
                return
            challenges = response.headers.get_list("www-authenticate")
            schemes = [challenge.partition(" ")[0].lower() for challenge in challenges]
            self._way = next((way for scheme, way in self._ways.items() if scheme in schemes), None)
            if self._way is None:
                return
        yield from self._way.auth_flow(request)


class Connection:
    """HTTP to one endpoint, from any number of threads: connections are kept, and what passes is tried again.

    A request with all its tries and waits ends within `seconds`.
    """

    def __init__(self, access: Access, seconds: float) -> None:
        self._seconds = seconds
        self._client = httpx2.Client(
            auth=access.auth(),
            timeout=httpx2.Timeout(seconds, connect=min(seconds, 5.0)),
            limits=httpx2.Limits(max_connections=32, max_keepalive_connections=32),
        )
        weakref.finalize(self, self._client.close)

    def send(
        self,
        method: str,
        url: str,
        content: bytes | None,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        besides: Sequence[int] = (),
    ) -> httpx2.Response:
        """The whole answer to a request whose status says that it succeeded, or is one of those `besides`.

        A request may be sent several times. Raises Unavailable where asking later may help, InforceError where it will
        not.
        """
        if httpx2.URL(url).userinfo:  # addresses are logged and shown
            raise InforceError(
                f"{_named(url)}: user and password belong into the settings endpoint_user, endpoint_password"
            )
        end = time.monotonic() + self._seconds
        for attempt in range(1, TRIES + 1):
            request = self._client.build_request(method, url, content=content, headers=headers, params=params)
            try:
                response = self._read(request, end)
            except (httpx2.NetworkError, httpx2.RemoteProtocolError, httpx2.ConnectTimeout) as error:
                # The connection broke, or the answer did: nothing of it is used.
                fault, asked = Unavailable(f"{_named(url)} does not answer: {_told(error)}"), None
            except httpx2.TimeoutException:
                raise Unavailable(f"{_named(url)} does not answer within {self._seconds:g} s") from None
            except httpx2.HTTPError as error:
                raise InforceError(f"{_named(url)} cannot be asked: {_told(error)}") from None
            else:
                if response.is_success or response.status_code in besides:
                    return response
                if response.status_code not in PASSING:
                    raise _refusal(url, response)
                fault = Unavailable(f"{_named(url)} answers {response.status_code}: {_excerpt(response)}")
                asked = _retry_after(response)
            wait = _FIRST_WAIT * 2 ** (attempt - 1) * random.uniform(0.5, 1.5) if asked is None else asked
            if attempt == TRIES or wait > _MOST_WAIT or time.monotonic() + wait >= end:
                raise fault
            time.sleep(wait)
        raise AssertionError("the last try has returned or raised")

    def _read(self, request: httpx2.Request, end: float) -> httpx2.Response:
        """Sends a request and reads its answer; a server that goes on dripping is given up, too."""
        response = self._client.send(request, stream=True)
        try:
            pieces = []
            for piece in response.iter_bytes():
                pieces.append(piece)
                if time.monotonic() > end:
                    raise httpx2.ReadTimeout("the answer does not end", request=request)
        finally:
            response.close()
        headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() != "content-encoding"]
        return httpx2.Response(response.status_code, headers=headers, content=b"".join(pieces), request=request)


def _refusal(url: str, response: httpx2.Response) -> InforceError:
    """What a status that is no success means to the one who asked."""
    status = response.status_code
    if status in (401, 403):
        return InforceError(f"{_named(url)} answers {status}: it wants to know who asks (settings endpoint_user, …)")
    if status == 404:
        return InforceError(f"{_named(url)} answers 404: there is no endpoint")
    if 300 <= status < 400:
        return InforceError(f"{_named(url)} answers {status}: it sends on to {response.headers.get('location')}")
    if status == 400 or status < 500:
        return InforceError(f"{_named(url)} refuses a request ({status}): {_excerpt(response)}")
    return Unavailable(f"{_named(url)} answers {status}: {_excerpt(response)}")


def _retry_after(response: httpx2.Response) -> float | None:
    """The seconds that a server wants one to wait: it says how many, or until when."""
    text = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+", text):
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _named(url: str) -> str:
    """An address without user, password and parameters, as it may stand in a message."""
    return str(httpx2.URL(url).copy_with(userinfo=b"", query=None))


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _excerpt(response: httpx2.Response) -> str:
    """The beginning of what a server says about an error, without the markup of a page."""
    text = (
        re.sub(r"<[^>]*>", " ", response.text) if "html" in response.headers.get("content-type", "") else response.text
    )
    return " ".join(text.split())[:200] or response.reason_phrase or "nothing more"


class Remote:
    """A SPARQL 1.1 endpoint that holds a build. Its methods raise Unavailable when it does not answer."""

    def __init__(self, endpoint: str, timeout: float = 60, access: Access | None = None) -> None:
        self.endpoint = endpoint
        self._connection = Connection(access or Access(), timeout)

    @classmethod
    def of(cls, settings: Settings) -> Remote:
        """The endpoint that the settings name."""
        assert settings.endpoint is not None, "settings that name an endpoint are expected"
        return cls(str(settings.endpoint), settings.timeout, Access.of(settings))

    def _run(self, query: str, *media: str) -> tuple[str, bytes]:
        """The media type and the text of an answer, which is of the types named and whole."""
        client = SPARQLWrapper(self.endpoint, agent=f"inforce/{__version__}")
        client.setMethod(POST)
        client.setOnlyConneg(True)
        client.addCustomHttpHeader("Accept", ", ".join(media))
        client.setQuery(query)
        made = client._createRequest()  # its own way to send it opens a connection each time
        assert isinstance(made.data, bytes), "a query is sent as the body of a form"
        response = self._connection.send("POST", made.full_url, made.data, made.headers)
        got = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if got not in media:
            said = f"{got or 'without a media type'} where {media[0]} was expected: {_excerpt(response)}"
            raise Unavailable(f"{self.endpoint} answers {said}")
        self._check_whole(response)
        return got, response.content

    def _check_whole(self, response: httpx2.Response) -> None:
        """Virtuoso says in headers that it has cut an answer off, with status 200."""
        if (most := response.headers.get("x-sparql-maxrows")) is not None:
            raise InforceError(f"{self.endpoint} cuts answers off after {most} rows: set its ResultSetMaxRows higher")
        if response.headers.get("x-sql-state") is not None or response.status_code == 206:
            said = response.headers.get("x-sql-message", "").partition("Activity")[0]
            raise Unavailable(f"{self.endpoint} gives only a part of the answer: {' '.join(said.split())}")

    def _results(self, query: str) -> dict[str, Any]:
        _, text = self._run(query, _RESULTS, "application/json")
        try:
            results = json.loads(text)
            if "boolean" not in results:
                for row in results["results"]["bindings"]:
                    for term in row.values():
                        _settle(term)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unavailable(f"{self.endpoint} gives no SPARQL results: {_told(error)}") from None
        found: dict[str, Any] = results
        return found

    @property
    def version(self) -> str:
        """The version that the endpoint's own dataset description gives."""
        rows = self._results(
            "SELECT ?v WHERE { <https://w3id.org/inforce/dataset> <http://www.w3.org/ns/dcat#version> ?v }"
        )["results"]["bindings"]
        if len(rows) != 1:
            raise Unavailable(
                f"{self.endpoint}: holds no build of inforce, or more than one; a build may be on its way"
            )
        version: str = rows[0]["v"]["value"]
        return version

    def select(self, query: str) -> bytes:
        return json.dumps(self._results(query), ensure_ascii=False).encode()

    def construct(self, query: str) -> bytes:
        media, text = self._run(query, _TRIPLES, "text/plain", "text/turtle")
        form = ox.RdfFormat.TURTLE if media == "text/turtle" else ox.RdfFormat.N_TRIPLES
        try:
            triples = [ox.Triple(t.subject, t.predicate, _settled(t.object)) for t in ox.parse(text, format=form)]
        except SyntaxError as error:
            raise Unavailable(f"{self.endpoint} gives no {media}: {_told(error)}") from None
        return ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES) or b""

    def ask(self, query: str) -> bool:
        results = self._results(query)
        # Virtuoso 7 answers with a row for yes, with none for no.
        return bool(results["boolean"] if "boolean" in results else results["results"]["bindings"])


_DURATION = "http://www.w3.org/2001/XMLSchema#duration"
_DAY = 86_400


def _settle(term: dict[str, str]) -> None:
    """Puts a term of SPARQL results JSON into the words of the standard."""
    if term["type"] == "typed-literal":  # of the draft of 2008, as Virtuoso still has it
        term["type"] = "literal"
    if term.get("datatype") == _DURATION:
        term["value"] = _duration(term["value"])


def _settled(term: Any) -> Any:
    if isinstance(term, ox.Literal) and term.datatype.value == _DURATION:
        return ox.Literal(_duration(term.value), datatype=term.datatype)
    return term


def _duration(text: str) -> str:
    """A duration as XML Schema writes it.

    Virtuoso keeps it as a number, of months or of seconds. Those of a record are whole months or whole days, and no
    number of months reaches the seconds of a day.
    """
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?(e\+[0-9]+)?", text):
        return text
    number = int(float(text))
    if number >= _DAY:
        return f"P{number // _DAY}D"
    years, months = divmod(number, 12)
    return "P" + (f"{years}Y" if years else "") + (f"{months}M" if months or not years else "")
