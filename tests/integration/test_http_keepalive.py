# SPDX-License-Identifier: MIT
"""How long a connection lasts (RFC 9112 9.3) and what a pipeline does."""

from __future__ import annotations

import socket

import pytest

from support.client import make_request
from support.server import BEHAVIOUR


def test_many_requests_on_one_connection(behaviours):
    with behaviours.connect() as connection:
        for _ in range(100):
            response = connection.request("/blocks/list-of-one")
            assert (response.status, response.body, response.framing) == (200, b"one", "length")
            assert not response.says_close


@pytest.mark.parametrize(
    "headers, stays_open",
    [
        ((), False),
        ((("Connection", "keep-alive"),), True),
        ((("Connection", "Keep-Alive"),), True),
        ((("Connection", "close"),), False),
    ],
)
def test_http_1_0(behaviours, headers, stays_open):
    with behaviours.connect() as connection:
        response = connection.request("/blocks/list-of-one", version="1.0", headers=headers)
        assert response.body == b"one"
        if stays_open:
            assert (response.header("Connection") or "").lower() == "keep-alive"
            assert connection.request("/blocks/tuple").body == b"one two"
        else:
            assert connection.is_closed_by_server()


def test_http_1_0_without_length_ends_with_the_connection(behaviours):
    """HTTP/1.0 has no chunks; keep-alive cannot be granted then."""
    with behaviours.connect() as connection:
        response = connection.request("/blocks/generator", version="1.0", headers=[("Connection", "keep-alive")])
        assert (response.framing, response.body) == ("close", b"one two three")
        assert response.header("Transfer-Encoding") is None
        assert (response.header("Connection") or "").lower() != "keep-alive"


def test_connection_close_is_honoured_and_announced(behaviours):
    with behaviours.connect() as connection:
        response = connection.request("/blocks/list-of-one", headers=[("Connection", "close")])
        assert response.says_close
        assert connection.is_closed_by_server()


def test_pipeline_is_answered_in_order(behaviours):
    paths = ["list-of-one", "generator", "list-of-three", "empty-list", "tuple"]
    with behaviours.connect() as connection:
        connection.send(b"".join(make_request(f"/blocks/{path}") for path in paths * 10))
        bodies = [connection.read_response().body for _ in paths * 10]
    assert bodies == [b"one", b"one two three", b"one two three", b"", b"one two"] * 10


def test_pipeline_with_bodies(behaviours):
    bodies = [b"x" * size for size in (1, 70000, 0, 3)]
    with behaviours.connect() as connection:
        connection.send(b"".join(make_request("/echo_body/raw", "POST", body=body) for body in bodies))
        for body in bodies:
            assert connection.read_response().body == body


def test_many_pipelines_at_once(behaviours):
    """Bytes that wait behind a running request are taken up before those that arrive meanwhile, on every connection."""
    connections = [behaviours.connect() for _ in range(4)]
    for connection in connections:
        for number in range(40):
            connection.send(make_request(f"/echo_environ/?{number}&" + "e" * 3000))
    for connection in connections:
        for number in range(40):
            response = connection.read_response()
            assert response.status == 200, response.body
            assert response.json()["environ"]["QUERY_STRING"][1].startswith(f"{number}&e")
    for connection in connections:
        connection.close()


def test_a_pipeline_whose_answers_nobody_reads(behaviours, is_sanitized):
    """The server stops reading from such a client, so neither its memory nor the time of others goes to it."""
    before = behaviours.request("/memory/").json()["resident_bytes"]
    with behaviours.connect() as flood:
        flood.socket.settimeout(0.5)
        with pytest.raises(socket.timeout):
            while True:
                flood.send(make_request("/blocks/list-of-one") * 1000)
        assert behaviours.request("/blocks/list-of-one").body == b"one"
        grown = behaviours.request("/memory/").json()["resident_bytes"] - before
        assert is_sanitized or grown < 10_000_000


def test_a_body_that_the_application_ignores(behaviours):
    """What is left unread of a body is never taken for the next request."""
    with behaviours.connect() as connection:
        for size in (10, 5000, 2_000_000):
            response = connection.request("/ignore_body/", "POST", body=b"GET / HTTP/1.1\r\n\r\n" * (size // 18 + 1))
            assert response.body == b"ignored"
        assert connection.request("/blocks/tuple").body == b"one two"


def test_half_closed_client_gets_its_answer(behaviours):
    with behaviours.connect() as connection:
        connection.send(make_request("/blocks/list-of-one"))
        connection.shut_down_sending()
        assert connection.read_response().body == b"one"
        assert connection.is_closed_by_server()


def test_a_client_that_resets_harms_nobody(behaviours):
    for data in (b"", b"GET / HT", make_request("/big_body/list?size=3000000"), make_request("/", body=b"x")[:-1]):
        connection = behaviours.connect()
        connection.send(data)
        connection.reset()
    assert behaviours.request("/blocks/list-of-one").body == b"one"


def test_idle_connection_is_closed_after_keep_alive(start):
    server = start("router", "--pythonpath", BEHAVIOUR, "--keep-alive", "200ms")
    with server.connect() as connection:
        assert connection.request("/blocks/list-of-one").status == 200
        assert connection.is_closed_by_server(), "nothing may be sent to an idle connection"


def test_keep_alive_of_zero_closes_after_every_response(start):
    server = start("router", "--pythonpath", BEHAVIOUR, "--keep-alive", "0")
    with server.connect() as connection:
        assert connection.request("/blocks/list-of-one").says_close
        assert connection.is_closed_by_server()
