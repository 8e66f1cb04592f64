# SPDX-License-Identifier: MIT
"""Applications that keep what belongs to a request and use it too late, or on other threads."""

from __future__ import annotations

import pytest

from support.server import BEHAVIOUR


@pytest.fixture(scope="module", params=[1, 4], ids=["1 thread", "4 threads"])
def server(request, start_module):
    return start_module("router", "--pythonpath", BEHAVIOUR, "--threads", request.param, "--body-memory", "10k")


@pytest.fixture
def record(server):
    server.request("/record/")
    return lambda: dict(server.request("/record/").json())


def check_alive(connection) -> None:
    assert connection.request("/blocks/list-of-one").body == b"one"


@pytest.mark.parametrize("where", ["close", "del"])
def test_start_response_after_a_failure(server, record, where):
    """The 500 stands: what comes later must not reach into it."""
    with server.connect() as connection:
        response = connection.request(f"/late/{where}-after-failure")
        assert (response.status, response.header("X-Late"), response.framing) == (500, None, "length")
        assert response.is_complete and response.body == b"Internal Server Error\n"
        check_alive(connection)
    assert record()["start_response"]["raised"] == "RuntimeError"


@pytest.mark.parametrize("where", ["close", "del"])
def test_start_response_after_the_body(server, record, where):
    """With exc_info, the exception comes back, as the head has gone."""
    with server.connect() as connection:
        response = connection.request(f"/late/{where}-after-body")
        assert (response.status, response.header("X-Late"), response.body) == (200, None, b"whole")
        check_alive(connection)
    assert record()["start_response"]["raised"] == "ValueError"


def test_start_response_on_another_thread(server):
    assert server.request("/late/start-in-thread").body == b"begun by another thread"


def test_write_on_other_threads(server):
    """Two writes at once are refused to one of them; what is sent is sent whole."""
    with server.connect() as connection:
        response = connection.request("/late/write-in-threads")
        assert response.is_complete and response.body.endswith(b"end") and set(response.body[:-3]) <= set(b"w")
        check_alive(connection)


@pytest.mark.parametrize("kind", ["daemon", "thread"])
@pytest.mark.parametrize("size", [10, 100_000], ids=["in memory", "in a file"])
def test_a_thread_that_outlives_its_request(server, record, gate, kind, size):
    mark = server.log.mark()
    with server.connect() as connection:
        response = connection.request(f"/late/{kind}?gate={gate.path}", "POST", body=b"x" * size)
        assert response.body == b"answered"
        check_alive(connection)
        gate.open()
        server.wait_for_log("said by a thread that outlived its request", after=mark)
        check_alive(connection)
    seen = record()
    raised = {name: details.get("raised") for name, details in seen.items()}
    assert raised == {
        "start_response": "RuntimeError",
        "write": "RuntimeError",
        "read": "ValueError",
        "readline": "ValueError",
        "lines": "ValueError",
        "gone": "RuntimeError",
    }


@pytest.mark.parametrize("how, log", [("raise", "RuntimeError: raised in a thread"), ("exit", None)])
def test_a_thread_that_raises(server, gate, how, log):
    mark = server.log.mark()
    before = server.worker_pids()
    server.request(f"/late/thread-raises?gate={gate.path}&how={how}")
    gate.open()
    if log:
        server.wait_for_log(log, after=mark)
    assert server.request("/blocks/list-of-one").body == b"one"
    assert server.worker_pids() == before


def test_input_is_read_by_threads_while_its_request_ends(server):
    with server.connect() as connection:
        for size in (5000, 1_000_000) * 5:
            assert connection.request("/late/read-in-threads", "POST", body=b"x" * size).body == b"answered"
        check_alive(connection)
