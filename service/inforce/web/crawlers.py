"""What search engines are told: which pages there are, and where not to walk."""

from __future__ import annotations

from urllib.parse import quote
from xml.sax.saxutils import escape

from fastapi import APIRouter, Request, Response

from inforce.model import BASE
from inforce.web.description import index, is_collection
from inforce.web.language import LANGUAGES, PARAMETER
from inforce.web.reply import reply
from inforce.web.site import path

router = APIRouter(include_in_schema=False)


@router.api_route("/robots.txt", methods=["GET", "HEAD"])
def robots(request: Request) -> Response:
    """What search engines may walk: the documents, and not the answers to every question at every day."""
    closed = "".join(f"Disallow: {part}\n" for part in ("/api/", "/sparql?", "/v/"))
    return reply(request, f"User-agent: *\n{closed}\nSitemap: {_here(request)}/sitemap.xml\n".encode(), "text/plain")


@router.api_route("/sitemap.xml", methods=["GET", "HEAD"])
def sitemap(request: Request) -> Response:
    """The pages of this host: those of the site, then every document of the record but the graphs, that repeat it.

    Each is there in every language; without `lang` it comes in the reader's.
    """
    own = ["/", "/queries", "/docs", "/sparql"]
    documents = [iri for iri in index(request.state.service).documents if not iri.startswith(f"{BASE}graph")]
    documents.sort(key=lambda iri: (not is_collection(iri), iri))
    here = escape(_here(request))
    paths = dict.fromkeys([*own, *map(path, documents)])
    places = "".join(_place(f"{here}{quote(place)}") for place in paths)
    return reply(request, f"{_HEAD}{places}</urlset>\n".encode(), "application/xml")


_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">
"""


def _place(address: str) -> str:
    each = [("x-default", address), *((code, f"{address}?{PARAMETER}={name}") for name, (code, _) in LANGUAGES.items())]
    links = "".join(f'<xhtml:link rel="alternate" hreflang="{code}" href="{to}"/>' for code, to in each)
    return f"  <url><loc>{address}</loc>{links}</url>\n"


def _here(request: Request) -> str:
    """The beginning of the addresses of this host, as the client calls it."""
    return str(request.base_url).rstrip("/")
