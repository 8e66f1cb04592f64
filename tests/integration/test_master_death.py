# SPDX-License-Identifier: MIT
"""Workers never outlive their master, however it ends."""

from __future__ import annotations

import os
import signal

import pytest

from support.client import make_request
from support.kernel import wait_read
from support.monitor import ANY_PORT, Monitor
from support.server import BEHAVIOUR, own_host
from support.waiting import wait_until

MODES = pytest.mark.parametrize("options", [(), ("--preload",)], ids=["in workers", "preloaded"])


@MODES
def test_idle_workers_end_with_a_killed_master(start, options):
    server = start("router", "--pythonpath", BEHAVIOUR, *options, workers=3)
    server.process.kill()
    assert server.wait_exit() == -signal.SIGKILL
    server.check_leftovers()


def test_busy_workers_end_too(start, gate):
    server = start("router", "--pythonpath", BEHAVIOUR)
    with server.connect() as connection:
        connection.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        server.process.kill()
        gate.release()
        server.wait_exit()
    server.check_leftovers()


def is_refused(server) -> bool:
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return True
    return False


@MODES
def test_a_busy_worker_does_not_keep_the_address(start, gate, options):
    server = start("router", "--pythonpath", BEHAVIOUR, *options, workers=2, bind=[f"{own_host()}:0"])
    with server.connect() as connection:
        connection.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        server.process.kill()
        server.process.wait()
        wait_until(lambda: is_refused(server), "connections to be refused")
        next_one = start("router", "--pythonpath", BEHAVIOUR, *options, bind=[f"{own_host()}:{server.port}"])
        assert next_one.request("/blocks/list-of-one").body == b"one"
        gate.release()
        assert connection.read_response().status == 200
    server.wait_exit()
    assert server.log_contains(r"worker \d: the master has gone: this worker ends when it has finished what it has begun")


@pytest.mark.parametrize("workers", [1, 2])
def test_what_waits_for_a_worker_is_served(start_crew, workers):
    """All of them end, so none leaves it to another."""
    crew = start_crew(workers=workers)
    held = crew.hold_all(workers)
    with crew.server.connect() as waiting:
        crew.send_and_wait_read(waiting, "waits")
        crew.server.process.kill()
        crew.server.process.wait()
        wait_until(lambda: len(crew.server.log.find_all(": the master has gone")) == workers, "all workers to know")
        assert all(one.finish().status == 200 for one in held)
        crew.check_answer(waiting, "waits")
    crew.server.wait_exit()


def test_a_slow_client_of_the_monitor_does_not_keep_the_address(start):
    server = start("router", "--pythonpath", BEHAVIOUR, *ANY_PORT)
    monitor = Monitor(server)
    with monitor.connect() as connection:
        connection.send(make_request("/metrics", "POST", body=b"half")[:-1])
        wait_read(connection)
        server.process.kill()
        server.process.wait()
        wait_until(lambda: is_refused(server), "connections to be refused")
        assert connection.read_to_end() == b"", "a client that has been silent for too long gets 408"
    server.wait_exit()


def test_a_request_that_does_not_end_ends_with_the_graceful_timeout(start, gate):
    server = start("router", "--pythonpath", BEHAVIOUR, "--graceful-timeout", "0.5s")
    with server.connect() as connection:
        connection.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        server.process.kill()
        server.wait_exit()
    server.check_leftovers()


@MODES
def test_loading_workers_end_at_once(start, gate, options):
    app = BEHAVIOUR.parent / "bad" / "slow_import.py"
    server = start(app, *options, ready=False, environment={"APP_GATE": gate.path})
    gate.wait_reached()
    server.process.kill()
    server.wait_exit()
    server.check_leftovers()


def test_a_stopped_master_does_not_stop_the_workers(start):
    server = start("router", "--pythonpath", BEHAVIOUR)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        assert server.request("/blocks/list-of-one").body == b"one"
    finally:
        os.kill(server.pid, signal.SIGCONT)
