# SPDX-License-Identifier: MIT
"""TERM and INT let running requests finish; a second one, or the graceful timeout, does not."""

from __future__ import annotations

import os
import signal
import time

import pytest

from support.client import make_request
from support.kernel import stopped
from support.server import BEHAVIOUR
from support.waiting import Gate, wait_until

LINGER_S = 1.9  # a refused connection is kept for that long, and a little longer


@pytest.fixture
def server(start):
    return start("router", "--pythonpath", BEHAVIOUR)


def begin_request(server, gate):
    """Starts a request that waits at the gate; returns its connection."""
    connection = server.connect()
    connection.send(make_request(f"/gated/?gate={gate.path}&tag=last"))
    gate.wait_reached()
    return connection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_idle_server(server, number):
    server.send_signal(number)
    assert server.wait_exit() == 0
    assert server.log_contains(rf"\[info\] master: stopping: {number.name}$")
    assert server.log.lines[-1].endswith("master: stopped")


def test_a_running_request_finishes(server, gate):
    connection = begin_request(server, gate)
    server.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping: SIGTERM")
    gate.open()
    response = connection.read_response()
    assert response.status == 200 and response.text.startswith("last served by")
    assert connection.is_closed_by_server()
    assert server.wait_exit() == 0


def test_a_streamed_response_finishes(server, gate):
    with server.connect() as connection:
        connection.send(make_request(f"/stream/?blocks=2&size=3&gate={gate.path}"))
        gate.wait_reached()
        server.send_signal(signal.SIGTERM)
        server.wait_for_log("stopping: SIGTERM")
        gate.open()
        response = connection.read_response()
        assert (response.chunks, response.is_complete) == ([b"aaa", b"bbb"], True)
    assert server.wait_exit() == 0


def test_idle_connections_are_closed(server):
    connections = [server.connect() for _ in range(5)]
    for connection in connections:
        assert connection.request("/blocks/list-of-one").status == 200
    server.send_signal(signal.SIGTERM)
    for connection in connections:
        assert connection.read_to_end() == b""
    assert server.wait_exit() == 0


def test_who_was_refused_may_still_read_why(server):
    """Bytes that come after the end would reset the connection, and take the answer along."""
    refused, idle = server.connect(), server.connect()
    assert idle.request("/blocks/list-of-one").status == 200
    before_s = time.monotonic()
    refused.send(b"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 1000\r\n\r\n")
    assert refused.read_response().status == 400
    server.send_signal(signal.SIGTERM)
    assert idle.read_to_end() == b""
    try:
        for _ in range(2):
            refused.send(b"more")
        assert refused.read_to_end() == b""
    except ConnectionError:
        assert time.monotonic() - before_s > LINGER_S
    refused.close()
    assert server.wait_exit() == 0


def refuses(server) -> bool:
    """Whether nobody listens any more."""
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # the listener was shut in the middle of the handshake
        return False
    return False


def test_no_new_connections_while_draining(server, gate):
    running = begin_request(server, gate)
    server.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping: SIGTERM")
    wait_until(lambda: refuses(server), "new connections to be refused")
    gate.open()
    assert running.read_response().status == 200
    assert server.wait_exit() == 0


@pytest.mark.parametrize(
    "first, second",
    [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)],
    ids=lambda number: number.name,
)
def test_a_second_signal_stops_at_once(server, gate, first, second):
    connection = begin_request(server, gate)
    server.send_signal(first)
    server.wait_for_log(f"stopping: {first.name}")
    server.send_signal(second)
    assert server.wait_exit() == 0
    assert connection.read_to_end() == b""
    assert server.log_contains(rf"stopping at once: {second.name}")


def test_quit_stops_at_once(server, gate):
    connection = begin_request(server, gate)
    server.send_signal(signal.SIGQUIT)
    assert server.wait_exit() == 0
    assert connection.read_to_end() == b""


def test_graceful_timeout(start, gate):
    """A request that does not finish in time is cut off; the log says which."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--graceful-timeout", "300ms")
    connection = begin_request(server, gate)
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert connection.read_to_end() == b""
    line = server.wait_for_log(r"worker 1 \(pid: \d+\) has not ended within 0\.3 s \(--graceful-timeout\)").string
    assert '"GET /gated/' in line


ENDLESS = {
    "a thread": "threading.Thread(target=wait).start()",
    "an exit handler": "atexit.register(wait)",
    "on_worker_stop": "clutch.on_worker_stop(lambda: wait())",
}


@pytest.mark.parametrize("way", ENDLESS)
def test_what_of_the_application_does_not_end_is_told(start, tmp_path, way):
    """The worker runs no request then, and nobody would look for the cause in the application."""
    (tmp_path / "endless_end.py").write_text(
        "import atexit, clutch, threading\ndef wait(): threading.Event().wait()\n" + ENDLESS[way] + "\n"
        "def application(environ, start_response): pass\n"
    )
    server = start("endless_end", "--pythonpath", tmp_path, "--graceful-timeout", "2s")
    server.send_signal(signal.SIGTERM)
    server.wait_for_log(
        r"worker 1 .* has not ended within 2 s \(--graceful-timeout\): killed, after its last request: "
        "a thread, an exit handler or on_worker_stop of the application does not end$"
    )
    assert server.log_contains('File ".*threading.py", line .* in (wait|_shutdown|_wait_for_tstate_lock)'), "its stacks"
    assert server.wait_exit() == 0


def test_a_client_that_does_not_end_its_request_is_told(start):
    server = start("router", "--pythonpath", BEHAVIOUR, "--graceful-timeout", "0.5s")
    with server.connect() as connection:
        connection.send(b"POST /echo-body/ HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        assert connection.read_response().status == 100
        server.send_signal(signal.SIGTERM)
        server.wait_for_log(r"worker 1 .* has not ended within .*: killed, idle, while 1 connection is open$")
        assert server.wait_exit() == 0


def test_an_application_that_ignores_signals(start, gate):
    """Python code that ignores TERM and INT and never ends its request is killed all the same."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--graceful-timeout", "300ms")
    with server.connect() as connection:
        connection.send(make_request(f"/stubborn/?gate={gate.path}"))
        gate.wait_reached()
        server.send_signal(signal.SIGTERM)
        assert server.wait_exit() == 0


def test_ctrl_c_reaches_the_whole_group(server, gate):
    """A terminal sends INT to all processes of the group: the workers leave the stop to the master."""
    connection = begin_request(server, gate)
    os.killpg(server.pid, signal.SIGINT)
    server.wait_for_log("stopping: SIGINT")
    gate.open()
    assert connection.read_response().status == 200
    assert server.wait_exit() == 0
    assert not server.log_contains("KeyboardInterrupt|Traceback|killed by signal")


def test_waiting_requests_of_open_connections_are_served(start, tmp_path):
    """A request that the server had received before the signal is answered, or its connection closed: never left
    hanging."""
    server = start("router", "--pythonpath", BEHAVIOUR)
    gate = Gate(tmp_path)
    running = begin_request(server, gate)
    waiting = server.connect()
    waiting.send(make_request("/blocks/list-of-one"))
    server.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping: SIGTERM")
    gate.open()
    assert running.read_response().status == 200
    answer = waiting.read_to_end()
    assert answer == b"" or answer.endswith(b"one")
    assert server.wait_exit() == 0


def test_exit_handlers_and_threads_of_the_application(start):
    server = start("at_exit", "--pythonpath", BEHAVIOUR)
    assert server.request("/").status == 200
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert server.out.find("exit handler ran") and server.out.find("thread ended")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_many_workers_busy_and_idle(start, tmp_path, number):
    server = start("router", "--pythonpath", BEHAVIOUR, workers=4)
    gates = [Gate(tmp_path, f"gate{i}") for i in range(2)]
    connections = [begin_request(server, gate) for gate in gates]
    server.send_signal(number)
    server.wait_for_log(f"stopping: {number.name}")
    for gate, connection in zip(gates, connections):
        gate.open()
        assert connection.read_response().status == 200
    assert server.wait_exit() == 0


@pytest.mark.parametrize("workers", [1, 3])
def test_who_waits_to_be_accepted_is_answered(start, gate, workers):
    """The kernel has completed these connections; closing the listener would reset them."""
    server = start("router", "--pythonpath", BEHAVIOUR, workers=workers)
    for pid in server.worker_pids():
        os.kill(pid, signal.SIGSTOP)
    waiting = [server.connect() for _ in range(50)]
    for connection in waiting:
        connection.send(make_request("/blocks/list-of-one"))
    server.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping: SIGTERM")
    with stopped(server.master_pid):  # it closes the listeners after a second
        for pid in server.worker_pids():
            os.kill(pid, signal.SIGCONT)
        assert [connection.read_response().body for connection in waiting] == [b"one"] * 50
    assert server.wait_exit() == 0


def test_a_worker_that_does_not_move_holds_up_the_listeners_for_a_second_at_most(start):
    server = start("router", "--pythonpath", BEHAVIOUR, workers=1)
    os.kill(server.worker_pids()[0], signal.SIGSTOP)
    server.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping: SIGTERM")
    wait_until(lambda: refuses(server), "new connections to be refused")
    assert not server.log_contains("has not ended within"), "it is not the worker's end that they have waited for"
    os.kill(server.worker_pids()[0], signal.SIGCONT)
    assert server.wait_exit() == 0
