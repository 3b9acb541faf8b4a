"""Asks grlc, RAMOSE, rdflib-endpoint and inforce the same question about the same data, and prints what each does.

    python benchmarks/comparison/run.py --grlc VENV --ramose VENV --rdflib-endpoint VENV > seen.txt

Each VENV holds the version pinned in requirements-*.txt. grlc and RAMOSE ask the /sparql of `inforce serve`;
rdflib-endpoint loads the same build. Everything listens on 127.0.0.1 and is stopped at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BASE = "https://w3id.org/inforce/"
RESULTS = "application/sparql-results+json"
DAY = {"on": "2025-11-15", "knownOn": "2025-11-15"}
OUT = BASE + "material/gallium> } UNION { ?measure a <" + BASE + "ns#Instrument> ; ?p <" + BASE + "ns#Instrument"
MORE = BASE + "country/us> . ?measure a <" + BASE + "ns#Listing"
QUOTE = '2025-11-15"^^xsd:date || true || "x'

Call = Callable[[list[tuple[str, str]]], str]
Answer = tuple[int, dict[str, str], str]


def get(url: str, **headers: str) -> Answer:
    request = urllib.request.Request(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read().decode()


@contextlib.contextmanager
def running(command: Sequence[str], url: str, folder: Path) -> Iterator[None]:
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        for _ in range(300):
            try:
                get(url)
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit((folder / "log").read_text()) from None
                time.sleep(0.2)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def measures(text: str) -> set[str]:
    """The names of the measures (and of acts, where they should not be) in the rows of an answer."""
    try:
        document = json.loads(text)
    except ValueError:
        return set()
    if isinstance(document, dict):
        document = document.get("rows", document.get("results", {}))
        document = document.get("bindings", []) if isinstance(document, dict) else document
    found = set()
    for row in document if isinstance(document, list) else []:
        value = row.get("measure") if isinstance(row, dict) else None
        if isinstance(value, dict):
            value = value.get("value")
        if isinstance(value, str):
            found.add(value.removeprefix(BASE))
    return found


def shown(answer: Answer, expected: set[str] | None = None) -> str:
    status, headers, text = answer
    found = measures(text)
    acts = sum(name.startswith("instrument/") for name in found)
    told = f"{status} {headers.get('content-type', '')}: {len(found)} measures"
    if acts:
        told += f", OF THEM {acts} ACTS THAT THE QUESTION DOES NOT ASK FOR"
    if expected is not None and not acts:
        told += " (as expected)" if found == expected else f" (expected {len(expected)})"
    return told if found else told + " | " + " ".join(text.split())[:300]


def probe(name: str, call: Call, reference: dict[str, set[str]], spec: str, accept: str = "application/json") -> None:
    """All questions to one tool. `call` makes the address of a call from parameters."""
    print(f"\n=== {name}", flush=True)
    us = ("destination", BASE + "country/us")
    day = [*DAY.items(), us]
    gallium, graphite = ("material", BASE + "material/gallium"), ("material", BASE + "material/graphite")

    def say(what: str, parameters: list[tuple[str, str]], expected: set[str] | None = None) -> None:
        print(f"{what}: {shown(get(call(parameters), Accept=accept), expected)}")

    say("one material", [*day, gallium], reference["gallium"])
    say("no material", day, reference["all"])
    say("no day of knowledge", [("on", DAY["on"]), us, gallium])
    say("two materials", [*day, gallium, graphite], reference["both"])
    say("short names", [*DAY.items(), ("destination", "US"), ("material", "gallium")], reference["gallium"])
    say("a quote in a day", [("on", QUOTE), ("knownOn", DAY["knownOn"]), us, gallium], reference["gallium"])
    say("a bracket in a material", [*day, ("material", OUT)], reference["gallium"])
    say("a bracket in a destination", [*DAY.items(), ("destination", MORE), gallium], reference["gallium"])
    say("a day that is none", [("on", "2025-02-30"), ("knownOn", DAY["knownOn"]), us, gallium])
    say("a day in another form", [("on", "15.11.2025"), ("knownOn", DAY["knownOn"]), us, gallium])
    say("an unknown material", [*day, ("material", BASE + "material/galium")])
    say("an unknown parameter", [*day, ("materail", BASE + "material/gallium")])
    url = call([*day, gallium])
    status, headers, text = get(url, Accept=accept)
    print("a row:", first_row(text))
    caching = {k: v for k, v in headers.items() if k in ("etag", "cache-control", "last-modified", "vary", "expires")}
    again = get(url, Accept=accept, If_None_Match=headers.get("etag", '"x"'))
    print(f"caching: {caching}; asked again with If-None-Match: {again[0]}")
    for kind in ("text/csv", "text/turtle", "application/sparql-results+xml", "image/png"):
        status, headers, text = get(url, Accept=kind)
        print(f"Accept {kind}: {status} {headers.get('content-type')} | {' '.join(text.split())[:80]}")
    taken = []
    for _ in range(15):
        start = time.monotonic()
        get(url, Accept=accept)
        taken.append(time.monotonic() - start)
    print(f"the same call again, median of 15: {statistics.median(taken) * 1000:.0f} ms")
    status, headers, text = get(spec)
    version = re.search(r"[\"']?(openapi|swagger)[\"']?: ?[\"']?([\d.]+)", text)
    about = re.findall(r"[^{}]*\"name\": ?\"on\"[^{}]*(?:\{[^{}]*\})?[^{}]*", text) or re.findall(
        r"- name: '?\"?on'?\"?\n(?:\s+.*\n){0,9}", text
    )
    print(f"description: {status} {version and version[0]} | on: {' '.join((about or ['–'])[0].split())[:300]}")


def first_row(text: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return text[:200]
    if isinstance(document, dict):
        document = document["rows"] if "rows" in document else document.get("results", {}).get("bindings")
    if not document:
        return text[:200]
    row = next((r for r in document if r.get("rate")), document[0])
    return json.dumps({k: v for k, v in row.items() if k in ("measure", "from", "until", "rate")})


def query_string(address: str) -> Call:
    return lambda parameters: f"{address}?{urllib.parse.urlencode(parameters)}"


def ramose_address(address: str) -> Call:
    """Days and destination are parts of the path, in this order; filters come as by=NAME:VALUE."""

    def call(parameters: list[tuple[str, str]]) -> str:
        given = dict(parameters)
        path = [
            urllib.parse.quote(given[name], safe=":/") for name in ("on", "knownOn", "destination") if name in given
        ]
        rest = [
            (k, v.removeprefix(BASE + "material/")) for k, v in parameters if k not in ("on", "knownOn", "destination")
        ]
        by = [("by", f"material:{v}") if k == "material" else (k, v) for k, v in rest]
        return f"{address}/{'/'.join(path)}" + (f"?{urllib.parse.urlencode(by)}" if by else "")

    return call


def endpoint_address(address: str) -> Call:
    """An endpoint has no parameters: its client makes the query. Here as clients often do, by gluing texts."""
    template = (HERE / "grlc/in-force.rq").read_text().partition("\n\n")[2]

    def call(parameters: list[tuple[str, str]]) -> str:
        query, given = template, dict(reversed(parameters))
        for name, value in given.items():
            for prefix in ("?_", "?__"):
                query = query.replace(f"{prefix}{name}_xsd_date", f'"{value}"^^xsd:date')
                query = query.replace(f"{prefix}{name}_iri", f"<{value}>")
        return f"{address}?{urllib.parse.urlencode({'query': query})}"

    return call


def reference(address: str) -> dict[str, set[str]]:
    """What inforce finds, to compare with. Its own tests hold it against two engines and a table of scenarios."""
    call = query_string(address)
    day = [*DAY.items(), ("destination", "US")]

    def found(*materials: str) -> set[str]:
        return measures(get(call([*day, *(("material", m) for m in materials)]))[2])

    return {"all": found(), "gallium": found("gallium"), "both": found("gallium", "graphite")}


@contextlib.contextmanager
def listener() -> Iterator[tuple[str, list[str]]]:
    """A place that is no endpoint of ours, and what arrives there."""
    heard: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["content-length"])).decode())
            body = json.dumps({"results": {"bindings": [{"measure": {"value": "forged"}}]}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", heard
    server.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser()
    for tool in ("grlc", "ramose", "rdflib-endpoint"):
        parser.add_argument(f"--{tool}", type=lambda p: Path(p).absolute(), help="its virtual environment")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp())
    port, host = free_port(), "127.0.0.1"
    us = f"http://{host}:{port}"
    ours = [sys.executable, "-m", "inforce.cli", "--builds", str(work / "builds"), "serve", "--port", str(port)]
    try:
        with running(ours, us + "/health", work):
            print(get(us + "/health")[2])
            expected = reference(us + "/api/in-force")
            probe("inforce", query_string(us + "/api/in-force"), expected, us + "/openapi.json")
            if options.grlc:
                folder, at = work / "grlc", free_port()
                shutil.copytree(HERE / "grlc", folder)
                fill(folder / "in-force.rq", us)
                (folder / "config.ini").write_text(
                    f"[local]\nlocal_sparql_dir = {folder}/\n[defaults]\nserver_name = {host}:{at}\n"
                )
                command = [f"{options.grlc}/bin/gunicorn", "-b", f"{host}:{at}", "grlc.server:app"]
                with running(command, f"http://{host}:{at}/", folder):
                    address = f"http://{host}:{at}/api-local"
                    probe(
                        named(options.grlc, "grlc"),
                        query_string(address + "/in-force"),
                        expected,
                        address + "/swagger",
                        RESULTS,
                    )
                    with listener() as (other, heard):
                        given = [*DAY.items(), ("destination", BASE + "country/us"), ("endpoint", other)]
                        answer = get(query_string(address + "/in-force")(given), Accept=RESULTS)
                        print(f"endpoint=... of the caller's choice: {shown(answer)}; it was sent {len(heard)} queries")
            if options.ramose:
                folder, at = work / "ramose", free_port()
                shutil.copytree(HERE / "ramose", folder)
                fill(folder / "in-force.hf", us)
                command = [f"{options.ramose}/bin/python", "-m", "ramose", "-s", "in-force.hf", "-w", f"{host}:{at}"]
                with running(command, f"http://{host}:{at}/", folder):
                    address = f"http://{host}:{at}/v1"
                    probe(
                        named(options.ramose, "ramose"),
                        ramose_address(address + "/in-force"),
                        expected,
                        address + "/openapi.yaml",
                    )
            if options.rdflib_endpoint:
                folder, at = work / "rdflib-endpoint", free_port()
                folder.mkdir()
                build = work / "builds/current/inforce.nq"
                command = [
                    f"{options.rdflib_endpoint}/bin/rdflib-endpoint",
                    "serve",
                    str(build),
                    "--host",
                    host,
                    "--port",
                    str(at),
                ]
                with running(command, f"http://{host}:{at}/", folder):
                    address = f"http://{host}:{at}"
                    probe(
                        named(options.rdflib_endpoint, "rdflib-endpoint"),
                        endpoint_address(address + "/"),
                        expected,
                        address + "/openapi.json",
                    )
    finally:
        shutil.rmtree(work, ignore_errors=True)


def named(environment: Path, package: str) -> str:
    code = f"from importlib.metadata import version; print(version({package!r}))"
    shown = subprocess.run([environment / "bin/python", "-c", code], check=True, capture_output=True, text=True).stdout
    return f"{package} {shown.strip()}"


def fill(file: Path, endpoint: str) -> None:
    file.write_text(file.read_text().replace("ENDPOINT", endpoint + "/sparql"))


if __name__ == "__main__":
    main()
