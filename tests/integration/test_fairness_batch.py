# SPDX-License-Identifier: MIT
"""Requests that become ready at the same moment: none of them waits for, or dies with, another."""

from __future__ import annotations

import pytest

from support.client import make_request
from support.kernel import send_at_once, wait_calm


def send_batch(crew, connections, requests) -> None:
    """Has the only worker find all requests at once, in this order."""
    send_at_once(crew.server.worker_pids()[0], connections, requests)


@pytest.fixture
def crew(start_crew):
    return start_crew(workers=1)


def connect(crew, count: int) -> list:
    """Connections of the only worker, which is at rest."""
    connections = crew.connect_known(count)
    wait_calm(crew.server.worker_pids())
    return connections


# Applications as short and as long as any shortcut may be made for.
LENGTHS_US = [0, 30, 100, 300, 1000]


@pytest.mark.parametrize("us", LENGTHS_US)
def test_a_response_does_not_wait_for_the_next_request(crew, us):
    *quick, slow = connect(crew, 4)
    gate = crew.make_gate()
    names = [f"quick-{i}" for i in range(len(quick))]
    requests = [make_request(crew.target(name, us=us)) for name in names]
    send_batch(crew, [*quick, slow], [*requests, make_request(crew.target("slow", gate=gate.path))])
    for connection, name in zip(quick, names):
        crew.check_answer(connection, name)
    gate.open()
    crew.check_answer(slow, "slow")


@pytest.mark.parametrize("us", LENGTHS_US)
@pytest.mark.parametrize("end", ["process?status=3", "kill?signal=9"])
def test_a_response_is_not_lost_with_the_next_request(crew, us, end):
    """Once the application is through with a request, it does not matter to it that its worker dies in another."""
    *quick, deadly = connect(crew, 4)
    names = [f"quick-{i}" for i in range(len(quick))]
    requests = [make_request(crew.target(name, us=us)) for name in names]
    send_batch(crew, [*quick, deadly], [*requests, make_request(f"/exits/{end}")])
    assert deadly.read_to_end() == b""
    ended = [name for name, _ in crew.ledger.lines("end")]
    for connection, name in zip(quick, names):
        if name in ended:
            crew.check_answer(connection, name)
