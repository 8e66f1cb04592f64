# SPDX-License-Identifier: MIT
"""--health-path: the probes at the server's own address, answered without the application."""

from __future__ import annotations

import signal

import pytest

from support.client import make_request
from support.server import BEHAVIOUR
from support.waiting import wait_until

ROUTER = ("router", "--pythonpath", BEHAVIOUR)


@pytest.fixture
def server(start):
    return start(*ROUTER, "--health-path", "--access-logfile", "-")


@pytest.mark.parametrize("target", ["/livez", "/readyz", "/startupz", "/readyz?verbose"])
def test_answers(server, target):
    response = server.request(target)
    assert (response.status, response.reason, response.says_close) == (200, "OK", True)
    assert response.header("Content-Type") == "text/plain; charset=utf-8"
    head = server.request(target, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.header("Content-Length")) == len(response.body)


def test_what_is_the_applications(server):
    for target, method in (("/livez/", "GET"), ("/livez", "POST"), ("/nothing", "GET")):
        assert server.request(target, method=method).text == "no such behaviour\n"
    with server.connect() as connection:
        assert connection.request("/blocks/list-of-one").status == 200
        connection.send(make_request("/livez") + make_request("/blocks/list-of-one"))
        assert connection.read_response().text == "live\n"
        assert connection.is_closed_by_server()


def test_without_the_option_all_are(start):
    assert start(*ROUTER).request("/livez").text == "no such behaviour\n"


def test_no_lines_in_the_access_log(server):
    server.request("/livez")
    server.request("/blocks/list-of-one")
    server.out.wait_for("/blocks/list-of-one")
    assert not any("livez" in line for line in server.out.lines)


def test_while_all_threads_are_busy(server, gate):
    with server.connect() as connection:
        connection.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        for _ in range(3):
            assert server.request("/readyz").status == 200
        body = make_request("/livez", headers=[("Content-Length", "5")])
        with server.connect() as other:
            other.send(body)
            other.send(b"hello")
            assert other.read_response().status == 200
        gate.open()
        assert connection.read_response().status == 200


def test_during_the_drain_delay(start):
    server = start(*ROUTER, "--health-path", "--drain-delay", "1h")
    server.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping in 3600 s")
    assert (server.request("/readyz").status, server.request("/livez").status) == (503, 200)
    assert server.request("/blocks/list-of-one").status == 200
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0


def test_a_master_that_does_not_answer(server):
    server.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: server.request("/livez").status == 503, "503 at /livez")
        assert server.request("/readyz").status == 200
    finally:
        server.send_signal(signal.SIGCONT)
    wait_until(lambda: server.request("/livez").status == 200, "200 at /livez")
