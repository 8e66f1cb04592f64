# SPDX-License-Identifier: MIT
"""--liveness-timeout: a worker whose loop in C has stopped is replaced; one whose Python is stuck is not."""

from __future__ import annotations

import os
import signal
import socket
import time

import pytest

from support.client import Connection, make_request
from support.server import BEHAVIOUR


@pytest.fixture
def start_watched(start):
    def start_one(*options, timeout="1500ms", **keywords):
        limits = ["--liveness-timeout", timeout, "--graceful-timeout", "100ms"]
        server = start("stuck", "--pythonpath", BEHAVIOUR, *limits, *options, **keywords)
        server.descriptors_at_start = {}  # a stuck request keeps its connection
        return server

    return start_one


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["plain", "preload"])
def test_a_stopped_worker_is_replaced(start_watched, options):
    server = start_watched(*options)
    pid = server.kill_worker(number=signal.SIGSTOP)
    server.log.wait_for(
        rf"\[error\] master: worker 1 \(pid: {pid}\) has given no sign of life for 1\.5 s \(--liveness-timeout\), "
        r"it has been stopped \(T\): killed, idle$"
    )
    server.log.wait_for("spawned worker 1", count=2)
    assert server.request("/").body == b"done\n"


def test_a_stopped_monitor_is_replaced(start_watched):
    """Without it the probes of a server that serves would fail."""
    server = start_watched("--metrics-bind", "127.0.0.1:0")
    address = ("127.0.0.1", int(server.wait_for_log(r"metrics and health at http://127\.0\.0\.1:(\d+)")[1]))
    pid = int(server.wait_for_log(r"spawned monitor \(pid: (\d+)\)")[1])
    os.kill(pid, signal.SIGSTOP)
    server.wait_for_log(
        rf"\[error\] master: monitor \(pid: {pid}\) has given no sign of life for 1\.5 s \(--liveness-timeout\), "
        r"it has been stopped \(T\): killed, idle$"
    )
    server.log.wait_for("spawned monitor", count=2)
    for _ in range(2):
        with Connection(socket.AF_INET, address) as connection:
            assert connection.request("/readyz").status == 200
        time.sleep(2)  # longer than one that gives no sign would live
    assert server.log.text.count("no sign of life") == 1


@pytest.mark.parametrize("way", ["add", "spin", "sleep", "match"])
def test_a_stuck_python_is_none_of_its_business(start_watched, way):
    server = start_watched()
    server.connect().send(make_request(f"/{way}"))
    server.out.wait_for(f"^{way}: entered")
    time.sleep(3.2)  # more than twice as long as a stopped worker would live
    assert "no sign of life" not in server.log.text
    assert server.log.text.count("spawned worker") == 1


def test_a_pause_of_the_whole_server_is_forgiven(start_watched):
    server = start_watched()
    everybody = [server.pid, *server.worker_pids()]
    for pid in everybody:  # the master first: it is to miss nobody
        os.kill(pid, signal.SIGSTOP)
    time.sleep(2)
    for pid in everybody:  # the master first: it misses somebody
        os.kill(pid, signal.SIGCONT)
    assert server.request("/").body == b"done\n"
    time.sleep(1)  # for the master to look again
    assert "no sign of life" not in server.log.text


def test_off_by_default(start):
    server = start("stuck", "--pythonpath", BEHAVIOUR)
    pid = server.kill_worker(number=signal.SIGSTOP)
    time.sleep(1)
    os.kill(pid, signal.SIGCONT)
    assert server.request("/").body == b"done\n"
    assert "no sign of life" not in server.log.text
