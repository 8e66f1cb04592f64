# SPDX-License-Identifier: MIT
"""The user of the server may have no more processes (ulimit -u): what is there serves, and what is missing comes when
there is room again. Root has no such limit, so the whole server is somebody else here."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import time

import pytest

from support import processes
from support.client import make_request
from support.server import SPAWNED, find_binary
from support.users import copy_library, public_folder
from support.waiting import wait_until

SOMEBODY = 60000 + os.getpid() % 4000  # with no processes but those of this test, also beside another run of it
AS_SOMEBODY = ["setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups"]
WORKERS = 2
APPLICATION = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]
"""


@pytest.fixture(scope="module")
def folder():
    """The application, and what that user needs to run the server."""
    with public_folder() as made:
        (made / "app.py").write_text(APPLICATION)
        shutil.copy(find_binary(), made / "clutch")
        copy_library(made)
        yield made


@pytest.fixture
def limited(start, folder, monkeypatch):
    """Starts a server as a user whose processes are counted."""
    environment = {"PYTHONHOME": str(folder / "home")}
    prefix = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("util-linux's setpriv is needed to be somebody else")
        monkeypatch.setenv("CLUTCH_BINARY", str(folder / "clutch"))
        prefix = AS_SOMEBODY
    return lambda *options: start(
        folder / "app.py", *options, workers=WORKERS, prefix=prefix, environment=environment
    )


@contextlib.contextmanager
def processes_limited(pid: int, count: int = 1):
    """While it lasts this process can make no other, nor a thread, when its user has so many."""
    limit_processes(pid, count)
    yield
    limit_processes(pid, resource.getrlimit(resource.RLIMIT_NPROC)[0])


def limit_processes(pid: int, count: int) -> None:
    as_somebody = AS_SOMEBODY if os.geteuid() == 0 else []
    subprocess.run([*as_somebody, "prlimit", "--pid", str(pid), f"--nproc={count}:"], check=True)


def spawned(server, number: int, mark: int) -> None:
    server.wait_for_log(SPAWNED.pattern.replace(r"(?P<number>\d+)", str(number)), after=mark)
    wait_until(lambda: len(server.worker_pids()) == WORKERS, "all workers")
    for _ in range(10):
        assert server.request("/").body == b"fine"


def test_the_master_may_have_no_more_processes(limited):
    """It says so each time, waits for longer each time, and begins again by itself."""
    server = limited()
    mark = server.log.mark()
    began_s = time.monotonic()
    with processes_limited(server.pid):
        server.kill_worker()
        server.wait_for_log(
            r"\[error\] master: cannot start a worker: Resource temporarily unavailable", after=mark, count=3
        )
        assert time.monotonic() - began_s > 1.4, "pauses of 0.5 and 1 s"
        assert server.request("/").body == b"fine", "the other worker serves"
    spawned(server, 1, mark)
    assert server.stop() == 0


def test_the_zygote_may_have_no_more_processes(limited):
    server = limited("--preload")
    mark = server.log.mark()
    zygote = int(server.log.find_all(r"spawned zygote \(pid: (\d+)\)")[-1][1])
    with processes_limited(zygote):
        server.kill_worker()
        server.wait_for_log(
            r"\[error\] zygote: cannot fork worker 1: Resource temporarily unavailable", after=mark, count=2
        )
        assert server.request("/").body == b"fine"
    spawned(server, 1, mark)
    assert server.stop() == 0


def test_all_workers_are_gone_and_none_can_be_made(limited):
    """Clients wait for the next one."""
    server = limited()
    mark = server.log.mark()
    with contextlib.ExitStack() as stack:
        with processes_limited(server.pid):
            for index in reversed(range(WORKERS)):
                pid = server.kill_worker(index)
                processes.wait_gone([pid], "the worker")
            server.wait_for_log(
                r"\[error\] master: cannot start a worker: Resource temporarily unavailable", after=mark, count=4
            )
            waiting = stack.enter_context(server.connect())  # before, one of the two could have accepted it
            waiting.send(make_request("/"))
            assert waiting.is_silent(0.1)
        assert waiting.read_response().body == b"fine"
    spawned(server, 1, mark)
    assert server.stop() == 0


def test_a_worker_may_have_no_threads(limited):
    """There is room for its process and for no more: it says what it could not make, and another is tried later."""
    server = limited("--threads", "3")
    mark = server.log.mark()
    stay = [server.pid, server.worker_pids()[1]]
    tasks = sum(len(os.listdir(f"/proc/{pid}/task")) for pid in stay)
    with processes_limited(server.pid, tasks + 1):
        server.kill_worker()
        server.wait_for_log(
            r"\[error\] worker 1: cannot start the thread that watches over the connections:", after=mark
        )
        server.wait_for_log(r"\[error\] master: worker 1 .* exited with status 1", after=mark)
        assert server.request("/").body == b"fine"
        mark = server.log.mark()
    server.wait_for_log("worker 1: application .* ready", after=mark)
    spawned(server, 1, mark)
    assert server.stop() == 0
