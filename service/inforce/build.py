"""A build: the record and its questions in one immutable, versioned folder, swapped in by rename.

Earlier builds stay beside the current one until someone deletes their folders; so what cited them can be asked again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pyoxigraph as ox
import rdflib
from rdflib import RDF, Graph, URIRef

from inforce import __version__, catalogue, compiled, dumps, examples, frames, intervals, settings, void
from inforce.dataset import Download
from inforce.model import BASE, NS
from inforce.pieces import (
    QUADS,
    TIMELINE,
    Ledger,
    OfGraph,
    OfMeasure,
    aimed_at,
    output,
    places,
    public_days,
    touched,
)
from inforce.record import (
    COVERED,
    ISSUER,
    JURISDICTION,
    SHARED,
    Record,
    Thing,
    graph_of,
    is_measure,
    merged,
    read,
    root,
    sources,
    things_of,
)
from inforce.store import Embedded, Manifest, Store
from inforce.turtle import INF, PREFIXES, Triple

Progress = Callable[[str, int, int], None]  # what is being done, how many are done, of how many
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


def build(
    folder: Path | None = None, source: Path | None = None, *, downloads: bool = True, progress: Progress | None = None
) -> Path:
    """Compile the record and make it the current build; answers its folder.

    What has not changed since the current build is copied from there. The same sources give the same bytes, whatever
    was copied; only the index in time (spans.idx) says the same in another order. A failing build changes nothing.
    Without `downloads`, what takes a store to make is left out.
    """
    folder = folder or settings.load().builds
    source = source or root()
    folder.mkdir(parents=True, exist_ok=True)
    made_of = _digests(source)
    beside = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    earlier = current(folder).resolve()
    try:
        manifest = _compile(source, beside, earlier, made_of, progress or (lambda *_: None))
        final = folder / str(manifest["version"])
        if final.is_dir():
            shutil.rmtree(beside)
        else:
            intervals.write(beside, earlier)
            if downloads:
                complete(beside)
            beside.chmod(0o755)
            beside.rename(final)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    if downloads and not dumps.kept(final):
        complete(final)
    link = Path(tempfile.mktemp(prefix=".link-", dir=folder))
    link.symlink_to(final.name)
    link.replace(current(folder))
    (folder / _MADE_OF).write_text(f"{final.name} {_fingerprint(made_of)}\n")
    return final


def complete(build: Path) -> list[Download]:
    """Add to a compiled build its counts and its downloads: what must be made of all of it."""
    store = Embedded.open(build)
    void.write(store, build)
    return dumps.write(store, build, build / dumps.FOLDER)


def _compile(source: Path, build: Path, earlier: Path, made_of: Mapping[str, str], progress: Progress) -> Manifest:
    """Write the triples of a record, authored and compiled, its timeline, its questions and its manifest."""
    old = Ledger.read(earlier, program())
    new = Ledger(old.program)
    files, lies = sources(source), places(old)
    changed = {name for name in files if name not in old.graphs or old.graphs[name].made_of != made_of[name]}
    gone = old.graphs.keys() - files.keys()
    said: dict[str, Mapping[str, Thing]] = {}

    def things(name: str) -> Mapping[str, Thing]:
        if name not in said:
            said[name] = read(source, name, files[name]).things if name in files else {}
        return said[name]

    with output(build, QUADS, earlier) as quads, output(build, TIMELINE, earlier) as timeline:
        asked = {f"{file.parent.name}/{file.name}": file.read_bytes() for file in _asked(source)}
        new.examples = (made_of["examples"], old.examples[1])
        if old.examples[0] == made_of["examples"]:
            quads.copy(*lies["said", "examples"])
        else:
            shown = examples.triples(catalogue.read(questions(source)), catalogue.read(cookbook(source)))
            new.examples = (made_of["examples"], quads.write(_lines(shown, examples.GRAPH)))
        for done, name in enumerate(files, 1):
            progress("graphs read", done, len(files))
            if name in changed:
                found = read(source, name, files[name])
                said[name] = found.things
                days, aims = public_days(found.things), aimed_at(found.things)
                piece, covered = quads.write(b"".join(found.lines)), covered_through(found.things)
                new.graphs[name] = OfGraph(made_of[name], piece, found.classes, covered, days, aims)
            else:
                new.graphs[name] = replace(old.graphs[name])
                quads.copy(*lies["said", name])
        if {*SHARED}.isdisjoint(changed | gone):
            new.scopes = old.scopes
            quads.copy(*lies["follows", "scopes"])
        else:
            new.scopes = quads.write(compiled.of_scopes(merged(things(name) for name in SHARED)))
        again = touched(old, changed, gone, things)
        record = Record(merged(things(name) for name in again.read), again.graphs)
        for name in files:
            if name in again.graphs:
                new.graphs[name].follows = quads.write(compiled.of_act(record, things(name)))
            else:
                quads.copy(*lies["follows", name])
        homes: dict[str, set[str]] = defaultdict(set)
        for name in again.graphs:
            for subject, thing in things(name).items():
                if is_measure(thing):
                    homes[subject].add(name)
        now = {m for m in record.measures if m in again.measures or m not in old.measures}
        measures = sorted((old.measures.keys() - again.measures) | now)
        for done, measure in enumerate(measures, 1):
            progress("measures compiled", done, len(measures))
            if measure in now:
                spans = record.spans_of(measure)
                text = "".join(f"{line}\n" for line in compiled.timeline_lines(record, spans)).encode()
                timeline.write(text)
                piece = quads.write(compiled.of_measure(record, measure, spans))
                of = homes[measure] | {graph_of(effect.id) for effect in record.effects_on(measure)}
                new.measures[measure] = OfMeasure(piece, len(text), len(spans), sorted(of))
            else:
                new.measures[measure] = old.measures[measure]
                quads.copy(*lies["follows", measure])
                timeline.copy(*lies["timeline", measure])
        manifest = _manifest(new, asked)
        quads.write(_about(manifest["version"]))
    for name, text_of in asked.items():
        (build / name).parent.mkdir(exist_ok=True)
        (build / name).write_bytes(text_of)
    new.write(build)
    (build / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return manifest


def _manifest(ledger: Ledger, asked: Mapping[str, bytes]) -> Manifest:
    """What a build says of itself.

    The version stands for the data and for what asks them: either of them decides what an answer or a table says.
    """
    checksum = ledger.checksum()
    named = b"".join(name.encode() + b"\0" + text + b"\0" for name, text in sorted(asked.items()))
    version = f"{__version__}+{hashlib.sha256(checksum.encode() + named).hexdigest()[:12]}"
    classes: Counter[str] = Counter()
    covered: dict[str, str] = {}
    for graph in ledger.graphs.values():
        classes.update(graph.classes)
        covered |= graph.covered
    classes[str(INF.Span)] = sum(measure.spans for measure in ledger.measures.values())
    triples = sum(piece.lines for _, piece in ledger.pieces()) + _about(version).count(b"\n")
    return {
        "version": version,
        "checksum": checksum,
        "coveredThrough": dict(sorted(covered.items())),
        "counts": {**{name: classes[str(cls)] for name, cls in _COUNTED.items()}, "triples": triples},
        "namespace": NS,
    }


def _about(version: str) -> bytes:
    """What every build says of itself among its triples."""
    dcat = PREFIXES["dcat"]
    end = f" <{BASE}graph/dataset> .\n"
    kind = f"<{DATASET}> <{RDF.type}> <{dcat}Dataset>{end}"
    return f'{kind}<{DATASET}> <{dcat}version> "{version}"{end}'.encode()


def up_to_date(folder: Path | None = None, source: Path | None = None) -> Path | None:
    """The current build, if it was made of just these sources by just this program; else nothing."""
    folder, source = folder or settings.load().builds, source or root()
    try:
        version, _, made_of = (folder / _MADE_OF).read_text().strip().partition(" ")
    except FileNotFoundError:
        return None
    found = current(folder).resolve()
    same = found.name == version and made_of == _fingerprint(_digests(source))
    return found if same and (found / "manifest.json").is_file() else None


def _digests(source: Path) -> dict[str, str]:
    """Digests of all that a build is made of, by named graph; the examples stand for all that asks."""
    queries = [*_asked(source), *sorted(cookbook(source).glob("*.rq"))]
    return {name: digest(files) for name, files in {**sources(source), "examples": queries}.items()}


def program() -> str:
    """A digest of the program with its rdflib and Oxigraph."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    return f"{__version__} {rdflib.__version__} {ox.__version__} {digest(modules)}"


def _fingerprint(made_of: Mapping[str, str]) -> str:
    """A digest of all that decides on a build: a record, its queries, the program."""
    return hashlib.sha256(json.dumps([program(), made_of], sort_keys=True).encode()).hexdigest()


def digest(files: Iterable[Path]) -> str:
    """A digest of files: of their names, in this order, and of what is in them."""
    found = hashlib.blake2b(digest_size=16)
    for file in files:
        text = file.read_bytes()
        found.update(f"\0{file.name} {len(text)}\0".encode() + text)
    return found.hexdigest()


def described(store: Store) -> Manifest:
    """The manifest of a build as its own triples give it, for a store that comes without its folder."""
    searched = store.construct(f"CONSTRUCT WHERE {{ ?s <{INF.coveredThrough}> ?day ; ?p ?o }}")
    counted = json.loads(
        store.select("SELECT ?c (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s a ?c FILTER (ISIRI(?s)) } GROUP BY ?c")
    )
    counts = {row["c"]["value"]: int(row["n"]["value"]) for row in counted["results"]["bindings"] if "c" in row}
    return {
        "version": store.version,
        "coveredThrough": covered_through(things_of(ox.parse(searched, format=ox.RdfFormat.N_TRIPLES))),
        "counts": {name: counts.get(str(cls), 0) for name, cls in _COUNTED.items()},
        "namespace": NS,
    }


def covered_through(things: Mapping[str, Thing]) -> dict[str, str]:
    """Up to which day the publications of each jurisdiction were searched, by country code."""
    days = {
        thing[JURISDICTION][0].removeprefix(BASE + "country/").upper(): thing[COVERED][0]
        for thing in things.values()
        if COVERED in thing and JURISDICTION in thing and ISSUER not in thing
    }
    return dict(sorted(days.items()))


def _lines(triples: Iterable[Triple], name: str) -> bytes:
    """Triples as sorted N-Quads of a named graph."""
    graph = Graph(bind_namespaces="none")
    for triple in triples:
        graph.add(triple)
    nt = graph.serialize(format="nt", encoding="utf-8").decode()
    return "".join(sorted(f"{line[:-1].rstrip()} <{name}> .\n" for line in nt.splitlines() if line)).encode()
