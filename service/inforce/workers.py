"""A pool of processes that answer SPARQL queries and may be killed: for queries that anybody may write.

A query that goes too far takes its process with it, and nothing else; a new one takes its place. Clients take turns,
and no client has more than half of the processes, so that whoever asks much waits for himself.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import select
import signal
import subprocess
import sys
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread, current_thread
from typing import Any, Literal

from inforce.model import BASE, InforceError
from inforce.settings import Settings
from inforce.store import Unavailable
from inforce.turtle import PREFIXES

log = logging.getLogger("inforce.workers")
PAGE = 2_000_000  # bytes of results on a page for people
IDLE = 600.0  # seconds after which a process that nobody needs is ended
LONG = 1.0  # seconds after which a query counts as long: from then on it gets what the others leave
LAST = 19  # the niceness of those
LATE = 5.0  # seconds after its limit at which a process that has not ended itself is killed
READY = 300.0  # seconds that loading a build may take
# How a process dies of a limit: by its alarm, by an allocation that fails, by running out of stack.
_DEATHS = {-signal.SIGALRM: "time", -signal.SIGABRT: "memory", -signal.SIGKILL: "memory", -signal.SIGSEGV: "nesting"}


class Exceeded(InforceError):
    """A query needs more than it may have; `limit` is the limit it reached, `engine` if the engine fails on it."""

    def __init__(self, limit: str) -> None:
        super().__init__(f"the query reaches the limit of {limit}")
        self.limit = limit


class Full(InforceError):
    """Too many queries are here already; `own` tells whether they are those of the same client."""

    def __init__(self, message: str, own: bool = False) -> None:
        super().__init__(message)
        self.own = own


@dataclass(frozen=True, slots=True)
class Task:
    """A query, the dataset that the protocol names, and the form wanted for each kind of answer."""

    query: str
    default: Sequence[str]
    named: Sequence[str]
    media: Mapping[str, str | None]
    coding: str | None

    def line(self) -> bytes:
        """The task as a worker reads it."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Found:
    """What a worker says of a query, and the bytes of its answer."""

    said: Mapping[str, Any]
    body: bytes


@dataclass(eq=False, slots=True)
class _Job:
    client: str
    line: bytes
    opened: Path
    future: Future[Found] = field(default_factory=Future)
    worker: _Worker | None = None


class _Worker:
    """One process, on one build."""

    def __init__(self, setup: Mapping[str, Any], seconds: float, opened: Path) -> None:
        self._late, self.opened = seconds + LATE, opened
        self.demoted = False  # for good: a process may give up its priority, but not take it back
        path = os.pathsep.join(part for part in sys.path if part)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "inforce.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        line = json.dumps({**setup, "opened": str(opened)}).encode() + b"\n"
        if self._told(line, READY, READY) is None:
            code = self.end()
            raise Unavailable(f"a process for queries does not start (exit code {code})")

    def ask(self, line: bytes) -> Found:
        """Answer one query. Raises Exceeded if the process dies of it."""
        found = self._told(line, LONG, self._late)
        if found is None:
            raise Exceeded(_DEATHS.get(self.end(), "engine"))
        return found

    def _told(self, line: bytes, soon: float, late: float) -> Found | None:
        """What the process says to a line; nothing if it dies before it has said it, as it does when it is too late."""
        to, out = self.process.stdin, self.process.stdout
        assert to is not None and out is not None
        try:
            to.write(line)
            to.flush()
            if not self._says(soon):
                self.demoted = True
                os.setpriority(os.PRIO_PROCESS, self.process.pid, LAST)
                if not self._says(late - soon):
                    self.process.kill()
            head = out.readline()
            if not head.endswith(b"\n"):
                return None
            said = json.loads(head)
            body = out.read(said.get("bytes", 0))
            return Found(said, body) if len(body) == said.get("bytes", 0) else None
        except (OSError, ValueError):
            return None

    def _says(self, seconds: float) -> bool:
        """Whether the process says anything, or ends, within so many seconds."""
        waiting = select.poll()
        waiting.register(self.process.stdout, select.POLLIN)  # type: ignore[arg-type]
        return bool(waiting.poll(max(0.0, seconds) * 1000))

    def end(self) -> int:
        """Make sure that the process has ended; its exit code."""
        try:
            code = self.process.wait(0.5)  # it may be about to die by itself, and how it does tells why
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        return code


class Pool:
    """Answers queries on processes of their own. Each process has a thread that hands it one query after the other.

    What they open is the current build, unless a query is asked of another.
    """

    def __init__(self, opened: Path, settings: Settings) -> None:
        self.limits = settings
        self._current = opened
        self._setup = {
            "seconds": settings.query_seconds, "memory": settings.query_memory * 2**20,
            "answer": settings.query_answer * 10**6, "page": PAGE, "base": BASE + "sparql", "prefixes": PREFIXES,
        }  # fmt: skip
        self._share = max(1, settings.query_workers // 2)
        self._changed = Condition()
        self._waiting: OrderedDict[str, deque[_Job]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._inside: Counter[str] = Counter()
        self._threads: set[Thread] = set()
        self._workers: set[_Worker] = set()
        self._spare: list[_Worker] = []  # of these, those that no thread has yet
        self._idle = 0
        self._closed = False

    def check(self, client: str) -> None:
        """Raises Full if there is no place."""
        with self._changed:
            if self._inside[client] >= self.limits.query_client:
                raise Full(f"{self._inside[client]} queries of yours wait or run already", own=True)
            if self._inside.total() >= self.limits.query_queue:
                raise Full(f"{self._inside.total()} queries wait or run already")

    def enter(self, client: str) -> None:
        """Take a place, which must be given back by `leave` when the answer has been sent. Raises Full."""
        with self._changed:
            self.check(client)
            self._inside[client] += 1

    def leave(self, client: str) -> None:
        """Give a place back."""
        with self._changed:
            self._inside[client] -= 1
            self._inside += Counter()  # forget clients that have none

    async def ask(self, client: str, task: Task, opened: Path | None = None) -> Found:
        """Answer a query, of the current build unless another is named, when it is the client's turn.

        To cancel it kills its process.

        Raises Exceeded for a query that goes too far, Full if its turn does not come in time,
        Unavailable if there is no process.
        """
        job = _Job(client, task.line(), opened or self._current)
        self._add(job)
        tired = asyncio.get_running_loop().call_later(self.limits.query_wait, self._give_up, job)
        try:
            return await asyncio.wrap_future(job.future)
        finally:
            tired.cancel()
            self._drop(job)

    def prepare(self, opened: Path) -> None:
        """Start as many processes on another build as there are now, for the moment at which it becomes current.

        Raises Unavailable if they do not start.
        """
        with self._changed:
            there = len(self._workers) - len(self._spare)
        for _ in range(there):
            worker = self._start(opened)
            with self._changed:
                self._spare.append(worker)

    def turn(self, opened: Path) -> None:
        """Make another build the current one. Queries that run go on to their end, on what they were asked of."""
        with self._changed:
            self._current = opened
            unused = [worker for worker in self._spare if worker.opened != opened]
            self._spare = [worker for worker in self._spare if worker.opened == opened]
            self._changed.notify_all()
        for worker in unused:
            self._end(worker)

    def pids(self) -> list[int]:
        """The processes there are now."""
        with self._changed:
            return sorted(worker.process.pid for worker in self._workers)

    def close(self) -> None:
        """End all processes, whatever they do."""
        with self._changed:
            self._closed = True
            waiting = [job for jobs in self._waiting.values() for job in jobs]
            self._waiting.clear()
            for worker in self._workers:
                worker.process.kill()
            threads, spare = list(self._threads), self._spare
            self._spare = []
            self._changed.notify_all()
        for worker in spare:
            self._end(worker)
        for job in waiting:
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(Unavailable("the service is being stopped"))
        for thread in threads:
            thread.join(10)
        atexit.unregister(self.close)

    # The queue

    def _add(self, job: _Job) -> None:
        with self._changed:
            if self._closed:
                raise Unavailable("the service is being stopped")
            self._waiting.setdefault(job.client, deque()).append(job)
            if self._idle == 0 and len(self._threads) < self.limits.query_workers:
                if not self._threads:
                    atexit.register(self.close)
                thread = Thread(target=self._mind, name="inforce-queries", daemon=True)
                self._threads.add(thread)
                thread.start()
            self._changed.notify_all()

    def _withdraw(self, job: _Job) -> bool:
        """Take a job out of the queue, if it still waits."""
        jobs = self._waiting.get(job.client)
        if jobs is None or job not in jobs:
            return False
        jobs.remove(job)
        if not jobs:
            del self._waiting[job.client]
        return True

    def _give_up(self, job: _Job) -> None:
        with self._changed:
            withdrawn = self._withdraw(job)
        if withdrawn and job.future.set_running_or_notify_cancel():
            job.future.set_exception(Full("the turn of this query did not come in time"))

    def _drop(self, job: _Job) -> None:
        """Nobody waits for this job any more."""
        with self._changed:
            self._withdraw(job)
            job.future.cancel()  # nothing if it is done
            if job.worker is not None:
                job.worker.process.kill()

    def _next(self, worker: _Worker | None) -> _Job | Literal["turn"] | None:
        """The next job: of the client whose last turn is longest ago and who has less than his share; nothing: end.

        While there is no job, a process on a build that is not current any more is to be replaced: turn.
        """
        while not self._closed:
            for client, jobs in self._waiting.items():
                if self._running[client] < self._share:
                    job = jobs.popleft()
                    if jobs:
                        self._waiting.move_to_end(client)
                    else:
                        del self._waiting[client]
                    self._running[client] += 1
                    return job
            if worker is not None and worker.opened != self._current:
                return "turn"
            self._idle += 1
            woken = self._changed.wait(IDLE)
            self._idle -= 1
            if not woken and not self._waiting:
                break
        self._threads.discard(current_thread())
        return None

    # What each thread does

    def _mind(self) -> None:
        """Hand one job after the other to a process, and replace the process where it dies or has grown fat."""
        worker: _Worker | None = None
        while True:
            with self._changed:
                job = self._next(worker)
            if job is None:
                break
            worker = self._replaced(worker) if job == "turn" else self._run(job, worker)
        if worker is not None:
            self._end(worker)

    def _run(self, job: _Job, worker: _Worker | None) -> _Worker | None:
        """Run a job; the worker for the next one."""
        found, error = None, None
        try:
            # Somebody else has killed it, or it has opened another build.
            if worker is not None and (worker.process.poll() is not None or worker.opened != job.opened):
                self._end(worker)
                worker = None
            worker = worker or self._fresh(job.opened)
            with self._changed:
                job.worker = worker if not job.future.cancelled() else None
            if job.worker is not None:
                found = worker.ask(job.line)
        except (Exceeded, Unavailable) as failure:
            error = Unavailable("the service is being stopped") if self._closed else failure
        with self._changed:
            job.worker = None
        if job.future.set_running_or_notify_cancel():
            if found is not None:
                job.future.set_result(found)
            else:
                job.future.set_exception(error or Unavailable("the query was given up"))
        worn = worker is None or worker.demoted or worker.process.poll() is not None or (found and found.said["stale"])
        if worn or (worker is not None and worker.opened != self._current):
            worker = self._replaced(worker)
        # Only now: who makes processes die has none to use until there is a fresh one.
        with self._changed:
            self._running[job.client] -= 1
            self._running += Counter()
            self._changed.notify_all()
        return worker

    def _replaced(self, worker: _Worker | None) -> _Worker | None:
        """A fresh process instead of one, ready before it is needed; nothing if none can be had just now."""
        if worker is not None:
            self._end(worker)
        try:
            return None if self._closed else self._fresh(self._current)
        except Unavailable:
            log.exception("no process for queries")
            return None

    def _fresh(self, opened: Path) -> _Worker:
        """A process on a build that nobody has used yet: one that stands ready, else a new one."""
        with self._changed:
            for worker in self._spare:
                if worker.opened == opened:
                    self._spare.remove(worker)
                    return worker
        return self._start(opened)

    def _start(self, opened: Path) -> _Worker:
        try:
            worker = _Worker(self._setup, self.limits.query_seconds, opened)
        except OSError as error:
            raise Unavailable(f"a process for queries does not start: {error.strerror}") from error
        with self._changed:
            self._workers.add(worker)
            closed = self._closed
        if closed:
            self._end(worker)
            raise Unavailable("the service is being stopped")
        return worker

    def _end(self, worker: _Worker) -> None:
        with self._changed:
            self._workers.discard(worker)
        worker.process.kill()
        worker.end()
