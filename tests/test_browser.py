"""The pages in a real browser: headless Chromium asks as a newcomer would, and shares what it found."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect


def test_a_newcomer_asks_on_the_home_page_and_follows_to_the_clause(page: Page) -> None:
    page.goto("/")
    page.fill("input[name=on]", "2025-11-15")
    page.fill("input[name=knownOn]", "2025-11-15")
    page.fill("input[name=material]", "gallium")
    page.select_option("select[name=destination]", "us")
    page.click("text=Show the measures")
    assert "on=2025-11-15" in page.url, "every state has an address that can be shared"
    row = page.locator("tr", has_text="No licences in principle to the US for gallium")
    assert "suspended" in row.first.inner_text()
    page.click("a:has-text('No licences in principle to the US for gallium')")
    assert page.url.rstrip("?").split("?")[0].endswith("/measure/cn-us-ga-ge-sb-superhard-ban")
    page.locator("a[href*='cn-mofcom-2025-72']").first.click()
    assert "Announcement suspending clause 2" in page.locator("h1").inner_text()


def test_a_query_that_is_none_is_told_with_line_and_column(page: Page, address: str) -> None:
    response = page.request.get(f"{address}/sparql", params={"query": "SELECT WHERE"}, headers={"Accept": "text/html"})
    assert response.status == 400
    assert "error at 1:" in response.text()


def test_the_catalogue_leads_to_an_answer(page: Page) -> None:
    page.goto("/queries")
    page.click("a:text-is('in-force')")
    page.click("text=open in the SPARQL page")
    assert "inf:Span" in page.locator("textarea[name=query]").input_value()


# What is shared: whoever opens the address has never been here, so nothing may rest on what a browser keeps.


def choose_on_two_clocks(page: Page) -> None:
    page.goto("/measure/us-ieepa-reciprocal-cn")
    page.locator("figure.clocks svg").click(position={"x": 300, "y": 200})
    page.wait_for_url("**knownOn=*")


def choose_duties(page: Page) -> None:
    page.goto("/tariffs?origin=us&destination=cn")
    page.locator("figure.tariffs svg").first.click(position={"x": 300, "y": 100})
    page.wait_for_url("**on=*")


def choose_changes(page: Page) -> None:
    page.goto("/changed?lang=zh")
    page.fill("input[name=from]", "2025-11-01")
    page.fill("input[name=to]", "2025-11-30")
    page.locator("main form button").first.click()
    page.wait_for_url("**from=2025-11-01*")


SHOWN = {
    choose_on_two_clocks: "h1, .states, .told",
    choose_duties: "h1, .sum, .stack",
    choose_changes: "h1, main table",
}


def said(page: Page, shown: str) -> list[str]:
    """What stands in some places of a page, and what is filled in."""
    return [
        *page.locator(shown).all_inner_texts(),
        *page.locator("main :is(input, select)").evaluate_all(
            "all => all.map((e) => `${e.name} ${e.type === 'radio' || e.type === 'checkbox' ? e.checked : e.value}`)"
        ),
    ]


@pytest.mark.parametrize("choose", SHOWN)
def test_the_address_of_a_chosen_state_shows_it_to_others(
    choose: Callable[[Page], None], browser: Browser, address: str
) -> None:
    with browser.new_context(base_url=address) as mine, browser.new_context() as theirs:
        page, other = mine.new_page(), theirs.new_page()
        choose(page)
        other.goto(page.evaluate("location.href"))
        shown = said(page, SHOWN[choose])
        assert len("".join(shown)) > 100
        expect(other.locator(SHOWN[choose]).last).to_be_visible()
        assert said(other, SHOWN[choose]) == shown


@pytest.mark.parametrize(
    "path",
    [
        "/measure/us-ieepa-reciprocal-cn?on=2025-06-01&knownOn=2025-06-01",
        "/tariffs?origin=us&destination=cn&on=2025-04-20",
    ],
)
def test_the_sparql_behind_a_page_is_opened_and_run(page: Page, path: str) -> None:
    page.goto(path)
    page.get_by_role("link", name="its permanent answer").first.click()
    link = page.get_by_role("link", name="open in the SPARQL page")
    asked = parse_qs(urlsplit(link.get_attribute("href") or "").query)["query"][0]
    link.click()
    panel = page.locator(".tabPanel.active")
    expect(panel.locator(".yasr_results tbody tr").first).to_be_visible()
    assert panel.locator(".CodeMirror").first.evaluate("node => node.CodeMirror.getValue()") == asked
    rows = panel.locator(".yasr_results tbody tr").count()
    answer = page.request.get("/sparql", params={"query": asked}, headers={"Accept": "text/csv"})
    assert 0 < rows == len(answer.text().strip().splitlines()) - 1
    panel.get_by_role("button", name="Run query").click()
    expect(panel.locator(".yasr_response_chip")).to_have_text(re.compile(rf"^{rows} rows?, [\d.]+ s$"))  # asked anew
