"""Earlier states of the documents of measures and acts, by the Memento protocol (RFC 7089) on the public clock.

There is a memento for each day on which something about a thing became public. Its datetime is the beginning of that
day in the jurisdiction; whoever asks for any moment of a day gets what was public by its end.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from rdflib import RDF, Graph, URIRef
from rdflib.term import Node

from inforce.model import ALWAYS, BASE, OPEN, Sentence, day_of, instant_from, natural
from inforce.service import Service
from inforce.turtle import INF
from inforce.web.description import index, kind_of, written
from inforce.web.documents import absent, address, send, split, told
from inforce.web.errors import Problem
from inforce.web.known import CLOCKS, days, known, zone
from inforce.web.negotiate import choose
from inforce.web.pages import page
from inforce.web.reply import REVALIDATE, reply
from inforce.web.site import path as place
from inforce.web.site import site
from inforce.web.things import applied, statements

router = APIRouter(include_in_schema=False)
LINK_FORMAT = "application/link-format"
# The order in which a page tells what belongs to a thing.
_SHOWN = (INF.Provision, INF.Effect, INF.Announcement, INF.Item, INF.Source)


@dataclass(frozen=True, slots=True)
class Past:
    """The mementos of one thing: the days on which something about it became public, counted by the clock `zone`."""

    iri: str
    days: tuple[date, ...]
    zone: ZoneInfo

    def by(self, day: date) -> date | None:
        """The memento that holds on a day; nothing before the first."""
        at = bisect_right(self.days, day)
        return self.days[at - 1] if at else None

    def around(self, day: date) -> tuple[date | None, date | None]:
        """The mementos before and after the one of a day."""
        at = self.days.index(day)
        return self.days[at - 1] if at else None, self.days[at + 1] if at + 1 < len(self.days) else None

    def moment(self, day: date) -> datetime:
        """The datetime of the memento of a day."""
        return instant_from(day, self.zone)

    def path(self, day: date) -> str:
        """Where the memento of a day is."""
        return f"{quote(place(self.iri))}/known/{day.isoformat()}"


@router.api_route("/timegate/{path:path}", methods=["GET", "HEAD"])
def timegate(request: Request, path: str) -> Response:
    """To the memento of the moment in Accept-Datetime, or to the last one."""
    past = _past(request, path)
    if isinstance(past, Response):
        return past
    links = _links(request, past)
    wanted = request.headers.get("accept-datetime")
    try:
        day = past.days[-1] if wanted is None else past.by(day_of(_moment(wanted), past.zone))
    except ValueError:
        problem = Problem(
            400, "invalid-datetime", f"Accept-Datetime cannot be understood: {wanted}",
            value=wanted, expected="a moment like Sat, 15 Nov 2025 12:00:00 GMT",
        )  # fmt: skip
        return _with(problem.response(request), links)
    if day is None:
        return _with(_too_early(request, past, str(wanted)), links)
    headers = {"Location": address(request, past.path(day)), "Cache-Control": REVALIDATE}
    return _with(Response(status_code=302, headers=headers), _links(request, past, day))


@router.api_route("/timemap/{path:path}", methods=["GET", "HEAD"])
def timemap(request: Request, path: str) -> Response:
    """The list of all mementos of a thing."""
    past = _past(request, path)
    if isinstance(past, Response):
        return past
    media = choose(request, [LINK_FORMAT, "application/json"])
    links = _links(request, past, everything=True)
    if media == LINK_FORMAT:
        return reply(request, (",\n".join(links) + "\n").encode(), media)
    original, gate, times = _services(request, past)
    listed = [
        {"datetime": past.moment(day).strftime("%Y-%m-%dT%H:%M:%SZ"), "uri": address(request, past.path(day))}
        for day in past.days
    ]
    body = {
        "original_uri": original,
        "timegate_uri": gate,
        "timemap_uri": {"link_format": times, "json_format": times},
        "mementos": {"first": listed[0], "last": listed[-1], "list": listed},
    }
    return reply(request, json.dumps(body, indent=1).encode(), media)


@router.api_route("/{kind}/{name}/known/{day}", methods=["GET", "HEAD"])
def memento(request: Request, kind: str, name: str, day: str) -> Response:
    """The document of a measure or an act as it was known from a day on."""
    asked, suffix = split(day, {})
    past = _past(request, f"{kind}/{name}", f"/known/{quote(day)}")
    if isinstance(past, Response):
        return past
    try:
        wanted = date.fromisoformat(asked)
    except ValueError:
        problem = Problem(
            404,
            "not-found",
            Sentence("%(asked)s is no day: expected one like %(day)s", asked=asked, day=str(past.days[-1])),
            nearest=[],
        )
        return told(request, problem, "missing.html", nearest=[past.iri])
    held = past.by(wanted)
    if held is None:
        return _with(_too_early(request, past, str(wanted)), _links(request, past))
    if held.isoformat() != asked:  # nothing new became known on that day
        to = past.path(held) + (f".{suffix}" if suffix else "")
        return Response(status_code=302, headers={"Location": to, "Cache-Control": REVALIDATE})
    service: Service = request.state.service
    graph = known(service, past.iri, held)
    iri = BASE + past.path(held).removeprefix("/")
    return send(
        request, iri, suffix, frozenset(),
        lambda media: written(service, past.iri, graph, media),
        lambda headers: _page(request, past, held, graph, iri, headers),
        links=tuple(_links(request, past, held)),
        headers={"Memento-Datetime": _http(past.moment(held))},
    )  # fmt: skip


def _past(request: Request, path: str, rest: str = "") -> Past | Response:
    """The mementos of the thing at a path, or of the thing with an IRI; else the answer that there are none."""
    for start in (BASE, str(request.base_url)):
        path = path.removeprefix(start)
    service: Service = request.state.service
    iri = BASE + path
    if iri not in index(service).documents:
        return absent(request, iri, rest)
    if kind_of(iri) not in CLOCKS or iri == BASE + kind_of(iri):
        problem = Problem(
            404, "not-found", Sentence("%(name)s has no states in time: measures and acts have", name=iri), nearest=[]
        )
        return told(request, problem, "missing.html", nearest=[iri])
    today = request.app.state.today()
    return Past(iri, tuple(day for day in days(service, iri) if day <= today), zone(service, iri))


def _moment(text: str) -> datetime:
    """The moment of an Accept-Datetime header, RFC 1123 in GMT. Raises ValueError."""
    found = parsedate_to_datetime(text)
    if not text.rstrip().endswith("GMT"):
        raise ValueError(text)
    return found.replace(tzinfo=UTC)


def _too_early(request: Request, past: Past, when: str) -> Response:
    first = past.days[0].isoformat()
    detail = Sentence(
        "nothing was known by %(when)s of %(name)s: it became public on %(day)s", when=when, name=past.iri, day=first
    )
    problem = Problem(404, "not-found", detail, firstKnown=first)
    return told(request, problem, "missing.html", nearest=[past.iri])


def _services(request: Request, past: Past) -> tuple[str, str, str]:
    """The addresses of the document of today, of its time gate and of its time map."""
    at = quote(place(past.iri))
    return address(request, at), address(request, f"/timegate{at}"), address(request, f"/timemap{at}")


def _links(request: Request, past: Past, day: date | None = None, everything: bool = False) -> list[str]:
    """Links to the document of today, to the lists, and to the mementos around a day, or to all."""
    original, gate, times = _services(request, past)
    first, last = _http(past.moment(past.days[0])), _http(past.moment(past.days[-1]))
    span = f'; from="{first}"; until="{last}"'
    found = [
        f'<{original}>; rel="original"',
        f'<{gate}>; rel="timegate"',
        f'<{times}>; rel="{"self" if everything else "timemap"}"; type="{LINK_FORMAT}"{span}',
    ]
    shown = {past.days[0]: ["first"], past.days[-1]: ["last"]} if len(past.days) > 1 else {past.days[0]: ["first last"]}
    if day is not None:
        for relation, near in zip(("prev", "next"), past.around(day), strict=True):
            if near is not None:
                shown.setdefault(near, []).append(relation)
        shown.setdefault(day, [])
    for other in past.days:
        if everything or other in shown:
            relations = " ".join([*shown.get(other, ()), "memento"])
            moment = _http(past.moment(other))
            found.append(f'<{address(request, past.path(other))}>; rel="{relations}"; datetime="{moment}"')
    return found


def _with(response: Response, links: list[str]) -> Response:
    """The answer of a time gate, with its links."""
    response.headers["Link"] = ", ".join(links)
    response.headers["Vary"] = ", ".join(filter(None, (response.headers.get("Vary"), "Accept-Datetime")))
    return response


def _http(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def _page(request: Request, past: Past, day: date, graph: Graph, iri: str, headers: Mapping[str, str]) -> Response:
    """A memento for people: what was known, thing by thing."""
    before, after = past.around(day)
    this = URIRef(past.iri)

    def of(cls: Node) -> list[tuple[str, list[tuple[str, list[Node]]]]]:
        found = (s for s in graph.subjects(RDF.type, cls) if s != this)
        return [(str(s), statements(graph, s)) for s in sorted(found, key=lambda s: natural(str(s)))]

    def held(span: Node) -> dict[str, Any]:
        told = {name: graph.value(span, INF[name]) for name in ("status", "rate", "terms", "from", "until")}
        row = {name: None if str(value) in ("None", ALWAYS, OPEN) else str(value) for name, value in told.items()}
        effects = applied(graph, graph.objects(span, INF.because))
        return {**row, "because": [str(graph.value(effect, INF.clause)) for effect in effects]}

    # Of these no more is said than that they refer to it: acts that change it, measures that a clause brought.
    referring = {str(s) for s in graph.subjects(object=this) if (s, RDF.type, None) not in graph}
    return page(
        request, "memento.html", 200, headers, iri=iri, thing=past.iri, known=day,
        titled=f"{site(request.state.service).en(past.iri)}, as known from {day}",
        before=before and past.path(before), after=after, after_path=after and past.path(after),
        said=statements(graph, this),
        spans=sorted((held(s) for s in graph.subjects(RDF.type, INF.Span)), key=lambda row: row["from"] or ""),
        sections={str(cls): found for cls in _SHOWN if (found := of(cls))},
        referring=sorted(referring, key=natural),
    )  # fmt: skip
