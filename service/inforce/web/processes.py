"""Several processes that answer on one port, and one that looks after them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

HUNG = 60  # seconds without a sign of life after which a process is replaced; one that starts has much to read first
_ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h


def sparing() -> None:
    """Let the threads of this process share two arenas of glibc's malloc, unless the environment says how many.

    It would make up to eight for each core, and what a thread once needed stays with its arena. Python lets one thread
    run at a time anyway. Other C libraries have no such thing.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        with suppress(AttributeError, OSError, TypeError):
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


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
