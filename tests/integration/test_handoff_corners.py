# SPDX-License-Identifier: MIT
"""Corners of the way between workers: what must not go it, what must not stop others on it, who must be woken."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal

import pytest

from support import processes
from support.client import make_request
from support.kernel import is_accepted_by, wait_read
from support.waiting import wait_until


APPLICATION = """
import os, pathlib, threading, time

here = pathlib.Path(__file__).parent
kept = []


def take_all():
    try:
        while True:
            kept.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass


def keep_all():
    take_all()
    threading.Thread(target=keep_until_over, daemon=True).start()
    hold()


def keep_until_over():
    while not (here / "over").exists():
        take_all()
        time.sleep(0.01)
    while kept:
        os.close(kept.pop())


def hold():
    (here / "holds" / f"{time.monotonic_ns()}-{os.getpid()}").mkdir()  # which needs no descriptor
    while not (here / "go").exists():
        time.sleep(0.01)


def close_all():
    os.closerange(3, 1000)


def close_all_slowly():
    time.sleep(0.1)
    close_all()


ACTIONS = {"/keep-all": keep_all, "/hold": hold, "/close-all": close_all,
           "/close-all-slowly": close_all_slowly}


def application(environ, start_response):
    ACTIONS.get(environ["PATH_INFO"], lambda: None)()
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""


def write_application(directory: pathlib.Path) -> pathlib.Path:
    path = directory / "greedy.py"
    path.write_text(APPLICATION)
    (directory / "holds").mkdir()
    return path


def held_by(directory: pathlib.Path) -> list[int]:
    return [int(path.name.partition("-")[2]) for path in (directory / "holds").iterdir()]


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


def test_a_worker_without_descriptors_takes_nothing(start, tmp_path):
    """An application that keeps every descriptor harms its own worker: what waits in the queue is left to the other, as
    are new connections."""
    assert shutil.which("prlimit"), "prlimit (util-linux) is needed"
    server = start(write_application(tmp_path), workers=2, prefix=["prlimit", "--nofile=100"])
    other, *connections = [server.connect() for _ in range(30)]
    owned: dict[bytes, list] = {}
    for connection in connections:
        owned.setdefault(connection.request("/").body, []).append(connection)
    longest_idle = [connection for group in owned.values() for connection in group[:5]]  # those make room
    greedy, *connections = (connection for connection in connections if connection not in longest_idle)
    greedy.send(make_request("/keep-all"))
    (keeper,) = wait_until(lambda: held_by(tmp_path), "the descriptors to be gone")
    other.send(make_request("/hold"))
    wait_until(lambda: len(held_by(tmp_path)) == 2, "the other worker to be held")
    for connection in connections:
        connection.send(make_request("/"))
        wait_read(connection)
    (tmp_path / "go").touch()
    for connection in (greedy, other, *connections):
        assert connection.read_response().status == 200
    assert "is lost" not in server.log.text
    (tmp_path / "over").touch()
    wait_until(lambda: processes.open_descriptors(keeper)["/dev/null"] < 5, "the descriptors to be given back")


@pytest.mark.parametrize("how", ["close-all", "close-all-slowly"])
def test_an_application_that_closes_everything(start, tmp_path, how):
    """The worker cannot go on, whichever of its threads waits for events; it says so and makes room for another."""
    server = start(write_application(tmp_path), workers=1)
    connection = server.connect()
    connection.send(make_request(f"/{how}"))
    assert connection.read_to_end() == b""
    server.log.wait_for("the event loop has lost its descriptor")
    server.log.wait_for(r"worker 1 \(pid: \d+\) exited with status 1")
    assert server.connect().request("/").status == 200


def test_a_full_worker_leaves_new_connections_to_the_other(start_crew):
    """The kernel wakes but one worker for a connection; when that one has no room, the other must be told."""
    assert shutil.which("prlimit"), "prlimit (util-linux) is needed"
    crew = start_crew(prefix=["prlimit", "--nofile=100"])
    connections = []
    for _ in range(120):  # more than one worker may have, fewer than two
        connections.append(crew.server.connect())
        connections[-1].send(b"GET /respond/ HT")
        wait_read(connections[-1])
    for connection in connections:
        connection.send(b"TP/1.1\r\nHost: a\r\n\r\n")
        assert connection.read_response().status == 200


def test_a_worker_that_is_stopped_keeps_no_new_connection_waiting(start_crew):
    """It may be the one that the kernel has just woken for it: the master, told of the stop, wakes another. Only what it
    has accepted before the signal reached it has to wait for it."""
    crew = start_crew(workers=3)
    pids = crew.server.worker_pids()
    for turn in range(200):
        pid = pids[turn % len(pids)]
        kept = []
        os.kill(pid, signal.SIGSTOP)
        try:
            for _ in range(5):
                connection = crew.server.connect()
                crew.send(connection, crew.next_name("x"))
                if connection.is_silent(1) and is_accepted_by(connection, pid):
                    kept.append(connection)
                    continue
                with connection:
                    assert connection.read_response().status == 200
        finally:
            os.kill(pid, signal.SIGCONT)
        assert len(kept) <= 1, "a stopped worker accepts"
        for connection in kept:
            with connection:
                assert connection.read_response().status == 200
