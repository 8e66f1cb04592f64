# SPDX-License-Identifier: MIT
"""Requests that are too large for a message of the queue: their head, or their body, or both."""

from __future__ import annotations

from support.client import make_request
from support.kernel import wait_read
from test_handoff import check_body, make_body


def test_heads_larger_than_a_message(start_crew):
    crew = start_crew("--limit-request-head", "300k", "--limit-request-fields", "1000", "--body-memory", "100k")
    held, connections = crew.hold_owner(5)
    headers = [(f"X-{i}", "v" * 300) for i in range(700)]
    sizes = [0, 1, 70_000, 300_000]
    for connection, size in zip(connections, sizes):
        connection.send(make_request(crew.target(f"size-{size}"), "POST", headers=headers, body=make_body(size)))
    assert crew.ask(connections[-1]) != held.pid
    for connection, size in zip(connections, sizes):
        check_body(connection, f"size-{size}", make_body(size))
        assert crew.ledger.runner(f"size-{size}") != held.pid
    assert held.finish().status == 200


def test_heads_larger_than_a_message_wait_for_all(start_crew):
    """In their places, with what comes behind them."""
    crew = start_crew("--limit-request-head", "300k", "--limit-request-fields", "1000", workers=1)
    held = crew.hold()
    headers = [(f"X-{i}", "v" * 300) for i in range(700)]
    connections = [crew.server.connect() for _ in range(20)]
    for number, connection in enumerate(connections):
        first = make_request(crew.target(f"first-{number}"), "POST", headers=headers, body=b"body")
        connection.send(first + make_request(crew.target(f"second-{number}")))
        wait_read(connection)
    assert held.finish().status == 200
    for number, connection in enumerate(connections):
        check_body(connection, f"first-{number}", b"body")
        crew.check_answer(connection, f"second-{number}")
