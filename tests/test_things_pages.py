"""The pages of things and their charts: they say what the questions answer, with scripts and without."""

import re
from datetime import date, timedelta
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page

from conftest import TODAY
from inforce.model import BASE
from inforce.service import Service
from inforce.web import chains, tariffs
from inforce.web.clocks import plane
from inforce.web.description import index
from inforce.web.site import site

RECIPROCAL = BASE + "measure/us-ieepa-reciprocal-cn"
MANY = BASE + "measure/cn-s301-counter-tariff-exclusion-list2-2"
BAN = BASE + "measure/cn-us-ga-ge-sb-superhard-ban"
NOBODY = BASE + "measure/us-s301-excess-capacity-investigation"
WAYS = [("cn", "us", {}), ("us", "cn", {}), ("cn", "us", {"hs": ["81019400"]})]
HEAVIEST = 300_000  # bytes of a page without what it loads


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


# The two clocks


@pytest.mark.parametrize("measure", [RECIPROCAL, MANY, BAN, NOBODY])
def test_the_plane_holds_the_timeline_of_each_day_of_knowledge(service: Service, measure: str) -> None:
    found = plane(service, measure, TODAY)
    assert found is not None
    days = {turn.public for turn in found.turns}
    for known in sorted(days | {day + timedelta(days=1) for day in days} | {TODAY}):
        answer = service.ask("timeline", {"measure": [measure], "knownOn": [known.isoformat()]}, TODAY)
        wanted = {(r["status"], r["rate"], r["from"], r["until"], r["clause"]) for r in answer.rows}
        held = {
            (
                b.status,
                None if b.rate is None else float(b.rate),
                b.start and b.start.isoformat(),
                b.until and b.until.isoformat(),
                b.clause,
            )
            for turn in found.turns
            for b in turn.beliefs
            if turn.public <= known and (b.known_until is None or known < b.known_until)
        }
        assert held == wanted, known


def test_the_plane_ends_with_what_is_known(service: Service) -> None:
    before = plane(service, BAN, date(2025, 11, 8))
    after = plane(service, BAN, date(2025, 11, 9))
    assert before is not None
    assert after is not None
    assert [turn.public for turn in before.turns] == [date(2024, 12, 3)]
    assert [turn.public for turn in after.turns] == [date(2024, 12, 3), date(2025, 11, 9)]
    assert plane(service, BAN, date(2024, 12, 2)) is None


def test_each_act_of_the_plane_is_told_in_the_table(client: TestClient) -> None:
    text = client.get("/measure/us-ieepa-reciprocal-cn.html").text
    table = text[text.index('<table id="beliefs">') :].partition("</table>")[0]
    assert re.findall(r'<tbody data-public="([^"]+)"', table) == [
        "2025-04-02", "2025-04-08", "2025-04-09", "2025-05-12", "2025-08-11", "2025-11-04", "2026-02-20", "2026-02-23",
    ]  # fmt: skip
    assert "us-eo-14266 amend 125 %" in plain(table)
    assert 'data-known-until="2026-02-20"' in table


# The graph of acts


def edges(service: Service, **given: str) -> set[tuple[str, str, str]]:
    found, _ = chains._found(service, {name: [value] for name, value in given.items()}, TODAY)
    return {
        tuple(x.removeprefix(BASE).rpartition("/")[2] for x in (e.changing, e.type, e.changed)) for e in found.edges
    }  # type: ignore[misc]


def test_an_act_leads_to_the_acts_it_suspends(service: Service) -> None:
    found = edges(service, act="cn-mofcom-2025-70")
    assert found == {("cn-mofcom-2025-70", "ns#suspend", f"cn-mofcom-2025-{n}") for n in (55, 56, 57, 58, 61, 62)}


def test_an_extension_leads_to_the_act_it_prolongs(service: Service) -> None:
    found = edges(service, measure="us-ieepa-reciprocal-cn")
    assert ("us-eo-14334", "ns#extendSuspension", "us-eo-14298") in found
    assert ("us-eo-14358", "ns#extendSuspension", "us-eo-14334") in found
    assert ("us-eo-14298", "ns#suspend", "us-eo-14257") in found
    assert not any(changing == changed for changing, _, changed in found)


def test_the_measures_of_an_arrow_are_those_of_the_act_it_leads_to(service: Service) -> None:
    found, _ = chains._found(service, {"act": ["cn-mofcom-2025-70"]}, TODAY)
    by_act = {e.changed.rpartition("/")[2]: {m.rpartition("/")[2] for m in e.measures} for e in found.edges}
    assert "cn-five-rare-earths-2025" in by_act["cn-mofcom-2025-57"]
    assert sum(map(len, by_act.values())) == len(set().union(*by_act.values())) == 16


def test_acts_later_than_the_day_of_knowledge_are_not_drawn(service: Service) -> None:
    assert edges(service, act="cn-mofcom-2025-70", knownOn="2025-11-06") == set()


def test_every_effect_on_a_measure_of_another_act_is_an_arrow(service: Service) -> None:
    """Counted by another way than the question `chain`: effects on measures that the act itself did not establish."""
    rows = site(service).select(
        "?act ?e { ?e a inf:Effect ; inf:act ?act ; inf:affects ?m . ?m inf:establishedBy/eli:is_part_of+ ?founding "
        "FILTER (?founding != ?act) }"
    )
    found, _ = chains._found(service, {"from": ["2000-01-01"]}, TODAY)
    assert {e.changing for e in found.edges} >= {row["act"] for row in rows} - prolonging_itself(service)


def prolonging_itself(service: Service) -> set[str]:
    """Acts all of whose effects on others' measures prolong effects of their own."""
    rows = site(service).select("?act { ?e inf:act ?act ; inf:extends ?x . ?x inf:act ?act }")
    return {row["act"] for row in rows}


def test_the_page_of_the_graph_lists_every_arrow(client: TestClient, service: Service) -> None:
    text = client.get("/graph-of-acts?measure=us-ieepa-reciprocal-cn").text
    table = text[text.index('<table id="chain"') :].partition("</table>")[0]
    rows = re.findall(r"<tr data-type=.*?</tr>", table, re.DOTALL)
    assert len(rows) == len(edges(service, measure="us-ieepa-reciprocal-cn"))
    assert 'data-act="us-eo-14298" data-public="2025-05-12" data-side="us"' in table
    assert "<details open>" in text, "without scripts the list is all there is"


def test_the_graph_begins_with_a_topic_and_can_be_filtered(client: TestClient) -> None:
    text = client.get("/graph-of-acts").text
    assert 'data-act="cn-mofcom-2025-70"' in text
    assert 'data-side="us"' not in text
    assert '<option value="rare-earth" selected>' in text
    later = client.get("/graph-of-acts?from=2026-01-01&to=2026-12-31").text
    assert set(re.findall(r"<td><time datetime=\"(\d{4})", later)) == {"2026"}
    assert "No act of the record changes another" in client.get("/graph-of-acts?kind=import-ban&to=2019-01-01").text


@pytest.mark.parametrize(
    ("query", "words", "mended"),
    [
        ("material=galium", "material cannot be", "/graph-of-acts?material=gallium"),
        ("measur=x", "measur", "/graph-of-acts?measure=x"),
        ("from=2025-02-30", "from cannot be", None),
    ],
)
def test_a_graph_that_cannot_be_understood(client: TestClient, query: str, words: str, mended: str | None) -> None:
    answer = client.get(f"/graph-of-acts?{query}")
    assert answer.status_code == 422
    assert words in answer.text
    assert mended is None or f'href="{mended}"' in answer.text


def test_an_act_tells_what_later_acts_did_to_it(client: TestClient) -> None:
    text = client.get("/instrument/us-eo-14298.html").text
    later = plain(text[text.index('id="later"') :].partition("</section>")[0])
    assert "11 Aug 2025 : Further Modifying" in later
    assert "extend suspension us-eo-14334" in later
    assert 'data-centre="us-eo-14298"' in text


# The duties over time


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: f"{way[0]} to {way[1]} {way[2]}")
def piled(request: pytest.FixtureRequest, service: Service) -> tuple[dict[str, list[str]], list[tariffs.Step]]:
    origin, destination, goods = request.param
    given = {"origin": [origin], "destination": [destination], **goods}
    return given, tariffs.series(service, given, TODAY.isoformat())


def test_each_step_is_the_stack_of_its_days(
    service: Service, piled: tuple[dict[str, list[str]], list[tariffs.Step]]
) -> None:
    """On turning days of all imports, whatever their kind, and the days beside them; a sample, to be quick."""
    given, steps = piled
    way = {name: given[name] for name in ("origin", "destination")}
    turning = service.ask("timeline", {**way, "flow": ["import"], "knownOn": [TODAY.isoformat()]}, TODAY).rows
    days = sorted({date.fromisoformat(row[end]) for row in turning for end in ("from", "until") if row[end]})
    for day in [*days[::4], *(day - timedelta(days=1) for day in days[2::6]), date(2025, 4, 12), date(2018, 1, 1)]:
        rows = service.ask(
            "tariff-stack", {**given, "on": [day.isoformat()], "knownOn": [TODAY.isoformat()]}, TODAY
        ).rows
        step = next((s for s in steps if s.start <= day and (s.until is None or day < s.until)), None)
        held = [] if step is None else [(r["part"], r["measure"], r["rate"], r["terms"]) for r in step.rows]
        assert held == [(r["part"], r["measure"], r["rate"], r["terms"]) for r in rows], day
        if rows:
            assert step is not None
            assert step.sum == rows[0]["sum"] == sum(r["rate"] for r in step.due), day


def test_the_steps_follow_each_other(piled: tuple[dict[str, list[str]], list[tariffs.Step]]) -> None:
    _, steps = piled
    assert steps[-1].until is None
    for before, after in pairwise(steps):
        assert before.until == after.start
        assert [tariffs._layer(r) for r in before.rows] != [tariffs._layer(r) for r in after.rows]


def test_as_known_earlier_nothing_later_is_piled(service: Service) -> None:
    steps = tariffs.series(service, {"origin": ["cn"], "destination": ["us"]}, "2025-04-10")
    assert max(step.start for step in steps) > date(2025, 4, 10), "what was to come is shown"
    assert [step.sum for step in steps if step.until is None] == [145.0]


def test_the_page_of_duties_tells_the_day_and_the_years(client: TestClient, service: Service) -> None:
    text = client.get("/tariffs?hs=81019400&on=2025-06-01&knownOn=2025-06-01").text
    words = plain(text)
    assert "45 % in additional duties" in words
    assert "20 % US fentanyl duty on Chinese goods (IEEPA)" in words
    assert "Taken out by another measure: 1" in words
    assert "taken out by Goods exempt from the US reciprocal duties (Annex II)" in words
    steps = re.findall(r'<tr data-from="([^"]*)" data-until="([^"]*)" data-sum="([^"]*)"', text)
    held = tariffs.series(service, {"origin": ["cn"], "destination": ["us"], "hs": ["81019400"]}, "2025-06-01")
    assert steps == [(str(s.start), str(s.until or ""), str(s.sum)) for s in held][-len(steps) :]
    other = re.search(r'href="(/tariffs\?[^"]*)">The other way', text)
    assert other is not None
    assert parse_qs(urlsplit(other[1]).query.replace("&amp;", "&"))["origin"] == ["us"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("material=galium", "material cannot be"),
        ("hs=8112&material=gallium", "either material or hs"),
        ("at=2025-01-01T00:00:00Z", "at is no parameter of this page"),
        ("from=2025", "from cannot be"),
        ("on=2025-02-30", "on cannot be"),
        ("destination=usa", "destination cannot be"),
        ("wanted=1", "wanted is no parameter"),
    ],
)
def test_duties_that_cannot_be_understood(client: TestClient, query: str, words: str) -> None:
    answer = client.get(f"/tariffs?{query}")
    assert answer.status_code == 422
    assert words in plain(answer.text)


def test_goods_without_duties(client: TestClient) -> None:
    text = client.get("/tariffs?on=2010-01-01&knownOn=2010-01-01").text
    assert "The record has no additional duty on such goods on this day" in text
    assert "<figure" not in text


# Things


def test_an_entity_bears_its_chinese_name_and_its_listings(client: TestClient) -> None:
    text = client.get("/entity/skydio.html?on=2025-05-20&knownOn=2025-05-20").text
    assert '<span class="zh" lang="zh">斯凯迪奥公司</span></h1>' in text
    assert 'href="/measure/cn-uel-2025-apr04"' in text
    assert "suspended" in plain(text)
    listing = client.get("/measure/cn-uel-2025-apr04.html").text
    assert 'Skydio, Inc.</a> <span class="zh" lang="zh">斯凯迪奥公司</span>' in listing
    assert "斯凯迪奥公司" in client.get("/entity.html").text
    assert "No listing of it could be known" in client.get("/entity/skydio.html?knownOn=2020-01-01").text


def test_a_material_tells_what_touches_it_by_side(client: TestClient, service: Service) -> None:
    text = client.get("/material/gallium.html?on=2025-11-15&knownOn=2025-11-15").text
    rows = service.ask(
        "material", {"material": ["gallium"], "on": ["2025-11-15"], "knownOn": ["2025-11-15"]}, TODAY
    ).rows
    assert len(rows) > 20
    for row in rows:
        assert f'href="/{row["measure"].removeprefix(BASE)}"' in text
    wider = [row for row in rows if row["relation"] == "wider" and row["imposedBy"].endswith("/us")]
    assert f"On wider scopes to which it belongs: {len(wider)} measures" in text
    assert "7440-55-3" in text
    assert 'href="http://www.wikidata.org/entity/Q861"' in text


def test_a_country_tells_what_it_imposes_and_what_is_imposed_on_it(client: TestClient) -> None:
    text = client.get("/country/us.html?on=2025-11-15&knownOn=2025-11-15").text
    own, towards = text.index('id="current"'), text.index('id="towards"')
    assert own < text.index('href="/measure/us-ieepa-fentanyl-cn"') < towards
    assert towards < text.index('href="/measure/cn-us-ga-ge-sb-superhard-ban"')
    assert text.index("Bodies of this country") < text.index('href="/actor/us-ustr"')
    assert text.index("Listed entities of this country") < text.index('href="/entity/skydio"')


def test_a_body_lists_its_acts_from_the_latest_on(client: TestClient) -> None:
    text = client.get("/actor/cn-mofcom.html").text
    days = re.findall(r'<tr><td><time datetime="([^"]+)"', text)
    assert len(days) > 40
    assert days == sorted(days, reverse=True)
    assert "Read and left out of the record" in text


def test_a_page_says_how_to_cite_it_and_where_its_answer_stays(client: TestClient, service: Service) -> None:
    text = client.get("/measure/cn-us-ga-ge-sb-superhard-ban.html?on=2025-11-15&knownOn=2025-11-15").text
    cited = plain(text[text.index('<p class="citation">') :].partition("</details>")[0])
    assert service.manifest["version"] in cited
    assert f"{BAN} , accessed 24 Nov 2026" in cited
    assert "@misc{inforce:cn-us-ga-ge-sb-superhard-ban," in cited
    assert "urldate = {2026-11-24}" in cited
    links = re.findall(r'href="(/v/[^"]+)"', text)
    assert len(links) == 8
    for link in links:
        assert "2025-11-15" in link
        assert client.get(link.replace("&amp;", "&")).status_code == 200


def test_no_default_is_told_by_halves(client: TestClient) -> None:
    text = client.get("/queries/diff.html").text
    assert "<td>on</td>" in text[text.index("<code>againstOn</code>") :].partition("</tr>")[0]
    assert "<td>from + days</td>" in client.get("/queries/upcoming.html").text


def test_pages_stay_light(client: TestClient, service: Service) -> None:
    wanted = ["/tariffs", "/tariffs?origin=us&destination=cn", "/graph-of-acts", "/graph-of-acts?from=2000-01-01"]
    wanted += [f"{iri.removeprefix(BASE.removesuffix('/'))}.html" for iri in index(service).collections()]
    wanted += [f"/country/{side}.html" for side in ("cn", "us")]
    wanted += ["/kind/export-measure.html", "/material/rare-earth.html", "/instrument/us-eo-14257.html"]
    heavy = {path: size for path in wanted if (size := len(client.get(path).content)) > HEAVIEST}
    assert not heavy


# In a browser


def test_the_clocks_tell_the_act_and_lead_to_a_day(page: Page, service: Service) -> None:
    page.goto("/measure/us-ieepa-reciprocal-cn?on=2025-06-01&knownOn=2025-06-01")
    told, drawing = page.locator("figure.clocks .told"), page.locator("figure.clocks svg")
    act = drawing.locator("a[data-public='2025-05-12']")
    act.focus()
    assert "us-eo-14298" in told.inner_text()
    assert "suspend" in told.inner_text()
    drawing.locator("a[data-public='2025-08-11'] .ground").hover()
    assert "us-eo-14334" in told.inner_text()
    drawing.locator("g.suspended[data-public='2025-11-04'] .pattern").first.hover()
    said = told.inner_text()
    assert re.match(r"on \d+ \w+ 20\d\d, as known on \d+ \w+ 20\d\d\n", said)
    assert "suspended" in said
    assert "9 Nov 2026" in said
    box = drawing.locator("g.suspended[data-public='2025-11-04'] .pattern").first.bounding_box()
    assert box is not None
    with page.expect_navigation():
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
    (row,) = service.ask("status", {"measure": [RECIPROCAL], **{n: [v] for n, v in asked.items()}}, TODAY).rows
    assert (row["status"], row["until"]) == ("suspended", "2026-11-10")
    assert "suspended" in page.locator(".state").first.inner_text()


def test_the_clocks_are_gone_through_by_keys(page: Page) -> None:
    page.goto("/measure/us-ieepa-reciprocal-cn?on=2025-06-01&knownOn=2025-06-01")
    page.locator("figure.clocks .cross").focus()
    told = page.locator("figure.clocks .told .point")
    assert told.inner_text() == "on 1 Jun 2025, as known on 1 Jun 2025"
    page.keyboard.press("ArrowDown")
    assert told.inner_text() == "on 1 Jun 2025, as known on 11 Aug 2025"
    page.keyboard.press("ArrowRight")
    assert told.inner_text() == "on 12 Aug 2025, as known on 11 Aug 2025"
    assert page.locator("figure.clocks .cross").get_attribute("aria-label") == told.inner_text()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "on=2025-08-12&knownOn=2025-08-11" in page.url


def test_each_belief_is_drawn(page: Page) -> None:
    page.goto("/measure/cn-s301-counter-tariff-exclusion-list2-2")
    lasting = page.locator("#beliefs .belief").evaluate_all(
        "rows => rows.filter(r => r.dataset.start !== r.dataset.until && r.dataset.knownUntil !== r.closest('tbody').dataset.public).length"
    )
    assert lasting > 10
    assert page.locator("figure.clocks .beliefs > g").count() == lasting


def test_the_chart_of_duties_steps_as_the_question_answers(page: Page, service: Service) -> None:
    page.goto("/tariffs?on=2025-06-01&from=2025-01-01")
    chart = page.locator("figure.tariffs svg").first
    steps = page.locator("#steps tbody tr")
    # The upper edge as it is drawn, turned back into percent by the lines of the axis.
    drawn = page.evaluate(
        """() => {
          const svg = document.querySelector('figure.tariffs .drawn svg');
          const levels = [...svg.querySelectorAll('.level')].map((line, i) => [Number(svg.querySelectorAll('.level ~ text')[i].textContent.replace(' %', '')), Number(line.getAttribute('y1'))]);
          const [[p0, y0], [p1, y1]] = [levels[0], levels.at(-1)];
          const numbers = svg.querySelector('.top').getAttribute('d').match(/-?[0-9.]+/g).map(Number);
          const found = [];
          for (let i = 0; i < numbers.length; i += 2) found.push([numbers[i], p0 + (numbers[i + 1] - y0) * (p1 - p0) / (y1 - y0)]);
          return { found, width: svg.clientWidth };
        }"""
    )
    axis = page.locator("figure.tariffs")
    first, last = (date.fromisoformat(str(axis.get_attribute(name))) for name in ("data-first", "data-last"))
    for day in (date(2025, 2, 20), date(2025, 4, 12), date(2025, 6, 1), date(2025, 12, 1), date(2026, 5, 1)):
        answer = service.ask(
            "tariff-stack", {"origin": ["cn"], "destination": ["us"], "on": [str(day)], "knownOn": [str(TODAY)]}, TODAY
        )
        x = drawn["width"] * ((day - first).days + 0.5) / (last - first).days
        level = [percent for at, percent in drawn["found"] if at <= x][-1]
        assert level == pytest.approx(answer.rows[0]["sum"], abs=0.2), day
    chart.focus()
    assert "together" in page.locator("figure.tariffs .told").inner_text().lower()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    second = steps.nth(1)
    assert second.locator("th").inner_text() in page.locator("figure.tariffs .told").inner_text()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert f"on={second.get_attribute('data-from')}" in page.url
    assert "from=2025-01-01" in page.url


def test_an_act_of_the_graph_leads_to_its_page(page: Page) -> None:
    page.goto("/graph-of-acts?measure=us-ieepa-reciprocal-cn")
    assert page.locator("figure.acts .link").count() == page.locator("#chain tbody tr").count()
    act = page.locator("figure.acts a.node[data-act='us-eo-14334']")
    act.focus()
    assert "extend suspension" in page.locator("figure.acts .told").inner_text()
    places = page.locator("figure.acts a.node").evaluate_all(
        "nodes => nodes.map(n => [n.getAttribute('transform').match(/[-0-9.]+/)[0], n.querySelector('rect').getAttribute('width'), n.dataset.act])"
    )
    middles = {name: float(x) + float(width) / 2 for x, width, name in places}
    assert middles["us-eo-14257"] < middles["us-eo-14298"] < middles["us-eo-14334"] < middles["us-eo-14358"]
    width = page.locator("figure.acts svg[role=group]").bounding_box()
    page.click("figure.acts [data-do=out]")
    smaller = page.locator("figure.acts svg[role=group]").bounding_box()
    assert width is not None
    assert smaller is not None
    assert smaller["width"] < width["width"]
    page.locator("figure.acts .drawn").focus()
    page.keyboard.press("+")
    assert page.locator("figure.acts svg[role=group]").bounding_box()["width"] == pytest.approx(width["width"])  # type: ignore[index]
    act.click()
    page.wait_for_url("**/instrument/us-eo-14334")
    assert page.locator("figure.acts a.node.centre").get_attribute("data-act") == "us-eo-14334"


def test_the_whole_graph_is_drawn_without_acts_on_each_other(page: Page) -> None:
    page.goto("/graph-of-acts?from=2000-01-01")
    boxes = page.locator("figure.acts a.node").evaluate_all(
        "nodes => nodes.map(n => { const [x, y] = n.getAttribute('transform').match(/[-0-9.]+/g).map(Number); const r = n.querySelector('rect'); return [x, y, x + Number(r.getAttribute('width')), y + Number(r.getAttribute('height'))]; })"
    )
    assert len(boxes) > 100
    over = [
        (a, b)
        for i, a in enumerate(boxes)
        for b in boxes[i + 1 :]
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]
    assert not over


def test_without_scripts_the_tables_say_it_all(browser: Browser, address: str) -> None:
    page = browser.new_page(base_url=address, java_script_enabled=False)
    page.goto("/graph-of-acts?measure=us-ieepa-reciprocal-cn")
    assert not page.locator("figure.acts").is_visible()
    assert page.locator("#chain").is_visible()
    page.goto("/measure/us-ieepa-reciprocal-cn")
    assert not page.locator("figure.clocks").is_visible()
    page.click("summary:has-text('What was known')")
    assert page.locator("#beliefs").is_visible()
    page.close()
