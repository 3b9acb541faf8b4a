"""The questions and the cookbook as RDF: examples that SPARQL editors and tools find in the endpoint itself.

The form is that of the SIB's sparql-examples: SHACL executables with a comment, keywords and declared prefixes. A
question has its parameters besides; its text holds an example for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rdflib import DCTERMS, OWL, RDF, RDFS, XSD, Literal, Namespace, URIRef

from inforce.catalogue import Parameter, Query
from inforce.model import BASE, InforceError
from inforce.turtle import PREFIXES, Triple

GRAPH = BASE + "graph/examples"
QUESTIONS, COOKBOOK = BASE + "queries/", BASE + "cookbook/"
SH, SCHEMA = Namespace(PREFIXES["sh"]), Namespace(PREFIXES["schema"])
_PREFIXES = URIRef(GRAPH + "#prefixes")
_PREFIX = re.compile(r"^PREFIX\s+([\w-]*):\s*<([^>]*)>", re.MULTILINE | re.IGNORECASE)


def triples(questions: Mapping[str, Query], cookbook: Mapping[str, Query]) -> Iterator[Triple]:
    """All examples, and the prefixes of the record and of every example.

    Raises InforceError where one prefix stands for two namespaces.
    """
    declared = dict(PREFIXES)
    for space, queries in ((QUESTIONS, questions), (COOKBOOK, cookbook)):
        for name, query in queries.items():
            for prefix, namespace in _PREFIX.findall(query.sparql):
                if declared.setdefault(prefix, namespace) != namespace:
                    raise InforceError(f"{name}: the prefix {prefix} stands for {declared[prefix]} elsewhere")
            yield from _executable(URIRef(space + name), query)
    yield _PREFIXES, RDF.type, OWL.Ontology
    for prefix, namespace in declared.items():
        node = URIRef(f"{GRAPH}#prefix-{prefix}")
        yield _PREFIXES, SH.declare, node
        yield node, SH.prefix, Literal(prefix)
        yield node, SH.namespace, Literal(namespace, datatype=XSD.anyURI)


def _executable(node: URIRef, query: Query) -> Iterator[Triple]:
    yield node, RDF.type, SH.SPARQLExecutable
    yield node, RDF.type, SH[f"SPARQL{query.form.title()}Executable"]
    yield node, RDFS.label, Literal(query.summary, lang="en")
    yield node, RDFS.comment, Literal(query.summary, lang="en")  # what editors list
    yield node, DCTERMS.description, Literal(query.description, lang="en")
    for keyword in query.keywords:
        yield node, SCHEMA.keywords, Literal(keyword, lang="en")
    yield node, SH[query.form.lower()], Literal(query.sparql)
    yield node, SH.prefixes, _PREFIXES
    yield node, SCHEMA.target, URIRef(BASE + "sparql")
    for parameter in query.parameters.values():
        yield from _parameter(node, parameter)


def _parameter(query: URIRef, parameter: Parameter) -> Iterator[Triple]:
    """A parameter as SHACL has it: the last part of its path is the name of the variable."""
    node = URIRef(f"{query}#parameter-{parameter.name}")
    yield query, SH.parameter, node
    yield node, RDF.type, SH.Parameter
    yield node, SH.path, URIRef(f"{query}#{parameter.name}")
    yield node, SH.name, Literal(parameter.name)
    yield node, SH.description, Literal(parameter.description, lang="en")
    required = parameter.default is None and not parameter.optional
    yield node, SH.minCount, Literal(int(required))
    if not parameter.repeatable:
        yield node, SH.maxCount, Literal(1)
    if parameter.pattern is not None:
        yield node, SH.pattern, Literal(f"^({parameter.pattern})$")
    if parameter.type != "iri":
        yield node, SH.datatype, XSD[parameter.type]
        return
    yield node, SH.nodeKind, SH.IRI
    for cls in parameter.of:  # any of them; sh:class would ask for all
        yield node, SCHEMA.rangeIncludes, URIRef(cls)
