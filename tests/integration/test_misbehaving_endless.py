# SPDX-License-Identifier: MIT
"""Responses that never end: when the client has gone, their worker is soon free again."""

from __future__ import annotations

import re

import pytest

from support.client import make_request
from support.kernel import wait_read
from support.processes import cpu_seconds
from support.server import BEHAVIOUR
from support.waiting import wait_until

ENDS = [
    ("generator", "close"),
    ("generator", "reset"),
    ("generator?ms=20", "close"),
    ("generator?size=1", "reset"),
    ("write", "close"),
    ("write", "reset"),
    ("empty", "close"),
    ("first-then-empty?ms=20", "reset"),
]


@pytest.fixture(scope="module", params=[1, 3], ids=["1 thread", "3 threads"])
def server(request, start_module):
    return start_module("router", "--pythonpath", BEHAVIOUR, "--threads", request.param, "--access-logfile", "-")


def has_ended(server) -> list:
    return [details for name, details in server.request("/record/").json() if name == "ended"]


def begin(connection, path: str, gate) -> str:
    """Asks, and waits until the application has begun: a client that goes before that is just not served. Returns the
    target."""
    if path == "empty":
        path += f"?gate={gate.path}"
    connection.send(make_request(f"/endless/{path}"))
    if path.startswith("empty"):
        gate.open()
    elif path.startswith("first"):
        connection.read_until(b"first")
    else:
        connection.read_bytes(300)
    return f"/endless/{path}"


@pytest.mark.parametrize("path, how", ENDS)
def test_the_worker_is_free_again(server, gate, path, how):
    mark, out_mark = server.log.mark(), server.out.mark()
    connection = server.connect()
    target = begin(connection, path, gate)
    getattr(connection, how)()
    wait_until(lambda: has_ended(server), "the application to be told")
    server.out.wait_for(rf'"GET {re.escape(target)} HTTP/1\.1" 499 ', after=out_mark)
    assert server.request("/blocks/list-of-one").body == b"one"
    assert not [line for line in server.log.lines[mark:] if "Traceback" in line], "a client that goes is no error"


def test_all_threads_at_once(server):
    """Nobody is left behind, and the processor is left alone afterwards."""
    mark = server.out.mark()
    connections = [server.connect() for _ in range(8)]
    for connection in connections:
        connection.send(make_request("/endless/generator"))
        wait_read(connection)
    for connection in connections[:1]:
        connection.read_bytes(300)
    for connection in connections:
        connection.reset()
    server.out.wait_for(r'"GET /endless/generator HTTP/1\.1" 499 ', after=mark, count=8)
    assert server.request("/blocks/list-of-one").body == b"one"
    pid = server.worker_pids()[0]

    def is_calm():
        before = cpu_seconds(pid)
        server.request("/sleeper/?ms=100")
        return cpu_seconds(pid) - before < 0.05

    wait_until(is_calm, "the worker to be calm")


def test_writing_on_is_told_each_time(server):
    server.request("/record/")
    with server.connect() as connection:
        connection.send(make_request("/endless/write-anyway"))
        connection.read_bytes(300)
        connection.reset()
    assert wait_until(lambda: has_ended(server), "the application to be told") == [{"errors": ["BrokenPipeError"]}]


def test_a_client_that_waits_is_answered(behaviours):
    """Empty blocks alone are no reason to give up."""
    assert behaviours.request("/endless/patient").body == b"worth waiting for"
