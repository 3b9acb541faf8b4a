"""What a request asks for: parameters of a question, a page of its answer, a body of bearable size."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fastapi import Request

from inforce.catalogue import ParameterError, Query
from inforce.model import Sentence
from inforce.web.errors import Problem
from inforce.web.language import PARAMETER, current

# These choose the form and the part of an answer; no question has a parameter of such a name.
RESERVED = frozenset({"format", "limit", "offset"})
LARGEST_PAGE = 10_000
LAST_OFFSET = 1_000_000_000


def given_parameters(request: Request) -> dict[str, list[str]]:
    """The parameters of a form that people fill in: empty fields are not given, and its language is none of them."""
    given = {name: [value for value in values if value] for name, values in parameters(request).items()}
    return {name: values for name, values in given.items() if values and name != PARAMETER}


def parameters(request: Request) -> dict[str, list[str]]:
    """The parameters of a call, without those that choose form and part of the answer."""
    given: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if name not in RESERVED:
            given.setdefault(name, []).append(value)
    return given


def in_language(query: Query, given: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The parameters of a call, with the language of the request if it names none."""
    chosen = {PARAMETER: [current()]} if PARAMETER in query.parameters and current() != "en" else {}
    return {**chosen, **given}


def page(request: Request) -> tuple[int | None, int]:
    """The `limit` and `offset` of a call: at most so many rows, from the row of that number on, counted from 0.

    Raises ParameterError.
    """
    limit = _number(request, "limit", 1, LARGEST_PAGE)
    return limit, _number(request, "offset", 0, LAST_OFFSET) or 0


def _number(request: Request, name: str, least: int, most: int) -> int | None:
    given = request.query_params.getlist(name)
    if not given:
        return None
    expected = Sentence("one whole number from %(least)s to %(most)s", least=least, most=most)
    if len(given) > 1 or not re.fullmatch(r"[0-9]{1,10}", given[0]) or not least <= int(given[0]) <= most:
        raise ParameterError(name, ", ".join(given), expected)
    return int(given[0])


async def body(request: Request, most: int) -> bytes:
    """The body of a request. Raises Problem 413 as soon as it proves larger than this number of bytes."""
    read = bytearray()
    async for piece in request.stream():
        read += piece
        if len(read) > most:
            raise Problem(413, "too-large", f"a body may have {most} bytes here", most=most)
    return bytes(read)
