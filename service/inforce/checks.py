"""The rules of the record: the shapes in shapes/*.ttl, and the few rules that only a whole file can break.

Every rule has a name and one sentence that says what is expected. Whether the effects make a timeline is no matter of
single facts: the compiler decides that.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyshacl
from rdflib import DCTERMS, PROV, RDF, RDFS, SH, SKOS, XSD, BNode, Graph, Literal, URIRef
from rdflib.plugins.parsers.notation3 import BadSyntax
from rdflib.term import Node

from inforce.model import BASE, ZONES, InforceError
from inforce.turtle import ELI, INF, canonical, empty_graph

SHAPE = BASE + "shape/"
_INSTRUMENT = BASE + "instrument/"

# The rules that SHACL cannot check, or not fast enough; the names and sentences of the others are in shapes/.
FILE_RULES = {
    "turtle-syntax": "A file is Turtle in UTF-8 that can be read.",
    "valid-iri": "An IRI is written without blanks, quotes, braces or backslashes.",
    "no-blank-nodes": "Everything has a name: the record has no blank nodes.",
    "canonical-form": "A file is in canonical form, as `inforce format` writes it.",
    "text-trimmed": "A text is not empty and has no blank at its start or end.",
    "one-act": "A file in the folder of a jurisdiction holds exactly one act.",
    "act-file": "An act stands in data/<cc>/<slug>.ttl, where <slug> is the last part of its IRI and begins with <cc>.",
    "known-class": "A thing in an act's file is one act, clause, effect, announcement, measure, item or source.",
    "own-parts": "The parts of an act are named by its IRI and #.",
    "same-act": "A clause and a source belong to the act in whose file they are used.",
    "described-once": "A thing is described in the file of one act only.",
    "measure-home": "A measure is described in the file of an act that establishes it.",
    "code-known": "A customs number in use is a concept of data/reference/codes.ttl, a national line one of its side.",
    "cas-check-digit": "The last digit of a CAS number is the sum of its other digits times their places, modulo 10.",
}

_PARTS = frozenset({INF.Provision, INF.Effect, INF.Announcement, INF.Item, INF.Source})
_MEASURES = frozenset({INF.Measure, INF.Listing})
_CLASSES = _PARTS | _MEASURES | {INF.Instrument, INF.Span}  # spans have a rule of their own
_OWN = (INF.clause, ELI.is_part_of, DCTERMS.source, PROV.hadPrimarySource)
_ESTABLISHING = frozenset({INF.establish, INF.addToList})
_NOT_IN_IRI = re.compile(r'[\x00-\x20<>"{}|\\^`]')
_TRIMMED = re.compile(r"\S(.*\S)?", re.DOTALL)
_CODE = re.compile(r"[0-9]{2}([0-9]{2}){0,4}")
_CAS = re.compile(r"[0-9]{2,7}-[0-9]{2}-[0-9]")
_TARGETS = (SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf)


class TurtleSyntaxError(InforceError):
    """Text that is not Turtle; `line` and `column` count from 1."""

    def __init__(self, line: int, column: int, why: str) -> None:
        super().__init__(f"line {line}, column {column}: {why}")
        self.line = line
        self.column = column
        self.why = why


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One breach of one rule; `file` is relative to the root, `subject` and `value` are as the file writes them."""

    file: str
    line: int
    rule: str
    message: str
    subject: str = ""
    value: str = ""
    warning: bool = False

    def __str__(self) -> str:
        about = f"{self.subject}, value {self.value}" if self.subject and self.value else self.subject or self.value
        sentence = f"{self.message.rstrip('.')} ({about})" if about else self.message
        return f"{self.file}:{self.line}: {'warning: ' * self.warning}{self.rule}: {sentence}"


def check(root: Path, only: list[Path] | None = None) -> list[Problem]:
    """What is wrong in the record under `root`, in order of files and lines; with `only`, what is wrong in these files.

    The whole record is read either way, since a fact is checked against what it refers to. A file that cannot be read
    hides what it holds from all others, so then nothing but syntax is reported.
    Raises InforceError when `only` names a file that is no part of the record.
    """
    files, problems = _read(root)
    names = None if only is None else _names(root, only)
    if problems:
        return sorted(problems)
    chosen = [file for file in files if names is None or file.name in names]
    for file in chosen:
        problems += _file_problems(file)
    problems += _record_problems(files)
    problems += _shape_problems(_shapes(root), files, None if names is None else chosen)
    return sorted({p for p in problems if names is None or p.file in names})


def rules(root: Path) -> dict[str, str]:
    """Every rule with its sentence: those of shapes/*.ttl and those of files."""
    shapes = _shapes(root)
    named = {str(s).removeprefix(SHAPE): str(m) for s, m in shapes.subject_objects(SH.message)}
    return dict(sorted((named | FILE_RULES).items()))


def format_file(path: Path) -> bool:
    """Rewrites a file of data/ in canonical form and says whether that changed it; comments are not kept.

    Raises TurtleSyntaxError for what is not Turtle, InforceError for what cannot be written in canonical form.
    """
    file = _File(path.resolve(), str(path), path.read_bytes())
    if problem := next(_unwritable(file), None):
        raise InforceError(str(problem))
    text = canonical(file.graph, file.this)
    if text == file.text:
        return False
    path.write_bytes(text.encode())
    return True


def parse(text: str) -> Graph:
    """The graph of a Turtle text, with no prefixes but its own; raises TurtleSyntaxError."""
    graph = Graph(bind_namespaces="none")
    try:
        with _quiet():
            graph.parse(data=text, format="turtle", publicID=BASE)
    except BadSyntax as error:
        before = text[: error._i]
        raise TurtleSyntaxError(before.count("\n") + 1, len(before) - before.rfind("\n"), error._why) from error
    except AssertionError as error:  # rdflib's way to say that the text ends inside a string
        raise TurtleSyntaxError(text.count("\n") + 1, 1, "the file ends inside a string") from error
    return graph


class _File:
    """A file of the record and where in it things are said."""

    def __init__(self, path: Path, name: str, content: bytes) -> None:
        self.path = path
        self.name = name
        try:
            self.text = content.decode()
        except UnicodeDecodeError as error:
            raise TurtleSyntaxError(content[: error.start].count(b"\n") + 1, 1, "not UTF-8") from error
        self.graph = parse(self.text)

    @cached_property
    def in_data(self) -> bool:
        return self.name.startswith("data/")

    @cached_property
    def of_act(self) -> bool:
        """Whether the file stands in the folder of a jurisdiction."""
        return self.path.parent.name in ZONES

    @cached_property
    def acts(self) -> list[Node]:
        return sorted(self.graph.subjects(RDF.type, INF.Instrument), key=str)

    @cached_property
    def act(self) -> str:
        """The IRI of the act: that of the one in the file or, failing that, the one its name calls for."""
        return str(self.acts[0]) if len(self.acts) == 1 else _INSTRUMENT + self.path.stem

    @cached_property
    def this(self) -> str | None:
        """The namespace behind the prefix `this:`."""
        return self.act + "#" if self.of_act else None

    @cached_property
    def subjects(self) -> set[Node]:
        return set(self.graph.subjects())

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def _heads(self) -> dict[str, int]:
        """What stands at the beginning of a line, and the first line where it does."""
        heads: dict[str, int] = {}
        for number, line in enumerate(self._lines):
            if line[:1].strip():
                heads.setdefault(line.split()[0], number)
        return heads

    def written(self, term: Node) -> list[str]:
        """The ways in which the file may write a term, the usual one first."""
        if isinstance(term, Literal):
            return [str(term)]
        full = f"<{term}>"
        short = [
            f"{prefix}:{str(term).removeprefix(namespace)}"
            for prefix, namespace in self.graph.namespaces()
            if term.startswith(namespace) and re.fullmatch(r"[\w.-]*", str(term).removeprefix(namespace))  # type: ignore[attr-defined]
        ]
        return [*sorted(short, key=len), full]

    def line(self, subject: Node, predicate: Node | None = None, value: Node | None = None) -> int:
        """The line, from 1, on which the file says this of the subject; as much of it as is found."""
        start = next((self._heads[s] for s in self.written(subject) if s in self._heads), None)
        if start is None:
            return 1
        if predicate is None:
            return start + 1
        end = next((n for n in range(start + 1, len(self._lines)) if self._lines[n][:1].strip()), len(self._lines))
        words = {*self.written(predicate), *(["a"] if predicate == RDF.type else [])}
        said = next((n for n in range(start, end) if words & set(self._lines[n].split()[: 1 + (n == start)])), None)
        if said is None:
            return start + 1
        if value is not None:
            for number in range(said, end):
                if any(word in self._lines[number] for word in self.written(value)):
                    return number + 1
                if self._lines[number].endswith((";", ".")):
                    break
        return said + 1

    def problem(
        self,
        rule: str,
        message: str,
        subject: Node,
        predicate: Node | None = None,
        value: Node | None = None,
        warning: bool = False,
    ) -> Problem:
        """A breach of a rule by what this file says of the subject."""
        shown = "" if value is None else self.written(value)[0]
        return Problem(
            self.name, self.line(subject, predicate, value), rule, message, self.written(subject)[0], shown, warning
        )

    def breaks(self, rule: str, subject: Node, predicate: Node | None = None, value: Node | None = None) -> Problem:
        """A breach of a file rule."""
        return self.problem(rule, FILE_RULES[rule], subject, predicate, value)


def _read(root: Path) -> tuple[list[_File], list[Problem]]:
    """The files of the record, in order of names, and what cannot be read."""
    files: list[_File] = []
    problems: list[Problem] = []
    for path in sorted([*(root / "ontology").glob("*.ttl"), *(root / "data").rglob("*.ttl")]):
        name = path.relative_to(root).as_posix()
        try:
            files.append(_File(path, name, path.read_bytes()))
        except TurtleSyntaxError as error:
            why = f"column {error.column}: {error.why}"
            problems.append(Problem(name, error.line, "turtle-syntax", FILE_RULES["turtle-syntax"], value=why))
    return files, problems


def _names(root: Path, only: Iterable[Path]) -> set[str]:
    """The names of files within the record."""
    names = set()
    for path in only:
        whole = path.resolve()
        if not whole.is_relative_to(root.resolve()) or not whole.is_file():
            raise InforceError(f"{path}: no file of the record in {root}")
        names.add(whole.relative_to(root.resolve()).as_posix())
    return names


def _shapes(root: Path) -> Graph:
    graph = Graph()
    for path in sorted((root / "shapes").glob("*.ttl")):
        graph.parse(path)
    if not graph:
        raise InforceError(f"{root / 'shapes'}: no shapes found")
    return graph


def _unwritable(file: _File) -> Iterator[Problem]:
    """What keeps a file from having a canonical form."""
    for triple in file.graph:
        for term in triple:
            if isinstance(term, URIRef) and _NOT_IN_IRI.search(term):
                yield file.breaks("valid-iri", triple[0], triple[1], term)
            elif isinstance(term, BNode):
                yield Problem(file.name, 1, "no-blank-nodes", FILE_RULES["no-blank-nodes"], file.written(triple[1])[0])


def _file_problems(file: _File) -> Iterator[Problem]:
    """The breaches of the rules that concern one file."""
    if not file.in_data:
        return
    unwritable = list(_unwritable(file))
    yield from unwritable
    if not unwritable:
        text = canonical(file.graph, file.this)
        if text != file.text:
            pairs = zip(text.split("\n"), file.text.split("\n"), strict=False)
            line = next((n for n, (wanted, found) in enumerate(pairs, 1) if wanted != found), 1)
            yield Problem(file.name, line, "canonical-form", FILE_RULES["canonical-form"])
    for subject, predicate, value in file.graph:
        if isinstance(value, Literal) and value.datatype in (None, XSD.string) and not _TRIMMED.fullmatch(value):
            yield file.breaks("text-trimmed", subject, predicate, value)
    if not file.of_act:
        yield from (file.breaks("act-file", act) for act in file.acts)
        return
    if len(file.acts) != 1:
        yield Problem(file.name, 1, "one-act", FILE_RULES["one-act"], value=str(len(file.acts)))
    elif file.act != _INSTRUMENT + file.path.stem or not file.path.stem.startswith(file.path.parent.name + "-"):
        yield file.breaks("act-file", file.acts[0])
    own = file.act + "#"
    for subject in file.subjects:
        classes = set(file.graph.objects(subject, RDF.type))
        if len(classes) != 1 or not classes <= _CLASSES:
            yield file.breaks("known-class", subject, RDF.type)
        elif classes <= _PARTS and not str(subject).startswith(own):
            yield file.breaks("own-parts", subject)
    for predicate in _OWN:
        for subject, value in file.graph.subject_objects(predicate):
            if str(value) != file.act and not str(value).startswith(own):
                yield file.breaks("same-act", subject, predicate, value)


def _record_problems(files: Iterable[_File]) -> Iterator[Problem]:
    """The breaches of the file rules that concern several files."""
    home: dict[Node, _File] = {}
    measures: dict[Node, list[_File]] = {}
    establishing: dict[Node, list[tuple[_File, Node]]] = {}
    codes = {code for file in files for code in file.graph.subjects(RDF.type, INF.CommodityCode)}
    for file in files:
        for subject, digits in file.graph.subject_objects(INF.hsCode):
            if _is_code(digits) and URIRef(_code_iri(str(digits), file.path.parent.name)) not in codes:
                yield file.breaks("code-known", subject, INF.hsCode, digits)
        for subject, number in file.graph.subject_objects(INF.casNumber):
            if _CAS.fullmatch(str(number)) and not _cas_check(str(number)):
                yield file.breaks("cas-check-digit", subject, INF.casNumber, number)
        if not file.of_act:
            continue
        for subject in file.subjects:
            if home.setdefault(subject, file) is not file:
                yield file.breaks("described-once", subject)
        for cls in _MEASURES:
            for measure in file.graph.subjects(RDF.type, cls):
                measures.setdefault(measure, []).append(file)
        for effect, measure in file.graph.subject_objects(INF.target):
            if file.graph.value(effect, INF.effectType) in _ESTABLISHING:
                establishing.setdefault(measure, []).append((file, effect))
    for measure, effects in establishing.items():
        described = measures.get(measure, [])
        if described and not any(file in described for file, _ in effects):
            file, effect = effects[0]
            yield file.breaks("measure-home", effect, INF.target, measure)


def _code_iri(digits: str, side: str) -> str:
    """The name of a customs code; `side` (cn, us) is the one whose national line it is, if it is one."""
    return f"{BASE}hs/{digits}" if len(digits) <= 6 else f"{BASE}hs/{side}/{digits}"


def _is_code(number: Node) -> bool:
    """Whether this is written as a customs number; what is not breaks a rule of its own."""
    return isinstance(number, Literal) and number.datatype in (None, XSD.string) and bool(_CODE.fullmatch(number))


def _cas_check(number: str) -> bool:
    *digits, check = (int(c) for c in number if c != "-")
    return sum(place * digit for place, digit in enumerate(reversed(digits), 1)) % 10 == check


def _shape_problems(shapes: Graph, files: Iterable[_File], chosen: Iterable[_File] | None) -> Iterator[Problem]:
    """The breaches of the rules in shapes/, by what all files or the chosen ones say."""
    data = empty_graph()
    home: dict[Node, list[_File]] = {}
    for file in files:
        data += file.graph
        for subject in file.subjects:
            home.setdefault(subject, []).append(file)
    if chosen is not None:
        focus = {subject for file in chosen for subject in file.subjects}
        schemes = {scheme for subject in focus for scheme in data.objects(subject, SKOS.inScheme)}
        shapes = _narrowed(shapes, data, focus | schemes)
    with _quiet():
        _, report, _ = pyshacl.validate(data, shacl_graph=shapes, advanced=False, inference="none", inplace=True)
    for result in report.subjects(RDF.type, SH.ValidationResult):
        subject, value = report.value(result, SH.focusNode), report.value(result, SH.value)
        path, component = report.value(result, SH.resultPath), report.value(result, SH.sourceConstraintComponent)
        if component == SH.SPARQLConstraintComponent and value in home:
            subject, value = value, None  # a scheme was asked about all its concepts, and this is the one
        elif value == subject:
            value = None
        if not isinstance(path, URIRef):
            path = None if value is None else next(data.predicates(subject, value), None)
        place = next((f for f in home[subject] if (subject, path or RDF.type, value) in f.graph), home[subject][0])
        if component == SH.ClosedConstraintComponent:
            value = path  # the property is what surprises, not what it says
        yield place.problem(
            str(report.value(result, SH.sourceShape)).removeprefix(SHAPE),
            str(report.value(result, SH.resultMessage)),
            subject,
            path,
            value,
            report.value(result, SH.resultSeverity) == SH.Warning,
        )


def _narrowed(shapes: Graph, data: Graph, focus: set[Node]) -> Graph:
    """The shapes with their targets cut down to `focus`.

    pySHACL's own focus_nodes is no help: it also skips the inner shapes of sh:or and sh:not, which turns answers round.
    """
    narrowed = Graph()
    for shape, predicate, target in shapes:
        if predicate not in _TARGETS:
            narrowed.add((shape, predicate, target))
            continue
        nodes: Iterable[Node]
        if predicate == SH.targetClass:
            classes = data.transitive_subjects(RDFS.subClassOf, target)
            nodes = {node for cls in classes for node in data.subjects(RDF.type, cls)}
        elif predicate == SH.targetSubjectsOf:
            nodes = data.subjects(target)
        elif predicate == SH.targetObjectsOf:
            nodes = data.objects(None, target)
        else:
            nodes = [target]
        for node in focus.intersection(nodes):
            narrowed.add((shape, SH.targetNode, node))
    return narrowed


@contextmanager
def _quiet() -> Iterator[None]:
    """Without rdflib's log lines about literals and IRIs that the rules report."""
    logger = logging.getLogger("rdflib.term")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
