"""A check that remembers what it found says what a check that begins anew says, and looks only at what it must.

What it says of shapes is held against the whole record in one graph, asked at once.
"""

import random
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rdflib import SH, Graph, URIRef
from rdflib.term import Node

from inforce import checks, rules, shapes
from inforce.checks import check
from inforce.model import InforceError
from inforce.rules import FILE_RULES, File, Part, Problem
from test_shapes import ALL_SHAPES, FIXTURES, PARSE, put

ADDED = sorted(FIXTURES.glob("*/*.ttl"))
WORD = re.compile(r"(?<=[ ,])((?:inf|measure|this|country|material|instrument):)[\w-]+")


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Reference data and two acts, of which the later one extends what the earlier one does."""
    monkeypatch.setattr(shapes, "read", lambda root: ALL_SHAPES)
    monkeypatch.setattr(rules, "parse", PARSE)
    for fixture in ("reference", "us-example-2024-1", "extension-of-suspension/pass"):
        put(tmp_path / "record", FIXTURES / f"{fixture}.ttl")
    return tmp_path / "record"


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are looked at, as it happens."""
    names: list[str] = []
    of_parts = rules.of_parts

    def look(root: Path, graph: Graph, classes: Sequence[rules.Fact], parts: Sequence[Part]) -> list[list[Problem]]:
        names.extend(part.name for part in parts)
        return of_parts(root, graph, classes, parts)

    monkeypatch.setattr(checks, "of_parts", look)
    return names


def files(record: Path) -> list[Path]:
    return sorted(record.glob("data/*/*.ttl"))


def in_one_graph(record: Path) -> set[Problem]:
    """What breaks the shapes, with the whole record in one graph."""
    read = [File(path, path.relative_to(record).as_posix(), path.read_bytes()) for path in files(record)]
    data = Graph(bind_namespaces="none")
    homes: dict[Node, list[File]] = {}
    for file in read:
        data += file.graph
        for subject in file.subjects:
            homes.setdefault(subject, []).append(file)
    found = set()
    for result in shapes.validated(data, ALL_SHAPES):
        if result.component == SH.SPARQLConstraintComponent and result.value in homes:
            result = replace(result, subject=result.value, value=None)
        found.add(rules.placed(result, homes[result.subject], data))
    return found


def add(file: Path, chance: random.Random) -> None:
    """A fixture as one of a few acts, or among the reference data."""
    fixture = chance.choice(ADDED)
    copy = put(file.parents[2], fixture)
    number = chance.randint(1, 4)
    copy.write_bytes(copy.read_bytes().replace(b"example-2025-1", b"example-2025-%d" % number))
    copy.rename(copy.with_name(copy.name.replace("2025-1", f"2025-{number}")))


def delete(file: Path, chance: random.Random) -> None:
    file.unlink()


def leave_out_a_thing(file: Path, chance: random.Random) -> None:
    first, *things = file.read_text().split("\n\n")
    if things:
        things.remove(chance.choice(things))
    file.write_text("\n\n".join([first, *things]))


def leave_out_a_line(file: Path, chance: random.Random) -> None:
    lines = file.read_text().split("\n")
    inner = [line for line in lines if line.startswith("    ") and line.endswith(" ;")]
    if inner:
        lines.remove(chance.choice(inner))
    file.write_text("\n".join(lines))


def change_a_word(file: Path, chance: random.Random) -> None:
    text = file.read_text()
    if not (words := [*WORD.finditer(text)]):
        return
    found = chance.choice(words)
    others = [m[0] for each in files(file.parents[2]) for m in WORD.finditer(each.read_text()) if m[1] == found[1]]
    file.write_text(text[: found.start()] + chance.choice(others) + text[found.end() :])


def repeat_a_thing(file: Path, chance: random.Random) -> None:
    """What another file says of a thing is said here as well."""
    other = chance.choice([each for each in files(file.parents[2]) if each != file] or [file]).read_text()
    this = re.search(r"@prefix this: <(.*?)>", other)
    thing = chance.choice(other.split("\n\n")[1:] or [""])
    if this:
        thing = re.sub(r"this:([\w-]+)", rf"<{this[1]}\1>", thing)
    prefixes = re.findall(r"@prefix (?!this:).*", other)
    file.write_text("\n".join([*prefixes, file.read_text(), "\n" + thing]))


EDITS = [add, add, delete, leave_out_a_thing, leave_out_a_line, change_a_word, change_a_word, repeat_a_thing]


@pytest.mark.parametrize("seed", range(2))
def test_after_any_changes_it_says_what_a_check_from_the_beginning_says(
    record: Path, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    said: set[str] = set()
    for number in range(14):
        before = {file: file.read_bytes() for file in files(record)}
        (add if number < 5 else chance.choice(EDITS))(chance.choice([*before]), chance)
        anew = check(record)
        assert check(record, kept=tmp_path / "kept") == anew
        if any(problem.rule == "turtle-syntax" for problem in anew):  # which hides all others
            for file in {*before, *files(record)}:
                file.write_bytes(before[file]) if file in before else file.unlink()
        else:
            assert {problem for problem in anew if problem.rule not in FILE_RULES} == in_one_graph(record)
            said |= {problem.rule for problem in anew}
    assert len(said) > 5, "the changes have to break something"


def test_nothing_is_looked_at_again(record: Path, tmp_path: Path, looked_at: list[str]) -> None:
    put(record, FIXTURES / "act-title-zh/fail.ttl")
    first = check(record, kept=tmp_path)
    assert first
    assert sorted(looked_at) == [file.relative_to(record).as_posix() for file in files(record)]
    looked_at.clear()
    assert check(record, kept=tmp_path) == first
    assert looked_at == []


def test_what_a_change_touches_is_looked_at_again(record: Path, tmp_path: Path, looked_at: list[str]) -> None:
    check(record, kept=tmp_path)
    looked_at.clear()
    early, late = record / "data/us/us-example-2024-1.ttl", record / "data/us/us-example-2025-1.ttl"
    early.write_text(early.read_text().replace('"Example notice"', '"Notice"'))
    assert check(record, kept=tmp_path) == []
    assert looked_at == ["data/us/us-example-2024-1.ttl"]
    looked_at.clear()
    # What is extended has another type: that is no matter of the file in which it stands.
    early.write_text(early.read_text().replace("inf:effectType inf:suspend", "inf:effectType inf:amend"))
    assert {(problem.file, problem.rule) for problem in check(record, kept=tmp_path)} == {
        (early.relative_to(record).as_posix(), "amend-terms"),
        (late.relative_to(record).as_posix(), "extension-of-suspension"),
    }
    assert sorted(looked_at) == [early.relative_to(record).as_posix(), late.relative_to(record).as_posix()]


def test_what_names_a_thing_from_another_file_counts(record: Path, tmp_path: Path) -> None:
    early, late = record / "data/us/us-example-2024-1.ttl", record / "data/us/us-example-2025-1.ttl"
    things = early.read_text().split("\n\n")
    (planned,) = (thing for thing in things if thing.startswith("measure:us-example-planned-duty"))
    things.remove(planned)
    early.write_text("\n\n".join(things))
    text = late.read_text().replace("\n\nthis:source-1 a", f"\n\n{planned}\n\nthis:source-1 a")
    late.write_text(text)
    assert late.read_text().count(planned) == 1
    rules_broken = {problem.rule for problem in check(record, kept=tmp_path)}
    assert "measure-established" not in rules_broken
    early.write_text(early.read_text().replace("inf:about measure:us-example-planned-duty", "inf:about this:art-5"))
    assert {problem.rule for problem in check(record, kept=tmp_path)} == rules_broken | {"measure-established"}


def test_other_shapes_or_another_program_find_everything_again(
    record: Path, tmp_path: Path, looked_at: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    check(record, kept=tmp_path)
    (record / "shapes").mkdir()
    (record / "shapes" / "more.ttl").write_text("")
    looked_at.clear()
    check(record, kept=tmp_path)
    assert len(looked_at) == 3
    monkeypatch.setattr(checks.build, "program", lambda: "another")
    looked_at.clear()
    check(record, kept=tmp_path)
    assert len(looked_at) == 3


def test_some_files_after_all_and_all_after_some(record: Path, tmp_path: Path) -> None:
    copy = put(record, FIXTURES / "measure-home/fail.ttl")
    some = check(record, [copy], kept=tmp_path)
    everything = check(record, kept=tmp_path)
    assert everything == check(record)
    assert some == [problem for problem in everything if problem.file == copy.relative_to(record).as_posix()] != []
    assert check(record, [copy], kept=tmp_path) == some


def test_several_processes_find_the_same(record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # other processes read the shapes for themselves
    (record / "shapes").symlink_to(Path(__file__).parents[1] / "shapes")
    for rule in ("act-title-en", "concept-broader", "effect-target", "turtle-syntax"):
        put(record, next((FIXTURES / rule).glob("fail*.ttl"))).rename(record / f"data/us/us-{rule}.ttl")
    syntax = check(record)
    monkeypatch.setattr(checks, "_TOGETHER", 1)
    monkeypatch.setattr(checks, "_PROCESSES", 2)
    monkeypatch.setattr(checks.os, "cpu_count", lambda: 2)
    assert check(record) == syntax
    assert {problem.rule for problem in syntax} == {"turtle-syntax"}
    (record / "data/us/us-turtle-syntax.ttl").unlink()
    several = check(record)
    monkeypatch.setattr(checks, "_PROCESSES", 1)
    assert several == check(record) != []


@pytest.mark.parametrize("broken", ["damaged", "used", "no folder"])
def test_without_a_memory_it_says_the_same(
    record: Path, tmp_path: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(record, FIXTURES / "act-title-zh/fail.ttl")
    wanted = check(record)
    kept, other = tmp_path / "kept", None
    if broken == "no folder":
        kept.write_text("")
    else:
        kept.mkdir()
    if broken == "damaged":
        (kept / checks.FILE).write_bytes(b"no database" * 1000)
    elif broken == "used":
        other = sqlite3.connect(kept / checks.FILE, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
    assert check(record, kept=kept) == wanted
    assert "is not used" in caplog.text
    if other:
        other.close()


def test_a_file_that_changes_meanwhile_is_no_part_of_what_is_kept(
    record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = record / "data/us/us-example-2025-1.ttl"
    of_schemes = rules.of_schemes

    def meanwhile(*given: Graph) -> list[shapes.Result]:
        file.write_text(file.read_text().replace("Example", "Another"))
        return of_schemes(*given)

    monkeypatch.setattr(checks, "of_schemes", meanwhile)
    with pytest.raises(InforceError, match=r"2025-1.*has changed while it was checked"):
        check(record, kept=tmp_path)


SHAPE = """
    @prefix inf: <https://w3id.org/inforce/ns#> .
    @prefix sh: <http://www.w3.org/ns/shacl#> .
    <https://w3id.org/inforce/shape/far> sh:targetClass inf:Effect ;
"""


@pytest.mark.parametrize(
    ("looks", "asked", "back"),
    [
        ("sh:path inf:from ; sh:minCount 1 .", [], []),
        ("sh:path ( inf:extends inf:from ) ; sh:minCount 1 .", ["from"], []),
        ("sh:path inf:extends ; sh:or ( [ sh:path inf:until ; sh:minCount 1 ] ) .", ["until"], []),
        ("sh:or ( [ sh:path inf:from ; sh:lessThan inf:until ] ) .", [], []),
        ("sh:path [ sh:inversePath inf:target ] ; sh:class inf:Effect .", [], ["target"]),
        ("sh:path ( [ sh:inversePath inf:target ] inf:rate ) ; sh:minCount 1 .", ["rate"], ["target"]),
        (
            'sh:sparql [ sh:prefixes [ sh:declare [ sh:prefix "inf" ; sh:namespace "https://w3id.org/inforce/ns#" ] ] ;'
            ' sh:select "SELECT $this { $this inf:extends/inf:until ?end }" ] .',
            ["extends", "until"],
            [],
        ),
    ],
)
def test_how_far_a_shape_looks(looks: str, asked: list[str], back: list[str]) -> None:
    reach = shapes.reach(Graph().parse(data=SHAPE + looks, format="turtle"))
    names = [sorted(str(n).partition("/ns#")[2] for n in part if "/ns#" in n) for part in (reach.asked, reach.back)]
    assert names == [asked, back]


@pytest.mark.parametrize(
    "looks",
    [
        "sh:path ( inf:extends inf:extends inf:from ) ; sh:minCount 1 .",
        "sh:path ( inf:extends inf:clause ) ; sh:class inf:Provision .",
        "sh:path ( inf:extends [ sh:inversePath inf:target ] ) ; sh:minCount 1 .",
        "sh:path [ sh:zeroOrMorePath inf:extends ] ; sh:minCount 1 .",
        "sh:path inf:extends ; sh:node [ sh:closed true ] .",
    ],
)
def test_no_shape_looks_farther(looks: str) -> None:
    with pytest.raises(InforceError, match="shape/far"):
        shapes.reach(Graph().parse(data=SHAPE + looks, format="turtle"))


def test_concepts_are_asked_by_their_scheme_alone() -> None:
    apart = {str(shape).removeprefix(shapes.SHAPE) for shape in shapes.of_schemes(ALL_SHAPES)}
    assert apart == {"code-broader", "code-notation-in-name", "concept-no-circle", "notation-unique"}
    assert URIRef("http://www.w3.org/2004/02/skos/core#notation") not in shapes.reach(ALL_SHAPES).asked
