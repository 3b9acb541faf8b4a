"""The index of spans in time: which spans may hold on a day, as known on a day, for what a question selects by.

A file in a build, made of its triples as they pass by and only read afterwards: SQLite with an R*Tree over the
rectangles (legal days × public days) and, for each feature of measures, those that have it. It finds candidates; the
question itself decides. Days are ordinals of `datetime.date`; windows are half-open, as in the record.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

import pyoxigraph as ox

from inforce.model import BASE, NS, InforceError, Status
from inforce.pieces import QUADS, Place, change, places, quads
from inforce.record import SHARED
from inforce.store import manifest

FILE = "spans.idx"
AT_MOST = 2_000  # candidates: with more a question is as fast without
_FEW = 2_000  # measures that are looked through before the tree is asked
_SCANNED = 20_000  # spans of the tree that are looked through
_MANY = 200_000  # measures that are looked through where the tree is no help
_LISTED = 200  # values of one feature that are looked up one by one

_MAGIC = 0x696E6601  # "inf" and the number of the format
_HEADER, _CHECKSUM = 100, 60  # bytes at the head of an SQLite file; where it has four for its users
_NUMBERS = 1 << 16  # more than one measure has spans
LAST = (1 << 22) - 1  # later than any day
ANY = (0, LAST)
_AXIS = LAST + 1  # how far the statuses lie apart on one axis

log = logging.getLogger(__name__)


# SQL for the names of the values of a feature, ?1, that are found by those asked for, ?2.
_ITSELF = "SELECT value FROM json_each(?2)"
_NARROWER = "SELECT narrow FROM within JOIN json_each(?2) asked ON wide = asked.value"
_WIDER = "SELECT wide FROM within JOIN json_each(?2) asked ON narrow = asked.value"
_EITHER = f"SELECT '' UNION ALL {_NARROWER} UNION ALL {_WIDER}"
_CODE = f"""
  WITH begin (code) AS ({_ITSELF} UNION SELECT substr(code, 1, length(code) - 1) FROM begin WHERE code != '')
  SELECT code FROM begin
  UNION ALL SELECT longer.name FROM json_each(?2) asked
    JOIN value longer ON longer.feature = ?1 AND longer.name BETWEEN asked.value AND asked.value || ':'
"""  # codes that begin the one asked for or begin with it; : comes after 9
FEATURES: Mapping[str, str] = {
    "material": _EITHER,
    "goods": _EITHER,
    "hs": _CODE,
    "imposedBy": _ITSELF,
    "destination": _WIDER,
    "origin": _WIDER,
    "kind": _NARROWER,
    "flow": _ITSELF,
    "entity": _ITSELF,
    "measure": _ITSELF,
}

# The id of a span is made of those of its measure and of its own number in it: measure * _NUMBERS + number.
_TABLES = """
CREATE TABLE build (version TEXT NOT NULL);
CREATE TABLE status (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE measure (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE span (id INTEGER PRIMARY KEY, status INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,
  known_since INTEGER NOT NULL, known_until INTEGER NOT NULL);
CREATE VIRTUAL TABLE tree USING rtree_i32 (id, since, until, known_since, known_until);
CREATE TABLE value (id INTEGER PRIMARY KEY, feature TEXT NOT NULL, name TEXT NOT NULL, measures INTEGER,
  UNIQUE (feature, name));
CREATE TABLE has (value INTEGER, measure INTEGER, PRIMARY KEY (value, measure)) WITHOUT ROWID;
CREATE TABLE within (narrow TEXT, wide TEXT, PRIMARY KEY (narrow, wide)) WITHOUT ROWID;
CREATE INDEX around ON within (wide);
"""
# What is said, as far as the index follows from it; kept in a file of its own while the index is made.
_OWN = ("imposedBy", "destination", "origin", "kind", "flow", "entity")
_SAID = ("item", "material", "hsCode", "within", *_OWN)
_SAID_TABLES = "".join(f"CREATE TABLE said.{name} (subject TEXT, value TEXT);" for name in _SAID)
_SAID_TABLES += "CREATE TABLE said.measure (id INTEGER PRIMARY KEY, name TEXT UNIQUE);"  # those of which it is said
_SPANS_OF = f"span.id BETWEEN of.id * {_NUMBERS} AND of.id * {_NUMBERS} + {_NUMBERS - 1}"
_FORGOTTEN = f"""
DELETE FROM tree WHERE id IN (SELECT span.id FROM said.measure of JOIN span ON {_SPANS_OF});
DELETE FROM span WHERE id IN (SELECT span.id FROM said.measure of JOIN span ON {_SPANS_OF});
DELETE FROM has WHERE measure IN (SELECT id FROM said.measure);
DELETE FROM measure WHERE id IN (SELECT id FROM said.measure);
DELETE FROM said.measure;
DELETE FROM build;
"""
_DAYS = ("from", "until", "knownFrom", "knownUntil")
_HAS = f"""
CREATE INDEX said.item_of ON item (subject);
CREATE INDEX said.material_of ON material (subject);
CREATE INDEX said.code_of ON hsCode (subject);
CREATE TABLE said.feature (feature TEXT, value TEXT, measure TEXT);
INSERT INTO said.feature
  WITH goods AS (SELECT i.subject, m.value FROM said.item i JOIN said.material m ON m.subject = i.value)
  SELECT 'material', value, subject FROM goods
  UNION ALL SELECT 'goods', value, subject FROM goods
  -- An import measure that names no goods may reach any.
  UNION ALL SELECT 'goods', '', subject FROM said.flow
    WHERE value = '{NS}import' AND subject NOT IN (SELECT subject FROM said.item)
  UNION ALL SELECT 'hs', h.value, i.subject FROM said.item i JOIN said.hsCode h ON h.subject = i.value
  -- A measure on all goods has the code that begins every other.
  UNION ALL SELECT 'hs', '', subject FROM goods WHERE value = '{BASE}material/all-goods'
  {"".join(f"UNION ALL SELECT '{name}', value, subject FROM said.{name} " for name in _OWN)}
  UNION ALL SELECT 'measure', name, name FROM said.measure;
INSERT OR IGNORE INTO value (feature, name) SELECT DISTINCT feature, value FROM said.feature
  WHERE measure IN (SELECT name FROM said.measure) ORDER BY feature, value;
INSERT OR IGNORE INTO has SELECT value.id, m.id FROM said.feature f
  JOIN value ON value.feature = f.feature AND value.name = f.value JOIN said.measure m ON m.name = f.measure
  ORDER BY value.id, m.id;
INSERT INTO within SELECT DISTINCT subject, value FROM said.within ORDER BY subject, value;
"""
_FILLED = f"""
INSERT INTO measure SELECT id, name FROM said.measure;
INSERT INTO tree SELECT span.id, status * {_AXIS} + since, status * {_AXIS} + until, known_since, known_until
  FROM said.measure of JOIN span ON {_SPANS_OF} ORDER BY status, since / 256, known_since;
UPDATE value SET measures = (SELECT count(*) FROM has WHERE value = value.id);
DELETE FROM value WHERE measures = 0;
"""
_STATUSES = {f"{NS}{status}": number for number, status in enumerate(sorted(Status), 1)}
_LINE = re.compile(
    rb"<([^>]*)> <%b(%b)> (?:<([^>]*)>|\"((?:[^\"\\]|\\.)*)\")"
    % (re.escape(NS).encode(), "|".join((*_SAID, "measure", "status", *_DAYS)).encode())
)
_AT_ONCE = 10_000  # rows that are written together
_HOLDS = "since BETWEEN ? AND ? AND until BETWEEN ? AND ? AND known_since <= ? AND known_until >= ?"


def write(build: Path, earlier: Path | None = None) -> None:
    """Write the index of a build into its folder. It is made of the build's N-Quads as they pass by, without a store.

    What is the same in an earlier build is taken from the index there. All that is said of a span stands together, and
    spans in the order of their measures. Raises InforceError where they do not.
    """
    beside = build / f".{FILE}.new"
    beside.unlink(missing_ok=True)
    again = _again(build, earlier) if earlier else None
    if again:
        shutil.copyfile(again.file, beside)
    with closing(sqlite3.connect(beside)) as db:
        db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; ATTACH '' AS said; {_SAID_TABLES}")
        last_id = 0
        if again:
            ((last_id,),) = db.execute("SELECT coalesce(max(id), 0) FROM measure")
            named = "SELECT id, name FROM measure WHERE name IN (SELECT value FROM json_each(?))"
            db.execute(f"INSERT INTO said.measure {named}", (json.dumps(again.measures),))
            db.executescript(_FORGOTTEN)
            _fill(db, quads(build, again.places), last_id)
        else:
            db.executescript(f"PRAGMA application_id = {_MAGIC}; {_TABLES}")
            db.executemany("INSERT INTO status VALUES (?, ?)", ((number, name) for name, number in _STATUSES.items()))
            with (build / QUADS).open("rb") as whole:
                _fill(db, whole)
        db.execute("INSERT INTO build VALUES (?)", (manifest(build)["version"],))
        db.commit()
    sign(beside)
    beside.replace(build / FILE)


@dataclass(frozen=True, slots=True)
class _Again:
    """Of which measures something else is said than an earlier index knows, and where all lies that is said of them."""

    file: Path
    measures: Sequence[str]
    places: Sequence[Place]


def _again(build: Path, earlier: Path) -> _Again | None:
    """What has changed for the index since an earlier build; nothing where all may have, or where it has no index."""
    if (has := change(earlier, build)) is None:
        return None
    if not {"scopes", *SHARED}.isdisjoint(has.names):
        return None
    if (index := Index.open(earlier, manifest(earlier)["version"])) is None:
        return None
    index.close()
    measures = {
        name
        for ledger in (has.old, has.new)
        for name, of in ledger.measures.items()
        if name in has.names or not has.names.isdisjoint(of.graphs)
    }
    left = sorted(measures & has.new.measures.keys())
    graphs = {graph for name in left for graph in has.new.measures[name].graphs}
    lies = places(has.new)
    where = [lies["said", name] for name in sorted(graphs)] + [lies["follows", name] for name in left]
    return _Again(earlier / FILE, sorted(measures), where)


def _fill(db: sqlite3.Connection, quads: Iterable[bytes], last_id: int = 0) -> None:
    """Add measures with all that N-Quads say of them and of their spans; the ids begin after the last one."""
    rows: dict[str, list[tuple[str | int, ...]]] = defaultdict(list)
    last = ""

    def put(table: str, *row: str | int) -> None:
        rows[table].append(row)
        if len(rows[table]) >= _AT_ONCE:
            flush(table)

    def flush(table: str) -> None:
        waiting = rows.pop(table)
        db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' for _ in waiting[0])})", waiting)

    for subject, lines in groupby(_said(quads), key=itemgetter(0)):
        said = [(name, value) for _, name, value in lines]
        of = dict(said)
        if "measure" not in of:
            for name, value in said:
                if name in _SAID:
                    put(f"said.{name}", subject, value)
            continue
        if of["measure"] != last:
            if of["measure"] < last:
                raise InforceError(f"{subject}: expected after the spans of {last}, in the order of measures")
            last_id, last = last_id + 1, of["measure"]
            put("said.measure", last_id, last)
        put("span", *_span(subject, last_id, of))
    for table in [*rows]:
        flush(table)
    db.executescript(f"{_HAS} {_FILLED}")


def _said(quads: Iterable[bytes]) -> Iterator[tuple[str, str, str]]:
    """What N-Quads say that the index is made of: subject, property in the vocabulary of the record, value."""
    for line in quads:
        if found := _LINE.match(line):
            subject, name, iri, text = (part.decode() for part in found.groups(b""))
            if "\\" in text:
                text = next(iter(ox.parse(line, format=ox.RdfFormat.N_QUADS))).object.value
            yield subject, name, iri or text


def _span(span: str, measure: int, of: Mapping[str, str]) -> tuple[int, ...]:
    number = span.removeprefix(f"{of['measure']}#span-")
    if not number.isdecimal() or int(number) >= _NUMBERS:
        raise InforceError(f"{span}: no name of a span: expected {of['measure']}#span-1 to -{_NUMBERS - 1}")
    days = (date.fromisoformat(of[name]).toordinal() for name in _DAYS)
    return (measure * _NUMBERS + int(number), _STATUSES[of["status"]], *days)


def sign(file: Path) -> None:
    """Write into an index the checksum that proves it undamaged."""
    with file.open("r+b") as stream:
        checksum = _checksum(stream)
        stream.seek(_CHECKSUM)
        stream.write(checksum.to_bytes(4))


def _checksum(stream: BinaryIO) -> int:
    """The checksum of all that follows the header."""
    stream.seek(_HEADER)
    checksum = 0
    while piece := stream.read(1 << 20):
        checksum = zlib.crc32(piece, checksum)
    return checksum


@dataclass(frozen=True, slots=True)
class Sought:
    """Spans that are sought: the first and last day on which their windows may begin (`since`) and end (`until`).

    `known` is the day of knowledge. The span must have one of `status`, if any are given; its measure, for each feature
    of `having`, a value that one of those asked for finds.
    """

    since: tuple[int, int] = ANY
    until: tuple[int, int] = ANY
    known: int | None = None
    status: tuple[str, ...] = ()
    having: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def bounds(self, axis: int = 0) -> tuple[int, ...]:
        """Bounds of since, since, until, until, known_since, known_until, with the legal days from `axis` on."""
        known = (LAST, 0) if self.known is None else (self.known, self.known + 1)
        return (*(axis + day for day in (*self.since, *self.until)), *known)


class Index:
    """The index of a build, opened for reading. Threads may share it; processes open their own."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        self._lock = Lock()
        self._db.execute(f"PRAGMA mmap_size = {1 << 40}")
        self._statuses: dict[str, int] = dict(self._db.execute("SELECT name, id FROM status"))

    @classmethod
    def open(cls, build: Path, version: str) -> Index | None:
        """The index in the folder of a build; none where it has none, or one that is damaged or of another build."""
        file = build / FILE
        try:
            with file.open("rb") as stream:
                head = stream.read(_HEADER)
                sound = head[_CHECKSUM : _CHECKSUM + 4] == _checksum(stream).to_bytes(4)
            if int.from_bytes(head[68:72]) != _MAGIC:
                raise InforceError("it is no index of this format")
            if not sound:
                raise InforceError("it is damaged: its checksum is another")
            index = cls(file)
            ((of,),) = index._all("SELECT version FROM build")
            if of != version:
                index.close()
                raise InforceError(f"it belongs to the build {of}, not to {version}")
        except FileNotFoundError:
            return None
        except (OSError, sqlite3.Error, InforceError) as error:
            log.warning("%s is not used, which makes questions slower: %s", file, error)
            return None
        return index

    def close(self) -> None:
        self._db.close()

    def find(self, sought: Sought) -> list[tuple[str, str]] | None:
        """The spans that may be those sought, each with its measure; nothing where they are too many."""
        statuses = [self._statuses[s] for s in sought.status or self._statuses if s in self._statuses]
        having = sorted((self._having(feature, asked) for feature, asked in sought.having), key=lambda h: h.measures)
        fewest = having[0].measures if having else _MANY + 1
        if fewest > _FEW and (held := self._tree(sought, statuses)) is not None:
            found = self._all(
                f"SELECT value FROM json_each(?) held WHERE {_all_of(having, f'(held.value / {_NUMBERS})')} LIMIT ?",
                json.dumps(held),
                AT_MOST + 1,
            )
        elif fewest <= _MANY:
            found = self._all(
                f"""SELECT span.id
                FROM (SELECT DISTINCT measure AS id FROM has WHERE value IN ({_listed(having[0].values)})) of
                CROSS JOIN span ON {_SPANS_OF}
                WHERE status IN ({_listed(statuses)}) AND {_HOLDS} AND {_all_of(having[1:], "of.id")} LIMIT ?""",
                *sought.bounds(),
                AT_MOST + 1,
            )
        else:
            return None
        return None if len(found) > AT_MOST else self._named([span for (span,) in found])

    def _having(self, feature: str, asked: Sequence[str]) -> _Having:
        """The values of a feature that are found by those asked for."""
        query = f"SELECT id, measures FROM value WHERE feature = ?1 AND name IN ({FEATURES[feature]})"
        rows = self._all(query, feature, json.dumps(asked))
        return _Having([value for value, _ in rows], sum(measures for _, measures in rows))

    def _tree(self, sought: Sought, statuses: Sequence[int]) -> list[int] | None:
        """The spans of these statuses in these bounds, whatever their measures have; nothing where too many."""
        held: list[int] = []
        for axis in (status * _AXIS for status in statuses):
            held += (
                span
                for (span,) in self._all(
                    f"SELECT id FROM tree WHERE {_HOLDS} LIMIT ?", *sought.bounds(axis), _SCANNED + 1
                )
            )
            if len(held) > _SCANNED:
                return None
        return held

    def _named(self, spans: Sequence[int]) -> list[tuple[str, str]]:
        rows = self._all(
            f"""SELECT name, value % {_NUMBERS} FROM json_each(?) JOIN measure ON measure.id = value / {_NUMBERS}
            ORDER BY value""",
            json.dumps(spans),
        )
        return [(f"{measure}#span-{number}", measure) for measure, number in rows]

    def _all(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(query, values).fetchall()


@dataclass(frozen=True, slots=True)
class _Having:
    """Values of one feature, and how many measures have them; one that has two of them counts twice."""

    values: Sequence[int]
    measures: int


def _all_of(having: Sequence[_Having], measure: str) -> str:
    """The condition that a measure has a value of each feature, as far as that is worth asking."""
    return " AND ".join(
        ["TRUE"]
        + [
            f"EXISTS (SELECT 1 FROM has WHERE has.value IN ({_listed(each.values)}) AND has.measure = {measure})"
            for each in having
            if len(each.values) <= _LISTED
        ]
    )


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
