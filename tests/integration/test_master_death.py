# SPDX-License-Identifier: MIT
"""Workers never outlive their master, however it ends."""

from __future__ import annotations

import os
import signal

import pytest

from support.client import make_request
from support.server import BEHAVIOUR


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["in workers", "preloaded"])
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


def test_loading_workers_end_too(start, gate):
    server = start(BEHAVIOUR.parent / "bad" / "slow_import.py", ready=False, environment={"APP_GATE": gate.path})
    gate.wait_reached()
    server.process.kill()
    gate.release()
    server.wait_exit()
    server.check_leftovers()


def test_a_stopped_master_does_not_stop_the_workers(start):
    server = start("router", "--pythonpath", BEHAVIOUR)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        assert server.request("/blocks/list-of-one").body == b"one"
    finally:
        os.kill(server.pid, signal.SIGCONT)
