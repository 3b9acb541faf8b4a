"""Feeds and calendars: valid to programs of others, true to the questions, and at the same name when a day is moved."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import feedparser
import pytest
from fastapi.testclient import TestClient
from ical.calendar_stream import IcsCalendarStream
from icalendar import Calendar
from lxml import etree

from conftest import TESTS, TODAY
from inforce.model import BASE
from inforce.record import root
from inforce.service import Service
from inforce.web.app import create
from inforce.web.feeds.effects import at_edge, every
from inforce.web.feeds.points import points
from live import on_node

BAN = "cn-us-ga-ge-sb-superhard-ban"
FIVE = "cn-five-rare-earths-2025"
POINTS_24 = "cn-reciprocal-counter-tariff-24-points"
AFFILIATES = "us-bis-affiliates-rule"

On = Callable[[date], TestClient]


@pytest.fixture(scope="module")
def on(service: Service) -> Iterator[On]:
    """The service on a day of one's choice."""
    yield lambda today: TestClient(create(service, today=lambda: today), base_url="http://testserver")


# Atom

ATOM = [
    "/feeds/changes.atom",
    "/feeds/changes.atom?lang=zh",
    "/feeds/changes.atom?from=2018-01-01&to=2026-12-31&knownOn=2026-11-01",
    "/feeds/changes.atom?imposedBy=us&imposedBy=cn&kind=tariff",
    "/feeds/changes.atom?from=2017-01-01&to=2017-12-31",
    "/feeds/changes/2025.atom?material=gallium",
    "/feeds/learned.atom",
    "/feeds/learned.atom?lang=zh&material=gallium",
    "/feeds/learned.atom?from=2018-01-01",
    "/feeds/learned/2021.atom",
]


@pytest.fixture(scope="module")
def grammar() -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(TESTS / "atom.rng"))


@pytest.mark.parametrize("path", ATOM)
def test_an_atom_feed_is_valid(path: str, client: TestClient, grammar: etree.RelaxNG) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/atom+xml; charset=utf-8")
    document = etree.fromstring(answer.content)
    assert grammar.validate(document), grammar.error_log
    read = feedparser.parse(answer.content)
    assert not read.bozo
    assert read.version == "atom10"
    links = {link.rel: link.href for link in read.feed.links}
    assert links["self"] == f"http://testserver{path}"
    assert client.get(links["alternate"]).status_code == 200
    names = [entry.id for entry in read.entries]
    assert len(set(names)) == len(names), "a name a thing (RFC 4287, 4.1.1)"
    assert all(name.startswith(BASE) for name in [read.feed.id, *names])
    seen = [entry.updated_parsed for entry in read.entries]
    if seen:
        assert read.feed.updated_parsed == max(seen)
    for entry in read.entries:
        relations = [link.rel for link in entry.links]
        assert relations.count("alternate") == 1
        assert "related" in relations
        assert entry.content[0].value.strip()
        # What readers show as HTML is well-formed, and its links lead somewhere from anywhere.
        html = etree.fromstring(f"<div>{entry.content[0].value}</div>")
        assert all(urlsplit(a.get("href")).scheme in ("http", "https") for a in html.iter("a"))


def test_a_grammar_that_refuses(client: TestClient, grammar: etree.RelaxNG) -> None:
    text = client.get("/feeds/learned/2021.atom").text
    for broken in (
        text.replace("<updated>", "<updated>on "),
        re.sub("<id>.*?</id>", "", text, count=1),
        re.sub("<author>.*?</author>", "", text, count=1, flags=re.DOTALL),
        text.replace('rel="self"', 'rel="self" relation="self"'),
    ):
        assert broken != text
        assert not grammar.validate(etree.fromstring(broken.encode()))


def entries(client: TestClient, path: str) -> list[Any]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return list(feedparser.parse(answer.content).entries)


def test_without_days_a_feed_has_the_last_year(client: TestClient, service: Service) -> None:
    since = {"from": [(TODAY - timedelta(days=365)).isoformat()]}
    changes = service.ask("changes", since, TODAY).rows
    found = entries(client, "/feeds/changes.atom")
    assert len(found) == len(changes) > 50
    assert sorted(entry.link for entry in found) == sorted(
        row["measure"].replace(BASE, "http://testserver/") for row in changes
    )
    learned = service.ask("learned", since, TODAY).rows
    assert [entry.id for entry in entries(client, "/feeds/learned.atom")] == [
        act.replace(f"{BASE}instrument/", f"{BASE}feeds#")
        for act in reversed(list(dict.fromkeys(row["act"] for row in learned)))
    ]


@pytest.mark.parametrize("name", ["changes", "learned"])
def test_the_archives_hold_the_rest(name: str, client: TestClient, service: Service) -> None:
    """Who follows prev-archive has read everything (RFC 5005)."""
    path, found, years, feed = f"/feeds/{name}.atom", set(), [], None
    while path:
        read = feedparser.parse(client.get(path).content)
        links = {link.rel: link.href.removeprefix("http://testserver") for link in read.feed.links}
        found |= {entry.id for entry in read.entries}
        assert feed in (None, read.feed.id), "one feed in many documents"
        feed = read.feed.id
        if years or path != f"/feeds/{name}.atom":
            years.append(int(path[-9:-5]))
            assert "fh_archive" in read.feed
            assert links["current"] == f"/feeds/{name}.atom"
            assert ("next-archive" in links) == (years[-1] < TODAY.year - 1)
        else:
            assert "fh_archive" not in read.feed
        path = links.get("prev-archive", "")
    assert years == list(range(TODAY.year - 1, years[-1] - 1, -1))
    everything = entries(client, f"/feeds/{name}.atom?from=0001-01-01")
    assert found == {entry.id for entry in everything}
    assert len(everything) > 180


def test_a_suspension_that_ends_is_told_on_the_day_after_its_last(on: On) -> None:
    """No. 72 suspends the ban to 27 November 2026 inclusive, so that it is back on the 28th."""
    name = f"{BASE}feeds#{BAN}.cn-mofcom-2025-72.whole-suspend.end"
    before = {entry.id for entry in entries(on(date(2026, 11, 27)), "/feeds/changes.atom?material=gallium")}
    assert name not in before
    first = entries(on(date(2026, 11, 28)), "/feeds/changes.atom?material=gallium")[0]
    assert (first.id, first.updated) == (name, "2026-11-28T00:00:00+08:00")
    assert first.title.startswith("Suspension ends: back in force unless extended – No licences in principle to the US")
    assert "Until then: suspended. From then: in force." in first.content[0].value
    assert "searched up to 30 Jun 2026" in first.content[0].value, "an extension may have been made public since"
    assert (first.tags[0].term, first.tags[0].scheme, first.tags[0].label) == ("cn", f"{BASE}country/", "China")


def test_what_became_known_is_an_entry_an_act_the_same_in_every_feed(client: TestClient) -> None:
    days = "from=2025-11-01&to=2025-11-30"
    name = f"{BASE}feeds#cn-mofcom-2025-72"
    by = [
        client.get(f"/feeds/learned.atom?{days}&{about}").content
        for about in ("material=gallium", "kind=export-measure")
    ]
    tag = "{http://www.w3.org/2005/Atom}"
    texts = [
        [etree.tostring(e) for e in etree.fromstring(feed).iter(f"{tag}entry") if e.findtext(f"{tag}id") == name]
        for feed in by
    ]
    assert len(texts[0]) == 1
    assert texts[0] == texts[1]
    (entry,) = (e for e in feedparser.parse(by[0]).entries if e.id == name)
    assert entry.updated == "2025-11-09T00:00:00+08:00"
    html = entry.content[0].value
    assert "9 Nov 2025 – 27 Nov 2026" in html
    assert f'<a href="http://testserver/measure/{BAN}">' in html
    assert '<a href="http://testserver/instrument/cn-mofcom-2025-72#whole">cn-mofcom-2025-72#whole</a>' in html
    assert "https://www.mofcom.gov.cn/zwgk/" in html or "https://www.mofcom.gov.cn/zcfb/" in html, "its source"


def test_what_is_only_announced_is_called_so(client: TestClient) -> None:
    found = {entry.id: entry for entry in entries(client, "/feeds/learned.atom?from=2026-09-01")}
    announced = found[f"{BASE}feeds#cn-mofcom-2026-09-28-kl-extension"]
    assert announced.title.startswith("Announced: ")
    assert "Announced, but no law: extend suspension" in announced.content[0].value


def test_a_feed_changes_with_its_entries_only(on: On) -> None:
    """The day called today moves on, the bytes stay: a reader that asks every hour is told 304."""
    one, next_day = (on(date(2026, 11, day)) for day in (25, 26))
    for path in (
        "/feeds/changes.atom?material=gallium",
        "/feeds/learned.atom?material=gallium",
        "/feeds/upcoming.ics?material=gallium",
    ):
        first = one.get(path)
        later = next_day.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (later.status_code, later.content) == (304, b""), path


# iCalendar

CALENDARS = [
    "/feeds/upcoming.ics",
    "/feeds/upcoming.ics?lang=zh",
    "/feeds/upcoming.ics?material=gallium&destination=us&kind=export-measure",
    "/feeds/upcoming.ics?from=2025-11-15&knownOn=2025-11-15&imposedBy=CN",
    "/feeds/upcoming.ics?from=2017-01-01&days=30",
    "/feeds/calendar.ics",
    "/feeds/calendar.ics?lang=zh",
    "/feeds/calendar.ics?from=2018-01-01&to=2030-12-31",
]


@pytest.mark.parametrize("path", CALENDARS)
def test_a_calendar_is_valid_to_three_readers(path: str, client: TestClient) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    lines = answer.content.split(b"\r\n")
    assert lines.pop() == b""
    assert all(0 < len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in lines)
    made = Calendar.from_ical(answer.content)
    assert made.errors == []
    assert (made["version"], made["url"]) == ("2.0", "http://testserver/feeds")
    assert made["x-wr-calname"] == made["name"]
    for line in (b"REFRESH-INTERVAL;VALUE=DURATION:PT12H", b"X-PUBLISHED-TTL:PT12H"):
        assert line in lines
    assert made["source"] == f"http://testserver{path}"
    events = {str(event["uid"]): event for event in made.walk("VEVENT")}
    for event in events.values():
        assert event.errors == []
        assert event["dtstamp"].params.get("TZID") is None and event["dtstamp"].to_ical().endswith(b"Z")
        assert event["summary"].params["LANGUAGE"] == ("zh" if "lang=zh" in path else "en")
        assert event["url"].startswith("http://testserver/measure/")
        assert (event["transp"], len(event["categories"].cats)) == ("TRANSPARENT", 2)
    assert len(events) == answer.content.count(b"BEGIN:VEVENT"), "a name an event"
    # Readers that share no code with the writer.
    pydantic = IcsCalendarStream.calendar_from_ics(answer.text)
    assert {e.uid: e.dtstart for e in pydantic.events} == {uid: e.decoded("dtstart") for uid, e in events.items()}
    mozilla = json.loads(on_node("calendar.js", given=answer.text))
    assert mozilla["name"] == made["name"]
    assert {e["uid"]: (e["summary"], e["description"], e["sequence"]) for e in mozilla["events"]} == {
        uid: (event["summary"], event["description"], event["sequence"]) for uid, event in events.items()
    }


def events(client: TestClient, path: str) -> dict[str, Any]:
    """The events of a calendar by the measure that they are about and the day on which they begin."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    found = {}
    for event in Calendar.from_ical(answer.content).walk("VEVENT"):
        start = event.decoded("dtstart")
        found[str(event["url"]).rpartition("/")[2], start.isoformat()] = event
    return found


def test_the_turning_points_of_november_2026(client: TestClient) -> None:
    """By hand from the acts: Nos. 70 and 72 of MOFCOM, the US rule on affiliates, No. 10 of the Tariff Commission."""
    found = events(client, "/feeds/upcoming.ics?from=2026-11-01&knownOn=2026-10-31")
    # Suspended through 10 November (No. 70) and through 27 November (No. 72): back on the day after.
    assert ("cn-rare-earth-technology-2025", "2026-11-11") in found
    five, ban = found[FIVE, "2026-11-11"], found[BAN, "2026-11-28"]
    assert five["uid"] == f"{FIVE}.cn-mofcom-2025-70.whole-suspend.end@w3id.org"
    assert ban["summary"].startswith("Suspension ends: back in force unless extended – No licences in principle")
    assert "the last day before is 27 Nov 2026" in ban["description"]
    assert "Announced, but no law: Both sides go on from having" in five["description"]
    assert "Announced" not in ban["description"], "nothing of the record announces its prolongation"
    assert five["dtstamp"].to_ical() == b"20260927T160000Z", "the announcement was the last that became known"
    assert ban["dtstamp"].to_ical() == b"20251108T160000Z"
    # Taken out of the rules from 10 November 2025 through 9 November 2026; the same act puts it back on the 10th.
    rule = found[AFFILIATES, "2026-11-10"]
    assert rule["summary"].startswith("Suspension ends: back in force unless extended – ")
    assert rule["uid"].startswith(f"{AFFILIATES}.us-bis-2025-90fr50857.") and rule["uid"].endswith(".end@w3id.org")
    # For one year from 13:01 on 10 November 2025, Beijing time: an event with a time.
    duty = found[POINTS_24, "2026-11-10T05:01:00+00:00"]
    assert "10 Nov 2026, 13:01 on the clock of Shanghai" in duty["description"]
    assert duty["dtstart"].to_ical() == b"20261110T050100Z"


def test_what_is_known_decides(client: TestClient) -> None:
    """On 6 November 2025 no act had suspended the five rare earths or the ban: one was to begin, the other just held."""
    window = "from=2025-11-06&until=2026-12-31&imposedBy=cn"
    before = events(client, f"/feeds/upcoming.ics?{window}&knownOn=2025-11-06")
    assert before[FIVE, "2025-11-08"]["summary"].startswith("Takes effect – ")
    assert not [measure for measure, _ in before if measure == BAN]
    after = events(client, f"/feeds/upcoming.ics?{window}&knownOn=2025-11-09")
    assert after[FIVE, "2025-11-08"]["summary"].startswith("Would take effect, but is suspended – ")
    assert after[FIVE, "2025-11-08"]["uid"] == before[FIVE, "2025-11-08"]["uid"]
    assert (FIVE, "2026-11-11") in after and (BAN, "2026-11-28") in after


def test_an_extension_moves_the_event(client: TestClient) -> None:
    """The 24 points: suspended for 90 days in May 2025, again in August, for a year in November."""
    path = "/feeds/upcoming.ics?from=2025-05-20&until=2026-12-31&kind=tariff&imposedBy=cn&knownOn="
    found = {}
    for known in ("2025-06-01", "2025-08-12", "2025-11-05"):
        mine = {
            start: event for (measure, start), event in events(client, path + known).items() if measure == POINTS_24
        }
        ((start, event),) = mine.items()
        found[start] = (str(event["uid"]), event["sequence"], event["dtstamp"].to_ical())
    uid = f"{POINTS_24}.cn-sctc-2025-7.suspend-24-suspend.end@w3id.org"
    assert found == {
        "2025-08-12T04:01:00+00:00": (uid, 0, b"20250512T160000Z"),
        "2025-11-10T04:01:00+00:00": (uid, 1, b"20250811T160000Z"),
        "2026-11-10T05:01:00+00:00": (uid, 3, b"20251104T160000Z"),  # by way of the hour between the two
    }


def test_without_days_a_calendar_looks_ahead_and_keeps_what_is_just_over(on: On, service: Service) -> None:
    today = date(2026, 11, 11)
    found = events(on(today), "/feeds/upcoming.ics")
    assert (FIVE, "2026-11-11") in found, "on its very day"
    rows = service.ask("upcoming", {"from": ["2026-10-11"], "until": ["2027-11-11"]}, today).rows
    assert len(found) == len(rows)
    whole = events(on(today), "/feeds/calendar.ics")
    rows = service.ask("calendar", {"from": ["2025-11-11"], "to": ["2027-11-11"]}, today).rows
    assert len(whole) == len(rows) > len(found)


def test_a_turning_point_hangs_on_the_effect_that_the_compiler_names(service: Service) -> None:
    """All turning points that were ever known, not only those of a day."""
    found = json.loads(service.store.select(
        """PREFIX inf: <https://w3id.org/inforce/ns#> SELECT DISTINCT ?measure ?instant ?how ?effect ?clause WHERE {
        ?span a inf:Span ; inf:measure ?measure ; inf:fromInstant ?instant ; inf:opening ?how ; inf:openedBy ?effect .
        ?effect inf:clause ?clause }"""
    ))["results"]["bindings"]  # fmt: skip
    assert len(found) > 400
    for row in found:
        measure, instant, how, effect, clause = (cell["value"] for cell in row.values())
        edge = "begin" if how.endswith("byAct") else "end"
        assert at_edge(service, measure, clause, edge, instant) is every(service)[effect]


@pytest.mark.parametrize(
    "known_on", ["2019-06-01", "2023-12-01", "2025-04-10", "2025-08-12", "2025-10-20", "2025-11-30", "2026-11-24"]
)
def test_every_turning_point_has_a_name_of_its_own(known_on: str, service: Service) -> None:
    days = {"from": ["2018-01-01"], "to": ["2040-01-01"], "knownOn": [known_on]}
    names = [point.name for point in points(service, service.ask("calendar", days, TODAY))]
    assert names
    assert len(set(names)) == len(names)


# A record in which acts to come have moved what this one expects.

ACT = """@prefix : <https://w3id.org/inforce/instrument/{name}#> .
@prefix inf: <https://w3id.org/inforce/ns#> .
@prefix eli: <http://data.europa.eu/eli/ontology#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<https://w3id.org/inforce/instrument/{name}> a inf:Instrument ; dcterms:title "An act of a test"@en ;
    eli:type_document <https://w3id.org/inforce/doctype/announcement> ; inf:confidence inf:high ;
    eli:passed_by <https://w3id.org/inforce/actor/cn-mofcom> ; eli:jurisdiction <https://w3id.org/inforce/country/cn> ;
    inf:madePublic "{public}"^^xsd:date .
:whole a inf:Provision ; eli:is_part_of <https://w3id.org/inforce/instrument/{name}> ; inf:summary "A clause of a test"@en .
{effects}
"""
EXTENDS = """:whole-{n} a inf:Effect ; inf:clause :whole ; inf:confidence inf:high ; inf:effectType inf:extendSuspension ;
    inf:target <https://w3id.org/inforce/measure/{measure}> ; inf:extends <https://w3id.org/inforce/instrument/{of}> ;
    inf:from "{start}"^^xsd:date ; inf:until "{end}"^^xsd:date ."""
POSTPONES = """:whole-{n} a inf:Effect ; inf:clause :whole ; inf:confidence inf:high ; inf:effectType inf:postpone ;
    inf:target <https://w3id.org/inforce/measure/{measure}> ; inf:from "{start}"^^xsd:date ; inf:until "{end}"^^xsd:date ."""
TUNGSTEN = "cn-w-sb-ag-state-trading-2026"  # as known in November 2025 it begins on 1 January 2026


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The acts on a few measures, and three more that move their turning points."""
    folder = tmp_path_factory.mktemp("moved")
    for part in ("ontology", "data/reference"):
        shutil.copytree(root() / part, folder / part)
    (folder / "data" / "cn").mkdir()
    for act in ("2024-46", *(f"2025-{number}" for number in (55, 56, 57, 58, 61, 62, 68, 70, 72))):
        shutil.copy(root() / "data" / "cn" / f"cn-mofcom-{act}.ttl", folder / "data" / "cn")
    acts = {
        "cn-test-1": ("2026-10-20", [
            EXTENDS.format(n=1, measure=FIVE, of="cn-mofcom-2025-70#whole-suspend", start="2026-11-11", end="2027-01-11"),
        ]),
        "cn-test-2": ("2025-12-10", [POSTPONES.format(n=1, measure=TUNGSTEN, start="2026-01-01", end="2026-02-01")]),
        "cn-test-3": ("2026-01-20", [POSTPONES.format(n=1, measure=TUNGSTEN, start="2026-02-01", end="2026-03-15")]),
    }  # fmt: skip
    for name, (public, effects) in acts.items():
        text = ACT.format(name=name, public=public, effects="\n".join(effects))
        (folder / "data" / "cn" / f"{name}.ttl").write_text(text, encoding="utf-8")
    return Service.of_current_build(tmp_path_factory.mktemp("moved-builds"), folder)


def test_an_act_to_come_moves_the_event_in_the_calendar(moved: Service, client: TestClient) -> None:
    there = TestClient(create(moved, today=lambda: TODAY), base_url="http://testserver")
    path = "/feeds/upcoming.ics?from=2026-10-01&knownOn=2026-10-31"
    old, new = events(client, path), events(there, path)
    before, after = old[FIVE, "2026-11-11"], new[FIVE, "2027-01-11"]
    assert (FIVE, "2026-11-11") not in new
    assert before["uid"] == after["uid"]
    assert (before["sequence"], after["sequence"]) == (0, 1)
    assert after["dtstamp"].to_ical() > before["dtstamp"].to_ical()
    assert "cn-test-1#whole" in after["description"]
    assert new[BAN, "2026-11-28"].to_ical() == old[BAN, "2026-11-28"].to_ical(), "the others stay as they are"
    # On the old day the reasons change: told by the calendar of all turning points, under a name of its own.
    everything = events(there, "/feeds/calendar.ics?from=2026-11-01&knownOn=2026-10-31")
    assert everything[FIVE, "2026-11-11"]["summary"].startswith("Goes on: suspended – ")


def test_a_postponement_moves_the_beginning(moved: Service) -> None:
    there = TestClient(create(moved, today=lambda: TODAY), base_url="http://testserver")
    found = []
    for known in ("2025-11-30", "2025-12-10", "2026-01-20"):
        calendar = events(there, f"/feeds/upcoming.ics?from=2025-11-30&knownOn={known}")
        found += [
            (start, str(e["uid"]), e["sequence"])
            for (m, start), e in calendar.items()
            if m == TUNGSTEN and start < "2026-06"
        ]
    uid = f"{TUNGSTEN}.cn-mofcom-2025-68.whole-establish.begin@w3id.org"
    assert found == [("2026-01-01", uid, 0), ("2026-02-01", uid, 1), ("2026-03-15", uid, 2)]


# What holds for all of them


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/feeds/changes.atom?matrial=gallium", 422, "material"),
        ("/feeds/changes.atom?material=galium", 422, "gallium"),
        ("/feeds/learned.atom?knownOn=2025-11-15", 422, ""),
        ("/feeds/upcoming.ics?until=soon", 422, "a day such as"),
        ("/feeds/upcoming.ics?lang=fr", 422, ""),
        ("/feeds/changes/2025.atom?from=2025-01-01", 422, ""),
        ("/feeds?matrial=gallium", 422, "material"),
        ("/feeds/change.atom", 404, "changes"),
        ("/feeds/changes.ics", 404, "upcoming"),
        (f"/feeds/changes/{TODAY.year}.atom", 404, f"to {TODAY.year - 1}"),
        ("/feeds/changes/1066.atom", 404, "2018"),
    ],
)
def test_what_cannot_be_answered_is_told(path: str, status: int, told: str, client: TestClient) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert told in answer.text


@pytest.mark.parametrize(
    "path", ["/feeds/changes.atom", "/feeds/learned.atom", "/feeds/upcoming.ics", "/feeds/calendar.ics"]
)
def test_languages_and_manners(path: str, client: TestClient) -> None:
    english, chinese = client.get(path), client.get(path, headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    assert english.headers["vary"] == chinese.headers["vary"] == "Accept, Accept-Language, Cookie, Accept-Encoding"
    assert "暂停" in chinese.text.replace("\r\n ", "")
    assert english.headers["etag"] != chinese.headers["etag"]
    asked = client.get(path, params={"lang": "zh"})
    assert asked.headers["vary"] == "Accept, Accept-Encoding"
    head = client.head(path)
    assert (head.content, head.headers["etag"]) == (b"", english.headers["etag"])
    assert client.get(path, headers={"If-None-Match": english.headers["etag"]}).status_code == 304


def test_links_are_those_of_the_host_that_was_asked(client: TestClient) -> None:
    answer = client.get("/feeds/upcoming.ics", headers={"Host": "law.example:8080"})
    assert b"URL:http://law.example:8080/measure/" in answer.content
    strange = client.get("/feeds/upcoming.ics", headers={"Host": 'a"><b'})
    assert b"<b" not in strange.content


def test_the_page_gives_the_addresses_for_what_one_wants_to_follow(client: TestClient) -> None:
    page = client.get("/feeds?material=镓&imposedBy=cn&kind=&hs=").text
    query = "?imposedBy=cn&amp;material=gallium"
    for name in ("upcoming.ics", "calendar.ics", "changes.atom", "learned.atom", "effects"):
        assert f'href="/feeds/{name}{query}"' in page
        assert client.get(f"/feeds/{name}{query}".replace("&amp;", "&")).status_code == 200
    assert f'href="webcal://testserver/feeds/upcoming.ics{query}"' in page
    assert '<link rel="alternate" type="application/atom+xml"' in client.get("/").text
    assert '<a href="/feeds">' in client.get("/").text
