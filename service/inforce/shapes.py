"""The rules in shapes/*.ttl: read, cut down to some things, and asked of a part of the record that is whole for them.

A shape looks at one thing and, beyond it, one step far: at what the thing names and at what names the thing. So a file
can be checked with the few facts of other files that lie within this reach. Shapes that ask a scheme, in SPARQL, about
all its concepts are apart: they are asked of all facts of which their queries speak.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyshacl
from rdflib import RDF, RDFS, SH, SKOS, Graph, URIRef
from rdflib.term import Node

from inforce.model import BASE, InforceError

SHAPE = BASE + "shape/"
_TARGETS = (SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf)
_INNER = (SH.node, SH.property, SH["not"], SH.qualifiedValueShape)
_INNER_LISTS = (SH["or"], SH["and"], SH.xone)
_COMPARED = (SH.equals, SH.disjoint, SH.lessThan, SH.lessThanOrEquals)
_NAME = re.compile(r"([a-z][\w-]*):(\w[\w-]*)|<([^<>\s]+)>")


@dataclass(frozen=True, slots=True)
class Reach:
    """How far shapes look: `asked` are the properties that they ask of things that a thing names or that name it,
    `back` those by which something names a thing, `schemes` those that are asked of all concepts of a scheme."""

    asked: frozenset[Node]
    back: frozenset[Node]
    schemes: frozenset[Node]


@dataclass(frozen=True, slots=True)
class Result:
    """What breaks a shape, as the report of a validation says it."""

    rule: str
    message: str
    warning: bool
    subject: Node
    path: Node | None
    value: Node | None
    component: Node | None


def read(root: Path) -> Graph:
    """The shapes of a record. Raises InforceError where there are none."""
    graph = Graph()
    for path in files(root):
        graph.parse(path)
    if not graph:
        raise InforceError(f"{root / 'shapes'}: no shapes found")
    return graph


def files(root: Path) -> list[Path]:
    return sorted((root / "shapes").glob("*.ttl"))


def of_schemes(shapes: Graph) -> set[Node]:
    """The shapes that ask a scheme about its concepts."""
    of = {*shapes.subjects(SH.targetClass, SKOS.ConceptScheme), *shapes.subjects(SH.targetNode)}
    return of & set(shapes.subjects(SH.sparql))


def reach(shapes: Graph) -> Reach:
    """How far these shapes look. Raises InforceError where one looks farther than one step."""
    apart = of_schemes(shapes)
    asked: set[Node] = {RDF.type}
    back: set[Node] = set(shapes.objects(None, SH.targetObjectsOf))
    schemes: set[Node] = {SKOS.inScheme}
    for shape in {shape for target in _TARGETS for shape in shapes.subjects(target)}:
        (schemes if shape in apart else asked).update(_of_queries(shapes, shape))
        for predicate, away, inverse in _looks(shapes, shape, 0):
            if away + inverse > 1:
                raise InforceError(f"{shape}: {predicate} is more than one step away from what this is about")
            if inverse:
                back.add(predicate)
            elif away:
                asked.add(predicate)
    return Reach(frozenset(asked), frozenset(back), frozenset(schemes))


def _looks(shapes: Graph, shape: Node, away: int) -> Iterator[tuple[Node, int, bool]]:
    """The properties at which a shape looks, how many steps away from a thing, and whether against their direction."""
    if away and (shape, SH.closed, None) in shapes:
        yield SH.closed, 2, False  # it looks at everything
    # What a path leads to is compared with what is said where the path begins.
    yield from ((predicate, away, False) for c in _COMPARED for predicate in shapes.objects(shape, c))
    for path in shapes.objects(shape, SH.path):
        for step in shapes.items(path) if (path, RDF.first, None) in shapes else [path]:
            yield from ((predicate, away + more, inverse) for predicate, more, inverse in _step(shapes, step))
            away += 1
    yield from ((RDF.type, away, False) for _ in shapes.objects(shape, SH["class"]))
    inner = [each for constraint in _INNER for each in shapes.objects(shape, constraint)]
    inner += [each for c in _INNER_LISTS for items in shapes.objects(shape, c) for each in shapes.items(items)]
    for each in inner:
        yield from _looks(shapes, each, away)


def _step(shapes: Graph, step: Node) -> Iterator[tuple[Node, int, bool]]:
    """The properties that make one step of a path, how many more steps they make, and whether they lead backwards."""
    if isinstance(step, URIRef):
        yield step, 0, False
        return
    for predicate, part in shapes.predicate_objects(step):
        if predicate == SH.alternativePath:
            yield from (found for each in shapes.items(part) for found in _step(shapes, each))
        elif predicate == SH.inversePath:
            yield from ((found, more, not inverse) for found, more, inverse in _step(shapes, part))
        else:
            yield predicate, 2, False  # a path of any length


def _of_queries(shapes: Graph, shape: Node) -> Iterator[Node]:
    """Whatever the SPARQL of a shape names, the properties among it."""
    for constraint in shapes.objects(shape, SH.sparql):
        spaces = {
            str(shapes.value(each, SH.prefix)): str(shapes.value(each, SH.namespace))
            for ontology in shapes.objects(constraint, SH.prefixes)
            for each in shapes.objects(ontology, SH.declare)
        }
        for query in shapes.objects(constraint, SH.select):
            for prefix, name, iri in _NAME.findall(str(query)):
                yield URIRef(iri or spaces.get(prefix, "") + name)


def narrowed(shapes: Graph, data: Graph, focus: set[Node], but: Container[Node] = ()) -> Graph:
    """The shapes with their targets cut down to `focus`, and with none for some shapes.

    pySHACL's own focus_nodes is no help: it also skips the inner shapes of sh:or and sh:not, which turns answers round.
    """
    result = Graph()
    for shape, predicate, target in shapes:
        if predicate not in _TARGETS:
            result.add((shape, predicate, target))
            continue
        if shape in but:
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
            result.add((shape, SH.targetNode, node))
    return result


def validated(data: Graph, shapes: Graph) -> Iterator[Result]:
    """What breaks the shapes."""
    _, report, _ = pyshacl.validate(data, shacl_graph=shapes, advanced=False, inference="none", inplace=True)
    for result in report.subjects(RDF.type, SH.ValidationResult):
        subject = report.value(result, SH.focusNode)
        assert subject is not None, "a result is about something"
        yield Result(
            str(report.value(result, SH.sourceShape)).removeprefix(SHAPE),
            str(report.value(result, SH.resultMessage)),
            report.value(result, SH.resultSeverity) == SH.Warning,
            subject,
            report.value(result, SH.resultPath),
            report.value(result, SH.value),
            report.value(result, SH.sourceConstraintComponent),
        )
