"""An answer of the API as a page for people: its rows as a table, where they come from, and its other forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pyoxigraph as ox
from fastapi import Request

from inforce.model import BASE
from inforce.service import Answer
from inforce.web.forms import offers
from inforce.web.language import gettext
from inforce.web.pages import rendered
from inforce.web.site import path, short, site


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of text, with the address it leads to if it names a thing."""

    text: str
    href: str | None = None


def html(request: Request, answer: Answer) -> bytes:
    """The page of an answer."""
    known = site(request.state.service)
    here = path(answer.permalink)
    shown = answer.document()
    pages = {}
    if answer.limit is not None:
        pages[gettext("Previous rows")] = max(answer.offset - answer.limit, 0) if answer.offset else None
        after = answer.offset + answer.limit
        pages[gettext("Next rows")] = after if after < answer.total else None
    return rendered(
        request,
        "answer.html",
        manifest={"version": answer.version, "coveredThrough": answer.covered_through},
        iri=None,
        answer=answer,
        parameters={name: _cells(value, known.href) for name, value in shown["parameters"].items()},
        names=["subject", "predicate", "object"] if answer.is_graph else answer.query.variables,
        rows=_triples(answer, known.href) if answer.is_graph else _rows(answer, known.href),
        shown_forms=[
            (form, f"{here}&{urlencode({'format': form})}") for form in offers(answer.is_graph) if form != "html"
        ],
        permalink=answer.permalink,
        here=here,
        sparql=f"/sparql?{urlencode({'query': answer.sparql})}",
        text=sparql_of(answer),
        pages={caption: path(answer.at(offset)) for caption, offset in pages.items() if offset is not None},
    )


def _rows(answer: Answer, href: Callable[[str], str | None]) -> list[list[list[Cell]]]:
    return [[_cells(row[name], href) for name in answer.query.variables] for row in answer.rows]


def _triples(answer: Answer, href: Callable[[str], str | None]) -> list[list[list[Cell]]]:
    quads = ox.parse(answer.results, format=ox.RdfFormat.N_TRIPLES)
    return [[_cells(term.value, href) for term in (quad.subject, quad.predicate, quad.object)] for quad in quads]


def _cells(value: Any, href: Callable[[str], str | None]) -> list[Cell]:
    """A value of a row: nothing, one piece of text or several."""
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [cell for part in value for cell in _cells(part, href)]
    text = str(value)
    if text.startswith(BASE):
        return [Cell(short(text).removeprefix("ns#"), href(text))]
    if text.startswith(("https://", "http://")):
        return [Cell(text, text)]
    return [Cell(text)]


def sparql_of(answer: Answer) -> str:
    """Where the SPARQL behind an answer is shown."""
    return f"/v/{quote(answer.version, safe='+')}/queries/{answer.query.name}.rq?{urlencode(sorted(answer.asked))}"
