# SPDX-License-Identifier: MIT
"""Requests and connections that go from one worker to another arrive as they were, whatever they carry."""

from __future__ import annotations

import hashlib
import random

import pytest

from support.client import make_chunked, make_request


def make_body(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def check_body(connection, name: str, body: bytes) -> int:
    answer = connection.read_response().json()
    assert (answer["id"], answer["size"]) == (name, len(body))
    assert answer["hash"] == hashlib.sha256(body).hexdigest()
    return answer["pid"]


SIZES = [1, 16_000, 61_000, 62_000, 300_000, 3_000_000]


@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_bodies(start_crew, coding):
    """In the message, behind it in a file made for it, or in the file where it was already (above --body-memory)."""
    crew = start_crew()
    held, connections = crew.hold_owner(len(SIZES))
    for size, connection in zip(SIZES, connections):
        target, body = crew.target(f"body-{size}"), make_body(size)
        if coding == "length":
            connection.send(make_request(target, "POST", body=body))
        else:
            connection.send(make_request(target, "POST", headers=[("Transfer-Encoding", "chunked")]))
            connection.send(make_chunked([body[i : i + 50_000] for i in range(0, size, 50_000)]))
    for size, connection in zip(SIZES, connections):
        assert check_body(connection, f"body-{size}", make_body(size)) != held.pid
    assert held.finish().status == 200


def test_bodies_that_wait_for_all(start_crew):
    """More than the queue can hold: what does not fit waits elsewhere, and nothing is lost or run twice."""
    crew = start_crew()
    held = crew.hold_all(2)
    body = make_body(50_000)
    connections = [crew.server.connect() for _ in range(300)]
    for number, connection in enumerate(connections):
        connection.send(make_request(crew.target(f"full-{number}"), "POST", body=body))
    for one in held:
        one.let_go()
    for number, connection in enumerate(connections):
        check_body(connection, f"full-{number}", body)
    crew.ledger.check_none_twice()


def test_what_came_behind_the_request(start_crew):
    """Requests behind the one that moves go with it, also the half of one."""
    crew = start_crew()
    held, connections = crew.hold_owner(1)
    connection, body = connections[0], make_body(20_000)
    third = make_request(crew.target("third"), "POST", body=body)
    connection.send(
        make_request(crew.target("first"), "POST", body=body) + make_request(crew.target("second")) + third[:10_000]
    )
    check_body(connection, "first", body)
    check_body(connection, "second", b"")
    connection.send(third[10_000:])
    assert check_body(connection, "third", body) != held.pid
    assert held.finish().status == 200


def test_a_large_head(start_crew):
    crew = start_crew()
    held, connections = crew.hold_owner(1)
    headers = [(f"X-{i}", "v" * 300) for i in range(80)]
    connections[0].send(make_request(crew.target("head"), headers=headers))
    assert crew.check_answer(connections[0], "head") != held.pid
    assert held.finish().status == 200


def test_closing_requests(start_crew):
    """HTTP/1.0 and Connection: close are remembered by the worker that takes over."""
    crew = start_crew()
    held, connections = crew.hold_owner(2)
    connections[0].send(make_request(crew.target("old"), version="1.0"))
    connections[1].send(make_request(crew.target("closing"), headers=[("Connection", "close")]))
    for connection, name in zip(connections, ("old", "closing")):
        assert crew.check_answer(connection, name) != held.pid
        assert connection.is_closed_by_server()
    assert held.finish().status == 200


def test_expect_continue(start_crew):
    """A held worker asks for the body; the other runs the request."""
    crew = start_crew()
    held, connections = crew.hold_owner(1)
    connection = connections[0]
    head = make_request(crew.target("expects"), "POST", headers=[("Expect", "100-continue"), ("Content-Length", "5")])
    connection.send(head)
    assert connection.read_response().status == 100
    connection.send(b"hello")
    assert check_body(connection, "expects", b"hello") != held.pid
    assert held.finish().status == 200


def test_the_address_of_the_client_moves_too(start_crew):
    crew = start_crew("--access-logfile", "-", "--access-logformat", "%(r)s from %(h)s %(p)s")
    held, connections = crew.hold_owner(1)
    crew.send(connections[0], "who")
    assert crew.check_answer(connections[0], "who") != held.pid
    crew.server.out.wait_for(r"GET /ledger/\?id=who\S* HTTP/1\.1 from 127\.0\.0\.1")
    response = connections[0].request("/echo_environ/")
    environ = response.json()["environ"]
    assert f"{environ['REMOTE_ADDR'][1]}:{environ['REMOTE_PORT'][1]}" == connections[0].local_address
    assert environ["SERVER_PORT"][1] == str(crew.server.port)
    assert held.finish().status == 200


def test_back_and_forth(start_crew):
    """The same connections are served by whichever worker is free, a hundred times."""
    crew = start_crew()
    connections = [crew.server.connect() for _ in range(3)]
    runners = set()
    for turn in range(100):
        held = crew.hold(connections[turn % 3])
        for connection in connections:
            if connection is not held.connection:
                runners.add(crew.ask(connection))
        assert held.finish().status == 200
    assert runners <= set(crew.server.worker_pids())
    crew.ledger.check_none_twice()
