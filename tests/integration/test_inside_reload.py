# SPDX-License-Identifier: MIT
"""`import clutch` across a reload: generations, hooks of both, figures that go on, uwsgi.reload()."""

from __future__ import annotations

import signal

import pytest

from support.server import BEHAVIOUR
from support.waiting import wait_until

DONE = r"reload done: generation 2 serves"


@pytest.fixture(params=[(), ("--preload",)], ids=["in workers", "preloaded"])
def options(request):
    return ("--pythonpath", BEHAVIOUR, *request.param)


def test_hooks_and_generations(start, options):
    server = start("inside", *options)
    assert server.request("/").json()["generation"] == 1
    server.send_signal(signal.SIGHUP)
    server.wait_for_log(DONE)
    server.out.wait_for("hook stop-first worker=1")
    assert server.request("/").json()["generation"] == 2
    assert server.stop() == 0
    hooks = [match[1] for match in server.out.find_all(r"^hook (\S+) worker=1 ")]
    for name in ("start-first", "start-second", "stop-second", "stop-first"):
        assert hooks.count(name) == 2


def test_figures_go_on(start, options):
    server = start("counting", *options, workers=2)
    assert server.request("/work").status == 200
    server.send_signal(signal.SIGHUP)
    server.wait_for_log(DONE)
    assert server.request("/work").status == 200
    assert b"\napp_took_seconds_count 2\n" in server.request("/metrics").body


def test_uwsgi_reload(start, options):
    server = start("from_uwsgi", "--uwsgi-module", *options)
    assert not server.request("/").json()["is_a_reload"]
    assert server.request("/reload").text == "True"
    server.wait_for_log(DONE)
    # A worker of before may still take a connection until it has been told to end.
    wait_until(lambda: server.request("/").json()["is_a_reload"], "the worker of before to be gone")
