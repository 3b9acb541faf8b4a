"""What changed in law and what became known, as Atom feeds (RFC 4287), with archives by year (RFC 5005)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

from feedgenerator import Atom1Feed
from rdflib import URIRef

from inforce import __version__
from inforce.catalogue import slug
from inforce.model import BASE, NS
from inforce.service import Answer, Service, remembered
from inforce.turtle import PREFIXES
from inforce.web.feeds import words
from inforce.web.feeds.points import Point, language, midnight, points, zone_of
from inforce.web.pages import templates
from inforce.web.site import path, short, site

MEDIA = "application/atom+xml"
HISTORY = "http://purl.org/syndication/history/1.0"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry: its name for good, its words, where it leads and what it rests on."""

    name: str
    title: str
    updated: datetime
    about: str
    related: Mapping[str, str]
    categories: Sequence[str]
    html: str


def of_law(service: Service, answer: Answer, base: str) -> list[Entry]:
    """The turning points in an answer of `changes`, the last first."""
    turning = points(service, answer)
    sources = _sources(service, {point.act for point in turning}, language(answer))
    return [_turned(service, point, sources, base, language(answer)) for point in reversed(turning)]


def _turned(
    service: Service, point: Point, sources: Mapping[str, Sequence[Mapping[str, Any]]], base: str, lang: str
) -> Entry:
    known = site(service)
    html = templates.get_template("feed_point.html").render(
        point=point, site=known, lang=lang, sources=sources[point.act], at=lambda iri: _at(base, iri), words=words
    )
    kind = known.about[point.measure]["kind"]
    return Entry(
        name=f"{BASE}feeds#{point.name}",
        title=f"{point.what} – {point.label}",
        updated=point.seen,
        about=_at(base, point.measure),
        related={_at(base, point.clause): short(point.clause)},
        categories=[point.country, kind],
        html=html,
    )


def of_knowledge(service: Service, answer: Answer, base: str) -> list[Entry]:
    """The acts in an answer of `learned`, the last first; each with all that it does, whatever was asked for."""
    if not answer.rows:
        return []
    lang, wanted = language(answer), {row["act"] for row in answer.rows}
    asked = {name: [str(answer.parameters[name][0])] for name in ("from", "to", "lang")}
    rows = [row for row in service.ask("learned", asked, date.min).rows if row["act"] in wanted]
    sources = _sources(service, wanted, lang)
    by_act = [list(group) for _, group in groupby(rows, key=lambda row: row["act"])]
    return [_act(service, of_act, sources, base, lang) for of_act in reversed(by_act)]


def _act(
    service: Service,
    rows: Sequence[Mapping[str, Any]],
    sources: Mapping[str, Sequence[Mapping[str, Any]]],
    base: str,
    lang: str,
) -> Entry:
    known, act = site(service), rows[0]["act"]
    country = jurisdictions(service)[act]
    public = date.fromisoformat(rows[0]["public"])
    html = templates.get_template("feed_act.html").render(
        act=act, public=public, country=country, effects=list(_alike(rows)), site=known, lang=lang, ns=NS,
        sources=sources[act], covered=words.covered(service, country, lang), at=lambda iri: _at(base, iri), words=words,
    )  # fmt: skip
    kinds = {known.about[row["measure"]]["kind"] for row in rows}
    announced = all(row["force"] == "announced" for row in rows)
    return Entry(
        name=f"{BASE}feeds#{short(act)}",
        title=words.said(lang, "only announced" if announced else "act", title=rows[0]["title"]),
        updated=midnight(public, zone_of(country)),
        about=_at(base, act),
        related={_at(base, row["clause"]): short(row["clause"]) for row in rows},
        categories=[country, *sorted(kinds)],
        html=html,
    )


def _alike(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Rows that say the same of several measures, together: one of them, and all."""
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        key = tuple(value for name, value in row.items() if name not in ("measure", "label"))
        found.setdefault(key, []).append(row)
    for together in found.values():
        yield together[0], together


@remembered()
def jurisdictions(service: Service) -> Mapping[str, str]:
    """The country of each act."""
    found = service.store.select(f"SELECT ?act ?country {{ ?act <{PREFIXES['eli']}jurisdiction> ?country }}")
    return {row["act"]["value"]: row["country"]["value"] for row in json.loads(found)["results"]["bindings"]}


def _sources(service: Service, acts: Iterable[str], lang: str) -> Mapping[str, list[Mapping[str, Any]]]:
    """The sources of acts, each once."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {act: {} for act in acts}
    if found:
        for row in service.ask("sources", {"act": sorted(found), "lang": [lang]}, date.min).rows:
            found[row["act"]].setdefault(row["source"], row)
    return {act: list(of_act.values()) for act, of_act in found.items()}


def _at(base: str, iri: str) -> str:
    """Where this host serves an IRI of the record."""
    return base + path(iri).removeprefix("/")


class _Feed(Atom1Feed):  # type: ignore[misc]
    """Django's feed with links of every kind, categories by scheme, and a date that is never that of now."""

    def root_attributes(self) -> dict[str, str]:
        return {**super().root_attributes(), "xmlns:fh": HISTORY}

    def add_root_elements(self, handler: Any) -> None:
        super().add_root_elements(handler)
        handler.addQuickElement("generator", "inforce", {"uri": BASE, "version": __version__})
        handler.addQuickElement("icon", self.feed["icon"])
        for relation, href in self.feed["links"].items():
            handler.addQuickElement("link", "", {"rel": relation, "href": href, "type": MEDIA})
        if self.feed["archive"]:
            handler.addQuickElement("fh:archive")

    def add_item_elements(self, handler: Any, item: Mapping[str, Any]) -> None:
        super().add_item_elements(handler, item)
        for href, title in item["related"].items():
            handler.addQuickElement("link", "", {"rel": "related", "href": href, "title": title})
        for category in item["about"]:
            handler.addQuickElement("category", "", category)

    def latest_post_date(self) -> datetime:
        latest: datetime = max((item["updateddate"] for item in self.items), default=self.feed["searched"])
        return latest


def write(
    service: Service,
    entries: Sequence[Entry],
    name: str,
    iri: str,
    lang: str,
    base: str,
    links: Mapping[str, str],
    archive: bool = False,
) -> bytes:
    """A feed document; `iri` names the feed in all its documents, `links` are those to others by their relation."""
    others = {relation: href for relation, href in links.items() if relation not in ("self", "alternate")}
    feed = _Feed(
        title=words.said(lang, "title", name=words.said(lang, name)),
        link=links["alternate"],
        feed_url=links["self"],
        feed_guid=iri,
        description=words.about(service, lang),
        language=lang,
        author_name="inforce",
        author_link=BASE,
        feed_copyright="CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
        icon=f"{base}static/icon.svg",
        links=others,
        archive=archive,
        searched=_searched(service),
    )
    known = site(service)
    for entry in entries:
        feed.add_item(
            title=entry.title,
            link=entry.about,
            description=None,
            unique_id=entry.name,
            updateddate=entry.updated,
            content=entry.html,
            related=entry.related,
            about=[
                {"term": slug(URIRef(c)), "scheme": c.rpartition("/")[0] + "/", "label": words.name(known, c, lang)}
                for c in entry.categories
            ],
        )
    return str(feed.writeString("utf-8")).encode()


def _searched(service: Service) -> datetime:
    """Up to when an empty feed can tell that there is nothing."""
    return midnight(date.fromisoformat(min(service.manifest["coveredThrough"].values())), UTC)
