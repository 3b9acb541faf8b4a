"""Programs of others read our documents over HTTP: rdflib, pyld, raptor's rapper, Jena's riot."""

import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx2
import pytest
from pyld import jsonld
from rdflib import Dataset, Graph
from rdflib.compare import isomorphic

from conftest import TODAY
from inforce.service import Service
from inforce.web.app import create
from inforce.web.negotiate import DOCUMENTS
from live import serving

PATHS = [
    "/measure/cn-us-ga-ge-sb-superhard-ban",
    "/instrument/cn-mofcom-2024-46",
    "/material/gallium",
    "/measure/us-ieepa-fentanyl-cn/on/2025-04-15?knownOn=2025-04-15",
    "/measure/cn-us-ga-ge-sb-superhard-ban/known/2025-11-09",
    "/ns",
]
FORMATS = {"ttl": "turtle", "jsonld": "json-ld", "nt": "nt", "rdf": "xml", "trig": "trig"}
JENA = Path("/usr/share/java")
# What riot of Debian's libapache-jena-java needs besides Jena itself.
JARS = (
    "slf4j-api", "slf4j-nop", "guava", "commons-cli", "commons-csv", "commons-io", "commons-lang3", "commons-codec",
    "commons-compress", "httpclient", "httpcore", "jsonld-java", "titanium-json-ld", "gson", "jackson-core",
    "jackson-databind", "jackson-annotations", "thrift", "protobuf", "dexx.collection", "jakarta.json-api",
)  # fmt: skip


@pytest.fixture(scope="module")
def host(service: Service) -> Iterator[str]:
    """The record behind a real server."""
    with serving(create(service, today=lambda: TODAY)) as address:
        yield address


def formed(path: str, form: str) -> str:
    """The address of a form of a document."""
    at, mark, query = path.partition("?")
    return f"{at}.{form}{mark}{query}"


def fetched(address: str, accept: str = "*/*") -> httpx2.Response:
    return httpx2.get(address, headers={"Accept": accept}, timeout=60)


def triples(host: str, path: str) -> Graph:
    """What a document says, as its N-Triples give it."""
    return Graph().parse(data=fetched(host + formed(path, "nt")).text, format="nt")


def needed(what: str, there: bool) -> None:
    """Passes over a test whose program is missing; on CI that is a failure."""
    if not there:
        reason = f"{what} is not here"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.mark.parametrize("path", PATHS)
def test_rdflib_reads_each_form_from_the_address_of_the_thing(host: str, path: str) -> None:
    expected = triples(host, path)
    assert len(expected) > 20
    for form, name in FORMATS.items():
        for address in (host + path, host + formed(path, form)):
            read = Dataset() if form == "trig" else Graph()
            read.parse(address, format=name)
            found = Graph()
            for s, p, o, *_ in read.quads() if isinstance(read, Dataset) else read:
                found.add((s, p, o))
            assert isomorphic(found, expected), (address, form)


def test_rdflib_reads_a_document_without_being_told_its_form(host: str) -> None:
    """Its Accept header then lists all that it can parse; Content-Type tells it what came."""
    for path in PATHS[:3]:
        assert len(Graph().parse(host + path)) > 20


@pytest.mark.parametrize("path", PATHS)
def test_pyld_reads_json_ld(host: str, path: str) -> None:
    document = fetched(host + path, "application/ld+json").json()
    quads = jsonld.to_rdf(document, {"format": "application/n-quads", "base": host + path})
    assert isomorphic(Graph().parse(data=quads, format="nt"), triples(host, path))


def test_pyld_compacts_with_the_context_at_its_address(host: str) -> None:
    """Whoever puts our context into a document of their own gets the short names that we use."""
    document = fetched(host + PATHS[0], "application/ld+json").json()
    whole = fetched(f"{host}/context.jsonld").json()["@context"]
    base = document["@context"]["@base"]
    again = jsonld.compact(jsonld.expand(document), [whole, {"@base": base}], {"base": base})
    for name in ("id", "type", "prefLabel", "imposedBy", "item", "flow"):
        assert again[name] == document[name], name
    assert len(again["spans"]) == len(document["spans"])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("form", "syntax"), [("ttl", "turtle"), ("rdf", "rdfxml"), ("nt", "ntriples")])
def test_rapper(host: str, path: str, form: str, syntax: str) -> None:
    """raptor2-utils counts as many triples, without a warning, and asks for them by itself."""
    rapper = shutil.which("rapper")
    needed("rapper (Debian package raptor2-utils)", rapper is not None)
    assert rapper is not None
    ran = run([rapper, "--quiet", "--input", syntax, "--output", "ntriples", host + formed(path, form)])
    assert ran.stderr == ""
    assert isomorphic(Graph().parse(data=ran.stdout, format="nt"), triples(host, path))


@pytest.fixture(scope="module")
def riot(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs Jena's riot.

    Debian moved Jena's copy of Xerces to another package and left its message files behind: they are put where its
    classes look for them, else riot does not start.
    """
    java = shutil.which("java")
    needed("java (Debian package default-jre-headless)", java is not None)
    needed("Jena (Debian package libapache-jena-java)", (JENA / "jena-cmds.jar").exists())
    assert java is not None
    folder, moved = tmp_path_factory.mktemp("jena"), "org/apache/jena/ext/"
    with zipfile.ZipFile(JENA / "jena-core.jar") as jar:
        for name in jar.namelist():
            if name.startswith(moved + "xerces/") and name.endswith(".properties"):
                file = folder / name.removeprefix(moved)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(jar.read(name))
    jars = [*sorted(JENA.glob("jena-*[a-z0-9].jar")), *(JENA / f"{name}.jar" for name in JARS)]
    return [java, "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", ":".join(map(str, (folder, *jars))), "riotcmd.riot"]


def test_riot(host: str, riot: list[str], tmp_path: Path) -> None:
    """Jena reads the forms strictly, without a warning, and finds as much as the N-Triples say: one run for all.

    Its reader of JSON-LD 1.1 needs an implementation of Jakarta's JSON API, which Debian does not have.
    """
    files, forms = [], [form for form in FORMATS if form != "jsonld"]
    for number, path in enumerate(PATHS):
        for form in forms:
            file = tmp_path / f"{number}.{form}"
            file.write_bytes(fetched(host + formed(path, form)).content)
            files.append(file)
    checked = run([*riot, "--strict", "--check", "--count", *map(str, files)])
    assert "WARN" not in checked.stderr + checked.stdout
    assert "ERROR" not in checked.stderr + checked.stdout
    counts = [int(line.rpartition("=")[2].replace(",", "")) for line in checked.stderr.splitlines() if " = " in line]
    for number, path in enumerate(PATHS):
        own = counts[number * len(forms) : (number + 1) * len(forms)]
        assert own == [len(triples(host, path))] * len(forms), path


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran


def test_every_form_has_a_reader_here() -> None:
    assert FORMATS.keys() == DOCUMENTS.keys() - {"html"}
