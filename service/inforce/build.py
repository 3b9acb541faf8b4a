"""A build: the record compiled into one immutable, versioned folder, swapped in by rename."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from platformdirs import user_data_dir
from rdflib import RDF, Graph, Literal, URIRef

from inforce import __version__
from inforce.model import BASE, NS
from inforce.record import Record, compiled_triples, load, root, timeline_lines
from inforce.store import Manifest
from inforce.turtle import ELI, INF

DATASET = URIRef(BASE + "dataset")
COMPILED = BASE + "graph/compiled"
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


def default_folder() -> Path:
    """Where builds are kept: $INFORCE_BUILDS or the user's data folder."""
    named = os.environ.get("INFORCE_BUILDS")
    return Path(named or user_data_dir("inforce", appauthor=False), *([] if named else ["builds"]))


def current(folder: Path) -> Path:
    """The build that is in use in a folder of builds."""
    return folder / "current"


def build(folder: Path | None = None, source: Path | None = None) -> Path:
    """Compile the record and make it the current build; answers its folder.

    The same sources give the same bytes. A failing build changes nothing.
    """
    folder = folder or default_folder()
    record = load(source or root())
    quads, manifest = quads_of(record)
    final = folder / str(manifest["version"])
    folder.mkdir(parents=True, exist_ok=True)
    if not final.is_dir():
        beside = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
        try:
            (beside / "inforce.nq").write_bytes(quads)
            (beside / "timeline.txt").write_text("\n".join(timeline_lines(record)) + "\n", encoding="utf-8")
            (beside / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
            beside.chmod(0o755)
            beside.rename(final)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    link = Path(tempfile.mktemp(prefix=".link-", dir=folder))
    link.symlink_to(final.name)
    link.replace(current(folder))
    return final


def quads_of(record: Record) -> tuple[bytes, Manifest]:
    """All triples of a record, authored and compiled, as sorted N-Quads, and the manifest that describes them."""
    compiled = Graph(bind_namespaces="none")
    for triple in compiled_triples(record):
        compiled.add(triple)
    graphs = {**record.graphs, COMPILED: compiled}
    lines = sorted({line for name, graph in graphs.items() for line in _lines(graph, name)})
    checksum = hashlib.sha256("".join(lines).encode()).hexdigest()
    version = f"{__version__}+{checksum[:12]}"
    about = Graph(bind_namespaces="none")
    about.add((DATASET, RDF.type, URIRef("http://www.w3.org/ns/dcat#Dataset")))
    about.add((DATASET, URIRef("http://www.w3.org/ns/dcat#version"), Literal(version)))
    quads = "".join(sorted([*lines, *_lines(about, BASE + "graph/dataset")])).encode()
    everything = record.authored() + compiled
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


def covered_through(graph: Graph) -> dict[str, str]:
    """Up to which day the publications of each jurisdiction were searched, by country code."""
    days = {
        str(graph.value(c, ELI.jurisdiction)).removeprefix(BASE + "country/").upper(): str(day)
        for c, day in graph.subject_objects(INF.coveredThrough)
        if graph.value(c, ELI.jurisdiction) is not None and graph.value(c, INF.issuer) is None
    }
    return dict(sorted(days.items()))


def _lines(graph: Graph, name: str) -> list[str]:
    nt = graph.serialize(format="nt", encoding="utf-8").decode()
    return [f"{line[:-1].rstrip()} <{name}> .\n" for line in nt.splitlines() if line]
