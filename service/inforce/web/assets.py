"""The files that pages load, our own and the vendored ones, from /static/: nothing comes from elsewhere."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from inforce.web.errors import Problem
from inforce.web.reply import reply

router = APIRouter()
STATIC = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}


@router.api_route("/static/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
def static(request: Request, path: str) -> Response:
    """A file that a page loads."""
    if path not in _files():
        raise Problem(404, "not-found", f"there is no file {path}", nearest=[])
    file = _files()[path]
    return reply(request, _read(file), TYPES[file.suffix])


@lru_cache(maxsize=1)
def _files() -> dict[str, Path]:
    """The files that may be loaded, by their path: whatever else lies there stays unseen."""
    return {str(f.relative_to(STATIC).as_posix()): f for f in STATIC.rglob("*") if f.suffix in TYPES}


@lru_cache(maxsize=256)
def _read(file: Path) -> bytes:
    return file.read_bytes()
