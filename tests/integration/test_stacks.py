# SPDX-License-Identifier: MIT
"""The Python stacks of a worker's threads, asked for by a signal: also while its Python is stuck."""

from __future__ import annotations

import signal
import time

import pytest

from support.client import make_request
from support.server import BEHAVIOUR
from support.waiting import LIMIT_S

STACKS_SIGNAL = signal.SIGRTMIN + 7
HEADING = "the stacks of this worker's Python threads:"
OWN = r"^    +File .*stuck\.py\", line \d+ in "


@pytest.fixture
def start_stuck(start):
    def start_one(*options, **keywords):
        server = start("stuck", "--pythonpath", BEHAVIOUR, "--graceful-timeout", "100ms", *options, **keywords)
        server.descriptors_at_start = {}  # a stuck request keeps its connection
        return server

    return start_one


def begin(server, way: str) -> None:
    """A request that stays where it is."""
    server.connect().send(make_request(f"/{way}"))
    server.out.wait_for(f"^{way}: entered")


def ask(server, *ways: str) -> int:
    """Asks until these are where they stay; returns where the last dump begins in the log."""
    end_s = time.monotonic() + LIMIT_S
    while time.monotonic() < end_s:
        mark = server.log.mark()
        server.kill_worker(number=STACKS_SIGNAL)
        server.log.wait_for(f"worker 1: {HEADING}", after=mark)
        server.log.wait_for("^    ", after=mark)
        if all(server.log.find(OWN + way, mark) for way in ways):
            return mark
    raise AssertionError(f"no stack shows {ways}")


@pytest.mark.parametrize("options", [(), ("--preload",), ("--threads", "3")], ids=["plain", "preload", "threads"])
@pytest.mark.parametrize("way", ["sleep", "spin", "wait", "match", "digest", "add"])
def test_of_a_stuck_request(start_stuck, way, options):
    server = start_stuck(*options)
    begin(server, way)
    ask(server, way)


def test_of_all_threads(start_stuck):
    server = start_stuck("--threads", "2")
    begin(server, "sleep")
    begin(server, "wait")
    ask(server, "sleep", "wait")


def test_of_an_idle_worker_and_again(start_stuck):
    server = start_stuck()
    for _ in range(3):
        server.log.wait_for("no Python frame", after=ask(server))
        assert server.request("/").body == b"done\n"


def test_no_line_passes_for_one_of_the_server(start_stuck):
    server = start_stuck()
    begin(server, "sleep")
    mark = ask(server, "sleep")
    lines = server.log.lines[mark:]
    heading = next(number for number, line in enumerate(lines) if HEADING in line)
    assert all(line.startswith("    ") for line in lines[heading + 1 :])


def test_a_crash_shows_the_stack(start_stuck):
    """Of the application's own C code; the worker is replaced."""
    server = start_stuck(environment={"ASAN_OPTIONS": "handle_segv=0:use_sigaltstack=0"})
    begin(server, "crash")
    server.log.wait_for("Fatal Python error: Segmentation fault")
    server.log.wait_for(r'File ".*stuck\.py", line \d+ in crash')
    server.log.wait_for(r'worker 1 \(pid: \d+\) was killed by signal 11 \(SIGSEGV\).* while running "GET /crash"')
    server.log.wait_for("spawned worker 1", count=2)
    server.wait_for_log("application stuck ready", count=2)
