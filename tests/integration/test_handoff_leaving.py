# SPDX-License-Identifier: MIT
"""Connections that a leaving worker gives away keep their time limits, and what it puts aside it leaves."""

from __future__ import annotations

import os
import signal

from support import processes
from support.crew import nobody_answers
from support.waiting import wait_until


def test_silence_without_keep_alive(start_crew):
    """A connection that has asked for nothing yet has the time of a head, also at the worker that takes it over."""
    crew = start_crew("--keep-alive", "0", "--head-timeout", "2s")
    silent = [crew.server.connect() for _ in range(6)]
    for connection in silent:
        connection.send(b"\r\n")  # or the kernel keeps it from the server
    for pid in crew.server.worker_pids():
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not processes.is_running(pid), "the worker to leave")
    for connection in silent:
        assert connection.is_closed_by_server()


def test_a_leaving_worker_does_not_turn_in_circles(start_crew):
    """It looks for requests that have waited too long, behind the idle connections that it has given away itself and
    nobody can take."""
    crew = start_crew("--queue-timeout", "2s")
    held, connections = crew.hold_owner(4)
    other = crew.hold()
    assert other.pid != held.pid
    crew.send_and_wait_read(connections[0], "waits")
    os.kill(held.pid, signal.SIGTERM)
    assert connections[0].read_response().status == 503
    assert nobody_answers(connections[1:])
    assert held.finish().status == 200
    wait_until(lambda: not processes.is_running(held.pid), "the worker to leave")
    assert other.finish().status == 200
    for connection in connections[1:]:
        crew.ask(connection)
