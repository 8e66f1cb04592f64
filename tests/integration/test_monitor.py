# SPDX-License-Identifier: MIT
"""The monitor: where it answers, what it makes of strangers, that it comes back, and that it ends last."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from support import processes
from support.client import make_request
from support.monitor import ANY_PORT, SPAWNED, Monitor
from support.server import BAD, BEHAVIOUR, run_clutch
from support.users import only_root
from support.waiting import Gate

ROUTER = ("router", "--pythonpath", BEHAVIOUR, *ANY_PORT)


@pytest.fixture
def server(start):
    return start(*ROUTER)


@pytest.fixture
def monitor(server):
    return Monitor(server)


def begin_request(server, gate):
    connection = server.connect()
    connection.send(make_request(f"/gated/?gate={gate.path}"))
    gate.wait_reached()
    return connection


# What it answers.


def test_answers(monitor):
    assert (monitor.get("/livez").text, monitor.get("/readyz").text) == ("live\n", "ready\n")
    assert monitor.get("/startupz").text == "started\n"
    for target in ("/", "/metrics/", "/metrics.txt", "/livez/", "//metrics", "/%6Detrics"):
        assert monitor.status(target) == 404, target
    assert monitor.get("/metrics?name[]=x").status == 200
    head = monitor.get("/livez", method="HEAD")
    assert (head.status, head.body, head.header("Content-Length")) == (200, b"", "5")
    assert head.header("Cache-Control") == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods(monitor, method):
    for target in ("/metrics", "/readyz"):
        response = monitor.get(target, method=method)
        assert (response.status, response.reason) == (405, "Method Not Allowed")
        assert response.header("Allow") == "GET, HEAD"


def test_keep_alive(monitor):
    with monitor.connect() as connection:
        for target in ("/livez", "/metrics", "/nothing", "/readyz"):
            assert connection.request(target).status in (200, 404)


def test_several_addresses(start, tmp_path):
    path = tmp_path / "monitor.sock"
    server = start(*ROUTER, "--metrics-bind", f"unix:{path}")
    monitor = Monitor(server)
    for listener in range(2):
        assert monitor.get("/readyz", listener=listener).status == 200
    assert server.stop() == 0
    assert not path.exists()


def test_mistakes_in_the_address():
    result = run_clutch("--metrics-bind", "nowhere", "app:app")
    assert result.returncode == 2
    assert "--metrics-bind: " in result.stderr and "nowhere" in result.stderr


def test_an_address_that_is_taken(start):
    with socket.create_server(("127.0.0.1", 0)) as other:
        server = start("router", "--pythonpath", BEHAVIOUR, "--metrics-bind",
                       f"127.0.0.1:{other.getsockname()[1]}", ready=False)
        assert server.wait_exit() == 1
        assert server.log_contains("in use")


def test_without_the_option_there_is_none(start):
    server = start("router", "--pythonpath", BEHAVIOUR)
    assert not server.log_contains("monitor")
    assert len(processes.children(server.pid)) == 1


# Strangers.


def test_hostile_input(server, monitor):
    for data in (b"\x16\x03\x01\x00", b"GET /metrics HTTP/1.1\r\n\r\n", b"GET " + b"/" * 9000 + b" HTTP/1.1\r\n\r\n",
                 b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n",
                 b"GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc"):
        with monitor.connect() as connection:
            connection.send(data)
            assert connection.read_to_end()[:10] in (b"HTTP/1.1 4", b"HTTP/1.1 5"), data[:40]
    assert monitor.status("/metrics") == 200
    assert server.request("/blocks/list-of-one").status == 200


def test_clients_that_say_nothing_and_clients_that_hang_up(monitor):
    silent = [monitor.connect() for _ in range(50)]
    for connection in silent:
        connection.send(b"GET /metrics HTT")
    for _ in range(20):
        with monitor.connect() as connection:
            connection.send(make_request("/metrics") * 3)
            connection.reset()
    assert monitor.status("/metrics") == 200
    for connection in silent:
        connection.send(b"P/1.1\r\nHost: x\r\n\r\n")
        assert connection.read_response().status == 200


# Its life.


def test_it_comes_back(server, monitor):
    server.request("/blocks/list-of-one")
    for _ in range(2):
        pid, mark = monitor.pid, server.log.mark()
        os.kill(pid, signal.SIGKILL)
        server.wait_for_log(rf"monitor \(pid: {pid}\) was killed by signal 9 .*goes on without it", after=mark)
        server.wait_for_log(SPAWNED, after=mark)
        assert monitor.status("/readyz") == 200
        monitor.wait_for(lambda now: now.get("clutch_http_requests_total", status="2xx") >= 1, "what was counted before")
        assert server.request("/blocks/list-of-one").status == 200


def test_signals_to_the_whole_group(server, monitor, gate):
    """A terminal's Ctrl-C reaches all; the monitor goes on until the workers have ended."""
    connection = begin_request(server, gate)
    os.kill(monitor.pid, signal.SIGINT)
    server.send_signal(signal.SIGINT)
    server.wait_for_log("stopping: SIGINT")
    assert monitor.status("/readyz") == 503
    gate.open()
    assert connection.read_response().status == 200
    assert server.wait_exit() == 0


def test_it_goes_with_the_master(server, monitor):
    pid = monitor.pid
    os.kill(server.pid, signal.SIGKILL)
    server.wait_exit()
    server.check_leftovers()
    assert not processes.is_running(pid)


def test_a_stopped_monitor_does_not_keep_the_server(server, monitor):
    os.kill(monitor.pid, signal.SIGSTOP)
    assert server.stop() == 0


@only_root
def test_privileges(start_as_nobody):
    monitor = Monitor(start_as_nobody(*ANY_PORT))
    assert monitor.status("/metrics") == 200
    assert uid_of(monitor.pid) != 0


def uid_of(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line.split()[1] for line in status if line.startswith("Uid:")))


# Health.


def test_startup(start, tmp_path):
    gate = Gate(tmp_path)
    server = start("slow_import", "--pythonpath", BAD, *ANY_PORT, environment={"APP_GATE": gate.path}, ready=False)
    monitor = Monitor(server)
    gate.wait_reached()
    assert (monitor.status("/startupz"), monitor.status("/readyz"), monitor.status("/livez")) == (503, 503, 200)
    assert monitor.figures().get("clutch_workers", state="starting") == 1
    gate.open()
    server.wait_ready()
    assert (monitor.status("/startupz"), monitor.status("/readyz")) == (200, 200)
    server.kill_worker()
    assert monitor.status("/startupz") == 200


def test_ready_ends_when_the_drain_begins(server, monitor, gate):
    connection = begin_request(server, gate)
    server.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping: SIGTERM")
    response = monitor.get("/readyz")
    assert (response.status, response.text) == (503, "the server is stopping\n")
    assert (monitor.status("/livez"), monitor.status("/startupz")) == (200, 200)
    assert monitor.figures().get("clutch_stopping") == 1
    gate.open()
    assert connection.read_response().status == 200
    assert server.wait_exit() == 0
    assert monitor.refuses()


def test_drain_delay(start):
    server = start(*ROUTER, "--drain-delay", "1h")
    monitor = Monitor(server)
    server.send_signal(signal.SIGTERM)
    server.wait_for_log(r"stopping in 3600 s \(--drain-delay\): SIGTERM")
    assert monitor.status("/readyz") == 503
    assert server.request("/blocks/list-of-one").status == 200
    mark = server.log.mark()
    server.kill_worker()
    server.wait_for_log("spawned worker 1", after=mark)
    assert server.request("/blocks/list-of-one").status == 200
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert server.log_contains("stopping: SIGTERM")


def test_drain_delay_ends(start):
    server = start(*ROUTER, "--drain-delay", "300ms")
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert server.log_contains("stopping in 0.3 s") and server.log_contains("stopping: SIGTERM")


def test_quit_skips_the_drain_delay(start):
    server = start(*ROUTER, "--drain-delay", "1h")
    server.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping in 3600 s")
    server.send_signal(signal.SIGQUIT)
    assert server.wait_exit() == 0
    assert server.log_contains("stopping at once: SIGQUIT")


def test_a_master_that_does_not_answer(server, monitor):
    """Poked by a probe, it has some seconds to answer."""
    assert monitor.status("/livez") == 200
    server.send_signal(signal.SIGSTOP)
    try:
        monitor.wait_status("/livez", 503)
        assert monitor.get("/livez").text == "the master does not answer\n"
        assert monitor.status("/metrics") == 200
    finally:
        server.send_signal(signal.SIGCONT)
    monitor.wait_status("/livez", 200)
