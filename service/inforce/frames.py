"""The tables of a build, for whoever wants a data frame: tables/*.rq as typed columns, as CSV and as Parquet.

A file is plain SPARQL that gives the rows; lines that begin with #+ describe the table and each of its columns in YAML.
All that is said of a table anywhere – its data package, its Parquet schema, its page – comes from there.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from inforce.catalogue import head_and_body
from inforce.model import ALWAYS, BASE, NS, OPEN, InforceError
from inforce.record import root
from inforce.store import Store
from inforce.turtle import PREFIXES

# How a column of each type is called in a Table Schema (Data Package 2.0).
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "name": {"type": "string"},
    "term": {"type": "string"},
    "text": {"type": "string"},
    "texts": {"type": "string"},
    "url": {"type": "string", "format": "uri"},
    "date": {"type": "date"},
    "moment": {"type": "datetime"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "names": {"type": "list", "delimiter": " "},
    "terms": {"type": "list", "delimiter": " "},
    "chain": {"type": "list", "delimiter": " "},
    "list": {"type": "list", "delimiter": " "},
}
_LISTS = frozenset({"names", "terms", "chain", "list"})
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `of` is the kind of thing that a name stands for, `references` the table.column where it has
    a row, `meaning` the property of the ontology that it holds.

    Names are IRIs without what all of their kind begin with; a `chain` of them is in order, other lists are sorted.
    """

    name: str
    type: str
    description: str
    meaning: str | None = None
    of: str | None = None
    references: str | None = None

    @property
    def beginning(self) -> str:
        """With what the IRIs begin that the names of this column stand for."""
        return f"{BASE}{self.of}/" if self.of else NS if self.type in ("term", "terms") else ""

    @property
    def kind(self) -> str:
        """Its type in words of the Table Schema."""
        return _FIELDS[self.type]["type"]

    def value(self, cell: Mapping[str, str] | None) -> Any:
        """What a cell of SPARQL results holds: a typed value; nothing for what is absent or open."""
        text = "" if cell is None else cell["value"]
        if self.type in _LISTS:
            parts = [self._short(part) for part in text.split()]
            return parts if self.type == "chain" else sorted(parts)
        if self.type == "texts":
            return "; ".join(sorted(text.splitlines())) or None
        if cell is None or (self.type in _READ and text[:10] in (ALWAYS, OPEN)):
            return None
        return _READ.get(self.type, self._short)(text)

    def _short(self, text: str) -> str:
        if not text.startswith(self.beginning):
            raise InforceError(f"column {self.name}: {text} does not begin with {self.beginning}")
        return text.removeprefix(self.beginning)


_READ: Mapping[str, Callable[[str], Any]] = {
    "date": date.fromisoformat,
    "moment": datetime.fromisoformat,
    "number": float,
    "integer": int,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One table: what its rows are, its columns in order, and those that together are its key."""

    name: str
    title: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    sparql: str

    def rows(self, store: Store) -> list[Row]:
        """The rows of a build, in the order of the query. Raises InforceError where other columns are described."""
        found = json.loads(store.select(self.sparql))
        if found["head"]["vars"] != [column.name for column in self.columns]:
            raise InforceError(
                f"table {self.name}: described are other columns than {', '.join(found['head']['vars'])}"
            )
        return [
            {column.name: column.value(row.get(column.name)) for column in self.columns}
            for row in found["results"]["bindings"]
        ]

    def schema(self) -> dict[str, Any]:
        """The table in words of the Table Schema; `propertyUrl` and `valueUrl` are those of CSV on the Web."""
        fields = [
            {
                "name": column.name,
                **_FIELDS[column.type],
                "description": column.description,
                **({"constraints": {"required": True}} if column.name in self.key else {}),
                **({"propertyUrl": column.meaning} if column.meaning else {}),
                **({"valueUrl": f"{column.beginning}{{{column.name}}}"} if column.beginning else {}),
            }
            for column in self.columns
        ]
        references = [
            {"fields": [column.name], "reference": {"resource": table, "fields": [field]}}
            for column in self.columns
            if column.references
            for table, _, field in [column.references.partition(".")]
        ]
        foreign = {"foreignKeys": references} if references else {}
        return {"fields": fields, "primaryKey": list(self.key), "missingValues": [""], **foreign}


def folder(source: Path) -> Path:
    """The folder of the tables that belong to a record or a build; the package's own where there is none."""
    own = source / "tables"
    return own if own.is_dir() else root() / "tables"


def read(folder: Path) -> list[Frame]:
    """The tables that a folder defines, by name. Raises InforceError naming file and fault."""
    frames = []
    for file in sorted(folder.glob("*.rq")):
        try:
            frames.append(parse(file.stem, file.read_text(encoding="utf-8")))
        except InforceError as error:
            raise InforceError(f"{file.name}: {error}") from None
    if not frames:
        raise InforceError(f"{folder}: no tables here: expected *.rq files")
    return frames


def parse(name: str, text: str) -> Frame:
    """A table from its file. Raises InforceError for what a definition must not be."""
    head, sparql = head_and_body(text)
    if missing := [name for name in ("title", "description", "key", "columns") if name not in head]:
        raise InforceError(f"{missing[0]} is missing after #+")
    columns = tuple(_column(called, about) for called, about in head["columns"].items())
    key = tuple(head["key"])
    if not set(key) <= {column.name for column in columns}:
        raise InforceError(f"the key {', '.join(key)} is not made of columns")
    return Frame(name, head["title"], head["description"], key, columns, sparql)


def _column(name: str, about: Mapping[str, str]) -> Column:
    if "description" not in about:
        raise InforceError(f"column {name} is not described")
    if about.get("type") not in _FIELDS:
        raise InforceError(f"column {name} cannot be of type {about.get('type')}; known: {', '.join(_FIELDS)}")
    if (about["type"] in ("name", "names", "chain")) != ("of" in about):
        raise InforceError(f"column {name}: names need to say of what, and nothing else does")
    prefix, colon, local = about.get("property", "").partition(":")
    if colon and prefix not in PREFIXES:
        raise InforceError(f"column {name}: the prefix {prefix}: is not known")
    return Column(
        name=name,
        type=about["type"],
        description=about["description"],
        meaning=PREFIXES[prefix] + local if colon else None,
        of=about.get("of"),
        references=about.get("references"),
    )


def to_csv(frame: Frame, rows: Iterable[Row]) -> bytes:
    """The rows as CSV (RFC 4180) for programs: plain UTF-8, each value as it is, empty where there is none."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(column.name for column in frame.columns)
    for row in rows:
        writer.writerow(_cell(row[column.name]) for column in frame.columns)
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case list():
            return " ".join(value)
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%SZ}"
        case float():
            return repr(value).removesuffix(".0")
    return str(value)


def parquet_is_here() -> bool:
    """Whether Parquet can be written: with the package pyarrow, which not everyone has."""
    return find_spec("pyarrow") is not None


def to_parquet(frame: Frame, rows: Sequence[Row]) -> bytes:
    """The rows as Parquet, with the description and the property of each column in its metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        "date": pa.date32(),
        "datetime": pa.timestamp("us", tz="UTC"),
        "number": pa.float64(),
        "integer": pa.int64(),
        "list": pa.list_(pa.string()),
        "string": pa.string(),
    }
    fields = [
        pa.field(
            column.name,
            types[column.kind],
            nullable=column.name not in frame.key,
            metadata={"description": column.description, **({"property": column.meaning} if column.meaning else {})},
        )
        for column in frame.columns
    ]
    table = pa.Table.from_pylist(rows, schema=pa.schema(fields, {"description": frame.description}))
    out = io.BytesIO()
    parquet.write_table(table, out, compression="zstd")
    return out.getvalue()
