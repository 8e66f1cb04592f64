# SPDX-License-Identifier: MIT
"""A worker that dies is replaced; the log tells how it ended, its age and what it was running; nobody else's request is
lost."""

from __future__ import annotations

import signal

import pytest

from support.client import make_request
from support.kernel import wait_queued
from support.server import BEHAVIOUR, SPAWNED


def start_router(start, **options):
    return start("router", "--pythonpath", BEHAVIOUR, **options)


def wait_replaced(server, mark: int, number: int = 1) -> int:
    """Waits until worker `number` was spawned again; returns the new pid."""
    return int(server.wait_for_log(SPAWNED.pattern.replace(r"(?P<number>\d+)", str(number)), after=mark)["pid"])


def test_idle_worker_killed(start):
    server = start_router(start)
    mark = server.log.mark()
    pid = server.kill_worker()
    server.wait_for_log(
        rf"\[error\] master: worker 1 \(pid: {pid}\) was killed by signal 9 \(SIGKILL\), age \d+\.\d s, idle$",
        after=mark,
    )
    assert wait_replaced(server, mark) != pid
    assert server.request("/blocks/list-of-one").body == b"one"


def test_running_worker_killed(start, gate):
    server = start_router(start)
    mark = server.log.mark()
    with server.connect() as connection:
        address = connection.local_address
        connection.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        pid = server.kill_worker()
        assert connection.read_to_end() == b"", "the client sees the connection end, not a made-up answer"
    server.wait_for_log(
        rf"worker 1 \(pid: {pid}\) was killed by signal 9 \(SIGKILL\), age \d+\.\d s, "
        rf'while running "GET /gated/\?gate={gate.path}[^"]*" of {address} for \d+\.\d s, in the application$',
        after=mark,
    )
    gate.release()
    wait_replaced(server, mark)
    assert server.request("/blocks/list-of-one").body == b"one"


def read_to_reset(connection) -> None:
    """An end of the connection without a reset would be the end of the response."""
    with pytest.raises(ConnectionResetError):
        while connection.socket.recv(65536):
            pass


def test_half_a_response_that_ends_with_the_connection_is_not_taken_for_a_whole(start, gate):
    server = start_router(start)
    mark = server.log.mark()
    with server.connect() as connection:
        connection.send(make_request(f"/stream/?blocks=2&size=3&gate={gate.path}", version="1.0"))
        connection.read_until(b"aaa")
        gate.wait_reached()
        server.kill_worker()
        read_to_reset(connection)
    gate.release()
    wait_replaced(server, mark)


def test_nor_is_one_that_the_client_has_not_taken_yet(start):
    """The application has ended; the rest is the worker's to send."""
    server = start_router(start)
    mark = server.log.mark()
    target = "/stream/?blocks=200&size=100000"
    with server.connect() as connection:
        connection.send(make_request(target, version="1.0"))
        connection.read_until(b"aaa")
        assert server.request("/blocks/list-of-one").body == b"one", "the only thread there is has ended the first"
        server.kill_worker()
        read_to_reset(connection)
    wait_replaced(server, mark)
    with server.connect() as connection:
        connection.send(make_request(target, version="1.0") + b"unread")
        connection.read_head()
        size = len(connection.buffer)
        while data := connection.socket.recv(1 << 20):  # a reset would raise an exception
            size += len(data)
        assert size == 20_000_000


@pytest.mark.parametrize(
    "target, how",
    [
        ("process?status=7", r"exited with status 7"),
        ("process?status=0", r"exited with status 0"),
        (f"kill?signal={signal.SIGABRT:d}", r"was killed by signal 6 \(SIGABRT\)"),
        (f"kill?signal={signal.SIGKILL:d}", r"was killed by signal 9 \(SIGKILL\)"),
    ],
)
def test_a_request_that_ends_its_worker(start, target, how):
    server = start_router(start)
    mark = server.log.mark()
    with server.connect() as connection:
        connection.send(make_request(f"/exits/{target}"))
        assert connection.read_to_end() == b""
    line = server.wait_for_log(rf"worker 1 \(pid: \d+\) {how}, age \d+\.\d s, while running ", after=mark).string
    assert f'"GET /exits/{target}"' in line
    wait_replaced(server, mark)
    assert server.request("/blocks/list-of-one").body == b"one"


def test_the_requests_of_other_workers_go_on(start, tmp_path, gate):
    server = start_router(start, workers=2)
    mark = server.log.mark()
    with server.connect() as survivor:
        survivor.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        assert server.exchange(make_request("/exits/process?status=1")) == b""
        gate.open()
        assert survivor.read_response().status == 200
    server.wait_for_log(r"exited with status 1", after=mark)


def test_connections_that_wait_are_served_by_the_successor(start, gate):
    """Their requests stand in the queue of all workers, which outlives each."""
    server = start_router(start)
    with server.connect() as running:
        running.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        waiting = [server.connect() for _ in range(5)]
        for connection in waiting:
            connection.send(make_request("/blocks/list-of-one"))
        for connection in waiting:
            wait_queued(connection, server.worker_pids())
        server.kill_worker()
        for connection in waiting:
            assert connection.read_response().body == b"one"


def test_the_request_line_in_the_log_is_escaped(start):
    """What a client sends can never forge a line of the log."""
    server = start_router(start)
    mark = server.log.mark()
    with server.connect() as connection:
        connection.send(make_request("/exits/process?status=9&x=%22%0a[error]" + "y" * 500))
        connection.read_to_end()
    line = server.wait_for_log(r"exited with status 9", after=mark).string
    assert "/exits/process?status=9&x=%22%0a[error]" in line and len(line) < 500


# While it is loaded the first workers leave a request for themselves in the backlog: each ends as soon as it serves.
DOOMED = """
import os, socket

def application(environ, start_response):
    if environ["PATH_INFO"] == "/end":
        os._exit(1)
    start_response("200 OK", [])
    return [b"one"]

with open({starts!r}, "a") as starts:
    starts.write("x")
if os.path.getsize({starts!r}) <= {doomed}:
    client = socket.socket(socket.AF_UNIX)
    client.connect({address!r})
    client.sendall(b"GET /end HTTP/1.0\\r\\n\\r\\n")
"""


def test_a_worker_that_keeps_dying_is_not_restarted_without_pause(start, tmp_path):
    """Deaths in a row soon after the start are answered with growing pauses, each of which the log tells."""
    app, address = tmp_path / "doomed.py", tmp_path / "address"
    app.write_text(DOOMED.format(starts=str(tmp_path / "starts"), doomed=3, address=str(address)))
    server = start(app, bind=("127.0.0.1:0", f"unix:{address}"), ready=False)
    pauses = server.log.wait_for(r"worker 1: next attempt in (\d+\.\d) s", count=2)
    assert 0 < float(pauses[0][1]) < float(pauses[1][1])
    assert len(server.log.find_all("exited with status 1")) == 3
    assert server.request("/").body == b"one"


def test_all_workers_killed_at_once(start):
    server = start_router(start, workers=3)
    before = set(server.worker_pids())
    mark = server.log.mark()
    for index in range(3):
        server.kill_worker(index)
    server.log.wait_for(SPAWNED.pattern, after=mark, count=3)
    assert not before & set(server.worker_pids())
    assert server.request("/blocks/list-of-one").body == b"one"
