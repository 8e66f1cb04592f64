# SPDX-License-Identifier: MIT
"""The other servers that are installed (see setup/peers), each with the wrapper: they start, tell who ran what, and
end."""

import concurrent.futures
import os
import pathlib
import select
import sys
import urllib.request

import pytest
from comparison_support import TREE

from compare import peers, subjects
from compare.server import Server, StartError, free_port

APP = """
import threading
together = threading.Barrier({places})

def application(environ, start_response):
    if {places} > 1:
        together.wait(20)  # passed when so many requests are inside at once
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"in", b"side"]
"""
LIMIT_S = 60


def find_venv(name):
    """Returns the virtual environment that has a server, skips the test when there is none."""
    for venv in (TREE / "build" / "venv-peers", pathlib.Path(sys.prefix)):
        if peers.find(name, venv):
            return venv
    pytest.skip(peers.missing(name))


def ask(port):
    """Returns (body, stamps) of one request."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=LIMIT_S) as answer:
        return answer.read(), peers.stamps(answer.headers)


def start(name, directory, workers, threads, text=APP):
    """Returns the server, not yet started, with an application that holds as many requests as one process has
    threads."""
    app = directory / "shop.py"
    app.write_text(text.format(places=threads))
    port = free_port()
    command = peers.plain_command(name, find_venv(name), port, workers, threads)
    return Server(
        command,
        port,
        directory / "log",
        ready=subjects.answers_probe,
        environment=peers.environment(str(app)),
        limit_s=LIMIT_S,
    )


@pytest.mark.parametrize("name", peers.NAMES)
def test_workers(name, tmp_path):
    with start(name, tmp_path, 1 if name in peers.ONE_PROCESS else 2, 1) as server:
        body, stamp = ask(server.port)
        assert body == b"inside"
        assert stamp["pid"] in server.pids()
        assert 0 <= stamp["end_us"] - stamp["begin_us"] < LIMIT_S * 1_000_000
        processes = [os.pidfd_open(pid) for pid in server.pids()]
    for process in processes:
        assert select.select([process], [], [], LIMIT_S)[0], "all its processes end"
        os.close(process)


@pytest.mark.parametrize("name", peers.NAMES)
def test_an_application_that_cannot_be_loaded(name, tmp_path):
    """The server ends, instead of being waited for, and the application's traceback is told."""
    with (
        pytest.raises(StartError) as caught,
        start(name, tmp_path, 1, 1, 'raise ConnectionError("no database")\n'),
    ):
        pass
    assert "exit status" in str(caught.value)
    _, line, head, frame, *_ = str(caught.value).splitlines()
    assert line == "ConnectionError: no database" and head.startswith("Traceback")
    assert frame == f'  File "{tmp_path}/shop.py", line 1, in <module>'


@pytest.mark.parametrize("name", [name for name in peers.NAMES if name not in peers.ONE_THREAD])
def test_threads(name, tmp_path):
    """Three threads hold three requests at once: they meet in the application."""
    with start(name, tmp_path, 1, 3) as server:
        with concurrent.futures.ThreadPoolExecutor(3) as callers:
            answers = list(callers.map(ask, [server.port] * 3))
    assert {body for body, _ in answers} == {b"inside"}
    stamped = [stamp for _, stamp in answers]
    assert set(peers.lanes(stamped).values()) == {(1, 0), (1, 1), (1, 2)}
    assert max(stamp["begin_us"] for stamp in stamped) <= min(stamp["end_us"] for stamp in stamped)
