"""The examples where tools look for them: /.well-known/sparql-examples."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from inforce.examples import GRAPH
from inforce.service import Service
from inforce.web.description import index, serialised
from inforce.web.errors import Problem
from inforce.web.negotiate import DOCUMENTS, choose
from inforce.web.reply import reply
from inforce.web.site import path

router = APIRouter()
_FORMS = {media: suffix for suffix, media in DOCUMENTS.items() if suffix != "html"}


@router.api_route("/.well-known/sparql-examples", methods=["GET", "HEAD"], include_in_schema=False)
def examples(request: Request) -> Response:
    """The questions and the cookbook in RDF, in the form of the SIB's sparql-examples."""
    service: Service = request.state.service
    if GRAPH not in index(service).documents:
        raise Problem(404, "not-found", "the build that is served holds no examples")
    media = choose(request, list(_FORMS))
    headers = {"Content-Location": f"{path(GRAPH)}.{_FORMS[media]}", "Link": f'<{GRAPH}>; rel="canonical"'}
    return reply(request, serialised(service, GRAPH, media), media, headers)
