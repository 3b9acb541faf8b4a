"""A build in pieces: what each act and each measure gives to its files, so that the next build copies what stays.

The pieces of inforce.nq lie one behind the other: the examples, what each named graph says, what lies within what, what
follows for each act, what follows for each measure. Beside it a ledger tells how long each is, what it was made of, and
on which others it depends. The files of a build are the same bytes whether their pieces were made or copied.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from inforce.model import BASE, NS
from inforce.record import EFFECT, INSTRUMENT, PUBLIC, TYPE, Thing, graph_of, is_measure

QUADS, TIMELINE = "inforce.nq", "timeline.txt"
_LEDGER = "pieces.json"
_TARGET = NS + "target"
Key = tuple[str, str]
Place = tuple[int, int]  # where bytes begin in a file, and how many they are


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of inforce.nq that were made together: their bytes, their number, their digest."""

    size: int = 0
    lines: int = 0
    digest: str = ""


@dataclass(slots=True)
class OfGraph:
    """What a build keeps of a named graph. `made_of` is the digest of its files, `days` are the public days of its
    acts, `aims` the named graphs of the acts at which its effects are aimed."""

    made_of: str
    said: Piece
    classes: Mapping[str, int]
    covered: Mapping[str, str]
    days: list[str]
    aims: list[str]
    follows: Piece = field(default_factory=Piece)


@dataclass(slots=True)
class OfMeasure:
    """What a build keeps of a measure; `graphs` describe it or have effects on it, `timeline` are bytes of its text."""

    follows: Piece
    timeline: int
    spans: int
    graphs: list[str]


@dataclass(slots=True)
class Ledger:
    """All pieces of a build in their order, and the digest of the program that made them."""

    program: str
    examples: tuple[str, Piece] = ("", Piece())
    scopes: Piece = field(default_factory=Piece)
    graphs: dict[str, OfGraph] = field(default_factory=dict)
    measures: dict[str, OfMeasure] = field(default_factory=dict)

    def pieces(self) -> Iterator[tuple[Key, Piece]]:
        """The pieces of inforce.nq, each by "said" or "follows" and a name."""
        yield ("said", "examples"), self.examples[1]
        yield from ((("said", name), graph.said) for name, graph in self.graphs.items())
        yield ("follows", "scopes"), self.scopes
        yield from ((("follows", name), graph.follows) for name, graph in self.graphs.items())
        yield from ((("follows", name), measure.follows) for name, measure in self.measures.items())

    @property
    def size(self) -> int:
        """How many bytes of inforce.nq they are; behind them stands its version."""
        return sum(piece.size for _, piece in self.pieces())

    def checksum(self) -> str:
        """What stands for all pieces."""
        return hashlib.sha256("".join(piece.digest for _, piece in self.pieces()).encode()).hexdigest()

    def write(self, build: Path) -> None:
        # Names repeat: each graph is meant by its place.
        places = {name: place for place, name in enumerate(self.graphs)}
        said = {
            "program": self.program,
            "examples": [self.examples[0], _row(self.examples[1])],
            "scopes": _row(self.scopes),
            "graphs": [
                [name, g.made_of, _row(g.said), g.classes, g.covered, g.days, g.aims, _row(g.follows)]
                for name, g in self.graphs.items()
            ],
            "measures": [
                [name, _row(m.follows), m.timeline, m.spans, [places[graph] for graph in m.graphs]]
                for name, m in self.measures.items()
            ],
        }
        (build / _LEDGER).write_text(json.dumps(said, separators=(",", ":")), encoding="utf-8")

    @classmethod
    def read(cls, build: Path, program: str) -> Ledger:
        """The ledger of a build; an empty one where there is none, or where another program wrote it."""
        return cls.of(build, program) or cls(program)

    @classmethod
    def of(cls, build: Path, program: str | None = None) -> Ledger | None:
        """The ledger of a build, if it has one, and if the program that is named made it: others may write others."""
        try:
            said = json.loads((build / _LEDGER).read_bytes())
            size = (build / QUADS).stat().st_size
        except FileNotFoundError:
            return None
        if program not in (None, said["program"]):
            return None
        graphs = {
            name: OfGraph(made_of, Piece(*told), classes, covered, days, aims, Piece(*follows))
            for name, made_of, told, classes, covered, days, aims, follows in said["graphs"]
        }
        names = list(graphs)
        measures = {
            name: OfMeasure(Piece(*follows), timeline, spans, [names[place] for place in places])
            for name, follows, timeline, spans, places in said["measures"]
        }
        made_of, examples = said["examples"]
        ledger = cls(said["program"], (made_of, Piece(*examples)), Piece(*said["scopes"]), graphs, measures)
        return ledger if ledger.size <= size else None


def _row(piece: Piece) -> list[int | str]:
    return [piece.size, piece.lines, piece.digest]


class Output:
    """A file of a build, written piece by piece: made anew, or copied from the same file of an earlier build."""

    def __init__(self, file: BinaryIO, earlier: memoryview) -> None:
        self._file, self._earlier = file, earlier
        self._from = self._to = 0  # what is to be copied: neighbours go in one

    def write(self, data: bytes) -> Piece:
        self.flush()
        self._file.write(data)
        return Piece(len(data), data.count(b"\n"), hashlib.blake2b(data, digest_size=16).hexdigest())

    def copy(self, start: int, size: int) -> None:
        if start != self._to:
            self.flush()
            self._from = start
        self._to = start + size

    def flush(self) -> None:
        self._file.write(self._earlier[self._from : self._to])
        self._from = self._to


@contextmanager
def output(build: Path, name: str, earlier: Path) -> Iterator[Output]:
    """Write a file of a build with that of an earlier build at hand, if there is one."""
    with ExitStack() as stack:
        old = memoryview(b"")
        if (earlier / name).is_file() and (earlier / name).stat().st_size:
            file = stack.enter_context((earlier / name).open("rb"))
            mapped = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            old = stack.enter_context(memoryview(mapped))
        result = Output(stack.enter_context((build / name).open("wb", buffering=1 << 20)), old)
        yield result
        result.flush()


def places(ledger: Ledger) -> dict[Key, Place]:
    """Where pieces lie in the files of a build, and their size: by "said", "follows" or "timeline" and a name."""
    found: dict[Key, Place] = {}
    at = 0
    for key, piece in ledger.pieces():
        found[key] = (at, piece.size)
        at += piece.size
    at = 0
    for name, measure in ledger.measures.items():
        found["timeline", name] = (at, measure.timeline)
        at += measure.timeline
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """What two builds have not in common: the names of what has other pieces, or is in one of them only; where lies in
    the N-Quads of the old what is gone, and in those of the new what came."""

    old: Ledger
    new: Ledger
    names: Set[str]
    gone: Sequence[Place]
    come: Sequence[Place]


def change(earlier: Path, build: Path) -> Change | None:
    """How a build differs from an earlier one; nothing where another program made that, maybe in another form."""
    new = Ledger.of(build)
    old = Ledger.of(earlier, new.program) if new is not None else None
    if old is None or new is None:
        return None

    def only(one: Path, of: Ledger, other: Ledger) -> tuple[set[str], list[Place]]:
        lies, there = places(of), dict(other.pieces())
        keys = [key for key, piece in of.pieces() if there.get(key) != piece]
        rest = (of.size, (one / QUADS).stat().st_size - of.size)
        return {name for _, name in keys}, [*(lies[key] for key in keys), rest]

    (names, gone), (others, come) = only(earlier, old, new), only(build, new, old)
    return Change(old, new, names | others, gone, come)


def quads(build: Path, where: Iterable[Place]) -> Iterator[bytes]:
    """The lines that lie at some places of inforce.nq."""
    with (build / QUADS).open("rb") as file:
        for start, size in where:
            file.seek(start)
            yield from file.read(size).splitlines(keepends=True)


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change of files touches: graphs and measures of which something else may follow than before, and the
    graphs that have to be read to tell what."""

    graphs: Collection[str]
    measures: Collection[str]
    read: Collection[str]


def touched(
    old: Ledger, changed: Collection[str], gone: Collection[str], things: Callable[[str], Mapping[str, Thing]]
) -> Touched:
    """What has to be compiled again after some graphs of a build have changed and others have gone.

    An effect reaches a measure by its name, or through the act that established it; and acts of one day have an order.
    So with a changed act go those aimed at it and those of its days, with all these the measures that they reach, and
    with a measure all acts that have to do with it.
    """
    moved = {*changed, *gone}
    days = {day for name in moved & old.graphs.keys() for day in old.graphs[name].days}
    days.update(day for name in changed for day in public_days(things(name)))
    first = {*changed}
    first.update(name for name, g in old.graphs.items() if not moved.isdisjoint(g.aims) or not days.isdisjoint(g.days))
    first -= {*gone}
    aims = {graph for name in first for graph in aimed_at(things(name))}
    reached = {target for name in first for target in _targets(things(name))}
    measures = {
        name
        for name, m in old.measures.items()
        if name in reached or not moved.isdisjoint(m.graphs) or not (first | aims).isdisjoint(m.graphs)
    }
    measures |= {s for name in first for s, t in things(name).items() if is_measure(t)} | reached
    graphs = first | {graph for name in measures & old.measures.keys() for graph in old.measures[name].graphs}
    graphs -= {*gone}
    wanted = graphs | {graph for name in graphs for graph in aimed_at(things(name))}
    wanted.update(graph for m in old.measures.values() if not graphs.isdisjoint(m.graphs) for graph in m.graphs)
    days = {day for name in graphs - {*gone} for day in public_days(things(name))}
    wanted.update(name for name, g in old.graphs.items() if not days.isdisjoint(g.days))
    return Touched(graphs, measures, wanted - {*gone})


def public_days(things: Mapping[str, Thing]) -> list[str]:
    """The days on which the acts of a graph became public."""
    return sorted({day for t in things.values() if INSTRUMENT in t.get(TYPE, ()) for day in t.get(PUBLIC, ())})


def aimed_at(things: Mapping[str, Thing]) -> list[str]:
    """The named graphs of the acts at which the effects of a graph are aimed."""
    return sorted({graph_of(target) for target in _targets(things) if target.startswith(BASE + "instrument/")})


def _targets(things: Mapping[str, Thing]) -> Iterator[str]:
    return (target for t in things.values() if EFFECT in t.get(TYPE, ()) for target in t.get(_TARGET, ()))
