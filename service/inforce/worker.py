"""A process that answers SPARQL queries from one build, one after the other, and bears its own limits.

`python -m inforce.worker` reads a line of JSON that sets it up, then one for each query, and writes a line of JSON for
each of these, followed by the bytes of the answer if there is one. What goes beyond time,
memory or stack is ended by the kernel, with the process; whoever started it reads the limit from the way it died.
It imports little, so that a new one is there soon.
"""

from __future__ import annotations

import io
import json
import os
import re
import resource
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from inforce import codings

NICENESS = 5  # the service itself comes first
GROWN = 64  # megabytes; a process that still holds more than this on top of its store is replaced by a fresh one
_ROWS = {
    "application/sparql-results+json": ox.QueryResultsFormat.JSON,
    "application/sparql-results+xml": ox.QueryResultsFormat.XML,
    "text/csv": ox.QueryResultsFormat.CSV,
    "text/tab-separated-values": ox.QueryResultsFormat.TSV,
    "text/html": ox.QueryResultsFormat.JSON,  # the page is made elsewhere
}
_GRAPHS = {
    "text/turtle": ox.RdfFormat.TURTLE,
    "application/ld+json": ox.RdfFormat.JSON_LD,
    "application/n-triples": ox.RdfFormat.N_TRIPLES,
    "application/rdf+xml": ox.RdfFormat.RDF_XML,
    "application/trig": ox.RdfFormat.TRIG,
}
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
# Comments, IRIs, strings, variables and prefixed names are passed over, so that a bare keyword remains one.
_WORD = re.compile(
    r"""(?:\#[^\n\r]*|<[^\x00-\x20<>"{}|^`\\]*>|\"{3}(?:(?:"|"")?(?:[^"\\]|\\.))*\"{3}|'{3}(?:(?:'|'')?(?:[^'\\]|\\.))*'{3}"""
    r"""|"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*'|[?$]\w+|@[\w-]+|[^\W\d_][\w.-]*:[^\s;,()\[\]{}<>"']*|:[^\s;,()\[\]{}<>"']*)"""
    r"""|(?P<word>[^\W\d_]\w*)""",
    re.DOTALL,
)
_PROLOGUE = frozenset({"BASE", "PREFIX", "VERSION"})
_UPDATES = frozenset({"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH"})


class TooLarge(Exception):
    """The answer has more bytes than it may have."""


class Refused(Exception):
    """The query asks for what this endpoint does not do."""


def main() -> None:
    """Load the build, give up what is not needed, then answer until there is nobody left who asks."""
    limits: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process by itself
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    os.nice(NICENESS)
    opened = Path(limits["opened"])
    store = load(opened)
    sizes = os.open("/proc/self/statm", os.O_RDONLY) if sys.platform == "linux" else None
    _confine(limits["memory"], sizes, _files(opened))
    before = _held(sizes)[1]
    _say({"ready": True})
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_REAL, limits["seconds"])
        said, body = answer(store, json.loads(line), limits)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _say({**said, "bytes": len(body), "stale": _held(sizes)[1] - before > GROWN * 2**20}, body)


def load(opened: Path) -> ox.Store:
    """The store of a build, from its quads or on disk. The union of its named graphs is its default graph.

    The engine can make that union as it goes, but then ignores FROM and counts a triple of two graphs twice.
    """
    if opened.is_dir():
        return ox.Store.read_only(str(opened))
    store = ox.Store()
    store.bulk_load(path=str(opened), format=ox.RdfFormat.N_QUADS)
    store.update("INSERT { ?s ?p ?o } WHERE { GRAPH ?g { ?s ?p ?o } }")
    store.optimize()
    return store


def _held(sizes: int | None) -> tuple[int, int]:
    """Bytes of addresses and of memory that this process holds; only Linux tells it without more ado."""
    if sizes is None:
        return 0, 0
    addresses, resident = os.pread(sizes, 100, 0).split()[:2]
    return int(addresses) * resource.getpagesize(), int(resident) * resource.getpagesize()


def _files(opened: Path) -> int:
    """How many files this process needs: the three it speaks by, and those of a store on disk.

    Of these the engine opens the first sixteen at once, the others when it reads them.
    """
    return 3 + (len(list(opened.iterdir())) + 16 if opened.is_dir() else 0)


def _confine(memory: int, sizes: int | None, files: int) -> None:
    """From here on: so many bytes more memory, no core dump, and no more files and connections than so many in all."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)  # how the engine laments its end is of no use to anybody
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sizes is not None:  # elsewhere the kernel does not hold a process to it
        most = _held(sizes)[0] + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


def _say(said: Mapping[str, Any], body: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + body)
    sys.stdout.buffer.flush()


def answer(store: ox.Store, task: Mapping[str, Any], limits: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What there is to say of a query, and its answer in the media type that is wanted for its form.

    `problem` is the name of a problem, `limit` the limit that was reached, `unacceptable` the form that is not wanted.
    """
    query, default, named = task["query"], task["default"], task["named"]
    try:
        _refuse(query)
        # If the protocol names a graph, then what it names is all there is, whatever FROM says.
        dataset: dict[str, Any] = {}
        if default or named:
            dataset["default_graph"] = [ox.NamedNode(name) for name in default]
            dataset["named_graphs"] = [ox.NamedNode(name) for name in named]
        result = store.query(query, base_iri=limits["base"], **dataset)
        form = _form(result)
        media = task["media"][form]
        if media is None:
            return {"unacceptable": form}, b""
        body = _written(result, media, limits["page" if media == "text/html" else "answer"], limits["prefixes"])
    except Refused as error:
        return {"problem": "sparql-refused", "detail": str(error)}, b""
    except SyntaxError as error:
        return {"problem": "sparql-syntax", "detail": str(error)}, b""
    except TooLarge:
        return {"limit": "page" if media == "text/html" else "answer"}, b""
    except MemoryError:
        return {"limit": "memory"}, b""
    except (ValueError, OSError, RuntimeError) as error:
        return {"problem": "sparql-syntax", "detail": str(error)}, b""
    tag, coding = codings.tag(media, body), task["coding"]
    if media == "text/html" or coding is None or len(body) < codings.SMALL:
        return {"media": media, "coding": None, "tag": tag}, body
    return {"media": media, "coding": coding, "tag": tag}, codings.compressed(body, coding)


def _refuse(query: str) -> None:
    """Raises Refused for SERVICE, which the engine would do, and for updates, which it would call bad syntax."""
    text = _ESCAPE.sub(lambda found: chr(min(int(found[1] or found[2], 16), sys.maxunicode)), query)
    words = (match["word"].upper() for match in _WORD.finditer(text) if match["word"])
    first = next((word for word in words if word not in _PROLOGUE), "")
    if first in _UPDATES:
        raise Refused("this endpoint answers queries; it takes no updates")
    if "SERVICE" in words:
        raise Refused("SERVICE is closed here: this endpoint asks no other")


def _form(result: Any) -> str:
    if isinstance(result, ox.QueryTriples):
        return "graph"
    return "boolean" if isinstance(result, ox.QueryBoolean) else "rows"


class _Bounded(io.BytesIO):
    """Bytes that may only become so many."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def write(self, data: Any, /) -> int:
        if self.tell() + len(data) > self.most:
            raise TooLarge
        return super().write(data)


def _written(result: Any, media: str, most: int, prefixes: Mapping[str, str]) -> bytes:
    out = _Bounded(most)
    if not isinstance(result, ox.QueryTriples):
        result.serialize(out, format=_ROWS[media])
    elif media == "text/html":
        for piece in _as_rows(result):
            out.write(piece)
    else:
        ox.serialize(result, out, format=_GRAPHS[media], prefixes=dict(prefixes))
        if media in ("text/turtle", "application/trig"):
            return _used(out.getvalue())
    return out.getvalue()


def _used(turtle: bytes) -> bytes:
    """Turtle or TriG without the prefixes at its head that nothing bears: the engine declares all it is given."""
    head = re.match(rb"(?:@prefix [^\n]*\n)*", turtle)
    assert head is not None
    lines, rest = head[0].splitlines(keepends=True), turtle[head.end() :]
    borne = set(re.findall(rb"(?<![\w:-])[\w.-]+(?=:)", rest))
    return b"".join(line for line in lines if line.split(b" ", 2)[1][:-1] in borne) + rest


def _as_rows(triples: Any) -> Iterator[bytes]:
    """Triples as SPARQL results JSON, for the page."""
    names, mark = ("subject", "predicate", "object"), b""
    yield json.dumps({"head": {"vars": names}}).encode()[:-1] + b', "results": {"bindings": ['
    for triple in triples:
        yield mark + json.dumps(dict(zip(names, map(_term, triple), strict=True)), ensure_ascii=False).encode()
        mark = b", "
    yield b"]}}"


def _term(term: Any) -> dict[str, Any]:
    if isinstance(term, ox.NamedNode):
        return {"type": "uri", "value": term.value}
    if isinstance(term, ox.BlankNode):
        return {"type": "bnode", "value": term.value}
    if isinstance(term, ox.Literal):
        more = {"xml:lang": term.language} if term.language else {"datatype": term.datatype.value}
        return {"type": "literal", "value": term.value, **more}
    return {"type": "literal", "value": str(term)}  # a triple term


if __name__ == "__main__":
    main()
