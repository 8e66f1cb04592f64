# SPDX-License-Identifier: MIT
"""Idle servers and idle connections cost next to nothing, and make room when room is needed."""

from __future__ import annotations

import os
import pathlib
import resource
import signal
import time

import pytest

from support import processes
from support.client import Connection, make_request
from support.kernel import is_calm, wait_calm, wake_ups
from support.monitor import ANY_PORT, Monitor
from support.server import BEHAVIOUR, PATIENT, find_binary
from support.waiting import wait_until

CALM_S = 1.0


@pytest.fixture
def own_threads_only():
    """ThreadSanitizer has a thread of its own in every process, which wakes up now and then."""
    if b"__tsan_init" in pathlib.Path(find_binary()).read_bytes():
        pytest.skip("ThreadSanitizer's thread wakes up")


@pytest.mark.parametrize("threads", [1, 4])
def test_nothing_wakes_an_idle_server(start_crew, own_threads_only, threads):
    """After work of every kind, with connections open and deadlines ahead."""
    crew = start_crew("--threads", threads, *ANY_PORT, *PATIENT)
    monitor = Monitor(crew.server)
    assert (monitor.status("/metrics"), monitor.status("/livez")) == (200, 200)
    connections = crew.connect_known(20)
    held = crew.hold_all(2 * threads)
    for number, connection in enumerate(connections):
        crew.send(connection, f"waits-{number}")
    for one in held:
        assert one.finish().status == 200
    for number, connection in enumerate(connections):
        crew.check_answer(connection, f"waits-{number}")
    pids = [crew.server.pid, monitor.pid, *crew.server.worker_pids()]
    wait_calm(pids)
    before = [wake_ups(pid) for pid in pids]
    assert is_calm(pids, CALM_S), [wake_ups(pid) for pid in pids] + before


def test_what_wakes_a_worker_is_seen(start):
    """That the test above can fail: a thread of the application that wakes up by itself."""
    server = start("ticker", "--pythonpath", BEHAVIOUR)
    wait_until(lambda: not is_calm(server.worker_pids(), 0.2), "the thread to wake up")


def test_nothing_wakes_a_worker_whose_application_waits(start_crew, own_threads_only):
    """The sentry stands in for the application; then it sleeps until something comes."""
    crew = start_crew(workers=1)
    held = crew.hold()
    pids = crew.server.worker_pids()
    wait_calm(pids)
    assert is_calm(pids, CALM_S)
    assert held.finish().status == 200


@pytest.mark.parametrize("threads", [1, 2])
def test_nothing_wakes_workers_while_requests_wait(start_crew, own_threads_only, threads):
    """All app threads are held, the queue is not empty, and nobody looks at it again and again."""
    crew = start_crew("--threads", threads, *PATIENT)
    connections = [crew.server.connect() for _ in range(20)]
    held = crew.hold_all(2 * threads)
    for number, connection in enumerate(connections):
        crew.send(connection, f"waits-{number}")
    pids = crew.server.worker_pids()
    wait_calm(pids)
    assert is_calm(pids, CALM_S)
    for one in held:
        assert one.finish().status == 200
    for number, connection in enumerate(connections):
        crew.check_answer(connection, f"waits-{number}")


def test_a_worker_that_leaves_does_not_spin(start_crew):
    """It finishes its request, while others wait in the queue that it may not serve any more."""
    crew = start_crew(*PATIENT)
    connections = [crew.server.connect() for _ in range(5)]
    held = crew.hold_all(2)
    for number, connection in enumerate(connections):
        crew.send(connection, f"waits-{number}")
    os.kill(held[0].pid, signal.SIGTERM)
    pids = [one.pid for one in held]
    before_s = sum(processes.cpu_seconds(pid) for pid in pids)
    time.sleep(CALM_S)
    assert sum(processes.cpu_seconds(pid) for pid in pids) - before_s < CALM_S / 4
    for one in held:
        assert one.finish().status == 200
    for number, connection in enumerate(connections):
        crew.check_answer(connection, f"waits-{number}")


def may_open(count: int) -> bool:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= count + 200


TOO_FEW = "RLIMIT_NOFILE of this shell is too low"


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(2_000, marks=pytest.mark.skipif(not may_open(2_000), reason=TOO_FEW)),
        pytest.param(10_000, marks=pytest.mark.skipif(not may_open(10_000), reason=TOO_FEW)),
    ],
)
def test_many_idle_connections(start_crew, count):
    """They are all kept, and neither those that come later nor they themselves wait."""
    crew = start_crew("--keep-alive", "10m")
    family, address = crew.server.addresses()[0]
    data = make_request("/blocks/list-of-one")
    connections = []
    try:
        for _ in range(count):
            connections.append(Connection(family, address))
            connections[-1].send(data)
            assert connections[-1].read_response().body == b"one"
        new = crew.server.connect()
        for _ in range(100):
            assert new.request("/blocks/list-of-one").body == b"one"
        for connection in connections[:: count // 200]:
            assert connection.request("/blocks/list-of-one").body == b"one"
        pids = crew.server.worker_pids()
        wait_calm(pids)
        before_s = sum(map(processes.cpu_seconds, pids))
        time.sleep(CALM_S / 2)
        assert sum(map(processes.cpu_seconds, pids)) - before_s < CALM_S / 8
    finally:
        for connection in connections:
            connection.reset()


DESCRIPTORS = 100


def test_few_descriptors(start):
    """Idle connections go first; when there are none left to go, newcomers wait, and the server does not spin."""
    server = start("router", "--pythonpath", BEHAVIOUR, *PATIENT, prefix=["prlimit", f"--nofile={DESCRIPTORS}"])
    assert server.request("/blocks/list-of-one").body == b"one"
    assert server.request("/echo_body/raw", "POST", body=b"x").body == b"x"
    idle = []
    for _ in range(DESCRIPTORS * 2):  # one after the other: one that has not asked yet is not idle, and keeps its place
        idle.append(server.connect())
        assert idle[-1].request("/blocks/list-of-one").body == b"one"
    data = make_request("/echo_body/raw", "POST", body=b"hello")
    stuck = [server.connect() for _ in range(DESCRIPTORS * 2)]
    for connection in stuck:
        connection.send(data[:-1])
    for connection in idle:
        assert connection.is_closed_by_server()
    pid = server.worker_pids()[0]
    before_s = processes.cpu_seconds(pid)
    time.sleep(CALM_S)
    assert processes.cpu_seconds(pid) - before_s < CALM_S / 4
    for connection in stuck:
        connection.send(data[-1:])
    for connection in stuck:
        assert connection.read_response().body == b"hello"
        connection.close()
    assert server.worker_pids() == [pid] and processes.is_running(pid)
    assert server.request("/blocks/list-of-one").body == b"one"
