"""Several processes that answer on one port, and one that looks after them."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

HUNG = 60  # seconds without a sign of life after which a process is replaced; one that starts has much to read first


class Processes(Multiprocess):
    """Hands SIGHUP on: each process looks for another build itself, and none has to end for it."""

    def handle_hup(self) -> None:
        """A signal to look; from a terminal that is being closed, to end."""
        if sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty():
            self.handle_term()
            return
        for process in self.processes:
            if process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGHUP)


def run(factory: str, workers: int, **server: Any) -> None:
    """Serve what a factory makes by so many processes, until SIGINT or SIGTERM."""
    config = uvicorn.Config(factory, factory=True, workers=workers, timeout_worker_healthcheck=HUNG, **server)
    Processes(config, sockets=[config.bind_socket()]).run()
