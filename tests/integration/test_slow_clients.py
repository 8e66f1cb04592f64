# SPDX-License-Identifier: MIT
"""One worker with one thread, and clients that are slow in every way there is: the others do not notice."""

from __future__ import annotations

import pytest

from support.client import make_request
from support.crew import nobody_answers
from support.server import BEHAVIOUR
from support.slow import connect_small, hash_body, pattern_hash, trickle_in

SIZE = 64 << 20
MORE_THAN_BUFFERS = 16 << 20


def start_router(start, *options, **keywords):
    return start("router", "--pythonpath", BEHAVIOUR, *options, **keywords)


def check_others(server) -> None:
    """Others are served: on a connection of their own, and several times on one."""
    with server.connect() as connection:
        for _ in range(20):
            assert connection.request("/blocks/list-of-one").body == b"one"
    assert server.request("/blocks/list-of-one").body == b"one"


def test_slow_requests_and_silence(start):
    """Silent from the beginning, silent after a request, in the head, in a body, in a chunked body."""
    server = start_router(start, "--head-timeout", "60s")
    silent = [server.connect() for _ in range(10)]
    idle = [server.connect() for _ in range(10)]
    for connection in idle:
        assert connection.request("/blocks/list-of-one").status == 200
    body = make_request("/echo_body/raw", "POST", body=b"hello")
    chunked = (
        make_request("/echo_body/raw", "POST", headers=[("Transfer-Encoding", "chunked")]) + b"5\r\nhello\r\n0\r\n\r\n"
    )
    parts = [(body, 20), (body, len(body) - 4), (chunked, len(chunked) - 3), (chunked, len(chunked) - 9)]
    stuck = [(server.connect(), data, at) for data, at in parts * 5]
    for connection, data, at in stuck:
        connection.send(data[:at])
    check_others(server)
    for connection, data, at in stuck:
        connection.send(data[at:])
        assert connection.read_response().body == b"hello"
    for connection in silent + idle:
        assert connection.request("/blocks/list-of-one").body == b"one"


@pytest.mark.parametrize("kind", ["list", "generator"])
def test_a_slow_reader(start, kind):
    """64 MiB that nobody takes at first: the application is through with it at once, and every byte arrives in the
    end."""
    server = start_router(start)
    with connect_small(server) as slow:
        slow.send(make_request(f"/big_body/{kind}?size={SIZE}"))
        assert slow.read_head().status == 200
        check_others(server)
    with server.connect() as late:
        late.send(make_request(f"/big_body/{kind}?size={SIZE}"))
        check_others(server)
        assert hash_body(late) == (pattern_hash(SIZE), SIZE)
        assert late.request("/blocks/list-of-one").body == b"one", "the connection goes on"


def test_many_slow_readers(start):
    server = start_router(start)
    size = 8 << 20
    slow = [connect_small(server, 65536) for _ in range(8)]
    for connection in slow:
        connection.send(make_request(f"/big_body/generator?size={size}"))
    check_others(server)
    for connection in reversed(slow):
        assert hash_body(connection) == (pattern_hash(size), size)


@pytest.mark.parametrize("kind", ["list", "generator"])
def test_without_a_place_for_the_rest_the_application_waits(start, kind):
    """What the file is for: without it a slow reader holds the thread, until it has read."""
    server = start_router(start, "--response-file", "0")
    with connect_small(server) as slow, server.connect() as other:
        slow.send(make_request(f"/big_body/{kind}?size={MORE_THAN_BUFFERS}"))
        head = slow.read_until(b"\r\n\r\n")
        other.send(make_request("/blocks/list-of-one"))
        assert nobody_answers([other])
        slow.buffer[:0] = head
        assert hash_body(slow) == (pattern_hash(MORE_THAN_BUFFERS), MORE_THAN_BUFFERS)
        assert other.read_response().body == b"one"


def test_without_a_place_a_second_thread_goes_on(start):
    """The thread that waits for its client does so without the GIL."""
    server = start_router(start, "--response-file", "0", "--threads", "2")
    with connect_small(server) as slow:
        slow.send(make_request(f"/big_body/generator?size={MORE_THAN_BUFFERS}"))
        assert slow.read_head().status == 200
        check_others(server)


def test_more_than_the_place_holds(start):
    """Above --response-memory and --response-file together the application waits; all the same every byte arrives."""
    server = start_router(start, "--response-memory", "64k", "--response-file", "1m")
    size = 16 << 20
    for kind in ("list", "generator"):
        with connect_small(server, 65536) as slow:
            slow.send(make_request(f"/big_body/{kind}?size={size}"))
            assert hash_body(slow) == (pattern_hash(size), size)


@pytest.mark.parametrize("without", [False, True], ids=["", "without"])
def test_a_reader_below_the_least_rate_is_cut_off(start, without):
    """It reads all the time, though too slowly; without the rule it may go on for ever."""
    rate = "0" if without else "1m"
    server = start_router(start, "--send-timeout", "1s", "--send-min-rate", rate)
    with connect_small(server) as slow:
        slow.send(make_request(f"/big_body/list?size={SIZE}"))
        assert slow.read_head().status == 200
        assert trickle_in(slow, 3 if without else 60, size=4096) is not without
    check_others(server)


def trickle_out(connection, byte: bytes, most: int) -> int:
    """Sends the byte again and again, with pauses, until something is answered; returns how often."""
    sent = 0
    while sent < most and connection.is_silent(0.02):
        connection.send(byte)
        sent += 1
    return sent


@pytest.mark.parametrize("without", [False, True], ids=["", "without"])
def test_a_body_below_the_least_rate_is_refused(start, without):
    """A byte now and then does not prolong it."""
    rate = "0" if without else "10k"
    server = start_router(start, "--body-timeout", "1s", "--body-min-rate", rate)
    with server.connect() as slow:
        slow.send(make_request("/echo_body/raw", "POST", headers=[("Content-Length", "1000")]))
        sent = trickle_out(slow, b"x", 100 if without else 999)
        if without:
            slow.send(b"x" * (1000 - sent))
            assert slow.read_response().body == b"x" * 1000
        else:
            assert sent < 999, "the rate has ended it, not a silence"
            assert slow.read_response().status == 408
            assert slow.is_closed_by_server()


@pytest.mark.parametrize("without", [False, True], ids=["", "without"])
def test_a_chunk_that_never_begins_is_a_slow_body(start, without):
    """Its size may have any number of leading zeros."""
    rate = "0" if without else "10k"
    server = start_router(start, "--body-timeout", "1s", "--body-min-rate", rate)
    with server.connect() as slow:
        slow.send(make_request("/echo_body/raw", "POST", headers=[("Transfer-Encoding", "chunked")]))
        sent = trickle_out(slow, b"0", 100 if without else 999)
        if without:
            slow.send(b"1\r\nx\r\n0\r\n\r\n")
            assert slow.read_response().body == b"x"
        else:
            assert sent < 999, "the rate has ended it, not a silence"
            assert slow.read_response().status == 408
            assert slow.is_closed_by_server()


def test_slow_clients_while_the_application_runs(start, gate):
    """The loop goes on without the application: heads and bodies come in, a response goes out."""
    server = start_router(start)
    with connect_small(server, 65536) as reader, server.connect() as sender, server.connect() as runs:
        reader.send(make_request(f"/big_body/list?size={MORE_THAN_BUFFERS}"))
        assert sender.request("/blocks/list-of-one").body == b"one"
        runs.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        body = b"y" * 5_000_000
        sender.send(make_request("/echo_body/raw", "POST", body=body))
        assert hash_body(reader) == (pattern_hash(MORE_THAN_BUFFERS), MORE_THAN_BUFFERS)
        assert sender.is_silent(0.05)
        gate.open()
        assert runs.read_response().status == 200
        assert sender.read_response().body == body
