# SPDX-License-Identifier: MIT
"""Children that the application forks and that come back out of it: they end there, and leave answering to the worker."""

from __future__ import annotations

import os
import signal

import pytest

from support.server import BEHAVIOUR


@pytest.fixture(scope="module", params=[[], ["--preload"]], ids=["plain", "preload"])
def server(request, start_module):
    return start_module("router", "--pythonpath", BEHAVIOUR, *request.param)


@pytest.mark.parametrize(
    "path, status",
    [
        ("exit?status=0", b"0"),
        ("exit?status=3", b"3"),
        ("return", b"0"),
        ("error", b"1"),
        ("body-exit", b"5"),
        ("body-error", b"1"),
    ],
)
def test_a_child_ends_where_it_leaves_the_application(server, path, status):
    before = server.worker_pids()
    with server.connect() as connection:
        response = connection.request(f"/forks/{path}")
        assert (response.status, response.body) == (200, status)
        assert connection.request("/blocks/list-of-one").body == b"one"
    assert server.worker_pids() == before


def test_output_of_a_child_is_not_lost(server):
    """Nor is its sys.exit() an error to log."""
    server.request("/forks/exit?status=0&to=%20in%20this%20test")
    server.out.wait_for("^child says goodbye in this test$")
    assert not server.log_contains("SystemExit")


def test_an_error_of_a_child_is_logged(server):
    mark = server.log.mark()
    server.request("/forks/error")
    server.wait_for_log(r"\[error\].*a process that the application forked failed: RuntimeError", after=mark)


def test_a_child_made_while_the_application_is_loaded(start):
    """It leaves the application when that is loaded; it must not become a second worker of the same number."""
    server = start("forks_on_import", "--pythonpath", BEHAVIOUR)
    response = server.request("/")
    assert (response.status, response.body) == (200, b"0")


def test_a_child_made_by_a_signal_handler(start):
    """The handler runs while no request does, and returns in both processes."""
    server = start("forks_on_import", "--pythonpath", BEHAVIOUR)
    os.kill(server.worker_pids()[0], signal.SIGWINCH)
    server.out.wait_for("^child of the handler ended: 0$")
    assert server.request("/").body == b"0"
