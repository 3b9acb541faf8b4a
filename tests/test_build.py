"""A build that copies what stays is, byte for byte, the build that is made anew; and it makes only what it must."""

import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pyoxigraph as ox
import pytest

from conftest import TESTS
from inforce import build, catalogue, compiled, intervals, ondisk
from inforce.model import InforceError
from inforce.record import root
from inforce.store import manifest
from test_synthetic import written

ACTS = "data/[cu][ns]/*.ttl"


@pytest.fixture(autouse=True)
def no_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the questions takes longer than all the rest, and nothing here is about them."""
    monkeypatch.setattr(catalogue, "read", lambda folder: {})


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up record with many acts on the same measures and days."""
    return written(tmp_path_factory.mktemp("pristine"), "--periods", "4")


@pytest.fixture
def source(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "source")


def content(folder: Path) -> dict[str, bytes]:
    """The files of a build; of its index what that says, since its bytes tell in which order it came to know it."""
    files = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return {**files, intervals.FILE: "\n".join(sorted(map(str, indexed(folder)))).encode()}


def indexed(folder: Path) -> Iterator[tuple[object, ...]]:
    """What the index of a build says, with names where it has numbers of its own."""
    with closing(sqlite3.connect(folder / intervals.FILE)) as db:
        of_span = "JOIN measure m ON m.id = span.id / 65536"
        yield from db.execute("SELECT 'build', version FROM build")
        days = "since, until, known_since, known_until"
        yield from db.execute(f"SELECT 'span', m.name, span.id % 65536, status, {days} FROM span {of_span}")
        days = "tree.since, tree.until, tree.known_since, tree.known_until"
        yield from db.execute(
            f"SELECT 'tree', m.name, span.id % 65536, {days} FROM tree JOIN span USING (id) {of_span}"
        )
        yield from db.execute("SELECT 'measure', name FROM measure")
        yield from db.execute("SELECT 'value', feature, name, measures FROM value")
        yield from db.execute("SELECT 'within', narrow, wide FROM within")
        has = "has JOIN value ON value.id = has.value JOIN measure m ON m.id = has.measure"
        yield from db.execute(f"SELECT 'has', feature, value.name, m.name FROM {has}")
        yield from db.execute(
            "SELECT 'rows', (SELECT count(*) FROM has), (SELECT count(*) FROM tree), count(*) FROM span"
        )


def outcome(builds: Path, source: Path) -> dict[str, bytes] | str:
    """The files of a build, or what is wrong with its sources."""
    try:
        return content(build.build(builds, source, downloads=False))
    except InforceError as error:
        return str(error)


def delete(file: Path, chance: random.Random) -> None:
    file.unlink()


def reword(file: Path, chance: random.Random) -> None:
    file.write_text(file.read_text().replace('"@en', f' {chance.random()}"@en', 1))


def move_to_another_day(file: Path, chance: random.Random) -> None:
    others = [
        day for each in sorted(file.parent.glob("*.ttl")) for day in re.findall(r'madePublic "(.*?)"', each.read_text())
    ]
    file.write_text(re.sub(r'madePublic ".*?"', f'madePublic "{chance.choice(others)}"', file.read_text()))


def aim_elsewhere(file: Path, chance: random.Random) -> None:
    targets = re.compile(r"(?<=inf:target )(measure|instrument|<)[^ ,]*")
    other = chance.choice(
        [found[0] for each in sorted(file.parent.glob("*.ttl")) for found in targets.finditer(each.read_text())]
    )
    file.write_text(targets.sub(other, file.read_text(), count=1))


def leave_out_an_effect(file: Path, chance: random.Random) -> None:
    blocks = file.read_text().split("\n\n")
    effects = [block for block in blocks if " a inf:Effect ;" in block]
    if effects:
        blocks.remove(chance.choice(effects))
    file.write_text("\n\n".join(blocks))


def lengthen(file: Path, chance: random.Random) -> None:
    file.write_text(re.sub(r'(inf:until\w* "20)(\d\d)', lambda m: f"{m[1]}{int(m[2]) + 1}", file.read_text(), count=1))


EDITS: list[Callable[[Path, random.Random], None]] = [
    delete, reword, move_to_another_day, aim_elsewhere, leave_out_an_effect, lengthen,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(2))
def test_a_build_after_any_changes_is_the_build_made_anew(
    seed: int, pristine: Path, source: Path, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    assert not isinstance(outcome(tmp_path / "builds", source), str)
    changed = 0
    for number in range(12):
        file = chance.choice(sorted(source.glob(ACTS)))
        kept = file.read_bytes()
        chance.choice(EDITS)(file, chance)
        anew = outcome(tmp_path / f"anew-{number}", source)
        assert outcome(tmp_path / "builds", source) == anew
        if isinstance(anew, str):
            file.write_bytes(kept)
        else:
            changed += 1
    assert changed > 2


def test_a_store_on_disk_is_brought_to_what_the_next_build_says(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if it had been loaded; what is said no more is not left in it, and the store before stays as it was."""
    monkeypatch.setattr(ondisk, "_PART", 1)
    chance = random.Random(4)
    made = [build.build(tmp_path / "builds", source, downloads=False)]
    ondisk.make(made[0])
    acts = sorted(source.glob(ACTS))
    for file, edit in [(acts[3], reword), (acts[10], lengthen), (acts[-1], delete), (acts[-2], delete)]:
        edit(file, chance)
        made.append(build.build(tmp_path / "builds", source, downloads=False))
        ondisk.make(made[-1])
    assert len({*made}) == 5
    for each in made:
        assert max(table.stat().st_nlink for table in (each / "store").glob("*.sst")) > 1
        store, anew = ox.Store.read_only(str(each / "store")), ox.Store()
        anew.load(path=str(each / "inforce.nq"), format=ox.RdfFormat.N_QUADS)
        anew.extend([ox.Quad(quad.subject, quad.predicate, quad.object) for quad in anew])
        assert {*store} == {*anew}
        assert {*store.named_graphs()} == {*anew.named_graphs()}


def vanished(source: str, target: str) -> None:
    raise FileNotFoundError(source)


@pytest.mark.parametrize(("name", "value"), [("_PART", 10**9), ("_linked", vanished)])
def test_a_store_on_disk_is_loaded_where_too_much_has_changed_or_the_earlier_is_being_deleted(
    name: str, value: object, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ondisk, name, value)
    ondisk.make(build.build(tmp_path / "builds", source, downloads=False))
    reword(source / "data" / "us" / "us-synthetic-2020-1.ttl", random.Random(5))
    made = build.build(tmp_path / "builds", source, downloads=False)
    ondisk.make(made)
    assert {table.stat().st_nlink for table in (made / "store").glob("*.sst")} == {1}
    assert len(ox.Store.read_only(str(made / "store"))) == 2 * manifest(made)["counts"]["triples"]


def test_concepts_that_move_move_what_lies_within_them(source: Path, tmp_path: Path) -> None:
    before = outcome(tmp_path / "builds", source)
    file = source / "data" / "reference" / "countries.ttl"
    file.write_text(file.read_text().replace("skos:broader country:all", "skos:broader country:us", 1))
    after = outcome(tmp_path / "builds", source)
    assert after == outcome(tmp_path / "anew", source) != before


def test_an_act_that_came_and_went_leaves_nothing_behind(source: Path, tmp_path: Path) -> None:
    first = build.build(tmp_path / "builds", source, downloads=False)
    file = max(source.glob(ACTS), key=lambda f: re.findall(r'madePublic "(.*?)"', f.read_text()))
    text = file.read_bytes()
    file.unlink()
    second = build.build(tmp_path / "builds", source, downloads=False)
    file.write_bytes(text)
    assert second != first == build.build(tmp_path / "builds", source, downloads=False)
    assert build.current(tmp_path / "builds").resolve() == first.resolve()
    assert sorted(folder.name for folder in build.kept(tmp_path / "builds")) == sorted([first.name, second.name])


def test_only_what_a_change_touches_is_compiled_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.build(tmp_path / "builds", source, downloads=False)
    measures: list[str] = []
    compile_again = compiled.of_measure

    def watched(record: object, measure: str, spans: object) -> bytes:
        measures.append(measure.rpartition("/")[2])
        return compile_again(record, measure, spans)  # type: ignore[arg-type]

    monkeypatch.setattr(compiled, "of_measure", watched)
    file = source / "data" / "us" / "us-synthetic-2020-1.ttl"
    reword(file, random.Random(1))
    build.build(tmp_path / "builds", source, downloads=False)
    assert 0 < len(measures) < 60
    assert any(measure in file.read_text() for measure in measures) or "inf:target" in file.read_text()


def test_a_build_of_another_program_is_not_copied(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.build(tmp_path / "builds", source, downloads=False)
    monkeypatch.setattr(build, "program", lambda: "another")
    monkeypatch.setattr(compiled, "of_measure", lambda *_: b"")
    assert b"#span-1>" not in (build.build(tmp_path / "builds", source, downloads=False) / "inforce.nq").read_bytes()


def test_downloads_can_be_added_later(source: Path, tmp_path: Path) -> None:
    bare = build.build(tmp_path / "builds", source, downloads=False)
    assert not (bare / "dumps").exists()
    assert build.build(tmp_path / "builds", source) == bare
    assert (bare / "dumps" / "SHA256SUMS").is_file()


def test_an_effect_in_the_file_of_another_act_is_an_error_that_names_both(source: Path, tmp_path: Path) -> None:
    one, other = sorted(source.glob(ACTS))[:2]
    other.write_text(other.read_text() + f"\n<{build.BASE}instrument/{one.stem}#art-1> a inf:Provision .\n")
    with pytest.raises(InforceError, match=rf"{other.name}: \S+{one.stem}#art-1 belongs into the file of its act"):
        build.build(tmp_path / "builds", source, downloads=False)


def test_what_is_no_turtle_names_file_and_line(source: Path, tmp_path: Path) -> None:
    file = source / "data" / "us" / "us-synthetic-2020-1.ttl"
    file.write_text(file.read_text().replace(" a inf:Instrument ;", " a inf:Instrument .", 1))
    with pytest.raises(InforceError, match=r"^data/us/us-synthetic-2020-1.ttl: no Turtle: .* line 1\d "):
        build.build(tmp_path / "builds", source, downloads=False)


def test_the_real_record_is_the_same_by_either_way(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for part in ("ontology", "data"):
        shutil.copytree(root() / part, source / part)
    first = build.build(tmp_path / "builds", source, downloads=False)
    assert (first / "timeline.txt").read_text() == (TESTS / "golden" / "timeline.txt").read_text()
    for name in ("cn-mofcom-2025-70", "us-eo-14257"):
        reword(source / "data" / name[:2] / f"{name}.ttl", random.Random(name))
    after = outcome(tmp_path / "builds", source)
    assert after == outcome(tmp_path / "anew", source) != content(first)
