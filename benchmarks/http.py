"""Requests per second and latency of /api/in-force, beside a bare FastAPI route that returns the same bytes.

    python benchmarks/http.py [--seconds 8] [--rounds 3] [--connections 8]

Starts `inforce serve` (one uvicorn worker, embedded store) and the bare route on 127.0.0.1, asks them in turn for a
bounded time, stops them, prints a Markdown table: the median of the rounds. Loads with wrk (Debian package wrk) where
it is installed, else with a loop of its own, which is slower than the bare route and flatters the ratios.
"""

from __future__ import annotations

import sys

sys.path.pop(0)  # run as a script, this folder would hide the standard library's http behind this file

import argparse
import asyncio
import itertools
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path

HOST = "127.0.0.1"
QUESTION = "/api/in-force?material=gallium&destination=US&on=2025-11-15&knownOn=2026-10-01"
# Materials on which about as many measures are in force as on gallium in that time.
MATERIALS = ("gallium", "germanium", "antimony", "graphite", "dysprosium", "terbium", "samarium", "yttrium")


def distinct() -> Iterator[str]:
    """Questions of one kind, none of them twice."""
    for known, day, material in itertools.product(range(100), range(350), MATERIALS):
        on, known_on = date(2025, 11, 15) + timedelta(day), date(2026, 10, 1) - timedelta(known)
        yield f"/api/in-force?material={material}&destination=US&on={on}&knownOn={known_on}"


@dataclass(frozen=True)
class Figures:
    rate: float
    p50: float
    p99: float

    @classmethod
    def median(cls, rounds: Sequence[Figures]) -> Figures:
        return cls(*(statistics.median(getattr(r, name) for r in rounds) for name in ("rate", "p50", "p99")))


# Load


def load(port: int, paths: Sequence[str], header: str | None, seconds: int, connections: int) -> Figures:
    """The figures of a closed loop over some connections; each of several paths is asked once only."""
    if shutil.which("wrk"):
        return _wrk(port, paths, header, seconds, connections)
    return asyncio.run(_loop(port, paths, header, seconds, connections))


def _wrk(port: int, paths: Sequence[str], header: str | None, seconds: int, connections: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "paths.lua"
        (Path(folder) / "paths").write_text("\n".join(paths))
        script.write_text(
            f"local paths = {{}}\nfor line in io.lines('{folder}/paths') do paths[#paths + 1] = line end\nlocal i = 0\n"
            "request = function() i = i % #paths + 1 return wrk.format('GET', paths[i]) end\n"
        )
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency"]
        command += ["-s", str(script)] if len(paths) > 1 else []
        command += ["-H", header] if header else []
        url = f"http://{HOST}:{port}{paths[0]}"
        text = subprocess.run([*command, url], check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(text)
    asked = int(re.search(r"(\d+) requests in", text)[1])  # type: ignore[index]
    if 1 < len(paths) < asked:
        raise SystemExit("questions came twice: more are needed")
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
    p50, p99 = (
        float(number) * unit[u] for number, u in re.findall(r"^\s+(?:50|99)%\s+([\d.]+)(\w+)\s*$", text, re.MULTILINE)
    )
    return Figures(float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]), p50, p99)  # type: ignore[index]


async def _loop(port: int, paths: Sequence[str], header: str | None, seconds: int, connections: int) -> Figures:
    upcoming = iter(paths) if len(paths) > 1 else itertools.repeat(paths[0])
    taken: list[float] = []
    end = time.monotonic() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        extra = f"{header}\r\n" if header else ""
        while (start := time.monotonic()) < end:
            writer.write(f"GET {next(upcoming)} HTTP/1.1\r\nHost: {HOST}:{port}\r\n{extra}\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            if head[9:12] not in ("200", "304"):
                raise SystemExit(head)
            length = re.search(r"content-length: (\d+)", head)
            if length and head[9:12] == "200":
                await reader.readexactly(int(length[1]))
            taken.append(time.monotonic() - start)
        writer.close()

    started = time.monotonic()
    await asyncio.gather(*(client() for _ in range(connections)))
    marks = statistics.quantiles(taken, n=100)
    return Figures(len(taken) / (time.monotonic() - started), marks[49] * 1000, marks[98] * 1000)


# Servers


@contextmanager
def server(command: Sequence[str], port: int, path: str) -> Iterator[None]:
    """A server that is stopped again whatever happens."""
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                get(port, path)
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit(f"{command}: ended") from None
                time.sleep(0.2)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def get(port: int, path: str) -> tuple[bytes, str]:
    with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=30) as answer:
        return answer.read(), answer.headers.get("ETag", "")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def bare(port: int, body: Path) -> None:
    """The yardstick: FastAPI, one route, the bytes in memory."""
    import uvicorn
    from fastapi import FastAPI, Response

    app, data = FastAPI(), body.read_bytes()

    @app.get("/bare")
    async def route() -> Response:
        return Response(data, media_type="application/json")

    uvicorn.run(app, host=HOST, port=port, log_level="warning")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--log", default="warning", help="as in `inforce serve`; info, its default, logs each request")
    parser.add_argument("--bare", nargs=2, metavar=("PORT", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        return bare(int(options.bare[0]), Path(options.bare[1]))

    with tempfile.TemporaryDirectory() as folder:
        port, bare_port, body = free_port(), free_port(), Path(folder) / "answer.json"
        ours = ["-m", "inforce.cli", "--builds", f"{folder}/builds", "serve", "--host", HOST, "--port", str(port)]
        ours += ["--log", options.log]
        with server(ours, port, "/health"):
            data, etag = get(port, QUESTION)
            body.write_bytes(data)
            questions = distinct()
            with server([__file__, "--bare", str(bare_port), str(body)], bare_port, "/bare"):
                measured: dict[str, list[Figures]] = {}
                for _ in range(options.rounds):
                    cold = list(itertools.islice(questions, 60_000))
                    for name, at, paths, header in (
                        ("bare route, same bytes", bare_port, ["/bare"], None),
                        ("cold: each question new", port, cold, None),
                        ("warm: one question again and again", port, [QUESTION], None),
                        ("If-None-Match: 304", port, [QUESTION], f"If-None-Match: {etag}"),
                    ):
                        figures = load(at, paths, header, options.seconds, options.connections)
                        measured.setdefault(name, []).append(figures)
                        print(f"{name}: {figures}", file=sys.stderr)
    report(measured, data, options)
    return None


def report(measured: dict[str, list[Figures]], data: bytes, options: argparse.Namespace) -> None:
    medians = {name: Figures.median(rounds) for name, rounds in measured.items()}
    yardstick = next(iter(medians.values())).rate
    used = ", ".join(f"{name} {version(name)}" for name in ("inforce", "fastapi", "uvicorn", "pyoxigraph"))
    tool = "wrk" if shutil.which("wrk") else "its own asyncio loop"
    print(f"{len(json.loads(data)['rows'])} rows, {len(data)} bytes; dataset {json.loads(data)['version']}")
    print(f"Python {platform.python_version()}, {used}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{options.rounds} rounds of {options.seconds} s, {options.connections} connections, loaded by {tool}")
    print(f"inforce serve --log {options.log}\n")
    print("| | requests/s | of bare | p50 ms | p99 ms | spread of rates |\n|---|---|---|---|---|---|")
    for name, f in medians.items():
        rates = [r.rate for r in measured[name]]
        spread = f"{min(rates):.0f}–{max(rates):.0f}"
        print(f"| {name} | {f.rate:.0f} | {f.rate / yardstick:.3f} | {f.p50:.1f} | {f.p99:.1f} | {spread} |")


if __name__ == "__main__":
    main()
