"""The same questions to the same data in several engines: the embedded store with and without its index, PostgreSQL,
DuckDB, Virtuoso, rdflib, and any SPARQL endpoint.

    python benchmarks/engines.py [--measures 10000] [--keep FOLDER] [--store memory|disk|union] [--without-plain]
        [--virtuoso] [--endpoint URL] [--rdflib]

The rows of each engine are compared with those of the first before anything is measured. The first is the plain query,
or, `--without-plain`, which takes minutes where there are a million measures, that with the index. PostgreSQL (Debian:
postgresql; Python: psycopg) runs in a cluster of its own in a temporary folder, on a socket there, as the user postgres
where this runs as root, and is stopped afterwards. It has a GiST index on status, legal days and public days, B-trees
on what else is asked, the hierarchy of materials as a table, statistics, prepared statements; it is asked once free to
choose among these, and once (`GiST first`) to begin from the days. The tables for SQL are written as CSV in the
temporary folder. Virtuoso (Debian: virtuoso-opensource-7-bin) is started as by the tests and loads the N-Quads by its
own loader. It is asked plainly, as `inforce serve --endpoint` does, and with the candidates of the index, which that
does not; and since it plans each text that it has not seen for a second or more, in new texts as well. `--endpoint` is
to hold the same build (`inforce load`). rdflib takes a minute for a thousand measures, so it is asked only if told to.
"""

from __future__ import annotations

import sys

sys.path.pop(0)  # run as a script, this folder would hide the standard library's http

import argparse
import contextlib
import csv
import json
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count, groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyoxigraph as ox
from rdflib import SKOS

from inforce import catalogue
from inforce.model import NS
from inforce.pieces import QUADS
from inforce.remote import Remote
from inforce.service import Service
from inforce.store import Embedded

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests")]
from growth import STORES, TODAY, Cost, opened, questions

import virtuoso as debian

COLUMNS = ("measure", "label", "status", "rate", "terms", "from", "until", "knownFrom", "act", "clause", "because")
_OF_SPAN = ("measure", "status", "rate", "terms", "from", "until", "knownFrom", "knownUntil", "decidedBy", "chain")
_FEATURES = {
    "material": "?measure inf:item/inf:material ?value",
    "destination": "?measure inf:destination ?value",
    "kind": "?measure inf:kind ?value",
    "exception": "?measure inf:exceptFor ?value",
}
Row = tuple[Any, ...]
Terms = Mapping[str, Sequence[catalogue.Term]]
Sparql = Callable[[Terms], str]
Ask = Callable[[Terms], list[Row]]


def bag(rows: Sequence[Row]) -> list[str]:
    """Rows in a form in which those of all engines can be compared: numbers by value, the rest as text."""

    def plain(value: Any) -> str:
        try:
            return str(float(value))
        except (TypeError, ValueError):
            return "" if value is None else str(value)

    return sorted({json.dumps([plain(value) for value in row]) for row in rows})


# SPARQL


def of_sparql(select: Callable[[str], bytes], sparql: Sparql) -> Ask:
    def ask(terms: Terms) -> list[Row]:
        found = json.loads(select(sparql(terms)))["results"]["bindings"]
        return [tuple(row[c]["value"] if c in row else None for c in COLUMNS) for row in found]

    return ask


@contextlib.contextmanager
def virtuoso(quads: Path, plain: Sparql, with_index: Sparql) -> Iterator[dict[str, Ask]]:
    """Virtuoso with a build, loaded by its own loader: asked with and without index, in texts that it has seen and not.

    A comment with a number makes a text new.
    """
    with tempfile.TemporaryDirectory(prefix="inforce-virtuoso-") as name, debian.running(Path(name), 300_000) as server:
        (Path(name) / quads.name).symlink_to(quads)
        server.isql(f"ld_dir('{name}', '{quads.name}', '')", "rdf_loader_run()", "checkpoint")
        select, number = Remote(server.endpoint).select, count()

        def new(sparql: Sparql) -> Sparql:
            return lambda terms: f"{sparql(terms)}\n# {next(number)}"

        yield {
            "Virtuoso": of_sparql(select, plain),
            "Virtuoso, new texts": of_sparql(select, new(plain)),
            "Virtuoso, with index": of_sparql(select, with_index),
            "Virtuoso, with index, new texts": of_sparql(select, new(with_index)),
        }


def of_rdflib(quads: Path) -> Callable[[str], bytes]:
    from rdflib import Dataset, Graph

    dataset, graph = Dataset(), Graph()
    dataset.parse(quads, format="nquads")
    for s, p, o, _ in dataset.quads():
        graph.add((s, p, o))
    return lambda sparql: graph.query(sparql).serialize(format="json") or b""


# SQL: a table of spans, one of pairs for each feature, and what lies within what


def tables(service: Service, folder: Path) -> dict[str, Path]:
    """The data of a build as CSV files, which PostgreSQL and DuckDB read; nothing is held that grows with its spans."""
    assert isinstance(service.store, Embedded) and service.folder is not None
    store = service.store

    def rows(sparql: str) -> Iterator[Row]:
        found = store.query(f"PREFIX inf: <{NS}> PREFIX skos: <{SKOS}> {sparql}")
        assert isinstance(found, ox.QuerySolutions)
        return (tuple(term.value for term in solution) for solution in found)

    def written(name: str, of: Iterable[Row]) -> Path:
        with (file := folder / f"{name}.csv").open("w", newline="") as text:
            csv.writer(text).writerows(of)
        return file

    labels = dict(rows('SELECT ?measure ?label { ?measure skos:prefLabel ?label FILTER (LANG(?label) = "en") }'))
    effects = {
        e: (act, clause) for e, act, clause in rows("SELECT ?e ?act ?clause { ?e inf:act ?act ; inf:clause ?clause }")
    }

    def spans() -> Iterator[Row]:
        for span in _spans(service.folder / QUADS):  # type: ignore[operator]
            act, clause = effects[span["decidedBy"]]
            whole = span | {"label": labels[span["measure"]], "act": act, "clause": clause, "because": span["chain"]}
            yield (*(whole.get(c) for c in COLUMNS), span["knownUntil"])

    return {
        "span": written("span", spans()),
        "within": written("within", rows("SELECT DISTINCT ?narrow ?wide { ?narrow inf:within ?wide }")),
        **{name: written(name, rows(f"SELECT DISTINCT ?value ?measure {{ {at} }}")) for name, at in _FEATURES.items()},
    }


def _spans(quads: Path) -> Iterator[dict[str, str]]:
    """What N-Quads say of each span. The lines of one span lie together."""
    wanted = {f"<{NS}{name}>".encode() for name in _OF_SPAN}

    def of_spans(lines: Iterable[bytes]) -> Iterator[bytes]:
        for line in lines:
            subject, predicate, _ = line.split(b" ", 2)
            if predicate in wanted and b"#span-" in subject:
                yield line

    with quads.open("rb") as file:
        lines = of_spans(file)
        many = iter(lambda: b"".join(islice(lines, 10_000)), b"")
        parsed = (quad for text in many for quad in ox.parse(text, ox.RdfFormat.N_QUADS))
        for _, of_one in groupby(parsed, key=attrgetter("subject")):
            yield {quad.predicate.value.removeprefix(NS): quad.object.value for quad in of_one}


def _condition(name: str) -> str:
    """That a span's measure has a feature as the question means it; %s are the values asked for."""
    has = f"SELECT measure FROM {name} WHERE value IN"
    wider = "(SELECT wide FROM within WHERE narrow = ANY (%s))"
    narrower = "(SELECT narrow FROM within WHERE wide = ANY (%s))"
    match name:
        case "material":
            return f"(measure IN ({has} {narrower} UNION {has} {wider}))"
        case "destination":
            return (
                f"measure IN ({has} {wider}) AND measure NOT IN (SELECT measure FROM exception WHERE value IN {wider})"
            )
        case _:
            return f"measure IN ({has} {narrower})"


_ASKED = {"material": 2, "destination": 2, "kind": 1}  # how often the values of each stand in its condition


def of_sql(run: Callable[[str, list[Any]], list[Row]], holds: str, fence: str = "") -> Ask:
    """In-force in SQL; `holds` is the condition on both days, each of them given twice.

    With a `fence` behind them, spans are sought by days and status before anything else is looked at.
    """

    def ask(terms: Terms) -> list[Row]:
        where = ["TRUE"]
        given: list[Any] = [str(terms[name][0]) for name in ("on", "on", "knownOn", "knownOn")]
        given.append([str(t) for t in terms["status"]])
        for name, times in _ASKED.items():
            if name in terms:
                where.append(_condition(name))
                given += [[str(t) for t in terms[name]]] * times
        columns = ", ".join(f'"{c}"' for c in COLUMNS)
        spans = f"(SELECT * FROM span WHERE {holds} AND status = ANY (%s) {fence}) AS span"
        return run(
            f'SELECT DISTINCT {columns} FROM {spans} WHERE {" AND ".join(where)} ORDER BY "measure", "from"', given
        )

    return ask


@contextlib.contextmanager
def postgres(data: Mapping[str, Path]) -> Iterator[dict[str, Ask]]:
    """PostgreSQL with the data, in a cluster of its own: free to choose among its indexes, and held to GiST."""
    import psycopg

    (binaries,) = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
    with tempfile.TemporaryDirectory(prefix="inforce-pg-") as name:
        folder, as_user = Path(name), []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            as_user = ["runuser", "-u", "postgres", "--"]

        def run(tool: str, *arguments: str) -> None:
            command = [*as_user, str(binaries / tool), *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)

        run("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c shared_buffers=1GB -c work_mem=64MB"
        options += " -c random_page_cost=1.1 -c effective_cache_size=8GB -c fsync=off"
        run("pg_ctl", "-D", f"{folder}/data", "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            with psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True) as db:
                _fill_postgres(db, data)
                days = "valid @> %s::date AND valid @> %s::date AND known @> %s::date AND known @> %s::date"

                def run_sql(sql: str, given: list[Any]) -> list[Row]:
                    return db.execute(sql.encode(), given, prepare=True).fetchall()

                yield {
                    "PostgreSQL": of_sql(run_sql, days),
                    "PostgreSQL, GiST first": of_sql(run_sql, days, "OFFSET 0"),
                }
        finally:
            run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")


def _fill_postgres(db: Any, data: Mapping[str, Path]) -> None:
    columns = ", ".join(f'"{c}" text' for c in COLUMNS)
    db.execute("CREATE EXTENSION btree_gist")
    db.execute(f'CREATE TABLE span ({columns}, "knownUntil" text)')
    for name in ("within", *_FEATURES):
        db.execute(
            f"CREATE TABLE {name} ({'narrow text, wide text' if name == 'within' else 'value text, measure text'})"
        )
    for name, file in data.items():
        with file.open("rb") as rows, db.cursor().copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy:
            while some := rows.read(1 << 20):
                copy.write(some)
    day = 'daterange("{0}"::date, "{1}"::date)'
    db.execute("ALTER TABLE span ADD valid daterange, ADD known daterange")
    db.execute(
        f"UPDATE span SET valid = {day.format('from', 'until')}, known = {day.format('knownFrom', 'knownUntil')}"
    )
    db.execute("CREATE INDEX ON span USING gist (status, valid, known)")
    db.execute("CREATE INDEX ON span (measure)")
    db.execute("CREATE INDEX ON within (narrow)")
    db.execute("CREATE INDEX ON within (wide)")
    for name in _FEATURES:
        db.execute(f"CREATE INDEX ON {name} (value, measure)")
        db.execute(f"CREATE INDEX ON {name} (measure, value)")
    db.execute("VACUUM FULL ANALYZE")


def duckdb(data: Mapping[str, Path]) -> Ask:
    """DuckDB with the data, in memory."""
    import duckdb

    db = duckdb.connect()
    names = {"span": [*COLUMNS, "knownUntil"], "within": ["narrow", "wide"]}
    for name, file in data.items():
        columns = dict.fromkeys(names.get(name, ["value", "measure"]), "VARCHAR")
        db.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{file}', auto_detect = false, columns = {columns})")
    days = ", ".join(f'CAST("{name}" AS DATE) AS "{name}"' for name in ("from", "until", "knownFrom", "knownUntil"))
    db.execute(f"CREATE OR REPLACE TABLE span AS SELECT * REPLACE ({days}) FROM span")
    return of_sql(
        lambda sql, given: db.execute(sql.replace("%s", "?"), given).fetchall(),
        '"from" <= CAST(%s AS DATE) AND "until" > CAST(%s AS DATE)'
        ' AND "knownFrom" <= CAST(%s AS DATE) AND "knownUntil" > CAST(%s AS DATE)',
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measures", type=int, default=10_000)
    parser.add_argument("--store", choices=STORES, default="memory", help="as of growth.py")
    parser.add_argument("--keep", type=Path, help="a folder where builds are kept, as by growth.py")
    parser.add_argument("--without-plain", action="store_true", help="not the plain query to the embedded store")
    parser.add_argument("--virtuoso", action="store_true", help="Virtuoso as well")
    parser.add_argument("--endpoint", help="a SPARQL endpoint that holds the same build")
    parser.add_argument("--rdflib", action="store_true", help="rdflib as well")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        service = opened(folder, options.measures, options.store)
        assert service.folder is not None
        query, quads = service.query("in-force"), service.folder / QUADS
        plain, with_index = partial(catalogue.bind, query), partial(service.narrowed, query)
        data = tables(service, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        engines: dict[str, Ask] = {
            **({} if options.without_plain else {"embedded, plain": of_sparql(service.store.select, plain)}),
            "embedded, with index": of_sparql(service.store.select, with_index),
            **stack.enter_context(postgres(data)),
            "DuckDB": duckdb(data),
        }
        if options.virtuoso:
            engines |= stack.enter_context(virtuoso(quads, plain, with_index))
        if options.endpoint:
            engines[options.endpoint] = of_sparql(Remote(options.endpoint).select, plain)
        if options.rdflib:
            engines["rdflib"] = of_sparql(of_rdflib(quads), plain)
        print(f"{options.measures} measures, {service.manifest['counts']['spans']} spans; ", end="")
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
        print(
            "| question | rows | engine | ms, median | of the embedded store with index |\n|---|---|---|---|---|",
            flush=True,
        )
        for name, given in questions(service).items():
            terms, _ = service.bound("in-force", given, TODAY)
            first, *others = engines
            rows = bag(engines[first](terms))
            for engine in others:
                if bag(engines[engine](terms)) != rows:
                    raise SystemExit(f"{name}: {engine} gives other rows than {first}")
            # In turn, so that what else the machine does meets all of them.
            rounds = [
                {engine: Cost.of(partial(ask, terms), seconds=1) for engine, ask in engines.items()} for _ in range(3)
            ]
            medians = {e: statistics.median(each[e].wall for each in rounds) for e in engines}
            for engine, median in medians.items():
                ratio = median / medians["embedded, with index"]
                print(f"| {name} | {len(rows)} | {engine} | {median:.2f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
