# SPDX-License-Identifier: MIT
"""Under saturation the workers share the load, whichever of them accepted the connections."""

from __future__ import annotations

import collections
import selectors

import pytest

from support.crew import switch_off

CONNECTIONS = 16


def saturate(crew, connections, count: int, us: int) -> collections.Counter:
    """Keeps a request under way on every connection until `count` are answered; counts them by worker."""
    runners: collections.Counter = collections.Counter()
    with selectors.DefaultSelector() as selector:
        for number, connection in enumerate(connections):
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            crew.send(connection, f"load-{number}", us=us)
        sent = len(connections)
        while sum(runners.values()) < count:
            for key, _ in selector.select(60):
                response = key.data.read_response()
                assert response.status == 200
                runners[response.json()["pid"]] += 1
                if sent < count:
                    crew.send(key.data, f"load-{sent}", us=us)
                    sent += 1
    return runners


@pytest.mark.parametrize("us, count", [(100, 3000), (3000, 600)], ids=["short", "long"])
def test_each_worker_does_its_share(start_crew, us, count):
    """All connections were accepted by one worker, as the other was held then. Requests shorter and longer than the
    sentry's tick: other mechanisms see to each."""
    crew = start_crew()
    _, connections = crew.connections_of_one(CONNECTIONS)
    runners = saturate(crew, connections, count, us)
    shares = [runners[pid] / count for pid in crew.server.worker_pids()]
    assert all(0.3 <= share <= 0.7 for share in shares), shares


def test_without_balance_one_worker_does_all(start_crew):
    crew = start_crew(*switch_off("balance,handoff"))
    owner, connections = crew.connections_of_one(CONNECTIONS)
    runners = saturate(crew, connections, 3000, 100)
    assert runners[owner] / 3000 > 0.7


def test_slow_callers_take_turns(start_crew):
    """Three times as many callers as workers, each with its next call ready: whoever has asked is not overtaken by
    those that ask later, but for the few that come at the same moment."""
    crew = start_crew()
    connections = [crew.server.connect() for _ in range(6)]
    begun_before: dict[str, int] = {}

    def call(number: int, turn: int) -> None:
        name = f"caller{number}-{turn}"
        begun_before[name] = len(crew.ledger.begun())
        crew.send(connections[number], name, us=4000)

    turns = [0] * len(connections)
    with selectors.DefaultSelector() as selector:
        for number, connection in enumerate(connections):
            selector.register(connection.socket, selectors.EVENT_READ, number)
            call(number, 0)
        while selector.get_map():
            for key, _ in selector.select(60):
                crew.check_answer(connections[key.data], f"caller{key.data}-{turns[key.data]}")
                turns[key.data] += 1
                if turns[key.data] < 40:
                    call(key.data, turns[key.data])
                else:
                    selector.unregister(key.fileobj)
    ahead = {name: place - begun_before[name] for place, name in enumerate(crew.ledger.begun())}
    others = len(connections) - 1
    late = {name: count for name, count in ahead.items() if count > others + 2}
    assert len(late) <= len(ahead) // 50 and max(ahead.values()) <= 2 * others, late
