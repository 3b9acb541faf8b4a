"""An application behind a real server on this machine, for as long as it is needed, and clients on Node to ask it."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serves an application in a thread, on a port that is free; gives its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


def free_port() -> int:
    """A port of this machine that nobody uses just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


NODE = Path(__file__).parent / "node"


def on_node(script: str, *arguments: str, given: str | None = None) -> str:
    """What a script of tests/node/ prints; on CI, Node and the packages of tests/node/package.json must be there."""
    if shutil.which("node") is None or not (NODE / "node_modules").is_dir():
        reason = "Node or its packages are not here: npm install --no-package-lock in tests/node"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    command = ["node", str(NODE / script), *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, cwd=NODE)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
