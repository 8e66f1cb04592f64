# SPDX-License-Identifier: MIT
"""Requests that wait while every app thread is busy: first come, first served, in sight of the server all the time."""

from __future__ import annotations

import contextlib
import re
import time

import pytest

from support.client import make_request
from support.crew import nobody_answers, switch_off
from support.kernel import stopped, wait_end_received

# An end that comes later behind a request is taken for that of a client that waits no longer (HALF_CLOSE_MS, with room
# for the machine).
RIGHT_AFTER_S = 0.03


@pytest.mark.parametrize("workers", [1, 2])
def test_first_come_first_served(start_crew, workers):
    """On idle connections of each worker and on new ones. One worker alone is let go, so the order is exact."""
    crew = start_crew(workers=workers)
    kept = crew.connect_known(10)
    held = crew.hold_all(workers)
    waiting = []
    for number, connection in enumerate(kept):
        waiting += [(f"kept-{number}", connection), (f"new-{number}", crew.server.connect())]
        for name, one in waiting[-2:]:
            crew.send_and_wait_queued(one, name)
    assert nobody_answers([connection for _, connection in waiting], 0.1)
    held[0].let_go()
    for name, connection in waiting:
        crew.check_answer(connection, name)
    names = [name for name, _ in waiting]
    assert [name for name in crew.ledger.begun() if name in names] == names
    for one in held[1:]:
        one.let_go()
    for one in held:
        assert one.connection.read_response().status == 200


def test_all_workers_share_the_queue(start_crew):
    """Slow calls wait for slow calls: with four of them before a request and two workers, two are run before it."""
    crew = start_crew()
    held = crew.hold_all(2)
    gates = [crew.make_gate() for _ in range(4)]
    slow = [crew.server.connect() for _ in gates]
    for number, (connection, gate) in enumerate(zip(slow, gates)):
        crew.send_and_wait_queued(connection, f"slow-{number}", gate=gate.path)
    last = crew.server.connect()
    crew.send_and_wait_queued(last, "last")
    for one in held:
        assert one.finish().status == 200
    for gate in gates[:2]:
        gate.wait_reached()
    assert not gates[2].is_reached() and not gates[3].is_reached()
    gates[0].open()
    gates[2].wait_reached()
    gates[1].open()
    gates[3].wait_reached()
    assert nobody_answers([last], 0.1)
    gates[2].open()
    crew.check_answer(last, "last")
    gates[3].open()
    for number, connection in enumerate(slow):
        crew.check_answer(connection, f"slow-{number}")


@pytest.mark.parametrize("without", [None, "sentry"])
def test_slow_heads_time_out_while_the_application_runs(start_crew, without):
    crew = start_crew("--head-timeout", "1s", *switch_off(without), workers=1)
    slow = crew.server.connect()
    crew.ask(slow)
    held = crew.hold()
    slow.send(b"GET /led")
    if without is not None:
        assert nobody_answers([slow], 1.5)
        held.let_go()
    assert slow.read_response().status == 408
    assert slow.is_closed_by_server()
    if without is None:
        held.let_go()
    assert held.connection.read_response().status == 200


def test_the_wait_is_told(start_crew):
    """Server-Timing counts the time in the queue, whichever worker ends it."""
    crew = start_crew("--server-timing")
    held = crew.hold_all(2)
    connections = [crew.server.connect() for _ in range(4)]
    for number, connection in enumerate(connections):
        crew.send_and_wait_queued(connection, f"waits-{number}")
    since_s = time.monotonic()
    assert nobody_answers(connections, 0.3)
    waited_ms = (time.monotonic() - since_s) * 1000
    for one in held:
        one.let_go()
    for connection in connections:
        match = re.match(r"queue;dur=(\d+\.\d+)", connection.read_response().header("Server-Timing"))
        assert waited_ms - 1 <= float(match.group(1)) < 60_000


# Limits.


def check_turned_away(connection) -> None:
    response = connection.read_response()
    assert response.status == 503
    assert int(response.header("Retry-After")) >= 1


def test_limit(start_crew):
    """While three wait, whoever comes is told so at once; afterwards all is as before."""
    crew = start_crew("--queue-limit", "3")
    connections = [crew.server.connect() for _ in range(6)]
    for connection in connections[:3]:
        crew.ask(connection)
    held = crew.hold_all(2)
    for number, connection in enumerate(connections[:3]):
        crew.send_and_wait_queued(connection, f"waits-{number}")
    for number, connection in enumerate(connections[3:]):
        crew.send(connection, f"refused-{number}")
    for connection in connections[3:]:
        check_turned_away(connection)
    for one in held:
        one.let_go()
    for number, connection in enumerate(connections[:3]):
        crew.check_answer(connection, f"waits-{number}")
    assert not [name for name in crew.ledger.begun() if name.startswith("refused")]
    crew.ask(crew.server.connect())


def test_limit_is_not_reached_by_what_is_run_at_once(start_crew):
    crew = start_crew("--queue-limit", "1")
    connections = [crew.server.connect() for _ in range(2)]
    for _ in range(100):
        for connection in connections:
            crew.ask(connection)


def test_no_limit_by_default(start_crew):
    crew = start_crew()
    held = crew.hold_all(2)
    connections = [crew.server.connect() for _ in range(300)]
    for number, connection in enumerate(connections):
        crew.send(connection, f"waits-{number}")
    assert nobody_answers(connections, 0.1)
    for one in held:
        one.let_go()
    for number, connection in enumerate(connections):
        crew.check_answer(connection, f"waits-{number}")


@pytest.mark.parametrize("workers", [1, 2])
def test_timeout(start_crew, workers):
    """The answer comes while all are busy, not when the first is free again."""
    crew = start_crew("--queue-timeout", "1s", workers=workers)
    connections = [crew.server.connect() for _ in range(4)]
    for connection in connections[:2]:
        crew.ask(connection)
    held = crew.hold_all(workers)
    since_s = time.monotonic()
    for number, connection in enumerate(connections):
        crew.send(connection, f"waits-{number}")
    for connection in connections:
        check_turned_away(connection)
    assert time.monotonic() - since_s >= 1
    for one in held:
        assert one.finish().status == 200
    assert not [name for name in crew.ledger.begun() if name.startswith("waits")]
    crew.ask(crew.server.connect())


@pytest.mark.parametrize("without", [None, "handoff"])
def test_each_has_its_own_timeout(start_crew, without):
    """Wherever it waits: also one that came while another waited already."""
    crew = start_crew("--queue-timeout", "1s", *switch_off(without), workers=1)
    connections = [crew.server.connect() for _ in range(2)]
    held = crew.hold()
    crew.send_and_wait_read(connections[0], "waits-0")
    time.sleep(0.3)
    crew.send_and_wait_read(connections[1], "waits-1")
    for connection in connections:
        check_turned_away(connection)
    assert held.finish().status == 200


def test_timeout_does_not_end_what_runs(start_crew):
    crew = start_crew("--queue-timeout", "100ms", workers=1)
    held = crew.hold()
    assert nobody_answers([held.connection], 0.3)
    assert held.finish().status == 200


def test_refusals_are_in_the_log(start_crew):
    crew = start_crew("--queue-limit", "1", workers=1)
    held = crew.hold()
    waiting, refused = crew.server.connect(), crew.server.connect()
    crew.send_and_wait_queued(waiting, "waits")
    crew.send(refused, "refused")
    check_turned_away(refused)
    crew.server.wait_for_log(rf'refused 503 \([^)]+\) of {refused.local_address}: "GET /ledger/\?id=refused')
    assert held.finish().status == 200
    crew.check_answer(waiting, "waits")


# Clients that do not wait.


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("workers", [1, 2])
def test_who_hangs_up_is_not_served(start_crew, how, workers):
    crew = start_crew("--access-logfile", "-", workers=workers)
    held = crew.hold_all(workers)
    gone, there = crew.server.connect(), crew.server.connect()
    crew.send_and_wait_queued(gone, "gone")
    crew.send_and_wait_queued(there, "there")
    assert nobody_answers([gone, there], 0.2), "an end right behind the request would mean that no more is sent"
    getattr(gone, how)()
    for one in held:
        assert one.finish().status == 200
    crew.check_answer(there, "there")
    assert "gone" not in crew.ledger.begun()
    crew.server.out.wait_for(r'"GET /ledger/\?id=gone\S* HTTP/1\.1" 499 ')


@pytest.mark.parametrize("workers", [1, 2])
def test_who_had_ended_sending_before_is_served(start_crew, workers):
    """A client may end its side with its request and read on: when the server looks, both are there."""
    crew = start_crew(workers=workers)
    connections = crew.connect_known(20)
    held = crew.hold_all(workers)
    with contextlib.ExitStack() as stack:
        for pid in crew.server.worker_pids():
            stack.enter_context(stopped(pid))
        for number, connection in enumerate(connections):
            crew.send(connection, f"half-{number}")
            connection.shut_down_sending()
        for connection in connections:
            wait_end_received(connection)
    assert nobody_answers(connections, 0.1)
    for one in held:
        one.let_go()
    for number, connection in enumerate(connections):
        crew.check_answer(connection, f"half-{number}")
        assert connection.is_closed_by_server()
    for one in held:
        assert one.connection.read_response().status == 200


@pytest.mark.parametrize("workers", [1, 2])
def test_who_has_only_ended_sending_is_served(start_crew, workers):
    """A client may end its side right after its request, as `nc -N` does, and read on."""
    crew = start_crew(workers=workers)
    held = crew.hold_all(workers)
    half = {}
    while len(half) < 20:
        name, connection = crew.next_name("half"), crew.server.connect()
        since_s = time.monotonic()
        crew.send(connection, name)
        connection.shut_down_sending()
        if time.monotonic() - since_s < RIGHT_AFTER_S:
            half[name] = connection
    assert nobody_answers(half.values(), 0.1)
    for one in held:
        one.let_go()
    for name, connection in half.items():
        crew.check_answer(connection, name)
        assert connection.is_closed_by_server()


def test_who_has_ended_sending_behind_two_requests_is_served(start_crew):
    """Also when the second begins to wait long after the end, and after the client has taken the first answer."""
    crew = start_crew(workers=1)
    gates = [crew.make_gate() for _ in range(2)]
    half, other = crew.server.connect(), crew.server.connect()
    half.send(make_request(crew.target("one", gate=gates[0].path)) + make_request(crew.target("two")))
    half.shut_down_sending()
    gates[0].wait_reached()
    crew.send_and_wait_queued(other, "other", gate=gates[1].path)
    assert nobody_answers([half, other], 0.2)
    gates[0].open()
    crew.check_answer(half, "one")
    if gates[1].is_reached():
        assert nobody_answers([half], 0.2)
    gates[1].open()
    crew.check_answer(half, "two")
    crew.check_answer(other, "other")


def test_pipelined_requests_keep_their_places(start_crew):
    """The second of a connection waits with it; nothing of it is lost on the way to another worker."""
    crew = start_crew()
    held = crew.hold_all(2)
    connections = [crew.server.connect() for _ in range(4)]
    for number, connection in enumerate(connections):
        names = [f"{number}-{i}" for i in range(5)]
        connection.send(b"".join(make_request(crew.target(name)) for name in names))
    for one in held:
        one.let_go()
    for number, connection in enumerate(connections):
        for i in range(5):
            crew.check_answer(connection, f"{number}-{i}")
    begun = crew.ledger.begun()
    for number in range(4):
        mine = [name for name in begun if name.startswith(f"{number}-")]
        assert mine == [f"{number}-{i}" for i in range(5)]


def test_what_comes_while_a_request_waits(start_crew):
    """More requests on the same connection, which is in nobody's hands then, and the end of the client's side."""
    crew = start_crew()
    held = crew.hold_all(2)
    connections = [crew.server.connect() for _ in range(4)]
    for number, connection in enumerate(connections):
        crew.send_and_wait_queued(connection, f"{number}-first")
    for number, connection in enumerate(connections):
        crew.send(connection, f"{number}-second")
        connection.send(make_request(crew.target(f"{number}-third"))[:30])
    assert nobody_answers(connections, 0.1)
    for one in held:
        one.let_go()
    for number, connection in enumerate(connections):
        crew.check_answer(connection, f"{number}-first")
        crew.check_answer(connection, f"{number}-second")
        connection.send(make_request(crew.target(f"{number}-third"))[30:])
        crew.check_answer(connection, f"{number}-third")


def test_clients_of_a_unix_socket_that_end(start_crew, tmp_path):
    """There a whole close and the end of one side look different, and no time is needed to tell them apart."""
    crew = start_crew(workers=1, bind=("127.0.0.1:0", f"unix:{tmp_path}/socket"))
    held = crew.hold()
    gone, half = crew.server.connect(1), crew.server.connect(1)
    crew.send(gone, "gone")
    crew.send(half, "half")
    half.shut_down_sending()
    assert nobody_answers([gone, half], 0.2)
    gone.close()
    assert held.finish().status == 200
    crew.check_answer(half, "half")
    assert "gone" not in crew.ledger.begun()
