"""Another build becomes current while this one is served: it is noticed, opened beside it, and takes its place.

A request is answered from the build that was current when it came, to its end; so none fails, and none is mixed.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from inforce.model import InforceError
from inforce.service import Service, Versions
from inforce.store import Embedded
from inforce.web.api import Shelf
from inforce.web.metrics import Metrics
from inforce.web.site import site
from inforce.workers import Pool

log = logging.getLogger("inforce.builds")
LOOK = 1.0  # seconds between two looks at which build is current
DONE = 30.0  # seconds after which the requests that began on the build before have ended
CLOSED = 600.0  # seconds after which an earlier version that nobody asks for is closed


class Succession:
    """Follows the link to the current build. `refused` tells which one could not be opened, and why."""

    def __init__(self, link: Path, versions: Versions, pool: Pool, shelf: Shelf, metrics: Metrics) -> None:
        self._link, self._versions, self._pool = link, versions, pool
        self._shelf, self._metrics = shelf, metrics
        self._seen: tuple[str, int] | None = None
        self.refused: dict[str, str] | None = None

    async def follow(self) -> None:
        """Look again and again until cancelled, and at once on SIGHUP."""
        called = asyncio.Event()
        _on_hangup(called.set)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await called.wait()
            # A thread of its own: all those of the requests may be busy.
            await asyncio.to_thread(self.look, called.is_set())
            called.clear()

    def look(self, again: bool = False) -> None:
        """Open the build that is current, if it is another one, and let it take over.

        One that could not be opened is tried again only when the link was made anew, or `again` is said.
        """
        self._versions.rest(DONE, CLOSED)
        try:
            seen = str(self._link.readlink()), self._link.lstat().st_mtime_ns
        except OSError:  # nothing is current just now
            return
        if seen == self._seen and not again:
            return
        self._seen = seen
        folder = self._link.parent / seen[0]
        if folder.name == self._versions.current.version:
            self.refused = None
            return
        log.info("another build is current", extra={"build": folder.name})
        try:
            self._take(self._versions.opened(folder))
        except Exception as error:  # whatever is wrong with it, this one goes on
            reason = str(error) if isinstance(error, InforceError) else f"{type(error).__name__}: {error}"
            self.refused = {"build": folder.name, "reason": reason}
            log.exception("the build that is current cannot be served", extra={"build": folder.name})

    def _take(self, service: Service) -> None:
        """Make ready for a build all that a first request would wait for; then it is the one that is served."""
        before = self._versions.current
        assert isinstance(service.store, Embedded) and isinstance(before.store, Embedded)
        site(service)
        try:
            self._pool.prepare(service.store.opened)
        except BaseException:
            self._pool.turn(before.store.opened)
            raise
        self._versions.succeed(service)
        self._pool.turn(service.store.opened)
        self._shelf.drop(before.version)
        self._metrics.serve(service.version)
        self.refused = None
        log.info("a build is served", extra={"build": service.version, "before": before.version})


def _on_hangup(call: Callable[[], None]) -> None:
    """Call on SIGHUP, but where a terminal would send it that is being closed."""
    if sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty():
        return
    # Not in a thread other than the main one, and not on every system.
    with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, call)
