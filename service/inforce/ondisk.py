"""The store of a build on disk, as a process of its own makes it: `python -m inforce.ondisk BUILD`.

Its default graph is the union of all named graphs. Where an earlier build has a store, its files are shared by hard
links, and what differs is taken out and put in; else all is loaded.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import pyoxigraph as ox

from inforce.build import kept
from inforce.pieces import QUADS, change, quads
from inforce.store import FOLDER

_PART = 10  # with more than one byte in so many new, loading all is not slower and leaves a tidier store


def make(build: Path) -> None:
    """Write the store of a build; it is there whole or not at all."""
    beside = build / f".{FOLDER}.new"  # what is there was left by a process that died
    shutil.rmtree(beside, ignore_errors=True)
    earlier = (other for other in kept(build.parent) if (other / FOLDER).is_dir())
    if not any(_carried_on(beside, other, build) for other in earlier):
        load(beside, build / QUADS)
    beside.rename(build / FOLDER)


def load(folder: Path, file: Path, *, named: bool = True) -> None:
    """Write a store of the N-Quads of a file: the union of their graphs and, unless told otherwise, these as well."""
    store = ox.Store(str(folder))
    if named:
        store.bulk_load(path=str(file), format=ox.RdfFormat.N_QUADS)
    store.bulk_extend(_in_union(quad) for quad in ox.parse(path=str(file), format=ox.RdfFormat.N_QUADS))
    store.optimize()
    store.flush()


def _linked(source: str, target: str) -> None:
    """Share a file that the engine never changes, its tables; copy any other."""
    if source.endswith(".sst"):
        with suppress(OSError):  # not on every file system
            os.link(source, target)
            return
    shutil.copy2(source, target)


def _carried_on(folder: Path, earlier: Path, build: Path) -> bool:
    """Bring the store of an earlier build to what this one says, unless too much differs or someone deletes it."""
    try:
        has = change(earlier, build)
        if has is None or sum(size for _, size in has.come) * _PART > (build / QUADS).stat().st_size:
            return False
        before, after = {*quads(earlier, has.gone)}, {*quads(build, has.come)}
        shutil.copytree(earlier / FOLDER, folder, copy_function=_linked)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        return False
    store = ox.Store(str(folder))
    gone = [*ox.parse(b"".join(before - after), format=ox.RdfFormat.N_QUADS)]
    for quad in gone:
        store.remove(quad)
        said = (quad.subject, quad.predicate, quad.object)
        if {still.graph_name for still in store.quads_for_pattern(*said)} == {ox.DefaultGraph()}:
            store.remove(_in_union(quad))
    for name in {quad.graph_name for quad in gone}:
        if next(store.quads_for_pattern(None, None, None, name), None) is None:
            store.remove_graph(name)
    come = ox.parse(b"".join(after - before), format=ox.RdfFormat.N_QUADS)
    store.extend(each for quad in come for each in (quad, _in_union(quad)))
    store.flush()
    return True


def _in_union(quad: ox.Quad) -> ox.Quad:
    return ox.Quad(quad.subject, quad.predicate, quad.object)


if __name__ == "__main__":
    os.nice(5)
    make(Path(sys.argv[1]))
