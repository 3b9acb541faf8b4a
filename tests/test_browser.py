"""The pages in a real browser: headless Chromium asks as a newcomer would. Skipped with a reason where there is none; in CI that fails."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from datetime import date

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from inforce.service import Service
from inforce.web.app import create

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="module")
def address(service: Service) -> Iterator[str]:
    """The service on a free port of this machine, for as long as the tests of this file run."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = create(service, today=lambda: date(2026, 11, 24))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs Chromium for the page tests")
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page that complains of anything loaded from elsewhere and of any error in it."""
    page = browser.new_page(base_url=address)
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: faults.append(request.url) if not request.url.startswith(address) else None)
    yield page
    page.close()
    assert not faults


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


def test_a_researcher_runs_a_query_on_the_sparql_page(page: Page) -> None:
    page.goto("/sparql")
    page.fill("textarea[name=query]", "SELECT (COUNT(?s) AS ?spans) WHERE { ?s a <https://w3id.org/inforce/ns#Span> }")
    page.click("button:has-text('Run')")
    assert int(page.locator("table tbody td").first.inner_text()) > 100


def test_a_query_that_is_none_is_told_with_line_and_column(page: Page, address: str) -> None:
    response = page.request.get(f"{address}/sparql", params={"query": "SELECT WHERE"}, headers={"Accept": "text/html"})
    assert response.status == 400
    assert "error at 1:" in response.text()


def test_the_catalogue_leads_to_an_answer(page: Page) -> None:
    page.goto("/queries")
    page.click("a:text-is('in-force')")
    page.click("text=open in the SPARQL page")
    assert "inf:Span" in page.locator("textarea[name=query]").input_value()
