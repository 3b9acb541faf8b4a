"""A build in an endpoint: loaded whole or not at all, here into the server of Oxigraph."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from inforce import cli, load
from inforce.load import DATASET, GRAPHS, GraphStore, Target, Update
from inforce.model import BASE, InforceError
from inforce.remote import Access, Connection, Remote
from inforce.store import Unavailable
from live import free_port

SERVER = Path(sys.executable).with_name("oxigraph")


@dataclass(frozen=True)
class Oxigraph:
    """A server in memory."""

    address: str

    @property
    def remote(self) -> Remote:
        return Remote(f"{self.address}/query")

    def target(self, way: type[GraphStore] | type[Update]) -> Target:
        path = "store" if way is GraphStore else "update"
        return way(f"{self.address}/{path}", Connection(Access(), 60))

    def quads(self) -> list[str]:
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.address}/store", headers={"Accept": "application/n-quads"})
        ) as all_:
            return sorted(all_.read().decode().splitlines())


def serving(*options: str) -> Iterator[Oxigraph]:
    address = f"127.0.0.1:{free_port()}"
    server = subprocess.Popen(
        [SERVER, "serve", "--bind", address, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://{address}/query?query=ASK%7B%7D").close()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < deadline, "the server does not start"
                time.sleep(0.02)
        yield Oxigraph(f"http://{address}")
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def server() -> Iterator[Oxigraph]:
    yield from serving("--union-default-graph")


def quads(*graphs: str, version: str = "1") -> list[str]:
    """A small build: ten triples in each graph, and its version."""
    lines = [f'<urn:s{n}> <urn:p> "{n} > ."@en <{GRAPHS}{graph}> .' for n in range(10) for graph in graphs]
    about = f'<{BASE}dataset> <http://www.w3.org/ns/dcat#version> "{version}" <{DATASET}> .'
    return sorted([*lines, about])


def written(folder: Path, lines: Sequence[str]) -> Path:
    file = folder / "inforce.nq"
    file.write_text("".join(line + "\n" for line in lines))
    return file


def told(_: int) -> None:
    pass


WAYS = pytest.mark.parametrize("way", [GraphStore, Update])


@WAYS
def test_a_build_replaces_another(way: type[GraphStore] | type[Update], server: Oxigraph, tmp_path: Path) -> None:
    """Graphs that are gone go; what is not of a build stays."""
    other = "<urn:a> <urn:b> <urn:c> <urn:of-another> ."
    Update(f"{server.address}/update", Connection(Access(), 60)).add("urn:of-another", [b"<urn:a> <urn:b> <urn:c> .\n"])
    for number, lines in enumerate([quads("a", "b"), quads("b", "c", version="2"), quads("b", "c", version="2")]):
        target, read = server.target(way), []
        target.part = 4  # type: ignore[misc]
        done = load.load(written(tmp_path, lines), "2" if number else "1", server.remote, target, read.append)
        assert server.quads() == sorted([*lines, other])
        assert done == {GRAPHS + name: 10 for name in ("bc" if number else "ab")} | {DATASET: 1}
        assert read[-1] == (tmp_path / "inforce.nq").stat().st_size


@WAYS
def test_little_waits_at_a_time(
    way: type[GraphStore] | type[Update], server: Oxigraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many small graphs are sent before they are complete when they fill the memory."""
    monkeypatch.setattr(load, "HELD", 500)
    lines = quads("a", "b", "c")
    load.load(written(tmp_path, lines), "1", server.remote, server.target(way), told)
    assert set(lines) <= set(server.quads())


class Losing(GraphStore):
    """A way to write on which something goes wrong."""

    fault: Callable[[str], None]

    def replace(self, graph: str, triples: Sequence[bytes]) -> None:
        self.fault(graph)
        super().replace(graph, triples[:-1] if graph == GRAPHS + "b" else triples)


def test_what_did_not_arrive_is_told(server: Oxigraph, tmp_path: Path) -> None:
    """The endpoint claims no version then."""
    load.load(written(tmp_path, quads("a")), "1", server.remote, server.target(GraphStore), told)
    target = Losing(f"{server.address}/store", Connection(Access(), 60))
    target.fault = lambda graph: None
    with pytest.raises(InforceError, match=r"graph/b has 9 triples there, 10 here \(1 graphs differ"):
        load.load(written(tmp_path, quads("a", "b", version="2")), "2", server.remote, target, told)
    with pytest.raises(Unavailable, match="holds no build"):
        _ = server.remote.version


def test_no_version_is_claimed_meanwhile(server: Oxigraph, tmp_path: Path) -> None:
    load.load(written(tmp_path, quads("a")), "1", server.remote, server.target(GraphStore), told)
    seen = []
    target = Losing(f"{server.address}/store", Connection(Access(), 60))

    def look(graph: str) -> None:
        if graph != DATASET:
            with pytest.raises(Unavailable, match="holds no build"):
                _ = server.remote.version
            seen.append(graph)

    target.fault = look
    load.load(written(tmp_path, quads("a", "c", version="2")), "2", server.remote, target, told)
    assert seen == [GRAPHS + "a", GRAPHS + "c"]
    assert server.remote.version == "2"


def test_the_default_graph_must_be_the_union(tmp_path: Path) -> None:
    for server in serving():
        with pytest.raises(InforceError, match="its default graph is not the union"):
            load.load(written(tmp_path, quads("a")), "1", server.remote, server.target(GraphStore), told)


def test_the_command(
    server: Oxigraph, build_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real record: loaded, then asked at the endpoint."""
    monkeypatch.setenv("INFORCE_BUILDS", str(build_folder.parent))
    monkeypatch.setenv("INFORCE_ENDPOINT", f"{server.address}/query")
    assert cli.main(["load", build_folder.name, "--graph-store", f"{server.address}/store"]) == 0
    count = json.loads((build_folder / "manifest.json").read_text())["counts"]["triples"]
    said = capsys.readouterr().out
    assert f"holds {build_folder.name}" in said
    held = [line for line in server.quads() if f"<{GRAPHS}" in line]
    assert f"{len(held)} triples in" in said
    assert sorted(held) == sorted(canonical(build_folder))
    assert cli.main(["status", "--measure", "cn-gallium-licensing", "--on", "2025-11-15", "--format", "csv"]) == 0
    assert "inForce" in capsys.readouterr().out
    assert count


def canonical(folder: Path) -> list[str]:
    """The quads of a build with numbers as Oxigraph keeps them."""
    import pyoxigraph as ox

    store = ox.Store()
    store.load(path=folder / "inforce.nq", format=ox.RdfFormat.N_QUADS)
    return (store.dump(format=ox.RdfFormat.N_QUADS) or b"").decode().splitlines()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["load", "--graph-store", "http://127.0.0.1:9/"], "--endpoint is missing"),
        (
            ["load", "0.0.0+never", "--endpoint", "http://127.0.0.1:9/", "--update", "http://127.0.0.1:9/"],
            "no build here",
        ),
    ],
)
def test_what_is_missing_is_told(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--builds", str(tmp_path), *arguments]) == 1
    assert said in capsys.readouterr().err
