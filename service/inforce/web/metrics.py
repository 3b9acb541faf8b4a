"""Counts and times of requests, in the form that Prometheus reads."""

from __future__ import annotations

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from inforce import __version__

MEDIA = CONTENT_TYPE_LATEST
SHARED = "PROMETHEUS_MULTIPROC_DIR"  # a folder in which several processes put their counts together

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """What one application counts."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "inforce_http_requests", "Requests answered", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "inforce_http_request_seconds",
            "Time until the whole answer was sent",
            ["route"],
            buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            registry=self._registry,
        )
        self._queries = Counter(
            "inforce_sparql_queries",
            "SPARQL queries by how they ended: answered, gone (the client hung up), a limit, or the name of a problem",
            ["outcome"],
            registry=self._registry,
        )
        self._build = Gauge(
            "inforce_build",
            "The build that is served",
            ["version", "software"],
            registry=self._registry,
            multiprocess_mode="max",
        )
        self._version = version
        self.serve(version)

    def serve(self, version: str) -> None:
        """Another build is the one that is served."""
        if SHARED in os.environ:  # what several processes count together stays there
            self._build.labels(self._version, __version__).set(0)
        else:
            self._build.clear()
        self._build.labels(version, __version__).set(1)
        self._version = version

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request by the path of its route, not by its own: so there are only so many."""
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def query(self, outcome: str) -> None:
        """Count a SPARQL query by how it ended."""
        self._queries.labels(outcome).inc()

    def text(self) -> bytes:
        """All counts; with several processes, those of all of them."""
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
