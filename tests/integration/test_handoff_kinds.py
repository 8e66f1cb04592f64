# SPDX-License-Identifier: MIT
"""The way between workers for every kind of listener, process and state that a connection can be in."""

from __future__ import annotations

import os
import shutil

import pytest

from support import processes
from support.client import make_request
from support.crew import nobody_answers
from support.slow import connect_small, hash_body, pattern_hash
from support.waiting import wait_until


def test_every_listener(start_crew, tmp_path):
    """Requests taken over know where they came in."""
    crew = start_crew(
        "--access-logfile",
        "-",
        bind=("127.0.0.1:0", "[::1]:0", f"unix:{tmp_path}/socket"),
    )
    ports = [crew.server.addresses()[i][1][1] for i in range(2)]
    held = crew.hold_all(2)
    connections = [crew.server.connect(listener) for listener in (0, 1, 2)]
    for connection in connections:
        connection.send(make_request("/echo_environ/"))
    assert nobody_answers(connections, 0.1)
    for one in held:
        assert one.finish().status == 200
    environs = [connection.read_response().json()["environ"] for connection in connections]
    assert [environ["SERVER_PORT"][1] for environ in environs[:2]] == [str(port) for port in ports]
    assert [environ["REMOTE_ADDR"][1] for environ in environs[:2]] == ["127.0.0.1", "::1"]
    again = [connection.request("/echo_environ/").json()["environ"] for connection in connections]
    for before, after in zip(environs, again):
        for name in ("SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT"):
            assert before.get(name) == after.get(name)


def test_with_preload(start_crew):
    """Workers made by the zygote share the queue as well."""
    crew = start_crew("--preload")
    held, connections = crew.hold_owner(4)
    for connection in connections:
        assert crew.ask(connection) != held.pid
    assert held.finish().status == 200


def test_with_preload_a_successor_takes_over(start_crew):
    crew = start_crew("--preload", workers=1)
    held = crew.hold()
    waiting = crew.server.connect()
    crew.send_and_wait_read(waiting, "waits")
    os.kill(held.pid, 9)
    assert crew.check_answer(waiting, "waits") != held.pid


def test_a_request_behind_a_slow_response(start_crew):
    """Pipelined behind a response that its client has not taken yet: the next request is run when that is out, and by
    the other worker if the first is held then."""
    crew = start_crew()
    size = 16 << 20
    slow = connect_small(crew.server, 65536)
    owner = crew.ask(slow)
    slow.send(make_request(f"/big_body/list?size={size}") + make_request(crew.target("next")))
    head = slow.read_until(b"\r\n\r\n")
    held = crew.hold_all(2)
    slow.buffer[:0] = head
    assert hash_body(slow) == (pattern_hash(size), size)
    assert nobody_answers([slow], 0.1) and "next" not in crew.ledger.begun()
    other = next(one for one in held if one.pid != owner)
    other.let_go()
    assert crew.check_answer(slow, "next") == other.pid
    for one in held:
        if one is not other:
            one.let_go()
        assert one.connection.read_response().status == 200


def test_a_leaving_worker_finishes_a_slow_response(start_crew):
    crew = start_crew()
    size = 16 << 20
    slow = connect_small(crew.server, 65536)
    owner = crew.ask(slow)
    slow.send(make_request(f"/big_body/generator?size={size}"))
    head = slow.read_until(b"\r\n\r\n")
    os.kill(owner, 15)
    crew.ask(crew.server.connect())
    slow.buffer[:0] = head
    assert hash_body(slow) == (pattern_hash(size), size)
    wait_until(lambda: not processes.is_running(owner), "the worker to leave")


@pytest.mark.parametrize("workers", [1, 2])
def test_more_wait_than_a_worker_has_descriptors_for(start_crew, workers):
    """Those that have been served and are idle make room for those that come out of the queue; the application keeps
    its share."""
    assert shutil.which("prlimit"), "prlimit (util-linux) is needed"
    crew = start_crew(workers=workers, prefix=["prlimit", "--nofile=100"])
    crew.ask(crew.server.connect())
    held = crew.hold_all(workers)
    connections = [crew.server.connect() for _ in range(300)]
    for number, connection in enumerate(connections):
        crew.send(connection, f"many-{number}")
    assert nobody_answers(connections, 0.3)
    for one in held:
        assert one.finish().status == 200
    for number, connection in enumerate(connections):
        crew.check_answer(connection, f"many-{number}")
