"""The check of a record: file by file, each with what others say of its things, and again only where that has changed.

What is wrong in a file follows from its bytes, from the few facts of other files that its rules ask for, from the
shapes and from the program. A digest stands for all of that; beside it is kept what was found. So a check costs what
the files cost that are new or see something new. With which others they are looked at makes no difference.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import astuple, dataclass
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Self, TypeVar

import pyshacl
from rdflib import RDF, SH, SKOS, Graph

from inforce import build, shapes
from inforce.build import Progress
from inforce.model import InforceError
from inforce.rules import (
    FILE_RULES,
    Fact,
    Facts,
    File,
    Opened,
    Part,
    Problem,
    TurtleSyntaxError,
    digest_of,
    facts,
    of_act,
    of_parts,
    of_schemes,
    placed,
    plain,
    unwritable,
)
from inforce.shapes import SHAPE, Reach
from inforce.turtle import INF, canonical

FILE = "checks.db"  # beside the builds: what was found so far
_TOGETHER = 32  # files that are looked at together
_BYTES = 1_000_000  # of text, unless one file has more
_PROCESSES = 8  # at most; each holds some 150 MB

log = logging.getLogger(__name__)
_CODE = (str(RDF.type), str(INF.CommodityCode))
Item = TypeVar("Item")
Batch = TypeVar("Batch")
Found = TypeVar("Found")


def check(
    root: Path, only: list[Path] | None = None, kept: Path | None = None, progress: Progress | None = None
) -> list[Problem]:
    """What is wrong in the record under `root`, in order of files and lines; with `only`, what is wrong in these files.

    The whole record is read either way, since a fact is checked against what it refers to. A file that cannot be read
    hides what it holds from all others, so then nothing but syntax is reported. `kept` is the folder in which is kept
    what was found; it changes nothing but the time that this takes.
    Raises InforceError when `only` names a file that is no part of the record.
    """
    work = Work.of(root)
    names = None if only is None else _names(root, only)
    try:
        with closing(_Memory(kept, _program(root))) as memory, _Pool(work) as pool:
            return _Check(work, memory, pool, progress or (lambda *_: None)).problems(names)
    except sqlite3.Error as error:
        if kept is None:
            raise
        log.warning("%s is not used, which makes checks slower: %s", kept / FILE, error)
        return check(root, only, None, progress)


def rules(root: Path) -> dict[str, str]:
    """Every rule with its sentence: those of shapes/*.ttl and those of files."""
    read = shapes.read(root)
    named = {str(s).removeprefix(SHAPE): str(m) for s, m in read.subject_objects(SH.message)}
    return dict(sorted((named | FILE_RULES).items()))


def format_file(path: Path) -> bool:
    """Rewrites a file of data/ in canonical form and says whether that changed it; comments are not kept.

    Raises TurtleSyntaxError for what is not Turtle, InforceError for what cannot be written in canonical form.
    """
    file = File(path.resolve(), str(path), path.read_bytes())
    if problem := next(unwritable(file), None):
        raise InforceError(str(problem))
    text = canonical(file.graph, file.this)
    if text == file.text:
        return False
    path.write_bytes(text.encode())
    return True


def _names(root: Path, only: Iterable[Path]) -> set[str]:
    """The names of files within the record."""
    names = set()
    for path in only:
        whole = path.resolve()
        if not whole.is_relative_to(root.resolve()) or not whole.is_file():
            raise InforceError(f"{path}: no file of the record in {root}")
        names.add(whole.relative_to(root.resolve()).as_posix())
    return names


def _program(root: Path) -> str:
    """A digest of all that checks."""
    return f"{build.program()} {pyshacl.__version__} {build.digest(shapes.files(root))}"


@dataclass(frozen=True, slots=True)
class Work:
    """What all work on a record needs: where it lies, its shapes, and how far they look."""

    root: Path
    shapes: Graph
    reach: Reach

    @classmethod
    def of(cls, root: Path) -> Work:
        read = shapes.read(root)
        return cls(root, read, shapes.reach(read))


def _facts_of(work: Work, batch: Sequence[tuple[str, bytes]]) -> list[str | Problem]:
    """What each of some files says beyond itself, as JSON, or why it cannot be read."""
    found: list[str | Problem] = []
    for name, content in batch:
        try:
            found.append(facts(File(work.root / name, name, content), work.reach).json())
        except TurtleSyntaxError as error:
            why = f"column {error.column}: {error.why}"
            found.append(Problem(name, error.line, "turtle-syntax", FILE_RULES["turtle-syntax"], value=why))
    return found


def _problems_of(work: Work, batch: tuple[Sequence[Fact], Sequence[tuple[Part, str]]]) -> list[list[Problem]]:
    """What is wrong in each of some files."""
    classes, parts = batch
    return of_parts(work.root, work.shapes, classes, [part for part, _ in parts])


class _Check:
    """One check of a record."""

    def __init__(self, work: Work, memory: _Memory, pool: _Pool, progress: Progress) -> None:
        self._work, self._memory, self._pool, self._progress = work, memory, pool, progress
        self._digests: dict[str, str] = {}

    def problems(self, only: set[str] | None) -> list[Problem]:
        unread = self._read()
        if unread:
            return sorted(unread)
        beside = _Beside(self._digests, self._facts)
        names = [name for name in self._digests if only is None or name in only]
        concepts = {concept for concept, _, _ in beside.schemes}
        found: set[Problem] = set()
        if only is None or any(not concepts.isdisjoint(self._facts(name).subjects) for name in names):
            found.update(self._of_schemes(beside))
        for problems in self._of_files(beside, names):
            found.update(problems)
        if only is None:
            self._memory.forget_others(self._digests)
        return sorted(problem for problem in found if only is None or problem.file in only)

    def _facts(self, name: str) -> Facts:
        found = self._memory.get("facts", name, self._digests[name])
        assert found is not None, "all files have been read"
        return Facts.of_json(found)

    def _read(self) -> list[Problem]:
        """Read what each file of the record says beyond itself, in order of names. Answers what cannot be read."""
        root, done = self._work.root, 0
        paths = sorted([*(root / "ontology").glob("*.ttl"), *(root / "data").rglob("*.ttl")])
        problems: list[Problem] = []

        def changed() -> Iterator[tuple[str, bytes]]:
            nonlocal done
            for path in paths:
                name, content = path.relative_to(root).as_posix(), path.read_bytes()
                self._digests[name] = digest_of(content)
                if self._memory.get("facts", name, self._digests[name]) is None:
                    yield name, content
                else:
                    done += 1

        for batch, found in self._pool.run(_facts_of, _batches(changed(), lambda each: len(each[1]))):
            for (name, _), said in zip(batch, found, strict=True):
                if isinstance(said, Problem):
                    problems.append(said)
                else:
                    self._memory.keep("facts", name, self._digests[name], said)
                done += 1
                self._progress("files read", done, len(paths))
        self._progress("files read", done, len(paths))
        return problems

    def _of_files(self, beside: _Beside, names: Sequence[str]) -> Iterator[list[Problem]]:
        """What is wrong in each of these files."""
        known: list[list[Problem]] = []
        done = 0

        def unknown() -> Iterator[tuple[Part, str]]:
            for name in names:
                part = beside.part(name)
                key = digest_of(json.dumps([astuple(part), beside.classes]).encode())
                if (found := self._memory.get("problems", name, key)) is None:
                    yield part, key
                else:
                    known.append([Problem(*problem) for problem in json.loads(found)])

        def size(each: tuple[Part, str]) -> int:
            return (self._work.root / each[0].name).stat().st_size

        batches = ((beside.classes, batch) for batch in _batches(unknown(), size))
        for (_, parts), found in self._pool.run(_problems_of, batches):
            for (part, key), problems in zip(parts, found, strict=True):
                self._memory.keep("problems", part.name, key, json.dumps([astuple(problem) for problem in problems]))
                yield problems
                done += 1
                self._progress("files checked", done + len(known), len(names))
        yield from known
        self._progress("files checked", len(names), len(names))

    def _of_schemes(self, beside: _Beside) -> Iterator[Problem]:
        """What is wrong with concepts as parts of their schemes, whatever file describes them."""
        said = [*beside.schemes, *beside.classes]
        key = digest_of(json.dumps(said).encode())
        if self._memory.get("problems", "", key) is not None:
            return
        results = of_schemes(self._work.shapes, said)
        opened = Opened(self._work.root)
        for result in results:
            homes = beside.homes(plain(result.subject))
            yield placed(result, [opened.file(name, self._digests[name]) for name in homes])
        if not results:  # else it is asked again: where it stands in a file is no part of the digest
            self._memory.keep("problems", "", key, "[]")


class _Beside:
    """What the files of a record say of the things of other files: as much of it as any of them has to know."""

    def __init__(self, digests: Mapping[str, str], facts: Callable[[str], Facts]) -> None:
        self._digests, self._facts = digests, facts
        self._names = list(digests)
        self._places = {name: place for place, name in enumerate(self._names)}
        self._home: dict[str, int] = {}
        self._homes: dict[str, list[int]] = {}  # of things that several files describe
        wanted: set[str] = set()
        apart: set[str] = set()
        schemes: list[Fact] = []
        classes: set[Fact] = set()
        for place, name in enumerate(self._names):
            of = facts(name)
            for subject in of.subjects:
                if (home := self._home.setdefault(subject, place)) != place:
                    self._homes.setdefault(subject, [home]).append(place)
            wanted.update(of.names)
            apart.update({*of.establishing} - {*of.measures})
            schemes += of.schemes
            classes.update(of.classes)
        self.classes: list[Fact] = sorted(classes)
        self._asked: dict[str, list[Fact]] = {}
        self._back: dict[str, list[tuple[int, str, str]]] = {}
        self._described: dict[str, set[int]] = {measure: set() for measure in apart}
        self._establishing: dict[str, list[int]] = {measure: [] for measure in apart}
        for place, name in enumerate(self._names):
            of = facts(name)
            linked = {s for s, _, o in of.back if self._homes.get(o) or self._home.get(o, place) != place}
            for subject in (wanted | linked) & of.asked.keys():
                self._asked.setdefault(subject, []).extend(of.asked[subject])
            for subject, predicate, thing in of.back:
                if subject in linked:
                    self._back.setdefault(thing, []).append((place, subject, predicate))
            for measure in apart.intersection(of.measures):
                self._described[measure].add(place)
            for measure in apart.intersection(of.establishing):
                self._establishing[measure].append(place)
        of_schemes = {scheme for _, predicate, scheme in schemes if predicate == str(SKOS.inScheme)}
        schemes += ((s, *fact) for s in of_schemes for fact in self._asked.get(s, ()))
        self.schemes: list[Fact] = sorted(schemes)

    def homes(self, thing: str) -> list[str]:
        """The files that describe a thing, in order."""
        return [self._names[place] for place in self._homes.get(thing) or [self._home[thing]]]

    def part(self, name: str) -> Part:
        """A file with all of this that decides on what is wrong in it."""
        place, of = self._places[name], self._facts(name)
        homes = {thing: self.homes(thing) for thing in of.subjects if thing in self._homes}
        others = {other for files in homes.values() for other in files} - {name}
        said = {
            (thing, *fact)
            for thing in {*of.names}.union(*(self._facts(other).names for other in others))
            for fact in self._asked.get(thing, ())
        }
        for thing in of.subjects:
            for where, subject, predicate in self._back.get(thing, ()):
                if where != place:
                    said.add((subject, predicate, thing))
                    said.update((subject, *fact) for fact in self._asked.get(subject, ()))
        return Part(
            name,
            self._digests[name],
            said=sorted(said),
            homes=homes,
            digests={other: self._digests[other] for other in sorted(others)},
            described=[thing for thing, files in homes.items() if of_act(name) and name != next(filter(of_act, files))],
            unknown=[code for code in of.codes if _CODE not in self._asked.get(code, ())],
            apart=[measure for measure in of.establishing if self._is_apart(measure, place)],
        )

    def _is_apart(self, measure: str, place: int) -> bool:
        """Whether a measure is described, but by none of those that establish it, of which this is the first."""
        described, establishing = self._described.get(measure, set()), self._establishing.get(measure, [])
        return bool(described) and establishing[0] == place and described.isdisjoint(establishing)


class _Memory:
    """What checks have found, file by file, with a digest of all that it was found from: only the last of each.

    While one check uses the file of a folder no other does. Without a folder it is gone when it is closed.
    """

    def __init__(self, folder: Path | None, program: str) -> None:
        self._program = program
        if folder is not None:
            with suppress(OSError):  # which the next line says better
                folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / FILE if folder else "", isolation_level=None)
        self._db.execute("BEGIN EXCLUSIVE")
        for table in ("facts", "problems"):
            self._db.execute(f"CREATE TABLE IF NOT EXISTS {table} (file TEXT PRIMARY KEY, key TEXT, found TEXT)")

    def close(self) -> None:
        if self._db.in_transaction:
            self._db.execute("COMMIT")
        self._db.close()

    def get(self, table: str, file: str, key: str) -> str | None:
        """What was found, if it was found from the same."""
        rows = self._db.execute(f"SELECT found FROM {table} WHERE file = ? AND key = ?", (file, self._key(key)))
        return next((found for (found,) in rows), None)

    def keep(self, table: str, file: str, key: str, found: str) -> None:
        self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", (file, self._key(key), found))

    def forget_others(self, files: Iterable[str]) -> None:
        """Forget what was found of files that are there no more."""
        there = json.dumps([*files, ""])
        for table in ("facts", "problems"):
            self._db.execute(f"DELETE FROM {table} WHERE file NOT IN (SELECT value FROM json_each(?))", (there,))

    def _key(self, key: str) -> str:
        return f"{self._program} {key}"


class _Pool:
    """Does work on batches: at once, or in several processes where there is more than one."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._processes: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._processes is not None:
            self._processes.shutdown(cancel_futures=True)

    def run(self, done: Callable[[Work, Batch], Found], batches: Iterator[Batch]) -> Iterator[tuple[Batch, Found]]:
        """The batches with what is found in them, in no order; no more of them are made than are worked on."""
        first = list(islice(batches, 2))
        count = min(os.cpu_count() or 1, _PROCESSES)
        if len(first) < 2 or count == 1:
            for batch in chain(first, batches):
                yield batch, done(self._work, batch)
            return
        if self._processes is None:
            # Not forked: a bar of progress has threads.
            self._processes = ProcessPoolExecutor(count, get_context("spawn"), _begin, (self._work.root,))
        waiting: dict[Future[Found], Batch] = {}
        for batch in chain(first, batches):
            waiting[self._processes.submit(_in_process, done, batch)] = batch
            if len(waiting) >= 2 * count:
                yield from _ready(waiting)
        while waiting:
            yield from _ready(waiting)


def _ready(waiting: dict[Future[Found], Batch]) -> Iterator[tuple[Batch, Found]]:
    """What is done of that which is waited for; waits until something is."""
    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
        yield waiting.pop(future), future.result()


_OF_PROCESS: list[Work] = []  # in a process of a pool: what it works with


def _begin(root: Path) -> None:
    _OF_PROCESS.append(Work.of(root))


def _in_process(done: Callable[[Work, Batch], Found], batch: Batch) -> Found:
    return done(_OF_PROCESS[0], batch)


def _batches(each: Iterable[Item], size: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Things in order, as many together as are looked at together."""
    batch: list[Item] = []
    total = 0
    for item in each:
        if batch and (len(batch) == _TOGETHER or total + size(item) > _BYTES):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += size(item)
    if batch:
        yield batch
