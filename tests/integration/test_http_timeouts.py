# SPDX-License-Identifier: MIT
"""A client that is slow or silent is cut off in time, and never keeps a worker from serving others."""

from __future__ import annotations

import time

import pytest

from support.client import make_request
from support.kernel import socket_count
from support.server import BEHAVIOUR
from support.waiting import wait_until


@pytest.fixture(scope="module")
def server(start_module):
    timeouts = ["--head-timeout", "400ms", "--body-timeout", "400ms", "--body-min-rate", "0", "--keep-alive", "30s"]
    return start_module("router", "--pythonpath", BEHAVIOUR, *timeouts)


def check_timed_out(connection) -> None:
    response = connection.read_response()
    assert response.status == 408 and response.says_close
    assert connection.is_closed_by_server()


@pytest.mark.parametrize(
    "part",
    [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: "],
    ids=["first byte", "line", "in a field"],
)
def test_head_that_does_not_end(server, part):
    with server.connect() as connection:
        connection.send(part)
        check_timed_out(connection)
        server.wait_for_log(r"refused 408 \([^)]+\) of")


def test_the_time_for_a_head_is_for_all_of_it(server):
    """A byte now and then does not prolong it."""
    started = time.monotonic()
    with server.connect() as connection:
        head = make_request("/blocks/tuple", headers=[("X-Slow", "z" * 1000)])
        try:
            for byte in head:
                connection.send(bytes([byte]))
                if not connection.is_silent(0.02):
                    break
        except (BrokenPipeError, ConnectionResetError):
            pass
        check_timed_out(connection)
    assert time.monotonic() - started < 20


def test_a_second_head_has_its_own_time(server):
    with server.connect() as connection:
        assert connection.request("/blocks/tuple").status == 200
        connection.send(b"GET /blo")
        check_timed_out(connection)


def test_silence_in_a_body(server):
    with server.connect() as connection:
        connection.send(make_request("/echo_body/raw", "POST", body=b"hello")[:-2])
        check_timed_out(connection)


def test_silence_in_a_chunked_body(server):
    with server.connect() as connection:
        connection.send(make_request("/echo_body/raw", "POST", headers=[("Transfer-Encoding", "chunked")]) + b"5\r\nhe")
        check_timed_out(connection)


def test_a_slow_body_that_goes_on_is_served(server):
    """The limit is on the silence, not on the whole: this takes longer than body-timeout."""
    with server.connect() as connection:
        connection.send(make_request("/echo_body/raw", "POST", headers=[("Content-Length", "10")]))
        for _ in range(10):
            assert connection.is_silent(0.08)
            connection.send(b"x")
        assert connection.read_response().body == b"x" * 10


def test_a_connection_without_a_byte_is_closed_without_one(server):
    """It has said nothing, so nothing is answered; it may stay as long as the head timeout or keep-alive allow."""
    with server.connect() as connection:
        connection.send(b"")
        answer = connection.read_to_end()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


def test_slow_clients_do_not_hold_the_worker(start):
    """With one worker, clients stuck in their head or body, and others served meanwhile."""
    server = start("router", "--pythonpath", BEHAVIOUR)
    stuck = [server.connect() for _ in range(20)]
    for number, connection in enumerate(stuck):
        data = make_request("/echo_body/raw", "POST", body=b"hello")
        connection.send(data[:-3] if number % 2 else data[:30])
    for _ in range(20):
        assert server.request("/blocks/list-of-one").body == b"one"
    for number, connection in enumerate(stuck):
        data = make_request("/echo_body/raw", "POST", body=b"hello")
        connection.send(data[-3:] if number % 2 else data[30:])
        assert connection.read_response().body == b"hello"


def test_a_client_that_takes_nothing_is_cut_off(start):
    """A response larger than the socket buffers, a client that never reads: send-timeout ends it, the worker goes
    on."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--send-timeout", "300ms")
    (pid,) = server.worker_pids()
    sockets = socket_count(pid)
    with server.connect() as greedy:
        greedy.send(make_request("/big_body/list?size=50000000"))
        assert server.request("/blocks/list-of-one").body == b"one"
        wait_until(lambda: socket_count(pid) == sockets, "the connection to be cut off")
        received = greedy.read_to_end()
        assert len(received) < 50_000_000
