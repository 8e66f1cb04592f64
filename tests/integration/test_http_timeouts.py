# SPDX-License-Identifier: MIT
"""A client that is slow or silent is cut off in time, and never keeps a worker from serving others."""

from __future__ import annotations

import time

import pytest

from support.client import make_request
from support.kernel import connect_with, socket_count, stopped, wait_read
from support.server import BEHAVIOUR, PATIENT
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
    mark = server.log.mark()
    with connect_with(server, part) as connection:
        check_timed_out(connection)
        server.wait_for_log(r"refused 408 \([^)]+\) of", after=mark)


def test_the_time_for_a_head_is_for_all_of_it(server):
    """A byte now and then does not prolong it."""
    head = make_request("/blocks/tuple", headers=[("X-Slow", "z" * 1000)])
    with connect_with(server, head[:1]) as connection:
        sent = 1
        try:
            while sent < len(head) and connection.is_silent(0.02):
                connection.send(head[sent : sent + 1])
                sent += 1
        except (BrokenPipeError, ConnectionResetError):
            pass
        check_timed_out(connection)
    assert sent < len(head)


def test_a_second_head_has_its_own_time(server):
    with connect_with(server, make_request("/blocks/tuple")) as connection:
        assert connection.read_response().status == 200
        connection.send(b"GET /blo")
        check_timed_out(connection)


def test_what_has_come_in_time_is_read_by_a_worker_that_is_late(start):
    """It was kept from running until the time was over: that is not the client's fault."""
    limit_s = 4
    limits = ["--head-timeout", limit_s, "--body-timeout", limit_s, "--body-min-rate", "0"]
    server = start("router", "--pythonpath", BEHAVIOUR, *limits)
    (pid,) = server.worker_pids()
    requests = [make_request("/blocks/list-of-one"), make_request("/echo_body/raw", "POST", body=b"one")]
    with stopped(pid):
        connections = [server.connect() for _ in requests]
        for connection, request in zip(connections, requests):
            connection.send(request[:-1])
    for connection in connections:
        wait_read(connection)
    with stopped(pid):
        for connection, request in zip(connections, requests):
            connection.send(request[-1:])
        time.sleep(limit_s + 0.2)
    for connection in connections:
        assert connection.read_response().body == b"one"


def test_silence_in_a_body(server):
    with connect_with(server, make_request("/echo_body/raw", "POST", body=b"hello")[:-2]) as connection:
        check_timed_out(connection)


def test_silence_in_a_chunked_body(server):
    data = make_request("/echo_body/raw", "POST", headers=[("Transfer-Encoding", "chunked")]) + b"5\r\nhe"
    with connect_with(server, data) as connection:
        check_timed_out(connection)


def test_a_slow_body_that_goes_on_is_served(start):
    """The limit is on the silence, not on the whole: this takes longer than body-timeout."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--body-timeout", "3s", "--body-min-rate", "0")
    with server.connect() as connection:
        connection.send(make_request("/echo_body/raw", "POST", headers=[("Content-Length", "13")]))
        for _ in range(13):
            assert connection.is_silent(0.25)
            connection.send(b"x")
        assert connection.read_response().body == b"x" * 13


def test_a_connection_without_a_byte_is_closed_without_one(server):
    """It has said nothing, so nothing is answered; it may stay as long as the head timeout or keep-alive allow."""
    with server.connect() as connection:
        connection.send(b"")
        answer = connection.read_to_end()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


def test_slow_clients_do_not_hold_the_worker(start):
    """With one worker, clients stuck in their head or body, and others served meanwhile."""
    server = start("router", "--pythonpath", BEHAVIOUR, *PATIENT)
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
