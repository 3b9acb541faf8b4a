"""The command line: serve, check, build, and each question of the catalogue as a command of its own."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table
from rich.text import Text

from inforce import __version__, batch, build, catalogue, checks, dumps, load, logs, record, settings, shipments, store
from inforce.catalogue import Query
from inforce.model import BASE, InforceError
from inforce.remote import Access, Connection, Remote
from inforce.service import Answer, Service
from inforce.settings import Settings

# As in the API, with a table for people instead of HTML. The first is the one that is meant unless another is named.
FORMATS = ("table", "json", "csv", "tsv", "srj", "srx", "jsonl", "parquet", "arrow")
GRAPH_FORMATS = ("ttl", "jsonld", "nt", "rdf", "trig")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit codes: 0 done, 1 something is wrong with what was asked or with the record, 2 usage."""
    queries = catalogue.read(record.root() / "queries")
    parser = _parser(queries)
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
    except InforceError as error:
        print(f"inforce: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code


def _parser(queries: dict[str, Query]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="inforce", description="Trade measures in time: which were in force on a day, as known on a day – and why."
    )
    parser.add_argument("--version", action="version", version=__version__)
    _where(parser)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="build the record if need be and serve it over HTTP")
    about = Settings.model_fields
    for name in ("host", "port", "workers", "log"):
        default = f"{about[name].description} (default: {about[name].default})"
        serve.add_argument(f"--{name}", metavar=name.upper(), help=default)
    _where(serve)
    serve.set_defaults(run=_serve)

    check = commands.add_parser("check", help="check the record against form, shapes and timeline")
    check.add_argument("files", nargs="*", type=Path, help="only these files (default: all)")
    check.set_defaults(run=_check)

    format_ = commands.add_parser("format", help="put Turtle files into canonical form")
    format_.add_argument("files", nargs="*", type=Path, help="files (default: all of data/)")
    format_.set_defaults(run=_format)

    compile_ = commands.add_parser("build", help="compile the record into a versioned build and make it current")
    compile_.add_argument(
        "--without-downloads", action="store_true", help="leave out what needs a store to be made: downloads, counts"
    )
    _where(compile_)
    compile_.set_defaults(run=_build)

    versions = commands.add_parser("versions", help="list the builds that are kept, the last made first")
    _where(versions)
    versions.set_defaults(run=_versions)

    dump = commands.add_parser("dump", help="write the downloads of the current build: RDF, tables, checksums")
    dump.add_argument("into", nargs="?", type=Path, metavar="FOLDER", help="where to (default: into the build itself)")
    _where(dump)
    dump.set_defaults(run=_dump)

    load_ = commands.add_parser("load", help="put a build into a SPARQL endpoint and check what arrived")
    load_.add_argument("version", nargs="?", help="one of those that are kept (default: of the record as it is now)")
    ways = load_.add_mutually_exclusive_group(required=True)
    ways.add_argument("--graph-store", metavar="URL", help="write by the SPARQL 1.1 Graph Store HTTP Protocol")
    ways.add_argument("--update", metavar="URL", help="write by SPARQL 1.1 Update")
    _where(load_)
    load_.set_defaults(run=_load)

    new = commands.add_parser("new", help="write the skeleton of a new act")
    new.add_argument("act", help="its slug, such as cn-mofcom-2025-70")
    new.set_defaults(run=_new)

    query = commands.add_parser("query", help="run SPARQL from a file (- for standard input)")
    query.add_argument("file", help="the file")
    query.add_argument("--format", choices=FORMATS[:3], default=FORMATS[0], help="form (default: %(default)s)")
    query.set_defaults(run=_query)

    _add_batch(commands, queries[batch.QUESTION])

    for question in queries.values():
        sub = commands.add_parser(question.name, help=question.summary, description=question.description)
        for parameter in question.parameters.values():
            sub.add_argument(
                parameter.option,
                dest=parameter.name,
                action="append",
                metavar={"date": "DAY", "dateTime": "MOMENT", "integer": "N"}.get(parameter.type, "NAME"),
                help=parameter.description.replace("%", "%%"),
            )
        forms = GRAPH_FORMATS if question.form == "CONSTRUCT" else FORMATS
        sub.add_argument("--format", choices=forms, default=forms[0], help="form of the answer (default: %(default)s)")
        sub.add_argument("--limit", type=int, metavar="N", help="at most so many rows (default: all)")
        sub.add_argument("--offset", type=int, default=0, metavar="N", help="from this row on, counted from 0")
        sub.set_defaults(run=_ask, question=question)
    return parser


def _where(parser: argparse.ArgumentParser) -> None:
    """Where record and builds lie: before the command or behind it."""
    for name, metavar in (("builds", "DIR"), ("data", "DIR"), ("endpoint", "URL")):
        described = Settings.model_fields[name].description
        parser.add_argument(f"--{name}", default=argparse.SUPPRESS, metavar=metavar, help=described)


def _settings(options: argparse.Namespace) -> Settings:
    """The settings, with those that the command line names."""
    return settings.load(**{name: getattr(options, name, None) for name in Settings.model_fields})


def _root(options: argparse.Namespace) -> Path:
    """The record that the command is about."""
    return _settings(options).data or record.root()


def _today() -> date:
    return datetime.now(UTC).date()


def _service(options: argparse.Namespace) -> Service:
    return Service.of(_settings(options))


def _ask(options: argparse.Namespace) -> int:
    question: Query = options.question
    given = {name: values for name in question.parameters if (values := getattr(options, name))}
    if (options.limit is not None and options.limit < 1) or options.offset < 0:
        raise InforceError("--limit must be at least 1, --offset at least 0")
    answer = _service(options).ask(question.name, given, _today()).page(options.limit, options.offset)
    if options.format == "json":
        print(json.dumps(answer.document(), ensure_ascii=False, indent=2))
    elif options.format == "table":
        _show(answer)
    else:
        # Imported late: only here does the command line need what the web uses.
        from inforce.web.forms import offers, write

        sys.stdout.buffer.write(write(answer, offers(answer.is_graph)[options.format]).removeprefix(b"\xef\xbb\xbf"))
        sys.stdout.flush()
    return 0


def _show(answer: Answer) -> None:
    """Rows as a table for people; columns that are empty throughout are left out."""
    names = [v for v in answer.query.variables if any(row[v] not in (None, []) for row in answer.rows)]
    told = ", ".join(f"{k} {v if isinstance(v, str | int) else ', '.join(v)}" for k, v in _parameters(answer).items())
    _print(names, [[_cell(row[n]) for n in names] for row in answer.rows], f"{answer.query.summary} ({told})")
    console = Console(stderr=True)
    for notice in answer.notices:
        console.print(Text(f"Note: {notice}", style="yellow"))
    covered = ", ".join(f"{c} {day}" for c, day in answer.covered_through.items())
    shown = (
        f"{len(answer.rows)} rows" if len(answer.rows) == answer.total else f"{len(answer.rows)} of {answer.total} rows"
    )
    console.print(Text(f"{shown} · dataset {answer.version} · covered through {covered}", style="dim"))


def _parameters(answer: Answer) -> dict[str, Any]:
    parameters: dict[str, Any] = answer.document()["parameters"]
    return {k: [_cell(x) for x in v] if isinstance(v, list) else _cell(v) for k, v in parameters.items()}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " > ".join(_cell(v) for v in value)
    if isinstance(value, str) and value.startswith(BASE):
        return value.removeprefix(BASE).split("/", 1)[-1]
    return str(value)


def _print(names: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    console = Console(width=None if sys.stdout.isatty() else 200)
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _add_batch(commands: Any, question: Query) -> None:
    sub = commands.add_parser("batch", help=f"ask {question.name} for each line of a list of shipments")
    sub.add_argument("file", help="CSV or JSON with material or hs, destination and date (- for standard input)")
    for parameter in question.parameters.values():
        if parameter.name != "at":
            said = f"for all lines: {parameter.description}".replace("%", "%%")
            sub.add_argument(parameter.option, dest=parameter.name, action="append", metavar="VALUE", help=said)
    sub.add_argument("--format", choices=("csv", "json"), default="csv", help="form (default: %(default)s)")
    sub.add_argument("--output", type=Path, metavar="FILE", help="where to (default: standard output)")
    _where(sub)
    sub.set_defaults(run=_batch, question=question)


def _batch(options: argparse.Namespace) -> int:
    """Exit code 1 if a line could not be understood; the other lines have their results all the same."""
    question: Query = options.question
    common = {name: values for name in question.parameters if (values := getattr(options, name, None))}
    try:
        data = sys.stdin.buffer.read() if options.file == "-" else Path(options.file).read_bytes()
    except OSError as error:
        raise InforceError(f"{options.file}: {error.strerror}") from None
    table = shipments.read(data)
    service, tally, console = _service(options), batch.Tally(), Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("lines", total=len(table.lines))
        found = batch.run(service, table, _today(), common, lambda done, _: bar.update(task, completed=done))
        results = tally.watch(found)
        form = batch.as_csv(service, table, results) if options.format == "csv" else batch.as_json(service, results)
        if options.output is None:
            sys.stdout.buffer.writelines(piece.encode() for piece in form)
        else:
            beside = options.output.with_name(f".{options.output.name}.part")
            with beside.open("wb") as file:
                file.writelines(piece.encode() for piece in form)
            beside.replace(options.output)
    count, failed = tally.outcomes, ", ".join(map(str, tally.failed[:20])) + (", …" if len(tally.failed) > 20 else "")
    console.print(f"{len(table.lines)} lines: {count['found']} with measures, {count['none']} without")
    if failed:
        console.print(f"{count['error']} lines could not be understood: {failed}", style="red")
    return 1 if tally.failed else 0


def _query(options: argparse.Namespace) -> int:
    try:
        text = sys.stdin.read() if options.file == "-" else Path(options.file).read_text(encoding="utf-8")
    except OSError as error:
        raise InforceError(f"{options.file}: {error.strerror}: expected a file with a SPARQL query, or -") from None
    try:
        results = json.loads(_service(options).store.select(text))
    except SyntaxError as error:
        raise InforceError(f"{options.file}: no SPARQL: {error}") from None
    except AssertionError:
        raise InforceError(f"{options.file}: only SELECT queries are run here") from None
    names: list[str] = results["head"]["vars"]
    rows = [{n: b[n]["value"] if n in b else None for n in names} for b in results["results"]["bindings"]]
    if options.format == "json":
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    elif options.format == "csv":
        import csv

        writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        _print(names, [[_cell(row[n]) for n in names] for row in rows], str(options.file))
    return 0


def _build(options: argparse.Namespace) -> int:
    wanted = _settings(options)
    with _progress() as progress:
        folder = build.build(wanted.builds, wanted.data, downloads=not options.without_downloads, progress=progress)
    if not options.without_downloads:
        store.shared(folder, wanted.store)
    print(f"{folder}\n" + "  ".join(f"{count} {name}" for name, count in store.manifest(folder)["counts"].items()))
    return 0


@contextmanager
def _progress() -> Iterator[build.Progress]:
    """Bars that show how far something has come, where somebody sees them."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=of)
            if done % max(1, of // 100) == 0 or done == of:
                bar.update(tasks[what], completed=done, total=of)

        yield progress


def _dump(options: argparse.Namespace) -> int:
    folder = build.current(_settings(options).builds).resolve()
    into: Path = options.into or folder / dumps.FOLDER
    made = dumps.write(store.Embedded.open(folder), folder, into) if options.into else build.complete(folder)
    for download in made:
        print(f"{into / download.name}  {download.size} bytes")
    return 0


def _load(options: argparse.Namespace) -> int:
    wanted = _settings(options)
    if wanted.endpoint is None:
        raise InforceError("load: --endpoint is missing: expected the address at which the build will be asked")
    if options.version is None:
        folder = build.up_to_date(wanted.builds, wanted.data) or build.build(wanted.builds, wanted.data)
    else:
        folder = wanted.builds / options.version
    version, quads, access = store.manifest(folder)["version"], folder / "inforce.nq", Access.of(wanted)
    connection = Connection(access, wanted.timeout)
    way = load.GraphStore if options.graph_store else load.Update
    target: load.Target = way(options.graph_store or options.update, connection)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("bytes", total=quads.stat().st_size)
        done = load.load(quads, version, Remote.of(wanted), target, lambda read: bar.update(task, completed=read))
    print(f"{wanted.endpoint} holds {version}: {sum(done.values())} triples in {len(done)} graphs")
    return 0


def _versions(options: argparse.Namespace) -> int:
    builds = _settings(options).builds
    served = build.current(builds).resolve()
    for folder in build.kept(builds):
        covered = ", ".join(f"{c} {day}" for c, day in store.manifest(folder)["coveredThrough"].items())
        print(f"{folder.name}  covered through {covered}{'  (current)' if folder.resolve() == served else ''}")
    return 0


def _check(options: argparse.Namespace) -> int:
    only = [file.resolve() for file in options.files] or None
    with _progress() as progress:
        problems = checks.check(_root(options), only, _settings(options).builds, progress)
    for problem in problems:
        print(problem)
    if all(problem.warning for problem in problems):
        record.load(_root(options))  # the timeline: its errors name both acts
    print(f"{len(problems)} problems" if problems else "the record is in order")
    return 0 if all(problem.warning for problem in problems) else 1


def _format(options: argparse.Namespace) -> int:
    data = _root(options) / "data"  # the vocabulary is written by hand, with comments that a rewriting would lose
    changed = [file for file in options.files or sorted(data.rglob("*.ttl")) if checks.format_file(file)]
    for file in changed:
        print(f"{file} formatted")
    return 0


def _new(options: argparse.Namespace) -> int:
    act: str = options.act
    if not re.fullmatch(r"(cn|us)(-[a-z0-9]+)+", act):
        raise InforceError(
            f"{act!r} is no slug of an act: expected cn-… or us-…, lower case, such as cn-mofcom-2025-70"
        )
    file = _root(options) / "data" / act[:2] / f"{act}.ttl"
    if file.exists():
        raise InforceError(f"{file}: this act is in the record already")
    file.write_text(_SKELETON.replace("ACT", act).replace("CC", act[:2]), encoding="utf-8")
    checks.format_file(file)
    print(
        f"{file}\nFill in what is marked TODO (docs/authoring.md), then: inforce format {file} && inforce check {file}"
    )
    return 0


_SKELETON = """\
@prefix actor: <https://w3id.org/inforce/actor/> .
@prefix country: <https://w3id.org/inforce/country/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix doctype: <https://w3id.org/inforce/doctype/> .
@prefix eli: <http://data.europa.eu/eli/ontology#> .
@prefix inf: <https://w3id.org/inforce/ns#> .
@prefix instrument: <https://w3id.org/inforce/instrument/> .
@prefix this: <https://w3id.org/inforce/instrument/ACT#> .

instrument:ACT a inf:Instrument ;
    dcterms:title "TODO"@en, "TODO"@zh ;
    eli:type_document doctype:TODO ;
    eli:passed_by actor:TODO ;
    eli:jurisdiction country:CC ;
    eli:date_document "TODO" ;
    inf:madePublic "TODO" ;
    inf:confidence inf:TODO ;
    dcterms:source this:source-1 .

this:whole a inf:Provision ;
    eli:is_part_of instrument:ACT ;
    eli:number "whole" ;
    inf:summary "TODO"@en .

this:whole-TODO a inf:Effect ;
    inf:clause this:whole ;
    inf:effectType inf:TODO ;
    inf:target "TODO" ;
    inf:from "TODO" ;
    <http://www.w3.org/ns/prov#hadPrimarySource> this:source-1 ;
    inf:confidence inf:TODO .

this:source-1 a inf:Source ;
    dcterms:publisher "TODO" ;
    inf:supports "TODO"@en .
"""


def _serve(options: argparse.Namespace) -> int:
    import uvicorn

    from inforce.web import processes
    from inforce.web.app import create, from_settings
    from inforce.web.metrics import SHARED

    wanted = _settings(options)
    logs.configure(wanted.log)
    server: dict[str, Any] = {"host": wanted.host, "port": wanted.port, "log_config": None}
    server |= {"access_log": False, "server_header": False}
    greeting = f"inforce {__version__}: http://{wanted.host}:{wanted.port}/  (Ctrl-C stops it)"
    if wanted.workers == 1:
        processes.sparing()
        app = create(Service.of(wanted), wanted=wanted)
        print(greeting, flush=True)
        uvicorn.run(app, **server)
        return 0
    if wanted.endpoint is None:
        current = build.up_to_date(wanted.builds, wanted.data) or build.build(wanted.builds, wanted.data)
        store.shared(current, wanted.store)
    with tempfile.TemporaryDirectory(prefix="inforce-metrics-") as counts:
        # Each process reads them for itself.
        os.environ.update({SHARED: counts, **wanted.environment()})
        print(greeting, flush=True)
        factory = f"{from_settings.__module__}:{from_settings.__name__}"
        processes.run(factory, wanted.workers, **server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
