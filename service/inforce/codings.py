"""A body in the codings of HTTP, and the tag of its bytes."""

from __future__ import annotations

import hashlib
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SMALL = 500  # bytes; less is not worth compressing


def tag(media: str, body: bytes) -> str:
    """The strong entity tag of a body before it is compressed."""
    return f'"{hashlib.sha256(media.encode() + body).hexdigest()[:32]}"'


def compressed(body: bytes, chosen: str) -> bytes:
    """A body in a coding."""
    return b"".join(compress([body], chosen))


def compress(pieces: Iterable[bytes], chosen: str) -> Iterator[bytes]:
    """A body that comes in pieces, compressed as it goes."""
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
