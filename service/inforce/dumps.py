"""The downloads of a build: all of it, what people wrote and what follows from it as RDF, the tables, and checksums.

RDF is compressed by gzip, which the loaders of RDF stores read as it is; of Zstandard that cannot be said.
The same build gives the same bytes – but for Parquet, which bears the version of the package that writes it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyoxigraph as ox

from inforce import dataset, frames
from inforce.compiled import COMPILED
from inforce.dataset import Download
from inforce.frames import Frame, Row
from inforce.model import BASE
from inforce.store import Store
from inforce.turtle import PREFIXES

FOLDER = "dumps"
SUMS = "SHA256SUMS"
PACKAGE = "datapackage.json"
ARCHIVE = "inforce-tables.zip"
# The parts of a build by what their files are called, and the RDF forms by suffix.
_PARTS: Mapping[str, str] = {"inforce": "all", "inforce-sources": "sources", "inforce-compiled": "compiled"}
_FORMS: Mapping[str, ox.RdfFormat] = {
    "nq": ox.RdfFormat.N_QUADS,
    "trig": ox.RdfFormat.TRIG,
    "ttl": ox.RdfFormat.TURTLE,
    "jsonld": ox.RdfFormat.JSON_LD,
}
_MEDIA: Mapping[str, tuple[str, str]] = {
    **{suffix: (form.name, form.media_type) for suffix, form in _FORMS.items()},
    "csv": ("CSV", "text/csv"),
    "parquet": ("Parquet", "application/vnd.apache.parquet"),
    "zip": ("All tables as CSV with their data package", "application/zip"),
    "json": ("The data package of the tables: columns, types, keys", "application/json"),
}


def write(store: Store, build: Path, into: Path) -> list[Download]:
    """Write all downloads of a build, which a store holds, into a folder, the checksums last."""
    into.mkdir(parents=True, exist_ok=True)
    tables = frames.read(frames.folder(build))
    made = []
    for name, content in _files(store, build, tables):
        beside = into / f".{name}.part"
        beside.write_bytes(content)
        beside.replace(into / name)
        made.append((hashlib.sha256(content).hexdigest(), name))
    (into / SUMS).write_text("".join(f"{digest}  {name}\n" for digest, name in made), encoding="utf-8")
    return _listed(into, tables)


def kept(build: Path) -> list[Download]:
    """The downloads that a build keeps; one that was made by an earlier program may keep none."""
    if not (build / FOLDER / SUMS).is_file():
        return []
    return _listed(build / FOLDER, frames.read(frames.folder(build)))


def _listed(folder: Path, tables: Iterable[Frame]) -> list[Download]:
    """The downloads in a folder as its checksums list them."""
    frame = {table.name: table for table in tables}
    found = []
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        stem, suffix, *packed = name.split(".")
        form, media = _MEDIA[suffix]
        table = frame.get(stem)
        found.append(
            Download(
                name=name,
                part=_PARTS.get(stem, "tables"),
                title=f"{table.title} as {form}" if table else form,
                form=form,
                media=media,
                gzipped=bool(packed),
                size=(folder / name).stat().st_size,
                sha256=digest,
                about=table.description if table else None,
            )
        )
    return found


def _files(store: Store, build: Path, tables: Iterable[Frame]) -> Iterator[tuple[str, bytes]]:
    """The downloads of a build, one after the other, by name."""
    yield from _rdf(list(ox.parse((build / "inforce.nq").read_bytes(), format=ox.RdfFormat.N_QUADS)))
    found: list[tuple[Frame, list[Row], bytes]] = []
    for table in tables:
        rows = table.rows(store)
        found.append((table, rows, frames.to_csv(table, rows)))
    for table, rows, text in found:
        yield f"{table.name}.csv", text
        if frames.parquet_is_here():
            yield f"{table.name}.parquet", frames.to_parquet(table, rows)
    package = json.dumps(
        dataset.package([(t, text) for t, _, text in found], store.version), ensure_ascii=False, indent=1
    )
    yield PACKAGE, package.encode()
    yield ARCHIVE, _zip({**{f"{t.name}.csv": text for t, _, text in found}, PACKAGE: package.encode()})


def _rdf(quads: Sequence[ox.Quad]) -> Iterator[tuple[str, bytes]]:
    """Sorted quads in parts and forms; a form without named graphs holds the union of them all."""
    for name, part in _PARTS.items():
        chosen = [quad for quad in quads if _belongs(str(quad.graph_name), part)]
        # A sort is stable: within each graph the triples stay in order.
        by_graph = sorted(chosen, key=lambda quad: str(quad.graph_name))
        triples = dict.fromkeys(quad.triple for quad in chosen)
        for suffix, form in _FORMS.items():
            told = chosen if suffix == "nq" else by_graph if form.supports_datasets else triples
            yield f"{name}.{suffix}.gz", gzip.compress(written(told, form), 6, mtime=0)


def _belongs(graph: str, part: str) -> bool:
    """Whether a named graph belongs to a part of the dataset. Which version it is stands in each."""
    return part == "all" or graph == f"<{BASE}graph/dataset>" or (graph == f"<{COMPILED}>") == (part == "compiled")


def written(statements: Iterable[ox.Triple] | Iterable[ox.Quad], form: ox.RdfFormat) -> bytes:
    """Statements in an RDF form, in the order in which they come, with the prefixes of the record."""
    lines = (ox.serialize(statements, format=form, prefixes=PREFIXES) or b"").split(b"\n")
    # Oxigraph writes prefixes in an order that changes from run to run.
    head = [line for line in lines[: len(PREFIXES)] if line.startswith(b"@prefix ")]
    return b"\n".join([*sorted(head), *lines[len(head) :]])


def _zip(files: Mapping[str, bytes]) -> bytes:
    """An archive whose files bear no date, so that it depends on nothing but them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
