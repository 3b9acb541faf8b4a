"""The downloads of each version that is kept, with the description of the version."""

from __future__ import annotations

import difflib
import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from inforce import dataset, dumps
from inforce.dataset import Download
from inforce.service import Service
from inforce.web.api import version_of
from inforce.web.description import DATASET, VOID, serialised
from inforce.web.errors import Problem
from inforce.web.negotiate import DOCUMENTS, by_format
from inforce.web.overview import shown
from inforce.web.pages import page
from inforce.web.reply import FOREVER, REVALIDATE, content_type, matches, reply
from inforce.web.site import path

router = APIRouter(include_in_schema=False)
_CHUNK = 1 << 18  # bytes that are unpacked at a time


@router.api_route("/dumps", methods=["GET", "HEAD"])
def listed(request: Request) -> Response:
    """Where the downloads are listed."""
    return Response(status_code=307, headers={"Location": path(str(DATASET))})


@router.api_route("/dumps/{name}", methods=["GET", "HEAD"])
def latest(request: Request, name: str) -> Response:
    """A file of the version that is served, with the address under which it stays."""
    service: Service = request.state.service
    stays = path(str(dataset.address(service.manifest["version"], name)))
    return _file(request, service, name, {"Cache-Control": REVALIDATE, "Link": f'<{stays}>; rel="cite-as"'})


@router.api_route("/v/{version}/dumps/{name}", methods=["GET", "HEAD"])
def permanent(request: Request, version: str, name: str) -> Response:
    """A file of a version, for good."""
    return _file(request, version_of(request, version), name, {"Cache-Control": FOREVER})


@router.api_route("/v/{version}", methods=["GET", "HEAD"])
def described(request: Request, version: str) -> Response:
    """The dataset as it was in a version, with its downloads: as a page or as RDF."""
    service, media = version_of(request, version), by_format(request, DOCUMENTS)
    if strange := sorted(request.query_params.keys() - {"format"}):
        detail = f"{strange[0]} is no parameter of a version: known is format"
        raise Problem(422, "invalid-parameter", detail, parameter=strange[0], nearest=["format"])
    if media == "text/html":
        return page(request, "dataset.html", 200, **shown(service, request.app.state.today()))
    return reply(request, serialised(service, str(DATASET), media), media)


@router.api_route("/datapackage.json", methods=["GET", "HEAD"])
def package(request: Request) -> Response:
    """The data package of the tables, with paths from the root of this host to the files of its version."""
    service: Service = request.state.service
    folder, _ = _folder(service)
    about = json.loads((folder / dumps.PACKAGE).read_bytes())
    for resource in about["resources"]:
        resource["path"] = path(str(dataset.address(about["version"], resource["path"]))).removeprefix("/")
    return reply(request, json.dumps(about, ensure_ascii=False, indent=1).encode(), "application/json")


@router.api_route("/.well-known/void", methods=["GET", "HEAD"])
def void(request: Request) -> Response:
    """Where the dataset is described in terms of VoID."""
    return Response(status_code=302, headers={"Location": path(VOID)})


def _folder(service: Service) -> tuple[Path, Mapping[str, Download]]:
    """The folder with the files of a version, and what they are. Raises Problem 404 where it keeps none."""
    downloads = {download.name: download for download in service.downloads}
    if service.folder is None or not downloads:
        raise Problem(404, "not-found", f"version {service.manifest['version']} keeps no downloads here")
    return service.folder / dumps.FOLDER, downloads


def _file(request: Request, service: Service, name: str, headers: Mapping[str, str]) -> Response:
    """A file as it is kept; by its name without .gz, what is in it. Raises Problem 404 with names that come near."""
    folder, downloads = _folder(service)
    if not folder.is_dir():
        raise Problem(410, "gone", f"the downloads of version {service.version} have been deleted")
    if name == dumps.SUMS:
        return reply(request, (folder / name).read_bytes(), "text/plain", headers)
    if name in downloads:
        return _kept(request, folder / name, downloads[name], headers)
    if name + ".gz" in downloads:
        return _unpacked(request, folder / f"{name}.gz", downloads[name + ".gz"], headers)
    known = [*downloads, dumps.SUMS]
    near = difflib.get_close_matches(name[:80], known, n=3) or known
    raise Problem(404, "not-found", f"no download is called {name}", nearest=near)


def _kept(request: Request, file: Path, download: Download, headers: Mapping[str, str]) -> Response:
    """A file as it is. What can be compressed on its way goes that way, the rest can be had in ranges."""
    if download.media.startswith("text/") and not download.gzipped:
        return reply(request, file.read_bytes(), download.media, headers)
    if download.media == "application/json":
        return reply(request, file.read_bytes(), download.media, headers)
    media = "application/gzip" if download.gzipped else download.media
    return _from_disk(request, file, {**headers, "Content-Type": media, "ETag": f'"{download.sha256[:32]}"'})


def _unpacked(request: Request, file: Path, download: Download, headers: Mapping[str, str]) -> Response:
    """What is in a gzip file: the file itself as a coded body if the client takes that, else unpacked on the way."""
    sent = {**headers, "Vary": "Accept-Encoding", "Content-Type": content_type(download.media)}
    accepted = parse_accept_header(request.headers.get("accept-encoding", ""), Accept)
    if accepted.quality("gzip") > 0:
        tag = f'"{download.sha256[:32]}-gzip"'
        return _from_disk(request, file, {**sent, "ETag": tag, "Content-Encoding": "gzip"})
    sent["ETag"] = f'"{download.sha256[:32]}-plain"'
    if matches(request, sent["ETag"]):
        return _unchanged(sent)
    return StreamingResponse(() if request.method == "HEAD" else _pieces(file), headers=sent)


def _from_disk(request: Request, file: Path, headers: dict[str, str]) -> Response:
    return _unchanged(headers) if matches(request, headers["ETag"]) else FileResponse(file, headers=headers)


def _unchanged(headers: Mapping[str, str]) -> Response:
    dropped = ("Content-Type", "Content-Encoding")
    return Response(status_code=304, headers={k: v for k, v in headers.items() if k not in dropped})


def _pieces(file: Path) -> Iterator[bytes]:
    with gzip.open(file) as opened:
        while piece := opened.read(_CHUNK):
            yield piece
