"""The made-up record for measuring growth: it is taken like the real one, and says what its description promises."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from rdflib import Graph, URIRef

from conftest import TESTS
from inforce import checks
from inforce.model import BASE, EffectType, Status, day_of
from inforce.record import Record, load, root
from inforce.turtle import INF

ANSWER, MEASURES = 10, 120


def written(folder: Path, *options: str) -> Path:
    """A record as the command writes it."""
    program = TESTS.parent / "benchmarks" / "synthetic.py"
    given = ["--measures", str(MEASURES), "--answer", str(ANSWER), "--per-act", "2", "--periods", "2", *options]
    subprocess.run([sys.executable, program, *given, folder], check=True, capture_output=True)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("synthetic"))


@pytest.fixture(scope="module")
def synthetic(folder: Path) -> Record:
    return load(folder)


def test_acts_are_valid_and_canonical(folder: Path) -> None:
    assert checks.check(folder, [*(folder / "data").rglob("*synthetic*.ttl")]) == []


def test_the_same_options_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    first = content(folder)
    assert content(written(tmp_path / "again")) == first
    assert content(written(tmp_path / "other", "--seed", "2")) != first


def test_nothing_else_differs_from_the_real_record(folder: Path) -> None:
    real = content(root())
    for name, text in content(folder).items():
        assert "synthetic" in name or real[name] == text


def test_measures_are_as_many_as_asked(synthetic: Record) -> None:
    assert len(synthetic.measures) == MEASURES
    assert all(name.startswith(f"{BASE}measure/") and "-synthetic-" in name for name in synthetic.measures)


def test_stories_have_all_types_of_effects_and_many_spans(synthetic: Record) -> None:
    assert {e.type for e in synthetic.effects.values()} >= {
        EffectType.ESTABLISH,
        EffectType.SUSPEND,
        EffectType.EXTEND_SUSPENSION,
        EffectType.RESUME,
        EffectType.EXTEND,
        EffectType.AMEND,
        EffectType.REVOKE,
    }
    assert 4 * MEASURES < len(synthetic.spans) < 20 * MEASURES


@pytest.mark.parametrize(
    ("on", "known"), [("2021-01-01", "2021-01-01"), ("2023-05-05", "2021-06-01"), ("2026-10-01",) * 2]
)
def test_a_rare_material_has_a_fixed_answer(folder: Path, synthetic: Record, on: str, known: str) -> None:
    day, as_known = date.fromisoformat(on), date.fromisoformat(known)
    holding = {
        span.measure
        for span in synthetic.spans
        if span.state.status is Status.IN_FORCE
        and span.known_from <= as_known
        and (span.known_until is None or as_known < span.known_until)
        and (span.start is None or day_of(span.start, synthetic.zone(span.measure)) <= day)
        and (span.end is None or day < day_of(span.end, synthetic.zone(span.measure)))
    }
    authored = Graph()
    for file in (folder / "data").rglob("*-synthetic-*.ttl"):
        authored.parse(file)
    rare = {
        str(measure)
        for item in authored.subjects(INF.material, URIRef(f"{BASE}material/synthetic-rare-1"))
        for measure in authored.subjects(INF.item, item)
    }
    assert len(rare) == ANSWER
    assert rare <= holding
    assert len(holding) < MEASURES
