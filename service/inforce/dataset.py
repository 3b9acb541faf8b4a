"""What is said of the dataset to those who find, cite and load it: DCAT 3 with PROV, schema.org, a data package.

No date is given for a version: which version it is follows from its content, and when it was made from nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from rdflib import DCTERMS, FOAF, PROV, RDF, RDFS, SKOS, VOID, XSD, Literal, Namespace, URIRef

from inforce.frames import Frame
from inforce.model import BASE, NS
from inforce.store import Manifest, Store
from inforce.turtle import ELI, INF, PREFIXES, Triple

DATASET = URIRef(BASE + "dataset")
ENDPOINT = URIRef(BASE + "sparql")
# rdflib's own lacks the terms of DCAT 3.
DCAT = Namespace(PREFIXES["dcat"])
SPDX = Namespace(PREFIXES["spdx"])
TITLES = {
    "en": "inforce: trade measures between China and the United States in time",
    "zh": "inforce：中美贸易措施时态知识图谱",
}
DESCRIPTION = (
    "Which trade measures were in force on a day, as known on a day, and why: the legal acts, what their "
    "clauses do to each measure, and the timeline that follows from them."
)
CREATOR = "The inforce maintainers"
KEYWORDS = (
    "export controls", "tariffs", "critical minerals", "rare earths", "linked data", "SPARQL", "bitemporal",
)  # fmt: skip
LICENCE = URIRef("https://creativecommons.org/licenses/by/4.0/")
LICENCE_ID = "CC-BY-4.0"
# What is served separately: what people wrote, what the record compiles from it, and both as tables.
PARTS: Mapping[str, tuple[str, str]] = {
    "all": (
        "Everything",
        "All triples, what people wrote and what follows from it, in named graphs; Turtle has their union.",
    ),
    "sources": (
        "What people wrote",
        "The acts with their clauses, effects, items and sources, a graph each; reference data; vocabulary; queries.",
    ),
    "compiled": (
        "What follows from it",
        "The timeline of each measure in legal and public time, and the windows of effects: compiled, never written.",
    ),
    "tables": ("Tables", "Acts, measures, effects, spans and more as data frames with typed, documented columns."),
}
_EU = "http://publications.europa.eu/resource/authority/"
_THEMES = {
    "ECON": "Economy and finance",
    "INTR": "International issues",
    "JUST": "Justice, legal system and public safety",
}
_LANGUAGES = {"ENG": "English", "ZHO": "Chinese"}
_MEDIA = "https://www.iana.org/assignments/media-types/"
_AGENT = URIRef(DATASET + "#maintainers")
_PERIOD = URIRef(DATASET + "#period")
_SOFTWARE = URIRef(DATASET + "#software")


@dataclass(frozen=True, slots=True)
class Download:
    """A file to be downloaded: of which part of the dataset, in which form, how large, with which SHA-256."""

    name: str
    part: str
    title: str
    form: str
    media: str
    gzipped: bool
    size: int
    sha256: str
    about: str | None = None


def version_iri(version: str) -> URIRef:
    """The IRI of a version of the dataset."""
    return URIRef(f"{BASE}v/{quote(version, safe='+')}")


def address(version: str, name: str) -> URIRef:
    """The IRI under which a download of a version can be had for good."""
    return URIRef(f"{version_iri(version)}/dumps/{quote(name)}")


def described(store: Store, manifest: Manifest, downloads: Sequence[Download], kept: Sequence[str]) -> Iterator[Triple]:
    """The dataset in terms of DCAT 3; `kept` are the versions that can be asked, the last made first."""
    version = manifest["version"]
    yield DATASET, RDF.type, DCAT.Dataset
    for language, title in TITLES.items():
        yield DATASET, DCTERMS.title, Literal(title, language)
    yield DATASET, DCTERMS.description, Literal(DESCRIPTION, "en")
    yield DATASET, DCAT.version, Literal(version)
    yield DATASET, DCAT.hasCurrentVersion, version_iri(version)
    for other in kept:
        yield DATASET, DCAT.hasVersion, version_iri(other)
    yield from _classified()
    yield from _covered(store)
    yield DATASET, DCAT.landingPage, URIRef(BASE)
    yield URIRef(BASE), RDF.type, FOAF.Document
    yield from _parts(version, downloads)
    yield from _services()
    yield from _made(version)
    yield from access(version, downloads)
    yield from of_version(version, downloads, kept)


def of_version(version: str, downloads: Sequence[Download], kept: Sequence[str]) -> Iterator[Triple]:
    """One version and where its files are; the one made before it, where that is kept as well."""
    this = version_iri(version)
    yield from _rights(this)
    yield this, RDF.type, DCAT.Dataset
    yield this, DCTERMS.title, Literal(f"inforce, version {version}", "en")
    yield this, DCTERMS.description, Literal(DESCRIPTION, "en")
    yield this, DCAT.version, Literal(version)
    yield this, DCAT.isVersionOf, DATASET
    for later, earlier in pairwise(kept):
        if later == version:
            yield this, DCAT.previousVersion, version_iri(earlier)
    for download in downloads:
        yield from _distribution(version, download)
        if download.part == "all":
            yield this, DCAT.distribution, _node(version, download)


def access(version: str, downloads: Sequence[Download]) -> Iterator[Triple]:
    """How the triples can be had, in terms of VoID."""
    yield DATASET, RDF.type, VOID.Dataset
    yield DATASET, VOID.sparqlEndpoint, ENDPOINT
    for download in downloads:
        if download.part == "all":
            yield DATASET, VOID.dataDump, address(version, download.name)


def _rights(of: URIRef) -> Iterator[Triple]:
    yield of, DCTERMS.license, LICENCE
    yield LICENCE, RDF.type, DCTERMS.LicenseDocument
    yield LICENCE, DCTERMS.title, Literal("Creative Commons Attribution 4.0 International", "en")


def _classified() -> Iterator[Triple]:
    """Rights, author, language and subject."""
    yield from _rights(DATASET)
    public = URIRef(_EU + "access-right/PUBLIC")
    yield DATASET, DCTERMS.accessRights, public
    yield public, RDF.type, DCTERMS.RightsStatement
    yield DATASET, DCTERMS.creator, _AGENT
    yield _AGENT, RDF.type, FOAF.Agent
    yield _AGENT, FOAF.name, Literal(CREATOR, "en")
    yield DATASET, DCTERMS.conformsTo, URIRef(NS.removesuffix("#"))
    yield URIRef(NS.removesuffix("#")), RDF.type, DCTERMS.Standard
    for code, name in _LANGUAGES.items():
        yield DATASET, DCTERMS.language, URIRef(_EU + "language/" + code)
        yield URIRef(_EU + "language/" + code), RDF.type, DCTERMS.LinguisticSystem
        yield URIRef(_EU + "language/" + code), RDFS.label, Literal(name, "en")
    for keyword in KEYWORDS:
        yield DATASET, DCAT.keyword, Literal(keyword, "en")
    for code, name in _THEMES.items():
        theme = URIRef(_EU + "data-theme/" + code)
        yield DATASET, DCAT.theme, theme
        yield theme, RDF.type, SKOS.Concept
        yield theme, SKOS.prefLabel, Literal(name, "en")


def _covered(store: Store) -> Iterator[Triple]:
    """Whose acts of which years are in, and up to which day the publications of each issuer were searched."""
    first, last = public_days(store)
    yield DATASET, DCTERMS.temporal, _PERIOD
    yield _PERIOD, RDF.type, DCTERMS.PeriodOfTime
    yield _PERIOD, RDFS.comment, Literal("The days on which the acts of the record became public.", "en")
    yield _PERIOD, DCAT.startDate, Literal(first, datatype=XSD.date)
    yield _PERIOD, DCAT.endDate, Literal(last, datatype=XSD.date)
    for row in _rows(store, f"?c ?country {{ ?c a <{INF.Coverage}> ; <{ELI.jurisdiction}> ?country }}"):
        yield DATASET, DCTERMS.spatial, URIRef(row["country"])
        yield URIRef(row["country"]), RDF.type, DCTERMS.Location
    for row in _rows(
        store, f"?c ?p ?o {{ ?c a <{INF.Coverage}> ; ?p ?o VALUES ?p {{ <{ELI.jurisdiction}> <{INF.issuer}> }} }}"
    ):
        yield DATASET, DCTERMS.relation, URIRef(row["c"])
        yield URIRef(row["c"]), URIRef(row["p"]), URIRef(row["o"])
    for row in _rows(store, f"?c ?day {{ ?c <{INF.coveredThrough}> ?day }}"):
        yield URIRef(row["c"]), INF.coveredThrough, Literal(row["day"], datatype=XSD.date)


def public_days(store: Store) -> tuple[str, str]:
    """The first and the last day on which an act of the record became public."""
    (row,) = _rows(store, f"(MIN(?day) AS ?first) (MAX(?day) AS ?last) {{ ?act <{INF.madePublic}> ?day }}")
    return row["first"], row["last"]


def _parts(version: str, downloads: Sequence[Download]) -> Iterator[Triple]:
    """The parts of the dataset as datasets of their own, each with its files."""
    for name, (title, description) in PARTS.items():
        part = DATASET if name == "all" else URIRef(f"{DATASET}#{name}")
        if part != DATASET:
            yield DATASET, DCTERMS.hasPart, part
            yield part, DCTERMS.isPartOf, DATASET
            yield part, RDF.type, DCAT.Dataset
            yield part, DCTERMS.title, Literal(title, "en")
            yield part, DCTERMS.description, Literal(description, "en")
            yield from _rights(part)
        for download in downloads:
            if download.part == name:
                yield part, DCAT.distribution, _node(version, download)


def _node(version: str, download: Download) -> URIRef:
    return URIRef(f"{version_iri(version)}#{quote(download.name)}")


def _distribution(version: str, download: Download) -> Iterator[Triple]:
    this = _node(version, download)
    yield from _rights(this)
    yield this, RDF.type, DCAT.Distribution
    yield this, DCTERMS.title, Literal(download.title, "en")
    if download.about:
        yield this, DCTERMS.description, Literal(download.about, "en")
    yield this, DCAT.accessURL, version_iri(version)
    yield this, DCAT.downloadURL, address(version, download.name)
    media, packed, archive = URIRef(_MEDIA + download.media), "application/gzip", "application/zip"
    if download.media == archive:  # of tables
        media = URIRef(_MEDIA + "text/csv")
        yield this, DCAT.packageFormat, URIRef(_MEDIA + archive)
        yield URIRef(_MEDIA + archive), RDF.type, DCTERMS.MediaType
    if download.gzipped:
        yield this, DCAT.compressFormat, URIRef(_MEDIA + packed)
        yield URIRef(_MEDIA + packed), RDF.type, DCTERMS.MediaType
    yield this, DCAT.mediaType, media
    yield media, RDF.type, DCTERMS.MediaType
    yield this, DCAT.byteSize, Literal(str(download.size), datatype=XSD.nonNegativeInteger)
    checksum = URIRef(f"{this}-sha256")
    yield this, SPDX.checksum, checksum
    yield checksum, RDF.type, SPDX.Checksum
    yield checksum, SPDX.algorithm, SPDX.checksumAlgorithm_sha256
    yield SPDX.checksumAlgorithm_sha256, RDF.type, SPDX.ChecksumAlgorithm
    yield checksum, SPDX.checksumValue, Literal(download.sha256, datatype=XSD.hexBinary)


def _services() -> Iterator[Triple]:
    """Where the dataset can be asked: by SPARQL, and by the questions of the catalogue."""
    services = {
        "sparql": ("SPARQL 1.1 endpoint", ENDPOINT, ENDPOINT, "http://www.w3.org/TR/sparql11-protocol/"),
        "api": (
            "The questions of the catalogue over HTTP",
            URIRef(BASE + "api/"),
            URIRef(BASE + "openapi.json"),
            "https://spec.openapis.org/oas/v3.1.0",
        ),
    }
    for name, (title, endpoint, description, standard) in services.items():
        service = URIRef(f"{DATASET}#{name}")
        yield service, RDF.type, DCAT.DataService
        yield service, DCTERMS.title, Literal(title, "en")
        yield service, DCAT.endpointURL, endpoint
        yield service, DCAT.endpointDescription, description
        yield service, DCAT.servesDataset, DATASET
        yield service, DCTERMS.conformsTo, URIRef(standard)
        yield URIRef(standard), RDF.type, DCTERMS.Standard
        yield from _rights(service)
        through = URIRef(f"{service}-distribution")
        yield DATASET, DCAT.distribution, through
        yield through, RDF.type, DCAT.Distribution
        yield through, DCTERMS.title, Literal(title, "en")
        yield through, DCAT.accessURL, endpoint
        yield through, DCAT.accessService, service
        yield from _rights(through)


def _made(version: str) -> Iterator[Triple]:
    """By which program the version was made, and of what."""
    release, build = version.partition("+")[0], URIRef(f"{version_iri(version)}#build")
    sources, compiled = URIRef(DATASET + "#sources"), URIRef(DATASET + "#compiled")
    yield DATASET, PROV.wasGeneratedBy, build
    yield version_iri(version), PROV.wasGeneratedBy, build
    yield build, RDF.type, PROV.Activity
    yield build, RDFS.label, Literal(f"Compilation of the record by inforce {release}", "en")
    yield build, PROV.used, sources
    yield build, PROV.wasAssociatedWith, _SOFTWARE
    yield _SOFTWARE, RDF.type, PROV.SoftwareAgent
    yield _SOFTWARE, RDFS.label, Literal(f"inforce {release}", "en")
    yield compiled, PROV.wasDerivedFrom, sources
    yield compiled, PROV.wasGeneratedBy, build


def markup(store: Store, manifest: Manifest, downloads: Sequence[Download]) -> dict[str, Any]:
    """The dataset in terms of schema.org, for search engines."""
    version, (first, last) = manifest["version"], public_days(store)
    files = [
        {
            "@type": "DataDownload",
            "name": download.title,
            "contentUrl": str(address(version, download.name)),
            "encodingFormat": "application/gzip" if download.gzipped else download.media,
            "contentSize": f"{download.size} B",
            "sha256": download.sha256,
        }
        for download in downloads
    ]
    names = (
        f"?name {{ ?c a <{INF.Coverage}> ; <{ELI.jurisdiction}>/<{SKOS.prefLabel}> ?name FILTER (LANG(?name) = 'en') }}"
    )
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": str(DATASET),
        "name": TITLES["en"],
        "alternateName": TITLES["zh"],
        "description": DESCRIPTION,
        "url": str(DATASET),
        "identifier": str(DATASET),
        "version": version,
        "license": str(LICENCE),
        "isAccessibleForFree": True,
        "keywords": list(KEYWORDS),
        "inLanguage": ["en", "zh"],
        "creator": {"@type": "Organization", "name": CREATOR, "url": BASE},
        "temporalCoverage": f"{first}/{last}",
        "spatialCoverage": [
            {"@type": "Place", "name": name} for name in sorted({r["name"] for r in _rows(store, names)})
        ],
        "distribution": files,
    }


def package(tables: Sequence[tuple[Frame, int, str]], version: str) -> dict[str, Any]:
    """The data package (Data Package 2.0) of some tables, each given with the size and the SHA-256 of its CSV."""
    resources = [
        {
            "name": frame.name,
            "type": "table",
            "title": frame.title,
            "description": frame.description,
            "path": f"{frame.name}.csv",
            "scheme": "file",
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "bytes": size,
            "hash": f"sha256:{sha256}",
            "schema": frame.schema(),
        }
        for frame, size, sha256 in tables
    ]
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "inforce",
        "id": str(version_iri(version)),
        "title": TITLES["en"],
        "description": DESCRIPTION,
        "homepage": BASE,
        "version": version,
        "licenses": [{"name": LICENCE_ID, "path": str(LICENCE)}],
        "contributors": [{"title": CREATOR, "path": BASE, "roles": ["creator"]}],
        "keywords": list(KEYWORDS),
        "resources": resources,
    }


def _rows(store: Store, select: str) -> list[dict[str, str]]:
    found = json.loads(store.select(f"SELECT DISTINCT {select}"))["results"]["bindings"]
    return [{name: cell["value"] for name, cell in row.items()} for row in found]
