"""Pictures of the pages, made anew: python docs/pictures/make.py

Needs Chromium and the `dev` packages. The service is built and asked as on a fixed day,
so that a picture differs only where a page does.
"""

from __future__ import annotations

import io
import sys
import tempfile
from datetime import date
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))

from browsing import CHROMIUM, FLAGS  # noqa: E402
from every_page import every_page  # noqa: E402
from inforce import build  # noqa: E402
from inforce.service import Service  # noqa: E402
from inforce.web.app import create  # noqa: E402
from live import serving  # noqa: E402

TODAY = date(2026, 11, 24)
# What is shown, with the words under it; the names are those of tests/every_page.py.
SHOWN = {
    "home-filtered": "What is in force: gallium towards the United States on 15 November 2025, as known that day",
    "home-in-chinese": "The same in Chinese",
    "home-empty": "Nothing found, and the ways out",
    "home-refused": "A question that cannot be understood, and what it may have meant",
    "coming": "What is coming up by itself",
    "changed-in-law": "What changed between two days",
    "changed-in-public": "One day, as known on two days",
    "measure-on-a-day": "A measure: its state, its timeline and its two clocks",
    "measure-in-chinese": "A measure in Chinese",
    "state": "The state of a measure on a day, with its reasons",
    "memento-of-a-measure": "What could be known of a measure earlier",
    "act": "An act: its clauses and what they do",
    "material": "A material: what touches it",
    "entity": "A listed entity",
    "country": "A country: what it imposes and what is imposed on it",
    "body": "A body and its acts",
    "measures": "All measures",
    "tariffs-back": "Duties piled up over the years",
    "graph-of-acts": "Which act changes which",
    "dataset": "Downloads, by version and with checksums",
    "feeds": "Feeds and calendars",
    "vocabulary": "The vocabulary",
    "questions": "The questions of the catalogue",
    "question": "A question, its parameters and its SPARQL",
    "answer": "An answer of the API as a page",
    "editor-answer": "The SPARQL page with an answer",
    "api": "The API, to be tried out",
    "missing": "A name that is not there",
}
WIDTHS = {"wide": (1280, 900), "phone": (375, 812)}
SCHEMES = ("light", "dark")
SHRUNK = {"wide": 0.75, "phone": 1.0}
HEAVIEST = 26_000  # bytes that a picture should have at most: all of them stay below 3 MB


def main() -> None:
    """Write all pictures and the page that shows them."""
    for old in HERE.glob("*.webp"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        service = Service.open(build.build(Path(folder)))
        addresses = every_page(service.manifest["version"])
        with serving(create(service, today=lambda: TODAY)) as at, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            for width, (across, down) in WIDTHS.items():
                with browser.new_context(base_url=at, viewport={"width": across, "height": down}) as context:
                    page = context.new_page()
                    for name in SHOWN:
                        context.clear_cookies()
                        page.goto(addresses[name], wait_until="networkidle")
                        for scheme in SCHEMES:
                            taken(page, scheme, SHRUNK[width], HERE / f"{name}-{width}-{scheme}.webp")
            browser.close()
    (HERE / "README.md").write_text(gallery(addresses), encoding="utf-8")


def taken(page: Page, scheme: str, shrunk: float, file: Path) -> None:
    """A picture of what a window shows at first, as small as it must be."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot = shot.resize((int(shot.width * shrunk), int(shot.height * shrunk)), Image.Resampling.LANCZOS)
    for quality in (60, 45, 35, 25):  # below that, small letters cannot be read
        shot.save(file, "WEBP", quality=quality, method=6)
        if file.stat().st_size <= HEAVIEST:
            break


def gallery(addresses: dict[str, str]) -> str:
    """The page that shows all pictures."""
    parts = [
        "# The pages in pictures",
        f"Each as on {TODAY:%-d %B %Y}, wide and on a phone, light and dark. Made by `python docs/pictures/make.py`.",
    ]
    for name, words in SHOWN.items():
        address = addresses[name].replace(addresses["dataset-of-a-version"], "/v/…")
        shown = [
            f"![{words}: {width}, {scheme}]({name}-{width}-{scheme}.webp)" for width in WIDTHS for scheme in SCHEMES
        ]
        parts += [f"## {words}", f"`{address if len(address) < 120 else address[:120] + '…'}`", " ".join(shown)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
