# SPDX-License-Identifier: MIT
"""Exceptions that are hard to show. The interpreter's debug allocator overwrites what is freed."""

from __future__ import annotations

import re

import pytest

from support.server import BEHAVIOUR

SHOWN = {
    "large": r"ValueError: begin xxx",
    "many-lines": r"ValueError: line\\x0aline",
    "failing-str": r"FailingStr: \(its str\(\) failed\)",
    "number-str": r"StrReturnsNumber: \(its str\(\) failed\)",
    "exits": r"Exits: \(its str\(\) failed\)",
    "changing-class": r"GoneGone\w*: shown",
    "name": r"Two\\x0aLines: text",
    "evil-attributes": "ValueError: outer",
    "circle": "ValueError: first",
    "chain": "ValueError: link 2999",
    "surrogates": r"ValueError: .*udc80.*\\x00 \\x1b.*forged",
    "deep": "ValueError: from below",
    "recursive": "RecursionError: maximum recursion depth exceeded",
    "generator-exit": "GeneratorExit",
    "stop-async": "StopAsyncIteration: raised",
}

LARGE = ("large", "many-lines", "chain")
FILLING = ("failing-str", "evil-attributes")  # caches of CPython's own, slowly


@pytest.fixture(scope="module", params=[1, 3], ids=["1 thread", "3 threads"])
def server(request, start_module, is_sanitized):
    environment = {} if is_sanitized else {"PYTHONMALLOC": "debug"}
    return start_module(
        "router", "--pythonpath", BEHAVIOUR, "--threads", request.param, environment=environment
    )


@pytest.mark.parametrize("path", SHOWN)
def test_one_line_says_what(server, path):
    before = server.worker_pids()
    mark = server.log.mark()
    with server.connect() as connection:
        response = connection.request(f"/shown/{path}")
        assert (response.status, response.body) == (500, b"Internal Server Error\n")
        assert connection.request("/blocks/list-of-one").body == b"one"
    server.wait_for_log(rf"\[error\] worker 1: GET /shown/{path}: {SHOWN[path]}", after=mark)
    assert server.worker_pids() == before


@pytest.mark.parametrize("path", ["large", "many-lines"])
def test_the_log_is_not_flooded(server, path):
    """Of a traceback that is too long, its beginning and its end are told, and how much is missing."""
    before = len(server.log.raw)
    mark = server.log.mark()
    assert server.request(f"/shown/{path}").status == 500
    server.wait_for_log(r"^ {4}\.\.\. \(\d+ bytes are left out\) \.\.\.$", after=mark)
    assert server.request("/shown/name").status == 500
    server.wait_for_log(r"GET /shown/name", after=mark)
    assert len(server.log.raw) - before < 150_000


@pytest.mark.parametrize("path", ["surrogates", "forged", "forged-name", "forged-notes"])
def test_no_line_is_forged(server, path):
    """What stands in the first column is the server's, and no byte of a message steers a terminal."""
    mark = server.log.mark()
    assert server.request(f"/shown/{path}").status == 500
    assert server.request("/shown/name").status == 500
    server.wait_for_log("GET /shown/name: Two", after=mark)
    lines = server.log.lines[mark:]
    assert any("forged" in line for line in lines[1:])
    assert not [line for line in lines if not re.match(r" {4}|\[[\d: +-]{25}\] \[\d+\] \[error\] worker 1: GET /", line)]
    assert not [line for line in lines if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", line)]


def test_nothing_leaks(server, is_sanitized):
    """Two hundred of them and of the other ways to fail: the interpreter holds no more than before."""
    paths = [f"/shown/{path}" for path in SHOWN if path not in LARGE + FILLING]
    paths += [f"/late/{where}-after-{what}" for where in ("close", "del") for what in ("failure", "body")]
    paths = paths * (200 // len(paths) + 1)

    def repeat():
        with server.connect() as connection:
            for path in paths:
                connection.request(path)
        for _ in range(2):
            server.request("/record/")
            memory = server.request("/memory/").json()
        return memory

    repeat()
    before, after = repeat(), repeat()
    assert after["objects"] - before["objects"] < len(paths) / 4
    if not is_sanitized:
        assert after["blocks"] - before["blocks"] < len(paths) / 4
