"""Each question answered: a golden answer, equal rows in equal order on two engines, facts of the record, and its guide."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any
from urllib.parse import urlencode

import pytest
from rdflib import Graph

import engines
from conftest import TODAY
from inforce import catalogue
from inforce.catalogue import Parameter, Query
from inforce.model import BASE
from inforce.record import root
from inforce.service import Answer, Service

QUERIES = catalogue.read(root() / "queries")
DAYS = {"on": "2025-11-15", "knownOn": "2025-11-15"}
BAN = "cn-us-ga-ge-sb-superhard-ban"

# One call a question, and the columns of its answer that the guide shows.
CALLS: Mapping[str, tuple[Mapping[str, str], str]] = {
    "acts": ({"issuer": "cn-mofcom", "from": "2025-10-01", "to": "2025-12-31"}, "madePublic act title"),
    "announced": ({"measure": "cn-five-rare-earths-2025", "knownOn": "2026-10-08"}, "public measure announcedEffect announcedUntil act"),
    "calendar": ({"from": "2025-11-01", "days": "30", "knownOn": "2025-11-30", "imposedBy": "US"}, "on measure before after change type act"),
    "chain": ({"measure": BAN, "knownOn": "2025-11-30"}, "subject predicate object"),
    "changes": ({"from": "2025-11-01", "to": "2025-11-30", "knownOn": "2025-11-30", "material": "gallium"}, "on measure before after how clause"),
    "coverage": ({}, "jurisdiction issuer label coveredThrough acts first last"),
    "diff": ({"on": "2026-06-01", "knownOn": "2025-11-30", "againstKnownOn": "2025-10-31"}, "measure before after rateBefore rateAfter act"),
    "effects": ({"from": "2025-11-07", "to": "2025-11-09"}, "subject predicate object"),
    "entity": (DAYS | {"entity": "skydio"}, "measure onList status from until clause"),
    "explain": (DAYS | {"measure": "cn-five-rare-earths-2025"}, "step role type clause windowFrom windowUntil status"),
    "in-force": (DAYS | {"material": "gallium", "destination": "US"}, "measure status rate from until clause"),
    "learned": ({"from": "2025-11-07", "to": "2025-11-10"}, "public act type measure windowFrom windowUntil on before after"),
    "material": (DAYS | {"material": "gallium"}, "group imposedBy measure relation status rate"),
    "search": ({"text": "gallium"}, "rank type thing label matched"),
    "sources": ({"measure": BAN}, "act publisher date supports primaryFor"),
    "status": (DAYS | {"measure": "cn-five-rare-earths-2025"}, "measure status from until because"),
    "tariff-stack": ({"origin": "CN", "destination": "US", "on": "2025-04-15", "knownOn": "2025-04-15"}, "part measure status rate sum clause"),
    "timeline": ({"measure": BAN, "knownOn": "2025-11-15"}, "status from until opening clause"),
    "upcoming": ({"from": "2025-11-15", "knownOn": "2025-11-15", "imposedBy": "CN"}, "on measure before after how clause"),
}  # fmt: skip


def ask(service: Service, name: str, **given: str | Sequence[str]) -> Answer:
    values = {k.rstrip("_"): [v] if isinstance(v, str) else list(v) for k, v in given.items()}
    return service.ask(name, values, TODAY)


def call(service: Service, name: str) -> Answer:
    return ask(service, name, **CALLS[name][0])


def rows(answer: Answer) -> tuple[Sequence[str], list[Mapping[str, Any]]]:
    """The columns and rows of an answer; those of a graph are its triples."""
    if answer.query.form == "SELECT":
        return answer.query.variables, list(answer.rows)
    columns = ("subject", "predicate", "object")
    triples = (line.rstrip(" .\n").split(" ", 2) for line in answer.found)
    return columns, [dict(zip(columns, (re.sub("^<(.*)>$", r"\1", term) for term in t), strict=True)) for t in triples]


def short(value: Any) -> str:
    """A value as people read it: of the IRIs of the record the last part."""
    if isinstance(value, list):
        return " > ".join(map(short, value))
    text = "" if value is None else str(value)
    return text.removeprefix(BASE).split("/", 1)[-1] if text.startswith(BASE) else text


@pytest.mark.parametrize("name", QUERIES)
def test_the_golden_answer(name: str, service: Service, golden: Callable[[str, str], None]) -> None:
    columns, found = rows(call(service, name))
    assert found
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in found:
        writer.writerow(" ".join(v) if isinstance(v := row[c], list) else "" if v is None else v for c in columns)
    golden(f"queries/{name}.csv", out.getvalue())


def plain_rows(results: bytes | None) -> list[str]:
    bindings = json.loads(results or b"")["results"]["bindings"]
    return [json.dumps({k: engines.plain(v) for k, v in row.items()}, sort_keys=True) for row in bindings]


@pytest.mark.parametrize("name", QUERIES)
def test_both_engines_give_the_same_rows_in_the_same_order(name: str, service: Service, rdflib_graph: Graph) -> None:
    sparql = call(service, name).sparql
    if QUERIES[name].form == "CONSTRUCT":
        assert engines.graph_on_rdflib(rdflib_graph, sparql) == engines.triples(service.store.construct(sparql))
    else:
        here, there = service.store.select(sparql), rdflib_graph.query(sparql).serialize(format="json")
        assert plain_rows(here) == plain_rows(there)


# Calls that find much: in them the order is shown to be total.
WIDE: Mapping[str, Mapping[str, str]] = {name: given for name, (given, _) in CALLS.items()} | {
    "acts": {},
    "announced": {"knownOn": "2026-11-01"},
    "calendar": {"from": "2018-01-01", "to": "2030-01-01", "knownOn": "2026-11-01"},
    "changes": {"from": "2018-01-01", "to": "2030-01-01", "knownOn": "2026-11-01"},
    "diff": {"on": "2026-11-01", "againstOn": "2018-01-01", "knownOn": "2026-11-01"},
    "entity": {"entity": "acsl", "on": "2026-06-01", "knownOn": "2026-11-01"},
    "in-force": {"on": "2026-06-01", "knownOn": "2026-11-01"},
    "learned": {"from": "2018-01-01", "to": "2026-11-01"},
    "material": DAYS | {"material": "all-goods"},
    "search": {"text": "a"},
    "sources": {},
    "timeline": {"knownOn": "2026-11-01"},
    "upcoming": {"from": "2018-01-01", "until": "2030-01-01", "knownOn": "2026-11-01"},
}


@pytest.mark.parametrize("name", [n for n, q in QUERIES.items() if q.form == "SELECT"])
def test_the_order_is_total(name: str, service: Service) -> None:
    """No two rows are alike in all variables by which they are ordered."""
    keys = re.findall(r"\?(\w+)", QUERIES[name].sparql.rsplit("ORDER BY", 1)[1])
    found = ask(service, name, **WIDE[name]).found
    assert len({json.dumps([row.get(k) for k in keys]) for row in found}) == len(found)


# Facts


def slugs(found: Sequence[Mapping[str, Any]], column: str = "measure") -> set[str]:
    return {short(row[column]) for row in found}


LISTS = {f"us-s301-cn-list-{n}" for n in ("1", "2", "3", "4a")}

# from, to, day, goods -> the additive layers, and what else must be told of which part
STACKS: Sequence[tuple[str, str, Mapping[str, str], Mapping[str, float], Mapping[str, set[str]]]] = [
    ("CN", "US", {"on": "2025-02-20"}, {"us-ieepa-fentanyl-cn": 10}, {"partial": LISTS}),
    ("CN", "US", {"on": "2025-04-15"}, {"us-ieepa-fentanyl-cn": 20, "us-ieepa-reciprocal-cn": 125},
     {"partial": LISTS, "suspended": {"us-ieepa-reciprocal-baseline-cn"}}),
    ("CN", "US", {"at": "2025-04-09T12:00:00-04:00"}, {"us-ieepa-fentanyl-cn": 20, "us-ieepa-reciprocal-cn": 84}, {}),
    ("CN", "US", {"on": "2025-06-01"}, {"us-ieepa-fentanyl-cn": 20, "us-ieepa-reciprocal-baseline-cn": 10},
     {"partial": LISTS, "suspended": {"us-ieepa-reciprocal-cn"}, "relief": {"us-s301-cn-exclusions"},
      "terms": {"us-postal-duty-cn"}}),
    ("CN", "US", {"on": "2025-12-01"}, {"us-ieepa-fentanyl-cn": 10, "us-ieepa-reciprocal-baseline-cn": 10}, {}),
    ("CN", "US", {"on": "2026-03-15"}, {"us-s122-surcharge": 10}, {"partial": LISTS}),
    ("CN", "US", {"on": "2026-08-01"}, {"us-s301-forced-labor-cn": 12.5}, {"partial": LISTS}),
    ("CN", "US", {"on": "2025-04-15", "material": "gallium"}, {"us-ieepa-fentanyl-cn": 20},
     {"excluded": {"us-ieepa-reciprocal-cn"}, "relief": {"us-ieepa-reciprocal-annex-ii-exemption"}, "partial": LISTS}),
    ("CN", "US", {"on": "2025-06-01", "hs": "81019400"}, {"us-ieepa-fentanyl-cn": 20, "us-s301-cn-tungsten": 25},
     {"excluded": {"us-ieepa-reciprocal-baseline-cn"}, "partial": LISTS | {"us-s301-cn-4yr-critical-minerals"}}),
    ("US", "CN", {"on": "2025-04-15"},
     {f"cn-reciprocal-counter-tariff-{p}": r for p, r in (("10-points", 10), ("24-points", 24), ("increase", 91))},
     {"partial": {"cn-fentanyl-counter-tariff-feb-15"}}),
    ("US", "CN", {"on": "2026-06-01", "hs": "27111100"},
     {"cn-fentanyl-counter-tariff-feb-15": 15, "cn-reciprocal-counter-tariff-10-points": 10},
     {"suspended": {"cn-reciprocal-counter-tariff-24-points"}}),
]  # fmt: skip


@pytest.mark.parametrize(("origin", "destination", "about", "additive", "told"), STACKS)
def test_tariff_stack(
    origin: str,
    destination: str,
    about: Mapping[str, str],
    additive: Mapping[str, float],
    told: Mapping[str, set[str]],
    service: Service,
) -> None:
    found = ask(service, "tariff-stack", origin=origin, destination=destination, knownOn="2026-10-08", **about).rows
    assert {short(r["measure"]): r["rate"] for r in found if r["part"] == "additive"} == additive
    assert {r["sum"] for r in found} == {sum(additive.values())}
    for part, measures in told.items():
        assert measures <= slugs([r for r in found if r["part"] == part])


def test_what_excludes_and_what_stacks_is_told(service: Service) -> None:
    found = ask(service, "tariff-stack", origin="CN", destination="US", material="gallium", on="2025-04-15").rows
    row = {short(r["measure"]): r for r in found}
    assert short(row["us-ieepa-reciprocal-cn"]["excludedBy"]) == "us-ieepa-reciprocal-annex-ii-exemption"
    assert BASE + "measure/us-ieepa-reciprocal-cn" in row["us-ieepa-reciprocal-annex-ii-exemption"]["excludes"]
    assert BASE + "measure/us-s301-cn-list-3" in row["us-ieepa-fentanyl-cn"]["stacksWith"]
    assert short(row["us-ieepa-reciprocal-baseline-cn"]["act"]) == "us-eo-14266"


def test_which_duties_on_all_goods_count_as_due_on_all(service: Service) -> None:
    """The wording of an item's form decides it (see the question's description), so a new wording is looked at here."""
    found = json.loads(service.store.select(
        """PREFIX inf: <https://w3id.org/inforce/ns#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
        PREFIX kind: <https://w3id.org/inforce/kind/> SELECT DISTINCT ?measure ?form WHERE {
        ?measure inf:kind/skos:broader* kind:tariff ; inf:item ?item .
        ?item inf:material <https://w3id.org/inforce/material/all-goods> OPTIONAL { ?item inf:form ?form } }"""
    ))["results"]["bindings"]  # fmt: skip
    whole = {short(r["measure"]["value"]) for r in found
             if "form" not in r or re.match("(all|any|except)[ ,]", r["form"]["value"])}  # fmt: skip
    assert whole == {
        "cn-reciprocal-counter-tariff-10-points",
        "cn-reciprocal-counter-tariff-24-points",
        "cn-reciprocal-counter-tariff-increase",
        "us-ieepa-fentanyl-cn",
        "us-ieepa-reciprocal-baseline",
        "us-ieepa-reciprocal-baseline-cn",
        "us-ieepa-reciprocal-cn",
        "us-ieepa-reciprocal-others",
        "us-s122-surcharge",
        "us-s301-forced-labor-cn",
    }
    assert {short(r["measure"]["value"]) for r in found} - whole == {
        *LISTS,
        "us-s301-cn-list-4b",
        "us-postal-duty-all",
        "us-postal-duty-cn",
    }


def test_diff_of_one_day_as_known_on_two(service: Service) -> None:
    """What was to be on 1 June 2026: on the last day of October the acts of October stood, a month later they were stopped."""
    found = call(service, "diff").rows
    row = {short(r["measure"]): r for r in found}
    five = row["cn-five-rare-earths-2025"]
    assert (five["before"], five["after"], short(five["act"])) == ("inForce", "suspended", "cn-mofcom-2025-70")
    assert {"cn-rare-earth-de-minimis-2025", "cn-lithium-battery-2025", "us-bis-affiliates-rule"} <= row.keys()
    fentanyl = row["us-ieepa-fentanyl-cn"]
    assert (fentanyl["rateBefore"], fentanyl["rateAfter"]) == (20, 10)
    assert "cn-seven-rare-earths-licensing" not in row, "never suspended"
    new = row["cn-precursor-export-licensing-north-america"]
    assert (new["before"], new["after"]) == (None, "inForce"), "not known before"


def test_diff_of_two_days_as_known_now(service: Service) -> None:
    found = ask(service, "diff", on="2025-11-15", againstOn="2025-11-01", knownOn="2026-10-08", material="gallium").rows
    row = {short(r["measure"]): (r["before"], r["after"]) for r in found}
    assert row[BAN] == ("inForce", "suspended")
    assert not ask(service, "diff", on="2025-11-15", knownOn="2025-11-15").rows, "nothing against itself"


def test_learned(service: Service) -> None:
    found = call(service, "learned").rows
    assert {"cn-mofcom-2025-70", "cn-mofcom-2025-72"} <= slugs(found, "act")
    row = {(short(r["act"]), short(r["measure"])): r for r in found}
    ban = row["cn-mofcom-2025-72", BAN]
    assert (ban["public"], ban["on"], ban["before"], ban["after"]) == (
        "2025-11-09",
        "2025-11-09",
        "inForce",
        "suspended",
    )
    later = row["cn-mofcom-2025-70", "cn-rare-earth-de-minimis-2025"]
    assert (later["public"], later["on"], later["before"]) == ("2025-11-07", "2025-12-01", "inForce")
    announced = ask(service, "learned", from_="2026-09-28", to="2026-09-28").rows
    assert {r["force"] for r in announced} == {"announced"}
    assert {(r["on"], r["before"], r["after"]) for r in announced} == {(None, None, None)}


def test_calendar_also_has_the_days_without_a_change_of_status(service: Service) -> None:
    given = {"from": "2025-11-01", "to": "2025-12-01", "knownOn": "2025-11-30"}
    found = ask(service, "calendar", **given).rows
    changes = ask(service, "changes", **given).rows
    key = ("on", "measure", "before", "after", "rateBefore", "rateAfter", "termsBefore", "termsAfter", "clause")
    assert [tuple(r[k] for k in key) for r in found if r["change"] != "reasons"] == [
        tuple(r[k] for k in key) for r in changes
    ]
    extended = {(r["on"], short(r["measure"]), r["type"]) for r in found if r["change"] == "reasons"}
    assert ("2025-11-10", "us-ieepa-reciprocal-cn", "extendSuspension") in extended
    assert ("2025-11-30", "us-s301-cn-exclusions", "extend") in extended


@pytest.mark.parametrize("text", ["gallium", "GALLIUM", "镓", "7440-55-3", "Ga", "ga"])
def test_gallium_is_found_first(text: str, service: Service) -> None:
    first = ask(service, "search", text=text).rows[0]
    assert (first["rank"], first["type"], short(first["thing"])) == (1, "material", "gallium")


@pytest.mark.parametrize(
    ("text", "type_", "slug"),
    [
        ("商务部 海关总署公告2025年第70号", "act", "cn-mofcom-2025-70"),
        ("cn-mofcom-2025-70", "act", "cn-mofcom-2025-70"),
        ("14257", "act", "us-eo-14257"),
        ("skydio", "entity", "skydio"),
        ("mofcom", "actor", "cn-mofcom"),
        ("出口许可", "kind", "export-licensing"),
        ("export licence for gallium", "measure", "cn-gallium-licensing"),
        ("8112", "material", "gallium"),
        ("81129290", "measure", "cn-gallium-licensing"),
        ("3C001", "measure", "cn-gallium-licensing"),
        ("9903.01.24", "measure", "us-ieepa-fentanyl-cn"),
    ],
)
def test_search_finds(text: str, type_: str, slug: str, service: Service) -> None:
    found = ask(service, "search", text=text).rows
    assert (type_, slug) in {(r["type"], short(r["thing"])) for r in found}


def test_search_ranks_and_needs_all_texts(service: Service) -> None:
    ranks = [r["rank"] for r in ask(service, "search", text="ga").rows]
    assert ranks == sorted(ranks)
    assert set(ranks) == {1, 2, 3}
    both = ask(service, "search", text=["licence", "gallium"]).rows
    assert slugs(both, "thing") == {"cn-gallium-licensing", "cn-lithium-gallium-technology-restriction", BAN}
    assert not ask(service, "search", text="292").rows or all(
        not re.fullmatch("[0-9]+", r["matched"]) or r["matched"].startswith("292")
        for r in ask(service, "search", text="292").rows
        if r["type"] == "material"
    ), "customs codes by their beginning only"


def test_entity(service: Service) -> None:
    found = call(service, "entity").rows
    assert {(short(r["measure"]), r["status"]) for r in found} == {
        ("cn-ecl-2025-mar04", "ended"),
        ("cn-uel-2025-apr04", "suspended"),
    }
    assert {short(r["imposedBy"]) for r in found} == {"cn"}
    american = ask(
        service, "entity", entity="arrow-china-electronics-trading", on="2025-10-20", knownOn="2025-10-20"
    ).rows
    assert {(short(r["imposedBy"]), r["status"]) for r in american} == {("us", "inForce")}


def test_material(service: Service) -> None:
    found = call(service, "material").rows
    row = {short(r["measure"]): r for r in found}
    assert {r["status"] for r in found} <= {"inForce", "suspended", "pending"}
    assert (row["cn-gallium-licensing"]["relation"], row["cn-gallium-licensing"]["status"]) == ("itself", "inForce")
    assert (row[BAN]["relation"], row[BAN]["status"]) == ("itself", "suspended")
    assert row["cn-us-military-dual-use-ban"]["relation"] == "wider"
    assert short(row["us-ieepa-fentanyl-cn"]["imposedBy"]) == "us"
    assert short(row["us-ieepa-fentanyl-cn"]["group"]) == "import-measure"
    rare_earths = ask(service, "material", material="rare-earth", **DAYS).rows
    assert {short(r["measure"]): r["relation"] for r in rare_earths}["cn-seven-rare-earths-licensing"] == "narrower"


def test_chain(service: Service) -> None:
    def changed(**given: str) -> set[tuple[str, str]]:
        graph = Graph().parse(data=ask(service, "chain", **given).results, format="nt")
        relation = next(p for p in graph.predicates() if p.endswith("#changes"))
        return {(short(s), short(o)) for s, o in graph.subject_objects(relation)}

    both = {("cn-mofcom-2025-72", "cn-mofcom-2024-46")}
    assert changed(measure=BAN, knownOn="2025-11-30") == changed(act="cn-mofcom-2025-72", knownOn="2025-11-30") == both
    by_70 = changed(act="cn-mofcom-2025-70", knownOn="2025-11-30")
    assert by_70 == {("cn-mofcom-2025-70", f"cn-mofcom-2025-{n}") for n in (55, 56, 57, 58, 61, 62)}
    assert ("us-eo-14228", "us-eo-14195") in changed(act="us-eo-14195", knownOn="2025-04-01")
    assert not ask(service, "chain", measure=BAN, knownOn="2025-11-08").found, "known a day later"


def test_sources(service: Service) -> None:
    found = ask(service, "sources", act="cn-mofcom-2025-72").rows
    assert slugs(found, "act") == {"cn-mofcom-2025-72"}
    assert all(r["publisher"] and r["supports"] for r in found)
    (text,) = [r for r in found if r["primaryFor"]]
    assert (short(text["primaryFor"]), text["url"][:27]) == ("cn-mofcom-2025-72#whole", "https://www.mofcom.gov.cn/z")
    assert slugs(call(service, "sources").rows, "act") == {"cn-mofcom-2024-46", "cn-mofcom-2025-72"}
    announced = ask(service, "sources", measure="cn-five-rare-earths-2025").rows
    assert "cn-mofcom-2026-09-28-kl-extension" in slugs(announced, "act")


def test_coverage(service: Service) -> None:
    found = call(service, "coverage").rows
    sides = {short(r["jurisdiction"]): r for r in found if r["issuer"] is None}
    covered = service.manifest["coveredThrough"]
    assert {side.upper(): r["coveredThrough"] for side, r in sides.items()} == covered
    assert sum(r["acts"] for r in sides.values()) == service.manifest["counts"]["acts"]
    assert {"cn-mofcom", "cn-tariff-commission", "us-president", "us-ustr"} <= slugs(found, "issuer")
    assert all(r["label"] and r["coveredThrough"] for r in found)


@pytest.mark.parametrize("name", [n for n, q in QUERIES.items() if "lang" in q.parameters])
def test_names_come_in_chinese_or_else_in_english(name: str, service: Service) -> None:
    names = [v for v in QUERIES[name].variables if v in ("label", "title", "kindLabel", "entityLabel")]
    given = {k: [v] for k, v in WIDE[name].items()}
    for lang in ("en", "zh"):
        found = service.ask(name, given | {"lang": [lang]}, TODAY).found
        languages = [{row[v]["xml:lang"] for row in found} for v in names]
        assert names
        assert all(languages == {"en"} if lang == "en" else "zh" in languages for languages in languages)


def test_labels_of_measures_are_chinese_throughout(service: Service) -> None:
    found = ask(service, "in-force", lang="zh", **DAYS).found
    assert {row["label"]["xml:lang"] for row in found} == {"zh"}


# The guide

GUIDE = root() / "docs" / "questions.md"
INTRODUCTION = """\
# The questions

Each question is one file of `queries/`: SPARQL that runs as it stands, a command, an address of the API. This page is made from these
files and from the answers in `tests/golden/queries/`; `pytest tests/test_questions.py --rewrite-goldens` writes it anew.

A day is a civil day of the imposing side and its state is the state at its end; "as known on" a day, only acts that were public by its
end count. An open end is empty in tables, JSON and CSV, and 0001-01-01 or 9999-12-31 in SPARQL results. Names are the short names of the
record in any case (`gallium`, `US`, `cn-mofcom-2025-70`) or IRIs. Rows come in a fixed order. On the command line a parameter such as
`knownOn` is written `--known-on`; one that is repeatable is given several times. Where nothing is said about a parameter's absence, it
narrows nothing.
"""


def described(parameter: Parameter) -> str:
    """A row of a table of parameters."""
    match parameter.default:
        case {"from": first, "plusDays": days}:
            unless = f"`{first}` plus `{days}`"
        case {"from": first}:
            unless = f"as `{first}`"
        case None:
            unless = "" if parameter.optional else "required"
        case default:
            unless = str(default)
    if parameter.unless:
        unless += f", unless `{parameter.unless}` is given"
    kind = {"iri": "name", "dateTime": "moment", "date": "day", "integer": "number", "string": "text"}[parameter.type]
    text = parameter.description.replace("|", "\\|")
    return f"| `{parameter.name}` | {kind}{', repeatable' if parameter.repeatable else ''} | {unless} | {text} |"


HEAD = "| parameter | value | unless given | what it is |\n|---|---|---|---|\n"


def shared_parameters() -> dict[str, Parameter]:
    """Parameters that are the same, word for word, in five questions or more."""
    seen: dict[str, list[Parameter]] = {}
    for query in QUERIES.values():
        for parameter in query.parameters.values():
            seen.setdefault(described(parameter), []).append(parameter)
    return {p[0].name: p[0] for p in seen.values() if len(p) >= 5}


def section(query: Query, answer: Answer) -> str:
    """A question, its parameters, an example and the first rows of the answer."""
    given, shown = CALLS[query.name]
    shared = shared_parameters()
    own = [p for p in query.parameters.values() if p.name not in shared or described(p) != described(shared[p.name])]
    common = [f"`{p.name}`" for p in query.parameters.values() if p not in own]
    parts = [f"## {query.name}\n\n{query.summary}.\n\n{fill(query.description, 140)}\n"]
    if own:
        parts.append(HEAD + "\n".join(map(described, own)) + "\n")
    if common:
        parts.append(("And " if own else "Parameters: ") + ", ".join(common) + ", as above.\n")
    options = "".join(f" {query.parameters[k].option} {v}" for k, v in given.items())
    address = f"http://localhost:8000/api/{query.name}{'?' if given else ''}{urlencode(given)}"
    accept = "-H 'Accept: text/turtle' " if query.form == "CONSTRUCT" else ""
    parts.append(f"```sh\n./run {query.name}{options}\ncurl {accept}'{address}'\n```\n")
    columns = shown.split()
    found = rows(answer)[1]
    lines = [" | ".join(columns), "|".join("---" for _ in columns)]
    lines += [" | ".join(short(row[c]).replace("|", "\\|") for c in columns) for row in found[:5]]
    parts.append("\n".join(f"| {line} |" if n != 1 else f"|{line}|" for n, line in enumerate(lines)) + "\n")
    of = "triples" if query.form == "CONSTRUCT" else "rows"
    hidden = [v for v in query.variables if v not in columns]
    more = f" Further columns: {', '.join(f'`{v}`' for v in hidden)}." if hidden else ""
    parts.append(f"{min(5, len(found))} of {len(found)} {of}.{more}\n")
    return "\n".join(parts)


def guide(service: Service) -> str:
    table = HEAD + "\n".join(described(p) for p in shared_parameters().values()) + "\n"
    sections = [section(query, call(service, name)) for name, query in QUERIES.items()]
    return "\n".join([INTRODUCTION, "## What many have in common\n", table, *sections])


def test_the_guide_describes_every_question_and_parameter(service: Service, request: pytest.FixtureRequest) -> None:
    text = guide(service)
    if request.config.getoption("--rewrite-goldens"):
        GUIDE.write_text(text, encoding="utf-8")
    assert Path(GUIDE).read_text(encoding="utf-8") == text, "pytest tests/test_questions.py --rewrite-goldens"
    for query in QUERIES.values():
        assert query.summary
        assert query.description
        for parameter in query.parameters.values():
            assert parameter.description
            assert described(parameter) in text


def test_every_question_has_a_golden_answer_and_nothing_else_has(service: Service) -> None:
    assert CALLS.keys() == QUERIES.keys()
    assert {f.stem for f in (root() / "tests" / "golden" / "queries").glob("*.csv")} == QUERIES.keys()
