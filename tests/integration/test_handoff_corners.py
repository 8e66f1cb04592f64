# SPDX-License-Identifier: MIT
"""Corners of the way between workers: what must not go it, what must not stop others on it, who must be woken."""

from __future__ import annotations

import os
import signal

from support import processes
from support.client import make_request
from support.kernel import wait_read
from support.waiting import wait_until


def test_a_refused_connection_does_not_move(start_crew):
    """What a client still sends behind a refusal is no request, whichever worker leaves meanwhile."""
    crew = start_crew("--limit-request-body", "1k", workers=2)
    owner, connections = crew.connections_of_one(1)
    refused = connections[0]
    refused.send(make_request("/", "POST", headers=[("Content-Length", "100000")]))
    assert refused.read_response().status == 413
    os.kill(owner, signal.SIGTERM)
    wait_until(lambda: not processes.is_running(owner), "the worker to leave")
    try:
        crew.send(refused, "smuggled")
        refused.read_to_end()
    except OSError:
        pass
    crew.ask(crew.server.connect())
    assert "smuggled" not in crew.ledger.begun()


def test_much_behind_a_request(start_crew):
    """A request moves with all that came behind it, and stops no other."""
    crew = start_crew()
    held, connections = crew.hold_owner(4)
    first, *others = connections
    count = 70_000 // len(make_request(crew.target("one-0000")))
    names = [f"one-{number:04}" for number in range(count)]
    first.send(b"".join(make_request(crew.target(name)) for name in names))
    wait_read(first)
    for number, connection in enumerate(others):
        assert crew.ask(connection, f"other-{number}") != held.pid
    for name in names:
        assert crew.check_answer(first, name) != held.pid
    assert held.finish().status == 200
    crew.ledger.check_none_twice()


def test_a_head_longer_than_a_message(start_crew):
    crew = start_crew("--limit-request-head", "1m")
    held, connections = crew.hold_owner(3)
    headers = [(f"X-{i}", "v" * 3000) for i in range(30)]
    connections[0].send(make_request(crew.target("head"), headers=headers))
    wait_read(connections[0])
    assert crew.ask(connections[1], "other") != held.pid
    assert crew.check_answer(connections[0], "head") != held.pid
    assert held.finish().status == 200
