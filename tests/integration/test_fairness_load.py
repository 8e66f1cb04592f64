# SPDX-License-Identifier: MIT
"""Under saturation the workers share the load, whichever of them accepted the connections."""

from __future__ import annotations

import collections
import selectors

import pytest

from support.crew import switch_off

CONNECTIONS = 16

ROUNDS = 10  # what else the machine does may spoil some of them: it only ever makes the work less evenly shared


def saturate(crew, connections, count: int, us: int) -> collections.Counter:
    """Keeps a request under way on every connection until `count` are answered; counts them by worker."""
    runners: collections.Counter = collections.Counter()
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            crew.send(connection, crew.next_name("load"), us=us)
        sent = len(connections)
        while sum(runners.values()) < count:
            for key, _ in selector.select(60):
                response = key.data.read_response()
                assert response.status == 200
                runners[response.json()["pid"]] += 1
                if sent < count:
                    crew.send(key.data, crew.next_name("load"), us=us)
                    sent += 1
    return runners


@pytest.mark.parametrize("us, count", [(100, 3000), (3000, 600)], ids=["short", "long"])
def test_each_worker_does_its_share(start_crew, us, count):
    """All connections were accepted by one worker, as the other was held then. Requests shorter and longer than the
    sentry's tick: other mechanisms see to each. Each round has a server of its own, since connections move with time
    without balance, too. Now and then a round looks well by chance: there must be two more that do than others."""
    shares: list[float] = []
    lead = 0
    while lead < 2:
        assert len(shares) < 2 * ROUNDS, shares
        crew = start_crew()
        owner, connections = crew.connections_of_one(CONNECTIONS)
        shares.append(saturate(crew, connections, count, us)[owner] / count)
        lead += 1 if 0.3 <= shares[-1] <= 0.7 else -1


def test_without_balance_one_worker_does_all(start_crew):
    crew = start_crew(*switch_off("balance,handoff"))
    owner, connections = crew.connections_of_one(CONNECTIONS)
    runners = saturate(crew, connections, 3000, 100)
    assert runners[owner] / 3000 > 0.7


def call_in_turns(crew, connections, name: str) -> dict[str, int]:
    """On each connection one call after the other. Returns for each how many were begun between its sending and its own
    beginning."""
    begun_before: dict[str, int] = {}

    def call(number: int, turn: int) -> None:
        begun_before[f"{name}{number}-{turn}"] = len(crew.ledger.begun())
        crew.send(connections[number], f"{name}{number}-{turn}", us=4000)

    turns = [0] * len(connections)
    with selectors.DefaultSelector() as selector:
        for number, connection in enumerate(connections):
            selector.register(connection.socket, selectors.EVENT_READ, number)
            call(number, 0)
        while selector.get_map():
            for key, _ in selector.select(60):
                crew.check_answer(connections[key.data], f"{name}{key.data}-{turns[key.data]}")
                turns[key.data] += 1
                if turns[key.data] < 40:
                    call(key.data, turns[key.data])
                else:
                    selector.unregister(key.fileobj)
    places = {name: place for place, name in enumerate(crew.ledger.begun())}
    return {name: places[name] - before for name, before in begun_before.items()}


def test_slow_callers_take_turns(start_crew):
    """Three times as many callers as workers, each with its next call ready: whoever has asked is not overtaken by
    those that ask later, but for the few that come at the same moment. A worker that stands still has not read yet what
    it was asked: then it is tried again."""
    crew = start_crew()
    connections = [crew.server.connect() for _ in range(6)]
    others = len(connections) - 1
    seen = []
    for _ in range(ROUNDS):
        ahead = call_in_turns(crew, connections, f"{crew.next_name('caller')}-")
        late = sorted(count for count in ahead.values() if count > others + 2)
        if len(late) <= len(ahead) // 50 and max(ahead.values()) <= 2 * others:
            return
        seen.append(late)
    pytest.fail(f"overtaken by so many, in each round: {seen}")
