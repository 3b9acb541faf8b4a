"""The SPARQL page as people use it: typed, completed, picked, drawn, told what is wrong, shared, and without a script."""

import csv
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, expect

from inforce.service import Service
from inforce.web.editor import HEAVIEST, examples

INF = "PREFIX inf: <https://w3id.org/inforce/ns#>\n"
COUNT = INF + "SELECT (COUNT(?s) AS ?spans) WHERE { ?s a inf:Span }"
SPANS = INF + "SELECT ?span ?from WHERE { ?span a inf:Span ; inf:from ?from } ORDER BY DESC(?from) ?span LIMIT 250"
HEAVY = "SELECT * WHERE { ?s ?p ?o } ORDER BY ?s ?p ?o LIMIT 3000"
WRONG = INF + "SELECT ?a WHERE {\n  ?a inf:status ?b ?c }"
PAGE = {"Accept": "text/html"}
ROWS = ".tabPanel.active .yasr_results tbody tr"


@pytest.fixture
def tolerant(browser: Browser, address: str) -> Iterator[Page]:
    """A page that may ask for what is refused: the browser writes that into its console."""
    page = browser.new_page(base_url=address)
    yield page
    page.close()


def write(page: Page, text: str) -> None:
    """Puts a text into the editor in the place of what is there, and the cursor at its end or at the mark ¦ in it."""
    before, _, after = text.partition("¦")
    page.locator(".tabPanel.active .CodeMirror").evaluate(
        """(node, [before, after]) => {
            const editor = node.CodeMirror, doc = editor.getDoc();
            doc.setValue(before + after);
            doc.setCursor(doc.posFromIndex(before.length));
            editor.focus();
        }""",
        [before, after],
    )


def written(page: Page) -> str:
    """The text in the editor."""
    return str(page.locator(".tabPanel.active .CodeMirror").evaluate("node => node.CodeMirror.getValue()"))


def location(page: Page) -> str:
    """The address of a page as the page itself has it: what Playwright is told of it may lag behind."""
    return str(page.evaluate("location.href"))


def run(page: Page) -> None:
    page.keyboard.press("Control+Enter")


def address_of(text: str) -> str:
    return "/sparql?" + urlencode({"query": text})


def test_a_query_that_is_typed_gives_rows_that_lead_on(page: Page) -> None:
    page.goto("/sparql")
    page.locator(".CodeMirror").first.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(SPANS)
    run(page)
    expect(page.locator(ROWS)).to_have_count(100)
    assert parse_qs(urlsplit(location(page)).query)["query"] == [SPANS], "the address shares what was asked"
    link = page.locator(ROWS).first.locator("a").first
    assert re.match(r"measure:[\w-]+#span-\d+", link.inner_text())
    assert (link.get_attribute("href") or "").startswith("/measure/")
    page.click("text=Draw more")
    expect(page.locator(ROWS)).to_have_count(250)
    days = page.locator(f"{ROWS} td:nth-child(2)")
    assert days.first.inner_text() > days.last.inner_text()
    page.click("th button:text-is('from')")
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("from")
    assert days.first.inner_text() < days.last.inner_text()
    page.fill("[aria-label='Filter rows']", "no such text")
    expect(page.locator(ROWS)).to_have_count(0)
    expect(page.locator(".more")).to_contain_text("No row has this text")


def test_a_problem_is_shown_at_its_place_and_forgotten_when_the_query_changes(tolerant: Page) -> None:
    tolerant.goto("/sparql")
    write(tolerant, WRONG)
    run(tolerant)
    alert = tolerant.locator(".yasr_results [role=alert]")
    expect(alert).to_contain_text("The query is no SPARQL")
    expect(tolerant.locator(".problem-place")).to_have_text("}")
    line = tolerant.locator(".CodeMirror-code > div", has=tolerant.locator(".problem-line"))
    expect(line.locator(".CodeMirror-linenumber")).to_have_text("3")
    alert.get_by_role("button", name="Go to line 3, column 24").click()
    place = tolerant.locator(".CodeMirror").first.evaluate("node => node.CodeMirror.getCursor()")
    assert (place["line"], place["ch"]) == (2, 22)
    tolerant.keyboard.press("Backspace")
    expect(tolerant.locator(".problem-place, .problem-note, .problem-line")).to_have_count(0)
    tolerant.goto(address_of(WRONG))
    expect(tolerant.locator(".problem-place")).to_have_text("}")


def test_a_place_is_counted_in_characters(tolerant: Page) -> None:
    tolerant.goto(address_of('SELECT ("𝄞𝄞" AS ?clef) WHERE { ?a foo:bar ?c }'))
    expect(tolerant.locator(".problem-place")).to_have_text("foo:bar")


@pytest.mark.parametrize("status", [429, 503])
def test_a_limit_is_told_in_words(status: int, tolerant: Page) -> None:
    problem = {"type": "https://w3id.org/inforce/problems#unavailable", "title": "Too much", "status": status}
    body = json.dumps({**problem, "detail": "The query took longer than 10 s and was stopped."})
    tolerant.route(
        "**/sparql?query=*", lambda r: r.fulfill(status=status, body=body, content_type="application/problem+json")
    )
    tolerant.goto("/sparql")
    write(tolerant, COUNT)
    run(tolerant)
    expect(tolerant.locator(".yasr_results [role=alert]")).to_contain_text("longer than 10 s and was stopped")
    expect(tolerant.locator("a:text('What this kind')")).to_have_attribute("href", "/problems#unavailable")


def test_a_service_that_is_gone_is_told(tolerant: Page) -> None:
    tolerant.goto("/sparql")
    tolerant.route("**/sparql?query=*", lambda route: route.abort())
    write(tolerant, COUNT)
    run(tolerant)
    expect(tolerant.locator(".yasr_results [role=alert]")).to_contain_text("The service does not answer")


def test_each_example_finds_something(client: TestClient, service: Service) -> None:
    shown = client.get("/sparql", headers=PAGE).text
    offered = [e for queries in examples(service).values() for e in queries]
    assert {e.name for e in offered} >= set(service.queries)
    for example in offered:
        assert html.escape(address_of(example.sparql)) in shown.replace("&#39;", "'"), example.name
        assert html.escape(example.summary, quote=False) in shown.replace("&#39;", "'").replace("&#34;", '"')
        answer = client.get("/sparql", params={"query": example.sparql}, headers={"Accept": "text/csv, text/turtle"})
        assert answer.status_code == 200 and len(answer.text.splitlines()) > 1, example.name


def test_an_example_opens_in_a_tab_of_its_name_once(page: Page) -> None:
    page.goto("/sparql")
    beginning = written(page)
    page.fill("[aria-label='Find an example']", "turning points")
    example = page.locator("#examples li:visible a")
    expect(example).to_have_count(1)
    for _ in range(2):
        example.click()
        expect(page.get_by_role("tab")).to_have_count(2)
        expect(page.get_by_role("tab", selected=True)).to_contain_text("calendar")
        expect(page.locator(ROWS).first).to_be_visible()
    page.get_by_role("tab").first.click()
    assert written(page) == beginning
    page.get_by_role("button", name="New tab").click()
    expect(page.get_by_role("tab")).to_have_count(3)


def offered(page: Page, *rows: str) -> None:
    """Waits for a list of suggestions of just these rows: one that is drawn anew for each letter may lag behind them."""
    expect(page.locator(".CodeMirror-hint")).to_have_text([re.compile(row) for row in rows])


def test_names_of_the_vocabulary_and_of_the_record_are_completed(page: Page) -> None:
    # Frames come late, as on a busy machine, so that nothing below may rest on a list that is drawn at once.
    late = "requestAnimationFrame = (draw) => setTimeout(draw, 200); cancelAnimationFrame = clearTimeout"
    page.add_init_script(late)
    page.goto("/sparql")
    hints = page.locator(".CodeMirror-hint")
    write(page, INF + "SELECT * WHERE {\n  ?measure ¦\n}")
    page.keyboard.type("inf:imposedB")
    offered(page, "inf:imposedBy.*authority imposes the measure")
    page.keyboard.press("Enter")
    assert "?measure inf:imposedBy\n" in written(page)

    write(page, INF + "SELECT * WHERE {\n  ?measure a ¦\n}")
    page.keyboard.type("inf:Listi")
    offered(page, "inf:Listing")
    page.keyboard.press("Escape")
    expect(hints).to_have_count(0)

    write(page, INF + "SELECT * WHERE {\n  ?item inf:material ¦\n}")
    page.keyboard.type("material:gallium-")
    expect(hints.nth(1)).to_be_visible()
    page.keyboard.type("n")  # what is offered narrows with what is typed
    offered(page, "gallium nitride")
    page.keyboard.press("Enter")
    text = written(page)
    assert "?item inf:material material:gallium-nitride" in text
    assert "PREFIX material: <https://w3id.org/inforce/material/>" in text, "the prefix is declared by itself"

    write(page, INF + "SELECT * WHERE {\n  ?item inf:material ¦\n}")
    page.keyboard.insert_text("氮化镓")
    page.keyboard.press("Control+Space")
    expect(hints.first).to_contain_text("material:gallium-nitride")
    page.keyboard.press("Enter")
    assert "inf:material material:gallium-nitride\n" in written(page)

    write(page, INF + "SELECT * WHERE {\n  ¦\n}")
    page.keyboard.type("gall")
    asked = page.locator(".CodeMirror").evaluate("node => Boolean(node.CodeMirror.state.completionActive)")
    assert not asked, "a bare word may become a keyword"
    page.keyboard.press("Control+Space")
    expect(hints.first).to_be_visible()
    page.keyboard.press("Escape")

    write(page, "¦\nSELECT * WHERE { ?s ?p ?o }")
    page.keyboard.type("PREFIX instr")
    offered(page, "instrument: <https://w3id.org/inforce/instrument/>")


def test_names_that_arrive_late_complete_what_is_typed_by_then(page: Page) -> None:
    page.add_init_script(
        "const get = fetch; fetch = (...of) => new Promise((go) => { arrive = go }).then(() => get(...of))"
    )
    page.goto("/sparql")
    write(page, INF + "SELECT * WHERE {\n  ?item inf:material ¦\n}")
    page.keyboard.type("material:gallium-n")
    expect(page.locator(".CodeMirror-hint")).to_have_count(0)
    page.evaluate("arrive()")
    offered(page, "gallium nitride")
    page.keyboard.press("Enter")
    assert "?item inf:material material:gallium-nitride" in written(page)


def test_rows_with_dates_are_drawn(page: Page) -> None:
    page.goto("/sparql")
    write(page, written(page))
    run(page)
    expect(page.locator(ROWS).first).to_be_visible()
    rows = [r.split("\t") for r in page.locator(".yasr_results tbody").inner_text().splitlines()]
    page.click(".select_timeline")
    bars = page.locator(".answer-timeline g:has(> title)")
    expect(bars).to_have_count(len(rows))
    for status, words in (("inForce", "in force"), ("suspended", "suspended"), ("pending", "pending")):
        drawn = page.locator(f".answer-timeline g.{status}:has(> title)")
        expect(drawn).to_have_count(sum(row[2] == f"inf:{status}" for row in rows))
        expect(page.locator(".legend")).to_contain_text(words)
    line = page.locator(".answer-timeline .line", has_text="Export licence for five more medium and heavy rare earths")
    assert (line.locator("a").get_attribute("href") or "") == "/measure/cn-five-rare-earths-2025"
    spoken = line.locator("svg").get_attribute("aria-label") or ""
    told = [
        f"{row[2].removeprefix('inf:')} {row[3]} to {row[4]}"
        for row in rows
        if row[0] == "measure:cn-five-rare-earths-2025"
    ]
    wanted = (
        "; ".join(told).replace("inForce", "in force").replace("0001-01-01", "always").replace("9999-12-31", "open")
    )
    assert spoken == wanted and spoken.startswith("pending always") and spoken.endswith("to open")
    width = line.locator("svg").evaluate("node => node.clientWidth")
    first, last = (
        line.locator("rect.bar")
        .nth(at)
        .evaluate("node => [node.x.baseVal.value, node.x.baseVal.value + node.width.baseVal.value]")
        for at in (0, -1)
    )
    assert first[0] < 0 and last[1] > width, "bars without a bound run off the edges"


def test_the_dates_that_are_drawn_can_be_chosen_and_a_day_is_a_mark(page: Page) -> None:
    query = INF + (
        "SELECT ?measure ?from ?until ?knownFrom ?knownUntil ?public ?start ?end WHERE { ?span inf:measure ?measure ; "
        "inf:from ?from ; inf:until ?until ; inf:knownFrom ?knownFrom ; inf:knownUntil ?knownUntil ; "
        "inf:decidedBy/inf:public ?public BIND (?from AS ?start) BIND (?until AS ?end) } LIMIT 9"
    )
    page.goto(address_of(query))
    page.click(".select_timeline")
    choice = page.get_by_label("Dates")
    options = choice.locator("option")
    expect(options).to_have_text(["from – until", "knownFrom – knownUntil", "start – end", "public"])
    expect(page.locator(".answer-timeline rect.bar")).to_have_count(9)
    choice.select_option("public")
    expect(page.locator(".answer-timeline path.bar")).to_have_count(9)


def test_what_has_no_dates_has_no_timeline(page: Page) -> None:
    page.goto(address_of(COUNT))
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator(".select_timeline")).to_be_disabled()


def test_an_address_opens_with_its_answer_and_asks_only_once(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "query=" in request.url else None)
    page.goto(address_of(COUNT))
    assert int(page.locator(f"{ROWS} td").inner_text()) > 100
    assert written(page) == COUNT
    assert len(asked) == 1, "the page brings its answer along"
    page.goto(address_of(HEAVY))
    expect(page.locator(ROWS)).to_have_count(100)
    expect(page.locator(".more")).to_contain_text("100 of 3000 rows")
    assert len(asked) == 3, "what is too much for a page is fetched"


def test_a_shared_address_brings_the_view_too(page: Page) -> None:
    page.goto(
        address_of(SPANS.replace("?from WHERE", "?from ?until WHERE").replace("?from }", "?from ; inf:until ?until }"))
    )
    page.click(".select_timeline")
    page.get_by_role("button", name="Share query").click()
    shared = page.get_by_label("Address of this query").input_value()
    assert shared == location(page) and shared.endswith("#timeline")
    page.evaluate("localStorage.clear()")
    page.goto("/queries")
    page.goto(shared)
    expect(page.locator(".answer-timeline rect.bar").first).to_be_visible()


def test_a_query_can_be_stopped(tolerant: Page) -> None:
    tolerant.goto("/sparql")
    tolerant.route("**/sparql?query=*", lambda route: None)  # never answered
    write(tolerant, COUNT)
    run(tolerant)
    tolerant.locator(".yasqe_queryButton.busy").click()
    expect(tolerant.locator(".yasr_results [role=alert]")).to_have_text("The query was stopped.")
    expect(tolerant.locator(".yasqe_queryButton.busy")).to_have_count(0)


def test_the_last_tab_gives_way_to_a_new_one(page: Page) -> None:
    page.goto("/sparql")
    last = page.get_by_role("tab").get_attribute("id")
    page.get_by_role("tab").press("Delete")
    expect(page.get_by_role("tab")).to_have_count(1)
    expect(page.get_by_role("tab")).not_to_have_attribute("id", last or "")
    expect(page.locator("#examples")).to_be_visible()


def test_other_answers_than_rows(page: Page) -> None:
    page.goto("/sparql")
    write(page, INF + "ASK { ?s a inf:Span }")
    run(page)
    expect(page.locator(".booleanResult")).to_have_text("True")
    write(page, INF + "CONSTRUCT { ?s a inf:Span } WHERE { ?s a inf:Span } LIMIT 7")
    run(page)
    expect(page.locator(ROWS)).to_have_count(7)
    expect(page.get_by_role("button", name="JSON-LD")).to_be_visible()
    page.click(".select_response")
    expect(page.locator(".yasr_results .CodeMirror")).to_contain_text("a inf:Span")
    page.click(".select_table")
    write(page, "CONSTRUCT WHERE { ?s ?p 4711 }")
    run(page)
    expect(page.locator(".more")).to_contain_text("No rows")


def test_triples_are_shown_as_a_page_too(page: Page, browser: Browser, address: str) -> None:
    asked = address_of(INF + "CONSTRUCT { ?s a inf:Span } WHERE { ?s a inf:Span } LIMIT 7")
    page.goto(asked)
    expect(page.locator(ROWS)).to_have_count(7)
    with browser.new_context(java_script_enabled=False, base_url=address) as context:
        plain = context.new_page()
        plain.goto(asked)
        expect(plain.locator("table tbody tr")).to_have_count(7)
        expect(plain.locator("table tbody a").first).to_have_text(re.compile("measure:"))


@pytest.mark.parametrize("accept, kind", [("text/html,*/*;q=0.8", "text/html"), ("*/*", "application/problem+json")])
def test_people_are_told_on_the_page_what_is_refused(accept: str, kind: str, client: TestClient) -> None:
    query = {"query": "SELECT * WHERE { SERVICE <http://example.org/> { ?s ?p ?o } }"}
    answer = client.get("/sparql", params=query, headers={"Accept": accept})
    assert answer.status_code == 400
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert "SERVICE is closed here" in answer.text


def test_an_answer_can_be_saved(page: Page, client: TestClient) -> None:
    page.goto(address_of(SPANS))
    for name, media in {
        "CSV": "text/csv",
        "TSV": "text/tab-separated-values",
        "JSON": "application/sparql-results+json",
    }.items():
        with page.expect_download() as saved:
            page.get_by_role("button", name=name, exact=True).click()
        wanted = client.get("/sparql", params={"query": SPANS}, headers={"Accept": media}).content
        assert saved.value.path().read_bytes() == wanted


def test_text_of_an_answer_is_never_markup(page: Page) -> None:
    hostile = "</script><script>document.title='bad'</script><img src=x onerror=alert(1)> {{measure}}"
    page.goto(address_of(f'SELECT ("{hostile}" AS ?text) WHERE {{}}'))
    expect(page.locator(f"{ROWS} td")).to_have_text(hostile.replace("{{measure}}", "measure"))
    assert "SPARQL" in page.title()


def test_queries_stay_over_a_reload_and_answers_do_not(page: Page) -> None:
    page.goto("/sparql")
    write(page, COUNT)
    run(page)
    expect(page.locator(ROWS)).to_have_count(1)
    page.goto("/sparql")
    assert written(page) == COUNT
    expect(page.locator(ROWS)).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_editor_has_the_colours_of_the_site(scheme: str, browser: Browser, address: str) -> None:
    with browser.new_context(color_scheme="dark" if scheme == "dark" else "light", base_url=address) as context:
        page = context.new_page()
        page.goto("/sparql")
        paint = "node => getComputedStyle(node).backgroundColor"
        assert page.locator(".CodeMirror").evaluate(paint) == page.locator("html").evaluate(paint)


def test_on_a_phone_nothing_is_wider_than_the_window(browser: Browser, address: str) -> None:
    with browser.new_context(viewport={"width": 360, "height": 740}, base_url=address) as context:
        page = context.new_page()
        page.goto("/sparql")
        page.get_by_role("button", name="Run query").click()
        page.click(".select_timeline")
        expect(page.locator(".answer-timeline rect.bar").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        expect(page.locator(".yasr_header")).to_be_in_viewport()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_bar_bears_its_words_where_they_fit(lang: str, browser: Browser, address: str) -> None:
    with browser.new_context(viewport={"width": 360, "height": 740}, base_url=address) as context:
        page = context.new_page()
        page.goto(f"/sparql?lang={lang}")
        page.click(".yasqe_queryButton")
        page.click(".select_timeline")
        words = page.locator(".answer-timeline g:has(> .bar) > text")
        expect(words.first).to_be_visible()
        over = """text => { const [words, bar] = [text, text.parentNode.querySelector(".bar")].map((each) => each.getBBox());
          return words.x + words.width - bar.x - bar.width; }"""
        assert max(each.evaluate(over) for each in words.all()) < 0


def test_without_a_script_the_form_asks_and_the_page_answers(browser: Browser, address: str) -> None:
    with browser.new_context(java_script_enabled=False, base_url=address) as context:
        page = context.new_page()
        page.goto("/sparql")
        page.fill("textarea[name=query]", COUNT)
        page.click("button:has-text('Run')")
        assert int(page.locator("table tbody td").first.inner_text()) > 100
        page.fill("textarea[name=query]", WRONG)
        page.click("button:has-text('Run')")
        expect(page.get_by_role("alert")).to_contain_text("error at 3:24")
        page.click("#examples a >> nth=0")
        expect(page.locator("table tbody tr").first).to_be_visible()


def test_no_page_is_heavy(client: TestClient) -> None:
    pages = [client.get("/sparql", headers=PAGE), client.get("/sparql", params={"query": HEAVY}, headers=PAGE)]
    wide = "SELECT * WHERE { ?a ?b ?c . ?c ?d ?e . ?e ?f ?g . ?g ?h ?i } LIMIT 400"
    pages.append(client.get("/sparql", params={"query": wide}, headers=PAGE))
    assert all(page.status_code == 200 for page in pages)
    assert max(len(page.content) for page in pages) < 300_000
    assert len(pages[1].content) > HEAVIEST, "the rows that fit are there"
    shown = re.search(r"(\d+) rows, the first (\d+) shown", pages[1].text)
    assert shown and shown[1] == "3000" and int(shown[2]) == pages[1].text.count("<tr>") - 1


def test_the_names_that_are_completed_are_those_of_the_record(client: TestClient) -> None:
    answer = client.get("/sparql/completions")
    assert answer.headers["content-type"] == "application/json"
    assert client.get("/sparql/completions", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    names = answer.json()
    known = {kind: {iri: (label, meaning) for iri, label, meaning in words} for kind, words in names.items()}
    label, meaning = known["properties"]["https://w3id.org/inforce/ns#imposedBy"]
    assert "imposed by" in label and meaning.startswith("The country whose authority")
    assert "https://w3id.org/inforce/ns#Measure" in known["classes"]
    assert "http://www.w3.org/2004/02/skos/core#prefLabel" in known["properties"], "what the record uses of others"
    assert "gallium nitride 氮化镓" in known["things"]["https://w3id.org/inforce/material/gallium-nitride"]
    assert "https://w3id.org/inforce/ns#suspended" in known["things"]
    used = client.get(
        "/sparql", params={"query": "SELECT DISTINCT ?p WHERE { ?s ?p ?o }"}, headers={"Accept": "text/csv"}
    )
    assert {row["p"] for row in csv.DictReader(used.text.splitlines())} <= set(known["properties"])
