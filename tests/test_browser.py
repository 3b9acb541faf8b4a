"""The pages in a real browser: headless Chromium asks as a newcomer would."""

from playwright.sync_api import Page


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
