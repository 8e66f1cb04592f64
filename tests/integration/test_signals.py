# SPDX-License-Identifier: MIT
"""Signals that do not stop the server leave it alone; a worker that is told to end finishes its request and is
replaced."""

from __future__ import annotations

import signal

import pytest

from support import processes
from support.client import make_request
from support.server import BEHAVIOUR, SPAWNED


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGWINCH"])
def test_signals_without_a_meaning_do_no_harm(start, name):
    """A log rotation meant for another server, say: by default each of these would end a process."""
    number = getattr(signal, name)
    server = start("router", "--pythonpath", BEHAVIOUR)
    pids = [server.pid, *server.worker_pids()]
    if name != "SIGUSR2":  # to the master it is an order: test_upgrade.py
        server.send_signal(number)
    if name != "SIGWINCH":
        server.kill_worker(number=number)
    assert server.request("/blocks/list-of-one").body == b"one"
    assert [server.pid, *server.worker_pids()] == pids and all(processes.is_running(pid) for pid in pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_worker_told_to_end(start, gate, number):
    server = start("router", "--pythonpath", BEHAVIOUR)
    with server.connect() as connection:
        connection.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        mark = server.log.mark()
        pid = server.kill_worker(number=number)
        gate.open()
        assert connection.read_response().text.endswith(f"served by {pid}")
    server.wait_for_log(rf"worker 1 \(pid: {pid}\) exited with status 0", after=mark)
    server.wait_for_log(SPAWNED.pattern, after=mark)
    assert server.request("/blocks/list-of-one").body == b"one"
    assert not server.log_contains("KeyboardInterrupt|Traceback")


def test_standard_descriptors_that_are_closed(start):
    """Started without standard input and output, no socket may take their place."""
    server = start(
        "router", "--pythonpath", BEHAVIOUR, "--access-logfile", "-", prefix=["sh", "-c", 'exec "$@" <&- >&-', "sh"]
    )
    for _ in range(5):
        assert server.request("/printer/lines").body == b"printed"
    assert server.request("/printer/stdin").body == b"''"
