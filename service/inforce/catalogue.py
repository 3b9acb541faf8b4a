"""The query catalogue: queries/*.rq as typed, parameterised questions.

A file is plain SPARQL that runs as it stands; lines that begin with #+ hold its description in YAML. A parameter is a
`VALUES ?name { example }` block and its type is the example's. Binding puts terms that are serialised here into these
blocks – never text – and drops the group of an optional parameter that is not given. The recipes in cookbook/*.rq are
such files too, without parameters.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import yaml
from rdflib import RDF, XSD, Literal, URIRef
from rdflib.plugins.sparql import prepareQuery
from rdflib.plugins.sparql.parserutils import CompValue

from inforce.intervals import ANY, FEATURES, LAST, Sought
from inforce.model import ALWAYS, NS, OPEN, InforceError, Sentence
from inforce.store import Store

Term = URIRef | Literal
Found = Sequence[tuple[str, str]]  # spans, each with its measure
# A code point escape is replaced before a query is parsed, so it protects nothing; and a backslash of the text must
# not make one with the letter behind it.
_ESCAPES = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\\u": r"\\\U00000075", "\\U": r"\\\U00000055"}
_UNSAFE = re.compile(r"\\[uU]?|[\"\n\r]")
# One IRI or one literal of SPARQL 1.1 and nothing else: what may stand in a VALUES block.
_ONE_TERM = re.compile(
    r"""<[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>"{}|^`\\]*>"""
    r"""|"(?:[^"\\\n\r]|\\["nr]|\\\\(?![uU])|\\\\(?=\\U)|(?<=\\\\)\\U000000[57]5)*\""""
    r"""(?:@[A-Za-z]+(?:-[A-Za-z0-9]+)*|\^\^<[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>"{}|^`\\]*>)?"""
)
_VARIABLE = re.compile(r"\?(\w+)")
# The tokens that matter to find blocks and groups; the first four are passed over whole.
_TOKEN = re.compile(
    r"""(?P<skip>\#[^\n]*|<[^\x00-\x20<>"{}|^`\\]*>|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"""|(?P<values>\bVALUES\s+\?(?P<name>[A-Za-z][A-Za-z0-9]*)\s*\{)|(?P<open>(?P<where>\bWHERE\s*)?\{)|(?P<close>\})""",
    re.IGNORECASE,
)


class ParameterError(InforceError):
    """A parameter that cannot be understood: its name, the value given, what was expected and what comes nearest."""

    def __init__(
        self,
        name: str,
        value: str | None,
        expected: str,
        nearest: Sequence[str] = (),
        fault: str = Sentence("is missing"),
    ) -> None:
        self.name, self.value, self.expected, self.nearest = name, value, expected, list(nearest)
        given = fault if value is None else Sentence("cannot be %(value)s", value=repr(value))
        hint = Sentence("; nearest: %(names)s", names=", ".join(nearest)) if nearest else ""
        self.sentence = Sentence(
            "%(name)s %(given)s: expected %(expected)s%(hint)s", name=name, given=given, expected=expected, hint=hint
        )
        super().__init__(self.sentence)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query. `type` is iri, date, dateTime, string or integer; `of` the classes an IRI may be of."""

    name: str
    type: str
    description: str
    example: Term
    default: Any = None
    optional: bool = False
    repeatable: bool = False
    unless: str | None = None
    of: tuple[str, ...] = ()
    pattern: str | None = None

    @property
    def option(self) -> str:
        """The name on the command line."""
        return "--" + re.sub(r"([A-Z])", lambda m: "-" + m[1].lower(), self.name)

    @property
    def expected(self) -> str:
        """What a value looks like, in words."""
        match self.type:
            case "date":
                return Sentence("a day such as 2025-11-15")
            case "dateTime":
                return Sentence("a moment with its UTC offset such as 2025-11-10T12:30:00+08:00")
            case "integer":
                return Sentence("a whole number from 0 to 36500")
            case "iri":
                kinds = " or ".join(_words(c.removeprefix(NS)) for c in self.of)
                return Sentence(
                    "the name or IRI of a %(kinds)s of the record, such as %(example)s",
                    kinds=_CLASSES.get(kinds, kinds),
                    example=slug(self.example),
                )
            case _:
                return Sentence("text such as %(example)s", example=str(self.example))


@dataclass(frozen=True, slots=True)
class Window:
    """The spans that a query looks for under one variable, with that of their measures, in terms of its parameters.

    They hold on a day of `on` or at the moment `at`, or begin (`opens`) or end (`closes`) from one day to another, as
    known on `knownOn`. `by` tells for each parameter that selects among them what it selects by.
    """

    span: str
    measure: str
    on: str = ""
    at: str = ""
    opens: tuple[str, ...] = ()
    closes: tuple[str, ...] = ()
    known_on: str = ""
    by: Mapping[str, str] = field(default_factory=dict)

    def sought(self, terms: Mapping[str, Sequence[Term]]) -> Sought:
        """What an index is asked for these spans, given the terms of a call."""
        # The first and the last of the days that are asked for together.
        days = {
            name: (min(stated), max(stated))
            for name in self.days
            if (stated := [date.fromisoformat(str(term)[:10]).toordinal() for term in terms.get(name, ())])
        }
        since = until = ANY
        if self.on in days:
            first, last = days[self.on]
            since, until = (0, last), (first + 1, LAST)
        if self.at in days:
            # The civil day of a moment, whatever the side, is its day in UTC or a neighbour of that.
            first, last = days[self.at]
            since, until = (0, last + 1), (first - 1, LAST)
        if self.opens:
            since = (days[self.opens[0]][0], days[self.opens[1]][1])
        if self.closes:
            until = (days[self.closes[0]][0], days[self.closes[1]][1])
        known = days[self.known_on][0] if self.known_on in days else None
        asked = {of: tuple(str(v) for v in terms[name]) for name, of in self.by.items() if name in terms}
        return Sought(since, until, known, asked.pop("status", ()), tuple(asked.items()))

    @property
    def days(self) -> tuple[str, ...]:
        """The parameters that are days."""
        return tuple(n for n in (self.on, self.at, *self.opens, *self.closes, self.known_on) if n)


@dataclass(frozen=True, slots=True)
class Query:
    """One question of the catalogue, or one recipe of the cookbook, which has no parameters.

    `lists` are the variables that hold several IRIs separated by blanks; `tells_announced` asks for notices of what has
    been announced for the measures in the answer without being law. `windows` are the spans it looks for; each of its
    rows comes of a span of one of them at least. `text` is the file, `sparql` what of it is query; by the
    variables in `order` it orders its rows.
    """

    name: str
    summary: str
    description: str
    parameters: Mapping[str, Parameter]
    lists: frozenset[str]
    tells_announced: bool
    keywords: tuple[str, ...]
    windows: tuple[Window, ...]
    text: str
    sparql: str
    form: str
    variables: tuple[str, ...]
    distinct: bool
    order: tuple[str, ...]


def slug(term: Term) -> str:
    """The short name of an IRI; of a literal its text."""
    return re.split(r"[/#]", str(term))[-1] if isinstance(term, URIRef) else str(term)


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r" \1", name).lower()


# What the things are called that parameters may be.
_CLASSES: dict[str, Sentence] = {
    said: said
    for said in (
        Sentence("actor"), Sentence("country"), Sentence("entity"), Sentence("flow"), Sentence("instrument"),
        Sentence("kind"), Sentence("material"), Sentence("measure"), Sentence("status"),
    )
}  # fmt: skip


def read(folder: Path) -> dict[str, Query]:
    """The catalogue in a folder, by name. Raises InforceError naming file and fault."""
    queries = {}
    for file in sorted(folder.glob("*.rq")):
        try:
            queries[file.stem] = parse(file.stem, file.read_text(encoding="utf-8"))
        except InforceError as error:
            raise InforceError(f"{file.name}: {error}") from None
    if not queries:
        raise InforceError(f"{folder}: no queries here: expected *.rq files")
    return queries


def head_and_body(text: str) -> tuple[dict[str, Any], str]:
    """The description at the head of a file of SPARQL, in lines that begin with #+, and the query that follows."""
    # BaseLoader leaves every scalar a text: to YAML 1.1 a key "on" would be the truth value true.
    try:
        head = yaml.load("\n".join(x[3:] for x in text.splitlines() if x.startswith("#+")), Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise InforceError(f"no YAML after #+: {' '.join(str(error).split())}") from error
    return head or {}, "\n".join(line for line in text.splitlines() if not line.startswith("#+")) + "\n"


@lru_cache(maxsize=256)
def parse(name: str, text: str) -> Query:
    """A query from its file; one whose description has no `params` stands as it is.

    Raises InforceError for what a catalogue file must not be.
    """
    head, body = head_and_body(text)
    answer, around = _of_nothing(body), _around(body)
    _, *order = re.split(r"\bORDER\s+BY\b", around, flags=re.IGNORECASE)
    given: dict[str, Any] = head.get("params") or {}
    blocks: dict[str, list[_Block]] = {}
    for block in _blocks(body) if "params" in head else ():
        blocks.setdefault(block.name, []).append(block)
    if set(blocks) != set(given):
        raise InforceError(f"described parameters {sorted(given)} are not those with a VALUES block {sorted(blocks)}")
    parameters = {}
    for key, about in given.items():
        about = about or {}
        examples = {_example(body, block) for block in blocks[key]}
        if len(examples) != 1:
            raise InforceError(f"the VALUES blocks of ?{key} have different examples")
        of = about.get("of", [])
        parameter = Parameter(
            name=key,
            type=_type(term := examples.pop()),
            description=about.get("description", ""),
            example=term,
            default=about.get("default"),
            optional=about.get("optional") == "true",
            repeatable=about.get("repeatable") == "true",
            unless=about.get("unless"),
            of=tuple(c.replace("inf:", NS) for c in ([of] if isinstance(of, str) else of)),
            pattern=about.get("pattern"),
        )
        droppable = all(block.group is not None for block in blocks[key])
        if (parameter.optional or parameter.unless) and not droppable:
            raise InforceError(f"?{key} may be missing, so each of its VALUES blocks needs a group of its own")
        parameters[key] = parameter
    return Query(
        name=name,
        summary=head.get("summary", ""),
        description=head.get("description", ""),
        parameters=parameters,
        lists=frozenset(head.get("lists", ())),
        tells_announced=head.get("announced") == "true",
        keywords=tuple(head.get("keywords", ())),
        windows=tuple(_window(about, parameters, body) for about in head.get("spans", ())),
        text=text,
        sparql=body,
        form="SELECT" if isinstance(answer, ox.QuerySolutions) else "CONSTRUCT",
        variables=tuple(v.value for v in answer.variables) if isinstance(answer, ox.QuerySolutions) else (),
        distinct=re.search(r"\bSELECT\s+DISTINCT\b", around, re.IGNORECASE) is not None,
        order=tuple(_VARIABLE.findall("".join(order))),
    )


def _around(sparql: str) -> str:
    """What of a query stands outside of all braces, without comments, IRIs and texts."""
    parts, depth, read = [], 0, 0
    for token in _TOKEN.finditer(sparql):
        if depth == 0:
            parts.append(sparql[read : token.start()])
        depth += bool(token["values"] or token["open"]) - bool(token["close"])
        read = token.end()
    return "".join([*parts, sparql[read:]])


def _of_nothing(sparql: str) -> ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples:
    """What a query answers of an empty store. Raises InforceError for what is no SPARQL.

    It tells the form and the variables, in a hundredth of the time that it takes rdflib to parse it.
    """
    try:
        return ox.Store().query(sparql)
    except SyntaxError as error:
        raise InforceError(f"no SPARQL: {' '.join(str(error).split())}") from error


def _window(about: Mapping[str, Any], parameters: Mapping[str, Parameter], body: str) -> Window:
    """A window as the head of a file describes it; in `by`, a parameter called like what it selects by stands alone."""
    if unknown := sorted(about.keys() - {"span", "measure", "on", "at", "opens", "closes", "knownOn", "by"}):
        raise InforceError(f"spans are not described by {', '.join(unknown)}")
    by = [each if isinstance(each, dict) else {each: each} for each in about.get("by", ())]
    window = Window(
        span=about.get("span", ""),
        measure=about.get("measure", ""),
        on=about.get("on", ""),
        at=about.get("at", ""),
        opens=tuple(about.get("opens", ())),
        closes=tuple(about.get("closes", ())),
        known_on=about.get("knownOn", ""),
        by={name: of for each in by for name, of in each.items()},
    )
    if unknown := sorted({*window.days, *window.by} - parameters.keys()):
        raise InforceError(f"spans are described by {', '.join(unknown)}, which is no parameter")
    if unknown := sorted({*window.by.values()} - {*FEATURES, "status"}):
        raise InforceError(f"spans are not found by {', '.join(unknown)}; known: status, {', '.join(FEATURES)}")
    if unknown := sorted({window.span, window.measure} - {*_VARIABLE.findall(body)}):
        raise InforceError(f"spans are described under ?{unknown[0]}, which the query does not have")
    return window


@dataclass(frozen=True, slots=True)
class _Block:
    """Where a VALUES block lies: its data between the braces, and the outermost optional group around it."""

    name: str
    start: int
    end: int
    group: tuple[int, int] | None


def _blocks(text: str) -> list[_Block]:
    """The VALUES blocks of a query.

    The group of a block is the largest one inside the WHERE that holds it, of the query or of a sub-select; a
    block that stands directly in the WHERE of a sub-select goes with the group that holds the sub-select.
    """
    blocks: list[_Block] = []
    opened: list[_Group] = []
    inside: tuple[str, int] | None = None
    for token in _TOKEN.finditer(text):
        if token["values"]:
            inside = (token["name"], token.end())
        elif token["open"]:
            opened.append(_Group(token.start(), token["where"] is not None or not opened, []))
        elif token["close"] and inside is not None:
            name, start = inside
            inside = None
            inner = (n for n in range(len(opened) - 1, 0, -1) if opened[n - 1].where and not opened[n].where)
            if (holder := next(inner, None)) is not None:
                opened[holder].held.append((name, start, token.start()))
            else:
                blocks.append(_Block(name, start, token.start(), None))
        elif token["close"] and opened:
            group = opened.pop()
            blocks += [_Block(*held, (group.start, token.end())) for held in group.held]
    return sorted(blocks, key=lambda b: b.start)


@dataclass(frozen=True, slots=True)
class _Group:
    """A group that is open while the text is read: whether it is that of a WHERE, and the blocks that go with it."""

    start: int
    where: bool
    held: list[tuple[str, int, int]]


def _example(text: str, block: _Block) -> Term:
    """The one term in a VALUES block, its prefix resolved by the query's own prologue."""
    prologue = "\n".join(line for line in text.splitlines() if line.upper().startswith("PREFIX"))
    terms = _terms(prologue, text[block.start : block.end])
    if len(terms) != 1:
        raise InforceError(f"the VALUES block of ?{block.name} needs exactly one example")
    return terms[0]


@lru_cache(maxsize=1024)
def _terms(prologue: str, data: str) -> list[Term]:
    """The terms in the data of a VALUES block."""
    answer = _of_nothing(f"{prologue}\nSELECT * WHERE {{ VALUES ?x {{ {data} }} }}")
    assert isinstance(answer, ox.QuerySolutions), "a SELECT query is asked"
    return [_term_of(solution["x"]) for solution in answer]


def _term_of(term: ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple | None) -> Term:
    match term:
        case ox.NamedNode():
            return URIRef(term.value)
        case ox.Literal(datatype=ox.NamedNode(value=datatype)) if term.language is None and datatype != str(XSD.string):
            return Literal(term.value, datatype=datatype, normalize=False)
        case ox.Literal():
            return Literal(term.value, lang=term.language)
    raise InforceError(f"{term} is neither an IRI nor a literal")


def _type(term: Term) -> str:
    if isinstance(term, URIRef):
        return "iri"
    types = {XSD.date: "date", XSD.dateTime: "dateTime", XSD.integer: "integer"}
    return types.get(term.datatype, "string") if term.datatype else "string"


class Names:
    """The named things of a build by class: slugs, notations and IRIs, in any case, to IRIs.

    A class is read when it is first asked for: of a large record few questions want the names of all measures.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_class: dict[str, dict[str, str]] = {}

    def _of(self, cls: str) -> dict[str, str]:
        if cls not in self._by_class:
            self._by_class[cls] = self._read(cls)
        return self._by_class[cls]

    def _read(self, cls: str) -> dict[str, str]:
        names: dict[str, str] = {}
        answer = self._store.select(
            f"SELECT ?iri ?n WHERE {{ ?iri <{RDF.type}> <{cls}> . "
            "OPTIONAL { ?iri <http://www.w3.org/2004/02/skos/core#notation> ?n } } ORDER BY ?iri"
        )
        for row in json.loads(answer)["results"]["bindings"]:
            iri = row["iri"]["value"]
            names[iri.lower()] = iri
            names[slug(URIRef(iri)).lower()] = iri
            if "n" in row:
                names.setdefault(row["n"]["value"].lower(), iri)
        return names

    def of(self, classes: Sequence[str]) -> list[str]:
        """The IRIs of the members of some classes."""
        return sorted({iri for c in classes for iri in self._of(c).values()})

    def find(self, classes: Sequence[str], given: str) -> str | None:
        """The IRI that a name stands for."""
        return next((iri for c in classes if (iri := self._of(c).get(given.strip().lower()))), None)

    def nearest(self, classes: Sequence[str], given: str) -> list[str]:
        """Up to three short names that come near."""
        known = {slug(URIRef(iri)).lower(): slug(URIRef(iri)) for iri in self.of(classes)}
        wanted = slug(URIRef(given.strip().lower()[:80]))
        close = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
        close += [k for k in known if wanted and wanted in k and k not in close]
        return [known[k] for k in close[:3]]


def known(query: Query, given: Iterable[str], besides: Sequence[str] = ()) -> None:
    """Raises ParameterError for a name that is no parameter, nor one of those `besides`, with what comes near."""
    names = [*query.parameters, *besides]
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name[:80], names, n=2)
            known_names = Sentence("one of %(names)s", names=", ".join(names))
            raise ParameterError(name, None, known_names, near, Sentence("is no parameter of this question"))


def resolve(query: Query, given: Mapping[str, Sequence[str]], names: Names, today: date) -> dict[str, list[Term]]:
    """The terms of a call: values as given, defaults where nothing is given.

    Raises ParameterError for an unknown name, a missing or unknown value, or values that exclude each other.
    """
    given = {k: v for k, v in given.items() if v}
    known(query, given)
    terms: dict[str, list[Term]] = {}
    for parameter in query.parameters.values():
        values = given.get(parameter.name)
        if parameter.unless is not None and parameter.unless in given:
            if values:
                one = Sentence("either %(one)s or %(other)s, not both", one=parameter.name, other=parameter.unless)
                raise ParameterError(parameter.name, values[0], one)
            continue
        if values:
            if len(values) > 1 and not parameter.repeatable:
                one = Sentence("one value only; %(value)s is given already", value=repr(values[0]))
                raise ParameterError(parameter.name, values[1], one)
            terms[parameter.name] = list(dict.fromkeys(_term(parameter, value, names) for value in values))
        elif parameter.default is not None:
            terms[parameter.name] = [_default(parameter, terms, names, today)]
        elif not parameter.optional:
            raise ParameterError(parameter.name, None, parameter.expected)
    return terms


def _default(parameter: Parameter, terms: Mapping[str, list[Term]], names: Names, today: date) -> Term:
    if parameter.default == "today":
        return Literal(today.isoformat(), datatype=XSD.date)
    if isinstance(parameter.default, dict):
        start = date.fromisoformat(str(terms[parameter.default["from"]][0]))
        if "plusDays" not in parameter.default:
            return Literal(start.isoformat(), datatype=XSD.date)
        days = int(str(terms[parameter.default["plusDays"]][0]))
        try:
            end = start + timedelta(days=days)
        except OverflowError:
            raise ParameterError(
                parameter.default["plusDays"], str(days), Sentence("days that end before the year 10000")
            ) from None
        return Literal(end.isoformat(), datatype=XSD.date)
    return _term(parameter, str(parameter.default), names)


def _term(parameter: Parameter, value: str, names: Names) -> Term:
    """The term a value stands for."""
    match parameter.type:
        case "date":
            if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
                raise ParameterError(parameter.name, value, parameter.expected)
            try:
                return Literal(date.fromisoformat(value).isoformat(), datatype=XSD.date)
            except ValueError:
                raise ParameterError(parameter.name, value, parameter.expected) from None
        case "dateTime":
            return _moment(parameter, value)
        case "integer":
            if not re.fullmatch(r"[0-9]{1,5}", value) or int(value) > 36500:
                raise ParameterError(parameter.name, value, parameter.expected)
            return Literal(int(value))
        case "iri":
            iri = names.find(parameter.of, value)
            if iri is None:
                raise ParameterError(parameter.name, value, parameter.expected, names.nearest(parameter.of, value))
            return URIRef(iri)
        case _:
            if parameter.pattern is not None and not re.fullmatch(parameter.pattern, value):
                raise ParameterError(parameter.name, value, parameter.expected)
            return Literal(value)


def _moment(parameter: Parameter, value: str) -> Literal:
    # In a query string a + that was not escaped arrives as a blank.
    text = re.sub(r" (?=[0-9]{2}:[0-9]{2}$)", "+", value)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or "T" not in text.upper():
            raise ValueError
        utc = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ParameterError(parameter.name, value, parameter.expected) from None
    stamp = f"{utc.year:04d}-{utc:%m-%dT%H:%M:%S}" + (f".{utc.microsecond:06d}".rstrip("0") if utc.microsecond else "")
    return Literal(stamp + "Z", datatype=XSD.dateTime, normalize=False)


def serialise(term: Term) -> str:
    """A term in SPARQL. Raises InforceError for what is not exactly one IRI or one literal."""
    if isinstance(term, URIRef):
        text = f"<{term}>"
    else:
        text = f'"{_UNSAFE.sub(lambda match: _ESCAPES[match[0]], str(term))}"'
        text += f"@{term.language}" if term.language else f"^^<{term.datatype}>" if term.datatype else ""
    if not _ONE_TERM.fullmatch(text):
        raise InforceError(f"{str(term)!r} is no {'IRI' if isinstance(term, URIRef) else 'literal'}")
    return text


def bind(query: Query, terms: Mapping[str, Sequence[Term]], found: Sequence[Found] = ()) -> str:
    """The query with these terms in its VALUES blocks, and without the groups of parameters that are not given.

    Only whole terms are put in, each proved to be one IRI or one literal, so the query keeps the shape of its template.
    With `found`, candidates for each of its windows, every group that speaks of them begins from a table of these.
    """
    key = tuple((name, tuple(values)) for name, values in sorted(terms.items()))
    if not found:
        return _bound(query.sparql, key)
    windows = tuple((window.span, window.measure) for window in query.windows)
    return _narrowed(query.sparql, _serialised(key), windows, found)


@lru_cache(maxsize=4096)
def _bound(sparql: str, terms: tuple[tuple[str, tuple[Term, ...]], ...]) -> str:
    data = _serialised(terms)
    kept, blocks = _without(sparql, frozenset(data))
    return _replaced(kept, [(block.start, block.end, f" {' '.join(data[block.name])} ") for block in blocks])


def _serialised(terms: Iterable[tuple[str, Sequence[Term]]]) -> dict[str, list[str]]:
    return {name: [serialise(term) for term in values] for name, values in terms}


@lru_cache(maxsize=1024)
def _without(sparql: str, names: frozenset[str]) -> tuple[str, list[_Block]]:
    """The query without the groups of parameters that are none of these, and the VALUES blocks that are left."""
    missing = [block for block in _blocks(sparql) if block.name not in names]
    if undroppable := [block.name for block in missing if block.group is None]:
        raise InforceError(f"?{undroppable[0]} is required")
    kept = _replaced(sparql, sorted({(*block.group, "") for block in missing if block.group}))
    kept = re.sub(r"\n\s*\n+", "\n\n", kept)
    return kept, _blocks(kept)


def _replaced(text: str, cuts: Iterable[tuple[int, int, str]]) -> str:
    """A text with other text from here to there; a cut inside the one before it has gone with that."""
    parts, position = [], 0
    for start, end, instead in cuts:
        if start >= position:
            parts += [text[position:start], instead]
            position = end
    return "".join([*parts, text[position:]])


def _narrowed(
    sparql: str, data: Mapping[str, Sequence[str]], windows: tuple[tuple[str, str], ...], found: Sequence[Found]
) -> str:
    """The query with data in its blocks, and with tables of what was found."""
    kept, blocks = _without(sparql, frozenset(data))
    rows: dict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
    for (span, measure), pairs in zip(windows, found, strict=True):
        for one, other in pairs:
            this, of = serialise(URIRef(one)), serialise(URIRef(other))
            rows[span, measure][f"{this} {of}"] = rows[span,][this] = rows[measure,][of] = None
    cuts = [(block.start, block.end, f" {' '.join(data[block.name])} ") for block in blocks]
    for start, end, columns, name in _places(kept, windows):
        head = " ".join(f"?{column}" for column in (*columns, *([name] if name else ())))
        values = [f" {value}" for value in data[name]] if name else [""]
        lines = " ".join(f"({row}{value})" for row in rows[columns] for value in values)
        cuts.append((start, end, f" VALUES ({head}) {{ {lines} }} "))
    return _replaced(kept, sorted(cuts))


@dataclass(slots=True)
class _Part:
    """A part of a query in braces while it is read: what it says outside of parts of its own, and its blocks.

    `start` is where it begins, `block` the parameter whose VALUES block it is, `read` how far it has been read; one
    that is `passed` over gets no table.
    """

    start: int
    block: str | None
    passed: bool
    read: int
    says: str = ""
    blocks: list[tuple[int, int, str]] = field(default_factory=list)


@lru_cache(maxsize=1024)
def _places(kept: str, windows: tuple[tuple[str, str], ...]) -> list[tuple[int, int, tuple[str, ...], str | None]]:
    """Where tables of spans and measures go in a query: from, to, their variables, and the parameter that joins them.

    Each group that speaks of them has one, save under EXISTS, which is asked for single rows anyway. Where triples of
    the group have a parameter, it is one table with that: an engine that begins with its smallest table would else
    begin with the parameter, and go through all that has its value.
    """
    places: list[tuple[int, int, tuple[str, ...], str | None]] = []
    opened = [_Part(0, None, False, 0)]
    for token in _TOKEN.finditer(kept):
        if token["skip"]:
            continue
        around = opened[-1]
        around.says += kept[around.read : token.start()]
        if not token["close"]:
            passed = re.search(r"\bEXISTS\s*$", around.says, re.IGNORECASE) is not None or around.passed
            opened.append(_Part(token.start(), token["name"], passed, token.end()))
            continue
        part = opened.pop()
        opened[-1].read = token.end()
        columns = _columns(part.says, windows)
        if part.block:
            opened[-1].blocks.append((part.start, token.end(), part.block))
        elif columns and not part.passed:
            within = kept.index("{", part.start) + 1
            stated = {*_VARIABLE.findall(re.split(r"\bFILTER\b", part.says, flags=re.IGNORECASE)[0])} - {*columns}
            start, end, name = next((block for block in part.blocks if block[2] in stated), (within, within, None))
            places.append((start, end, columns, name))
    return places


def _columns(says: str, windows: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The variables of the first window of whose spans a group speaks, else that of the measures; none of a SELECT."""
    spoken = {*_VARIABLE.findall(says)}
    if says.lstrip()[:6].upper() == "SELECT":
        return ()
    for pair in windows:
        if pair[0] in spoken:
            return tuple(name for name in pair if name in spoken)
    return next((pair[1:] for pair in windows if pair[1] in spoken), ())


def shape(sparql: str) -> str:
    """The algebra of a query as text, with the data of its VALUES blocks left out: binding must not change it."""

    def walk(node: Any) -> Any:
        if isinstance(node, CompValue):
            if node.name == "InlineData":  # how rdflib leaves a block inside NOT EXISTS
                return ("VALUES", sorted(str(v) for v in node["var"]))
            if node.name == "values":
                return ("VALUES", sorted({str(v) for row in node["res"] for v in row}))
            return (node.name, [(k, walk(v)) for k, v in node.items() if k not in ("_vars", "lazy")])
        if isinstance(node, list | tuple):
            return [walk(v) for v in node]
        return repr(node)

    return repr(walk(prepareQuery(sparql).algebra))


def rows(query: Query, answer: bytes) -> list[dict[str, Any]]:
    """SPARQL results JSON as flat rows: numbers as such, vocabulary terms by short names, absent and open as None."""
    return [
        {v: _plain(v in query.lists, binding.get(v)) for v in query.variables}
        for binding in json.loads(answer)["results"]["bindings"]
    ]


_NUMBERS = {str(XSD.integer): int, str(XSD.decimal): float, str(XSD.double): float}


def _plain(is_list: bool, term: Mapping[str, str] | None) -> Any:
    if term is None:
        return [] if is_list else None
    value = term["value"]
    if is_list:
        return value.split()
    if term["type"] == "uri":
        return value.removeprefix(NS)
    if value[:10] in (ALWAYS, OPEN):
        return None
    datatype = term.get("datatype")
    if datatype in _NUMBERS:
        number = _NUMBERS[datatype](value)
        return int(number) if number == int(number) else number
    return value == "true" if datatype == str(XSD.boolean) else value
