"""The command line: serve, check, build, and each question of the catalogue as a command of its own."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from inforce import __version__, build, catalogue, checks, record
from inforce.catalogue import Query
from inforce.model import BASE, InforceError
from inforce.service import Answer, Service

FORMATS = ("table", "json", "csv")


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
    parser.add_argument("--builds", type=Path, metavar="DIR", help="where builds are kept (default: $INFORCE_BUILDS)")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="build the record if need be and serve it over HTTP")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
    serve.set_defaults(run=_serve)

    check = commands.add_parser("check", help="check the record against form, shapes and timeline")
    check.add_argument("files", nargs="*", type=Path, help="only these files (default: all)")
    check.set_defaults(run=_check)

    format_ = commands.add_parser("format", help="put Turtle files into canonical form")
    format_.add_argument("files", nargs="*", type=Path, help="files (default: all of ontology/ and data/)")
    format_.set_defaults(run=_format)

    compile_ = commands.add_parser("build", help="compile the record into a versioned build and make it current")
    compile_.set_defaults(run=_build)

    new = commands.add_parser("new", help="write the skeleton of a new act")
    new.add_argument("act", help="its slug, such as cn-mofcom-2025-70")
    new.set_defaults(run=_new)

    query = commands.add_parser("query", help="run SPARQL from a file (- for standard input)")
    query.add_argument("file", help="the file")
    query.add_argument("--format", choices=FORMATS, default="table", help="form of the answer (default: %(default)s)")
    query.set_defaults(run=_query)

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
        sub.add_argument("--format", choices=FORMATS, default="table", help="form of the answer (default: %(default)s)")
        sub.set_defaults(run=_ask, question=question)
    return parser


def _today() -> date:
    return datetime.now(UTC).date()


def _service(options: argparse.Namespace) -> Service:
    return Service.of_current_build(options.builds)


def _ask(options: argparse.Namespace) -> int:
    question: Query = options.question
    given = {name: values for name in question.parameters if (values := getattr(options, name))}
    answer = _service(options).ask(question.name, given, _today())
    if options.format == "json":
        print(json.dumps(answer.document(), ensure_ascii=False, indent=2))
    elif options.format == "csv":
        # Imported late: only here does the command line need what the web uses.
        from inforce.web.api import table

        sys.stdout.write(table(answer).removeprefix("\ufeff"))
    else:
        _show(answer)
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
    console.print(Text(f"{len(answer.rows)} rows · dataset {answer.version} · covered through {covered}", style="dim"))


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


def _query(options: argparse.Namespace) -> int:
    text = sys.stdin.read() if options.file == "-" else Path(options.file).read_text(encoding="utf-8")
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
    folder = build.build(options.builds)
    manifest = json.loads((folder / "manifest.json").read_text())
    print(f"{folder}\n" + "  ".join(f"{count} {name}" for name, count in manifest["counts"].items()))
    return 0


def _check(options: argparse.Namespace) -> int:
    problems = checks.check(record.root(), [file.resolve() for file in options.files] or None)
    for problem in problems:
        print(problem)
    if all(problem.warning for problem in problems):
        record.load(record.root())  # the timeline: its errors name both acts
    print(f"{len(problems)} problems" if problems else "the record is in order")
    return 0 if all(problem.warning for problem in problems) else 1


def _format(options: argparse.Namespace) -> int:
    changed = [file for file in options.files or record.sources(record.root()) if checks.format_file(file)]
    for file in changed:
        print(f"{file} formatted")
    return 0


def _new(options: argparse.Namespace) -> int:
    act: str = options.act
    if not re.fullmatch(r"(cn|us)(-[a-z0-9]+)+", act):
        raise InforceError(
            f"{act!r} is no slug of an act: expected cn-… or us-…, lower case, such as cn-mofcom-2025-70"
        )
    file = record.root() / "data" / act[:2] / f"{act}.ttl"
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

    from inforce.web.app import create

    app = create(_service(options))
    print(f"inforce {__version__}: http://{options.host}:{options.port}/  (Ctrl-C stops it)", flush=True)
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
