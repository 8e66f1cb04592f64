# SPDX-License-Identifier: MIT
"""A worker that dies or leaves takes no request with it but the one it was running, and no idle connection if it could
part in peace."""

from __future__ import annotations

import os
import signal

import pytest

from support import processes
from support.crew import nobody_answers
from support.kernel import wait_read
from support.server import SPAWNED
from support.waiting import wait_until


def queue_up(crew, connections) -> list[str]:
    """Sends a request on each connection while all workers are held; returns once none of them has them any more."""
    names = [f"waits-{number}" for number in range(len(connections))]
    for name, connection in zip(names, connections):
        crew.send_and_wait_queued(connection, name)
    return names


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_while_others_wait(start_crew, workers):
    crew = start_crew(workers=workers)
    connections = crew.connect_known(10)
    held = crew.hold_all(workers)
    names = queue_up(crew, connections)
    os.kill(held[0].pid, signal.SIGKILL)
    assert held[0].connection.read_to_end() == b"", "the request that was running is lost, without a made-up answer"
    for name, connection in zip(names, connections):
        assert crew.check_answer(connection, name) not in (one.pid for one in held), "the successor runs them"
    for one in held[1:]:
        assert one.finish().status == 200
    begun = crew.ledger.begun()
    assert all(begun.count(name) == 1 for name in [*names, *(one.name for one in held)])


def test_all_killed_while_others_wait(start_crew):
    crew = start_crew()
    connections = crew.connect_known(10)
    held = crew.hold_all(2)
    names = queue_up(crew, connections)
    for one in held:
        os.kill(one.pid, signal.SIGKILL)
    for one in held:
        assert one.connection.read_to_end() == b""
    for name, connection in zip(names, connections):
        crew.check_answer(connection, name)
    crew.ledger.check_none_twice()


def test_killed_while_idle(start_crew):
    """The idle connections of the dead worker end, and requests go on at once."""
    crew = start_crew()
    owner, connections = crew.connections_of_one(5)
    os.kill(owner, signal.SIGKILL)
    for connection in connections:
        assert connection.read_to_end() == b""
    crew.ask(crew.server.connect())


def test_a_leaving_worker_gives_its_idle_connections_away(start_crew):
    crew = start_crew()
    owner, connections = crew.connections_of_one(20)
    os.kill(owner, signal.SIGTERM)
    wait_until(lambda: not processes.is_running(owner), "the worker to leave")
    for connection in connections:
        assert crew.ask(connection) != owner
        assert crew.ask(connection) != owner


def test_connections_given_away_keep_their_time_limit(start_crew):
    crew = start_crew("--keep-alive", "700ms")
    owner, connections = crew.connections_of_one(5)
    os.kill(owner, signal.SIGTERM)
    wait_until(lambda: not processes.is_running(owner), "the worker to leave")
    for connection in connections:
        assert connection.read_to_end() == b""


def test_a_leaving_worker_under_load(start_crew):
    """Requests are under way on all connections while one worker after the other leaves: each is answered, and no
    connection ends without having said so."""
    crew = start_crew()
    connections = [crew.server.connect() for _ in range(10)]
    number = 0
    for turn in range(6):
        mark = crew.server.log.mark()
        for wave in range(20):
            for connection in connections:
                number += 1
                crew.send(connection, f"load-{number}", us=300)
            if wave == 5:
                os.kill(crew.server.worker_pids()[turn % 2], signal.SIGTERM)
            for i, connection in enumerate(connections):
                response = connection.read_response()
                assert response.status == 200
                if response.says_close:
                    assert connection.is_closed_by_server()
                    connection.close()
                    connections[i] = crew.server.connect()
        crew.server.wait_for_log(SPAWNED.pattern, after=mark)
    crew.ledger.check_none_twice()
    assert len(crew.ledger.begun()) == number


def test_a_leaving_worker_finishes_what_has_begun(start_crew):
    """The request that runs, and one whose head is half here."""
    crew = start_crew()
    held, (half, other) = crew.hold_owner(2)
    half.send(b"GET /ledger/?id=half HT")
    wait_read(half)
    os.kill(held.pid, signal.SIGTERM)
    assert crew.ask(other) != held.pid
    half.send(b"TP/1.1\r\nHost: a\r\n\r\n")
    assert half.read_response().json()["id"] == "half"
    assert nobody_answers([held.connection], 0.05)
    assert held.finish().status == 200
    wait_until(lambda: not processes.is_running(held.pid), "the worker to leave")
    crew.ask(other)


def test_the_whole_server_ends_with_requests_in_the_queue(start_crew):
    """What waited when SIGTERM came is answered before the server ends, and the idle connections are closed."""
    crew = start_crew()
    connections = crew.connect_known(8)
    held = crew.hold_all(2)
    names = queue_up(crew, connections[:5])
    crew.server.send_signal(signal.SIGTERM)
    crew.server.wait_for_log("stopping: SIGTERM")
    for one in held:
        assert one.finish().status == 200
    for name, connection in zip(names, connections):
        crew.check_answer(connection, name)
    for connection in connections:
        assert connection.read_to_end() == b""
    assert crew.server.wait_exit() == 0
