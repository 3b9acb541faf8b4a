"""How a document leaves: with a strong ETag, 304 when the client has it, and no body for HEAD."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from fastapi import Request, Response

from inforce.web.api import matches

# Pages carry their own style and drawings only: nothing is loaded from elsewhere, nothing runs inline.
POLICY = "default-src 'self'; style-src 'self'; img-src 'self' data:; script-src 'self'"


def reply(
    request: Request, body: bytes, media: str, headers: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    """The response for a body. A tag is made of the bytes themselves, so that it is true in every process."""
    sent = {
        "Vary": "Accept",
        "Cache-Control": "public, max-age=0, must-revalidate",
        "Content-Type": f"{media}; charset=utf-8",
        "Content-Length": str(len(body)),
        **(headers or {}),
    }
    if media == "text/html":
        sent["Content-Security-Policy"] = POLICY
    if status == 200:
        sent["ETag"] = f'"{hashlib.sha256(media.encode() + body).hexdigest()[:32]}"'
        if matches(request, sent["ETag"]):
            del sent["Content-Length"], sent["Content-Type"]
            return Response(status_code=304, headers=sent)
    else:
        sent["Cache-Control"] = "no-store"
    return Response(b"" if request.method == "HEAD" else body, status, sent)
