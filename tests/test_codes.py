"""The tree of customs codes: every code in use is in it, nothing else is, and its labels are our own."""

import csv
import re
from pathlib import Path

import pytest
from rdflib import RDF, SKOS, Graph, URIRef
from rdflib.term import Node

from inforce.model import BASE
from inforce.turtle import INF

HS = BASE + "hs/"


@pytest.fixture(scope="module")
def graph(authored: Graph) -> Graph:
    return authored


@pytest.fixture(scope="module")
def used(graph: Graph) -> set[str]:
    """The names of the codes of all items and materials; a national line is one of the side that imposes the measure."""
    names = set()
    for subject, digits in graph.subject_objects(INF.hsCode):
        sides = {
            str(s).rpartition("/")[2]
            for m in graph.subjects(INF.item, subject)
            for s in graph.objects(m, INF.imposedBy)
        }
        names |= {HS + str(digits)} if len(str(digits)) <= 6 else {f"{HS}{side}/{digits}" for side in sides}
        assert len(str(digits)) <= 6 or sides, f"{subject}: a national line belongs to an item of a measure"
    return names


def codes(graph: Graph) -> set[str]:
    return {str(c) for c in graph.subjects(RDF.type, INF.CommodityCode)}


def test_every_code_in_use_has_its_concept(graph: Graph, used: set[str]) -> None:
    missing = used - codes(graph)
    assert not missing, f"data/reference/codes.ttl lacks {', '.join(sorted(missing))}"


def test_every_concept_is_in_use_or_above_one(graph: Graph, used: set[str]) -> None:
    above = {str(c) for name in used for c in graph.transitive_objects(URIRef(name), SKOS.broader)}
    assert codes(graph) - above == set()


def test_every_code_leads_up_to_its_chapter_by_all_levels(graph: Graph) -> None:
    for name in codes(graph):
        way = [str(graph.value(c, SKOS.notation)) for c in graph.transitive_objects(URIRef(name), SKOS.broader)]
        digits = way[0]
        levels = [digits[:n] for n in (6, 4, 2) if n < len(digits)]
        assert [d for d in way[1:] if len(d) <= 6] == levels, name


def labels(graph: Graph, code: Node) -> dict[str, str]:
    return {o.language: str(o) for o in graph.objects(code, SKOS.prefLabel)}


def test_labels_are_short(graph: Graph) -> None:
    for name in codes(graph):
        found = labels(graph, URIRef(name))
        assert set(found) == {"en", "zh"}, name
        assert len(found["en"]) <= 64 and len(found["zh"]) <= 32, name


@pytest.fixture(scope="module")
def nomenclature(shared: Path) -> dict[str, str]:
    """The codes of HS 2022 and their wording, which is not ours to give away."""
    with (shared / "reference" / "harmonized-system.csv").open(newline="", encoding="utf-8") as file:
        return {row["hscode"]: row["description"] for row in csv.DictReader(file)}


def test_codes_stand_in_the_harmonized_system_or_say_that_they_do_not(
    graph: Graph, nomenclature: dict[str, str]
) -> None:
    for name in codes(graph):
        digits = str(graph.value(URIRef(name), SKOS.notation))
        if len(digits) <= 6:
            explained = graph.value(URIRef(name), SKOS.editorialNote) is not None
            assert (digits in nomenclature) != explained, name


def test_labels_are_not_the_wording_of_the_nomenclature(graph: Graph, nomenclature: dict[str, str]) -> None:
    def words(text: str) -> str:
        return " ".join(re.findall(r"[a-z0-9]+", text.lower()))

    wording = {words(text) for text in nomenclature.values() if len(words(text).split()) > 1}
    taken = [name for name in codes(graph) if words(labels(graph, URIRef(name))["en"]) in wording]
    assert taken == []
