# SPDX-License-Identifier: MIT
"""A worker is killed, or crashes, at every state of a connection: its client sees the connection end and no made-up
answer, what only waited is answered by another, and nothing is left behind. So with the zygote."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from support import processes
from support.client import ProtocolError, make_request
from support.kernel import wait_read
from support.server import BEHAVIOUR, SPAWNED
from support.slow import connect_small
from support.waiting import wait_until

HELLO = "/blocks/list-of-one"
BODY = b"x" * 200_000

# Not SIGSEGV, which sanitizers handle themselves.
deadly = pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT], ids=["killed", "crashed"])


@pytest.fixture
def server(start, tmp_path):
    folder = tmp_path / "bodies"
    folder.mkdir()
    options = ["--body-memory", "64k", "--body-temp-path", folder, "--response-memory", "64k"]
    made = start("router", "--pythonpath", BEHAVIOUR, *options)
    made.folder = folder
    made.request("/echo_body/raw", "POST", body=BODY)
    return made


# Each brings a connection into a state and returns what the client may still see before the end.


def idle(server, connection, gate) -> bytes:
    connection.request(HELLO)
    return b""


def half_head(server, connection, gate) -> bytes:
    connection.send(make_request(HELLO)[:-4])
    wait_read(connection)
    return b""


def half_body(server, connection, gate) -> bytes:
    connection.send(make_request("/echo_body/raw", "POST", body=b"hello")[:-1])
    wait_read(connection)
    return b""


def half_body_in_a_file(server, connection, gate) -> bytes:
    connection.send(make_request("/echo_body/raw", "POST", body=BODY)[:-1])
    wait_read(connection)
    pid = server.worker_pids()[0]
    wait_until(lambda: any(str(server.folder) in name for name in processes.open_descriptors(pid)), "the file")
    return b""


def in_the_application(server, connection, gate) -> bytes:
    connection.send(make_request(f"/gated/?gate={gate.path}"))
    gate.wait_reached()
    return b""


def pipelined_behind_another(server, connection, gate) -> bytes:
    connection.send(make_request(f"/gated/?gate={gate.path}") + make_request(HELLO) * 3)
    gate.wait_reached()
    return b""


def refused(server, connection, gate) -> bytes:
    connection.send(b"GET / HTTP/1.1\r\n\r\n" + b"x" * 1000)
    return connection.read_response().head[:0]


STATES = [idle, half_head, half_body, half_body_in_a_file, in_the_application, pipelined_behind_another, refused]


def check_replaced(server, mark: int, pid: int, number: int, open_before) -> None:
    """The log tells of the death, there is a successor that serves, and the master keeps nothing of the dead."""
    name = signal.Signals(number).name
    server.wait_for_log(rf"\[error\] master: worker 1 \(pid: {pid}\) was killed by signal {number:d} \({name}\)", after=mark)
    server.wait_for_log(SPAWNED.pattern, after=mark)
    assert server.request(HELLO).body == b"one"
    wait_until(lambda: len(processes.children(server.pid)) == 1, "the usual processes")
    wait_until(lambda: not processes.open_descriptors(server.pid) - open_before, "the master to close what it had")
    assert server.worker_pids()[0] != pid


@deadly
@pytest.mark.parametrize("state", STATES)
def test_at_every_state(server, gate, state, number):
    open_before, mark = processes.open_descriptors(server.pid), server.log.mark()
    with server.connect() as connection:
        seen = state(server, connection, gate)
        pid = server.kill_worker(0, number)
        assert connection.read_to_end() == seen
    check_replaced(server, mark, pid, number, open_before)
    assert list(server.folder.iterdir()) == []


@deadly
@pytest.mark.parametrize("path", ["big_body", "stream"])
def test_while_writing(server, number, path):
    """The client can tell that its response is not whole, whatever its framing."""
    target = {"big_body": f"/big_body?size={1 << 24}", "stream": "/ledger?id=a&blocks=2000&size=10000"}[path]
    open_before, mark = processes.open_descriptors(server.pid), server.log.mark()
    connection = connect_small(server)
    connection.send(make_request(target))
    assert connection.read_head().status == 200
    pid = server.kill_worker(0, number)
    processes.wait_gone([pid], "the worker")  # a system call in which it is could send all to a client that reads
    rest = connection.read_to_end()
    assert len(rest) < 1 << 24 and not rest.endswith(b"\r\n0\r\n\r\n")
    check_replaced(server, mark, pid, number, open_before)
    assert list(server.folder.iterdir()) == []


@deadly
def test_while_its_client_waits_in_the_queue(start_crew, number):
    """Whoever is free next runs what the dead worker had read, but not begun."""
    crew = start_crew(workers=2)
    first, second = crew.hold_all(2)
    waiting = [crew.server.connect() for _ in range(6)]
    for i, connection in enumerate(waiting):
        crew.send_and_wait_queued(connection, f"waits-{i}")
    mark = crew.server.log.mark()
    os.kill(first.pid, number)
    crew.server.wait_for_log(SPAWNED.pattern, after=mark)
    assert first.connection.read_to_end() == b""
    for i, connection in enumerate(waiting):
        crew.check_answer(connection, f"waits-{i}")
    assert second.finish().status == 200


@deadly
def test_while_giving_requests_away(start_crew, number):
    """The sentry puts one after the other into the queue when its worker dies: each client is answered, once, or sees
    the end of its connection; the ledger shows at the end that nothing has run twice."""
    crew = start_crew(workers=2)
    held, connections = crew.hold_owner(20)
    for i, connection in enumerate(connections):
        crew.send(connection, f"given-{i}")
    os.kill(held.pid, number)
    answered = 0
    for i, connection in enumerate(connections):
        try:
            crew.check_answer(connection, f"given-{i}")
            answered += 1
        except (ProtocolError, ConnectionResetError):
            assert connection.is_at_end
    assert answered == len([name for name in crew.ledger.begun() if name.startswith("given")])
    assert crew.server.request(crew.target("after")).status == 200


# The zygote.


def zygote_pid(server) -> int:
    return int(server.log.find_all(r"spawned zygote \(pid: (\d+)\)")[-1][1])


@deadly
def test_the_zygote_dies_while_requests_run(start, gate, number):
    """They are answered, and the workers go on; the next one comes from the next zygote."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--preload", workers=2)
    open_before = processes.open_descriptors(server.pid)
    with server.connect() as connection:
        connection.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        mark, old = server.log.mark(), zygote_pid(server)
        os.kill(old, number)
        server.wait_for_log(rf"zygote \(pid: {old}\) was killed by signal {number:d}", after=mark)
        server.wait_for_log(r"spawned zygote", after=mark)
        assert server.request(HELLO).body == b"one"
        gate.open()
        assert connection.read_response().status == 200
    server.kill_worker()
    server.wait_for_log(SPAWNED.pattern, after=mark)
    assert server.request(HELLO).body == b"one"
    wait_until(lambda: not processes.open_descriptors(server.pid) - open_before, "the master to close what it had")
    wait_until(lambda: len(processes.children(server.pid)) == 3, "the usual processes")


@deadly
def test_the_zygote_dies_with_a_worker_to_be_made(start, number):
    """The order that it has not carried out is given to the next one."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--preload", workers=2)
    mark, old = server.log.mark(), zygote_pid(server)
    os.kill(old, signal.SIGSTOP)
    server.kill_worker()
    server.wait_for_log("worker 1 .* was killed by signal 9", after=mark)
    os.kill(old, number)
    with contextlib.suppress(ProcessLookupError):  # SIGKILL needs none, and the master may have reaped it
        os.kill(old, signal.SIGCONT)
    server.wait_for_log("spawned worker 1 ", after=mark)
    server.wait_for_log("spawned zygote", after=mark)
    wait_until(lambda: len(processes.children(server.pid)) == 3, "the usual processes")
    assert server.request(HELLO).body == b"one"


def test_everybody_but_the_master_dies(start):
    server = start("router", "--pythonpath", BEHAVIOUR, "--preload", workers=2)
    mark = server.log.mark()
    for pid in [*server.worker_pids(), zygote_pid(server)]:
        os.kill(pid, signal.SIGKILL)
    server.wait_for_log("spawned worker 1 ", after=mark)
    server.wait_for_log("spawned worker 2 ", after=mark)
    assert server.request(HELLO).body == b"one"
    wait_until(lambda: len(processes.children(server.pid)) == 3, "the usual processes")
