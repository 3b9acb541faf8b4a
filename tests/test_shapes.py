"""Each rule of shapes/ and checks.py has a file that keeps it and files that break it, and it alone.

tests/shapes/<rule>/ holds them; each is put into a small record of reference data and one earlier act. A file with the
prefix `this:` stands for an act, any other for reference data.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pyshacl
import pytest
from rdflib import RDF, SH, BNode, Graph, URIRef

from inforce import rules as rules_of_files
from inforce import shapes
from inforce.checks import check, format_file, rules
from inforce.model import InforceError
from inforce.rules import FILE_RULES, Problem, TurtleSyntaxError
from inforce.shapes import SHAPE

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "tests" / "shapes"
RULES = rules(ROOT)
PASSING = sorted(FIXTURES.glob("*/pass*.ttl"))
FAILING = sorted(FIXTURES.glob("*/fail*.ttl"))
SHAPES = {path: Graph().parse(path) for path in sorted((ROOT / "shapes").glob("*.ttl"))}
ALL_SHAPES = sum(SHAPES.values(), Graph())
PARSE = cache(rules_of_files.parse)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record of reference data and the act us-example-2024-1; what all tests share is parsed once."""
    monkeypatch.setattr(shapes, "read", lambda root: ALL_SHAPES)
    monkeypatch.setattr(rules_of_files, "parse", PARSE)
    put(tmp_path, FIXTURES / "reference.ttl")
    put(tmp_path, FIXTURES / "us-example-2024-1.ttl")
    return tmp_path


def put(record: Path, fixture: Path) -> Path:
    """A copy of the fixture where its act, or reference data, belongs."""
    content = fixture.read_bytes()
    act = re.search(rb"@prefix this: <https://w3id\.org/inforce/instrument/((..)-[^#]+)#>", content)
    name = f"data/{act[2].decode()}/{act[1].decode()}.ttl" if act else f"data/reference/{fixture.stem}.ttl"
    copy = record / name
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(content)
    return copy


def name(path: Path) -> str:
    return path.relative_to(FIXTURES).with_suffix("").as_posix()


@pytest.mark.parametrize("fixture", PASSING, ids=name)
def test_passes(record: Path, fixture: Path) -> None:
    assert [str(p) for p in check(record, [put(record, fixture)])] == []


@pytest.mark.parametrize("fixture", FAILING, ids=name)
def test_breaks_its_rule_and_no_other(record: Path, fixture: Path) -> None:
    problems = check(record, [put(record, fixture)])
    assert {p.rule for p in problems} == {fixture.parent.name}, "\n".join(map(str, problems))
    assert {p.message for p in problems} == {RULES[fixture.parent.name]}


def test_every_rule_has_files_that_keep_and_break_it() -> None:
    assert {p.parent.name for p in PASSING} == set(RULES)
    assert {p.parent.name for p in FAILING} == set(RULES)
    assert {p.name for p in FIXTURES.iterdir() if p.is_dir()} == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_sentence(rule: str) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule)
    assert re.fullmatch(r"[A-Z].*[^.]\.", RULES[rule])
    assert not re.search(r"[.!?] [A-Z]", RULES[rule])


@pytest.mark.parametrize("path", SHAPES, ids=lambda path: path.stem)
def test_shape_file(path: Path) -> None:
    graph = SHAPES[path]
    targets = (SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf)
    with_target = {s for predicate in targets for s in graph.subjects(predicate)}
    with_type = {s for cls in (SH.NodeShape, SH.PropertyShape) for s in graph.subjects(RDF.type, cls)}
    with_message = set(graph.subjects(SH.message))
    assert with_target == with_type == with_message
    for shape in with_target:
        assert isinstance(shape, URIRef)
        assert shape.startswith(SHAPE)
        assert len(list(graph.objects(shape, SH.message))) == 1
        assert graph.value(shape, SH.severity) in (SH.Violation, SH.Warning)
        assert ((shape, SH.path, None) in graph) == ((shape, RDF.type, SH.PropertyShape) in graph)
    assert {type(s) for s in graph.subjects()} <= {URIRef, BNode}


def test_shapes_are_well_formed() -> None:
    shapes_of_shapes = "http://www.w3.org/ns/shacl-shacl"  # pySHACL brings it along
    conforms, _, text = pyshacl.validate(ALL_SHAPES, shacl_graph=shapes_of_shapes, max_validation_depth=60)
    assert conforms, text


def test_no_rule_stands_twice() -> None:
    named = [s for graph in SHAPES.values() for s in graph.subjects(SH.message)]
    assert len(named) == len(set(named))
    assert not {str(s).removeprefix(SHAPE) for s in named} & set(FILE_RULES)


def problems_of(record: Path, fixture: str) -> list[Problem]:
    """What the check says with this fixture in the record."""
    put(record, FIXTURES / f"{fixture}.ttl")
    return check(record)


@pytest.mark.parametrize(
    ("fixture", "line", "subject", "value"),
    [
        ("act-title-en/fail-missing", 16, "instrument:us-example-2025-1", ""),
        ("act-properties/fail", 25, "instrument:us-example-2025-1", "inf:pubished"),
        ("act-type/fail-two", 18, "instrument:us-example-2025-1", "doctype:law"),
        ("effect-rate/fail-integer", 36, "this:art-1-establish", "25"),
        ("effect-target/fail-unknown-act", 48, "this:art-2-suspend", "instrument:us-example-2023-1"),
        ("extension-start/fail", 50, "this:art-2-extend", "2025-06-30"),
        ("known-class/fail-two", 53, "this:germanium", ""),
        ("web-address/fail", 55, "this:source-1", "https://example.org/1"),
        ("cas-check-digit/fail", 51, "this:gallium", "7440-55-4"),
        ("canonical-form/fail-comment", 52, "", ""),
    ],
)
def test_place_in_an_act(record: Path, fixture: str, line: int, subject: str, value: str) -> None:
    problems = problems_of(record, fixture)
    assert (line, subject, value) in [(p.line, p.subject, p.value) for p in problems], problems


@pytest.mark.parametrize("rule", ["concept-no-circle", "notation-unique"])
def test_rule_of_a_scheme_names_the_concept(record: Path, rule: str) -> None:
    places = [(p.file, p.line, p.subject) for p in problems_of(record, f"{rule}/fail")]
    assert ("data/reference/fail.ttl", 6, "material:germanium") in places


@pytest.mark.parametrize(
    ("fixture", "line", "value"),
    [
        ("fail", 37, "column 5: expected '.' or '}' or ']' at end of statement"),
        ("fail-prefix", 36, 'column 5: Prefix "prov:" not bound'),
        ("fail-string", 17, "column 39: newline found in string literal"),
        ("fail-cut", 54, "column 1: the file ends inside a string"),
    ],
)
def test_place_of_bad_syntax(record: Path, fixture: str, line: int, value: str) -> None:
    (problem,) = problems_of(record, f"turtle-syntax/{fixture}")
    assert (problem.line, problem.value) == (line, value)


def test_bytes_that_are_no_text(record: Path) -> None:
    path = put(record, FIXTURES / "act-title-en/pass.ttl")
    path.write_bytes(path.read_bytes() + b"# \xff\n")
    (problem,) = check(record)
    assert (problem.rule, problem.line) == ("turtle-syntax", 55)


@pytest.mark.parametrize(
    ("fixture", "text"),
    [
        (
            "effect-target/fail-unknown-act",
            "data/us/us-example-2025-1.ttl:48: effect-target: An effect has at least one target, and each is a measure, "
            "a clause or an act of the record (this:art-2-suspend, value instrument:us-example-2023-1)",
        ),
        (
            "act-title-en/fail-missing",
            "data/us/us-example-2025-1.ttl:16: act-title-en: An act has a title in English (instrument:us-example-2025-1)",
        ),
        (
            "canonical-form/fail",
            "data/us/us-example-2025-1.ttl:17: canonical-form: A file is in canonical form, as `inforce format` writes it.",
        ),
        (
            "act-title-zh/fail",
            "data/cn/cn-example-2025-1.ttl:16: warning: act-title-zh: A Chinese act has its title in Chinese "
            "(instrument:cn-example-2025-1)",
        ),
    ],
)
def test_problem_as_text(record: Path, fixture: str, text: str) -> None:
    assert [str(p) for p in problems_of(record, fixture)] == [text]


@pytest.mark.parametrize("fixture", ["doubt-explained/fail", "act-title-zh/fail"])
def test_doubt_and_a_missing_chinese_title_are_warnings(record: Path, fixture: str) -> None:
    assert [p.warning for p in problems_of(record, fixture)] == [True]


def test_act_in_a_file_of_another_name(record: Path) -> None:
    path = put(record, FIXTURES / "act-file/pass.ttl")
    path.rename(path.with_stem("us-example-2025-2"))
    assert {p.rule for p in check(record)} == {"act-file"}


def test_act_in_the_folder_of_another_jurisdiction(record: Path) -> None:
    path = put(record, FIXTURES / "act-file/pass.ttl")
    (record / "data/cn").mkdir()
    path.rename(record / "data/cn" / path.name)
    assert {p.rule for p in check(record)} == {"act-file"}


@pytest.mark.parametrize(
    "rule",
    [
        "act-title-zh",
        "canonical-form",
        "concept-no-circle",
        "effect-from",
        "establish-target",
        "extension-start",
        "measure-home",
        "moment-zone",
        "source-used",
        "text-trimmed",
        "window-order",
    ],
)
def test_only_some_files(record: Path, rule: str) -> None:
    """What is said of one file alone is what is said of it among all."""
    copy = put(record, FIXTURES / rule / "fail.ttl")
    everything = check(record)
    assert check(record, [copy]) == [p for p in everything if p.file == copy.relative_to(record).as_posix()] != []
    assert check(record, [record / "data/us/us-example-2024-1.ttl"]) == check(record, []) == []


def test_small_record_without_a_fixture(record: Path) -> None:
    assert check(record) == []


def test_only_a_file_of_the_record(record: Path) -> None:
    with pytest.raises(InforceError, match="no file of the record"):
        check(record, [FIXTURES / "reference.ttl"])


def test_no_shapes(tmp_path: Path) -> None:
    with pytest.raises(InforceError, match="no shapes"):
        check(tmp_path)


def test_format(record: Path) -> None:
    broken = [p for p in FAILING if p.parent.name == "canonical-form"]
    for fixture in broken:
        path = put(record, fixture)
        assert format_file(path)
        assert path.read_bytes() == (FIXTURES / "canonical-form/pass.ttl").read_bytes()
        assert not format_file(path)


def test_format_reference_data(record: Path) -> None:
    path = record / "data/reference/reference.ttl"
    formatted = path.read_bytes()
    path.write_bytes(formatted.replace(b" ;\n    skos", b" ; skos"))
    assert format_file(path)
    assert path.read_bytes() == formatted


def test_format_leaves_what_it_cannot_write(record: Path) -> None:
    for rule, error in [
        ("turtle-syntax", TurtleSyntaxError),
        ("no-blank-nodes", InforceError),
        ("valid-iri", InforceError),
    ]:
        path = put(record, FIXTURES / rule / "fail.ttl")
        with pytest.raises(error):
            format_file(path)
        assert path.read_bytes() == (FIXTURES / rule / "fail.ttl").read_bytes()
