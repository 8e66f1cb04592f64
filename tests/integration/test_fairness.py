# SPDX-License-Identifier: MIT
"""No request waits while an app thread of any worker is idle; and without the mechanism behind it, it does."""

from __future__ import annotations

import statistics
import sys
import time

import pytest

from support.client import make_request
from support.control import Control, any_name
from support.crew import SPARE, nobody_answers, switch_off
from support.kernel import count_awake, send_at_once, wait_calm, wait_read
from support.waiting import wait_until


@pytest.mark.parametrize("without", [None, "sentry", "handoff"])
def test_requests_of_a_held_worker_are_run_by_the_other(start_crew, without):
    crew = start_crew(*switch_off(without))
    held, connections = crew.hold_owner(6)
    for number, connection in enumerate(connections):
        crew.send(connection, f"late-{number}")
    if without is not None:
        assert nobody_answers(connections)
        held.let_go()
    for number, connection in enumerate(connections):
        runner = crew.check_answer(connection, f"late-{number}")
        assert runner != held.pid or without is not None
    if without is None:
        assert held.finish().status == 200
    else:
        assert held.connection.read_response().status == 200


def test_requests_that_were_there_before_are_run_by_the_other(start_crew):
    """They come together with the one that holds the worker, in the same batch of events."""
    crew = start_crew()
    owner, connections = crew.connections_of_one(8)
    wait_calm([owner])
    gate = crew.make_gate()
    targets = [crew.target("first", gate=gate.path), *(crew.target(f"with-{number}") for number in range(7))]
    send_at_once(owner, connections, map(make_request, targets))
    for number, connection in enumerate(connections[1:]):
        crew.check_answer(connection, f"with-{number}")
    gate.open()
    crew.check_answer(connections[0], "first")


def ask_timed(crew, connection, held) -> float:
    """Makes a request that the held worker cannot run; returns how long it took, in seconds."""
    since_s = time.monotonic()
    assert crew.ask(connection) != held.pid
    return time.monotonic() - since_s


def test_how_long_it_takes_to_be_run_by_the_other(start_crew):
    """Some milliseconds for the sentry to step in, and then next to nothing: no step of the way waits for a timer. Held
    against the next request on the same connection, which belongs to the other by then: on a machine with much else to
    do each of the few steps takes as long as that. A timer would make all of them slow, the machine not always."""
    crew = start_crew()
    held, connections = crew.hold_owner(60)
    took_s = [(ask_timed(crew, connection, held), ask_timed(crew, connection, held)) for connection in connections]
    assert held.finish().status == 200
    batches = [zip(*took_s[start : start + 12]) for start in range(0, 60, 12)]
    medians = [(statistics.median(given), statistics.median(own)) for given, own in batches]
    assert any(given < 0.025 + 4 * own for given, own in medians), medians


def test_a_wake_up_is_not_lost_with_the_worker_that_was_woken(start_crew):
    """Of three workers one is held. To another come at the same time a request that holds it too, and those of others:
    from the queue, and a new connection. The third one has to hear of them."""
    crew = start_crew(workers=3)
    connections = crew.connect_known(40)
    for turn in range(15):
        held = crew.hold(connections[0])
        gate = crew.make_gate()
        late = [*connections[2:5], crew.server.connect()]
        crew.send(connections[1], f"holds-{turn}", gate=gate.path)
        for number, connection in enumerate(late):
            crew.send(connection, f"late-{turn}-{number}")
        for number, connection in enumerate(late):
            crew.check_answer(connection, f"late-{turn}-{number}")
        gate.open()
        crew.check_answer(connections[1], f"holds-{turn}")
        assert held.finish().status == 200
        late[-1].close()
        connections = connections[5:] + connections[:5]


def test_a_request_behind_a_held_one_on_the_same_connection_keeps_its_turn(start_crew):
    """Pipelined requests are answered in their order, so the second cannot be run elsewhere."""
    crew = start_crew()
    gate = crew.make_gate()
    connection = crew.server.connect()
    connection.send(make_request(crew.target("one", gate=gate.path)) + make_request(crew.target("two")))
    gate.wait_reached()
    assert nobody_answers([connection], 0.1)
    assert crew.ledger.begun() == ["one"]
    gate.open()
    crew.check_answer(connection, "one")
    crew.check_answer(connection, "two")


@pytest.mark.parametrize("without", [None, "sentry"])
def test_another_thread_of_the_same_worker_goes_on(start_crew, without):
    """Of four threads three are held; the sentry sees to it that the fourth is called."""
    crew = start_crew("--threads", "4", *switch_off(without), workers=1)
    connections = crew.connect_known(6)
    wait_calm(crew.server.worker_pids())
    held = [crew.hold(connections.pop())]
    if without is None:
        held += [crew.hold(connections.pop()) for _ in range(2)]
    for number, connection in enumerate(connections):
        crew.send(connection, f"late-{number}")
    if without is not None:
        assert nobody_answers(connections)
        held[0].let_go()
    for number, connection in enumerate(connections):
        crew.check_answer(connection, f"late-{number}")
    if without is None:
        for one in held:
            one.let_go()
    for one in held:
        assert one.connection.read_response().status == 200


def test_any_free_thread_of_any_worker(start_crew):
    """Two workers with two threads: three are held one after the other, each time the next request finds a free one."""
    crew = start_crew("--threads", "2")
    connections = crew.connect_known(8)
    held = []
    for _ in range(3):
        held.append(crew.hold(connections.pop()))
        for connection in connections:
            crew.ask(connection)
    held.append(crew.hold(connections.pop()))
    assert sorted(one.pid for one in held) == sorted(crew.server.worker_pids() * 2)
    for number, connection in enumerate(connections):
        crew.send(connection, f"late-{number}")
    assert nobody_answers(connections), "four requests at once are all that there may be"
    for one in held:
        assert one.finish().status == 200
    for number, connection in enumerate(connections):
        crew.check_answer(connection, f"late-{number}")


@pytest.mark.parametrize("without", [None, "sentry"])
def test_what_needs_no_application_is_answered_by_a_held_worker(start_crew, without):
    """A request that is refused, while the only thread there is runs another."""
    crew = start_crew(*switch_off(without), workers=1)
    connection = crew.server.connect()
    crew.ask(connection)
    held = crew.hold()
    connection.send(b"GET / HTTP/1.1\r\n\r\n")
    if without is not None:
        assert nobody_answers([connection])
        held.let_go()
    assert connection.read_response().status == 400
    if without is None:
        held.let_go()
    assert held.connection.read_response().status == 200


class Hog:
    """A request that keeps the GIL of the worker `pid` until it is let go."""

    def __init__(self, crew, connection, path):
        self.path, self.connection = path, connection
        path.write_bytes(bytes(8))
        connection.send(make_request(f"/hog/?flag={path}"))
        self.pid = wait_until(
            lambda: int.from_bytes(path.read_bytes()[4:], sys.byteorder), "the application to compute"
        )

    def let_go(self) -> None:
        with self.path.open("r+b") as file:
            file.write(b"\1")


def hog_owner(crew, count: int, path) -> tuple[Hog, list]:
    """As crew.hold_owner, but one thread of the owner computes."""
    owner, connections = crew.connections_of_one(count + SPARE)
    for _ in range(SPARE):
        hog = Hog(crew, connections.pop(), path)
        if hog.pid == owner:
            return hog, connections[:count]
        hog.let_go()
        assert hog.connection.read_response().status == 200
    raise AssertionError(f"worker {owner} leaves what comes on its connections to the other")


def waits_for_gil(control, pid: int) -> bool:
    """Whether a request of the worker does; its thread has not only begun to, but sleeps, as all others do but the one
    that computes."""
    running = [request for worker in control.status()["workers"] if worker["pid"] == pid for request in worker["running"]]
    return any(request["phase"] == "gil" for request in running) and count_awake(pid) <= 1


def catch_thread(crew, control, hog, connections) -> int:
    """Sends requests to the hog's worker, one after the other, until one waits there for the GIL: others may still go to
    the other worker. Returns its number."""
    for number, connection in enumerate(connections):
        crew.send(connection, f"late-{number}")
        wait_until(
            lambda connection=connection: waits_for_gil(control, hog.pid) or not nobody_answers([connection], 0),
            "the request to be answered, or to wait for the GIL",
        )
        if nobody_answers([connection], 0):
            return number
        crew.check_answer(connection, f"late-{number}")
    raise AssertionError(f"worker {hog.pid} leaves what comes on its connections to the other")


def test_threads_that_wait_for_the_gil_are_not_free(start_crew, tmp_path):
    """One thread of four keeps the GIL. A second is caught waiting for it; the others leave their requests to the other
    worker."""
    control = Control(any_name())
    crew = start_crew("--threads", "4", "--control-socket", control.address)
    hog, connections = hog_owner(crew, 7 + SPARE, tmp_path / "flag")
    try:
        caught = catch_thread(crew, control, hog, connections[:SPARE])
        others = list(enumerate(connections))[caught + 1 :]
        for number, connection in others:
            crew.send(connection, f"late-{number}")
        runners = {crew.check_answer(connection, f"late-{number}") for number, connection in others}
        assert hog.pid not in runners
    finally:
        hog.let_go()
    assert int(hog.connection.read_response().body) == hog.pid
    crew.check_answer(connections[caught], f"late-{caught}")


def test_threads_that_count_as_free_wait_for_the_gil(start_crew, tmp_path):
    """What the one above is about, switched off. On a machine that stands still a batch becomes old and is shared out:
    then it is tried again."""

    def is_left_waiting(attempt: int) -> bool:
        crew = start_crew("--threads", "4", *switch_off("gil-count,balance"))
        hog, connections = hog_owner(crew, 3, tmp_path / f"flag-{attempt}")
        try:
            for number, connection in enumerate(connections):
                crew.send(connection, f"late-{number}")
                wait_read(connection)
            is_silent = nobody_answers(connections)
        finally:
            hog.let_go()
        assert int(hog.connection.read_response().body) == hog.pid
        for number, connection in enumerate(connections):
            crew.check_answer(connection, f"late-{number}")
        crew.server.stop()
        return is_silent

    assert any(map(is_left_waiting, range(10)))
