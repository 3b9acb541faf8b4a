"""What the page of the dataset and that of its counts show."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from rdflib import RDF, URIRef
from rdflib import VOID as VOID_TERMS
from rdflib.term import Node

from inforce import dataset, frames
from inforce.service import Service
from inforce.web.description import DATASET, VOID, describe
from inforce.web.language import N_
from inforce.web.site import path

_TOTALS = (N_("triples"), N_("entities"), N_("classes"), N_("properties"))


def shown(service: Service, today: date) -> dict[str, Any]:
    """What the page of the dataset shows of a version: its files by part, its tables, its coverage, all versions."""
    downloads, version = service.downloads, service.manifest["version"]
    parts = [
        (name, title, description, [d for d in downloads if d.part == name])
        for name, (title, description) in dataset.PARTS.items()
    ]
    markup = json.dumps(dataset.markup(service.store, service.manifest, downloads), ensure_ascii=False)
    return {
        "manifest": service.manifest,
        "titles": dataset.TITLES,
        "description": dataset.DESCRIPTION,
        "at": path(str(dataset.version_iri(version))),
        "parts": [part for part in parts if part[3]],
        "tables": frames.read(frames.folder(service.folder)) if service.folder else [],
        "kept": [(other, path(str(dataset.version_iri(other)))) for other in service.kept],
        "coverage": service.ask("coverage", {}, today).rows if "coverage" in service.queries else [],
        # Within a script element only this could end it.
        "markup": markup.replace("<", "\\u003c"),
    }


def counted(service: Service) -> dict[str, Any]:
    """What is in the dataset: classes with their properties, all properties, links to other data."""
    graph, this = describe(service, VOID), URIRef(DATASET)

    def number(part: Node, predicate: URIRef) -> int:
        return int(str(graph.value(part, predicate) or 0))

    def properties(of: Node) -> list[tuple[str, int]]:
        parts = graph.objects(of, VOID_TERMS.propertyPartition)
        found = [(str(graph.value(part, VOID_TERMS.property)), number(part, VOID_TERMS.triples)) for part in parts]
        return sorted(found, key=lambda each: (-each[1], each[0]))

    classes = [
        (str(graph.value(part, VOID_TERMS["class"])), number(part, VOID_TERMS.entities), properties(part))
        for part in graph.objects(this, VOID_TERMS.classPartition)
    ]
    links = [
        (str(graph.value(part, VOID_TERMS.linkPredicate)), str(space), number(part, VOID_TERMS.triples))
        for part in graph.subjects(RDF.type, VOID_TERMS.Linkset)
        for target in graph.objects(part, VOID_TERMS.objectsTarget)
        for space in graph.objects(target, VOID_TERMS.uriSpace)
    ]
    return {
        "totals": {name: number(this, VOID_TERMS[name]) for name in _TOTALS},
        "classes": sorted(classes, key=lambda each: (-each[1], each[0])),
        "properties": properties(this),
        "links": sorted(links, key=lambda each: (-each[2], each[0], each[1])),
    }
