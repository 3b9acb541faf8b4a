"""The query catalogue: every file is real SPARQL, every parameter matters, and no value can be more than a value."""

import random
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pyoxigraph as ox
import pytest
from rdflib import XSD, Graph, Literal, URIRef, Variable
from rdflib.plugins.sparql import prepareQuery
from rdflib.plugins.sparql.parserutils import CompValue

import engines
from conftest import TODAY
from inforce import catalogue
from inforce.catalogue import Names, ParameterError
from inforce.model import InforceError
from inforce.record import root
from inforce.service import Service

QUERIES = catalogue.read(root() / "queries")
DAYS = {"on": "2025-11-15", "knownOn": "2025-11-15"}


@pytest.mark.parametrize("name", QUERIES)
def test_a_file_runs_as_it_stands_on_both_engines(name: str, service: Service, rdflib_graph: Graph) -> None:
    sparql = QUERIES[name].sparql
    if QUERIES[name].form == "CONSTRUCT":
        assert engines.graph_on_rdflib(rdflib_graph, sparql) == engines.triples(service.store.construct(sparql))
    else:
        assert engines.on_rdflib(rdflib_graph, sparql) == engines.bag(service.store.select(sparql))


@pytest.mark.parametrize("name", QUERIES)
def test_a_file_gives_an_answer_with_its_examples(name: str, service: Service) -> None:
    """The examples of the parameters that are required or have a default, taken together, find something."""
    query = QUERIES[name]
    given = {p.name: [catalogue.slug(p.example)] for p in query.parameters.values() if not p.optional}
    assert service.ask(name, given, TODAY).found


# One row a parameter: with these values the answer differs from that to the base call.
BASE: Mapping[str, Mapping[str, str]] = {
    "in-force": DAYS,
    "status": DAYS | {"measure": "cn-us-ga-ge-sb-superhard-ban"},
    "timeline": {"knownOn": "2025-11-15"},
    "explain": DAYS | {"measure": "cn-us-ga-ge-sb-superhard-ban"},
    "changes": {"from": "2025-11-01", "to": "2025-11-30", "knownOn": "2025-11-30"},
    "upcoming": {"from": "2025-11-15", "knownOn": "2025-11-15"},
    "acts": {},
    "announced": {},
    "calendar": {"from": "2025-11-01", "days": "30", "knownOn": "2025-11-30"},
    "effects": {},
    "diff": {"on": "2026-06-01", "knownOn": "2025-11-30", "againstKnownOn": "2025-10-31"},
    "learned": {"from": "2025-11-01", "to": "2025-11-30"},
    "tariff-stack": {"origin": "CN", "destination": "US", "on": "2025-06-01", "knownOn": "2025-06-01"},
    "material": DAYS | {"material": "gallium"},
    "entity": DAYS | {"entity": "skydio"},
    "chain": {"knownOn": "2025-11-30"},
    "search": {"text": "gallium"},
    "sources": {},
    "coverage": {},
}
FILTERS = {
    "material": "gallium",
    "hs": "8112",
    "imposedBy": "CN",
    "destination": "US",
    "origin": "CN",
    "kind": "tariff",
    "flow": "import",
    "lang": "zh",
}
OTHER: Mapping[str, Mapping[str, str]] = {
    "in-force": {"on": "2025-10-01", "at": "2025-04-09T12:00:00-04:00", "knownOn": "2025-11-01",
                 "status": "suspended", **FILTERS},
    "status": {"measure": "cn-gallium-licensing", "on": "2025-11-01", "at": "2025-11-01T00:00:00+08:00",
               "knownOn": "2025-11-01", "lang": "zh"},
    "timeline": {"measure": "cn-gallium-licensing", "knownOn": "2025-10-31", **FILTERS},
    "explain": {"measure": "cn-gallium-licensing", "on": "2025-11-01", "at": "2025-11-01T00:00:00+08:00",
                "knownOn": "2025-11-01", "lang": "zh"},
    "changes": {"from": "2025-11-08", "to": "2025-11-07", "knownOn": "2025-11-01", **FILTERS, "material": "graphite",
                "hs": "8507"},
    "upcoming": {"from": "2026-11-10", "days": "30", "until": "2026-01-31", "knownOn": "2025-11-01", **FILTERS},
    "acts": {"issuer": "cn-mofcom", "from": "2025-01-01", "to": "2024-12-31", "kind": "executive-order", "lang": "zh"},
    "announced": {"measure": "us-bis-affiliates-rule", "knownOn": "2026-01-01", "lang": "zh"},
    "calendar": {"from": "2025-11-15", "days": "5", "to": "2025-11-02", "knownOn": "2025-11-01", **FILTERS},
    "effects": {"from": "2025-11-08", "to": "2025-11-07", **FILTERS},
    "diff": {"on": "2025-12-15", "knownOn": "2025-11-07", "againstOn": "2025-06-01", "againstKnownOn": "2025-11-08",
             **FILTERS},
    "learned": {"from": "2025-11-08", "to": "2025-11-07", **FILTERS},
    "tariff-stack": {"origin": "JP", "destination": "CN", "material": "tungsten", "hs": "81019400", "on": "2025-04-15",
                     "at": "2025-04-15T12:00:00-04:00", "knownOn": "2025-04-15", "lang": "zh"},
    "material": {"material": "graphite", "on": "2025-11-01", "at": "2025-11-01T00:00:00+08:00", "knownOn": "2025-11-01",
                 "lang": "zh"},
    "entity": {"entity": "illumina", "on": "2025-11-01", "at": "2025-11-01T00:00:00+08:00", "knownOn": "2025-11-01",
               "lang": "zh"},
    "chain": {"act": "cn-mofcom-2025-70", "measure": "cn-us-ga-ge-sb-superhard-ban", "from": "2025-11-01",
              "to": "2025-10-31", "knownOn": "2025-10-31"},
    "search": {"text": "镓", "type": "measure", "lang": "zh"},
    "sources": {"act": "cn-mofcom-2025-70", "measure": "cn-us-ga-ge-sb-superhard-ban", "lang": "zh"},
    "coverage": {"jurisdiction": "US", "lang": "zh"},
}  # fmt: skip


@pytest.mark.parametrize(("name", "parameter"), [(n, p) for n, q in QUERIES.items() for p in q.parameters])
def test_each_parameter_matters(name: str, parameter: str, service: Service) -> None:
    base = {k: [v] for k, v in BASE[name].items()}
    changed = {k: v for k, v in base.items() if not (parameter == "at" and k == "on")}
    changed[parameter] = [OTHER[name][parameter]]
    before, after = service.ask(name, base, TODAY).found, service.ask(name, changed, TODAY).found
    assert before, "the base call finds something"
    assert before != after


@pytest.mark.parametrize("name", QUERIES)
def test_no_day_has_an_upper_bound_alone(name: str) -> None:
    """Virtuoso 7 loses rows by `?day <= ?bound` unless the day has a lower bound, too (docs/engines.md)."""
    for filter_ in re.findall(r"FILTER \((.*)", QUERIES[name].sparql):
        for day, bound in re.findall(r"(\?\w+) <= (\?\w+)", filter_):
            assert day in ("?from", "?on", "?public", "?learned"), f"write !({day} > {bound})"
            assert day == "?from" or re.search(rf"\?from <=? \{day}\b", filter_), f"write !({day} > {bound})"


SHAPES = {
    "FILTER": "VALUES ?wanted { 1 } ?s <urn:p> ?n FILTER (?n = ?wanted)",
    "OPTIONAL": "VALUES ?wanted { 1 } ?s a <urn:C> OPTIONAL { ?s <urn:p> ?n FILTER (?n = ?wanted) }",
    "NOT EXISTS": "?s a <urn:C> FILTER NOT EXISTS { VALUES ?wanted { 1 } ?s <urn:p> ?n FILTER (?n = ?wanted) }",
    "MINUS": "?s a <urn:C> MINUS { VALUES ?wanted { 1 } ?s <urn:p> ?n FILTER (?n = ?wanted) }",
    "UNION": "{ VALUES ?wanted { 1 } ?s <urn:p> ?wanted } UNION { VALUES ?wanted { 1 } ?s <urn:q> ?wanted }",
    "nested group": "?s a <urn:C> { VALUES ?wanted { 1 } { ?s <urn:p> ?wanted } }",
    "sub-select": "{ SELECT ?s (COUNT(?n) AS ?m) WHERE { VALUES ?wanted { 1 } ?s <urn:p> ?n FILTER (?n >= ?wanted) }"
    " GROUP BY ?s }",
    "BIND": "VALUES ?wanted { 1 } ?s <urn:p> ?n BIND (?n + ?wanted AS ?sum)",
    "aggregate": "{ SELECT (COUNT(?s) AS ?count) WHERE { VALUES ?wanted { 1 } ?s <urn:p> ?wanted } }",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_nine_shapes_give_equal_rows_on_both_engines(shape: str) -> None:
    """A bound value reaches every place of a query, on rdflib as on Oxigraph; another value gives other rows."""
    query = catalogue.parse("t", f"#+ params: {{wanted: {{}}}}\nSELECT * WHERE {{ {SHAPES[shape]} }}\n")
    graph = Graph().parse(
        data="""<urn:a> a <urn:C> ; <urn:p> 1, 2 . <urn:b> a <urn:C> ; <urn:p> 2 ; <urn:q> 1 . <urn:c> a <urn:C> ;
        <urn:p> 1 ; <urn:q> 2 . <urn:d> a <urn:C> ; <urn:p> 2 .""",
        format="turtle",
    )
    store = engines.oxigraph_store(graph)
    answers = []
    for values in ([Literal(1)], [Literal(2)], [Literal(1), Literal(2)]):
        bound = catalogue.bind(query, {"wanted": values})
        rows = engines.on_rdflib(graph, bound)
        assert rows == engines.on_oxigraph(store, bound)
        answers.append(rows)
    assert len({tuple(a) for a in answers}) == 3


PIECES = [
    '"', "'", '"""', "'''", "\\", "\n", "\r", "\t", "\0", "{", "}", "}}", ".", ";", "#", "<", ">", "?x", "$x", "VALUES ?x {", "}\n",
    "UNION", "OPTIONAL {", "FILTER(true)", "SERVICE <http://127.0.0.1/>", "DROP ALL", "; INSERT DATA { <urn:a> <urn:b> <urn:c> }",
    "^^<urn:t>", "@en", "\\u0022", "\\U00000022", "%22", "’", "“", "\u2028", "\u202e", "\ud7ff", "\ufffe", "𝄞", "é", "中", "a", "1", " ",
    "https://w3id.org/inforce/measure/", "gallium", "2025-11-15", "US", "-", "T00:00:00Z",
]  # fmt: skip


def hostile(count: int) -> list[str]:
    dice = random.Random(20251110)
    return ["".join(dice.choices(PIECES, k=dice.randint(1, 8))) for _ in range(count)]


def test_ten_thousand_hostile_strings_stay_strings() -> None:
    """A text is only ever the value of its block: the algebra keeps its shape, and the engine reads back that very text."""
    query = catalogue.parse(
        "t", '#+ params: {x: {}}\nSELECT ?x ?s WHERE { VALUES ?x { "a" } OPTIONAL { ?s <urn:p> ?x } }\n'
    )
    empty, shape = ox.Store(), catalogue.shape(query.sparql)
    for text in hostile(10_000):
        bound = catalogue.bind(query, {"x": [Literal(text)]})
        assert catalogue.shape(bound) == shape
        solutions = empty.query(bound)
        assert isinstance(solutions, ox.QuerySolutions)
        (row,) = list(solutions)
        assert row["x"] == ox.Literal(text)


@pytest.mark.parametrize("name", QUERIES)
def test_binding_keeps_the_shape_of_every_question(name: str) -> None:
    """With one, two or three terms a block the algebra is that of the file with its examples."""
    query = QUERIES[name]
    shape = catalogue.shape(query.sparql)
    for count in (1, 2, 3):
        terms = {p.name: [p.example] * count for p in query.parameters.values()}
        assert catalogue.shape(catalogue.bind(query, terms)) == shape


def test_ten_thousand_hostile_strings_on_every_parameter(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is refused by name, or stands for a term of the record, a day, a moment, a number or a code – nothing else."""
    strings = hostile(10_000)
    monkeypatch.setattr(Names, "nearest", lambda *_: [])  # suggestions are slow to find and not the matter here
    for query in QUERIES.values():
        for parameter in query.parameters.values():
            for text in strings:
                try:
                    term = catalogue._term(parameter, text, service.names)
                except ParameterError as error:
                    assert error.name == parameter.name
                    continue
                if parameter.type == "iri":
                    assert str(term) in service.names.of(parameter.of)
                elif parameter.name == "text":
                    assert term == Literal(text)
                else:
                    assert re.fullmatch(r"[0-9TZ:.+-]*", str(term))


@pytest.mark.parametrize("text", ["urn:a b", "urn:a>", "urn:a\\u003e", "no iri", "", "urn:<", 'urn:"', "urn:\n"])
def test_what_is_no_iri_is_refused(text: str) -> None:
    with pytest.raises(InforceError, match="is no IRI"):
        catalogue.serialise(URIRef(text))


REFUSED = [
    ({"knwonOn": ["2025-11-15"]}, "knwonOn", "knownOn"),
    ({"on": ["15.11.2025"]}, "on", "2025-11-15"),
    ({"on": ["2025-02-30"]}, "on", "a day"),
    ({"on": ["2025-11-15", "2025-11-16"]}, "on", "one value"),
    ({"on": ["2025-11-15"], "at": ["2025-11-15T00:00:00Z"]}, "on", "not both"),
    ({"at": ["2025-11-15T00:00:00"]}, "at", "UTC offset"),
    ({"material": ["galium"]}, "material", "gallium"),
    ({"destination": ["USSR"]}, "destination", "country"),
    ({"hs": ["81x"]}, "hs", "text such as"),
    ({"status": ["in-force"]}, "status", "inForce"),
]


@pytest.mark.parametrize(("given", "name", "told"), REFUSED)
def test_bad_input_is_named_with_what_was_expected(
    given: dict[str, list[str]], name: str, told: str, service: Service
) -> None:
    with pytest.raises(ParameterError) as error:
        service.ask("in-force", given, TODAY)
    assert error.value.name == name
    assert told in str(error.value)


@pytest.mark.parametrize("given", ["US", "us", "Us", "https://w3id.org/inforce/country/us"])
def test_names_are_found_in_any_case(given: str, service: Service) -> None:
    answer = service.ask("in-force", {"destination": [given], "on": ["2025-11-15"]}, TODAY)
    assert answer.document()["parameters"]["destination"] == ["https://w3id.org/inforce/country/us"]


def test_a_material_covers_what_is_narrower(service: Service) -> None:
    def found(material: str) -> set[str]:
        rows = service.ask("in-force", {k: [v] for k, v in DAYS.items()} | {"material": [material]}, TODAY).rows
        return {r["measure"].rsplit("/", 1)[-1] for r in rows}

    assert "cn-seven-rare-earths-licensing" in found("rare-earth")
    assert "cn-seven-rare-earths-licensing" in found("dysprosium")
    assert "cn-seven-rare-earths-licensing" not in found("gallium")
    assert "cn-us-military-dual-use-ban" in found("gallium"), "found by the scope: all dual-use items"


@pytest.mark.parametrize("hs", ["81", "8112", "811292", "8112929010"])
def test_hs_codes_match_along_the_hierarchy(hs: str, service: Service) -> None:
    rows = service.ask("in-force", {k: [v] for k, v in DAYS.items()} | {"hs": [hs]}, TODAY).rows
    assert "https://w3id.org/inforce/measure/cn-gallium-licensing" in {r["measure"] for r in rows}


def test_beyond_coverage_is_said(service: Service) -> None:
    covered = date.fromisoformat(service.manifest["coveredThrough"]["CN"])
    within = service.ask("in-force", {"on": [covered.isoformat()], "knownOn": [covered.isoformat()]}, TODAY)
    assert not within.notices
    assert any("not in the record" in n for n in service.ask("in-force", {}, TODAY).notices)


def test_an_announcement_is_told_beside_the_law(service: Service) -> None:
    """The prolongation announced in September 2026 changes no status and is told from that day on."""
    given = {"measure": ["cn-five-rare-earths-2025"], "on": ["2026-11-11"]}
    later = service.ask("status", given | {"knownOn": ["2026-10-08"]}, TODAY)
    assert later.rows[0]["status"] == "inForce"
    assert any(n.startswith("Announced, no legal act in the record") for n in later.notices)
    earlier = service.ask("status", given | {"knownOn": ["2026-09-01"]}, TODAY)
    assert not any(n.startswith("Announced") for n in earlier.notices)


def test_an_absent_parameter_takes_the_largest_group_inside_its_where() -> None:
    """In a sub-select a group of its own goes alone; a block directly in the WHERE of a sub-select takes it along."""
    query = catalogue.parse(
        "t",
        "#+ params: {a: {optional: true}, b: {optional: true}}\n"
        "SELECT ?s ?n WHERE { { SELECT ?s (COUNT(?v) AS ?n) WHERE { ?s <urn:p> ?v { VALUES ?a { 1 } ?s <urn:p> ?a } } GROUP BY ?s }"
        " { SELECT ?s WHERE { VALUES ?b { 2 } ?s <urn:q> ?b } } }\n",
    )
    counted = "{ SELECT ?s (COUNT(?v) AS ?n) WHERE { ?s <urn:p> ?v  } GROUP BY ?s }"
    assert catalogue.bind(query, {}) == f"SELECT ?s ?n WHERE {{ {counted}  }}\n"
    given = catalogue.bind(query, {"b": [Literal(3)]})
    assert counted in given
    assert re.search(r"VALUES \?b \{ .*3.* \} \?s <urn:q> \?b", given)


def test_one_day_follows_another_unless_given(service: Service) -> None:
    """Compared against nothing in particular, a state is compared against itself."""
    terms, _ = service.bound("diff", {"on": ["2025-11-15"], "knownOn": ["2025-11-16"]}, TODAY)
    assert [str(terms[n][0]) for n in ("againstOn", "againstKnownOn")] == ["2025-11-15", "2025-11-16"]


@pytest.mark.parametrize("folder", ["queries", "cookbook", "tables"])
def test_what_is_told_of_a_query_is_what_rdflib_reads_in_it(folder: str) -> None:
    """Its form, its variables, by which it orders its rows, and whether each is there once."""
    told, read = {}, {}
    for name, query in catalogue.read(root() / folder).items():
        told[name] = (query.form, query.variables, query.order, query.distinct)
        algebra = prepareQuery(query.sparql).algebra
        parts = {node.name: node for node in _layers(algebra)}
        orders = parts["OrderBy"].expr if "OrderBy" in parts else ()
        by = tuple(str(v) for condition in orders for v in _variables(condition.expr))
        variables = tuple(map(str, algebra.PV)) if algebra.name == "SelectQuery" else ()
        read[name] = (algebra.name.removesuffix("Query").upper(), variables, by, "Distinct" in parts)
    assert told == read
    assert any(order for _, _, order, _ in told.values())


def _layers(node: Any) -> Iterator[Any]:
    """The algebra of a query from outside to what is under its own projection: its order, if it has one."""
    while node.name != "Project" and "p" in node:
        yield node
        node = node.p
    yield node
    yield node.get("p", node)


def _variables(expression: Any) -> list[Variable]:
    if isinstance(expression, Variable):
        return [expression]
    return [v for part in expression.values() for v in _variables(part)] if isinstance(expression, CompValue) else []


BROKEN = {
    "no YAML": "#+ summary: a: b\nSELECT * WHERE { ?s ?p ?o }",
    "no SPARQL": "SELECT WHERE",
    "VALUES block": "#+ params: {y: {}}\nSELECT * WHERE { VALUES ?x { 1 } ?s ?p ?x }",
    "exactly one example": "#+ params: {x: {}}\nSELECT * WHERE { VALUES ?x { 1 2 } ?s ?p ?x }",
    "different examples": "#+ params: {x: {}}\nSELECT * WHERE { VALUES ?x { 1 } { VALUES ?x { 2 } ?s ?p ?x } }",
    "a group of its own": "#+ params: {x: {optional: true}}\nSELECT * WHERE { VALUES ?x { 1 } ?s ?p ?x }",
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_faulty_catalogue_file_is_refused(fault: str) -> None:
    with pytest.raises(InforceError, match=fault):
        catalogue.parse("broken", BROKEN[fault])


def test_a_moment_may_have_lost_its_plus_sign(service: Service) -> None:
    parameter = QUERIES["in-force"].parameters["at"]
    term = catalogue._term(parameter, "2025-11-10T12:30:00 08:00", service.names)
    assert (str(term), term.datatype) == ("2025-11-10T04:30:00Z", XSD.dateTime)
