# SPDX-License-Identifier: MIT
"""--preload: the application is loaded once, in the zygote, and the workers are forked from it with Python's fork
hooks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

import pytest

from support import processes
from support.kernel import stop
from support.server import BEHAVIOUR, SPAWNED, run_clutch
from support.waiting import wait_until

WORKERS = 3


@pytest.fixture
def server(start):
    return start("preloaded", "--pythonpath", BEHAVIOUR, "--preload", workers=WORKERS)


def zygote_pid(server) -> int:
    return int(server.log.find_all(r"spawned zygote \(pid: (\d+)\)")[-1][1])


def reports_of_all(server) -> dict[int, dict]:
    """Returns the answer of every worker by its pid. A worker that has answered is stopped until all have: the kernel
    may favour one of the idle ones. The next request waits for the stop: a worker that is about to stop can still take
    the one wake-up that there is for a new connection."""
    reports: dict[int, dict] = {}
    try:
        while len(reports) < WORKERS:
            report = server.request("/").json()
            assert report["pid"] not in reports
            reports[report["pid"]] = report
            stop(report["pid"])
    finally:
        for pid in reports:
            os.kill(pid, signal.SIGCONT)
    return reports


def test_loaded_once_and_forked(server):
    assert len(server.out.find_all(r"imported by process \d+")) == 1
    reports = reports_of_all(server)
    assert set(reports) == set(server.worker_pids())
    for report in reports.values():
        assert report["import_pid"] == zygote_pid(server)
        assert report["pid"] != report["import_pid"]
        assert report["parent"] == server.pid, "the workers are the master's children"


def test_fork_hooks_ran(server):
    for report in reports_of_all(server).values():
        assert report["hooks"][-2:] == ["before", "child"]
        assert report["hooks"].count("child") == 1
        assert report["threads"] == 1 and report["is_main"]


def test_random_numbers_differ(server):
    numbers = [report["random"] for report in reports_of_all(server).values()]
    assert len(set(numbers)) == WORKERS


def test_a_killed_worker_is_replaced(server):
    mark = server.log.mark()
    pid = server.kill_worker()
    server.wait_for_log(rf"worker 1 \(pid: {pid}\) was killed by signal 9", after=mark)
    server.wait_for_log(SPAWNED.pattern, after=mark)
    wait_until(lambda: server.request("/").json()["pid"] in server.worker_pids(), "an answer")
    assert len(server.out.find_all(r"imported by process \d+")) == 1


def test_a_killed_zygote_is_replaced_and_makes_new_workers(server):
    mark = server.log.mark()
    old = zygote_pid(server)
    os.kill(old, signal.SIGKILL)
    server.wait_for_log(rf"zygote \(pid: {old}\) was killed by signal 9", after=mark)
    assert server.request("/").json()["import_pid"] == old, "the workers go on"
    server.wait_for_log(r"spawned zygote \(pid: \d+\)", after=mark)
    mark = server.log.mark()
    server.kill_worker()
    server.wait_for_log(SPAWNED.pattern, after=mark)
    reports = reports_of_all(server)
    assert {report["import_pid"] for report in reports.values()} == {old, zygote_pid(server)}


def test_stop_leaves_nothing(server):
    zygote = zygote_pid(server)
    assert server.stop() == 0
    assert not processes.is_running(zygote)


def test_requests_are_served(start):
    server = start("router", "--pythonpath", BEHAVIOUR, "--preload", workers=2)
    with server.connect() as connection:
        for _ in range(20):
            assert connection.request("/blocks/list-of-one").body == b"one"
    assert server.request("/threads/").json()["is_main"]


def test_a_module_that_starts_a_thread_gets_a_warning(start):
    """The thread exists in the zygote alone; the operator has to know."""
    server = start("ticker", "--pythonpath", BEHAVIOUR, "--preload")
    server.wait_for_log(r"\[warning\].*thread")
    assert server.request("/").status == 200


def test_standard_descriptors_closed_on_import(start, tmp_path):
    """What the workers print is not taken for their news to the master."""
    (tmp_path / "closer.py").write_text(CLOSER)
    server = start("closer", "--pythonpath", tmp_path, "--preload", workers=2)
    for _ in range(10):
        assert server.request("/").body == b"fine"
    server.out.wait_for("^printed in a worker$", count=10)
    assert server.stop() == 0
    assert not server.log_contains("the server's own channel")


CLOSER = """
import os

os.close(0)
os.close(1)

def application(environ, start_response):
    print("printed in a worker", flush=True)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]
"""


def test_a_zygote_that_lies(start, tmp_path):
    """Instead of its first worker it names a process of somebody else's. That is never signalled, and the worker is made
    again."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as stranger:
        (tmp_path / "liar.py").write_text(LIAR.replace("STRANGER", str(stranger.pid)))
        server = start("liar", "--pythonpath", tmp_path, "--preload", workers=2)
        lie = rf"\[error\] master: process {stranger.pid} is said to be worker 1, but is no process of this server"
        assert len(server.log.find_all(lie)) == 1
        assert len(server.worker_pids()) == 2 and stranger.pid not in server.worker_pids()
        assert server.request("/").body == b"fine"
        assert server.stop() == 0
        assert stranger.poll() is None
        stranger.stdin.close()
        assert stranger.wait() == 0


# The notice of the first worker's birth, before the zygote can send it: see csrc/process/notice.h.
LIAR = """
import os
import socket
import struct

lies = [struct.pack("=QiiII", 2, 1, STRANGER, 0, 0)]

def lie():
    notice = lies.pop() if lies else b""
    for fd in range(3, 100) if notice else ():
        try:
            with socket.socket(fileno=os.dup(fd)) as copy:
                if copy.type == socket.SOCK_SEQPACKET:
                    copy.send(notice)
        except OSError:
            pass

os.register_at_fork(before=lie)

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]
"""


def test_an_application_that_takes_all_descriptors_is_told_of(tmp_path):
    """There is no room for what belongs to a new worker, and never will be: the start fails, with the reason."""
    (tmp_path / "app.py").write_text(
        "import os, resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "try:\n"
        "    while True:\n"
        "        os.open(os.devnull, os.O_RDONLY)\n"
        "except OSError:\n"
        "    pass\n"
        "def application(environ, start_response): pass\n"
    )
    result = run_clutch("--preload", "-w", "2", "-b", "127.0.0.1:0", "app.py", cwd=tmp_path)
    assert result.returncode == 3
    assert "cannot fork worker 1: no descriptor is free" in result.stderr
    assert "cannot fork worker 2: no descriptor is free" in result.stderr


# Without /proc the master cannot tell that a process is its grandchild.

WITHOUT_PROC = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]

FRAIL = """
import os, signal, sys, time
import clutch

@clutch.on_worker_start
def begin():
    try:
        os.mkdir(FIRST)
    except FileExistsError:
        return
    print("the first begins", file=sys.stderr, flush=True)
    ACTION

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]
"""


@pytest.fixture
def start_frail(start, tmp_path, is_sanitized):
    """start_frail(action, *options, ...): where there is no /proc, with an application whose first worker does that when
    it starts."""
    if is_sanitized:
        pytest.skip("sanitizers look at /proc themselves")
    if not shutil.which("unshare") or subprocess.run([*WITHOUT_PROC, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")

    def start_one(action: str, *options, **keywords):
        text = FRAIL.replace("FIRST", repr(str(tmp_path / "first"))).replace("ACTION", action)
        (tmp_path / "frail.py").write_text(text)
        return start("frail", "--pythonpath", tmp_path, "--preload", *options, prefix=WITHOUT_PROC, workers=2,
                     **keywords)

    return start_one


def test_a_worker_that_dies_early_without_proc(start_frail):
    server = start_frail("os.kill(os.getpid(), signal.SIGKILL)", "--boot-timeout", "10m")
    server.wait_for_log(r"\[error\] master: worker \d \(pid: \d+\) was killed by signal 9 ")
    assert len(server.log.find_all("spawned zygote")) == 1
    assert server.request("/").body == b"fine"


def test_a_worker_that_does_not_get_ready_without_proc(start_frail):
    """It is killed, and not the zygote."""
    server = start_frail("time.sleep(600)", "--boot-timeout", "4s")
    server.wait_for_log(r"\[error\] master: worker \d \(pid: \d+\) has not loaded the application within 4 s")
    assert len(server.log.find_all("spawned zygote")) == 1
    assert server.request("/").body == b"fine"


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGTERM])
def test_the_end_while_a_worker_starts_without_proc(start_frail, number):
    server = start_frail("time.sleep(600)", "--boot-timeout", "10m", ready=False)
    server.wait_for_log("the first begins")
    server.send_signal(number)
    assert server.wait_exit() == 0
