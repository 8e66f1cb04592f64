# SPDX-License-Identifier: MIT
"""Responses of one batch of ready requests may leave together, but none waits for a request that takes longer."""

from __future__ import annotations

import os
import signal

import pytest

from support.client import make_request
from support.server import BEHAVIOUR

CLIENTS = 10
SHORT = "/sleeper/?us=100"  # within the lengths for which responses are held


@pytest.fixture
def server(start):
    return start("router", "--workers", "1", "--pythonpath", BEHAVIOUR)


def ask_at_once(server, requests) -> None:
    """Sends (connection, target) pairs so that the worker finds all of them ready."""
    (pid,) = server.worker_pids()
    for connection, _ in requests:
        connection.send(make_request(SHORT))
        assert connection.read_response().status == 200
    os.kill(pid, signal.SIGSTOP)
    for connection, target in requests:
        connection.send(make_request(target))
    os.kill(pid, signal.SIGCONT)


def test_all_of_a_batch_are_answered(server):
    connections = [server.connect() for _ in range(CLIENTS)]
    ask_at_once(server, [(connection, SHORT) for connection in connections])
    for connection in connections:
        assert connection.read_response().status == 200


def test_no_response_waits_for_a_slow_request_behind_it(server, gate):
    connections = [server.connect() for _ in range(CLIENTS)]
    last = server.connect()
    ask_at_once(server, [(connection, SHORT) for connection in connections] + [(last, f"/gated/?gate={gate.path}")])
    gate.wait_reached()
    for connection in connections:
        assert connection.read_response().status == 200
    gate.open()
    assert last.read_response().status == 200


def test_a_client_goes_on_after_a_held_response(server):
    connections = [server.connect() for _ in range(CLIENTS)]
    for _ in range(5):
        ask_at_once(server, [(connection, SHORT) for connection in connections])
        for connection in connections:
            assert connection.read_response().status == 200
