"""The rules of files: what is wrong in a file of the record, given what other files say of its things.

Every rule has a name and one sentence that says what is expected. Whether the effects make a timeline is no matter of
single facts: the compiler decides that.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePath

from rdflib import DCTERMS, PROV, RDF, RDFS, SH, SKOS, XSD, BNode, Graph, Literal, URIRef
from rdflib.plugins.parsers.notation3 import BadSyntax
from rdflib.term import Node

from inforce import shapes
from inforce.model import BASE, ZONES, InforceError
from inforce.shapes import Reach, Result
from inforce.turtle import ELI, INF, Triple, canonical, empty_graph

Fact = tuple[str, ...]  # a triple, or all of it but its subject
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


def parse(text: str) -> Graph:
    """The graph of a Turtle text, with no prefixes but its own; raises TurtleSyntaxError."""
    graph = Graph(bind_namespaces="none")
    try:
        with quiet():
            graph.parse(data=text, format="turtle", publicID=BASE)
    except BadSyntax as error:
        before = text[: error._i]
        raise TurtleSyntaxError(before.count("\n") + 1, len(before) - before.rfind("\n"), error._why) from error
    except AssertionError as error:  # rdflib's way to say that the text ends inside a string
        raise TurtleSyntaxError(text.count("\n") + 1, 1, "the file ends inside a string") from error
    return graph


class File:
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
        return of_act(self.path)

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


def of_act(name: str | PurePath) -> bool:
    """Whether a file stands in the folder of a jurisdiction."""
    return PurePath(name).parent.name in ZONES


def unwritable(file: File) -> Iterator[Problem]:
    """What keeps a file from having a canonical form."""
    for triple in file.graph:
        for term in triple:
            if isinstance(term, URIRef) and _NOT_IN_IRI.search(term):
                yield file.breaks("valid-iri", triple[0], triple[1], term)
            elif isinstance(term, BNode):
                yield Problem(file.name, 1, "no-blank-nodes", FILE_RULES["no-blank-nodes"], file.written(triple[1])[0])


def _file_problems(file: File) -> Iterator[Problem]:
    """The breaches of the rules that concern one file."""
    if not file.in_data:
        return
    unwritten = list(unwritable(file))
    yield from unwritten
    if not unwritten:
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


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says that may matter to what is wrong in others, and what of others may matter to it.

    Terms are as `plain` writes them. `names` are things that the file speaks of and does not
    describe; `asked`, `back` and `schemes` are what shapes look at from afar (`Reach`), `classes` which is below which.
    """

    subjects: Sequence[str]
    names: Sequence[str]
    asked: Mapping[str, Sequence[Fact]]
    back: Sequence[Fact]
    schemes: Sequence[Fact]
    classes: Sequence[Fact]
    codes: Sequence[str]
    measures: Sequence[str]
    establishing: Sequence[str]

    def json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def of_json(cls, text: str) -> Facts:
        said = json.loads(text)
        said["asked"] = {subject: [*map(tuple, facts)] for subject, facts in said["asked"].items()}
        return cls(**{**said, **{name: [*map(tuple, said[name])] for name in ("back", "schemes", "classes")}})


def facts(file: File, reach: Reach) -> Facts:
    """What a file says beyond itself."""
    graph, act = file.graph, file.of_act
    codes = {
        _code_iri(str(digits), file.path.parent.name) for digits in graph.objects(None, INF.hsCode) if _is_code(digits)
    }
    named = {value for value in graph.objects() if isinstance(value, URIRef)} - file.subjects
    asked: dict[str, list[Fact]] = {}
    for subject, predicate, value in graph:
        if predicate in reach.asked:
            asked.setdefault(plain(subject), []).append((plain(predicate), plain(value)))
    return Facts(
        subjects=sorted(map(plain, file.subjects)),
        names=sorted({*map(plain, named), *map(plain, graph.objects(None, SKOS.inScheme)), *codes}),
        asked={subject: sorted(said) for subject, said in asked.items()},
        back=_facts(t for t in graph if t[1] in reach.back and not isinstance(t[2], Literal)),
        schemes=_facts(t for t in graph if t[1] in reach.schemes),
        classes=_facts(graph.triples((None, RDFS.subClassOf, None))),
        codes=sorted(codes),
        measures=sorted({plain(m) for cls in _MEASURES for m in graph.subjects(RDF.type, cls)} if act else ()),
        establishing=sorted({plain(measure) for _, measure in _established(file)} if act else ()),
    )


def _facts(triples: Iterable[Triple]) -> list[Fact]:
    return sorted((plain(s), plain(p), plain(o)) for s, p, o in triples)


def _established(file: File) -> Iterator[tuple[Node, Node]]:
    """The effects that establish something, each with what it establishes."""
    for effect, measure in file.graph.subject_objects(INF.target):
        if file.graph.value(effect, INF.effectType) in _ESTABLISHING:
            yield effect, measure


def plain(term: Node) -> str:
    """A term as text: an IRI as it is, a blank node and a literal marked as in Turtle by how they begin."""
    if isinstance(term, Literal):
        return f'"{term.language or ""}\n{term.datatype or ""}\n{term}'
    return f"_:{term}" if isinstance(term, BNode) else str(term)


def term(said: str) -> Node:
    """The term that `plain` wrote."""
    if said.startswith('"'):
        language, datatype, text = said[1:].split("\n", 2)
        return Literal(text, lang=language or None, datatype=URIRef(datatype) if datatype else None)
    return BNode(said[2:]) if said.startswith("_:") else URIRef(said)


@dataclass(frozen=True, slots=True)
class Part:
    """A file and all that decides on what is wrong in it: its digest and what other files say.

    `said` are facts of others within the reach of shapes. `homes` are the files, in order, that describe a thing which
    several do; `described` what an act before this one describes; `unknown` codes that no file describes; `apart`
    measures that this file establishes first, and none that establishes them describes.
    """

    name: str
    digest: str
    said: Sequence[Fact]
    homes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    described: Sequence[str] = ()
    unknown: Sequence[str] = ()
    apart: Sequence[str] = ()


class Opened:
    """Files of a record, each read once, and only as it was when its digest was made."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, File] = {}

    def file(self, name: str, digest: str) -> File:
        if name not in self._files:
            content = (self._root / name).read_bytes()
            if digest_of(content) != digest:
                raise InforceError(f"{name} has changed while it was checked: check again")
            self._files[name] = File(self._root / name, name, content)
        return self._files[name]


def digest_of(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def of_parts(root: Path, rules: Graph, classes: Iterable[Fact], parts: Sequence[Part]) -> list[list[Problem]]:
    """What is wrong in each of some files. `rules` are the shapes, `classes` says which class is below which.

    What is found in a file does not depend on the others that are looked at together with it.
    """
    opened, data = Opened(root), empty_graph()
    found: list[list[Problem]] = []
    whose: dict[Node, list[int]] = {}
    with quiet():
        _add(data, classes)
        for place, part in enumerate(parts):
            file = opened.file(part.name, part.digest)
            found.append([*_file_problems(file), *_problems_beside(file, part)])
            data += file.graph
            _add(data, part.said)
            for subject, homes in part.homes.items():
                for name in {*homes} - {part.name}:
                    for triple in opened.file(name, part.digests[name]).graph.triples((term(subject), None, None)):
                        data.add(triple)
            for node in file.subjects:
                whose.setdefault(node, []).append(place)
        narrow = shapes.narrowed(rules, data, {*whose}, shapes.of_schemes(rules))
        for result in shapes.validated(data, narrow):
            for place in whose[result.subject]:
                part = parts[place]
                homes = part.homes.get(plain(result.subject), [part.name])
                digests = {part.name: part.digest, **part.digests}
                found[place].append(placed(result, [opened.file(name, digests[name]) for name in homes], data))
    return found


def _add(data: Graph, said: Iterable[Fact]) -> None:
    for subject, predicate, value in said:
        data.add((term(subject), term(predicate), term(value)))


def of_schemes(rules: Graph, said: Iterable[Fact]) -> list[Result]:
    """What is wrong with the concepts of schemes, by all that is said of them; each result is about the concept."""
    data = empty_graph()
    with quiet():
        _add(data, said)
        apart = shapes.of_schemes(rules)
        others = {shape for shape in rules.subjects(SH.message) if shape not in apart}
        narrow = shapes.narrowed(rules, data, {*data.objects(None, SKOS.inScheme)}, others)
        results = shapes.validated(data, narrow)
        # A scheme was asked about all its concepts, and this is the one.
        return [replace(result, subject=result.value or result.subject, value=None) for result in results]


def placed(result: Result, homes: Sequence[File], data: Graph | None = None) -> Problem:
    """A result where it belongs: in the file, of those that describe its subject, that says what is wrong."""
    subject, value = result.subject, None if result.value == result.subject else result.value
    path: Node | None = result.path if isinstance(result.path, URIRef) else None
    if path is None and data is not None and value is not None:
        path = next(data.predicates(subject, value), None)
    place = next((f for f in homes if (subject, path or RDF.type, value) in f.graph), homes[0])
    if result.component == SH.ClosedConstraintComponent:
        value = path  # the property is what surprises, not what it says
    return place.problem(result.rule, result.message, subject, path, value, result.warning)


def _problems_beside(file: File, part: Part) -> Iterator[Problem]:
    """The breaches of the file rules that concern several files, and of those on codes."""
    for subject, digits in file.graph.subject_objects(INF.hsCode):
        if _is_code(digits) and _code_iri(str(digits), file.path.parent.name) in part.unknown:
            yield file.breaks("code-known", subject, INF.hsCode, digits)
    for subject, number in file.graph.subject_objects(INF.casNumber):
        if _CAS.fullmatch(str(number)) and not _cas_check(str(number)):
            yield file.breaks("cas-check-digit", subject, INF.casNumber, number)
    yield from (file.breaks("described-once", term(subject)) for subject in part.described)
    for measure in map(term, part.apart):
        effect = next(effect for effect, established in _established(file) if established == measure)
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


@contextmanager
def quiet() -> Iterator[None]:
    """Without rdflib's log lines about literals and IRIs that the rules report."""
    logger = logging.getLogger("rdflib.term")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
