"""In which language a page speaks, and its words in that language.

One rule for everything that has a language: `lang` in the address, else the choice that a cookie remembers, else
Accept-Language, else English. It is decided once for a request and holds while that is answered, also in threads.
The words are those of the code, in English; locale/zh_Hans.po has them in Chinese.
"""

from __future__ import annotations

import gettext as _gettext
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from importlib.resources import files
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from fastapi import Request
from markupsafe import Markup, escape
from starlette.types import ASGIApp, Receive, Scope, Send
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from inforce.catalogue import ParameterError
from inforce.model import Sentence

# What an address calls a language → what HTML calls it, and what it calls itself.
LANGUAGES: Mapping[str, tuple[str, str]] = {"en": ("en", "English"), "zh": ("zh-Hans", "中文")}
PARAMETER = COOKIE = "lang"
_YEAR = 365 * 86400

_current: ContextVar[str] = ContextVar("language", default="en")
_named: ContextVar[str | None] = ContextVar("language_in_address", default=None)


def current() -> str:
    """The language of the request that is being answered: en or zh."""
    return _current.get()


def carried() -> dict[str, str]:
    """The language as a parameter, where the address of the request has it: links to pages of the same kind keep it."""
    named = _named.get()
    return {PARAMETER: named} if named else {}


class Speaking:
    """A layer around the application that decides on the language of each request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            named, chosen = _chosen(scope)
            _named.set(named)
            _current.set(chosen)
        await self.app(scope, receive, send)


def _chosen(scope: Scope) -> tuple[str | None, str]:
    """The language that the address names, if it does, and the language to answer in."""
    query = scope["query_string"].decode("latin-1")
    named = parse_qs(query).get(PARAMETER, [""])[-1] if PARAMETER in query else ""
    if named in LANGUAGES:
        return named, named
    headers = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _HEADERS}
    remembered = _remembered(headers[b"cookie"]) if b"cookie" in headers else None
    return None, remembered or preferred(headers.get(b"accept-language", "")) or "en"


_HEADERS = (b"cookie", b"accept-language")


def _remembered(header: str) -> str | None:
    try:
        kept = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return kept.value if kept and kept.value in LANGUAGES else None


@lru_cache(maxsize=256)
def preferred(header: str) -> str | None:
    """The language that a header Accept-Language prefers of those we have; nothing if it names none of them.

    zh-CN and zh-TW both ask for zh (RFC 4647, lookup); of equals the first named is preferred.
    """
    liked: dict[str, float] = {}
    # Not by Werkzeug's best_match: it takes what is named exactly before what is liked more, en;q=0.5 before zh-CN.
    for tag, quality in parse_accept_header(header, Accept):
        language = tag.partition("-")[0].lower()
        liked[language] = max(quality, liked.get(language, 0))
    anything = liked.pop("*", 0)
    known = {language: quality for language, quality in liked.items() if language in LANGUAGES}
    known |= {language: anything for language in LANGUAGES if language not in liked}
    best = max(known, key=lambda language: known[language])
    return best if known[best] > 0 else None


def headers(request: Request) -> dict[str, str]:
    """What a page says of its language: which it is, what decided on it, and what is to be remembered."""
    told = {"Content-Language": LANGUAGES[current()][0], "Vary": vary(request)}
    if named := _named.get():
        told["Set-Cookie"] = f"{COOKIE}={named}; Path=/; Max-Age={_YEAR}; HttpOnly; SameSite=Lax"
    return told


def vary(request: Request) -> str:
    """The Vary of what has a language."""
    return "Accept" if PARAMETER in request.query_params else "Accept, Accept-Language, Cookie"


def checked(request: Request) -> None:
    """Raises ParameterError where an address names a language that there is not."""
    named = request.query_params.getlist(PARAMETER)
    if named and (len(named) > 1 or named[0] not in LANGUAGES):
        raise ParameterError(PARAMETER, ", ".join(named), f"{' or '.join(LANGUAGES)}", list(LANGUAGES))


# The words

# Marks a message that is said elsewhere, so that it is found for the catalogue.
N_ = str


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(language: str) -> _gettext.NullTranslations:
    if language == "en":
        return _gettext.NullTranslations()
    with files("inforce.web").joinpath(f"locale/{LANGUAGES[language][0].replace('-', '_')}.po").open("rb") as file:
        messages = read_po(file)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return _gettext.GNUTranslations(compiled)


def gettext(message: str) -> str:
    """A message in the language of the request."""
    return _catalogue(current()).gettext(message)


def ngettext(one: str, many: str, number: int) -> str:
    """A message about a number of things."""
    return _catalogue(current()).ngettext(one, many, number)


def pgettext(context: str, message: str) -> str:
    """A message whose English has several meanings, by the one that is meant."""
    return _catalogue(current()).pgettext(context, message)


def npgettext(context: str, one: str, many: str, number: int) -> str:
    """A message about a number of things, by what is meant."""
    return _catalogue(current()).npgettext(context, one, many, number)


def said(text: Any) -> Any:
    """A sentence of the lower layers in the language of the request; other English text is marked as such."""
    if current() == "en" or not isinstance(text, Sentence):
        return english(text)
    return escape(gettext(text.template)) % {name: said(value) for name, value in text.values.items()}


def english(text: Any) -> Any:
    """A text of the record that is in English, marked where the page is not; Chinese text stays as it is."""
    stated = str(text)
    if current() == "en" or not any("a" <= letter.lower() <= "z" for letter in stated) or stated[0] > "⺀":
        return text
    return Markup('<span lang="en">{}</span>').format(escape(stated))


def order(text: str) -> bytes | str:
    """A key that puts names in the order of their language: letters by alphabet, Chinese characters by pinyin."""
    # GB 2312 has the 3755 most common characters in the order of pinyin; others follow them.
    return text.encode("gb18030") if current() == "zh" else text.lower()
