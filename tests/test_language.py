"""The pages in two languages: which of them a reader gets, that nothing is left in the other, and that it stays so."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from fastapi.testclient import TestClient
from lxml import html
from playwright.sync_api import Browser, Page, expect

from inforce.service import Service
from inforce.web import language, wording
from inforce.web.language import LANGUAGES, preferred
from inforce.web.negotiate import ANSWERS, DOCUMENTS
from inforce.web.site import Site, site

ROOT = Path(__file__).parents[1]
MEASURE = "/measure/cn-gallium-licensing"
# A page of every kind, and of every kind of error that is a page.
PAGES = [
    "/", "/?on=2025-11-15&knownOn=2025-11-15&material=gallium&destination=us", "/?material=gallium&status=annulled",
    "/?material=unobtainium", "/?view=x", "/?colour=red", "/?at=2025-11-10T12:30:00%2B08:00",
    "/coming", "/coming?material=gallium&days=1&from=2024-01-01", "/coming?from=2025-11-01&knownOn=2025-11-01",
    "/changed", "/changed?from=2025-10-01&to=2025-12-01", "/changed?clock=public&from=2025-10-01&to=2025-12-01", "/changed?from=2025-12-01&to=2025-10-01",
    "/tariffs", "/tariffs?origin=us&destination=cn&hs=12019010&on=2025-05-01", "/tariffs?at=2",
    "/measure", "/instrument", "/material", "/entity", "/kind", "/country", "/reviewed", "/graph", "/cookbook",
    "/graph-of-acts", "/graph-of-acts?material=unobtainium",
    MEASURE, f"{MEASURE}?on=2025-11-15&knownOn=2025-11-15", f"{MEASURE}?on=2027-06-01", f"{MEASURE}?on=x", f"{MEASURE}?colour=red",
    f"{MEASURE}/on/2025-11-15?knownOn=2025-11-15", f"{MEASURE}/on/1990-01-01?knownOn=1990-01-01",
    f"{MEASURE}/known/2024-12-31", f"{MEASURE}/known/someday", "/material/gallium/known/2025-01-01",
    "/instrument/cn-mofcom-2025-72", "/instrument/cn-mofcom-2024-46",
    "/material/gallium", "/country/us", "/country/cn", "/kind/counter-tariff", "/entity/american-proteins", "/actor/cn-mofcom",
    "/doctype/announcement", "/scheme/material", "/coverage/cn",
    "/dataset", "/void", "/ns", "/shapes", "/queries", "/queries/in-force", "/cookbook/01-kinds", "/docs", "/problems",
    "/sparql", "/sparql?query=SELECT%20%3Fs%20%7B%20%3Fs%20a%20%3FT%20%7D%20LIMIT%203",
    "/feeds", "/feeds/effects", "/feeds/effects/2025",
    "/api/in-force?on=2025-11-15&format=html&limit=5", "/api/chain?format=html&measure=cn-gallium-licensing",
    "/nosuchthing", "/measure/cn-galium-licensing", "/?lang=de",
]  # fmt: skip
# What of a Chinese page may be Latin: our name and those of formats, licences, codes and keys, which are the same in Chinese.
NAMES = {
    "SPARQL", "API", "HS", "IRI", "JSON", "CSV", "JSON-LD", "Turtle", "N-Triples", "TSV", "XML", "cURL", "Atom", "BibTeX", "CC BY 4.0", "UTC", "SHACL", "OpenAPI", "RFC", "HTTP", "CAS", "GET", "HEAD", "POST",
    "SHA-256", "SHA256SUMS", "kB", "MB", "Bytes", "Enter", "Tab", "Accept-Datetime", "Retry-After", "Query-Limits", "Sat, 15 Nov 2025 12:00:00 GMT",
    "English",  # the switch tells each language in its own words
    "gallium",  # in the hint that names may be typed in English too
}  # fmt: skip
# Parameters, members of a problem and addresses are told as they are typed.
TYPED = {
    "detail", "line", "column", "nearest", "alternates", "parameter", "value", "expected", "limit", "time", "memory", "nesting", "answer", "page",
    "clock", "from", "to", "on", "knownOn", "at", "lang", "view", "material", "colour", "red", "x", "unobtainium", "someday", "de", "en", "zh", "or",
}  # fmt: skip
FORMS = {"inforce", *DOCUMENTS, *ANSWERS}
CODED = re.compile(
    r"https?://\S+|\S*w3id\.org\S*|\b[\w.]+\.(?:gov|cn|com|org|eu)\b\S*"  # addresses
    r"|\b\d+\.\d+\.\d+\+[0-9a-f]{12}\b"  # versions of the dataset
    r"|/[a-z]+\b|\.[a-z]{2,6}\b|\b[\w-]+\.(?:nq|trig|ttl|jsonld|csv|parquet|json|gz|zip)\b\S*"  # paths and files
    r"|\b[a-z]+:[\w-]+|\binf:"  # terms of vocabularies
    r"|\b[a-z]{2,}(?:-[\w.]+)+(?:#[\w.-]+)?|\b\d[\w.]*",  # short names and codes
    re.ASCII,
)
ATTRIBUTES = ("aria-label", "title", "placeholder", "data-label", "alt")


def chinese(client: TestClient, path: str) -> str:
    return client.get(path, headers={"Accept": "text/html", "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}).text


def texts(node: html.HtmlElement) -> Iterator[str]:
    """All that a reader of a page sees or hears, without what is marked as English."""
    # What can be typed is listed in both languages.
    if node.get("lang") == "en" or node.tag in ("script", "style", "code", "pre", "textarea", "kbd", "datalist"):
        return
    yield from filter(None, [node.text, *(node.get(name) for name in ATTRIBUTES)])
    for child in node:
        if isinstance(child.tag, str):
            yield from texts(child)
        if child.tail:
            yield child.tail


def left(text: str, names: re.Pattern[str]) -> list[str]:
    """The Latin words in a text that are no names of the record or of formats, no codes and nothing that is typed."""
    rest = CODED.sub(" ", names.sub(" ", re.sub(r"https?://\S+", " ", text)))
    return [word for word in re.findall(r"[A-Za-z]{2,}", rest) if word not in TYPED | FORMS]


@pytest.fixture(scope="module")
def latin_names(service: Service) -> re.Pattern[str]:
    """The Chinese names of the record that are partly Latin (L3哈里斯公司), and those of things that have one language."""
    known = site(service)
    found = {name.zh for name in known._names.values() if name.zh and re.search("[A-Za-z]", name.zh)}
    found |= NAMES
    longest_first = sorted(found, key=len, reverse=True)
    return re.compile(rf"(?<![A-Za-z])(?:{'|'.join(map(re.escape, longest_first))})(?![A-Za-z])")


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_left_in_english(path: str, client: TestClient, latin_names: re.Pattern[str]) -> None:
    page = html.fromstring(chinese(client, path))
    assert page.get("lang") == "zh-Hans"
    for title in page.iter("title"):  # of the document; it holds the name of its thing, in whatever language that is
        if title.getparent().tag == "head":
            title.drop_tree()
    wrong = {text.strip(): words for text in texts(page) if (words := left(text, latin_names))}
    assert not wrong


def test_what_the_check_finds(latin_names: re.Pattern[str]) -> None:
    page = html.fromstring(
        '<p>状态 <b>Decided by</b> <i lang="en">terms</i> <a title="Rate">cn-mofcom-2025-72#whole L3哈里斯公司</a></p>'
    )
    assert [word for text in texts(page) for word in left(text, latin_names)] == ["Decided", "by", "Rate"]


# The catalogue


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    file = ROOT / "service" / "inforce" / "web" / "locale" / "zh_Hans.po"
    with file.open("rb") as opened:
        return read_po(opened, locale="zh_Hans", abort_invalid=True)


def extracted() -> set[tuple[str, str | None]]:
    """The messages of the code and of the templates, each with its context."""
    options = {
        "trimmed": "true",
        "trim_blocks": "true",
        "lstrip_blocks": "true",
        "newstyle_gettext": "true",
        "silent": "false",
    }
    found = extract_from_dir(
        ROOT / "service" / "inforce",
        [("web/templates/**.html", "jinja2"), ("web/static/*.js", "javascript"), ("**.py", "python")],
        {"web/templates/**.html": options},
        {
            "_": None,
            "gettext": None,
            "ngettext": (1, 2),
            "pgettext": ((1, "c"), 2),
            "npgettext": ((1, "c"), 2, 3),
            "N_": None,
            "Sentence": None,
            "say": None,
        },
    )
    return {(message if isinstance(message, str) else message[0], context) for _, _, message, _, context in found}


def test_every_message_has_its_words(catalogue: Catalog) -> None:
    kept = {(m.id if isinstance(m.id, str) else m.id[0], m.context): m for m in catalogue if m.id}
    assert extracted() - kept.keys() == set(), "not in the catalogue"
    assert kept.keys() - extracted() == set(), "used no more"
    assert not [
        m.id for m in kept.values() if not all(m.string if isinstance(m.string, tuple) else [m.string]) or m.fuzzy
    ]
    assert not catalogue.obsolete


def test_messages_keep_their_blanks_and_links(catalogue: Catalog) -> None:
    marks = re.compile(r"%\(\w+\)[sd]|%%|\{\w+\}|</?\w+[^>]*>")
    for message in filter(lambda message: message.id, catalogue):
        english = message.id[-1] if isinstance(message.id, tuple) else message.id
        said = message.string[0] if isinstance(message.string, tuple) else message.string
        assert sorted(marks.findall(english)) == sorted(marks.findall(said)), english


def test_terms_are_the_same_as_in_the_record(service: Service, catalogue: Catalog) -> None:
    """The statuses are called in the middle of a sentence as the vocabulary calls them."""
    for status, message in wording._STATUSES.items():
        assert catalogue[message].string == site(service).zh(f"https://w3id.org/inforce/ns#{status}")


# Which language


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("zh-CN,en;q=0.5", "zh"), ("en-US,en;q=0.9,zh-CN;q=0.8", "en"), ("zh-TW", "zh"), ("zh-Hans-CN", "zh"),
        ("en;q=0.1, zh;q=0.2", "zh"), ("de, zh;q=0.3, *;q=0.1", "zh"), ("de, *;q=0.5", "en"), ("en;q=0, *;q=0.5", "zh"), ("zh;q=0", None),
        ("de", None), ("", None), ("*;q=0", None), ("zh, en", "zh"), ("en, zh", "en"), ("ZH-cn", "zh"), ("zhx", None),
    ],
)  # fmt: skip
def test_what_a_browser_prefers(header: str, wanted: str | None) -> None:
    assert preferred(header) == wanted


@pytest.mark.parametrize(
    ("query", "cookie", "header", "wanted"),
    [
        ("", None, None, "en"), ("", None, "zh-CN", "zh"), ("", "en", "zh-CN", "en"), ("", "zh", "en", "zh"), ("", "de", "zh", "zh"),
        ("?lang=zh", "en", "en", "zh"), ("?lang=en", "zh", "zh", "en"), ("", 'zh"; x', "en", "en"),
    ],
)  # fmt: skip
def test_the_address_then_the_cookie_then_the_browser(
    query: str, cookie: str | None, header: str | None, wanted: str, client: TestClient
) -> None:
    headers = (
        {"Accept": "text/html"}
        | ({"Accept-Language": header} if header else {})
        | ({"Cookie": f"lang={cookie}"} if cookie else {})
    )
    code, _ = LANGUAGES[wanted]
    for path in ("/", MEASURE, "/feeds", "/nosuchthing"):
        answer = client.get(path + query, headers=headers)
        assert answer.headers["content-language"] == code and f'<html lang="{code}">' in answer.text
        decided = {"Accept-Language", "Cookie"} & set(answer.headers["vary"].split(", "))
        assert decided == (set() if query else {"Accept-Language", "Cookie"})
        kept = answer.headers.get("set-cookie")
        assert kept == (f"lang={wanted}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax" if query else None)
        client.cookies.clear()
    rows = client.get(
        f"/api/in-force{query or '?'}&material=gallium&on=2025-11-15", headers={**headers, "Accept": "application/json"}
    )
    assert rows.json()["parameters"]["lang"] == wanted


def test_a_language_that_there_is_not(client: TestClient) -> None:
    for path in ("/?lang=de", f"{MEASURE}?lang=de", "/?lang=zh&lang=en"):
        answer = client.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 422 and "expected en or zh" in answer.text and 'href="' in answer.text


def test_each_language_has_its_own_tag(client: TestClient) -> None:
    asked = [client.get("/", headers={"Accept": "text/html", "Accept-Language": header}) for header in ("en", "zh")]
    tags = [answer.headers["etag"] for answer in asked]
    assert tags[0] != tags[1]
    held = client.get("/", headers={"Accept": "text/html", "Accept-Language": "zh", "If-None-Match": tags[1]})
    assert held.status_code == 304 and "Accept-Language" in held.headers["vary"]
    assert (
        client.get("/", headers={"Accept": "text/html", "Accept-Language": "zh", "If-None-Match": tags[0]}).status_code
        == 200
    )


def test_data_are_the_same_in_both_languages(client: TestClient) -> None:
    """A document in RDF has the texts of all languages, so that of the request decides on nothing in it."""
    for path in (f"{MEASURE}.ttl", f"{MEASURE}/on/2025-11-15.ttl?knownOn=2025-11-15"):
        one, other = (client.get(path, headers={"Accept-Language": header}) for header in ("en", "zh"))
        assert one.content == other.content and one.headers["vary"] == "Accept, Accept-Encoding"


def test_the_other_language_is_linked(client: TestClient) -> None:
    page = html.fromstring(client.get("/changed?from=2025-10-01&to=2025-12-01", headers={"Accept": "text/html"}).text)
    address = "/changed?from=2025-10-01&to=2025-12-01&lang="
    wanted = {"en": address + "en", "zh-Hans": address + "zh"}
    assert {link.get("hreflang"): link.get("href") for link in page.xpath("//head/link[@hreflang]")} == wanted
    switch = page.xpath("//header//a[@hreflang]")
    assert [(a.get("lang"), a.text, a.get("href")) for a in switch] == [
        ("en", "English", wanted["en"]),
        ("zh-Hans", "中文", wanted["zh-Hans"]),
    ]


def test_no_page_is_kept_for_the_other_language(client: TestClient) -> None:
    """Every cache, in turns and at the same time."""
    paths = [
        "/",
        "/?on=2025-08-12",
        MEASURE,
        "/ns",
        "/country/us",
        "/tariffs",
        "/api/in-force?on=2025-11-15&format=html",
    ]
    headers = {"en": "en-GB", "zh": "zh-CN"}

    def asked(path: str, chosen: str) -> str:
        return client.get(path, headers={"Accept": "text/html", "Accept-Language": headers[chosen]}).text

    alone = {(path, chosen): asked(path, chosen) for chosen in ("en", "zh", "en") for path in paths}
    for (path, chosen), text in alone.items():
        page = html.fromstring(text)
        assert page.get("lang") == LANGUAGES[chosen][0]
        for row in page.xpath("//tr//span[contains(@class, 'pill')]"):
            assert bool(re.search("[一-鿿]", row.text_content())) == (chosen == "zh"), path
    with ThreadPoolExecutor(8) as pool:
        again = pool.map(lambda key: (key, asked(*key)), [*alone, *reversed(alone)])
        assert all(alone[key] == text for key, text in again)


def test_days_and_numbers_in_both() -> None:
    said = {}
    for chosen in LANGUAGES:
        token = language._current.set(chosen)
        said[chosen] = [
            wording.day("2025-11-10"),
            wording.day("2025-11"),
            wording.day("2025-11-10T00:01:00-05:00"),
            wording.percent(10),
        ]
        language._current.reset(token)
    assert said["en"] == ["10 Nov 2025", "Nov 2025", "10 Nov 2025, 00:01 (UTC−05:00)", "10 %"]
    assert said["zh"] == ["2025年11月10日", "2025年11月", "2025年11月10日, 00:01 (UTC−05:00)", "10%"]


def test_chinese_names_are_in_the_order_of_pinyin(service: Service) -> None:
    token = language._current.set("zh")
    names = [name for _, name, _ in Site(service).choices("country")]
    language._current.reset(token)
    assert [n for n in names if n in ("澳大利亚", "巴西", "加拿大", "美国", "中国")] == [
        "澳大利亚",
        "巴西",
        "加拿大",
        "美国",
        "中国",
    ]


def test_feeds_on_a_chinese_page_are_chinese(client: TestClient) -> None:
    page = html.fromstring(chinese(client, "/feeds?material=gallium"))
    feeds = [a.get("href") for a in page.iter("a") if re.search(r"/feeds/\w+\.(atom|ics)", a.get("href", ""))]
    assert len(feeds) >= 4 and all(
        "lang=zh" in address and "material=gallium" in address for address in [a for a in feeds if "?" in a]
    )
    assert "lang=" not in page.xpath("string(//a[contains(@href, '/feeds/effects')]/@href)")


# In a browser


def test_the_switch(page: Page) -> None:
    page.goto("/?on=2025-11-15&knownOn=2025-11-15&material=gallium")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("link", name="中文").press("Enter")
    expect(page).to_have_url(re.compile(r"on=2025-11-15&knownOn=2025-11-15&material=gallium&lang=zh$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("中美之间有哪些措施正在实施？")
    # The page as it lives goes on in its language, and its address with it.
    page.locator("#steps a[rel=next]").click()
    expect(page).to_have_url(re.compile("lang=zh"))
    expect(page.locator("#headline")).to_contain_text("2025年11月30日")
    # Another page stays in it, though its address does not tell.
    page.locator("nav").get_by_role("link", name="即将到来").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("即将到来的变化")
    assert "lang" not in page.url
    page.locator("table a, .agenda a").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.goto("/coming")
    expect(page.get_by_role("heading", level=1)).to_have_text("What is coming up")


def test_a_browser_that_prefers_chinese(browser: Browser, address: str) -> None:
    context = browser.new_context(locale="zh-CN", base_url=address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("中美之间有哪些措施正在实施？")
    page.get_by_role("link", name="English").click()  # without scripts
    expect(page.get_by_role("heading", level=1)).to_have_text("What is in force between China and the United States?")
    page.goto("/measure/cn-gallium-licensing?lang=zh")  # an address that someone shared
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    context.close()


def test_charts_speak_chinese(page: Page) -> None:
    page.goto(f"{MEASURE}?lang=zh")
    expect(page.locator("figure.clocks svg .caption").first).to_have_text("适用日 →")
    expect(page.locator("figure.clocks .when").first).to_have_text(re.compile(r"\d{4}年\d+月\d+日"))
    page.goto("/tariffs?lang=zh")
    expect(page.locator("figure.tariffs svg .now text")).to_have_text("今日")
    page.goto("/graph-of-acts?lang=zh")
    expect(page.locator("figure.acts svg .date").first).to_have_text(re.compile(r"\d{4}年\d+月\d+日"))


ROWS = """PREFIX inf: <https://w3id.org/inforce/ns#> SELECT ?span ?measure ?status ?from ?until WHERE {
  ?span inf:measure ?measure ; inf:status ?status ; inf:from ?from ; inf:until ?until } ORDER BY ?span LIMIT 450"""
SEEN = """() => { for (const each of document.querySelectorAll('#editor *, .context-menu *'))
  if (!each.checkVisibility() && !each.closest('svg')) each.remove(); }"""
EDITOR = {  # what is asked, what is pressed then, and what is there in the end
    "rows": (ROWS, "", ".downloads button >> nth=3"),
    "timeline": (ROWS, ".select_timeline", "figure .axis text >> nth=0"),
    "response": ("CONSTRUCT { ?s a ?o } { ?s a ?o } LIMIT 99", ".select_response", ".overlay_btn >> nth=0"),
    "yes": ("ASK { ?s ?p ?o }", ".yasqe_share", ".booleanResult"),
    "no rows": ("CONSTRUCT WHERE { ?s ?p 4711 }", "", ".more"),
    "refused": ("SELECT WHERE", "", ".yasr_results [role=alert]"),
    "refused on a line": ("SELECT ?s\nWHERE { ?s ?p }", "", ".problem-note"),
}


@pytest.mark.parametrize("name", EDITOR)
def test_the_editor_speaks_chinese(name: str, browser: Browser, address: str, latin_names: re.Pattern[str]) -> None:
    """Also what Yasgui says; what is asked and answered is the reader's."""
    query, pressed, drawn = EDITOR[name]
    with browser.new_context(base_url=address, locale="zh-CN") as context:
        page = context.new_page()
        page.goto("/sparql?" + urlencode({"query": query, "lang": "zh"}))
        if pressed:
            page.locator(f".tabPanel.active {pressed}").click()
        expect(page.locator(f".tabPanel.active {drawn}")).to_be_visible()
        page.get_by_role("tab", selected=True).click(button="right")
        expect(page.locator(".context-menu")).to_contain_text("重命名标签页")
        expect(page.locator(".yasqe_queryButton").last).to_have_attribute("title", "运行查询")
        page.evaluate(SEEN)
        shown = html.fromstring(page.content())
        parts = shown.xpath("//*[@id='editor'] | //*[contains(@class, 'context-menu')]")
        assert len(parts) >= 2
        wrong = {text.strip(): words for part in parts for text in texts(part) if (words := left(text, latin_names))}
        assert not wrong
        assert (
            page.locator(".yasqe_queryButton").last.evaluate("node => getComputedStyle(node, '::after').content")
            == '"运行"'
        )
