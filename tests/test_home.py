"""The pages on the state of a day and on change: that they tell what the API tells, and that they come alive in a browser."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, Route, expect

from conftest import TODAY
from inforce.model import BASE
from inforce.service import Service
from inforce.web.drawing import Axis, Bar, Window
from inforce.web.site import site
from inforce.web.standing import at_moment, lives, on_day, turns, way
from inforce.web.tables import STATUSES, drawn_table, later, timelines, viewed
from test_editor import ROWS as ROWS_IN_EDITOR

BAN = "measure/cn-us-ga-ge-sb-superhard-ban"
ROWS = '#groups th[scope="row"]'
EARLY = "/?on=2025-11-04&knownOn=2025-10-01"  # before the controls of 9 October 2025
ALL = "&".join(f"status={status}" for status in STATUSES)


def rows_of(service: Service, question: str, **given: str) -> list[dict[str, Any]]:
    return [dict(row) for row in service.ask(question, {name: [value] for name, value in given.items()}, TODAY).rows]


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


# The state of a day follows from the timelines as the questions of the catalogue tell it


@pytest.mark.parametrize("known_on", ["2025-05-01", "2025-11-15", "2026-11-24"])
@pytest.mark.parametrize("on", ["2019-06-01", "2025-04-12", "2025-05-14", "2025-11-10", "2026-11-24", "2027-06-30"])
def test_the_state_of_a_day_is_that_of_the_question_in_force(service: Service, on: str, known_on: str) -> None:
    asked = {"on": [on], "knownOn": [known_on], "status": STATUSES}
    told = {row["measure"]: row for row in service.ask("in-force", asked, TODAY).rows}
    states = {m: state for m, life in timelines(service, known_on).items() if (state := on_day(life, on))}
    assert states.keys() == told.keys()
    for measure, state in states.items():
        for name in ("status", "rate", "terms", "from", "until", "clause"):
            assert state.span[name] == told[measure][name], (measure, name)


def test_the_state_of_a_moment_is_that_of_the_question_in_force(service: Service) -> None:
    asked = {"at": ["2025-05-14T12:00:00-04:00"], "status": STATUSES}
    answer = service.ask("in-force", asked, TODAY)
    moment = str(answer.parameters["at"][0])
    states = {m: s for m, life in timelines(service, str(TODAY)).items() if (s := at_moment(life, moment))}
    assert {m: s.span["status"] for m, s in states.items()} == {r["measure"]: r["status"] for r in answer.rows}
    assert at_moment(timelines(service, str(TODAY))[BASE + BAN], "2024-12-01T00:00:00Z") is not None


def test_turning_points_are_those_of_the_question_upcoming(service: Service) -> None:
    told = rows_of(service, "upcoming", **{"from": "2018-01-01", "days": "4000", "knownOn": "2025-11-15"})
    found = turns(timelines(service, "2025-11-15"))
    assert len(found) > 100
    assert [(t.on, t.after["measure"], t.before["status"], t.after["status"]) for t in found] == [
        (row["on"], row["measure"], row["before"], row["after"]) for row in told
    ]


def test_what_was_known_is_known_since_something_was_made_public(service: Service) -> None:
    known = site(service)
    for day in ("2025-11-15", "2025-11-09", "2026-03-01", "2018-09-30"):
        learned = known.learned(day)
        assert learned <= day
        assert rows_of(service, "timeline", knownOn=learned) == rows_of(service, "timeline", knownOn=day)
    assert known.learned("1990-01-01") == "1990-01-01"
    assert known.learned("2025-11-07") == "2025-11-07"


def test_a_state_lasts_over_acts_that_change_nothing_and_names_what_follows(service: Service) -> None:
    def span(status: str, start: str | None, until: str | None, rate: float | None = None) -> dict[str, Any]:
        return {"measure": "m", "status": status, "rate": rate, "terms": None, "from": start, "until": until}

    life = [
        span("pending", None, "2025-01-01"),
        span("inForce", "2025-01-01", "2025-02-01", 10),
        span("inForce", "2025-02-01", "2025-02-01", 99),  # for hours only
        span("inForce", "2025-02-01", "2025-03-01", 10),
        span("suspended", "2025-03-01", "2025-04-01", 10),
        span("suspended", "2025-04-01", "2025-05-01", 20),
        span("inForce", "2025-05-01", "2025-06-01", 20),
        span("inForce", "2025-06-01", None, 30),
    ]

    def told(day: str) -> tuple[str | None, str | None, Any]:
        state = on_day(life, day)
        assert state
        return state.since, state.until, state.then and (state.then["status"], state.then["rate"])

    assert told("2024-01-01") == (None, "2025-01-01", ("inForce", 10))
    assert told("2025-02-15") == ("2025-01-01", "2025-03-01", ("suspended", 10))
    assert told("2025-03-15") == told("2025-04-15") == ("2025-03-01", "2025-05-01", ("inForce", 20))
    assert told("2025-05-01") == ("2025-05-01", "2025-06-01", ("inForce", 30))
    assert told("2026-01-01") == ("2025-06-01", None, None)
    assert on_day(life[1:], "2024-01-01") is None
    felt = [(turn.on, turn.way) for turn in turns(lives(life)) if turn.felt]
    assert felt == [
        ("2025-01-01", "begins"),
        ("2025-03-01", "paused"),
        ("2025-05-01", "returns"),
        ("2025-06-01", "changes"),
    ]
    assert (way("suspended", "ended"), way("ended", "inForce"), way("inForce", "annulled")) == (
        "ends", "returns", "annulled",
    )  # fmt: skip


def test_what_became_known_later_is_where_the_two_lives_differ(service: Service) -> None:
    """Drawn day by day: a bar below the timeline where, and only where, more is known now."""
    then, now = timelines(service, "2025-11-06"), timelines(service, str(TODAY))
    axis = viewed(service, TODAY, TODAY).axis
    differing = 0
    for measure in [*list(then)[::9], BASE + BAN]:
        ghost = later(service, then[measure], now[measure], axis)
        for step in range(0, 3600, 45):
            day = date(2018, 6, 1) + timedelta(days=step)
            x = axis.at(day) + 0.001
            drawn = {bar.status for bar in ghost if bar.x <= x < bar.x + bar.width}
            before, after = on_day(then[measure], str(day)), on_day(now[measure], str(day))
            assert after
            states = [s and (s.span["status"], s.span["rate"], s.span["terms"]) for s in (before, after)]
            if states[0] == states[1]:
                assert not drawn, (measure, day)
            elif after.span["status"] != "pending":  # what is pending is drawn from when anyone could know of it
                assert after.span["status"] in drawn, (measure, day)
                differing += 1
    assert differing > 50
    assert not later(service, now[BASE + BAN], now[BASE + BAN], axis)


def test_a_window_shows_part_of_the_axis() -> None:
    window = Window(Axis(date(2020, 1, 1), date(2030, 1, 1)), date(2025, 1, 1), date(2026, 1, 1))
    assert window.width == pytest.approx(1000.822)
    assert window.x == pytest.approx(-500.548)
    half = Bar(window.axis.at(date(2025, 7, 2)), 40, "inForce", "", "", "")
    middle, share = window.seen(half)
    assert share == pytest.approx(50.1, abs=0.3)
    assert window.axis.at(date(2025, 9, 29)) < middle < window.axis.at(date(2025, 10, 3))
    assert window.seen(Bar(0, 10, "ended", "", "", ""))[1] == 0


def test_the_window_is_around_today_unless_the_day_is_far(service: Service) -> None:
    def years(on: date, view: tuple[date, date] | None = None) -> tuple[date, date]:
        window = viewed(service, on, TODAY, view)
        return window.first, window.last

    usual = (date(2025, 1, 1), date(2028, 1, 1))
    assert years(TODAY) == years(date(2025, 3, 1)) == years(date(1950, 1, 1)) == years(date(9999, 1, 1)) == usual
    assert years(date(2019, 3, 1)) == (date(2018, 1, 1), date(2021, 1, 1))
    assert years(TODAY, (date(2024, 5, 1), date(2024, 8, 1))) == (date(2024, 5, 1), date(2024, 8, 1))
    assert years(TODAY, (date(1024, 5, 1), date(1024, 8, 1))) == usual


def test_groups_begin_with_what_moves_and_lose_no_measure(service: Service) -> None:
    known = timelines(service, "2025-11-15")
    made = drawn_table(service, known, "2025-11-15", "2025-11-15", TODAY)
    keys = list(dict.fromkeys(group.key for group in made.groups))
    assert keys == ["suspended", "pending", "changing", "inForce", "ended"]
    shown = [row.measure for group in made.groups for row in group.rows]
    assert sorted(shown) == sorted(known)
    assert made.total == len(shown) == sum(made.counts.values())
    suspended = made.groups[0].rows
    ends = [row.state.until or "9999" for row in suspended]
    assert ends == sorted(ends)
    for group in made.groups:
        if group.side:
            for row in group.rows:
                about = site(service).about[row.measure]
                assert (about["imposedBy"], site(service).families[about["kind"]]) == (group.side, group.family)


# What the pages say


def test_as_known_then_follows_the_day(client: TestClient) -> None:
    then = client.get("/?on=2025-11-06&known=then").text
    assert "On 6 Nov 2025, as known on 6 Nov 2025:" in plain(then)
    assert (
        plain(client.get("/?on=2025-11-06&knownOn=2025-11-06").text).partition("Filters")[2].partition("Show")[2]
        == (plain(then).partition("Filters")[2].partition("Show")[2])
    )
    assert 'value="then" checked' in then
    today = client.get("/?on=2025-11-06&known=today&knownOn=2025-11-06").text
    assert "On 6 Nov 2025:" in plain(today)


def test_what_was_unknown_then_is_hatched_below_and_told(client: TestClient) -> None:
    then = client.get("/?on=2025-11-15&knownOn=2025-11-06").text
    assert "As known now: suspended from 9 Nov 2025 until and including 27 Nov 2026" in then
    assert "what is known now, where it became different" in then
    assert re.search(r"\d+ more measures of this day were made public only later", client.get(EARLY).text)
    now = client.get("/?on=2025-11-15").text
    assert "As known now" not in now
    assert "made public only later" not in now


def test_the_words_above_the_table_count_what_is_in_it(client: TestClient, service: Service) -> None:
    text = client.get("/?on=2026-11-24").text
    told = Counter(row["status"] for row in service.ask("in-force", {"status": STATUSES}, TODAY).rows)
    assert f"{told['inForce']} measures in force, {told['suspended']} suspended, {told['pending']} pending" in (
        plain(text).replace(" ,", ",")
    )
    assert "28 Nov 2026 in 4 days 2 come back into force" in plain(text)
    for status in STATUSES:
        assert f'id="count-{status}" data-live>{told[status]}<' in text


def test_a_moment_may_be_asked(client: TestClient) -> None:
    text = client.get("/?at=2025-05-14T12:00:00-04:00&material=gallium").text
    assert "At 14 May 2025, 16:00 (UTC)" in plain(text)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("view=2025", "view cannot be"),
        ("view=2026-01-01/2025-01-01", "view cannot be"),
        ("view=2025-01-01/2025-02-01&view=2025-01-01/2025-02-01", "view cannot be"),
        ("known=tomorrow", "known cannot be"),
        ("knwon=then", "knwon"),
    ],
)
def test_what_the_chart_cannot_be_asked(client: TestClient, query: str, words: str) -> None:
    answer = client.get(f"/?{query}")
    assert answer.status_code == 422
    assert words in answer.text


def test_an_empty_answer_names_filters_that_lead_out(client: TestClient) -> None:
    text = client.get("/?on=2025-11-15&knownOn=2025-11-15&hs=9999&origin=au&status=annulled").text
    empty = text[text.index('class="empty"') :]
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/\?[^"]+)"', empty)]
    ways_out = [link for link in links if "origin=au" not in link or "hs=9999" not in link or "ended" in link]
    assert len(ways_out) >= 2
    assert any("measures in force" in plain(client.get(link.replace("status=annulled", "")).text) for link in ways_out)


@pytest.mark.parametrize(
    "path", ["/", f"/?{ALL}", f"/?on=2025-06-01&known=then&{ALL}", "/coming?days=1000", "/changed?from=2025-01-01"]
)
def test_a_page_stays_small(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"Accept-Encoding": "identity"})
    assert answer.status_code == 200
    assert len(answer.content) < 300_000


def test_coming_up_is_the_question_upcoming_and_announcements_stand_apart(client: TestClient, service: Service) -> None:
    text = client.get("/coming?imposedBy=us").text
    law, _, said = text.partition("Only announced: no law yet")
    told = rows_of(service, "upcoming", imposedBy="us")
    measures = re.findall(r'class="what-happens"><a href="/([^"]+)"', law)
    assert measures == [row["measure"].removeprefix(BASE) for row in told]
    assert "4 Dec 2026 in 10 days" in plain(law)
    assert "until 10 Jan 2027" in plain(said)
    assert "10 Jan 2027" not in law
    assert 'href="webcal://testserver/feeds/upcoming.ics?imposedBy=us"' in law
    calendar = client.get("/feeds/upcoming.ics?imposedBy=us")
    assert calendar.headers["content-type"].startswith("text/calendar")
    assert calendar.text.count("BEGIN:VEVENT") >= len(told)
    assert 'href="/feeds/changes.atom?imposedBy=us"' in law


def test_nothing_coming_up_shows_ways_out(client: TestClient) -> None:
    text = client.get("/coming?from=2026-11-24&days=2&hs=2804").text
    assert "Nothing changes by itself from 24 Nov 2026 until 26 Nov 2026" in plain(text)
    assert 'href="/coming?from=2026-11-24&amp;days=2"' in text


def test_what_changed_in_law_is_the_question_diff(client: TestClient, service: Service) -> None:
    text = client.get("/changed?from=2025-10-15&to=2025-11-15").text
    told = rows_of(service, "diff", on="2025-11-15", againstOn="2025-10-15")
    side_by_side = text[: text.index('id="steps"')]
    assert sorted(re.findall(r'<th scope="row"><a href="/([^"]+)"', side_by_side)) == sorted(
        row["measure"].removeprefix(BASE) for row in told
    )
    assert f"{len(told)} measures differ" in plain(text)
    (row,) = re.findall(rf'<tr>\s*<th scope="row"><a href="/{BAN}">.*?</tr>', side_by_side, re.DOTALL)
    assert plain(row).endswith("in force suspended cn-mofcom-2025-72 #whole")
    steps = rows_of(service, "changes", **{"from": "2025-10-16", "to": "2025-11-15"})
    assert len(re.findall('class="what-happens"', text)) == len(steps)


def test_what_changed_in_what_was_known_is_one_day_twice(client: TestClient, service: Service) -> None:
    text = client.get("/changed?clock=public&from=2025-10-15&to=2025-11-15&on=2026-06-01&knownOn=2020-01-01").text
    told = rows_of(service, "diff", on="2026-06-01", knownOn="2025-11-15", againstKnownOn="2025-10-15")
    assert f"1 Jun 2026, as known on 15 Oct 2025 and on 15 Nov 2025: {len(told)} measures differ" in plain(text)
    acts = {row["act"] for row in rows_of(service, "learned", **{"from": "2025-10-16", "to": "2025-11-15"})}
    public = text[text.index('id="acts"') :]
    assert set(re.findall(r'class="what-happens"><a href="/([^"]+)"', public)) == {a.removeprefix(BASE) for a in acts}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/changed?from=2025-11-15&to=2025-10-15", "a day not after 2025-10-15"),
        ("/changed?clock=lunar", "clock cannot be"),
        ("/changed?form=2025-01-01", "form is no parameter here"),
        ("/changed?material=galium", "gallium"),
        ("/coming?days=soon", "days cannot be"),
        ("/coming?wehn=2025", "wehn"),
    ],
)
def test_questions_on_change_that_cannot_be_understood(client: TestClient, path: str, words: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert words in answer.text


def test_the_page_at_hand_is_marked_in_the_navigation(client: TestClient) -> None:
    for path in ("/", "/coming", "/changed", "/measure", "/sparql", "/queries"):
        current = re.findall(
            r'<a href="([^"]+)" aria-current="page"', client.get(path, headers={"Accept": "text/html"}).text
        )
        assert current == [path]


# In the browser


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page of its own window, which complains of errors and of what is loaded from elsewhere; a 422 is none."""
    with browser.new_context(base_url=address, viewport={"width": 1300, "height": 900}) as context:
        page = context.new_page()
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: faults.append(request.url) if not request.url.startswith(address) else None)
        yield page
        assert not [fault for fault in faults if "status of 422" not in fault]


def opened(page: Page, path: str) -> None:
    """Opens a page and leaves a mark that any reload would wipe out."""
    page.goto(path)
    page.evaluate("window.mark = 'here'")


def not_reloaded(page: Page) -> bool:
    return bool(page.evaluate("window.mark === 'here'"))


def shown(page: Page) -> list[str]:
    return page.locator(ROWS).all_inner_texts()


def chosen_line(page: Page) -> float:
    return float((page.locator("#chosen line").get_attribute("x1") or "").rstrip("%"))


def test_the_address_of_a_state_shows_it_to_whoever_it_is_sent_to(page: Page, browser: Browser, address: str) -> None:
    opened(page, "/?on=2025-11-08&knownOn=2025-11-15&material=gallium")
    page.locator("#slider").focus()
    page.keyboard.press("PageUp")
    expect(page.locator("#headline")).to_contain_text("On 8 Dec 2025")
    with browser.new_context(base_url=address, viewport={"width": 1300, "height": 900}) as another:
        sent = another.new_page()
        sent.goto(page.url)
        expect(sent.locator("#headline")).to_contain_text("On 8 Dec 2025")
        assert shown(sent) == shown(page) != []
        assert chosen_line(sent) == pytest.approx(chosen_line(page))


def test_the_query_behind_an_answer_runs_in_the_editor(page: Page) -> None:
    page.goto("/api/in-force?on=2025-11-15&knownOn=2025-11-15&material=gallium&destination=US")
    rows = page.locator("table tbody tr").count()
    assert rows > 0
    page.click("text=open in the SPARQL page")
    expect(page.locator(".CodeMirror-code:visible")).to_contain_text("country/us>")
    page.click(".yasqe_queryButton:visible")
    expect(page.locator(ROWS_IN_EDITOR)).to_have_count(rows)


def test_the_keyboard_moves_the_day(page: Page) -> None:
    opened(page, "/?on=2025-11-08&knownOn=2025-11-15&material=gallium")
    line = chosen_line(page)
    slider = page.locator("#slider")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#headline")).to_contain_text("On 10 Nov 2025")
    row = page.locator("tr", has=page.locator(f'a[href="/{BAN}"]'))
    expect(row.locator(".holds")).to_contain_text("suspended")
    assert "on=2025-11-10" in page.url
    assert page.locator("#on").input_value() == "2025-11-10"
    assert slider.get_attribute("aria-valuetext") == "10 Nov 2025"
    assert chosen_line(page) > line
    expect(slider).to_be_focused()
    page.keyboard.press("PageUp")
    expect(page.locator("#headline")).to_contain_text("On 10 Dec 2025")
    expect(page.locator("#said")).to_contain_text("On 10 Dec 2025, as known on 15 Nov 2025:")
    assert not_reloaded(page)


def test_the_slider_follows_the_pointer_and_leaves_one_entry_in_the_history(page: Page) -> None:
    opened(page, "/?material=gallium&on=2026-11-24")
    page.evaluate("performance.now = () => 5")  # however slow the machine, the moves follow each other at once
    before = shown(page)
    box = page.locator("#slider").bounding_box()
    assert box
    x = box["x"] + box["width"] * 23 / 36  # late in 2026, where the day is
    thumb = page.evaluate("document.querySelector('#scale text.chosen').getBoundingClientRect()")
    x = thumb["x"] + thumb["width"] / 2
    page.mouse.move(x, box["y"] + 15)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(x - 25 * step, box["y"] + 15)
    page.mouse.up()
    expect(page.locator("#headline")).not_to_contain_text("24 Nov 2026")
    day = page.locator("#on").input_value()
    assert "2025-09-01" < day < "2026-05-01"
    expect(page.locator("#groups")).to_have_attribute("data-day", day)
    assert f"on={day}" in page.url
    assert shown(page) != before
    assert not_reloaded(page)
    page.go_back()
    expect(page.locator("#headline")).to_contain_text("On 24 Nov 2026")
    assert page.locator("#on").input_value() == "2026-11-24"
    assert shown(page) == before


def test_a_shared_address_shows_the_same(page: Page) -> None:
    opened(page, "/")
    page.fill("#on", "2025-11-15")
    page.check("input[name=known][value=then]")
    page.fill("input[name=material]", "gallium")
    page.select_option("select[name=imposedBy]", "cn")
    page.check("input[name=status][value=ended]")
    page.locator("#closer").click()
    expect(page.locator("#headline")).to_contain_text("On 15 Nov 2025, as known on 15 Nov 2025:")
    expect(page.locator("#headline")).to_contain_text("ended")
    for part in ("on=2025-11-15", "known=then", "material=gallium", "imposedBy=cn", "status=ended", "view="):
        assert part in page.url
    page.wait_for_timeout(500)  # the chart draws closer
    other = page.context.new_page()
    other.goto(page.url)
    assert shown(other) == shown(page)
    for what in ("#headline", "#answer", "#scale"):
        assert other.locator(what).inner_text() == page.locator(what).inner_text()
    for name in ("on", "material", "imposedBy"):
        assert other.locator(f"[name={name}]").input_value() == page.locator(f"[name={name}]").input_value()
    assert other.locator("#groups").get_attribute("data-view-first") == page.evaluate(
        "new Date(document.querySelector('#slider').min * 86400000).toISOString().slice(0, 10)"
    )
    assert not_reloaded(page)


def test_a_filter_and_the_way_back(page: Page) -> None:
    opened(page, "/?on=2025-11-15")
    before = shown(page)
    page.fill("input[name=material]", "镓")
    page.keyboard.press("Tab")
    expect(page.locator("#count-suspended")).not_to_have_text("35")
    gallium = shown(page)
    assert 0 < len(gallium) < len(before)
    page.uncheck("input[name=status][value=inForce]")
    expect(page.locator("#headline")).not_to_contain_text("in force")
    page.go_back()
    expect(page.locator("#headline")).to_contain_text("in force")
    assert shown(page) == gallium
    assert page.locator("input[name=status][value=inForce]").is_checked()
    page.go_back()
    expect(page.locator("#count-suspended")).to_have_text(re.compile("^3[0-9]$"))
    assert shown(page) == before
    assert page.locator("input[name=material]").input_value() == ""
    assert not_reloaded(page)


def test_the_next_change_is_a_step_away(page: Page) -> None:
    opened(page, "/?on=2026-11-24&material=gallium")
    page.locator("a[rel=next]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#headline")).to_contain_text("On 28 Nov 2026")
    row = page.locator("tr", has=page.locator(f'a[href="/{BAN}"]'))
    expect(row.locator(".holds")).to_contain_text("in force")
    expect(page.locator("a[rel=next]")).to_be_focused()
    page.locator("a[rel=prev]").click()
    expect(page.locator("#headline")).to_contain_text("On 11 Nov 2026")
    assert not_reloaded(page)


def test_the_last_question_wins(page: Page) -> None:
    """A slow answer to an earlier question must not take the place of the answer to a later one."""
    opened(page, "/?on=2025-11-15")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route) if "imposedBy=cn" in route.request.url else route.continue_()

    page.route("**/*", hold)
    page.select_option("select[name=imposedBy]", "cn")
    page.wait_for_timeout(50)
    page.select_option("select[name=imposedBy]", "us")
    expect(page.locator("#groups")).to_contain_text("United States ·")
    expect(page.locator("#groups")).not_to_contain_text("China ·", timeout=30_000)
    assert held
    for route in held:
        route.continue_()
    page.wait_for_timeout(300)
    expect(page.locator("#groups")).not_to_contain_text("China ·")
    assert "imposedBy=us" in page.url


def test_the_chart_is_drawn_closer_and_dragged(page: Page) -> None:
    opened(page, "/?on=2025-11-15&material=gallium&destination=us")
    page.locator("#closer").click()
    plane = page.locator(".life .plane").first
    expect(plane).to_have_attribute("width", re.compile(r"^(799|800)\."))
    assert "view=" in page.url
    months = page.locator("#scale text.month").count()
    assert months >= 4
    bar = page.locator(".life").first.bounding_box()
    assert bar
    first = page.evaluate("Number(document.querySelector('#slider').min)")
    page.mouse.move(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] - 4)
    page.mouse.down()
    page.mouse.move(bar["x"] + bar["width"] / 2 + 120, bar["y"] + bar["height"] - 4, steps=4)
    page.mouse.up()
    assert page.evaluate("Number(document.querySelector('#slider').min)") < first - 30
    dragged = page.url
    page.wait_for_timeout(50)
    assert "view=" in dragged
    page.locator("a[data-view=all]").click()
    expect(plane).to_have_attribute("width", re.compile(r"^100(\.0+\d*)?%$"))
    assert not_reloaded(page)


def test_a_bar_tells_its_act_to_the_pointer_and_to_the_keyboard(page: Page) -> None:
    opened(page, "/?on=2025-11-15&knownOn=2025-11-15&material=gallium&destination=us")
    row = page.locator("tr", has=page.locator(f'a[href="/{BAN}"]'))
    row.locator(".life a.suspended rect").first.hover()
    hint = page.locator(".hint")
    expect(hint).to_contain_text("suspended from 9 Nov 2025 until and including 27 Nov 2026")
    expect(hint).to_contain_text("cn-mofcom-2025-72#whole")
    page.mouse.move(5, 5)
    expect(hint).to_be_hidden()
    page.locator('.life a[tabindex="0"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(hint).to_be_visible()
    assert page.locator('.life a[tabindex="0"]').count() == 1
    target = page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("Escape")
    expect(hint).to_be_hidden()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{target.partition('#')[0]}*")


def test_what_cannot_be_understood_is_told_and_mended(page: Page) -> None:
    opened(page, "/?on=2025-11-15")
    page.fill("input[name=material]", "galium")
    page.keyboard.press("Enter")
    expect(page.locator("[role=alert]")).to_contain_text("material cannot be 'galium'")
    expect(page.locator("#board")).to_be_hidden()
    page.fill("input[name=material]", "gallium")
    page.keyboard.press("Enter")
    expect(page.locator("#board")).to_be_visible()
    expect(page.locator("[role=alert]")).to_have_count(0)
    assert not_reloaded(page)


def test_what_was_folded_stays_folded(page: Page) -> None:
    opened(page, "/")
    group = page.locator('details[data-group="inForce-cn-export-measure"]')
    assert group.get_attribute("open") is None
    group.locator("summary").click()
    page.locator('details[data-group="suspended"] summary').click()
    page.locator("#slider").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#headline")).to_contain_text("On 23 Nov 2026")
    assert page.locator('details[data-group="inForce-cn-export-measure"]').get_attribute("open") is not None
    assert page.locator('details[data-group="suspended"]').get_attribute("open") is None


def test_the_plain_form_does_without_scripts(browser: Browser, address: str) -> None:
    with browser.new_context(base_url=address, java_script_enabled=False) as plain_browser:
        page = plain_browser.new_page()
        page.goto("/")
        assert page.locator("#slider").is_hidden()
        page.fill("#on", "2025-11-15")
        page.check("input[name=known][value=then]")
        page.fill("input[name=material]", "gallium")
        page.click("text=Show the measures")
        assert page.locator("#headline").inner_text().startswith("On 15 Nov 2025, as known on 15 Nov 2025:")
        assert page.locator("tr", has=page.locator(f'a[href="/{BAN}"]')).locator(".life rect").count() >= 3
        page.click("a[data-view=all]")
        assert page.locator(".life .plane").first.get_attribute("width") == "100.0%"
        page.click("a[rel=next]")
        assert "30 Nov 2025" in page.locator("#headline").inner_text()


def test_dates_in_tables_stand_on_one_line(page: Page) -> None:
    page.goto("/?on=2025-11-15")
    tall = page.evaluate(
        "[...document.querySelectorAll('.days-of, time')].filter((e) => e.offsetHeight > 30).map((e) => e.textContent)"
    )
    assert page.locator(".days-of").count() > 100
    assert tall == []
