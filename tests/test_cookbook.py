"""The cookbook: golden results, equal rows on two engines, results found again without SPARQL, and its page."""

import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from textwrap import fill
from typing import Any

import pytest
from rdflib import RDF, Graph, URIRef

import engines
from inforce import catalogue
from inforce.catalogue import Query
from inforce.model import ALWAYS, BASE, NS, OPEN, EffectType, Span, Status, day_of
from inforce.record import Record, root
from inforce.service import Service
from inforce.turtle import ELI, INF

RECIPES = catalogue.read(root() / "cookbook")
SHOWN = 8  # rows of each result on the page
TRIPLE = ("subject", "predicate", "object")


def found(recipe: Query, service: Service) -> tuple[Sequence[str], list[Sequence[str]]]:
    """The columns and rows of a result, each term as its text; of a graph its triples."""
    if recipe.form == "CONSTRUCT":
        lines = sorted(service.store.construct(recipe.sparql).decode().splitlines())
        terms = (line.rstrip(" .").split(" ", 2) for line in lines)
        return TRIPLE, [[re.sub(r'^<(.*)>$|^"(.*?)".*$', r"\1\2", term) for term in triple] for triple in terms]
    bindings = json.loads(service.store.select(recipe.sparql))["results"]["bindings"]
    return recipe.variables, [[row.get(v, {}).get("value", "") for v in recipe.variables] for row in bindings]


def rows(name: str, service: Service) -> list[dict[str, str]]:
    """The result of a recipe, IRIs by what follows their kind: the short names of all but clauses and effects."""
    columns, lines = found(RECIPES[name], service)
    return [dict(zip(columns, map(short, line), strict=True)) for line in lines]


def short(text: object) -> str:
    return re.sub(f"^{NS}|^{BASE}[a-z-]+/", "", str(text))


@pytest.mark.parametrize("name", RECIPES)
def test_the_result(name: str, service: Service, golden: Callable[[str, str], None]) -> None:
    columns, lines = found(RECIPES[name], service)
    assert lines
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([columns, *lines])
    golden(f"cookbook/{name}.csv", out.getvalue())


def in_order(results: bytes | None) -> list[str]:
    bindings = json.loads(results or b"")["results"]["bindings"]
    return [json.dumps({k: engines.plain(v) for k, v in row.items()}, sort_keys=True) for row in bindings]


@pytest.mark.parametrize("name", RECIPES)
def test_both_engines_give_the_same_rows_in_the_same_order(name: str, service: Service, rdflib_graph: Graph) -> None:
    sparql = RECIPES[name].sparql
    if RECIPES[name].form == "CONSTRUCT":
        assert engines.graph_on_rdflib(rdflib_graph, sparql) == engines.triples(service.store.construct(sparql))
    else:
        here, there = service.store.select(sparql), rdflib_graph.query(sparql).serialize(format="json")
        assert in_order(here) == in_order(there)


@pytest.mark.parametrize("name", [n for n, r in RECIPES.items() if r.form == "SELECT"])
def test_the_order_is_total(name: str, service: Service) -> None:
    columns, lines = found(RECIPES[name], service)
    keys = [columns.index(key) for key in re.findall(r"\?(\w+)", RECIPES[name].sparql.rsplit("ORDER BY", 1)[1])]
    assert len({tuple(line[key] for key in keys) for line in lines}) == len(lines)


def test_each_recipe_is_explained_and_depends_on_nothing_but_the_data() -> None:
    assert len(RECIPES) >= 30
    for name, recipe in RECIPES.items():
        assert re.fullmatch(r"[0-9]{2}-[a-z0-9-]+", name)
        assert recipe.summary and recipe.description and recipe.keywords, name
        assert not re.search(r"\b(NOW|RAND|UUID|STRUUID|BNODE|SERVICE|FROM)\b", recipe.sparql), name
        # SPARQL 1.1 leaves these to the engine: casts to days, parts and differences of days.
        assert not re.search(r"xsd:date\(|xsd:dateTime\(|\b(YEAR|MONTH|DAY)\(", recipe.sparql), name


# The same numbers, without SPARQL


def days(span: Span, record: Record) -> tuple[str, str]:
    """The first day of a span and the first day after it, as compiled triples have them."""
    zone = record.zone(span.measure)
    first = ALWAYS if span.start is None else day_of(span.start, zone).isoformat()
    return first, OPEN if span.end is None else day_of(span.end, zone).isoformat()


def known(record: Record, day: str) -> Iterator[tuple[Span, str, str]]:
    """The spans known on a day, with their days."""
    for span in record.spans:
        if span.known_from.isoformat() <= day < (span.known_until.isoformat() if span.known_until else OPEN):
            yield span, *days(span, record)


def holding(record: Record, on: str, as_known: str, status: Status = Status.IN_FORCE) -> set[str]:
    """The measures of a status on a day."""
    return {s.measure for s, first, end in known(record, as_known) if first <= on < end and s.state.status == status}


def test_kinds_are_those_of_the_files(service: Service, authored: Graph) -> None:
    counted = Counter(
        (short(authored.value(m, INF.imposedBy)), short(k)) for m, k in authored.subject_objects(INF.kind)
    )
    assert {(r["side"], r["kind"]): int(r["measures"]) for r in rows("01-kinds", service)} == counted


def test_months_are_those_of_the_files(service: Service, authored: Graph) -> None:
    acts: dict[tuple[str, str], set[Any]] = defaultdict(set)
    for act, day in authored.subject_objects(INF.madePublic):
        for side in authored.objects(act, ELI.jurisdiction):
            if "2025-01-01" <= str(day) <= "2026-06-30":
                acts[str(day)[:7], short(side)].add(act)
    counted = {month: len(found) for month, found in acts.items()}
    assert {(r["month"], r["side"]): int(r["acts"]) for r in rows("10-acts-per-month", service)} == counted


def test_beliefs_about_a_day_are_those_of_the_spans(service: Service, record: Record) -> None:
    measure = BASE + "measure/us-ieepa-reciprocal-cn"
    told = [
        (span.known_from.isoformat(), span.state.status.value, f"{span.state.rate:f}".rstrip("0").rstrip("."))
        for span in record.spans
        if span.measure == measure and days(span, record)[0] <= "2025-06-01" < days(span, record)[1]
    ]
    listed = rows("05-beliefs-about-a-day", service)
    assert [(r["knownFrom"], r["status"], r["rate"]) for r in listed] == sorted(told)


def test_suspended_measures_and_their_return_are_those_of_the_spans(service: Service, record: Record) -> None:
    day = "2025-11-30"
    suspended = holding(record, day, day, Status.SUSPENDED)
    back = {
        (first, short(s.measure))
        for s, first, _ in known(record, day)
        if s.lapse and s.state.status == Status.IN_FORCE and first > day and s.measure in suspended
    }
    listed = rows("09-what-comes-back", service)
    assert {(r["returns"], r["measure"]) for r in listed} == back
    assert len({r["measure"] for r in listed}) == len(listed), "each comes back once"
    for returns, measure in back:
        last = (date.fromisoformat(returns) - timedelta(days=1)).isoformat()
        assert BASE + "measure/" + measure in holding(record, last, day, Status.SUSPENDED)


def test_controls_over_time_are_counted_again(service: Service, record: Record, authored: Graph) -> None:
    chinese = {
        str(m): set(authored.objects(m, INF.item / INF.material))
        for m in authored.subjects(INF.imposedBy, URIRef(BASE + "country/cn"))
        if (m, INF.flow, INF.export) in authored
    }
    counted: dict[str, list[int]] = {}
    for n, on in enumerate(["2022-12-31", "2023-12-31", "2024-12-31", "2025-10-31", "2025-12-31"]):
        for measure in holding(record, on, "2026-06-30") & chinese.keys():
            for material in chinese[measure]:
                counted.setdefault(short(material), [0] * 5)[n] += 1
    listed = rows("12-controls-over-time", service)
    assert {r["material"]: [int(v) for k, v in r.items() if k != "material"] for r in listed} == counted


def test_lead_times_are_those_of_the_calendar(service: Service, record: Record, authored: Graph) -> None:
    spread: dict[tuple[str, str], list[int]] = defaultdict(list)
    for effect in record.effects.values():
        if effect.type in (EffectType.ESTABLISH, EffectType.ADD_TO_LIST):
            for measure in effect.measures:
                assert effect.start is not None
                lead = (day_of(effect.start, record.zone(measure)) - effect.public).days
                kind, side = (authored.value(URIRef(measure), p) for p in (INF.kind, INF.imposedBy))
                spread[short(side), short(kind)].append(lead)
    listed = {(r["side"], r["kind"]): r for r in rows("19-lead-time", service)}
    assert listed.keys() == {key for key, leads in spread.items() if len(leads) > 2}
    for key, row in listed.items():
        leads = spread[key]
        assert (int(row["shortest"]), int(row["longest"])) == (min(leads), max(leads))
        assert abs(float(row["mean"]) - sum(leads) / len(leads)) <= 0.05 + 1e-9


def test_the_duty_stack_is_the_sum_of_the_rates(service: Service, record: Record) -> None:
    """Also as the press told it: 104 percent on 9 April 2025, 145 from the day after, 30 from the truce of Geneva, then 20."""
    layers = {
        BASE + "measure/" + name
        for name in ("us-ieepa-fentanyl-cn", "us-ieepa-reciprocal-cn", "us-ieepa-reciprocal-baseline-cn",
                     "us-s122-surcharge", "us-s301-forced-labor-cn")
    }  # fmt: skip
    spans = [(s, first, end) for s, first, end in known(record, "2026-09-30") if s.measure in layers]
    listed = {r["on"]: float(r["points"]) for r in rows("23-duty-stack", service)}
    assert listed == {
        on: sum(
            float(s.state.rate or 0)
            for s, first, end in spans
            if s.state.status == Status.IN_FORCE and first <= on < end
        )
        for on in {first for _, first, _ in spans if first != ALWAYS}
    }
    told = {"2025-04-09": 104, "2025-04-10": 145, "2025-05-14": 30, "2025-11-10": 20, "2026-02-20": 0}
    assert {day: listed[day] for day in told} == told


def test_suspended_days_are_counted_one_by_one(service: Service, record: Record) -> None:
    counted: Counter[str] = Counter()
    for n in range((date(2026, 7, 1) - date(2025, 1, 1)).days):
        on = (date(2025, 1, 1) + timedelta(days=n)).isoformat()
        counted.update(short(m) for m in holding(record, on, "2026-06-30", Status.SUSPENDED))
    assert {r["measure"]: int(r["suspended"]) for r in rows("24-suspended-days", service)} == counted


def test_the_days_that_moved_the_future_are_found_day_by_day(service: Service, record: Record) -> None:
    """For each day of publication the states of 1 June 2026 as known on it and on the day before."""
    counted = {}
    for day in {s.known_from for s in record.spans}:
        before, after = (
            {s.measure: s.state.status for s, first, end in known(record, k.isoformat()) if first <= "2026-06-01" < end}
            for k in (day - timedelta(days=1), day)
        )
        if changed := [m for m, status in after.items() if m in before and before[m] != status]:
            counted[day.isoformat()] = len(changed)
    assert {r["day"]: int(r["changed"]) for r in rows("26-days-that-moved-the-future", service)} == counted


def test_foresight_is_what_was_known_a_month_before(service: Service, record: Record) -> None:
    def states(on: str, as_known: str) -> Mapping[str, Status]:
        return {s.measure: s.state.status for s, first, end in known(record, as_known) if first <= on < end}

    firsts = [f"2025-{month:02d}-01" for month in range(1, 13)] + ["2026-01-01"]
    counted = []
    for ahead, on in pairwise(firsts):
        thought, was = states(on, ahead), states(on, on)
        wrong = [m for m in thought if thought[m] != was[m]]
        counted.append((on, len(thought), len(wrong), len(was.keys() - thought.keys())))
    listed = rows("27-foresight", service)
    assert [(r["on"], int(r["knownBefore"]), int(r["otherwise"]), int(r["new"])) for r in listed] == counted


def test_prolongations_are_followed_by_hand(service: Service, record: Record) -> None:
    effects = {e.id: e for e in record.effects.values()}

    def first(effect: str) -> str:
        before = effects[effect].extends
        return first(before) if before else effect

    chains = Counter(first(e.id) for e in record.effects.values() if e.extends)
    listed = {r["first"]: int(r["prolongations"]) for r in rows("18-prolonged", service)}
    assert listed == {short(effect): count for effect, count in chains.items()}


def test_listed_companies_are_those_of_the_files(service: Service, record: Record, authored: Graph) -> None:
    listings = [
        m
        for m in authored.subjects(RDF.type, INF.Listing)
        if (m, INF.imposedBy, URIRef(BASE + "country/cn")) in authored
    ]
    counted = Counter(short(e) for m in listings for e in authored.objects(m, INF.entity))
    assert {r["entity"]: int(r["listings"]) for r in rows("15-listed-twice", service)} == {
        entity: n for entity, n in counted.items() if n > 1
    }


# The page

PAGE = root() / "docs" / "cookbook.md"
INTRODUCTION = """\
# Cookbook

Thirty questions to the record from easy to hard, each as a SPARQL query that stands by itself: paste it into `/sparql` of a running service,
into any endpoint that holds the build, or run it on the dump with the engine of your choice. They are written in what SPARQL 1.1 fixes, and give
equal rows on Oxigraph and rdflib. Each query is a file of `cookbook/`; this page is made from these files and from their results, all rows of
which are in `tests/golden/cookbook/`; `pytest tests/test_cookbook.py --rewrite-goldens` writes it anew.

Every day in a query is fixed: on the same version of the dataset it gives the same answer whenever it is asked. Two rules explain most of them.
A span holds on day D when `from <= D < until`, and on day of knowledge K when `knownFrom <= K < knownUntil`; a query that tests the first alone mixes
what was known on different days. And `0001-01-01` and `9999-12-31` stand for no beginning and no end ([Reading the record](record.md)).

An editor or a program finds the same queries in the endpoint itself, as `sh:SPARQLExecutable` in the graph `graph/examples`, and at
`/.well-known/sparql-examples`. In the results below the IRIs of the record are shown by their last part.
"""


def shown(text: str) -> str:
    """A term as the page shows it."""
    if text.startswith((BASE, NS)):
        text = text.removeprefix(NS) if text.startswith(NS) else text.removeprefix(BASE).split("/", 1)[-1]
    return text.replace("|", "\\|") if len(text) <= 100 else text[:97].rstrip() + "…"


def section(name: str, service: Service) -> str:
    recipe = RECIPES[name]
    columns, lines = found(recipe, service)
    table = [" | ".join(columns), "|".join("---" for _ in columns)]
    table += [" | ".join(map(shown, line)) for line in lines[:SHOWN]]
    drawn = "\n".join(f"| {line} |" if n != 1 else f"|{line}|" for n, line in enumerate(table))
    of = "triples" if recipe.form == "CONSTRUCT" else "rows"
    count = f"{len(lines)} {of}" if len(lines) <= SHOWN else f"{SHOWN} of {len(lines)} {of}"
    return (
        f"## {int(name[:2])}. {recipe.summary}\n\n{fill(recipe.description, 140)}\n\n"
        f"```sparql\n{recipe.sparql.strip()}\n```\n\n{drawn}\n\n{count}.\n"
    )


def test_the_page_is_that_of_the_recipes(service: Service, request: pytest.FixtureRequest) -> None:
    text = "\n".join([INTRODUCTION, *(section(name, service) for name in RECIPES)])
    if request.config.getoption("--rewrite-goldens"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "pytest tests/test_cookbook.py --rewrite-goldens"
    assert {f.stem for f in (root() / "tests" / "golden" / "cookbook").glob("*.csv")} == RECIPES.keys()
