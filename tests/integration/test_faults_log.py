# SPDX-License-Identifier: MIT
"""The reader of a log stands still, or goes away: the server goes on, and tells afterwards what was lost."""

from __future__ import annotations

import contextlib
import os
import re
import signal

import pytest

from support import processes
from support.faults import Reader
from support.server import BEHAVIOUR, SPAWNED
from support.waiting import wait_until

LINES = "/printer/lines?count=500&size=500"  # four of them are more than a pipe holds


@pytest.fixture
def held(tmp_path):
    """Makes readers that go on at the end of the test."""
    readers: list[Reader] = []

    def make(redirection: str, kind: str = "pipe") -> Reader:
        readers.append(Reader(tmp_path, redirection, kind))
        return readers[-1]

    yield make
    for reader in readers:
        with contextlib.suppress(ProcessLookupError):
            reader.go_on()


def start_router(start, *options, **keywords):
    return start("router", "--pythonpath", BEHAVIOUR, *options, **{"workers": 2, **keywords})


def fill(server, count: int = 400) -> None:
    """Writes more to standard error, through both workers, than its pipe holds."""
    for _ in range(count):
        assert server.request("/raises/first-next").status == 500


def workers(server) -> list[int]:
    return [pid for pid in processes.children(server.pid) if name_of(pid).startswith("clutch: w")]


def name_of(pid: int) -> str:
    """Nothing when the process has ended."""
    try:
        return (processes.PROC / str(pid) / "comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def replace_worker(server) -> int:
    """Kills a worker; returns the successor, found without the log."""
    before = workers(server)
    os.kill(before[0], signal.SIGKILL)
    after = wait_until(lambda: set(workers(server)) - set(before), "the successor of the worker")
    return after.pop()


@pytest.mark.parametrize("kind", ["pipe", "socket", "terminal"])
def test_the_error_log_stands_still(start, held, kind):
    """Requests are served and workers replaced, although both would like to say something."""
    reader = held("2", kind)
    server = start_router(start, prefix=reader.prefix)
    reader.hold()
    fill(server)
    pid = replace_worker(server)
    assert server.request("/blocks/list-of-one").body == b"one"
    assert processes.is_running(pid)
    reader.go_on()

    def are_many_told() -> bool:
        told = server.log.find_all(r"(\d+) lines? (?:was|were) lost: the reader of standard error stood still")
        return sum(int(match[1]) for match in told) > 100

    wait_until(lambda: server.request("/raises/first-next").status == 500 and are_many_told(), "news")


def test_the_error_log_stands_still_while_the_server_ends(start, held):
    reader = held("2")
    server = start_router(start, prefix=reader.prefix)
    reader.hold()
    fill(server)
    server.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0
    reader.go_on()
    assert server.wait_exit() == 0


def test_nobody_reads_the_error_log_any_more(start, held):
    reader = held("2")
    server = start_router(start, prefix=reader.prefix)
    reader.end()
    wait_until(lambda: not processes.is_running(reader.pid), "the reader's end")
    fill(server)
    replace_worker(server)
    assert server.request("/blocks/list-of-one").body == b"one"


def test_standard_output_stands_still(start, held):
    """What the application prints, and the access log there."""
    reader = held("1")
    server = start_router(start, "--access-logfile", "-", prefix=reader.prefix)
    reader.hold()
    for _ in range(8):
        assert server.request(LINES).body == b"printed"
    reader.go_on()
    wait_until(
        lambda: server.request(LINES).status == 200 and server.log_contains(r"lost: the reader of standard output"),
        "the news in the error log",
    )
    wait_until(
        lambda: server.request("/blocks/list-of-one").status == 200 and server.out.find('"GET /blocks'), "the access log"
    )


def test_the_access_log_is_a_pipe_whose_readers_come_and_go(start, tmp_path):
    path = tmp_path / "access"
    os.mkfifo(path)
    first = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    server = start_router(start, "--access-logfile", path, workers=1)
    server.request("/blocks/list-of-one")
    wait_until(lambda: b"list-of-one" in read_now(first), "a line")
    os.close(first)
    for _ in range(3):
        assert server.request("/blocks/list-of-one").body == b"one"
    second = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    server.request("/blocks/list-of-one")
    wait_until(lambda: b"list-of-one" in read_now(second), "a line for the next reader")
    assert not server.log_contains("lost")
    os.close(second)


def read_now(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except BlockingIOError:
        return b""


def read_all_now(fd: int) -> bytes:
    text = b""
    while data := read_now(fd):
        text += data
    return text


def test_the_access_log_stands_still(start, tmp_path):
    """No line is cut in two, and those that are there have all of their fields."""
    path = tmp_path / "access"
    os.mkfifo(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    server = start_router(start, "--access-logfile", path, workers=1)
    with server.connect() as connection:
        for _ in range(1000):
            assert connection.request("/blocks/list-of-one?" + "x" * 200).body == b"one"
    text = read_all_now(fd)
    assert 100 < text.count(b"\n") < 1000
    assert all(re.fullmatch(rb'127\.0\.0\.1 .* 200 \d+ "-" "-"', line) for line in text.splitlines())
    server.request("/blocks/list-of-one?last")
    lost = int(server.wait_for_log(r"(\d+) lines were lost: the reader of the access log stood still")[1])

    def is_all_there():
        nonlocal text
        text += read_all_now(fd)  # a line is written when its answer has been sent already
        return b"?last " in text

    wait_until(is_all_there, "the line of the last request")
    assert lost + text.count(b"\n") == 1001
    os.close(fd)


def test_a_worker_killed_while_the_log_stands_still(start, held):
    """It may have had the lock under which lines are written."""
    reader = held("2")
    server = start_router(start, prefix=reader.prefix)
    reader.hold()
    for count in (400, 50, 50):  # what is full stays so
        fill(server, count)
        replace_worker(server)
    reader.go_on()
    mark = server.log.mark()
    wait_until(lambda: server.request("/raises/first-next").status == 500 and server.log.mark() > mark, "lines again")
    assert server.log.find(SPAWNED.pattern)
