"""Turning points as an iCalendar (RFC 5545, RFC 7986) that calendar programs subscribe to.

The calendar is always whole: what is no longer to come is no longer in it, so nothing is ever sent as cancelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta
from uuid import NAMESPACE_URL, uuid5

from icalendar import TRANSP, Calendar, Event, vDuration, vUri

from inforce import __version__
from inforce.model import BASE
from inforce.service import Answer, Service
from inforce.web.feeds import words
from inforce.web.feeds.points import Point, language, midnight, zone_of
from inforce.web.site import path, site

MEDIA = "text/calendar"
RENEW = timedelta(hours=12)  # how long a program may keep what it has


def write(
    service: Service, answer: Answer, turning: Sequence[Point], name: str, iri: str, base: str, address: str
) -> bytes:
    """The calendar of turning points; `iri` is its name, `address` where it is, `base` where its pages are."""
    lang = language(answer)
    title = words.said(lang, "title", name=words.said(lang, name))
    calendar = Calendar.new(
        prodid=f"-//inforce//inforce {__version__}//{lang.upper()}",
        name=title,
        description=words.about(service, lang),
        language=lang,
        uid=uuid5(NAMESPACE_URL, iri),
        url=f"{base}feeds",
        calscale="GREGORIAN",
    )
    # Both have no default type, so that it must be named (RFC 7986); the third is the first as older programs know it.
    calendar.add("refresh-interval", vDuration(RENEW), parameters={"VALUE": "DURATION"})
    calendar.add("source", vUri(address), parameters={"VALUE": "URI"})
    calendar.add("x-published-ttl", vDuration(RENEW), encode=False)
    for point in turning:
        calendar.add_component(_event(service, point, base, lang))
    return bytes(calendar.to_ical())


def _event(service: Service, point: Point, base: str, lang: str) -> Event:
    """A turning point: on its day, or at its moment where the law gives a time. Who is busy is none of its business."""
    known = site(service)
    kind = known.about[point.measure]["kind"]
    at = midnight(point.told, zone_of(point.country)).astimezone(UTC)
    event = Event.new(
        uid=f"{point.name}@{BASE.split('/')[2]}",
        stamp=at,
        last_modified=at,
        sequence=point.moved,
        start=point.start.astimezone(UTC) if point.timed else point.on,
        description="\n".join([point.label, *point.sentences, words.said(lang, "advice")]),
        categories=[words.name(known, iri, lang) for iri in (point.country, kind)],
        url=base + path(point.measure).removeprefix("/"),
        transparency=TRANSP.TRANSPARENT,
    )
    event.add("summary", f"{point.what} – {point.label}", parameters={"LANGUAGE": lang})
    return event
