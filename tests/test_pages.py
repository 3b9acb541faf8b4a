"""The pages for people: what they tell, that their links lead somewhere, and that they load nothing from elsewhere."""

import json
import re
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

import inforce.web
from inforce.model import BASE, NS
from inforce.service import Service
from inforce.web import wording
from inforce.web.description import VOCABULARY, index, kind_of
from inforce.web.drawing import NARROWEST, Axis, Stretch, axis, bars
from inforce.web.errors import TITLES

GALLIUM = "/?on=2025-11-15&knownOn=2025-11-15&material=gallium&destination=US"
BAN = "/measure/cn-us-ga-ge-sb-superhard-ban"
VOID = {"meta", "link", "input", "br", "img", "wbr", "col"}


class Parsed(HTMLParser):
    """A page: its ids, its links, what it loads, and whatever is not as it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.faults += [f"<{tag}> is not closed" for tag in self._open]
        self.faults += [f"id {i} is there twice" for i in {i for i in self.ids if self.ids.count(i) > 1}]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._seen(tag, dict(attrs))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._seen(tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()} closes another element")

    def _seen(self, tag: str, attrs: dict[str, str | None]) -> None:
        if attrs.get("id"):
            self.ids.append(str(attrs["id"]))
        if tag == "a":
            self.links.append(str(attrs["href"]))
        elif tag != "form":
            named = [str(attrs[name]) for name in ("src", "href", "srcset", "data") if name in attrs]
            self.loaded += [url for url in named if tag != "use" or not url.startswith("#")]
        if tag in ("style", "iframe", "object", "embed") or (
            tag == "script" and not attrs.get("src") and attrs.get("type") != "application/ld+json"  # data, never run
        ):
            self.faults.append(f"<{tag}>")
        self.faults += [f"{name} on <{tag}>" for name in attrs if name == "style" or name.startswith("on")]
        if tag == "img" and "alt" not in attrs:
            self.faults.append("an image without words")
        if (
            tag == "svg"
            and attrs.get("role") != "none"
            and attrs.get("aria-hidden") != "true"
            and not (attrs.get("aria-label") or attrs.get("aria-labelledby"))
        ):
            self.faults.append("a drawing without words")


@pytest.fixture(scope="module")
def pages(client: TestClient, service: Service) -> dict[str, Parsed]:
    """The pages of all lists, and of about eight things of each kind."""
    of_kind: dict[str, list[str]] = {}
    for iri in index(service).documents:
        of_kind.setdefault(kind_of(iri), []).append(iri.removeprefix(BASE.removesuffix("/")))
    paths = {BAN, *("/" + kind for kind in of_kind)}
    paths |= {path for members in of_kind.values() for path in members[:: len(members) // 8 + 1]}
    found = {}
    for path in paths:
        answer = client.get(f"{path}.html")
        assert answer.status_code == 200, path
        found[path] = Parsed(answer.text)
    for path in (
        "/",
        GALLIUM,
        "/coming",
        "/changed",
        "/changed?clock=public&from=2025-10-15&to=2025-11-15",
        "/problems",
        "/?material=galium",
    ):
        found[path] = Parsed(client.get(path).text)
    return found


def rows(text: str) -> dict[str, str]:
    """The rows of a table of measures, by the address of the measure."""
    found = re.findall(r"<tr[ >].*?</tr>", text, re.DOTALL)
    return {link[1]: row for row in found if (link := re.search(r'<th scope="row"><a href="([^"]+)"', row))}


def plain(html: str) -> str:
    """The words of a piece of a page."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


# All pages


def test_every_page_is_well_formed_and_runs_nothing(pages: dict[str, Parsed]) -> None:
    assert {path: page.faults for path, page in pages.items() if page.faults} == {}


def test_no_page_loads_anything_from_elsewhere(pages: dict[str, Parsed]) -> None:
    for path, page in pages.items():
        assert page.loaded, path
        assert all(url.startswith("/") and not url.startswith("//") for url in page.loaded), path


def test_every_internal_link_leads_to_a_page_and_a_place_on_it(
    pages: dict[str, Parsed], client: TestClient, service: Service
) -> None:
    documents = {iri.removeprefix(BASE.removesuffix("/")) for iri in index(service).documents}
    other: dict[str, str] = {}  # a link to each address, with what it asks
    for path, page in pages.items():
        for link in page.links:
            target = urlsplit(link)
            if target.scheme:
                assert target.scheme in ("http", "https", "webcal"), f"{path}: {link}"
                continue
            on = target.path or path
            if on in pages:
                assert not target.fragment or target.fragment in pages[on].ids, f"{path}: {link}"
            elif on not in documents and on.rpartition(".")[0] not in documents:
                other.setdefault(on, link)
    for link in other.values():
        assert client.get(link).status_code == 200, link


def test_every_internal_link_of_the_home_page_resolves(client: TestClient, service: Service) -> None:
    documents = {iri.removeprefix(BASE.removesuffix("/")) for iri in index(service).documents}
    links = {link for path in ("/", GALLIUM) for link in Parsed(client.get(path).text).links}
    for link in links:
        assert urlsplit(link).scheme or urlsplit(link).path in documents or client.get(link).status_code == 200, link


def test_pages_allow_only_what_is_their_own(client: TestClient) -> None:
    for path in ("/", f"{BAN}.html", "/problems", "/nothing"):
        answer = client.get(path, headers={"Accept": "text/html"})
        assert answer.headers["content-security-policy"] == (
            "default-src 'self'; style-src 'self'; img-src 'self' data:; script-src 'self'"
        )


def test_words_of_a_stranger_stay_words(client: TestClient) -> None:
    for name in ("material", "on", "hs", "<b>"):
        text = client.get("/", params={name: "<script>alert(1)</script>"}).text
        assert "<script>" not in text
        assert "<b>" not in text


# Home


def test_gallium_to_the_united_states_on_15_november_2025(client: TestClient) -> None:
    answer = client.get(GALLIUM)
    assert answer.status_code == 200
    found = rows(answer.text)
    licence = found["/measure/cn-gallium-licensing"]
    assert 'class="pill inForce"' in licence
    assert "no end set" in licence
    ban = found[BAN]
    assert 'class="pill suspended"' in ban
    assert 'href="/instrument/cn-mofcom-2025-72#whole"' in ban
    assert "9 Nov 2025" in ban
    assert "27 Nov 2026" in ban
    assert "then in force" in plain(ban)
    assert "On 15 Nov 2025, as known on 15 Nov 2025:" in plain(answer.text)
    told = re.search(r"(\d+) measures in force , (\d+) suspended , (\d+) pending", plain(answer.text))
    assert told
    assert sum(map(int, told.groups())) == len(found)


def test_the_data_of_the_page_are_the_answer_of_the_page(client: TestClient) -> None:
    page = client.get(GALLIUM)
    (json_link,) = [link for link in Parsed(page.text).links if link.startswith("/api/in-force") and "json" in link]
    answer = client.get(json_link).json()
    assert {row["measure"].removeprefix(BASE.removesuffix("/")) for row in answer["rows"]} == set(rows(page.text))
    assert (answer["parameters"]["on"], answer["parameters"]["knownOn"]) == ("2025-11-15", "2025-11-15")


def test_what_is_known_decides(client: TestClient) -> None:
    before = rows(client.get("/?on=2025-11-15&knownOn=2025-11-06&material=gallium&destination=US").text)
    assert 'class="pill inForce"' in before[BAN]


def test_home_asks_for_today_and_warns_beyond_what_was_searched(client: TestClient) -> None:
    text = client.get("/").text
    assert "On 24 Nov 2026:" in plain(text)
    assert "What was made public after that may be missing here." in text
    assert "may be missing here" not in client.get("/?on=2026-06-30&knownOn=2026-06-30").text
    assert 'value="inForce" checked' in text
    assert 'value="suspended" checked' in text
    assert 'value="pending" checked' in text
    assert 'value="ended">' in text


def test_pending_measures_are_shown_until_the_day_before_they_begin(client: TestClient) -> None:
    found = rows(client.get("/?on=2025-10-20&knownOn=2025-10-20&status=pending").text)
    five = plain(found["/measure/cn-five-rare-earths-2025"])
    assert "pending" in five
    assert "7 Nov 2025" in five


@pytest.mark.parametrize("name", ["gallium", "Ga", "镓", "GALLIUM", BASE + "material/gallium"])
def test_a_material_may_be_called_in_many_ways(client: TestClient, name: str) -> None:
    answer = client.get("/", params={"on": "2025-11-15", "knownOn": "2025-11-15", "material": name})
    assert answer.status_code == 200
    assert "/measure/cn-gallium-licensing" in rows(answer.text)


@pytest.mark.parametrize(
    ("query", "words", "mended"),
    [
        ("material=galium&on=2025-11-15", "material cannot be", "/?material=gallium&on=2025-11-15"),
        ("materail=gallium", "materail", "/?material=gallium"),
        ("destination=USA", "destination cannot be", None),
        ("on=2025-11-31", "on cannot be", None),
        ("on=yesterday", "on cannot be", None),
        ("hs=81x", "hs cannot be", None),
        ("status=inforced", "status cannot be", "/?status=inForce"),
        ("on=2025-11-15&on=2025-11-16", "one value only", None),
    ],
)
def test_a_question_that_cannot_be_understood(client: TestClient, query: str, words: str, mended: str | None) -> None:
    answer = client.get(f"/?{query}")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert words in answer.text
    if mended is not None:
        assert mended in Parsed(answer.text).links
        assert client.get(mended).status_code == 200


def test_an_empty_answer_says_what_it_does_not_mean(client: TestClient) -> None:
    answer = client.get("/?on=2010-01-01&knownOn=2010-01-01")
    assert answer.status_code == 200
    assert "does not mean that there is none" in answer.text


def test_the_form_keeps_the_question(client: TestClient) -> None:
    text = client.get(GALLIUM + "&imposedBy=cn&kind=export-licensing&hs=8112&status=inForce").text
    assert 'name="on" id="on" value="2025-11-15"' in text
    assert 'name="knownOn" id="knownOn" aria-label="as known on this day" value="2025-11-15"' in text
    assert 'value="date" checked' in text
    assert 'name="material" list="materials" value="gallium"' in text
    assert 'name="hs" value="8112"' in text
    for value in ("us", "cn", "export-licensing"):
        assert f'<option value="{value}" selected>' in text
    assert re.findall(r'name="status" value="(\w+)" checked', text) == ["inForce"]


def test_what_comes_and_what_is_only_announced_stand_apart(client: TestClient) -> None:
    text = client.get("/?on=2026-10-01&knownOn=2026-10-01&material=rare-earth").text
    assert "Announced, but no law of the record" in text
    assert 'href="/instrument/cn-mofcom-2026-09-28-kl-extension"' in text
    assert "11 Nov 2026 in 41 days" in plain(text)
    coming = client.get("/coming?from=2026-10-01&knownOn=2026-10-01&material=rare-earth").text
    law, _, said = coming.partition("Only announced: no law yet")
    assert "11 Nov 2026 in 41 days" in plain(law)
    assert 'href="/instrument/cn-mofcom-2025-70#whole"' in law
    assert "cn-mofcom-2026-09-28-kl-extension" not in law
    assert 'href="/instrument/cn-mofcom-2026-09-28-kl-extension"' in said


# Measures, acts, things


def test_a_measure_tells_its_state_its_life_and_why(client: TestClient) -> None:
    text = client.get(f"{BAN}.html?on=2025-11-15&knownOn=2025-11-15").text
    words = plain(text)
    assert "On 15 Nov 2025, as known on 15 Nov 2025 suspended from 9 Nov 2025 until and including 27 Nov 2026" in words
    assert "decides suspend by cn-mofcom-2025-72 #whole" in words
    assert "counts establish by cn-mofcom-2024-46 #art-2-a" in words
    assert "suspended from 9 Nov 2025 until and including 27 Nov 2026 (cn-mofcom-2025-72#whole)" in text
    assert text.count('<g class="suspended">') == 1
    assert 'fill="url(#hatch)"' in text
    assert "our reading of 至" in words
    assert 'href="https://www.mofcom.gov.cn/' in text
    assert 'href="/material/antimony"' in text
    assert "3C003 3E003" in words
    assert 'lang="zh">镓、锗、锑' in text


def test_a_measure_nobody_could_know_of(client: TestClient) -> None:
    text = client.get(f"{BAN}.html?on=2025-11-15&knownOn=2024-12-01").text
    assert "says anything of this measure" in text
    assert "No effect on this measure was public by 1 Dec 2024" in text


def test_a_moment_is_told_on_the_clock_of_the_side_that_imposes(client: TestClient) -> None:
    assert "4 Feb 2025, 00:01 in New York" in client.get("/measure/us-ieepa-fentanyl-cn.html").text


def test_an_announcement_stands_beside_the_law(client: TestClient) -> None:
    text = plain(client.get("/measure/cn-five-rare-earths-2025.html").text)
    assert "Announced, but no law of the record" in text
    assert "10 January 2027" in text


def test_a_page_on_a_day_that_is_none(client: TestClient) -> None:
    answer = client.get(f"{BAN}.html?on=2025-02-30")
    assert answer.status_code == 422
    assert "on cannot be" in answer.text


def test_an_act_tells_what_its_clauses_do(client: TestClient) -> None:
    words = plain(client.get("/instrument/cn-mofcom-2025-70.html").text)
    assert "商务部 海关总署公告2025年第70号" in words
    assert "made public 7 Nov 2025" in words
    assert "suspend from 7 Nov 2025 until and including 10 Nov 2026" in words
    assert "General Administration of Customs" in words
    assert "confidence" in words
    stated = plain(client.get("/instrument/us-eo-14298.html").text)
    assert "until 12 Aug 2025, 00:01 (UTC−04:00)" in stated
    assert "announced only" in plain(client.get("/instrument/cn-mofcom-2026-09-28-kl-extension.html").text)


def test_an_act_names_the_acts_that_change_it(client: TestClient) -> None:
    text = client.get("/instrument/cn-mofcom-2024-46.html").text
    changed = text[text.index("<dt>changed by</dt>") :].partition("</dd>")[0]
    assert 'href="/instrument/cn-mofcom-2025-72"' in changed


def test_a_material_a_country_and_a_kind_show_the_measures_on_them(client: TestClient) -> None:
    assert BAN in rows(client.get("/material/gallium.html").text)
    assert 'href="/material/gallium-arsenide"' in client.get("/material/gallium.html").text
    assert "/measure/us-ieepa-fentanyl-cn" in rows(client.get("/country/us.html").text)
    assert "/measure/cn-gallium-licensing" in rows(client.get("/kind/export-licensing.html").text)
    assert 'href="/instrument/cn-mofcom-2025-72"' in client.get("/actor/cn-mofcom.html").text


def test_an_entity_shows_its_listings(client: TestClient, service: Service) -> None:
    rows_ = service.store.select(f"SELECT ?e ?m WHERE {{ ?m <{NS}entity> ?e }} ORDER BY ?e LIMIT 1")
    (row,) = json.loads(rows_)["results"]["bindings"]
    entity, listing = (row[v]["value"].removeprefix(BASE.removesuffix("/")) for v in ("e", "m"))
    assert listing in rows(client.get(f"{entity}.html").text)


def test_the_lists_are_whole(client: TestClient, service: Service) -> None:
    measures = rows(client.get("/measure.html").text)
    assert set(measures) == {"/" + m.removeprefix(BASE) for m in index(service).members(BASE + "measure")}
    acts = client.get("/instrument.html").text
    for act in index(service).members(BASE + "instrument"):
        assert f'href="/{act.removeprefix(BASE)}"' in acts
    materials = client.get("/material.html").text
    for material in index(service).members(BASE + "material"):
        assert f'href="/{material.removeprefix(BASE)}"' in materials


def test_the_vocabulary_has_a_place_for_each_term(pages: dict[str, Parsed], service: Service) -> None:
    terms = {s.removeprefix(NS) for s in index(service).documents[VOCABULARY] if s.startswith(NS)}
    assert terms <= set(pages["/ns"].ids)


def test_each_type_of_problem_is_explained(client: TestClient) -> None:
    text = client.get("/problems").text
    for name, title in TITLES.items():
        entry = text[text.index(f'id="{name}"') :].partition("</dd>")[0]
        assert title in entry
        assert re.search(r"\d{3}\. \w+", plain(entry)), f"{name} needs its meaning in problems.html"


# Style


def test_static_files(client: TestClient) -> None:
    sheet = client.get("/static/style.css")
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert client.get("/static/style.css", headers={"If-None-Match": sheet.headers["etag"]}).status_code == 304
    assert "url(" not in sheet.text
    assert "@import" not in sheet.text
    assert client.get("/static/icon.svg").headers["content-type"].startswith("image/svg+xml")
    for name in ("nothing.css", "..%2fapp.py", "%2e%2e", "style.css%00"):
        assert client.get(f"/static/{name}").status_code == 404


def palettes() -> Iterator[dict[str, str]]:
    sheet = (Path(inforce.web.__file__).parent / "static" / "style.css").read_text()
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", block))
        for block in re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)[:2]
    )
    yield light
    yield {**light, **dark}


def luminance(colour: str) -> float:
    digits = "".join(c * 2 for c in colour[1:]) if len(colour) == 4 else colour[1:]
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("palette", list(palettes()), ids=["light", "dark"])
def test_words_can_be_read_on_their_ground(palette: dict[str, str]) -> None:
    """WCAG 2.2 AA: a contrast of at least 4.5 for words."""
    pairs = [(words, ground) for words in ("ink", "quiet", "link") for ground in ("paper", "raised", "notice")]
    pairs += [("on-in-force", "in-force"), ("on-suspended", "suspended"), ("on-pending", "paper")]
    pairs += [("on-ended", "ended-pill"), ("on-annulled", "annulled"), ("paper", "link")]
    for words, ground in pairs:
        darker, lighter = sorted((luminance(palette[words]), luminance(palette[ground])))
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, f"{words} on {ground}"


# Geometry and wording


def test_an_axis_gives_each_day_its_place() -> None:
    year = Axis(date(2025, 1, 1), date(2026, 1, 1))
    assert year.at(date(2025, 1, 1)) == 0
    assert year.at(date(2026, 1, 1)) == 100
    assert year.at(date(2025, 7, 2)) == pytest.approx(49.863)
    assert (year.at(date(1999, 1, 1)), year.at(date(2030, 1, 1))) == (0, 100)
    assert [tick.label for tick in Axis(date(2024, 6, 1), date(2026, 2, 1)).ticks() if tick.label] == ["2025", "2026"]


def test_an_axis_shows_every_bound_with_room() -> None:
    shown = axis(
        [Stretch("inForce", date(2025, 1, 1), None), Stretch("ended", None, date(2025, 3, 1))], date(2026, 1, 1)
    )
    assert shown.first < date(2025, 1, 1)
    assert shown.last > date(2026, 1, 1)
    assert axis([], date(1, 1, 1)).first == date.min
    assert axis([], date.max).last == date.max
    with pytest.raises(ValueError, match="at least one day"):
        axis([])


def test_bars_lie_on_the_axis_and_can_be_seen() -> None:
    on = Axis(date(2025, 1, 1), date(2026, 1, 1))
    life = [
        Stretch("pending", None, date(2025, 1, 2)),
        Stretch("inForce", date(2025, 1, 2), date(2025, 1, 2)),  # some hours: not drawn
        Stretch("suspended", date(2025, 1, 2), date(2025, 12, 31)),
        Stretch("inForce", date(2025, 12, 31), None),
        Stretch("ended", date(2027, 1, 1), None),  # beyond the axis
        Stretch("ended", date(2020, 1, 1), date(2024, 1, 1)),
    ]
    drawn = bars(life, on)
    assert [bar.status for bar in drawn] == ["pending", "suspended", "inForce"]
    for bar in drawn:
        assert 0 <= bar.x <= bar.x + bar.width <= 100.001
        assert bar.width >= NARROWEST


def test_wording() -> None:
    assert wording.day("2025-11-09") == "9 Nov 2025"
    assert wording.day(date(2025, 11, 9)) == "9 Nov 2025"
    assert wording.day("2025-11") == "Nov 2025"
    assert wording.day("2025") == "2025"
    assert wording.day("2025-11-10T00:01:00-05:00") == "10 Nov 2025, 00:01 (UTC−05:00)"
    assert wording.day("2025-11-10T00:01:00Z") == "10 Nov 2025, 00:01 (UTC)"
    assert wording.last_day("2026-11-28") == "27 Nov 2026"
    assert wording.last_day("2026-03-01") == "28 Feb 2026"
    assert wording.local("2025-11-08T16:00:00Z", ZoneInfo("Asia/Shanghai")) == "9 Nov 2025"
    assert wording.local("2025-11-10T05:01:00Z", ZoneInfo("America/New_York")) == "10 Nov 2025, 00:01 in New York"
    assert wording.percent(10) == "10 %"
    assert wording.percent(2.5) == "2.5 %"
    assert wording.words("endOfCollection") == "end of collection"
    assert wording.lasting("inForce", "", None, date(2025, 11, 8)) == "in force until and including 7 Nov 2025"
    assert (
        wording.lasting("suspended", "24 %", date(2025, 11, 8), None)
        == "suspended at 24 % from 8 Nov 2025 with no end set"
    )
