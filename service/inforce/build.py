"""A build: the record and its questions in one immutable, versioned folder, swapped in by rename.

Earlier builds stay beside the current one until someone deletes their folders; so what cited them can be asked again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import rdflib
from rdflib import RDF, Graph, Literal, URIRef

from inforce import __version__, catalogue, dumps, examples, frames, settings, void
from inforce.model import BASE, NS
from inforce.record import COMPILED, Record, Triple, compiled_triples, load, root, sources, timeline_lines
from inforce.store import Embedded, Manifest, Store
from inforce.turtle import ELI, INF

DATASET = URIRef(BASE + "dataset")
_MADE_OF = "current.txt"  # beside the builds: the version that is current, and the digest of what it was made of
_COUNTED = {
    "acts": INF.Instrument,
    "clauses": INF.Provision,
    "measures": INF.Measure,
    "listings": INF.Listing,
    "effects": INF.Effect,
    "items": INF.Item,
    "sources": INF.Source,
    "spans": INF.Span,
}


def current(folder: Path) -> Path:
    """The build that is in use in a folder of builds."""
    return folder / "current"


def kept(folder: Path) -> list[Path]:
    """The builds in a folder of builds, the last made first."""
    manifests = [m for m in folder.glob("*/manifest.json") if not m.parent.is_symlink() and m.parent.name[0] != "."]
    manifests.sort(key=lambda m: (-m.stat().st_mtime_ns, m))
    return [manifest.parent for manifest in manifests]


def questions(source: Path) -> Path:
    """The folder of the catalogue that belongs to a record or a build; the package's own where there is none."""
    return _of(source, "queries")


def cookbook(source: Path) -> Path:
    """The folder of the cookbook that belongs to a record; the package's own where there is none."""
    return _of(source, "cookbook")


def _of(source: Path, name: str) -> Path:
    own = source / name
    return own if own.is_dir() else root() / name


def _asked(source: Path) -> list[Path]:
    """The files that ask a build: the questions of its catalogue and the queries of its tables."""
    return [*sorted(questions(source).glob("*.rq")), *sorted(frames.folder(source).glob("*.rq"))]


def build(folder: Path | None = None, source: Path | None = None) -> Path:
    """Compile the record and make it the current build; answers its folder.

    The same sources give the same bytes. A failing build changes nothing.
    """
    folder = folder or settings.load().builds
    source = source or root()
    made_of = _fingerprint(source)
    record = load(source)
    asked = {f"{file.parent.name}/{file.name}": file.read_bytes() for file in _asked(source)}
    shown = examples.triples(catalogue.read(questions(source)), catalogue.read(cookbook(source)))
    quads, manifest = quads_of(record, asked, shown)
    final = folder / str(manifest["version"])
    folder.mkdir(parents=True, exist_ok=True)
    if not final.is_dir():
        beside = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
        try:
            (beside / "inforce.nq").write_bytes(quads)
            (beside / "timeline.txt").write_text("\n".join(timeline_lines(record)) + "\n", encoding="utf-8")
            for name, text in asked.items():
                (beside / name).parent.mkdir(exist_ok=True)
                (beside / name).write_bytes(text)
            (beside / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
            store = Embedded.open(beside)
            void.write(store, beside)
            dumps.write(store, beside, beside / dumps.FOLDER)
            beside.chmod(0o755)
            beside.rename(final)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    link = Path(tempfile.mktemp(prefix=".link-", dir=folder))
    link.symlink_to(final.name)
    link.replace(current(folder))
    (folder / _MADE_OF).write_text(f"{final.name} {made_of}\n")
    return final


def up_to_date(folder: Path | None = None, source: Path | None = None) -> Path | None:
    """The current build, if it was made of just these sources by just this program; else nothing."""
    folder = folder or settings.load().builds
    try:
        version, _, made_of = (folder / _MADE_OF).read_text().strip().partition(" ")
    except FileNotFoundError:
        return None
    found = current(folder).resolve()
    same = found.name == version and made_of == _fingerprint(source or root())
    return found if same and (found / "manifest.json").is_file() else None


def _fingerprint(source: Path) -> str:
    """A digest of all that decides on a build: a record, its queries, the program with its rdflib."""
    queries = [*_asked(source), *sorted(cookbook(source).glob("*.rq"))]
    files = [*sources(source), *queries, *sorted(Path(__file__).parent.glob("*.py"))]
    digest = hashlib.sha256(f"{__version__} {rdflib.__version__}".encode())
    for file in files:
        text = file.read_bytes()
        digest.update(f"\0{file.name} {len(text)}\0".encode() + text)
    return digest.hexdigest()


def quads_of(record: Record, asked: Mapping[str, bytes], shown: Iterable[Triple]) -> tuple[bytes, Manifest]:
    """All triples of a record, authored and compiled, and its examples, as sorted N-Quads, and their manifest.

    The version stands for the data and for what asks them: either of them decides what an answer or a table says.
    """
    compiled, queries = _graph(compiled_triples(record)), _graph(shown)
    graphs = {**record.graphs, COMPILED: compiled, examples.GRAPH: queries}
    lines = sorted({line for name, graph in graphs.items() for line in _lines(graph, name)})
    checksum = hashlib.sha256("".join(lines).encode()).hexdigest()
    named = b"".join(name.encode() + b"\0" + text + b"\0" for name, text in sorted(asked.items()))
    version = f"{__version__}+{hashlib.sha256(checksum.encode() + named).hexdigest()[:12]}"
    about = Graph(bind_namespaces="none")
    about.add((DATASET, RDF.type, URIRef("http://www.w3.org/ns/dcat#Dataset")))
    about.add((DATASET, URIRef("http://www.w3.org/ns/dcat#version"), Literal(version)))
    quads = "".join(sorted([*lines, *_lines(about, BASE + "graph/dataset")])).encode()
    everything = record.authored + compiled + queries
    manifest: Manifest = {
        "version": version,
        "checksum": checksum,
        "coveredThrough": covered_through(everything),
        "counts": {
            **{name: len(set(everything.subjects(RDF.type, cls))) for name, cls in _COUNTED.items()},
            "triples": len(everything) + len(about),
        },
        "namespace": NS,
    }
    return quads, manifest


def described(store: Store) -> Manifest:
    """The manifest of a build as its own triples give it, for a store that comes without its folder."""
    searched = store.construct(f"CONSTRUCT WHERE {{ ?s <{INF.coveredThrough}> ?day ; ?p ?o }}")
    counted = json.loads(
        store.select("SELECT ?c (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s a ?c FILTER (ISIRI(?s)) } GROUP BY ?c")
    )
    counts = {row["c"]["value"]: int(row["n"]["value"]) for row in counted["results"]["bindings"] if "c" in row}
    return {
        "version": store.version,
        "coveredThrough": covered_through(Graph().parse(data=searched, format="nt")),
        "counts": {name: counts.get(str(cls), 0) for name, cls in _COUNTED.items()},
        "namespace": NS,
    }


def covered_through(graph: Graph) -> dict[str, str]:
    """Up to which day the publications of each jurisdiction were searched, by country code."""
    days = {
        str(graph.value(c, ELI.jurisdiction)).removeprefix(BASE + "country/").upper(): str(day)
        for c, day in graph.subject_objects(INF.coveredThrough)
        if graph.value(c, ELI.jurisdiction) is not None and graph.value(c, INF.issuer) is None
    }
    return dict(sorted(days.items()))


def _graph(triples: Iterable[Triple]) -> Graph:
    graph = Graph(bind_namespaces="none")
    for triple in triples:
        graph.add(triple)
    return graph


def _lines(graph: Graph, name: str) -> list[str]:
    nt = graph.serialize(format="nt", encoding="utf-8").decode()
    return [f"{line[:-1].rstrip()} <{name}> .\n" for line in nt.splitlines() if line]
