"""The downloads of a build: all of it, what people wrote and what follows from it as RDF, the tables, and checksums.

RDF is compressed by gzip, which the loaders of RDF stores read as it is; of Zstandard that cannot be said.
The same build gives the same bytes – but for Parquet, which bears the version of the package that writes it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import pyoxigraph as ox

from inforce import dataset, frames
from inforce.compiled import COMPILED
from inforce.dataset import Download
from inforce.frames import Frame
from inforce.model import BASE
from inforce.pieces import QUADS
from inforce.store import Store
from inforce.turtle import PREFIXES

Fill = Callable[[BinaryIO], None]

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
    for name, fill in _files(store, build, tables, into):
        beside = into / f".{name}.part"
        with beside.open("w+b") as file:
            fill(file)
            file.seek(0)
            made.append((hashlib.file_digest(file, "sha256").hexdigest(), name))
        beside.replace(into / name)
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


def _files(store: Store, build: Path, tables: Iterable[Frame], into: Path) -> Iterator[tuple[str, Fill]]:
    """The downloads of a build, one after the other: their names, and how each is filled. Those that have come lie in
    their folder already."""
    yield from _rdf(build)
    resources = []
    for table in tables:
        rows = table.rows(store)
        text = frames.to_csv(table, rows)
        yield f"{table.name}.csv", partial(_put, text)
        resources.append((table, len(text), hashlib.sha256(text).hexdigest()))
        if frames.parquet_is_here():
            yield f"{table.name}.parquet", partial(_put, frames.to_parquet(table, rows))
    package = json.dumps(dataset.package(resources, store.version), ensure_ascii=False, indent=1)
    yield PACKAGE, partial(_put, package.encode())
    yield ARCHIVE, partial(_zip, [*(into / f"{table.name}.csv" for table, *_ in resources), into / PACKAGE])


def _put(content: bytes, out: BinaryIO) -> None:
    out.write(content)


def _rdf(build: Path) -> Iterator[tuple[str, Fill]]:
    """A build in parts and forms, in its own order; a form without named graphs holds the union of them all."""
    for name, part in _PARTS.items():
        for suffix, form in _FORMS.items():
            yield f"{name}.{suffix}.gz", partial(_pack, build / QUADS, part, form)


def _pack(quads: Path, part: str, form: ox.RdfFormat, out: BinaryIO) -> None:
    chosen = (q for q in ox.parse(path=quads, format=ox.RdfFormat.N_QUADS) if _belongs(str(q.graph_name), part))
    told = chosen if form.supports_datasets else (quad.triple for quad in chosen)
    with gzip.GzipFile("", "wb", 6, out, mtime=0) as packed, io.BufferedWriter(packed, 1 << 16) as buffer:
        ox.serialize(told, cast(BinaryIO, _Head(buffer)), format=form, prefixes=PREFIXES)


def _belongs(graph: str, part: str) -> bool:
    """Whether a named graph belongs to a part of the dataset. Which version it is stands in each."""
    return part == "all" or graph == f"<{BASE}graph/dataset>" or (graph == f"<{COMPILED}>") == (part == "compiled")


def written(statements: Iterable[ox.Triple] | Iterable[ox.Quad], form: ox.RdfFormat) -> bytes:
    """Statements in an RDF form, in the order in which they come, with the prefixes of the record."""
    out = io.BytesIO()
    ox.serialize(statements, cast(BinaryIO, _Head(out)), format=form, prefixes=PREFIXES)
    return out.getvalue()


class _Head:
    """Passes on what a serializer writes, its prefixes in order: Oxigraph's order changes from run to run."""

    def __init__(self, out: BinaryIO | io.BufferedWriter) -> None:
        self._out, self._held, self._passed = out, b"", False

    def write(self, data: bytes) -> int:
        if self._passed:
            self._out.write(data)
        else:
            self._held += data
            complete = self._held.split(b"\n")[:-1]
            if self._held[:1] != b"@" or not all(line.startswith(b"@prefix ") for line in complete):
                self.flush()
        return len(data)

    def flush(self) -> None:
        """Pass on what is held back: the end of what is written, or of its prefixes."""
        lines = self._held.split(b"\n")
        prefixes = [line for line in lines[: len(PREFIXES)] if line.startswith(b"@prefix ")]
        self._out.write(b"\n".join([*sorted(prefixes), *lines[len(prefixes) :]]))
        self._held, self._passed = b"", True


def _zip(files: Iterable[Path], out: BinaryIO) -> None:
    """An archive whose files bear no date, so that it depends on nothing but them."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with file.open("rb") as content, archive.open(entry, "w", force_zip64=True) as packed:
                shutil.copyfileobj(content, packed)
