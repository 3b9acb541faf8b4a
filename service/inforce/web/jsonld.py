"""JSON-LD that reads like plain JSON: a thing with what belongs to it inside, in the words of one context.

The context is a file of its own (ontology/context.jsonld, served at /context.jsonld), so a name means the same in every
document. A document carries the part of it that it needs, and can be read without asking anyone.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rdflib import RDF, XSD, BNode, Graph, Literal, URIRef
from rdflib.term import Node

from inforce.model import BASE, NS, natural
from inforce.record import root
from inforce.turtle import PREFIXES, compact

_FIRST = ("id", "type", "prefLabel", "label", "title")
_LAST = "included"


@lru_cache(maxsize=1)
def published() -> bytes:
    """The context of all documents, as a document of its own."""
    return (root() / "ontology" / "context.jsonld").read_bytes()


@lru_cache(maxsize=1)
def context() -> Mapping[str, Any]:
    """What each short name stands for, and how its values are written."""
    found: Mapping[str, Any] = json.loads(published())["@context"]
    return found


@lru_cache(maxsize=1)
def _terms() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The short names by their properties, and those that say a property from its value's side."""
    forward, backward = {}, {}
    for name, told in context().items():
        if isinstance(told, dict) and "@reverse" in told:
            backward[_expanded(told["@reverse"])] = name
        elif name not in PREFIXES and not name.startswith("@"):
            forward[_expanded(told["@id"] if isinstance(told, dict) else told)] = name
    return forward, backward


def _expanded(short: str) -> str:
    prefix, _, name = short.partition(":")
    return PREFIXES[prefix] + name if prefix in PREFIXES else short


def json_ld(graph: Graph, iri: str | None = None) -> bytes:
    """A graph as JSON-LD around the thing it describes: a node stands where it is first mentioned, the rest beside."""
    document = _Document(graph)
    about = URIRef(iri) if iri else None
    if about in document.said:
        written = document.tree(about)
        if document.waiting():
            written[_LAST] = [document.tree(node) for node in document.waiting()]
    else:
        written = {"@graph": [document.tree(node) for node in document.waiting()]}
    return json.dumps({"@context": document.context(), **written}, ensure_ascii=False, indent=1).encode()


class _Document:
    """The writing of one graph: which nodes have their place already, which words of the context were used."""

    def __init__(self, graph: Graph) -> None:
        self.said: dict[Node, dict[str, list[Node]]] = defaultdict(lambda: defaultdict(list))
        self._mentioned: dict[Node, list[tuple[str, Node]]] = defaultdict(list)
        for s, p, o in sorted(graph, key=_place):
            self.said[s][str(p)].append(o)
            if str(p) in _terms()[1]:
                self._mentioned[o].append((str(p), s))
        self._inside: dict[Node, dict[str, list[Node]]] = defaultdict(lambda: defaultdict(list))
        self._under: dict[Node, tuple[str, Node, bool]] = {}
        self._written: set[Node] = set()
        self._used: set[str] = {"id"}

    def waiting(self) -> list[Node]:
        """The nodes without a place so far, in a fixed order."""
        return [node for node in sorted(self.said, key=lambda n: natural(str(n))) if node not in self._written]

    def _is_word(self, node: Node) -> bool:
        """Whether a node is a word of the vocabulary, which stands for itself: suspended, export."""
        return str(node).startswith(NS)

    def _is_named(self, node: Node) -> bool:
        """Whether no more is said of a node than its names, which are repeated wherever it is mentioned."""
        said = self.said.get(node, {})
        literals = all(isinstance(value, Literal) for values in said.values() for value in values)
        return bool(said) and literals and not self._is_word(node)

    def tree(self, top: Node) -> dict[str, Any]:
        """A node with all that can stand inside it: what is nearest to it first."""
        self._written.add(top)
        queue = deque([top])
        while queue:
            node = queue.popleft()
            near = [(p, o, False) for p, values in self.said[node].items() if p != str(RDF.type) for o in values]
            near += [(p, s, True) for p, s in self._mentioned.get(node, ())]
            for p, other, backward in near:
                if other in self.said and other not in self._written and not self._is_word(other):
                    self._written.add(other)
                    queue.append(other)
                    self._under[other] = (p, node, backward)
                    if backward:
                        self._inside[node][p].append(other)
        return self._node(top)

    def _node(self, node: Node) -> dict[str, Any]:
        found: dict[str, Any] = {"id": self._name(node)}
        for p, values in self.said[node].items():
            for value in values:
                if self._under.get(node) == (p, value, True):
                    continue  # said from the other side
                here = self._under.get(value) == (p, node, False) or self._is_named(value)
                key, shown = self._said(p, value, here)
                _add(found, key, shown)
        for p, nodes in self._inside[node].items():
            found[self._use(_terms()[1][p])] = [self._node(other) for other in nodes]
        for key, value in found.items():
            if not isinstance(value, list) and _container(key) == "@set":
                found[key] = [value]
        first = [key for key in _FIRST if key in found]
        back = [key for key in found if key in _terms()[1].values()]
        return {key: found[key] for key in (*first, *sorted(found.keys() - {*first, *back}), *sorted(back))}

    def _said(self, p: str, value: Node, here: bool) -> tuple[str, Any]:
        """The key for a property, and a value; `here` if the value has its place in this one."""
        if p == str(RDF.type):
            return self._use("type"), self._word(value)
        name = _terms()[0].get(p)
        told = context()[name] if name else None
        kind = told.get("@type") if isinstance(told, dict) else None
        mapped = name is not None and _container(name) == "@language"
        key = name or (p.removeprefix(NS) if p.startswith(NS) else self._short(p))
        if not isinstance(value, Literal):
            if mapped:
                key = self._short(p)
            if here:
                return self._use(key), self._node(value)
            if kind == "@id" and not mapped:
                return self._use(key), self._name(value)
            if kind == "@vocab" and self._is_word(value):
                return self._use(key), str(value).removeprefix(NS)
            return self._use(key), {"id": self._name(value)}
        if mapped and value.language:
            return self._use(key), {value.language: str(value)}
        if mapped:
            key = self._short(p)
        return self._use(key), self._literal(value, None if mapped else kind)

    def _literal(self, value: Literal, kind: str | None) -> Any:
        """A literal under a key that makes its text a value of `kind`."""
        if value.language:
            return {"@value": str(value), "@language": value.language}
        if value.datatype in (None, XSD.string):
            return {"@value": str(value)} if kind else str(value)
        if not kind and value.datatype == XSD.integer and str(value) == str(int(value)):
            return int(value)
        if not kind and value.datatype == XSD.boolean and str(value) in ("true", "false"):
            return str(value) == "true"
        datatype = self._short(str(value.datatype))
        return str(value) if kind == datatype else {"@value": str(value), "@type": datatype}

    def _word(self, node: Node) -> str:
        iri = str(node)
        return iri.removeprefix(NS) if self._is_word(node) else self._short(iri)

    def _name(self, node: Node) -> str:
        """The name of a node: what follows the base of the record, else its IRI."""
        if isinstance(node, BNode):
            return f"_:{node}"
        own = str(node).removeprefix(BASE)
        return own if own and ":" not in own and not own.startswith(("/", "?", "#")) else str(node)

    def _short(self, iri: str) -> str:
        short = compact(iri)
        self._used.add(short.partition(":")[0])
        return short

    def _use(self, key: str) -> str:
        self._used.add(key)
        return key

    def context(self) -> dict[str, Any]:
        """The part of the context that was used. Names of things begin at the base of the record."""
        whole = context()
        used = {key for key in self._used if key in whole} | {"included"}
        for key in list(used):
            told = whole[key]
            ids = [told] if isinstance(told, str) else [v for k, v in told.items() if k in ("@id", "@reverse", "@type")]
            used |= {i.partition(":")[0] for i in ids if ":" in i}
        kept = {k: v for k, v in whole.items() if k in used or k == "@vocab" or k == "@version"}
        others = {p: PREFIXES[p] for p in sorted(self._used - kept.keys()) if p in PREFIXES}
        return {"@version": 1.1, "@base": BASE, **kept, **others}


def _container(key: str) -> str | None:
    """How the context gathers the values of a key: by language, or always as a list."""
    told = context().get(key)
    return told.get("@container") if isinstance(told, dict) else None


def _place(triple: tuple[Node, ...]) -> tuple[Any, ...]:
    """Where a triple stands: by subject and property, values in the order in which people count."""
    return tuple((natural(str(n)), f"{n.language} {n.datatype}" if isinstance(n, Literal) else "") for n in triple)


def _add(found: dict[str, Any], key: str, value: Any) -> None:
    """Put a value under a key: the first as it is, more of them as a list; texts by their languages."""
    if key not in found:
        found[key] = value
    elif isinstance(value, dict) and isinstance(found[key], dict) and _is_texts(value) and _is_texts(found[key]):
        for language, text in value.items():
            _add(found[key], language, text)
    else:
        held = found[key] if isinstance(found[key], list) else [found[key]]
        found[key] = [*held, value]


def _is_texts(value: Mapping[str, Any]) -> bool:
    return not {"id", "@value"} & value.keys()
