"""Every kind of page, for all who read it: with a screen reader, by keyboard, on a phone, in the dark, on paper, on a slow line."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.routing import Match

from conftest import TESTS, TODAY
from every_page import EVERY_PAGE, every_page
from inforce.service import Service
from inforce.web import pages as rendering
from inforce.web.app import create

HEAVIEST = 300_000  # bytes of a page with the styles and scripts that are our own, before compression
# Routes that send no page of their own: data, files, and redirects to what is in the list.
NO_PAGES = {
    "/queries/{name}.rq", "/v/{version}/queries/{name}.rq", "/sparql/completions", "/.well-known/sparql-examples",
    "/graph-store", "/health", "/metrics", "/versions", "/openapi.json", "/static/{path:path}", "/robots.txt",
    "/sitemap.xml", "/context.jsonld", "/datapackage.json", "/.well-known/void", "/dumps", "/dumps/{name}",
    "/v/{version}/dumps/{name}", "/timegate/{path:path}", "/timemap/{path:path}", "/feeds/{name}.atom",
    "/feeds/{name}/{year}.atom", "/feeds/{name}.ics", "/feeds/effects.{form}", "/feeds/effects/{year}",
    "/feeds/effects/{year}.{form}", "/v/{version}/feeds/effects", "/v/{version}/feeds/effects.{form}",
    "/v/{version}/feeds/effects/{year}", "/v/{version}/feeds/effects/{year}.{form}",
}  # fmt: skip


# What there is


@pytest.fixture(scope="module")
def listed(service: Service) -> dict[str, str]:
    return every_page(service.manifest["version"])


@pytest.fixture(scope="module")
def sent(service: Service, listed: dict[str, str]) -> Iterator[tuple[dict[str, Response], set[str], TestClient]]:
    """Each page as it is sent, the templates behind them, and the client that asked."""
    used: set[str] = set()
    find = rendering.templates.get_template

    def found(name: str, *rest: Any) -> Any:
        used.add(name)
        return find(name, *rest)

    app = create(service, today=lambda: TODAY)  # of its own: what is kept of answers would hide their template
    with pytest.MonkeyPatch.context() as patch, TestClient(app) as client:
        patch.setattr(rendering.templates, "get_template", found)
        answers = {}
        for name, path in listed.items():
            client.cookies.clear()  # a Chinese page leaves one
            answers[name] = client.get(path, headers={"Accept": "text/html"})
        yield answers, used, client


def test_each_is_a_page(sent: tuple[dict[str, Response], set[str], TestClient]) -> None:
    for name, answer in sent[0].items():
        assert answer.headers["content-type"].startswith("text/html"), name
        assert answer.status_code < 500, name
        assert (answer.status_code >= 400) == (name == "missing" or name.endswith("refused")), name


def test_no_kind_of_page_is_missing(sent: tuple[dict[str, Response], set[str], TestClient]) -> None:
    """A template for pages that no page of the list uses, or a route that none of them asks, has no place there."""
    _, used, client = sent
    environment = rendering.templates
    source = {name: environment.loader.get_source(environment, name)[0] for name in environment.list_templates()}  # type: ignore[union-attr]
    whole = {name for name, text in source.items() if text.startswith("{% extends")}
    assert len(whole) > 25
    assert whole - used - {"thing.html"} == set()
    routes = [route for route in client.app.state.routes if "GET" in route.methods]  # type: ignore[attr-defined]
    asked = set()
    for path in EVERY_PAGE.values():
        scope = {"type": "http", "method": "GET", "path": path.partition("?")[0], "headers": []}
        asked.add(next(route.path for route in routes if route.matches(scope)[0] == Match.FULL))
    assert {route.path for route in routes} - asked == NO_PAGES


def test_no_page_is_heavy(sent: tuple[dict[str, Response], set[str], TestClient]) -> None:
    answers, _, client = sent
    static: dict[str, bytes] = {}

    def loaded(path: str) -> set[str]:
        """A file of ours and, where it is a script, those it imports."""
        if path not in static:
            static[path] = client.get(path).content
        imported = re.findall(r'from "\./([\w-]+\.js)"', static[path].decode()) if path.endswith(".js") else []
        return {path, *(f"/static/{name}" for name in imported)}

    weights = {}
    for name, answer in answers.items():
        named = re.findall(r'<(?:link rel="stylesheet" href|script src)="(/static/(?!vendor/)[^"]+)"', answer.text)
        files = {file for path in named for file in loaded(path)}
        assert "/static/style.css" in files, name
        weights[name] = len(answer.content) + sum(len(static.setdefault(f, client.get(f).content)) for f in files)
    assert {name: weight for name, weight in weights.items() if weight > HEAVIEST} == {}


# What a checker finds, and whether a page fits on a phone

AXE = (TESTS / "vendor" / "axe-core" / "axe.min.js").read_text()
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What may be other on a phone in the dark than on a wide light screen.
OTHERWISE = ["color-contrast", "target-size", "scrollable-region-focusable"]
# Of what repeats, the first twelve: the rest comes from the same loop of the same template, and takes half a minute.
SHORTEN = """for (const list of document.querySelectorAll('table, tbody, ol, ul, dl, select, datalist'))
  for (const more of [...list.children].slice(12)) more.remove();"""
# Colours may change by a transition, and a script may follow them in the next frame.
CHECK = """async (only) => {
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const changing = document.getAnimations().filter((each) => each.effect.getComputedTiming().endTime !== Infinity);
  await Promise.allSettled(changing.map((each) => each.finished));
  const found = await axe.run({ runOnly: only, resultTypes: ['violations'] });
  return { passes: found.passes.length,
    violations: found.violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 200)).slice(0, 5)]) };
}"""


@pytest.fixture(scope="module")
def window(browser: Browser, address: str) -> Iterator[Page]:
    """One window for all pages."""
    with browser.new_context(base_url=address) as context:
        yield context.new_page()


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_nothing_keeps_anyone_out(name: str, window: Page, listed: dict[str, str]) -> None:
    window.context.clear_cookies()  # a Chinese page leaves one
    window.set_viewport_size({"width": 1200, "height": 900})
    window.emulate_media(color_scheme="light")
    window.goto(listed[name])
    if name.startswith("editor"):
        expect(window.locator(".CodeMirror-code:visible")).to_be_visible()
    if name == "api":
        window.locator(".opblock-summary-control", has_text="/api/calendar").click()
        expect(window.locator(".execute")).to_be_visible()
    for width in (375, 320):
        window.set_viewport_size({"width": width, "height": 800})
        # Charts are drawn anew when the width has changed.
        window.wait_for_function("(width) => document.documentElement.scrollWidth <= width", arg=width, timeout=5000)
    window.emulate_media(color_scheme="dark")
    window.evaluate(SHORTEN)
    window.evaluate(AXE)
    phone = window.evaluate(CHECK, {"type": "rule", "values": OTHERWISE})
    window.set_viewport_size({"width": 1200, "height": 900})
    window.emulate_media(color_scheme="light")
    wide = window.evaluate(CHECK, {"type": "tag", "values": STANDARDS})
    assert wide["passes"] > 10
    assert {"wide": wide["violations"], "phone": phone["violations"]} == {"wide": [], "phone": []}


# By keyboard

STOPS = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter((e) =>
  e.tabIndex >= 0 && !e.disabled && e.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true })
  && !(e.type === 'radio' && !e.checked)).length"""
# A date has several stops of its own, which the browser marks.
FOCUSED = """() => {
  const e = document.activeElement, box = e.getBoundingClientRect(), before = window.last;
  window.first ??= e;
  window.last = e;
  const outlined = getComputedStyle(e).outlineStyle !== 'none' && parseFloat(getComputedStyle(e).outlineWidth) > 1;
  const drawn = (part) => getComputedStyle(part).stroke === getComputedStyle(document.querySelector('.focus-colour')).color;
  return {
    what: e.outerHTML.slice(0, 120),
    ends: before && (e === window.first || e === document.body),
    visible: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    marked: e === before || outlined || [...e.children].some(drawn),
    inOrder: !before || before === e || !!(before.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING),
  };
}"""


@pytest.mark.parametrize(
    "name", ["home-filtered", "coming", "measure-on-a-day", "tariffs-back", "graph-of-acts", "answer"]
)
def test_the_tab_key_reaches_everything_in_the_order_of_reading(
    name: str, window: Page, listed: dict[str, str]
) -> None:
    window.set_viewport_size({"width": 1200, "height": 900})
    window.goto(listed[name])
    window.evaluate("""() => { const probe = document.createElement('i'); probe.className = 'focus-colour';
      document.body.append(probe); document.styleSheets[0].insertRule('.focus-colour { color: var(--focus); }'); }""")
    wanted = window.evaluate(STOPS)
    assert wanted > 15
    faults, reached = [], 0
    for _ in range(wanted + 20):
        window.keyboard.press("Tab")
        stop = window.evaluate(FOCUSED)
        if stop["ends"]:
            break
        reached += 1
        faults += [(fault, stop["what"]) for fault in ("visible", "marked", "inOrder") if not stop[fault]]
    assert faults == []
    assert reached >= wanted


def test_a_link_leads_past_the_head_of_the_page(window: Page) -> None:
    window.goto("/measure/us-ieepa-reciprocal-cn")
    skip = window.locator(".skip")
    expect(skip).not_to_be_in_viewport()
    window.keyboard.press("Tab")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    window.keyboard.press("Enter")
    expect(window.locator("main")).to_be_focused()
    window.keyboard.press("Tab")
    assert window.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("path", ["/?material=gallium", "/measure/us-ieepa-reciprocal-cn", "/sparql"])
def test_nothing_moves_for_those_who_want_it_calm(browser: Browser, address: str, path: str) -> None:
    with browser.new_context(base_url=address, reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(path)
        moving = """() => [...document.querySelectorAll('*')].filter((e) => { const look = getComputedStyle(e);
          return look.transitionDuration.split(', ').some((d) => parseFloat(d)) || look.animationName !== 'none'; }).length"""
        assert page.evaluate(moving) == 0


# On paper


@pytest.fixture(scope="module")
def paper(browser: Browser, address: str) -> Iterator[BrowserContext]:
    with browser.new_context(base_url=address, color_scheme="dark", viewport={"width": 720, "height": 1000}) as context:
        yield context


@pytest.mark.parametrize("name", ["home-filtered", "measure-on-a-day", "tariffs-back", "act", "measures"])
def test_a_page_is_printed_in_ink_and_without_what_only_a_screen_can_do(
    name: str, paper: BrowserContext, listed: dict[str, str]
) -> None:
    page = paper.new_page()
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(listed[name])
    for control in page.locator("nav, input, select, button, .told, #slider").all():
        expect(control).to_be_hidden()
    look = "node => [getComputedStyle(node).color, getComputedStyle(node).backgroundColor]"
    assert page.locator("html").evaluate(look) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    for head in page.locator("main thead:visible").all():
        assert head.evaluate("node => getComputedStyle(node).display") == "table-header-group", (
            "it stands on each sheet"
        )
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    expect(page.locator("footer")).to_contain_text("No legal advice")
    over = "() => [...document.querySelectorAll('main svg')].filter((e) => !e.parentElement.closest('svg') && e.getBoundingClientRect().right > 721).length"
    assert page.evaluate(over) == 0
    page.close()


def test_a_source_is_printed_with_its_address(paper: BrowserContext) -> None:
    page = paper.new_page()
    page.emulate_media(media="print")
    page.goto("/measure/us-ieepa-reciprocal-cn")
    source = page.locator("main .chain a[rel~=external]").first
    assert "https://" in source.evaluate("node => getComputedStyle(node, '::after').content")
    page.close()
