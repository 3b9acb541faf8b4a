"""How a body leaves: compressed if wanted, with a strong ETag, as 304 if the client has it, and empty for HEAD."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from inforce import codings
from inforce.codings import SMALL
from inforce.web.negotiate import coding

# Pages carry their own style and drawings only: nothing is loaded from elsewhere, nothing runs inline.
POLICY = "default-src 'self'; style-src 'self'; img-src 'self' data:; script-src 'self'"
REVALIDATE = "public, max-age=0, must-revalidate"
FOREVER = "public, max-age=31536000, immutable"
_PLAIN = ("application/vnd.apache.", "image/png")  # what is compressed already
# Types that have no charset.
_BARE = ("application/json", "application/sparql-results", "application/x-ndjson", "application/link-format")


@dataclass(frozen=True, slots=True)
class Reply:
    """A body that is ready to be sent, as often as wanted, with its headers."""

    body: bytes
    headers: Mapping[str, str]
    status: int = 200

    def to(self, request: Request) -> Response:
        """The response to a request: 304 if that has this body already, no body for HEAD."""
        tag = self.headers.get("ETag")
        if tag is not None and matches(request, tag):
            dropped = ("Content-Length", "Content-Type", "Content-Encoding")
            return Response(status_code=304, headers={k: v for k, v in self.headers.items() if k not in dropped})
        return Response(b"" if request.method == "HEAD" else self.body, self.status, dict(self.headers))


def reply(
    request: Request, body: bytes, media: str, headers: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    """The response for a body in a media type."""
    return ready(request, body, media, headers, status).to(request)


def ready(
    request: Request, body: bytes, media: str, headers: Mapping[str, str] | None = None, status: int = 200
) -> Reply:
    """A body in the coding that the client prefers. Its tag is made of its bytes, so that all processes agree on it."""
    tag = _tag(media, body) if status == 200 else None
    chosen = None if media.startswith(_PLAIN) or len(body) < SMALL else coding(request)
    return coded(_compressed(body, chosen) if chosen else body, media, chosen, tag, headers, status)


def coded(
    body: bytes,
    media: str,
    chosen: str | None,
    tag: str | None,
    headers: Mapping[str, str] | None = None,
    status: int = 200,
) -> Reply:
    """A body that is in a coding already, with the tag it had before; without a tag it is not kept anywhere."""
    sent = {"Vary": "Accept", "Cache-Control": REVALIDATE, **(headers or {}), "Content-Type": content_type(media)}
    if media == "text/html":
        sent["Content-Security-Policy"] = POLICY
    if tag is None:
        sent["Cache-Control"] = "no-store"
    else:  # other bytes, so another tag
        sent["ETag"] = f'{tag[:-1]}-{chosen}"' if chosen else tag
    if not media.startswith(_PLAIN):
        sent["Vary"] += ", Accept-Encoding"
    if chosen:
        sent["Content-Encoding"] = chosen
    sent["Content-Length"] = str(len(body))
    return Reply(body, sent, status)


def stream(request: Request, pieces: Iterable[bytes], media: str, headers: Mapping[str, str]) -> Response:
    """The response for a body that comes in pieces, compressed as it goes if the client likes."""
    sent = {"Vary": "Accept, Accept-Encoding", **headers, "Content-Type": content_type(media)}
    chosen = coding(request)
    if chosen is None:
        return StreamingResponse(pieces, headers=sent)
    return StreamingResponse(codings.compress(pieces, chosen), headers={**sent, "Content-Encoding": chosen})


def content_type(media: str) -> str:
    """A media type with its charset where it has one."""
    return media if media.startswith((*_BARE, *_PLAIN)) else f"{media}; charset=utf-8"


def matches(request: Request, etag: str) -> bool:
    """Whether the client already has what bears this ETag."""
    held = request.headers.get("if-none-match")
    if held is None:
        return False
    return held.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in held.split(","))


# Both are asked again and again for the few bodies that the service makes itself.
_tag = lru_cache(maxsize=128)(codings.tag)
_compressed = lru_cache(maxsize=128)(codings.compressed)
