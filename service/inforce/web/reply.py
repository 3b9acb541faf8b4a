"""How a body leaves: compressed if wanted, with a strong ETag, as 304 if the client has it, and empty for HEAD."""

from __future__ import annotations

import hashlib
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import brotli
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from inforce.web.negotiate import coding

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Pages carry their own style and drawings only: nothing is loaded from elsewhere, nothing runs inline.
POLICY = "default-src 'self'; style-src 'self'; img-src 'self' data:; script-src 'self'"
REVALIDATE = "public, max-age=0, must-revalidate"
FOREVER = "public, max-age=31536000, immutable"
SMALL = 500  # bytes; less is not worth compressing
_PLAIN = ("application/vnd.apache.", "image/png")  # what is compressed already
_BARE = ("application/json", "application/sparql-results", "application/x-ndjson")  # types that have no charset


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
    sent = {"Vary": "Accept", "Cache-Control": REVALIDATE, **(headers or {}), "Content-Type": content_type(media)}
    if media == "text/html":
        sent["Content-Security-Policy"] = POLICY
    if status == 200:
        sent["ETag"] = _tag(media, body)
    else:
        sent["Cache-Control"] = "no-store"
    if not media.startswith(_PLAIN):
        sent["Vary"] += ", Accept-Encoding"
        chosen = coding(request)
        if chosen is not None and len(body) >= SMALL:
            body = compressed(body, chosen)
            sent["Content-Encoding"] = chosen
            if "ETag" in sent:  # other bytes, so another tag
                sent["ETag"] = f'{sent["ETag"][:-1]}-{chosen}"'
    sent["Content-Length"] = str(len(body))
    return Reply(body, sent, status)


def stream(request: Request, pieces: Iterable[bytes], media: str, headers: Mapping[str, str]) -> Response:
    """The response for a body that comes in pieces, compressed as it goes if the client likes."""
    sent = {"Vary": "Accept, Accept-Encoding", **headers, "Content-Type": content_type(media)}
    chosen = coding(request)
    if chosen is None:
        return StreamingResponse(pieces, headers=sent)
    return StreamingResponse(_compress(pieces, chosen), headers={**sent, "Content-Encoding": chosen})


def content_type(media: str) -> str:
    """A media type with its charset where it has one."""
    return media if media.startswith((*_BARE, *_PLAIN)) else f"{media}; charset=utf-8"


def matches(request: Request, etag: str) -> bool:
    """Whether the client already has what bears this ETag."""
    held = request.headers.get("if-none-match")
    if held is None:
        return False
    return held.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in held.split(","))


@lru_cache(maxsize=128)
def _tag(media: str, body: bytes) -> str:
    return f'"{hashlib.sha256(media.encode() + body).hexdigest()[:32]}"'


@lru_cache(maxsize=128)
def compressed(body: bytes, chosen: str) -> bytes:
    """A body in a coding."""
    return b"".join(_compress([body], chosen))


def _compress(pieces: Iterable[bytes], chosen: str) -> Iterator[bytes]:
    step, end = _coder(chosen)
    for piece in pieces:
        if part := step(piece):
            yield part
    yield end()


def _coder(chosen: str) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    """The two functions that compress a body piece by piece: one for each piece, one for its end."""
    if chosen == "zstd":
        squeezing = zstd.ZstdCompressor(level=3)
        return squeezing.compress, squeezing.flush
    if chosen == "br":
        crushing = brotli.Compressor(quality=4)
        return crushing.process, crushing.finish
    deflating = zlib.compressobj(6, zlib.DEFLATED, 31)
    return deflating.compress, deflating.flush
