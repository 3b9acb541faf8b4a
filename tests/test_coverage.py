"""docs/coverage.md is that of the record, and everything in the fact sheets is in the record or left out with a reason."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from rdflib import RDF, Graph, URIRef

from conftest import TESTS
from inforce.model import BASE
from inforce.record import Record
from inforce.turtle import ELI, INF

# What a sheet says of an instrument and its file does not hold, with the reason.
ELSEWHERE = {
    ("us-ustr-2024-89fr46948", "9903.88.70"): "the 14 solar exclusions are established by 89 FR 76581, which has the heading",
    ("us-ustr-2025-90fr48320", "9903.91.15"): "a carve-out, not a heading of the duty: kept in the note of the item",
    ("us-ustr-2025-90fr48320", "9903.91.16"): "a carve-out, not a heading of the duty: kept in the note of the item",
    ("cn-sctc-2018-5", "energy-product"): "list 2 was a draft without a day; the list in force is that of No. 7, which has it",
    ("cn-sctc-2018-5", "medical-good"): "list 2 was a draft without a day; the list in force is that of No. 7, which has it",
    ("cn-sctc-2018-6", "liquefied-natural-gas"): "No. 6 names no day; the duties are established by No. 8, which has it",
    ("cn-sctc-2018-6", "lumber"): "No. 6 names no day; the duties are established by No. 8, which has it",
    ("cn-sctc-2018-6", "rare-earth"): "No. 6 names no day; the duties are established by No. 8, which has it",
    ("cn-sctc-2018-6", "rare-earth-ore"): "No. 6 names no day; the duties are established by No. 8, which has it",
    ("cn-sctc-2019-4", "all-goods"): "the annexes are lists of goods, not all goods: their length is a scope note of the measure",
}  # fmt: skip
_CONTROL_CODE = r"\b[0-9][A-E][0-9]{3}(?:\.[a-z0-9]+)*(?:-[a-z0-9]+)?"
_TARIFF_HEADING = r"\b[0-9]{4}\.[0-9]{2}(?:\.[0-9]{2})?"
Sheets = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def page() -> ModuleType:
    """docs/make_coverage.py"""
    file = TESTS.parent / "docs" / "make_coverage.py"
    spec = importlib.util.spec_from_file_location("make_coverage", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sheets(shared: Path) -> Sheets:
    """The entries of each instrument; one can stand in two sheets."""
    found: Sheets = {}
    for file in sorted((shared / "facts").glob("*.yaml")):
        for instrument in yaml.safe_load(file.read_text(encoding="utf-8")).get("instruments", []):
            found.setdefault(instrument["id"], []).append(instrument)
    return found


def test_page_is_that_of_the_record(page: ModuleType, record: Record, graphs: dict[str, Graph]) -> None:
    wanted = page.text(record, graphs, page.listed())
    assert page.PAGE.read_text(encoding="utf-8") == wanted, "docs/coverage.md: run python docs/make_coverage.py"


def test_list_is_that_of_the_sheets(page: ModuleType, shared: Path) -> None:
    assert page.listed() == page.instruments(shared / "facts"), "docs/coverage-sheets.csv: run docs/make_coverage.py"


def slugs(authored: Graph, cls: URIRef) -> set[str]:
    return {str(s).rpartition("/")[2] for s in authored.subjects(RDF.type, cls)}


def test_every_instrument_listed_is_an_act_or_reviewed(page: ModuleType, authored: Graph) -> None:
    """The same as below, with the list that is kept here: for those who have no sheets."""
    known = {instrument for _, instrument in page.listed()}
    assert known - slugs(authored, INF.Instrument) - slugs(authored, INF.Reviewed) == set()


def test_every_instrument_of_the_sheets_is_an_act_or_reviewed(sheets: Sheets, authored: Graph) -> None:
    assert set(sheets) - slugs(authored, INF.Instrument) - slugs(authored, INF.Reviewed) == set()


def test_nothing_is_both_an_act_and_left_out(authored: Graph) -> None:
    assert slugs(authored, INF.Instrument) & slugs(authored, INF.Reviewed) == set()


def items(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    measures = [p["measure"] for entry in entries for p in entry["provisions"] if p.get("measure")]
    return [item for measure in measures for item in measure.get("items") or []]


def not_carried(
    sheets: Sheets,
    graphs: dict[str, Graph],
    said: Callable[[dict[str, Any]], list[str]],
    kept: Callable[[Graph], set[str]],
) -> set[tuple[str, str]]:
    """What items of the sheets say and the file of the act does not."""
    lost = set()
    for instrument in sheets.keys() & {name.removeprefix(f"{BASE}graph/") for name in graphs}:
        here = kept(graphs[f"{BASE}graph/{instrument}"])
        wanted = {value for item in items(sheets[instrument]) for value in said(item)}
        lost |= {(instrument, value) for value in wanted - here}
    return lost


def codes_kept(act: Graph) -> set[str]:
    return {str(o) for p in (INF.hsCode, INF.controlCode, INF.tariffHeading) for o in act.objects(None, p)}


def test_every_code_of_the_sheets_is_carried(sheets: Sheets, graphs: dict[str, Graph]) -> None:
    def said(item: dict[str, Any]) -> list[str]:
        text = re.sub(
            r"(\b[0-9]{4}\.[0-9]{2})\.([0-9]{2})/\.([0-9]{2})", r"\1.\2, \1.\3", item.get("control_code") or ""
        )
        return [*(item.get("hs") or []), *re.findall(f"{_CONTROL_CODE}|{_TARIFF_HEADING}", text)]

    lost = not_carried(sheets, graphs, said, codes_kept)
    assert lost == {key for key in ELSEWHERE if re.search(r"[0-9]{4}\.", key[1])}


def test_every_material_of_the_sheets_is_carried(sheets: Sheets, graphs: dict[str, Graph], shared: Path) -> None:
    vocabulary = yaml.safe_load((shared / "facts" / "vocabulary.yaml").read_text(encoding="utf-8"))
    ids: dict[str, list[str]] = vocabulary["crosswalk"]["materials"]

    def kept(act: Graph) -> set[str]:
        return {str(o).rpartition("/")[2] for o in act.objects(None, INF.material)}

    lost = not_carried(sheets, graphs, lambda item: ids[item["material"]], kept)
    assert lost == {key for key in ELSEWHERE if not re.search(r"[0-9]{4}\.", key[1])}


def test_every_issuer_with_acts_of_several_years_has_a_coverage(authored: Graph) -> None:
    graph = authored
    years: dict[str, set[str]] = {}
    for act in graph.subjects(RDF.type, INF.Instrument):
        for issuer in graph.objects(act, ELI.passed_by):
            years.setdefault(str(issuer), set()).add(str(graph.value(act, INF.madePublic))[:4])
    searched = {str(o) for o in graph.objects(None, INF.issuer)}
    assert {issuer for issuer, found in years.items() if len(found) > 1} <= searched
