# SPDX-License-Identifier: MIT
"""The wall clock jumps: what the server measures and waits for does not; only what it prints follows."""

from __future__ import annotations

import selectors
import time
from email.utils import parsedate_to_datetime

import pytest

from support.client import make_request
from support.faults import Faults
from support.kernel import wait_read
from support.server import BEHAVIOUR
from support.waiting import LIMIT_S

HELLO = "/blocks/list-of-one"
DAY_S = 86400
LIMIT_OF_WAITS_S = 2


@pytest.fixture
def jumping(start, tmp_path, is_sanitized):
    if is_sanitized:
        pytest.skip("the shim and sanitizers do not go together")
    faults = Faults(tmp_path)
    options = ["--keep-alive", LIMIT_OF_WAITS_S, "--head-timeout", LIMIT_OF_WAITS_S, "--queue-timeout", "30", "--access-logfile", "-"]
    options += ["--access-logformat", "%(U)s queue=%(queue)s app=%(app)s us=%(D)s"]
    server = start("router", "--pythonpath", BEHAVIOUR, *options, environment=faults.environment)
    server.request(HELLO)
    return server, faults


def wait_readable(connections) -> list[float]:
    """Waits until bytes or the end have come on each; returns when."""
    ends_s = []
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(LIMIT_S)
            assert ready, "a wait that does not end"
            for key, _ in ready:
                ends_s.append(time.monotonic())
                selector.unregister(key.fileobj)
    return ends_s


@pytest.mark.parametrize("jump_s", [400 * DAY_S, -400 * DAY_S])
def test_time_limits_are_kept(jumping, jump_s):
    """A jump ends no wait before its time, and none lasts for longer."""
    server, faults = jumping
    began_s = time.monotonic()
    with server.connect() as idle, server.connect() as half:
        idle.request(HELLO)
        half.send(make_request(HELLO)[:-4])
        wait_read(half)
        faults.wall_jump_s = jump_s
        assert server.request(HELLO).body == b"one"
        ends_s = wait_readable([idle, half])
        assert half.read_response().status == 408
        assert idle.is_closed_by_server()
    assert min(ends_s) - began_s > LIMIT_OF_WAITS_S - 0.05, "nothing ends at once"


@pytest.mark.parametrize("jump_s", [400 * DAY_S, -400 * DAY_S])
def test_durations_are_right(jumping, gate, jump_s):
    """Of a request in which the jump happens, and of one that waits for it meanwhile."""
    server, faults = jumping
    with server.connect() as first, server.connect() as second:
        first.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        second.send(make_request(HELLO))
        faults.wall_jump_s = jump_s
        gate.open()
        assert first.read_response().status == second.read_response().status == 200
    for path in ("/gated/", HELLO):
        line = server.out.wait_for(rf"^{path} queue=(\d+) app=(\d+) us=(\d+)$")[-1]
        assert all(0 <= int(value) < 60_000_000 for value in line.groups()), line[0]


def test_what_is_printed_follows(jumping):
    server, faults = jumping
    mark = server.log.mark()
    faults.wall_jump_s = 400 * DAY_S
    date = parsedate_to_datetime(server.request(HELLO).header("Date"))
    assert abs(date.timestamp() - time.time() - 400 * DAY_S) < 120
    server.kill_worker()
    year = time.gmtime(time.time() + 400 * DAY_S).tm_year
    server.wait_for_log(rf"^\[{year}-.*was killed by signal 9", after=mark)
    server.wait_for_log(r"spawned worker 1", after=mark)
    assert server.request(HELLO).body == b"one"


def test_a_worker_that_loads_while_the_clock_jumps_is_not_killed(start, tmp_path, is_sanitized):
    if is_sanitized:
        pytest.skip("the shim and sanitizers do not go together")
    faults = Faults(tmp_path)
    server = start("router", "--pythonpath", BEHAVIOUR, "--boot-timeout", "60", environment=faults.environment, workers=2)
    for jump_s in (DAY_S, -DAY_S, 0):
        mark = server.log.mark()
        faults.wall_jump_s = jump_s
        server.kill_worker()
        server.wait_for_log(r"spawned worker 1", after=mark)
        server.wait_for_log(r"worker 1: application router ready", after=mark)
    assert not server.log_contains("boot-timeout")
