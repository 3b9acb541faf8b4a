"""The pages in a real browser: headless Chromium. Skipped with a reason where there is none; in CI that fails."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from conftest import TODAY
from inforce.service import Service
from inforce.web.app import create
from live import serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="session")
def address(service: Service) -> Iterator[str]:
    """The service on a free port of this machine, on the day that all tests have."""
    with serving(create(service, today=lambda: TODAY)) as address:
        yield address


@pytest.fixture(scope="module")  # not longer: while Playwright runs, asyncio.run is refused
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
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
