"""A Virtuoso of Debian's packages on loopback, in a folder of its own, for as long as it is needed."""

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from live import free_port

SERVER, CLIENT = "virtuoso-t", "isql-vt"
USER, PASSWORD = "loader", "only-on-loopback"
# docs/engines.md tells what of this matters to those who run one.
INI = """\
[Database]
DatabaseFile = virtuoso.db
TransactionFile = virtuoso.trx
ErrorLogFile = virtuoso.log
LockFile = virtuoso.lck
xa_persistent_file = virtuoso.pxa
FileExtend = 200
Striping = 0

[TempDatabase]
DatabaseFile = temporary.db
TransactionFile = temporary.trx
MaxCheckpointRemap = 2000
Striping = 0

[Parameters]
ServerPort = 127.0.0.1:{sql}
ServerThreads = 20
NumberOfBuffers = {buffers}
MaxDirtyBuffers = {dirty}
MaxCheckpointRemap = 2000
CheckpointInterval = 0
DirsAllowed = {folder}
MaxOptimizeLayouts = 50

[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerThreads = 10
KeepAliveTimeout = 15
MaxKeepAlives = 10

[SPARQL]
ResultSetMaxRows = 1000000
MaxQueryExecutionTime = 300
"""


@dataclass(frozen=True)
class Virtuoso:
    """A server that runs: its address, its port for SQL, and where it lies."""

    http: str
    sql: int
    folder: Path

    @property
    def endpoint(self) -> str:
        """Where anybody may ask."""
        return f"{self.http}/sparql"

    @property
    def graph_store(self) -> str:
        """Where the user may write; it asks for a digest."""
        return f"{self.http}/sparql-graph-crud-auth"

    def isql(self, *statements: str) -> str:
        """What statements of SQL print. They run as the administrator."""
        command = [CLIENT, f"127.0.0.1:{self.sql}", "dba", "dba", "VERBOSE=OFF", "BANNER=OFF", "PROMPT=OFF"]
        text = "\n".join(f"{statement};" for statement in statements)
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0 and "Error" not in done.stderr + done.stdout, done.stdout + done.stderr
        return done.stdout


def needed() -> None:
    """Skips the test where there is no Virtuoso; on CI it must be there."""
    if shutil.which(SERVER) is None or shutil.which(CLIENT) is None:
        reason = "Virtuoso is not here: apt-get install virtuoso-opensource-7-bin"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@contextmanager
def running(folder: Path, buffers: int = 20_000) -> Iterator[Virtuoso]:
    """Starts a server on ports that are free, with so many pages of 8 kB in memory, and stops it."""
    here = Virtuoso(f"http://127.0.0.1:{free_port()}", free_port(), folder)
    port, dirty = here.http.rpartition(":")[2], buffers * 3 // 4
    ini = INI.format(sql=here.sql, http=port, folder=folder, buffers=buffers, dirty=dirty)
    (folder / "virtuoso.ini").write_text(ini)
    command = [SERVER, "+configfile", "virtuoso.ini", "+foreground"]
    with (folder / "console.txt").open("wb") as console:
        server = subprocess.Popen(command, cwd=folder, stdout=console, stderr=subprocess.STDOUT)
    try:
        _wait(here, server)
        here.isql(
            f"DB.DBA.USER_CREATE ('{USER}', '{PASSWORD}')",
            f'GRANT SPARQL_UPDATE TO "{USER}"',
            f"DB.DBA.RDF_DEFAULT_USER_PERMS_SET ('{USER}', 7)",
        )
        yield here
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(here: Virtuoso, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300  # ten seconds of processor, on a machine that may be busy
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{here.endpoint}?query=ASK%7B%7D", timeout=5):
                return
        except (OSError, urllib.error.URLError):
            assert server.poll() is None, (here.folder / "console.txt").read_text(errors="replace")[-2000:]
            time.sleep(0.05)
    raise AssertionError((here.folder / "virtuoso.log").read_text(errors="replace")[-2000:])
